//! Benchmarks of the calls and of the steps of epochs, in a full Brain.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::unwrap_used)]

use alloc::vec::Vec;

use based_primitives::{
    benchmarking::BenchmarkHelper,
    constants::{
        BASED, MAX_CROSS_EDGES, MAX_MINERS, MAX_PEERS, MAX_SCORERS, MAX_VALIDATORS, MIN_VALIDATOR_STAKE, PPB,
    },
    math::{cycle_start, Pass},
    traits::{Epochs, SweepBrain},
    weights_commitment, BlockNumber, BrainId, Edges, Role, Salt, Uid,
};
use frame_benchmarking::v2::*;
use frame_support::{traits::Get, weights::Weight};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use sp_core::H256;
use sp_runtime::traits::Zero;

use crate::{
    types::CrossRow, Call, Config, CrossRows, LastEpoch, MinWeights, OutsideScores, Pallet, Performance,
    Resting, Rows, Validators,
};
use state::*;

pub mod state;

const BRAIN: BrainId = 100;
/// Brains from here on are scored.
const OTHERS: BrainId = 200;
/// Cycle in which something happens.
const CYCLE: u32 = 10;
const SALT: Salt = [9; 32];
/// Validators whose rows an epoch goes over.
const VOTERS: u32 = 2;

/// First block of the cycle in which something happens.
fn now<T: Config>() -> BlockNumber {
    cycle_start(BRAIN, CYCLE, T::CycleBlocks::get())
}

fn go_to<T: Config>(block: BlockNumber) {
    frame_system::Pallet::<T>::set_block_number(block.into());
}

fn peer<T: Config>(uid: Uid) -> T::AccountId {
    account("peer", uid.into(), 0)
}

/// Adds validators and miners to the Brain, the former with stake.
fn add_peers<T: Config>(validators: u32, miners: u32) {
    T::BenchmarkHelper::open_brain(BRAIN, &account("owner", 0, 0));
    for uid in 0..(validators + miners) as Uid {
        let who = peer::<T>(uid);
        if u32::from(uid) < validators {
            T::BenchmarkHelper::add_peer(BRAIN, uid, Role::Validator, &who);
            T::BenchmarkHelper::stake(BRAIN, Some(&who), 2 * MIN_VALIDATOR_STAKE);
        } else {
            T::BenchmarkHelper::add_peer(BRAIN, uid, Role::Miner, &who);
        }
    }
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// Beside as many pending commitments as leave room for one.
    #[benchmark]
    fn commit_weights() {
        add_peers::<T>(1, 1);
        go_to::<T>(now::<T>() + T::WeightsRateLimit::get());
        let mut record = full_record(now::<T>(), 1);
        record.commits.pop();
        Validators::<T>::insert(BRAIN, 0, record);
        MinWeights::<T>::insert(BRAIN, 2);

        #[extrinsic_call]
        _(RawOrigin::Signed(peer::<T>(0)), BRAIN, H256::repeat_byte(1));

        let record = Validators::<T>::get(BRAIN, 0).unwrap();
        assert!(record.commits.is_full());
    }

    /// Of weights on `n` peers in place of a full row, compared to the end with all consensus that is public.
    #[benchmark]
    fn reveal_weights(n: Linear<128, { MAX_PEERS as u32 - 1 }>) {
        add_peers::<T>(MAX_VALIDATORS.into(), MAX_MINERS.into());
        let who = peer::<T>(0);
        T::BenchmarkHelper::fund(&who, 1_000 * BASED);
        let edges: Vec<_> = (1..=n as Uid).map(|uid| (uid, u16::MAX)).collect();
        let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
        let mut record = full_record(now::<T>(), 1);
        if let Some(commit) = record.commits.last_mut() {
            commit.hash = weights_commitment(&genesis, BRAIN, &who, &edges, &SALT);
        }
        Validators::<T>::insert(BRAIN, 0, record);
        Rows::<T>::insert(BRAIN, 0, row(1, u32::from(MAX_PEERS) - 1));
        fill_published::<T>(BRAIN);
        let due = CYCLE + T::RevealDelay::get();
        go_to::<T>(cycle_start(BRAIN, due, T::CycleBlocks::get()));

        #[extrinsic_call]
        _(RawOrigin::Signed(who), BRAIN, Edges::truncate_from(edges), SALT);

        assert_eq!(Rows::<T>::get(BRAIN, 0).unwrap().committed_at, now::<T>());
    }

    /// `n` edges in place of `r` others, all to different Brains, each scored by as many validators as may be.
    #[benchmark]
    fn set_cross_edges(n: Linear<0, { MAX_CROSS_EDGES }>, r: Linear<0, { MAX_CROSS_EDGES }>) {
        add_peers::<T>(1, 0);
        let block = now::<T>() + T::WeightsRateLimit::get();
        go_to::<T>(block);
        let (new, old) = (
            cross_edges(OTHERS, n),
            cross_edges(OTHERS + MAX_CROSS_EDGES as BrainId, r),
        );
        for edge in new.iter().chain(&old) {
            let other = account("other", edge.brain.into(), 0);
            T::BenchmarkHelper::open_brain(edge.brain, &other);
            T::BenchmarkHelper::add_peer(edge.brain, edge.uid, Role::Miner, &other);
            OutsideScores::<T>::insert(edge.brain, scorers::<T>(BRAIN, MAX_SCORERS, block));
        }
        if !old.is_empty() {
            let row = CrossRow {
                set_at: now::<T>(),
                edges: old,
            };
            CrossRows::<T>::insert(BRAIN, 0, row);
        }

        #[extrinsic_call]
        _(RawOrigin::Signed(peer::<T>(0)), BRAIN, new);

        let stored = CrossRows::<T>::get(BRAIN, 0).map_or(0, |row| row.edges.len());
        assert_eq!(stored, n as usize);
    }

    /// Of a Brain with a full record of its last epoch.
    #[benchmark]
    fn epoch_look() {
        T::BenchmarkHelper::open_brain(BRAIN, &account("owner", 0, 0));
        LastEpoch::<T>::insert(BRAIN, full_epoch());
        OutsideScores::<T>::insert(BRAIN, scorers::<T>(OTHERS, MAX_SCORERS, 1));
        Resting::<T>::put(OTHERS);
        let advance;

        #[block]
        {
            advance = <Pallet<T> as Epochs<T::AccountId>>::advance(BRAIN, now::<T>(), Weight::zero());
        }

        assert!(advance.scores.is_none());
    }

    /// With `m` miners and `v` validators, all of whom missed reveals.
    #[benchmark]
    fn epoch_begin(m: Linear<0, { MAX_MINERS as u32 }>, v: Linear<0, { MAX_VALIDATORS as u32 }>) {
        add_peers::<T>(v, m);
        go_to::<T>(now::<T>());
        for uid in 0..v as Uid {
            Validators::<T>::insert(BRAIN, uid, full_record(1, now::<T>() - 1));
            T::BenchmarkHelper::set_accuracy(&peer::<T>(uid));
        }
        T::BenchmarkHelper::stake(BRAIN, None, BASED);
        let epoch;

        #[block]
        {
            epoch = Pallet::<T>::begin(BRAIN, now::<T>());
        }

        assert!(epoch.run.peers() as u32 >= m + v);
    }

    /// In the costliest of the passes that change no row: votes.
    #[benchmark]
    fn epoch_row(e: Linear<0, { MAX_PEERS as u32 - VOTERS }>) {
        let mut epoch = epoch(BRAIN, now::<T>(), MAX_PEERS.into(), VOTERS);
        advance_to(&mut epoch, Pass::Votes, VOTERS);
        Rows::<T>::insert(BRAIN, 0, row(VOTERS as Uid, e));

        #[block]
        {
            Pallet::<T>::step(&mut epoch, Pass::Votes, 0);
        }

        assert_eq!(epoch.run.next(), Some((Pass::Votes, 1)));
    }

    /// A validator with bonds in `e` miners and `x` edges to other Brains.
    #[benchmark]
    fn epoch_bonds(e: Linear<0, { MAX_PEERS as u32 - VOTERS }>, x: Linear<0, { MAX_CROSS_EDGES }>) {
        let mut epoch = epoch(BRAIN, now::<T>(), MAX_PEERS.into(), VOTERS);
        advance_to(&mut epoch, Pass::Bonds, VOTERS);
        Rows::<T>::insert(BRAIN, 0, row(VOTERS as Uid, e));
        let edges = cross_edges(OTHERS, x);
        fill_standings::<T>(&edges);
        if x > 0 {
            CrossRows::<T>::insert(BRAIN, 0, CrossRow { set_at: 1, edges });
        }

        #[block]
        {
            Pallet::<T>::step(&mut epoch, Pass::Bonds, 0);
        }

        assert_eq!(epoch.run.next(), Some((Pass::Bonds, 1)));
    }

    /// The costliest end of a pass, that of votes, over `p` peers.
    #[benchmark]
    fn epoch_pass(p: Linear<8, { MAX_PEERS as u32 }>) {
        let mut epoch = epoch(BRAIN, now::<T>(), p, VOTERS);
        advance_to(&mut epoch, Pass::Votes, VOTERS);
        epoch.run.step(&mut row(VOTERS as Uid, p - VOTERS), None);
        let mut last = row(VOTERS as Uid, 1);

        #[block]
        {
            epoch.run.step(&mut last, None);
        }

        assert_eq!(epoch.run.next(), Some((Pass::Bonds, 0)));
    }

    /// Of `p` peers, all ranked, in a Brain that `s` validators elsewhere score.
    #[benchmark]
    fn epoch_end(p: Linear<8, { MAX_PEERS as u32 }>, s: Linear<0, { MAX_SCORERS }>) {
        add_peers::<T>(VOTERS, p - VOTERS);
        fill_brain::<T>(BRAIN);
        let scorers = scorers::<T>(OTHERS, s, now::<T>());
        for scorer in &scorers {
            T::BenchmarkHelper::stake(OTHERS, Some(&scorer.account), BASED);
        }
        OutsideScores::<T>::insert(BRAIN, scorers);
        Performance::<T>::insert(BRAIN, PPB / 2);
        let mut epoch = epoch(BRAIN, now::<T>(), p, VOTERS);
        advance_to(&mut epoch, Pass::Done, VOTERS);

        #[block]
        {
            Pallet::<T>::conclude(epoch);
        }

        assert_eq!(LastEpoch::<T>::get(BRAIN).unwrap().at, now::<T>());
    }

    /// Storing the epoch of a full Brain for the next block.
    #[benchmark]
    fn epoch_rest() {
        let epoch = epoch(BRAIN, now::<T>(), MAX_PEERS.into(), MAX_VALIDATORS.into());

        #[block]
        {
            Pallet::<T>::rest(epoch);
        }

        assert_eq!(Resting::<T>::get(), Some(BRAIN));
    }

    /// Taking it up again.
    #[benchmark]
    fn epoch_resume() {
        Pallet::<T>::rest(epoch(BRAIN, now::<T>(), MAX_PEERS.into(), MAX_VALIDATORS.into()));
        let epoch;

        #[block]
        {
            epoch = Pallet::<T>::resume();
        }

        assert!(epoch.is_some());
    }

    #[benchmark]
    fn sweep() {
        fill_brain::<T>(BRAIN);

        #[block]
        {
            Pallet::<T>::sweep(BRAIN, Weight::MAX);
        }

        assert!(!LastEpoch::<T>::contains_key(BRAIN));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
