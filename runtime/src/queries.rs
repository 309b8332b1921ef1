//! Answers of the network's own runtime API, gathered from several pallets.

use alloc::vec::Vec;

use based_primitives::{
    constants::MAX_BRAINS,
    traits::{PeerCounts, StakeInspect},
    Balance, BrainId, BrainInfo, PeerInfo, Uid,
};

use crate::{AccountId, Brains, Registry, Runtime, Staking};

/// Brains in one answer at most.
const BRAINS_PER_PAGE: u16 = 128;
/// Peers in one answer at most.
const PEERS_PER_PAGE: u16 = 512;

/// One Brain.
pub fn brain(id: BrainId) -> Option<BrainInfo<AccountId>> {
    let record = Brains::brain(id)?;
    let (miners, validators) = Registry::counts(id);
    Some(BrainInfo {
        id,
        owner: record.owner,
        kind: record.kind,
        state: record.state,
        name: record.name,
        task: record.task,
        next_task: record.next_task,
        fee: Registry::fee(id),
        prices: based_pallet_compute::Prices::<Runtime>::get(id),
        miners,
        validators,
        stake: Staking::brain_stake(id),
    })
}

/// Existing Brains with number `start` or above, ascending; at most `limit` and 128.
pub fn brains(start: BrainId, limit: u16) -> Vec<BrainInfo<AccountId>> {
    (start..MAX_BRAINS)
        .filter_map(brain)
        .take(limit.min(BRAINS_PER_PAGE).into())
        .collect()
}

/// Peers of a Brain with uid `start` or above, ascending; at most `limit` and 512.
pub fn peers(brain: BrainId, start: Uid, limit: u16) -> Vec<PeerInfo<AccountId>> {
    Registry::peers_page(brain, start, limit.min(PEERS_PER_PAGE))
}

/// Rewards that an account can claim: as peer or owner, and as staker.
pub fn claimable(account: &AccountId) -> (Balance, Balance) {
    (
        based_pallet_emission::Pending::<Runtime>::get(account),
        Staking::claimable(account),
    )
}
