//! Benchmarks of the calls and of the hooks, with full lists of candidates, producers and slashes.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::unwrap_used)]

use alloc::vec::Vec;

use based_primitives::{
    benchmarking::BenchmarkHelper,
    constants::{BASED, MAX_BRAINS, PPB},
    BrainId, Role,
};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{fungible::MutateHold, Get},
    BoundedVec,
};
use frame_system::RawOrigin;
use pallet_authorship::EventHandler;

use crate::{
    types::{Operator, PendingSlash},
    Authored, Bootstrap, Call, Candidates, Config, HoldReason, Operators, Pallet, PendingSlashes,
};

const BRAIN: BrainId = 100;

fn funded<T: Config>(name: &'static str) -> T::AccountId {
    let who = account(name, 0, 0);
    T::BenchmarkHelper::fund(&who, 2 * T::Bond::get() + BASED);
    who
}

fn accounts<T: Config>(name: &'static str, count: u32) -> Vec<T::AccountId> {
    let mut accounts: Vec<T::AccountId> = (0..count).map(|index| account(name, index, 0)).collect();
    accounts.sort();
    accounts
}

fn back<T: Config>(who: &T::AccountId, times: u32) {
    let backing = T::MinBacking::get().saturating_mul(times.into());
    T::BenchmarkHelper::stake(BRAIN, Some(who), backing);
}

/// An operator whose bond is held.
fn operator<T: Config>(who: &T::AccountId, running: bool) -> Operator {
    let bond = T::Bond::get();
    T::Currency::hold(&HoldReason::ProducerBond.into(), who, bond).expect("the account was funded");
    Operator {
        brain: Some(BRAIN),
        bond,
        running,
        ..Default::default()
    }
}

/// As many candidates as there may be, `who` among them, or else all with less stake than twice the minimum.
fn fill_candidates<T: Config>(who: Option<&T::AccountId>) {
    let others = T::MaxCandidates::get() - u32::from(who.is_some());
    let mut candidates = accounts::<T>("candidate", others);
    for candidate in &candidates {
        back::<T>(candidate, 1);
        let operator = Operator {
            brain: Some(BRAIN),
            running: true,
            ..Default::default()
        };
        Operators::<T>::insert(candidate, operator);
    }
    candidates.extend(who.cloned());
    candidates.sort();
    Candidates::<T>::put(BoundedVec::truncate_from(candidates));
}

fn slashes<T: Config>(first: T::AccountId) {
    let slash = |validator| PendingSlash {
        validator,
        part: PPB,
        since: 0,
    };
    let others = accounts::<T>("slashed", T::MaxProducers::get() - 1);
    let all = [first].into_iter().chain(others).map(slash);
    PendingSlashes::<T>::put(BoundedVec::truncate_from(all.collect()));
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// In place of the candidate with the least stake.
    #[benchmark]
    fn opt_in() {
        fill_candidates::<T>(None);
        let who = funded::<T>("validator");
        T::BenchmarkHelper::open_brain(BRAIN, &who);
        T::BenchmarkHelper::add_peer(BRAIN, 0, Role::Validator, &who);
        T::BenchmarkHelper::set_keys(&who);
        back::<T>(&who, 2);

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), BRAIN);

        assert!(Operators::<T>::get(&who).unwrap().running);
    }

    #[benchmark]
    fn opt_out() {
        let who = funded::<T>("validator");
        fill_candidates::<T>(Some(&who));
        Operators::<T>::insert(&who, operator::<T>(&who, true));

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));

        assert!(!Operators::<T>::get(&who).unwrap().running);
    }

    #[benchmark]
    fn withdraw_bond() {
        let who = funded::<T>("validator");
        Operators::<T>::insert(&who, operator::<T>(&who, false));
        let producers = accounts::<T>("producer", T::MaxProducers::get());
        Bootstrap::<T>::put(BoundedVec::truncate_from(producers.clone()));
        T::BenchmarkHelper::set_producers(producers);
        slashes::<T>(account("offender", 0, 0));

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));

        assert!(!Operators::<T>::contains_key(&who));
    }

    #[benchmark]
    fn note_author() {
        let who = account::<T::AccountId>("producer", 0, 0);

        #[block]
        {
            <Pallet<T> as EventHandler<_, u32>>::note_author(who.clone());
        }

        assert!(Authored::<T>::contains_key(&who));
    }

    /// A block in which no slash is due.
    #[benchmark]
    fn look() {
        #[block]
        {
            Pallet::<T>::carry_out_slash();
        }
    }

    /// Of a producer with stake in `p` Brains, and stake that left in every cycle of the window.
    #[benchmark]
    fn slash(p: Linear<0, { MAX_BRAINS as u32 }>) {
        let who = funded::<T>("validator");
        Operators::<T>::insert(&who, operator::<T>(&who, false));
        for brain in 0..p as BrainId {
            T::BenchmarkHelper::stake(brain, Some(&who), BASED);
        }
        let cycles = T::WindowCycles::get();
        for cycle in 0..cycles {
            T::BenchmarkHelper::unstake(&who, cycle, BASED);
        }
        slashes::<T>(who.clone());
        // The window begins in the first of the cycles and ends in the last.
        let window = T::SlashWindow::get();
        frame_system::Pallet::<T>::set_block_number((window + window / cycles).into());

        #[block]
        {
            Pallet::<T>::carry_out_slash();
        }

        assert_eq!(Operators::<T>::get(&who).unwrap().bond, 0);
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
