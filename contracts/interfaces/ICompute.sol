// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

/// Spending accounts, from which prompts are paid, at 0x0000000000000000000000000000000008040000.
/// Amounts are in units of 10^-18 $BASED.
interface ICompute {
    struct Account {
        address owner;
        address spender;
        /// 0: prompts, 1: training, 2: tasks.
        uint8 purpose;
        uint256 balance;
        uint256 reserved;
        uint256 cap;
        uint256 spent;
        uint32 expiry;
        bool closing;
    }

    /// Opens an account with `deposit` of the caller's $BASED, spent by vouchers that `spender` signs (EIP-712), up to
    /// `cap` and until block `expiry`. Returns its number.
    function open(address spender, uint8 purpose, uint256 deposit, uint256 cap, uint32 expiry)
        external
        returns (uint64 id);
    /// Adds the caller's $BASED to its account.
    function topUp(uint64 id, uint256 amount) external;
    /// Reserves for a miner of a Brain, by the account's owner or spender.
    function reserve(uint64 id, uint16 brain, address miner, uint256 amount) external;
    /// Closes the caller's account: after a time in which miners redeem, `finishClose` returns the rest.
    function close(uint64 id) external;
    /// Returns what is left of an account whose time to redeem is over to its owner.
    function finishClose(uint64 id) external;

    /// An account; reverts if there is none.
    function accountOf(uint64 id) external view returns (Account memory);
    /// Price of a prompt on a Brain; reverts if it has no prices or the prompt exceeds its context.
    function quote(uint16 brain, uint32 promptUnits, uint32 completionUnits) external view returns (uint256);
}
