// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.27;

/// Brings the machine to its limits.
contract Probe {
    error Custom(uint256 number, string text);

    event Noted(uint256 indexed number, bytes data);

    mapping(uint256 => uint256) public slots;
    uint256 public reached;

    function spin() external {
        while (true) reached += 1;
    }

    /// Calls itself until a call is refused, and says how deep the innermost was.
    function dive(uint256 depth) external returns (uint256) {
        try this.dive(depth + 1) returns (uint256 deeper) {
            return deeper;
        } catch {
            return depth;
        }
    }

    /// Calls itself so often, and fails where a call is refused.
    function nest(uint256 calls) external returns (uint256) {
        if (calls == 0) return reached += 1;
        return this.nest(calls - 1);
    }

    function grow(uint256 bytesOfMemory) external pure returns (uint256) {
        bytes memory block_ = new bytes(bytesOfMemory);
        return block_.length;
    }

    function answer(uint256 length) external pure returns (bytes memory) {
        return new bytes(length);
    }

    function measure(bytes calldata data) external pure returns (uint256, bytes32) {
        return (data.length, keccak256(data));
    }

    function store(uint256 from, uint256 count) external {
        for (uint256 i = from; i < from + count; i++) slots[i] = i + 1;
    }

    function clear(uint256 from, uint256 count) external {
        for (uint256 i = from; i < from + count; i++) delete slots[i];
    }

    function note(uint256 count, uint256 length) external {
        for (uint256 i = 0; i < count; i++) emit Noted(i, new bytes(length));
    }

    function failWithText(string calldata text) external pure {
        revert(text);
    }

    function failWithCustom(uint256 number, string calldata text) external pure {
        revert Custom(number, text);
    }

    function failWithPanic(uint256[] calldata list, uint256 index) external pure returns (uint256) {
        return list[index];
    }

    function overflow(uint256 number) external pure returns (uint256) {
        return number + 1;
    }

    function refusesValue() external {
        reached += 1;
    }

    function takesValue() external payable returns (uint256) {
        return msg.value;
    }

    function pass(address payable to) external payable {
        to.transfer(msg.value);
    }

    function context() external view returns (uint256 chain, address origin, address sender, uint256 price, uint256 base) {
        return (block.chainid, tx.origin, msg.sender, tx.gasprice, block.basefee);
    }

    function environment() external view returns (uint256 number, uint256 time, uint256 prevrandao, uint256 limit, address coinbase) {
        return (block.number, block.timestamp, block.prevrandao, block.gaslimit, block.coinbase);
    }

    function ancestor(uint256 distance) external view returns (bytes32) {
        return blockhash(block.number - distance);
    }
}

/// Keeps count of the coins it gets, which costs more than a bare transfer.
contract Till {
    event Received(address from, uint256 amount);

    receive() external payable {
        emit Received(msg.sender, msg.value);
    }
}

/// Makes contracts, by both ways.
contract Maker {
    event Made(address child);

    function make() external {
        emit Made(address(new Till()));
    }

    function makeAt(bytes32 salt) external {
        emit Made(address(new Till{salt: salt}()));
    }
}
