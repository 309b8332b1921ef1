//! Tells rows that repeat public consensus from rows that were measured (F.1-2, C.11-T5).

use alloc::vec::Vec;

use crate::{constants::MIN_COMPARED_EDGES, types::Uid};

/// Values scaled so that the largest is 65,535, rounded to the nearest; the zeros are left out.
pub fn quantised(values: impl Iterator<Item = (Uid, u128)> + Clone) -> Vec<(Uid, u16)> {
    let most = values.clone().map(|(_, value)| value).max().unwrap_or(0);
    // So that products with 16 bits, and half of the divisor, fit 128.
    let shift = 17u32.saturating_sub(most.leading_zeros());
    let most = most >> shift;
    values
        .filter_map(|(uid, value)| {
            let scaled = (value >> shift)
                .saturating_mul(u16::MAX.into())
                .saturating_add(most / 2)
                .checked_div(most)?;
            let scaled = u16::try_from(scaled).unwrap_or(u16::MAX);
            (scaled > 0).then_some((uid, scaled))
        })
        .collect()
}

/// Whether a validator's row says the same as a public vector, both quantised, up to one unit of 65,535. Rows and
/// vectors have ascending uids; what the vector says of the validator itself does not matter, nor do rows of fewer
/// than eight edges.
pub fn is_copy(row: &[(Uid, u16)], public: &[(Uid, u16)], own: Uid) -> bool {
    let others = |edges: &[(Uid, u16)]| {
        let wide = edges.iter().map(|(uid, value)| (*uid, u128::from(*value)));
        let others: Vec<_> = wide.filter(|(uid, value)| *uid != own && *value > 0).collect();
        quantised(others.iter().copied())
    };
    let (row, public) = (others(row), others(public));
    if row.len() < MIN_COMPARED_EDGES {
        return false;
    }
    let (mut row, mut public) = (row.into_iter().peekable(), public.into_iter().peekable());
    loop {
        let uid = match (row.peek(), public.peek()) {
            (Some((a, _)), Some((b, _))) => *a.min(b),
            (Some((uid, _)), None) | (None, Some((uid, _))) => *uid,
            (None, None) => return true,
        };
        let said = row
            .next_if(|(other, _)| *other == uid)
            .map_or(0, |(_, value)| value);
        let known = public
            .next_if(|(other, _)| *other == uid)
            .map_or(0, |(_, value)| value);
        if said.abs_diff(known) > 1 {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(values: &[u16]) -> Vec<(Uid, u16)> {
        (0..).zip(values.iter().copied()).collect()
    }

    const PUBLIC: [u16; 9] = [65_535, 60_000, 50_000, 40_000, 30_000, 20_000, 10_000, 5_000, 1];

    #[test]
    fn the_same_row_at_any_scale_is_a_copy() {
        assert!(is_copy(&edges(&PUBLIC), &edges(&PUBLIC), 99));
        let halves = PUBLIC.map(|value| value / 2);
        assert!(is_copy(&edges(&halves), &edges(&PUBLIC), 99));
        let off_by_one = PUBLIC.map(|value| value - 1);
        assert!(is_copy(&edges(&off_by_one), &edges(&PUBLIC), 99));
    }

    #[test]
    fn a_difference_of_two_units_is_none() {
        for index in 1..PUBLIC.len() {
            let mut row = PUBLIC;
            row[index] += 2;
            assert!(!is_copy(&edges(&row), &edges(&PUBLIC), 99), "entry {index}");
        }
        assert!(!is_copy(
            &edges(&PUBLIC[..8]),
            &edges(&[&PUBLIC[..8], &[7_000]].concat()),
            99
        ));
    }

    #[test]
    fn the_own_entry_is_left_out() {
        let mut public = edges(&PUBLIC);
        public.push((50, 65_535));
        assert!(is_copy(&edges(&PUBLIC), &public, 50));
        assert!(!is_copy(&edges(&PUBLIC), &public, 51));
    }

    #[test]
    fn short_rows_may_coincide() {
        assert!(!is_copy(&edges(&PUBLIC[..7]), &edges(&PUBLIC[..7]), 99));
        assert!(is_copy(&edges(&PUBLIC[..8]), &edges(&PUBLIC[..8]), 99));
        assert!(!is_copy(&[], &[], 99));
    }

    #[test]
    fn quantisation_is_to_the_nearest_and_takes_any_number() {
        let of =
            |values: &[u128]| quantised((0..).zip(values.iter().copied()).collect::<Vec<_>>().into_iter());
        assert_eq!(of(&[2, 1, 0]), vec![(0, 65_535), (1, 32_768)]);
        assert_eq!(of(&[u128::MAX, u128::MAX / 3, 1]), vec![(0, 65_535), (1, 21_845)]);
        assert_eq!(of(&[1 << 112, 1 << 111]), vec![(0, 65_535), (1, 32_768)]);
        assert_eq!(of(&[0, 0]), vec![]);
        assert_eq!(of(&[]), vec![]);
    }
}
