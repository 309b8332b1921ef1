//! Shares of Brains in the emission (C.7).

use alloc::vec::Vec;

use super::{percentile::percentile, wide::mul_div};
use crate::{
    constants::{ACTIVE_PERCENTILE, PERFORMANCE_EMA_DIVISOR, PPB, STAKE_CAP_DIVISOR, TOP_BONUS_PPB},
    types::Balance,
};

/// What a Brain brings into the division of a cycle's emission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrainStanding {
    /// All stake of the Brain.
    pub stake: Balance,
    /// Performance in ppb, forecast term included once it weighs.
    pub performance: u64,
}

/// Stake of a Brain that counts: at most half a percent of all stake (R103, B.6).
pub fn effective_stake(stake: Balance, total_stake: Balance) -> Balance {
    stake.min(total_stake / STAKE_CAP_DIVISOR)
}

/// Scores by which the emission is apportioned to Brains, in their order: effective stake times performance times
/// bonus. The bonus is for Brains at or above the 70th percentile of the positive performances (R085).
pub fn brain_scores(brains: &[BrainStanding], total_stake: Balance) -> Vec<u128> {
    let performances = brains
        .iter()
        .map(|brain| brain.performance)
        .filter(|performance| *performance > 0);
    let bar = percentile(performances, ACTIVE_PERCENTILE).unwrap_or(u64::MAX);
    brains
        .iter()
        .map(|brain| {
            let performance = brain.performance.min(PPB);
            let bonus = if brain.performance >= bar {
                TOP_BONUS_PPB
            } else {
                0
            };
            let factor = performance.saturating_mul(PPB.saturating_add(bonus));
            mul_div(
                effective_stake(brain.stake, total_stake),
                factor.into(),
                PPB.into(),
            )
            .unwrap_or(0)
        })
        .collect()
}

/// Moving average of a Brain's performance after one more observation, both in ppb.
pub fn next_performance(average: u64, observation: u64) -> u64 {
    let sum = average
        .saturating_mul(PERFORMANCE_EMA_DIVISOR.saturating_sub(1))
        .saturating_add(observation);
    sum / PERFORMANCE_EMA_DIVISOR
}

/// A Brain's performance with the forecast of its next one, both in ppb, at a weight of forecasts in ppb (C.7):
/// `(performance + beta forecast) / (1 + beta)`. Without a forecast the performance stays (F.1-4).
pub fn with_forecast(performance: u64, forecast: Option<u64>, beta: u64) -> u64 {
    let Some(forecast) = forecast else {
        return performance;
    };
    let sum = u128::from(performance)
        .saturating_mul(PPB.into())
        .saturating_add(u128::from(forecast).saturating_mul(beta.into()));
    let blended = sum.checked_div(u128::from(PPB).saturating_add(beta.into()));
    blended.map_or(performance, |ppb| u64::try_from(ppb).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{constants::BASED, math::apportion};
    use proptest::prelude::*;

    fn brain(stake: Balance, performance: u64) -> BrainStanding {
        BrainStanding { stake, performance }
    }

    #[test]
    fn stake_counts_up_to_half_a_percent_of_all() {
        assert_eq!(effective_stake(6 * BASED, 1_000 * BASED), 5 * BASED);
        assert_eq!(effective_stake(4 * BASED, 1_000 * BASED), 4 * BASED);
    }

    #[test]
    fn a_lone_brain_takes_everything_in_spite_of_the_cap() {
        let scores = brain_scores(&[brain(1_000 * BASED, PPB / 2)], 1_000 * BASED);
        assert_eq!(apportion(77, &scores), Some(vec![77]));
    }

    #[test]
    fn brains_above_the_cap_share_alike() {
        let brains = [brain(900 * BASED, PPB), brain(100 * BASED, PPB)];
        assert_eq!(
            apportion(10, &brain_scores(&brains, 1_000 * BASED)),
            Some(vec![5, 5])
        );
    }

    #[test]
    fn the_best_performers_carry_the_bonus_ties_included() {
        let stake = BASED;
        let brains: Vec<_> = [10, 20, 30, 40, 50, 60, 70, 70, 90, 100, 0]
            .map(|p| brain(stake, p))
            .to_vec();
        let scores = brain_scores(&brains, 10_000 * BASED);
        // Of ten positive performances the seventh smallest is the bar: 70.
        for (brain, score) in brains.iter().zip(scores) {
            let plain = stake * u128::from(brain.performance);
            let expected = if brain.performance >= 70 {
                plain * 5 / 4
            } else {
                plain
            };
            assert_eq!(score, expected, "performance {}", brain.performance);
        }
    }

    #[test]
    fn idle_brains_get_nothing() {
        let brains = [brain(BASED, 0), brain(0, PPB)];
        assert_eq!(brain_scores(&brains, 400 * BASED), vec![0, 0]);
        assert_eq!(apportion(10, &brain_scores(&brains, 400 * BASED)), None);
    }

    #[test]
    fn performance_follows_observations_slowly() {
        assert_eq!(next_performance(0, PPB), PPB / 10);
        assert_eq!(next_performance(PPB, PPB), PPB);
        assert_eq!(next_performance(PPB, 0), PPB / 10 * 9);
        assert_eq!(next_performance(u64::MAX, u64::MAX), u64::MAX / 10);
    }

    #[test]
    fn forecasts_weigh_by_beta() {
        assert_eq!(with_forecast(PPB, Some(0), 0), PPB);
        assert_eq!(with_forecast(PPB, Some(0), PPB), PPB / 2);
        assert_eq!(with_forecast(0, Some(PPB), PPB / 4), PPB / 5);
        assert_eq!(with_forecast(PPB / 3, Some(PPB / 3), 450_000_000), PPB / 3);
        assert_eq!(with_forecast(PPB / 3, None, PPB), PPB / 3);
        assert_eq!(with_forecast(PPB, Some(PPB), PPB), PPB);
    }

    fn brains() -> impl Strategy<Value = Vec<BrainStanding>> {
        proptest::collection::vec((0..BASED * 100_000, 0..=PPB), 2..60).prop_map(|brains| {
            brains
                .into_iter()
                .map(|(stake, performance)| brain(stake, performance))
                .collect()
        })
    }

    proptest! {
        /// R014: with stake fixed, more performance never means less.
        #[test]
        fn pay_does_not_fall_with_performance(brains in brains(), which: prop::sample::Index, rise in 0..=PPB) {
            let total = brains.iter().map(|brain| brain.stake).sum();
            let which = which.index(brains.len());
            let mut better = brains.clone();
            better[which].performance = (better[which].performance + rise).min(PPB);
            if let (Some(before), Some(after)) = (
                apportion(1_000 * BASED, &brain_scores(&brains, total)),
                apportion(1_000 * BASED, &brain_scores(&better, total)),
            ) {
                prop_assert!(after[which] + 1 >= before[which]);
            }
        }

        /// R020: below the cap, more stake never means less.
        #[test]
        fn pay_does_not_fall_with_stake(brains in brains(), which: prop::sample::Index, rise in 0..BASED * 1_000) {
            let which = which.index(brains.len());
            let total = brains.iter().map(|brain| brain.stake).sum::<u128>().max(BASED * 100_000 * 200);
            let mut bigger = brains.clone();
            bigger[which].stake += rise;
            if let (Some(before), Some(after)) = (
                apportion(1_000 * BASED, &brain_scores(&brains, total)),
                apportion(1_000 * BASED, &brain_scores(&bigger, total + rise)),
            ) {
                prop_assert!(after[which] + 1 >= before[which]);
            }
        }
    }
}
