//! Records of this pallet.

use based_primitives::Balance;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// An Ethereum address that was linked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Address<AccountId> {
    /// Account that linked it last, from which `deposit` is held.
    pub account: AccountId,
    /// Whether that link holds.
    pub linked: bool,
    /// Links it consented to.
    pub nonce: u32,
    /// Deposit for this record and the link's.
    pub deposit: Balance,
}

/// Leave to hand on a Brain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Approval<AccountId> {
    /// Who may.
    pub spender: AccountId,
    /// Owner of the Brain, from which `deposit` is held.
    pub owner: AccountId,
    /// Deposit for this record.
    pub deposit: Balance,
}
