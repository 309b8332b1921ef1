//! The recent past of one figure: the persistence baseline of forecasts and the bounds of what counts (D.5).

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, BoundedVec};

use super::percentile::percentile;
use crate::constants::{BASELINE_DIFFERENCES, WINSOR_MINIMUM};

/// Last value of a figure and its newest one-step differences, at most 64 in a ring.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct History {
    last: Option<i64>,
    differences: BoundedVec<i64, ConstU32<BASELINE_DIFFERENCES>>,
    /// Place of the oldest difference once the ring is full.
    oldest: u8,
}

impl History {
    /// Last value.
    pub fn last(&self) -> Option<i64> {
        self.last
    }

    /// Takes in the next value, which displaces the oldest difference of a full ring.
    pub fn push(&mut self, value: i64) {
        if let Some(last) = self.last.replace(value) {
            let difference = value.saturating_sub(last);
            if self.differences.try_push(difference).is_err() {
                if let Some(slot) = self.differences.get_mut(usize::from(self.oldest)) {
                    *slot = difference;
                }
                let next = u32::from(self.oldest).saturating_add(1);
                self.oldest = if next < BASELINE_DIFFERENCES {
                    next as u8
                } else {
                    0
                };
            }
        }
    }

    /// Differences, oldest first.
    pub fn differences(&self) -> impl Iterator<Item = i64> + '_ {
        let (newer, older) = self
            .differences
            .split_at_checked(usize::from(self.oldest))
            .unwrap_or_default();
        older.iter().chain(newer).copied()
    }

    /// Persistence quantiles (10%, 50%, 90%): the last value plus the empirical quantiles of the differences, or plus
    /// nothing while there are none. `None` before the first value.
    pub fn baseline(&self) -> Option<[i64; 3]> {
        let last = self.last?;
        Some([10, 50, 90].map(|percent| last.saturating_add(self.step(percent))))
    }

    /// The value, cut to steps between the 1st and the 99th percentile of the differences, so that one block of spam
    /// moves a figure no further than it has moved before. Needs eight differences; without them the value stays.
    pub fn winsorised(&self, value: i64) -> i64 {
        match self.last {
            Some(last) if self.differences.len() >= WINSOR_MINIMUM => {
                let low = last.saturating_add(self.step(1));
                let high = last.saturating_add(self.step(99));
                value.clamp(low.min(high), high.max(low))
            }
            _ => value,
        }
    }

    /// A percentile of the differences, by nearest rank; 0 of none.
    fn step(&self, percent: u32) -> i64 {
        percentile(self.differences.iter().copied(), percent).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn history(values: impl IntoIterator<Item = i64>) -> History {
        let mut history = History::default();
        values.into_iter().for_each(|value| history.push(value));
        history
    }

    #[test]
    fn the_baseline_is_persistence_with_the_quantiles_of_steps() {
        assert_eq!(history([]).baseline(), None);
        assert_eq!(history([7]).baseline(), Some([7, 7, 7]));
        // Steps 1 to 10, then the last value is 55: the quantiles of the steps are 1, 5 and 9.
        let sums = (0..=10).map(|n| n * (n + 1) / 2);
        assert_eq!(history(sums).baseline(), Some([56, 60, 64]));
    }

    #[test]
    fn a_full_ring_forgets_its_oldest_step() {
        // 64 steps of 1, then 63 of 2: one step of 1 is left, the oldest.
        let mut history = history(0..=64);
        for _ in 0..63 {
            history.push(history.last().unwrap() + 2);
        }
        let steps: Vec<i64> = history.differences().collect();
        assert_eq!(steps.len(), 64);
        assert_eq!(steps[0], 1);
        assert!(steps[1..].iter().all(|step| *step == 2));
        history.push(history.last().unwrap() + 2);
        assert!(history.differences().all(|step| step == 2));
    }

    #[test]
    fn a_spike_counts_as_far_as_the_figure_has_moved_before() {
        let steady = history([100, 110, 100, 110, 100, 110, 100, 110, 100]);
        assert_eq!(steady.winsorised(1_000_000), 110);
        assert_eq!(steady.winsorised(-1_000_000), 90);
        assert_eq!(steady.winsorised(105), 105);
    }

    #[test]
    fn few_steps_clip_nothing() {
        assert_eq!(history([]).winsorised(5), 5);
        assert_eq!(history([100, 110, 100]).winsorised(1_000), 1_000);
    }

    proptest! {
        #[test]
        fn it_holds_the_newest_steps_in_order(values in vec(any::<i64>(), 0..200)) {
            let history = history(values.iter().copied());
            let steps: Vec<i64> = values.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
            let newest = &steps[steps.len().saturating_sub(64)..];
            prop_assert_eq!(history.differences().collect::<Vec<_>>(), newest);
            prop_assert_eq!(history.last(), values.last().copied());
            prop_assert!(history.encoded_size() <= History::max_encoded_len());
        }

        #[test]
        fn baselines_are_monotone_and_cuts_idempotent(values in vec(any::<i64>(), 1..100), y: i64) {
            let history = history(values);
            let baseline = history.baseline().unwrap();
            prop_assert!(baseline.is_sorted());
            let cut = history.winsorised(y);
            prop_assert_eq!(history.winsorised(cut), cut);
        }
    }
}
