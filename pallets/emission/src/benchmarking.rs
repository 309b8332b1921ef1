//! Benchmarks of the call and of the work at the beginning of blocks, with all Brains open and one of them full.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::unwrap_used)]

use based_primitives::{
    benchmarking::BenchmarkHelper,
    constants::{BASED, MAX_BRAINS, MAX_MINERS, MAX_PEERS, MAX_VALIDATORS},
    traits::{BrainInspect, SweepBrain},
    Balance, BrainId, EpochScores, Role, Uid,
};
use frame_benchmarking::v2::*;
use frame_support::{traits::Get, weights::Weight, BoundedVec};
use frame_system::RawOrigin;

use crate::{Budgets, Call, Carry, Config, Due, Pallet, Pending, TotalMinted};

const BRAIN: BrainId = 100;
const BUDGET: Balance = 1_000 * BASED;
/// Cycle in which forecasts weigh as much as they ever do.
const LATE: u32 = 100_000;

fn peer<T: Config>(uid: Uid) -> T::AccountId {
    account("peer", uid.into(), 0)
}

/// Names every Brain among those whose epochs have not ended.
fn fill_due<T: Config>() {
    let due = (0..MAX_BRAINS).map(|brain| (brain, 0));
    Due::<T>::put(BoundedVec::truncate_from(due.collect()));
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// For an account that does not exist yet.
    #[benchmark]
    fn claim() {
        let (caller, who): (T::AccountId, T::AccountId) = (whitelisted_caller(), account("miner", 0, 0));
        T::BenchmarkHelper::fund(&Pallet::<T>::pot(), 2 * BASED);
        Pending::<T>::insert(&who, BASED);

        #[extrinsic_call]
        _(RawOrigin::Signed(caller), who.clone());

        assert!(!Pending::<T>::contains_key(&who));
    }

    /// With the list of epochs, which is read and may be written.
    #[benchmark]
    fn mint() {
        fill_due::<T>();

        #[block]
        {
            Pallet::<T>::mint(BASED);
            let due = Due::<T>::get();
            Due::<T>::put(due);
        }

        assert_eq!(TotalMinted::<T>::get(), BASED);
    }

    #[benchmark]
    fn look() {
        T::BenchmarkHelper::open_brain(BRAIN, &account("owner", 0, 0));
        let open;

        #[block]
        {
            open = T::Brains::is_open(BRAIN);
        }

        assert!(open);
    }

    /// Over `b` Brains with forecasts, none of which has divided its former budget.
    #[benchmark]
    fn divide_pot(b: Linear<0, { MAX_BRAINS as u32 }>) {
        frame_system::Pallet::<T>::set_block_number((LATE * T::CycleBlocks::get()).into());
        let owner = account("owner", 0, 0);
        for brain in 0..b as BrainId {
            T::BenchmarkHelper::open_brain(brain, &owner);
            T::BenchmarkHelper::stake(brain, None, BASED);
            T::BenchmarkHelper::foresee(brain, LATE - 1);
            Budgets::<T>::insert(brain, BASED);
        }
        fill_due::<T>();
        Carry::<T>::put(BUDGET);

        #[block]
        {
            Pallet::<T>::divide_pot(0);
        }

        assert!(b == 0 || Budgets::<T>::get(0).unwrap() > BASED);
    }

    /// In a Brain of `m` miners and `v` validators with stake, among `s` of them.
    #[benchmark]
    fn divide_budget(
        m: Linear<0, { MAX_MINERS as u32 }>,
        v: Linear<0, { MAX_VALIDATORS as u32 }>,
        s: Linear<0, { MAX_PEERS as u32 }>,
    ) {
        let owner = account("owner", 0, 0);
        T::BenchmarkHelper::open_brain(BRAIN, &owner);
        T::BenchmarkHelper::stake(BRAIN, None, BASED);
        T::BenchmarkHelper::fund(&Pallet::<T>::pot(), 2 * BUDGET);
        for uid in 0..(m + v) as Uid {
            let peer = peer::<T>(uid);
            if u32::from(uid) < v {
                T::BenchmarkHelper::add_peer(BRAIN, uid, Role::Validator, &peer);
                T::BenchmarkHelper::stake(BRAIN, Some(&peer), BASED);
            } else {
                T::BenchmarkHelper::add_peer(BRAIN, uid, Role::Miner, &peer);
            }
        }
        let scores = |uids: core::ops::Range<Uid>| uids.map(|uid| (peer::<T>(uid), 1)).collect();
        let validators = (s as Uid).min(MAX_VALIDATORS);
        let scores = EpochScores {
            miners: scores(validators..s as Uid),
            validators: scores(0..validators),
        };
        Budgets::<T>::insert(BRAIN, BUDGET);

        #[block]
        {
            Pallet::<T>::pay_epoch(BRAIN, &scores);
        }

        assert!(s == 0 || Pending::<T>::contains_key(peer::<T>(0)));
    }

    #[benchmark]
    fn sweep() {
        fill_due::<T>();
        Budgets::<T>::insert(BRAIN, BUDGET);

        #[block]
        {
            Pallet::<T>::sweep(BRAIN, Weight::MAX);
        }

        assert!(!Budgets::<T>::contains_key(BRAIN));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
