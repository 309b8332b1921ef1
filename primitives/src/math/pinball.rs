//! Scores of forecasts by pinball loss against a baseline (D.5), and the median of many forecasts (F.1-4).

use alloc::vec::Vec;

use super::wide::mul_div;
use crate::constants::{ACCURACY_EMA_DIVISOR, PPB};

/// Quantiles that forecasts give, in tenths.
pub const QUANTILE_TENTHS: [u64; 3] = [1, 5, 9];

/// Ten times the pinball loss of the 10%, 50% and 90% quantiles of a figure that turned out as `y`, in the figure's
/// unit.
pub fn pinball(y: i64, quantiles: &[i64; 3]) -> u128 {
    QUANTILE_TENTHS
        .iter()
        .zip(quantiles)
        .fold(0u128, |sum, (tenths, forecast)| {
            let side = if y >= *forecast {
                *tenths
            } else {
                10u64.saturating_sub(*tenths)
            };
            let miss = u128::from(y.abs_diff(*forecast));
            sum.saturating_add(miss.saturating_mul(side.into()))
        })
}

/// By how much of the baseline's loss a forecast's is smaller, in ppb: 0 for one no better than the baseline. If the
/// baseline is exact, only an exact forecast has skill.
pub fn skill(loss: u128, baseline: u128) -> u64 {
    if baseline == 0 {
        return if loss == 0 { PPB } else { 0 };
    }
    let saved = baseline.saturating_sub(loss);
    mul_div(saved, PPB.into(), baseline).map_or(0, to_ppb)
}

/// A forecast's loss as a part of the baseline's, in ppb, at most `u64::MAX`; against an exact baseline any loss
/// counts as 10^9.
pub fn relative_loss(loss: u128, baseline: u128) -> u64 {
    if baseline == 0 {
        return if loss == 0 { 0 } else { PPB };
    }
    mul_div(loss, PPB.into(), baseline).map_or(u64::MAX, |ppb| u64::try_from(ppb).unwrap_or(u64::MAX))
}

/// Mean, rounded down; 0 of nothing.
pub fn mean(values: &[u64]) -> u64 {
    let sum = values
        .iter()
        .fold(0u128, |sum, value| sum.saturating_add((*value).into()));
    sum.checked_div(values.len() as u128)
        .map_or(0, |mean| u64::try_from(mean).unwrap_or(u64::MAX))
}

/// Accuracy after one more round with this score, both in ppb.
pub fn next_accuracy(accuracy: u64, score: u64) -> u64 {
    let sum = accuracy
        .saturating_mul(ACCURACY_EMA_DIVISOR.saturating_sub(1))
        .saturating_add(score);
    sum.checked_div(ACCURACY_EMA_DIVISOR).unwrap_or(0)
}

/// Accuracy after so many rounds without a forecast, each of which scores 0. Ends after 200 steps at most.
pub fn idle_accuracy(mut accuracy: u64, rounds: u32) -> u64 {
    for _ in 0..rounds {
        if accuracy == 0 {
            break;
        }
        accuracy = next_accuracy(accuracy, 0);
    }
    accuracy
}

/// Smallest value at or below which half of all weight lies; `None` without weight. The sum of the weights must fit
/// 127 bits.
pub fn weighted_median(mut values: Vec<(u64, u128)>) -> Option<u64> {
    values.sort_unstable_by_key(|(value, _)| *value);
    let total = values
        .iter()
        .try_fold(0u128, |sum, (_, weight)| sum.checked_add(*weight))
        .filter(|total| *total > 0)?;
    let mut below = 0u128;
    values.into_iter().find_map(|(value, weight)| {
        below = below.saturating_add(weight);
        (below >= total.div_ceil(2)).then_some(value)
    })
}

/// The smaller of a ratio in ppb and one.
fn to_ppb(value: u128) -> u64 {
    u64::try_from(value).map_or(PPB, |ppb| ppb.min(PPB))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn misses_cost_by_their_side() {
        // Above every quantile: 0.1 + 0.5 + 0.9 of a unit each; below: 0.9 + 0.5 + 0.1.
        assert_eq!(pinball(10, &[10, 10, 10]), 0);
        assert_eq!(pinball(12, &[10, 10, 10]), 30);
        assert_eq!(pinball(8, &[10, 10, 10]), 30);
        assert_eq!(pinball(10, &[5, 10, 20]), 5 + 10);
        assert_eq!(pinball(4, &[5, 10, 20]), 9 + 30 + 16);
    }

    #[test]
    fn the_widest_miss_does_not_overflow() {
        assert_eq!(pinball(i64::MAX, &[i64::MIN; 3]), u128::from(u64::MAX) * 15);
    }

    #[test]
    fn skill_is_one_for_the_perfect_and_zero_for_the_baseline_and_worse() {
        assert_eq!(skill(0, 100), PPB);
        assert_eq!(skill(75, 100), PPB / 4);
        assert_eq!(skill(100, 100), 0);
        assert_eq!(skill(101, 100), 0);
        assert_eq!(skill(0, 0), PPB);
        assert_eq!(skill(1, 0), 0);
        assert_eq!(skill(0, u128::MAX), PPB);
    }

    #[test]
    fn losses_are_told_against_the_baseline() {
        assert_eq!(relative_loss(50, 100), PPB / 2);
        assert_eq!(relative_loss(0, 0), 0);
        assert_eq!(relative_loss(7, 0), PPB);
        assert_eq!(relative_loss(u128::MAX, 1), u64::MAX);
    }

    #[test]
    fn accuracy_follows_scores_slowly_and_fades_in_silence() {
        assert_eq!(next_accuracy(0, PPB), PPB / 10);
        assert_eq!(next_accuracy(PPB, 0), PPB / 10 * 9);
        assert_eq!(next_accuracy(PPB, PPB), PPB);
        assert_eq!(idle_accuracy(PPB, 0), PPB);
        assert_eq!(idle_accuracy(PPB, 2), PPB / 100 * 81);
        assert_eq!(idle_accuracy(PPB, 200), 0);
        assert_eq!(idle_accuracy(PPB, u32::MAX), 0);
    }

    #[test]
    fn a_mean_of_nothing_is_nothing() {
        assert_eq!(mean(&[]), 0);
        assert_eq!(mean(&[PPB, PPB, 0, 0, 0, 1]), PPB / 3);
        assert_eq!(mean(&[u64::MAX; 6]), u64::MAX);
    }

    #[test]
    fn the_median_goes_by_weight() {
        assert_eq!(weighted_median(vec![]), None);
        assert_eq!(weighted_median(vec![(5, 0)]), None);
        assert_eq!(weighted_median(vec![(9, 1), (1, 1), (5, 1)]), Some(5));
        assert_eq!(weighted_median(vec![(1, 10), (9, 9)]), Some(1));
        assert_eq!(weighted_median(vec![(9, 10), (1, 9)]), Some(9));
        assert_eq!(weighted_median(vec![(1, u128::MAX), (2, 1)]), None);
    }

    fn quantiles() -> impl Strategy<Value = [i64; 3]> {
        any::<[i64; 3]>().prop_map(|mut quantiles| {
            quantiles.sort_unstable();
            quantiles
        })
    }

    proptest! {
        #[test]
        fn skill_is_a_part_of_one(y: i64, ours in quantiles(), theirs in quantiles()) {
            let (ours, theirs) = (pinball(y, &ours), pinball(y, &theirs));
            prop_assert!(skill(ours, theirs) <= PPB);
            prop_assert_eq!(skill(ours, theirs) == PPB, ours == 0);
            prop_assert!(ours < theirs || ours == 0 || skill(ours, theirs) == 0);
        }

        /// Pinball loss is proper: over any sample no other pair of quantiles beats the empirical ones.
        #[test]
        fn honest_quantiles_lose_least(
            sample in proptest::collection::vec(-1_000i64..1_000, 1..40), other in -1_000i64..1_000,
        ) {
            use crate::math::percentile;
            let honest: Vec<i64> =
                [10, 50, 90].map(|percent| percentile(sample.iter().copied(), percent).unwrap()).to_vec();
            let honest = [honest[0], honest[1], honest[2]];
            let loss = |quantiles: [i64; 3]| sample.iter().map(|y| pinball(*y, &quantiles)).sum::<u128>();
            for place in 0..3 {
                let mut changed = honest;
                changed[place] = other;
                prop_assert!(loss(honest) <= loss(changed));
            }
        }

        #[test]
        fn half_of_the_weight_lies_at_or_below_the_median(
            values in proptest::collection::vec((0u64..50, 0u128..100), 1..64),
        ) {
            let total: u128 = values.iter().map(|(_, weight)| weight).sum();
            let Some(median) = weighted_median(values.clone()) else {
                prop_assert_eq!(total, 0);
                return Ok(());
            };
            let weigh = |test: &dyn Fn(u64) -> bool| {
                values.iter().filter(|(value, _)| test(*value)).map(|(_, weight)| weight).sum::<u128>()
            };
            prop_assert!(weigh(&|value| value <= median) * 2 >= total);
            prop_assert!(weigh(&|value| value < median) * 2 < total);
        }
    }
}
