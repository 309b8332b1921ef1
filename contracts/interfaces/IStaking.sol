// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

/// Stakes in $BASED, at 0x0000000000000000000000000000000008020000.
/// The zero address in place of a validator means the Brain as such. Amounts are in units of 10^-18 $BASED.
interface IStaking {
    /// Stakes the caller's own $BASED, in addition to what it has there.
    function stake(uint16 brain, address validator, uint256 amount) external;
    /// Takes stake out. It can be withdrawn from the next cycle on.
    function unstake(uint16 brain, address validator, uint256 amount) external;
    /// Makes withdrawable stake free.
    function withdraw() external;
    /// Pays what a stake has earned to the caller.
    function claim(uint16 brain, address validator) external;

    /// Stake of an account on a target.
    function staked(address staker, uint16 brain, address validator) external view returns (uint256);
    /// All stake of a Brain: directed to it and to its validators.
    function stakeOfBrain(uint16 brain) external view returns (uint256);
    /// Stake directed to a validator of a Brain.
    function stakeOfValidator(uint16 brain, address validator) external view returns (uint256);
    /// What an account can claim, over all of its stakes.
    function claimable(address staker) external view returns (uint256);
    /// What an account can withdraw now.
    function withdrawable(address staker) external view returns (uint256);
}
