//! Records of the pallet.

use based_primitives::{
    constants::{MIN_SLASH_PPB, PPB},
    Balance, BlockNumber, BrainId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

macro_rules! record {
    ($item:item) => {
        #[derive(
            Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
        )]
        $item
    };
}

record! {
    /// An account that writes blocks, would, or did.
    #[derive(Copy, Default)]
    pub struct Operator {
        /// Brain whose validator it is; none for one of genesis that never opted in.
        pub brain: Option<BrainId>,
        /// Bond held.
        pub bond: Balance,
        /// Whether it stands for election.
        pub running: bool,
        /// Whether it has written a block since it opted in.
        pub proven: bool,
        /// Blocks of the sessions since it last wrote one.
        pub idle: u32,
        /// Block until which its offences may be reported.
        pub exposed_until: BlockNumber,
    }
}

record! {
    /// Why a candidate no longer stands for election.
    #[derive(Copy)]
    pub enum ChillReason {
        /// It opted out.
        OptedOut,
        /// It wrote no block where many were expected.
        Silent,
        /// It signed two blocks for one slot, or two votes in one round.
        Equivocated,
        /// Another candidate has more stake and the list is full.
        Displaced,
    }
}

record! {
    /// An equivocation that was proven.
    #[derive(Copy)]
    pub struct Bar {
        /// Block in which it was reported.
        pub reported_at: BlockNumber,
        /// Part of stake and bond that it costs, in ppb.
        pub part: u64,
    }
}

record! {
    /// A slash to be carried out.
    pub struct PendingSlash<AccountId> {
        /// Who equivocated.
        pub validator: AccountId,
        /// Part of stake and bond, in ppb.
        pub part: u64,
        /// First block of the session of the offence.
        pub since: BlockNumber,
    }
}

/// Part of the stake that an equivocation costs, in ppb: `(3k/n)^2` where `k` of `n` producers equivocated
/// within the window, at least 5% and at most all. A third of the producers, who together could break
/// finality, lose everything.
pub fn slash_part(offenders: u32, producers: u32) -> u64 {
    let producers = u64::from(producers.max(1));
    let tripled = u64::from(offenders).saturating_mul(3).min(producers);
    // Both are at most 2^32: the square times 10^9 needs 128 bits.
    let square = u128::from(tripled).saturating_mul(tripled.into());
    let part = square
        .saturating_mul(PPB.into())
        .checked_div(u128::from(producers).saturating_mul(producers.into()))
        .unwrap_or_default();
    u64::try_from(part).unwrap_or(PPB).clamp(MIN_SLASH_PPB, PPB)
}
