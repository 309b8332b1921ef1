//! Sets of integers that a value can take over all inputs.

/// Widest range that is analysed.
pub const MAX_SPAN: i64 = 4096;

/// Values reachable by a wire, ascending and without repetition; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach(Vec<i32>);

impl Reach {
    /// Every integer of `lo..=hi`.
    pub fn interval(lo: i32, hi: i32) -> Self {
        Self((lo..=hi).collect())
    }

    /// The set of `values`.
    pub fn of(values: impl IntoIterator<Item = i32>) -> Self {
        let mut values: Vec<i32> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        Self(values)
    }

    /// The values, ascending.
    pub fn values(&self) -> &[i32] {
        &self.0
    }

    /// Smallest value.
    pub fn lo(&self) -> i32 {
        self.0.first().copied().unwrap_or_default()
    }

    /// Largest value.
    pub fn hi(&self) -> i32 {
        self.0.last().copied().unwrap_or_default()
    }

    /// Values of `bias + sum(weight * x)` with the `x` independent: a superset of what is reachable when
    /// they are not. `None` if the range is wider than [`MAX_SPAN`].
    pub fn sum<'a>(bias: i64, terms: impl IntoIterator<Item = (&'a Self, i64)> + Clone) -> Option<Self> {
        let (mut lo, mut hi) = (bias, bias);
        for (set, weight) in terms.clone() {
            let ends = [i64::from(set.lo()) * weight, i64::from(set.hi()) * weight];
            lo += ends[0].min(ends[1]);
            hi += ends[0].max(ends[1]);
        }
        if hi - lo >= MAX_SPAN || i32::try_from(lo).is_err() || i32::try_from(hi).is_err() {
            return None;
        }
        // `partial[i]` says whether `lowest + i` is a value of the sum so far.
        let mut lowest = bias;
        let mut partial = vec![true];
        for (set, weight) in terms {
            let scaled = set.0.iter().map(|x| i64::from(*x) * weight);
            let first = scaled.clone().min().unwrap_or_default();
            let last = scaled.clone().max().unwrap_or_default();
            let mut next = vec![false; partial.len() + (last - first) as usize];
            for shift in scaled.map(|x| (x - first) as usize) {
                for (to, from) in next.iter_mut().skip(shift).zip(&partial) {
                    *to |= *from;
                }
            }
            lowest += first;
            partial = next;
        }
        let values = partial.iter().enumerate().filter(|(_, reached)| **reached);
        Some(Self(values.map(|(at, _)| (lowest + at as i64) as i32).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_hold_exactly_the_reachable_values() {
        let bit = Reach::interval(0, 1);
        let sign = Reach::of([-1, 1]);
        let sum = Reach::sum(2, [(&bit, 4), (&sign, -1)]).unwrap();
        assert_eq!(sum.values(), [1, 3, 5, 7]);
        assert_eq!(Reach::sum(5, std::iter::empty()).unwrap().values(), [5]);
    }

    #[test]
    fn wide_sums_are_refused() {
        let wide = Reach::of([0, 4000]);
        assert!(Reach::sum(0, [(&wide, 2)]).is_none());
        assert!(Reach::sum(i64::MAX / 4, [(&wide, 1)]).is_none());
    }
}
