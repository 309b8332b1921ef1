//! Nearest-rank percentile (C.3).

use alloc::vec::Vec;

/// Index, counted from one, of the `percent`-th percentile among `count` ascending values: `ceil(percent * count /
/// 100)`, at least one.
pub fn nearest_rank(count: usize, percent: u32) -> usize {
    let percent = percent.min(100) as usize;
    count.saturating_mul(percent).div_ceil(100).max(1)
}

/// Smallest value that reaches the percentile; `None` of nothing.
pub fn percentile<T: Ord + Copy>(values: impl IntoIterator<Item = T>, percent: u32) -> Option<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable();
    let index = nearest_rank(values.len(), percent).saturating_sub(1);
    values.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::ACTIVE_PERCENTILE;
    use proptest::prelude::*;

    #[test]
    fn as_many_are_active_as_the_table_says() {
        let table = [
            (1, 1),
            (2, 1),
            (3, 1),
            (4, 2),
            (5, 2),
            (10, 4),
            (64, 20),
            (128, 39),
            (256, 77),
        ];
        for (count, active) in table {
            let threshold = percentile(1..=count, ACTIVE_PERCENTILE).unwrap();
            assert_eq!(
                (1..=count).filter(|stake| *stake >= threshold).count(),
                active,
                "of {count}"
            );
        }
    }

    #[test]
    fn ties_at_the_threshold_are_in() {
        let threshold = percentile([5, 5, 5, 5, 9], ACTIVE_PERCENTILE).unwrap();
        assert_eq!(threshold, 5);
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(percentile::<u128>([], ACTIVE_PERCENTILE), None);
        assert_eq!(percentile([3], 0), Some(3));
        assert_eq!(percentile([3, 4], 100), Some(4));
    }

    proptest! {
        #[test]
        fn it_is_the_smallest_value_that_enough_do_not_exceed(
            values in proptest::collection::vec(0u8..20, 1..300), percent in 1u32..=100,
        ) {
            let found = percentile(values.iter().copied(), percent).unwrap();
            let reaches = |value: u8| values.iter().filter(|other| **other <= value).count() * 100
                >= values.len() * percent as usize;
            prop_assert!(values.contains(&found));
            prop_assert!(reaches(found));
            prop_assert!(values.iter().filter(|value| **value < found).all(|value| !reaches(*value)));
        }
    }
}
