//! Answers of the network's own runtime API, gathered from several pallets.

use alloc::vec::Vec;

use based_pallet_consensus::{Credits, EpochRecord, LastEpoch};
use based_pallet_staking::{Pools, Positions, Unstaking, MAX_POSITIONS};
use based_primitives::{
    constants::{CREDIT_ONE, EMISSION_YEAR, MAX_BRAINS, MAX_PEERS, PPB},
    math::{block_reward, mul_div},
    traits::{PeerCounts, StakeInspect},
    views::{
        CallFee, EmissionInfo, Metagraph, MetagraphPeer, PeerScores, QuoteError, StakeInfo, StakePosition,
    },
    Balance, BrainId, BrainInfo, PeerInfo, Role, Uid,
};
use codec::{Compact, DecodeLimit, Encode};
use frame_support::dispatch::GetDispatchInfo;
use pallet_revive::evm::runtime::EthExtra;
use sp_runtime::traits::TransactionExtension;

use crate::{
    time::CYCLE_BLOCKS, AccountId, Brains, Emission, EthExtraImpl, Nonce, Registry, Runtime, RuntimeCall,
    Staking, System, TransactionPayment,
};

/// Brains in one answer at most.
const BRAINS_PER_PAGE: u16 = 128;
/// Peers in one answer at most.
const PEERS_PER_PAGE: u16 = 512;
/// Bytes of a call whose fee is asked, at most.
const CALL_BYTES: usize = 64 * 1024;
/// Bytes of a signed transaction beside its call and its extensions: version, sender and a signature of the longest kind.
const SIGNED_BYTES: usize = 1 + 33 + 66;

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

/// Up to `limit` (at most 2,048) peers of a Brain with uid `start` or above, with stake and scores.
pub fn metagraph(brain: BrainId, start: Uid, limit: u16) -> Option<Metagraph<AccountId>> {
    Brains::brain(brain)?;
    let limit = limit.min(MAX_PEERS);
    let mut page = Registry::peers_page(brain, start, limit.saturating_add(1));
    let next = page.get(usize::from(limit)).map(|peer| peer.uid);
    page.truncate(limit.into());
    let epoch = LastEpoch::<Runtime>::get(brain);
    let credits = Credits::<Runtime>::get(brain);
    let peers = page.into_iter().map(|peer| {
        let stake = match peer.role {
            Role::Validator => Staking::validator_stake(brain, &peer.account),
            Role::Miner => 0,
        };
        let scores = scores(&peer, epoch.as_ref(), &credits);
        MetagraphPeer { peer, stake, scores }
    });
    Some(Metagraph {
        epoch_at: epoch.as_ref().map(|epoch| epoch.at),
        peers: peers.collect(),
        next,
    })
}

/// What the last epoch found about a peer, if it speaks of this one and not of an earlier holder of its uid.
fn scores(peer: &PeerInfo<AccountId>, epoch: Option<&EpochRecord>, credits: &[(Uid, u64)]) -> PeerScores {
    let found = epoch
        .filter(|epoch| peer.registered_at < epoch.at)
        .and_then(|epoch| {
            let place = epoch.peers.binary_search_by_key(&peer.uid, |score| score.uid);
            epoch.peers.get(place.ok()?)
        });
    let place = credits.binary_search_by_key(&peer.uid, |(uid, _)| *uid);
    let credits = place.ok().and_then(|place| credits.get(place));
    let trust_credits = credits
        .and_then(|(_, credits)| mul_div((*credits).into(), PPB.into(), CREDIT_ONE.into()))
        .map_or(0, |ppb| u32::try_from(ppb).unwrap_or(u32::MAX));
    found.map_or(
        PeerScores {
            trust_credits,
            ..Default::default()
        },
        |score| PeerScores {
            rank: score.rank,
            trust: score.trust,
            consensus: score.consensus,
            incentive: score.incentive,
            dividend: score.dividend,
            trust_credits,
        },
    )
}

/// Where emission stands.
pub fn emission() -> EmissionInfo {
    let now = System::block_number();
    let mut budgets: Vec<(BrainId, Balance)> = based_pallet_emission::Budgets::<Runtime>::iter()
        .take(MAX_BRAINS.into())
        .collect();
    budgets.sort_unstable_by_key(|(brain, _)| *brain);
    let years = now.saturating_sub(1).checked_div(EMISSION_YEAR).unwrap_or(0);
    let cycles = now.saturating_add(1).checked_div(CYCLE_BLOCKS).unwrap_or(0);
    EmissionInfo {
        block_reward: block_reward(now),
        next_halving: years
            .saturating_add(1)
            .saturating_mul(EMISSION_YEAR)
            .saturating_add(1),
        minted: based_pallet_emission::TotalMinted::<Runtime>::get(),
        paid: based_pallet_emission::TotalPaid::<Runtime>::get(),
        carry: based_pallet_emission::Carry::<Runtime>::get(),
        // The pot is divided in the last block of a cycle.
        next_division: cycles
            .saturating_add(1)
            .saturating_mul(CYCLE_BLOCKS)
            .saturating_sub(1),
        budgets,
    }
}

/// What a Brain would get of the emission of one whole cycle, as stakes and performances stand.
pub fn expected_emission(brain: BrainId) -> Balance {
    let reward = block_reward(System::block_number().saturating_add(1));
    Emission::expected_budget(brain, reward.saturating_mul(CYCLE_BLOCKS.into()))
}

/// What an account has staked and earned.
pub fn stake(account: &AccountId) -> StakeInfo<AccountId> {
    let positions = Positions::<Runtime>::iter_prefix(account).take(MAX_POSITIONS as usize);
    let mut positions: Vec<StakePosition<AccountId>> = positions
        .map(|(target, position)| {
            let pool = Pools::<Runtime>::get(&target).unwrap_or_default();
            StakePosition {
                claimable: position.claimable(&pool),
                amount: position.amount,
                brain: target.brain,
                validator: target.validator,
            }
        })
        .collect();
    positions.sort_unstable_by(|a, b| (a.brain, &a.validator).cmp(&(b.brain, &b.validator)));
    let mut unstaked = Unstaking::<Runtime>::get(account);
    let withdrawable = unstaked.take_withdrawable(System::block_number());
    let (earned, staking_rewards) = claimable(account);
    StakeInfo {
        positions,
        withdrawable,
        pending: unstaked.pending,
        pending_until: unstaked.pending_until,
        earned,
        staking_rewards,
    }
}

/// Price of a prompt on a Brain.
pub fn quote(brain: BrainId, prompt_units: u32, completion_units: u32) -> Result<Balance, QuoteError> {
    Brains::brain(brain).ok_or(QuoteError::UnknownBrain)?;
    let prices = based_pallet_compute::Prices::<Runtime>::get(brain).ok_or(QuoteError::NoPrices)?;
    let context = prices.context;
    prompt_units
        .checked_add(completion_units)
        .filter(|units| *units <= context)
        .ok_or(QuoteError::ContextExceeded { context })?;
    prices
        .quote(prompt_units, completion_units)
        .ok_or(QuoteError::Overflow)
}

/// Fee of an encoded call, sent now as a signed transaction of the longest form.
pub fn call_fee(call: &[u8]) -> Option<CallFee> {
    if call.len() > CALL_BYTES {
        return None;
    }
    let decoded =
        RuntimeCall::decode_all_with_depth_limit(frame_support::MAX_EXTRINSIC_DEPTH, &mut &*call).ok()?;
    let extension = EthExtraImpl::get_eth_extension(Nonce::MAX, 0);
    let mut info = decoded.get_dispatch_info();
    info.extension_weight = extension.weight(&decoded);
    // Immortal as made here; a mortal transaction's era is a byte longer.
    let body = call
        .len()
        .saturating_add(SIGNED_BYTES)
        .saturating_add(extension.encoded_size())
        .saturating_add(1);
    let body = u32::try_from(body).ok()?;
    let prefix = u32::try_from(Compact(body).encoded_size()).ok()?;
    let length = body.saturating_add(prefix);
    let fee = TransactionPayment::compute_fee(length, &info, 0);
    Some(CallFee { fee, length })
}
