//! Records of this pallet.

use based_primitives::{Balance, BlockNumber, BrainId, Purpose};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Reservations that one spending account holds at most.
pub const MAX_RESERVATIONS: u32 = 32;

/// Money set aside by an owner for a spender to promise to miners (R145).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SpendingAccount<AccountId> {
    /// Whose money it is and who gets the rest back.
    pub owner: AccountId,
    /// Whose signature on a voucher counts.
    pub spender: AccountId,
    /// What the owner allows it for.
    pub purpose: Purpose,
    /// Held, and not reserved for any miner.
    pub balance: Balance,
    /// Held and reserved for miners, less what they redeemed.
    pub reserved: Balance,
    /// Most that may ever be spent.
    pub cap: Balance,
    /// Redeemed so far.
    pub spent: Balance,
    /// Last block in which it can be spent.
    pub expiry: BlockNumber,
    /// While closing: last block in which miners may redeem.
    pub closing: Option<BlockNumber>,
    /// Number of its reservations.
    pub reservations: u32,
}

/// What an account sets aside for one miner.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Reservation {
    /// Brain for whose work it is.
    pub brain: BrainId,
    /// All that was ever reserved: the highest cumulative amount a voucher can promise.
    pub reserved: Balance,
    /// Redeemed so far.
    pub redeemed: Balance,
}

impl Reservation {
    /// Reserved and not redeemed.
    pub fn outstanding(&self) -> Balance {
        self.reserved.saturating_sub(self.redeemed)
    }
}

/// Why a voucher was not paid.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Rejection {
    /// Of another version of the format.
    Version,
    /// Of another chain.
    Genesis,
    /// For another miner.
    Miner,
    /// The voucher's last block is past.
    Expired,
    /// No such spending account, or it closed.
    NoAccount,
    /// The spending account's last block is past.
    AccountExpired,
    /// The account reserved nothing for this miner.
    NoReservation,
    /// For another Brain than the reservation.
    Brain,
    /// Promises no more than was redeemed.
    Replayed,
    /// Promises more than was reserved.
    Overspent,
    /// Not signed by the spender.
    Signature,
    /// The payment itself failed: the miner's account cannot take it.
    Payment,
}
