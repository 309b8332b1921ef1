// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.27;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IBrains} from "IBrains.sol";
import {IStaking} from "IStaking.sol";

/// Sells Brains for Pepecoin.
contract Market is ERC721Holder {
    using SafeERC20 for IERC20;

    IERC20 public immutable pepecoin;
    IERC721 public immutable brains;
    mapping(uint256 => uint256) public price;
    mapping(uint256 => address) public seller;

    constructor(IERC20 pepecoin_, IERC721 brains_) {
        pepecoin = pepecoin_;
        brains = brains_;
    }

    function sell(uint256 brain, uint256 price_) external {
        brains.safeTransferFrom(msg.sender, address(this), brain);
        price[brain] = price_;
        seller[brain] = msg.sender;
    }

    function buy(uint256 brain) external {
        pepecoin.safeTransferFrom(msg.sender, seller[brain], price[brain]);
        delete seller[brain];
        brains.safeTransferFrom(address(this), msg.sender, brain);
    }
}

/// Takes a Brain and hands it on before its receipt is through.
contract Reenter {
    IBrains public immutable brains;
    address public immutable next;

    constructor(IBrains brains_, address next_) {
        brains = brains_;
        next = next_;
    }

    function onERC721Received(address, address, uint256 brain, bytes calldata) external returns (bytes4) {
        brains.transferFrom(address(this), next, brain);
        return this.onERC721Received.selector;
    }
}

/// Calls contracts of the chain in ways that they refuse.
contract Misuse {
    function delegated(address target, bytes calldata input) external returns (bool done, bytes memory answer) {
        (done, answer) = target.delegatecall(input);
    }

    function looked(address target, bytes calldata input) external view returns (bool done, bytes memory answer) {
        (done, answer) = target.staticcall(input);
    }

    function paid(address target, bytes calldata input) external payable returns (bool done, bytes memory answer) {
        (done, answer) = target.call{value: msg.value}(input);
    }
}

/// Stakes its own $BASED.
contract Staker {
    IStaking public immutable staking;

    constructor(IStaking staking_) payable {
        staking = staking_;
    }

    function stake(uint16 brain, uint256 amount) external {
        staking.stake(brain, address(0), amount);
    }

    /// Stakes and then fails: nothing of it may stay.
    function stakeAndFail(uint16 brain, uint256 amount) external {
        staking.stake(brain, address(0), amount);
        revert("changed its mind");
    }

    /// The same, caught: nothing of the inner call may stay.
    function tried(uint16 brain, uint256 amount) external returns (bool done) {
        (done,) = address(this).call(abi.encodeCall(this.stakeAndFail, (brain, amount)));
    }
}
