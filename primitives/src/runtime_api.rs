//! Runtime API by which clients read the network in single calls.
// The macro repeats bounds.
#![allow(clippy::multiple_bound_locations)]

use alloc::vec::Vec;
use codec::Codec;

use crate::types::{Balance, BrainId, BrainInfo, PeerInfo, Uid, WeightTerms};

sp_api::decl_runtime_apis! {
    /// Reads Brains, peers and rewards.
    pub trait BasedApi<AccountId: Codec> {
        /// One Brain.
        fn brain(id: BrainId) -> Option<BrainInfo<AccountId>>;
        /// Up to `limit` (at most 128) existing Brains with number `start` or above, ascending.
        fn brains(start: BrainId, limit: u16) -> Vec<BrainInfo<AccountId>>;
        /// Up to `limit` (at most 512) peers of a Brain with uid `start` or above, ascending.
        fn peers(brain: BrainId, start: Uid, limit: u16) -> Vec<PeerInfo<AccountId>>;
        /// Rewards an account can claim: (as peer or owner, as staker).
        fn claimable(account: AccountId) -> (Balance, Balance);
        /// Blocks in one cycle.
        fn cycle_blocks() -> u32;
        /// What a Brain asks of rows of weights that are committed now.
        fn weight_terms(brain: BrainId) -> WeightTerms;
    }
}
