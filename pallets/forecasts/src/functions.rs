//! The governed parameters, what others read, and the invariants.

use alloc::vec::Vec;

use based_primitives::{
    constants::{FORECASTS_PER_PAGE, MIN_FORECASTERS, PPB},
    forecasts::{EmissionController, ForecastStatus, Parameters, RevealedForecast, TargetHistory},
    math::{beta, overridden_beta, weighted_median},
    traits::ForecastInspect,
    BlockNumber, BrainId,
};
use frame_support::{ensure, traits::Get};
use sp_core::H256;
use sp_runtime::{DispatchResult, SaturatedConversion};

use crate::{
    BrainVoices, Config, Error, Event, Histories, LastRound, NextParameters, Pallet, ParametersInForce,
    RevealedForecasts,
};

impl<T: Config> Pallet<T> {
    /// Height of the current block.
    pub fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    /// First block of the next cycle.
    pub fn next_cycle_start() -> BlockNumber {
        let now = Self::now();
        now.saturating_sub(Self::slot_of(now))
            .saturating_add(T::CycleBlocks::get())
    }

    /// Changes the parameters from the next cycle on.
    fn change_parameters(change: impl FnOnce(&mut Parameters) -> DispatchResult) -> DispatchResult {
        let mut parameters = NextParameters::<T>::get().unwrap_or_else(ParametersInForce::<T>::get);
        change(&mut parameters)?;
        NextParameters::<T>::put(parameters);
        let effective_at = Self::next_cycle_start();
        Self::deposit_event(Event::ParametersAnnounced {
            parameters,
            effective_at,
        });
        Ok(())
    }

    /// At the end of a cycle, lets announced parameters hold: every pallet finds them in the first block of the next.
    pub(crate) fn enact_parameters() {
        if let Some(parameters) = NextParameters::<T>::take() {
            ParametersInForce::<T>::put(parameters);
            Self::deposit_event(Event::ParametersInForce { parameters });
        }
    }

    /// Weight of forecasts by the schedule when the next cycle begins.
    fn next_schedule() -> u64 {
        beta(Self::next_cycle_start(), T::TftYear::get())
    }

    pub(crate) fn do_set_beta_override(ppb: Option<u64>) -> DispatchResult {
        let schedule = Self::next_schedule();
        ensure!(ppb.is_none_or(|ppb| ppb <= schedule), Error::<T>::AboveSchedule);
        Self::change_parameters(|parameters| {
            parameters.beta_override = ppb;
            Ok(())
        })
    }

    pub(crate) fn do_set_feature_set(version: u32) -> DispatchResult {
        Self::change_parameters(|parameters| {
            parameters.feature_set = version;
            Ok(())
        })
    }

    pub(crate) fn do_set_model(model: H256) -> DispatchResult {
        Self::change_parameters(|parameters| {
            ensure!(parameters.model != Some(model), Error::<T>::SameModel);
            parameters.previous_model = parameters.model.replace(model);
            Ok(())
        })
    }

    pub(crate) fn do_roll_back_model() -> DispatchResult {
        Self::change_parameters(|parameters| {
            ensure!(parameters.previous_model.is_some(), Error::<T>::NoPreviousModel);
            core::mem::swap(&mut parameters.model, &mut parameters.previous_model);
            Ok(())
        })
    }

    pub(crate) fn do_set_controller(controller: EmissionController) -> DispatchResult {
        let ready = controller == EmissionController::FixedRule || Self::next_schedule() == PPB;
        ensure!(ready, Error::<T>::ScheduleUnfinished);
        Self::change_parameters(|parameters| {
            parameters.controller = controller;
            Ok(())
        })
    }

    /// Where forecasting stands.
    pub fn status() -> ForecastStatus {
        let round = Self::cycle_of(Self::now());
        ForecastStatus {
            round,
            next_cycle: Self::next_cycle_start(),
            reveal_blocks: Self::reveal_blocks(),
            committed: Self::committed(round),
            deposit: T::Deposit::get(),
            beta: <Self as ForecastInspect<T::AccountId>>::beta(),
            parameters: ParametersInForce::<T>::get(),
            next_parameters: NextParameters::<T>::get(),
            last: LastRound::<T>::get(),
        }
    }

    /// Realised values of the targets over the newest cycles, oldest first.
    pub fn target_history() -> TargetHistory {
        Histories::<T>::get()
            .iter()
            .map(|history| {
                let Some(last) = history.last() else {
                    return Vec::new();
                };
                // Backwards from the last value, one difference at a time.
                let steps: Vec<i64> = history.differences().collect();
                let mut values = alloc::vec![last];
                let mut value = last;
                for step in steps.iter().rev() {
                    value = value.saturating_sub(*step);
                    values.push(value);
                }
                values.reverse();
                values
            })
            .collect()
    }

    /// Forecasts revealed for a round and not scored yet; `after` is the last account of the page before.
    pub fn revealed_page(
        round: u32,
        after: Option<&T::AccountId>,
        limit: u16,
    ) -> Vec<RevealedForecast<T::AccountId>> {
        let entries = match after {
            Some(account) => {
                let key = RevealedForecasts::<T>::hashed_key_for(round, account);
                RevealedForecasts::<T>::iter_prefix_from(round, key)
            }
            None => RevealedForecasts::<T>::iter_prefix(round),
        };
        entries
            .take(limit.min(FORECASTS_PER_PAGE).into())
            .map(|(account, forecast)| RevealedForecast {
                accuracy: Self::accuracy_of(&account),
                account,
                stake: forecast.stake,
                quantiles: forecast.quantiles,
            })
            .collect()
    }
}

impl<T: Config> ForecastInspect<T::AccountId> for Pallet<T> {
    fn beta() -> u64 {
        let schedule = beta(Self::now(), T::TftYear::get());
        overridden_beta(schedule, ParametersInForce::<T>::get().beta_override)
    }

    fn accuracy(account: &T::AccountId) -> u64 {
        Self::accuracy_of(account)
    }

    fn performance(brain: BrainId) -> Option<u64> {
        let round = Self::cycle_of(Self::now()).checked_sub(1)?;
        let heard = BrainVoices::<T>::get(brain)
            .filter(|heard| heard.round == round && heard.voices.len() >= MIN_FORECASTERS)?;
        let voices = heard
            .voices
            .iter()
            .map(|voice| (voice.performance.into(), voice.weight));
        weighted_median(voices.collect())
    }
}

/// Checks of the invariants named in the pallet's header.
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod checks {
    use alloc::collections::BTreeMap;

    use based_primitives::{constants::METRIC_BUCKETS, Balance};
    use frame_support::traits::fungible::InspectHold;
    use sp_runtime::TryRuntimeError;

    use super::*;
    use crate::{
        types::Standings, Accuracies, Buckets, Commitments, HoldReason, MeterState, Scoring, StandingsSeen,
    };

    impl<T: Config> Pallet<T> {
        /// Checks the invariants named in the pallet's header.
        ///
        /// # Errors
        /// The first invariant that does not hold.
        pub fn do_try_state() -> Result<(), TryRuntimeError> {
            Self::check_rounds()?;
            Self::check_metrics()?;
            for record in Accuracies::<T>::iter_values() {
                let value = u64::from(record.value);
                ensure!(value > 0 && value <= PPB, "an Accuracy is no ratio above 0");
            }
            for heard in BrainVoices::<T>::iter_values() {
                let valid = heard
                    .voices
                    .iter()
                    .all(|voice| voice.weight > 0 && u64::from(voice.performance) <= PPB);
                ensure!(valid, "a forecast of a Brain has no weight or is no ratio");
            }
            let next = NextParameters::<T>::get().unwrap_or_default().controller;
            let in_force = ParametersInForce::<T>::get().controller;
            let handed_over = [next, in_force].contains(&EmissionController::Enforcer);
            ensure!(
                !handed_over || Self::next_schedule() == PPB,
                "the Enforcer controls too early"
            );
            Ok(())
        }

        fn check_rounds() -> Result<(), TryRuntimeError> {
            let cycle = Self::cycle_of(Self::now());
            let scoring = Scoring::<T>::get().map(|record| record.round);
            let open = |round: u32| round == cycle || Some(round) == cycle.checked_sub(1);
            let mut held: BTreeMap<T::AccountId, Balance> = BTreeMap::new();
            let mut committed = 0u32;
            for (round, account, promise) in Commitments::<T>::iter() {
                ensure!(
                    open(round) || scoring == Some(round),
                    "a commitment outlived its round"
                );
                ensure!(
                    !RevealedForecasts::<T>::contains_key(round, &account),
                    "a commitment was revealed and stayed"
                );
                committed = committed.saturating_add(u32::from(round == cycle));
                let sum = held.entry(account).or_default();
                *sum = sum.saturating_add(promise.deposit);
            }
            ensure!(committed == Self::committed(cycle), "commitments are miscounted");
            for (account, deposits) in held {
                let reason = HoldReason::Forecast.into();
                let hold = T::Currency::balance_on_hold(&reason, &account);
                ensure!(hold == deposits, "deposits and holds differ");
            }
            for (round, _, forecast) in RevealedForecasts::<T>::iter() {
                ensure!(
                    open(round) || scoring == Some(round),
                    "a forecast outlived its round"
                );
                let monotone = forecast.quantiles.iter().all(|row| row.iter().is_sorted());
                ensure!(monotone, "quantiles cross");
            }
            Ok(())
        }

        fn check_metrics() -> Result<(), TryRuntimeError> {
            for (place, bucket) in Buckets::<T>::iter() {
                let right = place < METRIC_BUCKETS && place == Self::place(bucket.index);
                ensure!(right, "a bucket lies in another's place");
            }
            let mut standings = Standings::default();
            for standing in StandingsSeen::<T>::iter_values() {
                standings.replace(&Default::default(), &standing);
            }
            ensure!(
                standings == MeterState::<T>::get().standings,
                "the sums over Brains are not those of Brains"
            );
            Ok(())
        }
    }
}
