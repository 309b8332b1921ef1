//! Benchmarks of the calls and of the sweep.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::unwrap_used)]

use based_primitives::{
    benchmarking::BenchmarkHelper,
    constants::{BASED, MAX_TAKE_PPB, PPB},
    traits::{ProducerStake, StakeInspect, StakeRewards, SweepBrain},
    Balance, BrainId, Role,
};
use frame_benchmarking::v2::*;
use frame_support::traits::Get;
use frame_system::RawOrigin;

use crate::{
    types::Target, Call, Config, LeavingStake, Pallet, Positions, Stakers, Takes, Unstaking, WeightInfo,
};

const BRAIN: BrainId = 100;
const FUNDS: Balance = 1_000_000 * BASED;
const STAKE: Balance = 1_000 * BASED;
/// Part that a slash takes, in ppb.
const PART: u64 = PPB / 10;
/// What it leaves of [`STAKE`].
const KEPT: Balance = STAKE / 10 * 9;

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId {
    let who = account(name, index, 0);
    T::BenchmarkHelper::fund(&who, FUNDS);
    who
}

/// A validator of the Brain that answers for blocks.
fn validator<T: Config>() -> T::AccountId {
    let validator = funded::<T>("validator", 0);
    T::BenchmarkHelper::open_brain(BRAIN, &validator);
    T::BenchmarkHelper::add_peer(BRAIN, 0, Role::Validator, &validator);
    T::BenchmarkHelper::expose(&validator);
    validator
}

fn target<T: Config>(validator: &T::AccountId) -> Target<T::AccountId> {
    Target {
        brain: BRAIN,
        validator: Some(validator.clone()),
    }
}

fn stake<T: Config>(who: &T::AccountId, validator: &T::AccountId, amount: Balance) {
    let origin = RawOrigin::Signed(who.clone()).into();
    let staked = Pallet::<T>::stake(origin, BRAIN, Some(validator.clone()), amount);
    staked.expect("the account has what it stakes");
}

fn slash<T: Config>(validator: &T::AccountId) {
    let slashed = <Pallet<T> as ProducerStake<_>>::slash(validator, PART, 0);
    assert!(slashed > 0);
}

/// A staker of [`STAKE`] who owes its part of a slash.
fn slashed_staker<T: Config>(validator: &T::AccountId) -> T::AccountId {
    let who = funded::<T>("staker", 0);
    stake::<T>(&who, validator, STAKE);
    slash::<T>(validator);
    who
}

/// The same, who owes its part for what left the validator in this cycle as well.
fn leaving_staker<T: Config>(validator: &T::AccountId) -> T::AccountId {
    let who = funded::<T>("staker", 0);
    stake::<T>(&who, validator, 2 * STAKE);
    let left = Pallet::<T>::do_unstake(&who, target::<T>(validator), Some(STAKE));
    left.expect("half of the stake leaves");
    slash::<T>(validator);
    who
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// The first stake on a validator.
    #[benchmark]
    fn stake() {
        let (validator, who) = (validator::<T>(), funded::<T>("staker", 0));

        #[extrinsic_call]
        _(RawOrigin::Signed(who), BRAIN, Some(validator.clone()), STAKE);

        assert_eq!(Pallet::<T>::validator_stake(BRAIN, &validator), STAKE);
    }

    /// More stake in a position that owes its part of a slash.
    #[benchmark]
    fn stake_slashed() {
        let validator = validator::<T>();
        let who = slashed_staker::<T>(&validator);

        #[extrinsic_call]
        stake(RawOrigin::Signed(who), BRAIN, Some(validator.clone()), STAKE);

        assert_eq!(Pallet::<T>::validator_stake(BRAIN, &validator), KEPT + STAKE);
    }

    /// All that a validator has, slashed before.
    #[benchmark]
    fn unstake() {
        let validator = validator::<T>();
        let who = leaving_staker::<T>(&validator);

        #[extrinsic_call]
        _(RawOrigin::Signed(who), BRAIN, Some(validator.clone()), KEPT);

        assert_eq!(Pallet::<T>::validator_stake(BRAIN, &validator), 0);
    }

    #[benchmark]
    fn withdraw() {
        let who = funded::<T>("staker", 0);
        T::BenchmarkHelper::open_brain(BRAIN, &who);
        let brain = Target {
            brain: BRAIN,
            validator: None,
        };
        let origin = RawOrigin::Signed(who.clone());
        Pallet::<T>::stake(origin.clone().into(), BRAIN, None, 2 * STAKE).expect("the account has it");
        Pallet::<T>::do_unstake(&who, brain, Some(STAKE)).expect("it is staked");
        frame_system::Pallet::<T>::set_block_number(T::CycleBlocks::get().into());

        #[extrinsic_call]
        _(origin);

        assert!(Unstaking::<T>::get(&who).is_empty());
    }

    /// By a validator, its take and what its slashed position earned.
    #[benchmark]
    fn claim() {
        let validator = validator::<T>();
        super::stake::<T>(&validator, &validator, STAKE);
        slash::<T>(&validator);
        let reward = Pallet::<T>::deposit(BRAIN, Some(&validator), STAKE);
        T::BenchmarkHelper::fund(&Pallet::<T>::reward_account(), reward);

        #[extrinsic_call]
        _(
            RawOrigin::Signed(validator.clone()),
            BRAIN,
            Some(validator.clone()),
        );

        assert_eq!(Pallet::<T>::claimable(&validator), 0);
    }

    #[benchmark]
    fn set_take() {
        let validator = validator::<T>();

        #[extrinsic_call]
        _(RawOrigin::Signed(validator.clone()), BRAIN, MAX_TAKE_PPB / 2);

        assert!(Takes::<T>::contains_key(&validator, BRAIN));
    }

    /// What was slashed since it left.
    #[benchmark]
    fn withdraw_leaving() {
        let validator = validator::<T>();
        let who = leaving_staker::<T>(&validator);
        let after = T::SlashWindow::get() + T::CycleBlocks::get() + 1;
        let cycle = Pallet::<T>::cycle_of(Pallet::<T>::now());
        frame_system::Pallet::<T>::set_block_number(after.into());

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), validator.clone(), cycle);

        assert!(!LeavingStake::<T>::contains_key(&who, (validator, cycle)));
    }

    #[benchmark]
    fn settle_slash() {
        let validator = validator::<T>();
        let staker = slashed_staker::<T>(&validator);

        #[extrinsic_call]
        _(
            RawOrigin::Signed(validator.clone()),
            staker.clone(),
            BRAIN,
            validator.clone(),
        );

        let position = Positions::<T>::get(&staker, target::<T>(&validator));
        assert_eq!(position.unwrap().amount, KEPT);
    }

    /// One position, with what it owes for slashes.
    #[benchmark]
    fn sweep() {
        let validator = validator::<T>();
        leaving_staker::<T>(&validator);
        let one = T::WeightInfo::sweep();

        #[block]
        {
            Pallet::<T>::sweep(BRAIN, one);
        }

        assert_eq!(Stakers::<T>::iter_key_prefix(BRAIN).count(), 0);
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
