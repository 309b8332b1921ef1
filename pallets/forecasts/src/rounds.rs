//! Rounds: commitments, revelations, and the scores that follow from what happened (D.5).

use alloc::vec::Vec;

use based_primitives::{
    constants::PPB,
    forecasts::{commitment, Figures, Forecast, RoundRecord},
    math::{idle_accuracy, mean, mul_div, next_accuracy, pinball, relative_loss, skill},
    traits::{RegistryInspect, StakeInspect},
    Balance, BlockNumber, BrainId, Role,
};
use frame_support::{
    ensure,
    traits::{
        fungible::MutateHold,
        tokens::{Fortitude, Precision, Restriction},
        Get,
    },
    weights::Weight,
};
use sp_core::H256;
use sp_runtime::DispatchResult;

use crate::{
    types::{AccuracyRecord, Commitment, Committed, Revealed, Voice, Voices},
    Accuracies, BrainVoices, Commitments, CommittedCount, Config, Error, Event, Forfeited, Histories,
    HoldReason, LastRound, Pallet, RevealedForecasts, Scoring, Sweep, WeightInfo,
};

/// Accuracies that are looked at in one block to forget those that faded.
pub(crate) const SWEPT_PER_BLOCK: u32 = 4;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_commit(who: &T::AccountId, brain: BrainId, hash: H256) -> DispatchResult {
        ensure!(
            T::Registry::role(brain, who) == Some(Role::Validator),
            Error::<T>::NotValidator
        );
        let computekey = T::Registry::computekey(brain, who).ok_or(Error::<T>::NotValidator)?;
        let round = Self::cycle_of(Self::now());
        ensure!(
            !Commitments::<T>::contains_key(round, who),
            Error::<T>::AlreadyCommitted
        );
        let forecasters = Self::committed(round);
        ensure!(forecasters < Self::max_forecasters(), Error::<T>::RoundFull);
        let deposit = T::Deposit::get();
        T::Currency::hold(&HoldReason::Forecast.into(), who, deposit)?;
        let promise = Commitment {
            hash,
            brain,
            computekey,
            deposit,
        };
        Commitments::<T>::insert(round, who, promise);
        CommittedCount::<T>::put(Committed {
            round,
            forecasters: forecasters.saturating_add(1),
        });
        let account = who.clone();
        Self::deposit_event(Event::Committed {
            round,
            account,
            brain,
        });
        Ok(())
    }

    pub(crate) fn do_reveal(who: &T::AccountId, forecast: &Forecast, salt: &[u8; 32]) -> DispatchResult {
        let now = Self::now();
        let cycle = Self::cycle_of(now);
        let promised = cycle
            .checked_sub(1)
            .and_then(|round| Some((round, Commitments::<T>::get(round, who)?)));
        let Some((round, promise)) = promised else {
            let early = Commitments::<T>::contains_key(cycle, who);
            return Err(if early {
                Error::<T>::TooEarly.into()
            } else {
                Error::<T>::NotCommitted.into()
            });
        };
        ensure!(Self::slot_of(now) < Self::reveal_blocks(), Error::<T>::TooLate);
        let hash = commitment(round, who, &promise.computekey, salt, forecast);
        ensure!(hash == promise.hash, Error::<T>::WrongReveal);
        ensure!(forecast.is_monotone(), Error::<T>::CrossedQuantiles);
        ensure!(forecast.has_valid_brains(), Error::<T>::InvalidBrains);
        let member = |brain: BrainId| T::Registry::uid(brain, who).is_some();
        ensure!(
            !forecast.brains.iter().any(|pair| member(pair.brain)),
            Error::<T>::OwnBrain
        );

        let reason = HoldReason::Forecast.into();
        T::Currency::release(&reason, who, promise.deposit, Precision::BestEffort)?;
        Commitments::<T>::remove(round, who);
        let stake = T::Stake::validator_stake(promise.brain, who);
        let revealed = Revealed {
            stake,
            quantiles: forecast.quantiles,
        };
        RevealedForecasts::<T>::insert(round, who, revealed);
        Self::hear(round, forecast, stake, Self::accuracy_of(who));
        let account = who.clone();
        Self::deposit_event(Event::Revealed { round, account });
        Ok(())
    }

    /// Files what a forecaster says of Brains. One without stake or Accuracy has no voice.
    fn hear(round: u32, forecast: &Forecast, stake: Balance, accuracy: u64) {
        let weight = mul_div(stake, accuracy.into(), PPB.into()).unwrap_or(0);
        if weight == 0 {
            return;
        }
        for pair in &forecast.brains {
            let mut heard = BrainVoices::<T>::get(pair.brain)
                .filter(|heard| heard.round == round)
                .unwrap_or_else(|| Voices {
                    round,
                    ..Default::default()
                });
            heard.add(Voice {
                performance: pair.performance,
                weight,
            });
            BrainVoices::<T>::insert(pair.brain, heard);
        }
    }

    /// Takes in what the figures of `cycle` turned out to be. From the next block on the round that forecast them is
    /// scored. All its forecasters are by the end of the next cycle: no more than that were admitted.
    pub(crate) fn close_cycle(cycle: u32, figures: Figures) {
        let mut histories = Histories::<T>::get();
        let mut record = RoundRecord::default();
        let mut known = true;
        let slots = record.realised.iter_mut().zip(&mut record.baseline);
        for ((history, figure), (realised, baseline)) in histories.iter_mut().zip(figures).zip(slots) {
            *realised = history.winsorised(figure);
            match history.baseline() {
                Some(quantiles) => *baseline = pinball(*realised, &quantiles),
                None => known = false,
            }
            history.push(figure);
        }
        Histories::<T>::put(histories);
        if let Some(round) = cycle.checked_sub(1).filter(|_| known) {
            record.round = round;
            Scoring::<T>::put(record);
        }
    }

    /// Scores the next forecasters of the round that waits for it, if one does.
    pub(crate) fn score_some() -> Weight {
        let Some(mut record) = Scoring::<T>::get() else {
            return T::WeightInfo::no_scoring();
        };
        let round = record.round;
        let limit = T::ScoredPerBlock::get();
        let silent: Vec<_> = Commitments::<T>::drain_prefix(round)
            .take(limit as usize)
            .collect();
        let silent_count = silent.len() as u32;
        for (account, promise) in silent {
            Self::forfeit(round, account, promise.deposit);
        }
        record.silent = record.silent.saturating_add(silent_count);
        let rest = limit.saturating_sub(silent_count);
        let revealed: Vec<_> = RevealedForecasts::<T>::drain_prefix(round)
            .take(rest as usize)
            .collect();
        let revealed_count = revealed.len() as u32;
        for (account, forecast) in revealed {
            Self::score(&mut record, account, &forecast);
        }
        if revealed_count < rest {
            Scoring::<T>::kill();
            LastRound::<T>::put(record);
            Self::deposit_event(Event::RoundScored { record });
        } else {
            Scoring::<T>::put(record);
        }
        T::WeightInfo::score_silent(silent_count)
            .saturating_add(T::WeightInfo::score_revealed(revealed_count))
    }

    /// Moves the deposit of a forecaster that stayed silent to the treasury.
    fn forfeit(round: u32, account: T::AccountId, deposit: Balance) {
        let taken = T::Currency::transfer_on_hold(
            &HoldReason::Forecast.into(),
            &account,
            &T::Treasury::get(),
            deposit,
            Precision::BestEffort,
            Restriction::Free,
            Fortitude::Force,
        );
        match taken {
            Ok(amount) => {
                Forfeited::<T>::mutate(|sum| *sum = sum.saturating_add(amount));
                Self::deposit_event(Event::Forfeited {
                    round,
                    account,
                    amount,
                });
            }
            Err(error) => {
                log::error!(target: "runtime::forecasts", "a deposit could not be moved: {error:?}");
            }
        }
    }

    /// Scores one forecast and moves its forecaster's Accuracy.
    fn score(record: &mut RoundRecord, account: T::AccountId, forecast: &Revealed) {
        let losses: Vec<(u128, u128)> = record
            .realised
            .iter()
            .zip(&record.baseline)
            .zip(&forecast.quantiles)
            .map(|((realised, baseline), quantiles)| (pinball(*realised, quantiles), *baseline))
            .collect();
        let skills: Vec<u64> = losses
            .iter()
            .map(|(loss, baseline)| skill(*loss, *baseline))
            .collect();
        let relative: Vec<u64> = losses
            .iter()
            .map(|(loss, baseline)| relative_loss(*loss, *baseline))
            .collect();
        let score = mean(&skills);
        let part = mul_div(forecast.stake, mean(&relative).into(), PPB.into()).unwrap_or(u128::MAX);
        record.revealed = record.revealed.saturating_add(1);
        record.stake = record.stake.saturating_add(forecast.stake);
        record.objective = record.objective.saturating_add(part);
        record.scores = record.scores.saturating_add(score.into());

        let round = record.round;
        let before = Accuracies::<T>::get(&account).map_or(0, |last| {
            let missed = round.saturating_sub(last.round).saturating_sub(1);
            idle_accuracy(last.value.into(), missed)
        });
        match u32::try_from(next_accuracy(before, score)) {
            Ok(value) if value > 0 => Accuracies::<T>::insert(&account, AccuracyRecord { value, round }),
            _ => Accuracies::<T>::remove(&account),
        }
        Self::deposit_event(Event::Scored {
            round,
            account,
            score,
        });
    }

    /// Forgets Accuracies that faded to nothing, a few in each block, round and round.
    pub(crate) fn sweep() {
        let start = Sweep::<T>::get();
        let entries = match &start {
            Some(account) => Accuracies::<T>::iter_from(Accuracies::<T>::hashed_key_for(account)),
            None => Accuracies::<T>::iter(),
        };
        let looked: Vec<_> = entries.take(SWEPT_PER_BLOCK as usize).collect();
        let finished = looked.len() < SWEPT_PER_BLOCK as usize;
        let last = looked.last().map(|(account, _)| account.clone());
        for (account, record) in looked {
            if Self::faded(&record) == 0 {
                Accuracies::<T>::remove(account);
            }
        }
        match last.filter(|_| !finished) {
            Some(account) => Sweep::<T>::put(account),
            None if start.is_some() => Sweep::<T>::kill(),
            None => {}
        }
    }

    /// Accuracy of an account in ppb, less what it lost in rounds without a forecast.
    pub(crate) fn accuracy_of(account: &T::AccountId) -> u64 {
        Accuracies::<T>::get(account).map_or(0, |record| Self::faded(&record))
    }

    fn faded(record: &AccuracyRecord) -> u64 {
        let scored = LastRound::<T>::get().map_or(0, |last| last.round);
        idle_accuracy(record.value.into(), scored.saturating_sub(record.round))
    }

    /// Forecasters committed to a round, if it is the one that takes commitments.
    pub(crate) fn committed(round: u32) -> u32 {
        let count = CommittedCount::<T>::get();
        if count.round == round {
            count.forecasters
        } else {
            0
        }
    }

    /// Forecasters that a round admits: as many as can be scored in the blocks of one cycle but the last.
    pub fn max_forecasters() -> u32 {
        T::ScoredPerBlock::get().saturating_mul(T::CycleBlocks::get().saturating_sub(1))
    }

    /// Blocks at the beginning of a cycle in which the round before is revealed: a quarter, at least one.
    pub fn reveal_blocks() -> BlockNumber {
        let quarter = T::CycleBlocks::get().checked_div(based_primitives::constants::REVEAL_DIVISOR);
        quarter.unwrap_or(0).max(1)
    }

    /// Cycle, and so round, of a block.
    pub(crate) fn cycle_of(now: BlockNumber) -> u32 {
        now.checked_div(T::CycleBlocks::get()).unwrap_or(0)
    }

    /// Place of a block in its cycle.
    pub(crate) fn slot_of(now: BlockNumber) -> BlockNumber {
        now.checked_rem(T::CycleBlocks::get()).unwrap_or(0)
    }
}
