//! Benchmarks of the calls and of the work in every block.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::unwrap_used)]

use alloc::{vec, vec::Vec};

use based_primitives::{
    benchmarking::BenchmarkHelper,
    constants::{BASED, BASELINE_DIFFERENCES, FORECAST_TARGETS, MAX_FORECAST_BRAINS, PPB},
    forecasts::{commitment, BrainForecast, EmissionController, Forecast, Parameters, RoundRecord},
    traits::{OnTransactionPaid, RegistryInspect, SweepBrain},
    BrainId, Role,
};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{fungible::MutateHold, EnsureOrigin, Get},
    weights::Weight,
    BoundedVec,
};
use frame_system::RawOrigin;
use sp_core::H256;

use crate::{
    rounds::SWEPT_PER_BLOCK,
    types::{AccuracyRecord, Commitment, Committed, Revealed, Standing, Voice, Voices, FORECASTS_PER_BRAIN},
    Accuracies, BrainVoices, Buckets, Call, Commitments, CommittedCount, Config, Histories, HoldReason,
    LastRound, MeterState, NextParameters, Pallet, ParametersInForce, PayerSketches, RevealedForecasts,
    Scoring, StandingsSeen, Sweep,
};

/// Brain in which forecasters validate: none that they forecast.
const BRAIN: BrainId = 1_000;
const SALT: [u8; 32] = [9; 32];
/// Round that is committed to or scored.
const ROUND: u32 = 1;
/// Brains that are looked at in one block, more than any network has them.
const LOOKED_AT: u32 = 16;
/// Payments that leave a mark in a block's sketch of accounts.
const PAYMENTS: u32 = 10_000;

fn funded<T: Config>(index: u32) -> T::AccountId {
    let who = account("forecaster", index, 0);
    T::BenchmarkHelper::fund(&who, 2 * T::Deposit::get() + BASED);
    who
}

/// A validator with stake and an Accuracy, that is with a voice.
fn forecaster<T: Config>() -> T::AccountId {
    let who = funded::<T>(0);
    T::BenchmarkHelper::open_brain(BRAIN, &who);
    T::BenchmarkHelper::add_peer(BRAIN, 0, Role::Validator, &who);
    T::BenchmarkHelper::stake(BRAIN, Some(&who), BASED);
    Accuracies::<T>::insert(&who, accurate());
    who
}

fn accurate() -> AccuracyRecord {
    AccuracyRecord {
        value: PPB as u32,
        round: 0,
    }
}

/// Goes to the first block of a cycle.
fn begin_cycle<T: Config>(cycle: u32) {
    frame_system::Pallet::<T>::set_block_number((cycle * T::CycleBlocks::get()).into());
}

/// Holds a forecaster's deposit.
fn commit<T: Config>(who: &T::AccountId, hash: H256) {
    let deposit = T::Deposit::get();
    T::Currency::hold(&HoldReason::Forecast.into(), who, deposit).expect("the account was funded");
    let promise = Commitment {
        hash,
        brain: BRAIN,
        computekey: T::Registry::computekey(BRAIN, who).unwrap_or_default(),
        deposit,
    };
    Commitments::<T>::insert(ROUND, who, promise);
}

/// Figures of so many cycles as make a full history.
fn fill_histories<T: Config>() {
    Histories::<T>::mutate(|histories| {
        for history in histories.iter_mut() {
            for cycle in 0..=i64::from(BASELINE_DIFFERENCES) {
                history.push(cycle * cycle);
            }
        }
    });
}

/// Parameters that differ from those in force in all there is.
fn announce<T: Config>() {
    let parameters = |seed| Parameters {
        beta_override: Some(0),
        feature_set: seed,
        model: Some(H256::from_low_u64_be(seed.into())),
        previous_model: Some(H256::from_low_u64_be(u64::from(seed) + 1)),
        ..Default::default()
    };
    ParametersInForce::<T>::put(parameters(1));
    NextParameters::<T>::put(parameters(3));
}

fn governance<T: Config>() -> Result<T::RuntimeOrigin, BenchmarkError> {
    T::GovernanceOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)
}

fn pay<T: Config>(payments: u32) {
    for index in 0..payments {
        Pallet::<T>::on_transaction_paid(&account("payer", index, 0), BASED);
    }
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn commit_forecast() {
        let who = forecaster::<T>();
        begin_cycle::<T>(ROUND);
        let committed = Committed {
            round: ROUND,
            forecasters: 0,
        };
        CommittedCount::<T>::put(committed);

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), BRAIN, H256::repeat_byte(1));

        assert!(Commitments::<T>::contains_key(ROUND, &who));
    }

    /// Of `n` Brains, each with as many forecasts as are heard, all of less weight.
    #[benchmark]
    fn reveal_forecast(n: Linear<0, { MAX_FORECAST_BRAINS }>) {
        let who = forecaster::<T>();
        let voice = Voice {
            performance: 1,
            weight: 1,
        };
        let voices = Voices {
            round: ROUND,
            voices: BoundedVec::truncate_from(vec![voice; FORECASTS_PER_BRAIN as usize]),
        };
        let brains = (0..n as BrainId).map(|brain| {
            BrainVoices::<T>::insert(brain, voices.clone());
            BrainForecast {
                brain,
                performance: 1,
            }
        });
        let forecast = Forecast {
            quantiles: [[1; 3]; FORECAST_TARGETS],
            brains: BoundedVec::truncate_from(brains.collect()),
        };
        let computekey = T::Registry::computekey(BRAIN, &who).unwrap();
        commit::<T>(&who, commitment(ROUND, &who, &computekey, &SALT, &forecast));
        begin_cycle::<T>(ROUND + 1);

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), forecast, SALT);

        assert!(RevealedForecasts::<T>::contains_key(ROUND, &who));
    }

    #[benchmark]
    fn set_beta_override() -> Result<(), BenchmarkError> {
        let origin = governance::<T>()?;
        announce::<T>();

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, Some(0));

        assert_eq!(NextParameters::<T>::get().unwrap().beta_override, Some(0));
        Ok(())
    }

    #[benchmark]
    fn set_feature_set() -> Result<(), BenchmarkError> {
        let origin = governance::<T>()?;
        announce::<T>();

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, 9);

        assert_eq!(NextParameters::<T>::get().unwrap().feature_set, 9);
        Ok(())
    }

    #[benchmark]
    fn set_model() -> Result<(), BenchmarkError> {
        let origin = governance::<T>()?;
        announce::<T>();
        let model = H256::repeat_byte(9);

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, model);

        assert_eq!(NextParameters::<T>::get().unwrap().model, Some(model));
        Ok(())
    }

    #[benchmark]
    fn roll_back_model() -> Result<(), BenchmarkError> {
        let origin = governance::<T>()?;
        announce::<T>();
        let former = NextParameters::<T>::get().unwrap().previous_model;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin);

        assert_eq!(NextParameters::<T>::get().unwrap().model, former);
        Ok(())
    }

    /// To the Enforcer, its schedule complete.
    #[benchmark]
    fn set_controller() -> Result<(), BenchmarkError> {
        let origin = governance::<T>()?;
        announce::<T>();
        frame_system::Pallet::<T>::set_block_number((u32::MAX / 2).into());

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, EmissionController::Enforcer);

        assert_eq!(
            NextParameters::<T>::get().unwrap().controller,
            EmissionController::Enforcer
        );
        Ok(())
    }

    /// A block with `p` payments, in which `b` Brains stand otherwise than before.
    #[benchmark]
    fn observe(b: Linear<0, { LOOKED_AT }>, p: Linear<0, PAYMENTS>) {
        let owner = account("owner", 0, 0);
        for brain in 0..b as BrainId {
            T::BenchmarkHelper::open_brain(brain, &owner);
            T::BenchmarkHelper::score_peers(brain);
            T::BenchmarkHelper::foresee(brain, ROUND);
            let before = Standing {
                performance: 1,
                validators: 1,
            };
            StandingsSeen::<T>::insert(brain, before);
        }
        pay::<T>(p);
        // The first block of a cycle and of a bucket ends neither.
        begin_cycle::<T>(0);

        #[block]
        {
            Pallet::<T>::observe_brains(0, 0..b as BrainId);
        }

        assert_eq!(MeterState::<T>::get().bucket.transactions, u64::from(p));
    }

    #[benchmark]
    fn close_bucket() {
        pay::<T>(PAYMENTS);
        Pallet::<T>::observe_brains(0, 0..0);
        T::BenchmarkHelper::stake(BRAIN, None, BASED);
        let mut meter = MeterState::<T>::get();
        let mut payers = PayerSketches::<T>::get();

        #[block]
        {
            Pallet::<T>::close_bucket(0, &mut meter, &mut payers);
        }

        assert!(Buckets::<T>::contains_key(0));
    }

    /// With full histories and announced parameters.
    #[benchmark]
    fn close_cycle() {
        pay::<T>(PAYMENTS);
        Pallet::<T>::observe_brains(0, 0..0);
        fill_histories::<T>();
        announce::<T>();
        let mut meter = MeterState::<T>::get();
        let mut payers = PayerSketches::<T>::get();

        #[block]
        {
            let cycle = (ROUND + 1) * T::CycleBlocks::get();
            Pallet::<T>::end_cycle(cycle, &mut meter, &mut payers);
        }

        assert_eq!(Scoring::<T>::get().unwrap().round, ROUND);
        assert!(!NextParameters::<T>::exists());
    }

    #[benchmark]
    fn no_scoring() {
        #[block]
        {
            Pallet::<T>::score_some();
        }
    }

    /// `n` forecasters that stayed silent.
    #[benchmark]
    fn score_silent(n: Linear<0, { T::ScoredPerBlock::get() }>) {
        let record = RoundRecord {
            round: ROUND,
            ..Default::default()
        };
        Scoring::<T>::put(record);
        for index in 0..n {
            commit::<T>(&funded::<T>(index), H256::repeat_byte(1));
        }

        #[block]
        {
            Pallet::<T>::score_some();
        }

        assert_eq!(Commitments::<T>::iter_prefix(ROUND).count(), 0);
    }

    /// `n` forecasts by forecasters with an Accuracy.
    #[benchmark]
    fn score_revealed(n: Linear<0, { T::ScoredPerBlock::get() }>) {
        let record = RoundRecord {
            round: ROUND,
            realised: [i64::from(u32::MAX); FORECAST_TARGETS],
            baseline: [u128::from(u64::MAX); FORECAST_TARGETS],
            ..Default::default()
        };
        Scoring::<T>::put(record);
        for index in 0..n {
            let who: T::AccountId = account("forecaster", index, 0);
            let forecast = Revealed {
                stake: BASED,
                quantiles: [[1, 2, 3]; FORECAST_TARGETS],
            };
            RevealedForecasts::<T>::insert(ROUND, &who, forecast);
            Accuracies::<T>::insert(&who, accurate());
        }

        #[block]
        {
            Pallet::<T>::score_some();
        }

        assert_eq!(RevealedForecasts::<T>::iter_prefix(ROUND).count(), 0);
    }

    /// Accuracies that faded to nothing.
    #[benchmark]
    fn sweep() {
        let mut accounts: Vec<T::AccountId> = (0..=SWEPT_PER_BLOCK)
            .map(|index| account("forecaster", index, 0))
            .collect();
        accounts.sort_by_key(|who| Accuracies::<T>::hashed_key_for(who));
        for who in &accounts {
            Accuracies::<T>::insert(who, accurate());
        }
        Sweep::<T>::set(accounts.first().cloned());
        let last = RoundRecord {
            round: u32::MAX,
            ..Default::default()
        };
        LastRound::<T>::put(last);

        #[block]
        {
            Pallet::<T>::sweep();
        }

        assert_eq!(Accuracies::<T>::iter().count(), 1);
    }

    #[benchmark]
    fn forget_brain() {
        BrainVoices::<T>::insert(BRAIN, Voices::default());

        #[block]
        {
            <Pallet<T> as SweepBrain>::sweep(BRAIN, Weight::MAX);
        }

        assert!(!BrainVoices::<T>::contains_key(BRAIN));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
