//! Exact division of an amount by scores: no unit is lost or made (C.8).

use alloc::vec::Vec;

use super::wide::mul_div;
use crate::{constants::PPB, types::Balance};

/// Divides `total` in proportion to `scores`, in their order: the parts sum to `total` exactly, each differs from
/// its exact share by less than one unit, and a score of zero gets nothing.
///
/// `None` if no score is positive or their sum leaves 128 bits: then nobody is entitled to the amount.
pub fn apportion(total: Balance, scores: &[u128]) -> Option<Vec<Balance>> {
    let sum = scores
        .iter()
        .try_fold(0u128, |sum, score| sum.checked_add(*score))?;
    if sum == 0 {
        return None;
    }
    let (mut prefix, mut paid) = (0u128, 0u128);
    scores
        .iter()
        .map(|score| {
            prefix = prefix.checked_add(*score)?;
            let reached = mul_div(total, prefix, sum)?;
            let part = reached.checked_sub(paid)?;
            paid = reached;
            Some(part)
        })
        .collect()
}

/// Divides `total` into the part of `ppb` parts per billion, rounded down, and the rest. Ratios above one count as
/// one.
pub fn split(total: Balance, ppb: u64) -> (Balance, Balance) {
    let part = mul_div(total, ppb.min(PPB).into(), PPB.into()).unwrap_or(total);
    (part, total.saturating_sub(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sp_core::U512;

    #[test]
    fn thirds_differ_by_one_unit_at_most() {
        assert_eq!(apportion(10, &[1, 1, 1]), Some(vec![3, 3, 4]));
        assert_eq!(apportion(1, &[1, 1, 1]), Some(vec![0, 0, 1]));
        assert_eq!(
            apportion(u128::MAX, &[1, 0, 1]),
            Some(vec![u128::MAX / 2, 0, u128::MAX / 2 + 1])
        );
    }

    #[test]
    fn nobody_is_entitled_without_a_score() {
        assert_eq!(apportion(10, &[]), None);
        assert_eq!(apportion(10, &[0, 0]), None);
        assert_eq!(apportion(10, &[u128::MAX, 1]), None);
    }

    #[test]
    fn a_split_keeps_the_whole() {
        assert_eq!(split(100, 250_000_000), (25, 75));
        assert_eq!(split(3, 500_000_000), (1, 2));
        assert_eq!(split(7, 0), (0, 7));
        assert_eq!(split(u128::MAX, u64::MAX), (u128::MAX, 0));
    }

    fn scores() -> impl Strategy<Value = Vec<u128>> {
        let score = prop_oneof![
            Just(0u128),
            0u128..10,
            any::<u64>().prop_map(u128::from),
            0..u128::MAX / 4096
        ];
        proptest::collection::vec(score, 1..300)
    }

    proptest! {
        #[test]
        fn parts_are_exact(total: u128, scores in scores()) {
            let sum: u128 = scores.iter().sum();
            let Some(parts) = apportion(total, &scores) else {
                prop_assert_eq!(sum, 0);
                return Ok(());
            };
            prop_assert_eq!(parts.iter().sum::<u128>(), total);
            for (part, score) in parts.iter().zip(&scores) {
                // |part - total * score / sum| < 1, multiplied by the sum.
                let exact = U512::from(total) * U512::from(*score);
                let part_scaled = U512::from(*part) * U512::from(sum);
                let difference = if exact > part_scaled { exact - part_scaled } else { part_scaled - exact };
                prop_assert!(difference < U512::from(sum));
                prop_assert!(*score > 0 || *part == 0);
            }
        }

        #[test]
        fn order_matters_by_one_unit_at_most(total: u128, scores in scores()) {
            let reversed: Vec<u128> = scores.iter().rev().copied().collect();
            if let (Some(one), Some(other)) = (apportion(total, &scores), apportion(total, &reversed)) {
                for (a, b) in one.iter().zip(other.iter().rev()) {
                    prop_assert!(a.abs_diff(*b) <= 1);
                }
            }
        }

        #[test]
        fn scaling_the_scores_changes_nothing(
            total: u128, scores in proptest::collection::vec(0u128..1 << 90, 1..50), factor in 1u128..1 << 20,
        ) {
            let scaled: Vec<u128> = scores.iter().map(|score| score * factor).collect();
            prop_assert_eq!(apportion(total, &scores), apportion(total, &scaled));
        }
    }
}
