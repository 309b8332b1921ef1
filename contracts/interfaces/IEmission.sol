// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

/// What miners, validators and owners of Brains earn, at 0x0000000000000000000000000000000008050000.
interface IEmission {
    /// Pays what an account has earned to it. Anybody may call this for anybody.
    function claim(address account) external;
    /// What an account can claim, in units of 10^-18 $BASED.
    function earned(address account) external view returns (uint256);
    /// $BASED made in this block, in units of 10^-18.
    function blockReward() external view returns (uint256);
}
