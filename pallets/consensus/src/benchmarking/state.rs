//! Records as large as they get.

use alloc::{vec, vec::Vec};

use based_primitives::{
    benchmarking::BenchmarkHelper,
    constants::{
        BASED, MAX_COMMITS, MAX_CROSS_EDGES, MAX_PEERS, MAX_SCORERS, MAX_VALIDATORS, MIN_VALIDATOR_STAKE, PPB,
    },
    math::{Entry, EpochInput, EpochPeer, EpochRun, EpochValidator, Pass, WeightRow},
    BlockNumber, BrainId, Role, Uid,
};
use frame_benchmarking::account;
use frame_support::{traits::fungible::MutateHold, BoundedVec};
use sp_core::H256;

use crate::{
    types::{
        Commit, CrossEdge, CrossEdges, CrossRow, EpochRecord, PeerScore, PublicConsensus, RestingEpoch,
        Scorer, ScorersOf, Standing, StandingsPage, ValidatorRecord, PUBLISHED_EPOCHS, STANDINGS_PAGES,
        STANDINGS_PER_PAGE,
    },
    Config, Credits, CrossRows, HoldReason, LastEpoch, MinWeights, OutsideScores, Performance, Published,
    Resting, RestingState, Rows, Standings, Validators,
};

/// Commitments made in a block, as many as may be pending.
pub fn full_record(at: BlockNumber, revealed_at: BlockNumber) -> ValidatorRecord {
    let commit = |index| Commit {
        hash: H256::from_low_u64_be(index),
        at,
        min_weights: 1,
    };
    ValidatorRecord {
        commits: BoundedVec::truncate_from((0..MAX_COMMITS.into()).map(commit).collect()),
        committed_at: Some(at),
        revealed_at: Some(revealed_at),
        deposit: 0,
    }
}

/// Weights on and bonds in `count` peers from `first` on.
pub fn row(first: Uid, count: u32) -> WeightRow {
    let entry = |uid| Entry {
        uid,
        weight: u16::MAX,
        bond: u16::MAX / 2,
    };
    let entries: Vec<_> = (first..).take(count as usize).map(entry).collect();
    WeightRow::of(1, 1, &entries)
}

/// Edges to one peer of each of `count` Brains from `first` on, the last of its page of standings.
pub fn cross_edges(first: BrainId, count: u32) -> CrossEdges {
    let edge = |brain| CrossEdge {
        brain,
        uid: STANDINGS_PER_PAGE - 1,
        weight: u16::MAX,
    };
    BoundedVec::truncate_from((first..).take(count as usize).map(edge).collect())
}

/// `count` validators of a Brain that score another, which they did in block `set_at`.
pub fn scorers<T: Config>(home: BrainId, count: u32, set_at: BlockNumber) -> ScorersOf<T::AccountId> {
    let scorer = |index| Scorer {
        account: account("scorer", index, 0),
        home,
        score: u16::MAX,
        stake: MIN_VALIDATOR_STAKE,
        set_at,
    };
    BoundedVec::truncate_from((0..count).map(scorer).collect())
}

fn standings() -> StandingsPage {
    let standing = Standing {
        worth: 1,
        registered_at: 0,
    };
    BoundedVec::truncate_from(vec![standing; STANDINGS_PER_PAGE.into()])
}

/// Lets the peers at the end of cross edges have stood well.
pub fn fill_standings<T: Config>(edges: &CrossEdges) {
    for edge in edges {
        Standings::<T>::insert(edge.brain, edge.uid / STANDINGS_PER_PAGE, standings());
    }
}

/// An epoch, in block 1, that found something about every peer of a full Brain.
pub fn full_epoch() -> EpochRecord {
    let score = |uid| PeerScore {
        uid,
        rank: 1,
        trust: 1,
        consensus: 1,
        incentive: 1,
        dividend: 1,
    };
    EpochRecord {
        at: 1,
        active: MAX_VALIDATORS,
        uptime: PPB,
        quality: PPB,
        loss: 0,
        peers: BoundedVec::truncate_from((0..MAX_PEERS).map(score).collect()),
    }
}

/// Public consensus on all peers alike but the last.
pub fn public_consensus() -> PublicConsensus {
    let value = |uid| if uid < MAX_PEERS - 1 { u16::MAX } else { 1 };
    let values = || BoundedVec::truncate_from((0..MAX_PEERS).map(value).collect());
    PublicConsensus {
        at: 0,
        uids: BoundedVec::truncate_from((0..MAX_PEERS).collect()),
        ranks: values(),
        standings: values(),
    }
}

/// An epoch in block `now` of a Brain whose peers are `voters` validators, all active, and miners.
pub fn epoch(brain: BrainId, now: BlockNumber, peers: u32, voters: u32) -> RestingEpoch {
    let voters = voters as Uid;
    let peer = |uid| EpochPeer {
        uid,
        role: if uid < voters {
            Role::Validator
        } else {
            Role::Miner
        },
        registered_at: 0,
    };
    let validator = |uid| EpochValidator {
        uid,
        stake: MIN_VALIDATOR_STAKE,
        revealed_at: Some(now),
        accuracy: PPB,
        credits: 1,
    };
    let run = EpochRun::start(&EpochInput {
        now,
        cycle_blocks: 1,
        activity_cutoff: now,
        percentile: 0,
        beta: PPB / 2,
        peers: (0..peers as Uid).map(peer).collect(),
        validators: (0..voters).map(validator).collect(),
    });
    RestingEpoch {
        brain,
        uptime: PPB,
        run,
    }
}

/// Does the steps before a pass, each validator with weights on all miners.
pub fn advance_to(epoch: &mut RestingEpoch, pass: Pass, voters: u32) {
    let miners = (epoch.run.peers() as u32).saturating_sub(voters);
    while epoch.run.next().is_some_and(|(now, _)| now != pass) {
        epoch.run.step(&mut row(voters as Uid, miners), Some(1));
    }
}

/// Lets a validator have said all that it may: weights on every peer, and edges to Brains each of which is scored by as
/// many validators as may be.
pub fn fill_validator<T: Config>(brain: BrainId, uid: Uid, who: &T::AccountId) {
    let deposit = BASED;
    T::BenchmarkHelper::fund(who, 2 * deposit);
    T::Currency::hold(&HoldReason::WeightRow.into(), who, deposit).expect("the account was funded");
    let record = ValidatorRecord {
        deposit,
        ..full_record(1, 1)
    };
    Validators::<T>::insert(brain, uid, record);
    Rows::<T>::insert(brain, uid, row(0, MAX_PEERS.into()));
    let edges = cross_edges(brain + 1, MAX_CROSS_EDGES);
    for edge in &edges {
        let mut scorers = scorers::<T>(brain, MAX_SCORERS, 1);
        if let Some(last) = scorers.last_mut() {
            last.account = who.clone();
        }
        OutsideScores::<T>::insert(edge.brain, scorers);
    }
    CrossRows::<T>::insert(brain, uid, CrossRow { set_at: 1, edges });
    Credits::<T>::insert(brain, full_credits());
}

fn full_credits() -> crate::types::CreditsOf {
    BoundedVec::truncate_from((0..MAX_VALIDATORS).map(|uid| (uid, 1)).collect())
}

/// All that is kept of a full Brain, with an epoch of it that rests.
pub fn fill_brain<T: Config>(brain: BrainId) {
    Resting::<T>::put(brain);
    RestingState::<T>::put(epoch(brain, 1, MAX_PEERS.into(), MAX_VALIDATORS.into()));
    for page in 0..STANDINGS_PAGES {
        Standings::<T>::insert(brain, page, standings());
    }
    fill_published::<T>(brain);
    OutsideScores::<T>::insert(brain, scorers::<T>(brain + 1, MAX_SCORERS, 1));
    Credits::<T>::insert(brain, full_credits());
    MinWeights::<T>::insert(brain, 2);
    LastEpoch::<T>::insert(brain, full_epoch());
    Performance::<T>::insert(brain, PPB);
}

pub fn fill_published<T: Config>(brain: BrainId) {
    for slot in 0..PUBLISHED_EPOCHS {
        Published::<T>::insert(brain, slot, public_consensus());
    }
}
