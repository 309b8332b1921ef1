// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.27;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {ProxyAdmin} from "@openzeppelin/contracts/proxy/transparent/ProxyAdmin.sol";
import {TransparentUpgradeableProxy} from "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

contract Door is AccessControl {
    bytes32 public constant KEEPER = keccak256("KEEPER");
    bool public open;

    constructor() {
        _grantRole(DEFAULT_ADMIN_ROLE, msg.sender);
    }

    function set(bool state) external onlyRole(KEEPER) {
        open = state;
    }
}

contract Clock is TimelockController {
    constructor(uint256 delay, address[] memory proposers, address[] memory executors)
        TimelockController(delay, proposers, executors, address(0))
    {}
}

contract BoxV1 is Initializable {
    uint256 public value;

    constructor() {
        _disableInitializers();
    }

    function initialize(uint256 first) external initializer {
        value = first;
    }

    function version() external pure returns (uint256) {
        return 1;
    }
}

contract BoxV2 is Initializable {
    uint256 public value;
    string public label;

    function relabel(string calldata text) external reinitializer(2) {
        label = text;
        value += 1;
    }

    function version() external pure returns (uint256) {
        return 2;
    }
}

/// An implementation that upgrades itself; anybody may, for what is tested is the proxy.
contract Self is UUPSUpgradeable {
    uint256 public count;

    function increment() external virtual {
        count += 1;
    }

    function _authorizeUpgrade(address) internal override {}
}

contract SelfByTen is Self {
    function increment() external override {
        count += 10;
    }
}
