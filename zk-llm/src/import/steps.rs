//! Symmetric 8-bit integers with one scale a row: a row of weights is an output channel, a row of activations a token.

use crate::error::{Error, Result};

/// Largest absolute value of a step.
pub const LARGEST_STEP: f32 = 127.0;

/// Largest root of a row's mean squared step, in rows of at least [`BOUNDED_COLUMNS`]. Turned rows are nearly normal, so
/// that without this bound their largest step of 127 would make a root of about 40: three quarters of a bit finer, for 1.5 bits
/// more in everything that split mode sends.
const LARGEST_MEAN_STEP: u64 = 24;
/// Narrower rows may be as long as one of this width: they take few bits anyhow.
const BOUNDED_COLUMNS: u32 = 768;

/// Largest sum of squared steps of a row.
pub fn most_squares(columns: u32) -> u64 {
    let bounded = LARGEST_MEAN_STEP.pow(2) * u64::from(columns.max(BOUNDED_COLUMNS));
    bounded.min(any_squares(columns))
}

/// The same if nothing were bounded but the steps themselves.
fn any_squares(columns: u32) -> u64 {
    (LARGEST_STEP as u64).pow(2) * u64::from(columns)
}

/// Rows of integers in `-127..=127` and the size of a step of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// Row after row.
    pub steps: Vec<i8>,
    /// Size of a step, by row; 0 for a row of zeros.
    pub scales: Vec<f32>,
}

/// Rounds each row of `columns` numbers to the nearest of 255 steps, halves to even. A step is `max|x| / 127`, or larger
/// where squared steps would sum to more than [`most_squares`].
///
/// A number is off by half a step at most.
///
/// # Errors
/// [`Error::Prompt`] if a number is not finite or the rows are not whole.
pub fn quantise_rows(numbers: &[f32], columns: usize) -> Result<Steps> {
    if columns == 0 || numbers.len() % columns != 0 {
        return Err(Error::Prompt(format!(
            "{} numbers are no rows of {columns}",
            numbers.len()
        )));
    }
    let mut out = Steps {
        steps: Vec::with_capacity(numbers.len()),
        scales: Vec::with_capacity(numbers.len() / columns),
    };
    for row in numbers.chunks_exact(columns) {
        if !row.iter().all(|x| x.is_finite()) {
            return Err(Error::Prompt("a number is not finite".into()));
        }
        let largest = row.iter().fold(0f32, |most, x| most.max(x.abs())) / LARGEST_STEP;
        let scale = largest.max(least_scale(row));
        let step = |x: &f32| match scale > 0.0 {
            true => (x / scale).round_ties_even().clamp(-LARGEST_STEP, LARGEST_STEP) as i8,
            false => 0,
        };
        out.steps.extend(row.iter().map(step));
        out.scales.push(scale);
    }
    Ok(out)
}

/// The smallest step of which a row's squares sum to no more than [`most_squares`]: rounding adds half a step to each number
/// at most, and so half a root of their count to their length.
fn least_scale(row: &[f32]) -> f32 {
    let columns = u32::try_from(row.len()).unwrap_or(u32::MAX);
    let most = most_squares(columns);
    if most == any_squares(columns) || row.iter().all(|x| *x == 0.0) {
        return 0.0;
    }
    let length = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    // A little more than half, for what floating point loses.
    let rounding = 0.501 * (row.len() as f64).sqrt();
    // The smallest numbers have no room for the quotient's digits.
    ((length / ((most as f64).sqrt() - rounding)) as f32).max(f32::MIN_POSITIVE)
}

/// Turns each row of `columns` numbers by a Walsh-Hadamard transform of length 1, in blocks of the largest power of two
/// that divides `columns`. The turn is orthogonal and its own inverse: products of turned rows are those of the rows,
/// and what was large in one column is spread over its block, so that fewer steps are lost to it.
pub fn turn_rows(numbers: &mut [f32], columns: usize) {
    let block = 1 << columns.trailing_zeros().min(usize::BITS - 1);
    let length = 1.0 / (block as f32).sqrt();
    for block in numbers.chunks_exact_mut(block) {
        let mut apart = 1;
        while apart < block.len() {
            for pair in block.chunks_exact_mut(2 * apart) {
                let (low, high) = pair.split_at_mut(apart);
                for (a, b) in low.iter_mut().zip(high) {
                    (*a, *b) = (*a + *b, *a - *b);
                }
            }
            apart *= 2;
        }
        block.iter_mut().for_each(|x| *x *= length);
    }
}

/// Most by which a product of a row of weights with a row of activations changes when both are rounded.
///
/// With `w = w' + dw`, `|dw| <= s_w / 2` and the same of `x`, the change of `sum w x` is at most
/// `s_w / 2 * sum |x| + s_x / 2 * sum |w| + n * s_w * s_x / 4`.
pub fn rounding_bound(weights: &[f32], activations: &[f32], weight_scale: f32, activation_scale: f32) -> f64 {
    let total = |row: &[f32]| row.iter().map(|x| f64::from(x.abs())).sum::<f64>();
    let (w, x) = (f64::from(weight_scale) / 2.0, f64::from(activation_scale) / 2.0);
    w * total(activations) + x * total(weights) + weights.len() as f64 * w * x
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_have_their_own_scale_and_halves_go_to_even() {
        let rows = quantise_rows(
            &[
                -127.0, 0.5, 1.5, 2.5, 0.0, 0.0, 0.0, 0.0, 0.254, 0.127, 0.0, -0.254,
            ],
            4,
        )
        .unwrap();
        assert_eq!(rows.steps, [-127, 0, 2, 2, 0, 0, 0, 0, 127, 64, 0, -127]);
        assert_eq!(rows.scales, [1.0, 0.0, 0.002]);
    }

    #[test]
    fn what_is_not_finite_or_not_whole_is_refused() {
        for (numbers, columns) in [
            (&[1.0, f32::NAN][..], 2),
            (&[f32::INFINITY], 1),
            (&[1.0, 2.0, 3.0], 2),
            (&[1.0], 0),
        ] {
            assert!(
                matches!(quantise_rows(numbers, columns), Err(Error::Prompt(_))),
                "{numbers:?}"
            );
        }
    }

    #[test]
    fn the_smallest_numbers_do_not_overflow_a_step() {
        let tiny = f32::from_bits(1);
        let rows = quantise_rows(&[tiny, -tiny, f32::MAX, f32::MIN], 2).unwrap();
        assert!(rows.steps.iter().all(|step| *step >= -127));
        assert_eq!(rows.steps[2..], [127, -127]);
    }

    #[test]
    fn a_turn_spreads_what_is_large_over_its_block() {
        let mut rows = [8.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0];
        turn_rows(&mut rows, 12);
        assert_eq!(
            rows,
            [4.0, 4.0, 4.0, 4.0, 1.0, 0.0, 1.0, 0.0, 3.0, 3.0, -3.0, -3.0]
        );
        let mut odd = [1.0, 2.0, 3.0];
        turn_rows(&mut odd, 3);
        assert_eq!(odd, [1.0, 2.0, 3.0]);
        turn_rows(&mut [], 0);
    }

    #[test]
    fn wide_rows_are_no_longer_than_they_may_be() {
        let length = |steps: &[i8]| {
            steps
                .iter()
                .map(|x| u64::from(x.unsigned_abs()).pow(2))
                .sum::<u64>()
        };
        // All numbers as large: the longest row there is.
        for columns in [27, 28, 767, 768, 769, 3_072] {
            let row = vec![-0.3f32; columns as usize];
            let steps = quantise_rows(&row, columns as usize).unwrap();
            let most = most_squares(columns);
            assert!(length(&steps.steps) <= most, "{columns}");
            assert_eq!(
                steps.steps[0] == -127,
                u64::from(columns) * 127 * 127 <= most,
                "{columns}"
            );
            assert!(
                length(&steps.steps) * 10 > most * 9 || steps.steps[0] == -127,
                "{columns}"
            );
            let close = |step: &i8| (f32::from(*step) * steps.scales[0] + 0.3).abs() <= steps.scales[0] / 2.0;
            assert!(steps.steps.iter().all(close), "{columns}");
        }
        assert_eq!(most_squares(768), 768 * 24 * 24);
        assert_eq!(most_squares(3_072), 3_072 * 24 * 24);
    }

    proptest! {
        #[test]
        fn rows_stay_within_their_length_and_half_a_step(row in proptest::collection::vec(-3f32..3.0, 1..2_000), power in -45i32..6) {
            let row: Vec<f32> = row.iter().map(|x| x.powi(3) * 10f32.powi(power)).collect();
            let steps = quantise_rows(&row, row.len()).unwrap();
            let squares: u64 = steps.steps.iter().map(|x| u64::from(x.unsigned_abs()).pow(2)).sum();
            prop_assert!(squares <= most_squares(row.len() as u32));
            let scale = steps.scales[0];
            let off = |(x, step): (&f32, &i8)| (x - f32::from(*step) * scale).abs();
            prop_assert!(row.iter().zip(&steps.steps).all(|pair| off(pair) <= scale * 0.500_1));
        }

        #[test]
        fn products_of_turned_rows_are_those_of_the_rows(
            mut weights in proptest::collection::vec(-3f32..3.0, 24),
            mut activations in proptest::collection::vec(-50f32..50.0, 24),
        ) {
            let product = |w: &[f32], x: &[f32]| -> f64 {
                w.iter().zip(x).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let before = product(&weights, &activations);
            turn_rows(&mut weights, 24);
            turn_rows(&mut activations, 24);
            prop_assert!((product(&weights, &activations) - before).abs() < 1e-2);
        }

        #[test]
        fn products_stay_within_the_bound(
            weights in proptest::collection::vec(-3f32..3.0, 24),
            activations in proptest::collection::vec(-50f32..50.0, 24),
        ) {
            let (w, x) = (quantise_rows(&weights, 24).unwrap(), quantise_rows(&activations, 24).unwrap());
            let exact: f64 = weights.iter().zip(&activations).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let sum: i32 = w.steps.iter().zip(&x.steps).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
            let got = f64::from(sum) * f64::from(w.scales[0]) * f64::from(x.scales[0]);
            let bound = rounding_bound(&weights, &activations, w.scales[0], x.scales[0]);
            prop_assert!((got - exact).abs() <= bound * 1.000_001 + 1e-9, "{got} {exact} {bound}");
        }
    }
}
