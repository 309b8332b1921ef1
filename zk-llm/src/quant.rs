//! Per-sample dynamic quantiser (SPEC R172-R175, formulas as restored in B.23).
//!
//! A row of features is scaled by a factor chosen from its own deviation and rounded to a grid. The grid
//! spans the row's own range ([`quantise`]), or a fixed range shared by all rows ([`quantise_shared`]), which
//! is what encrypted integers need: they carry no range of their own.

use crate::manifest::Quantiser;

/// Levels of a grid unless a model says otherwise (SPEC R175).
pub const DEFAULT_LEVELS: u32 = 256;
/// Deviation above which a row is scaled down (SPEC R175).
pub const DEFAULT_THRESHOLD: f64 = 0.1;
/// Factor by which such a row is scaled; others are scaled by its inverse (SPEC R175).
pub const DEFAULT_SCALE_FACTOR: f64 = 0.5;

impl Default for Quantiser {
    fn default() -> Self {
        Self {
            levels: DEFAULT_LEVELS,
            threshold: DEFAULT_THRESHOLD,
            scale_factor: DEFAULT_SCALE_FACTOR,
        }
    }
}

impl Quantiser {
    /// The integers of [`quantise_shared`]: `-span..=span`.
    pub fn span(&self) -> i32 {
        i32::try_from(self.levels.saturating_sub(1) / 2).unwrap_or(i32::MAX)
    }
}

/// Population standard deviation of a row (SPEC R172); 0 for an empty row.
pub fn deviation(row: &[f32]) -> f64 {
    let count = row.len().max(1) as f64;
    let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    (row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// Factor of a row (SPEC R173): the scale factor if its deviation exceeds the threshold, else the inverse.
pub fn scale(row: &[f32], quantiser: &Quantiser) -> f64 {
    match deviation(row) > quantiser.threshold {
        true => quantiser.scale_factor,
        false => 1.0 / quantiser.scale_factor,
    }
}

/// Scales a row and rounds it to the nearest of `levels` values between its own least and greatest
/// (SPEC R174); a constant row is only scaled. Divide by [`scale`] to invert.
pub fn quantise(row: &[f32], quantiser: &Quantiser) -> Vec<f64> {
    let factor = scale(row, quantiser);
    let scaled: Vec<_> = row.iter().map(|x| f64::from(*x) * factor).collect();
    let least = scaled.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let step = (greatest - least) / f64::from(quantiser.levels.saturating_sub(1).max(1));
    if step.is_nan() || step <= 0.0 {
        return scaled;
    }
    scaled
        .iter()
        .map(|x| ((x - least) / step + 0.5).floor() * step + least)
        .collect()
}

/// Scales a row and rounds it to the nearest of `levels` (an odd number) values evenly spaced in `-1..=1`;
/// the integers returned count steps from 0. What is not a number becomes 0.
pub fn quantise_shared(row: &[f32], quantiser: &Quantiser) -> Vec<i32> {
    let (factor, span) = (scale(row, quantiser), f64::from(quantiser.span()));
    let nearest = |x: &f32| (f64::from(*x) * factor * span + 0.5).floor().clamp(-span, span);
    row.iter().map(|x| nearest(x) as i32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERNARY: Quantiser = Quantiser {
        levels: 3,
        threshold: 0.1,
        scale_factor: 0.5,
    };

    fn close(got: &[f64], wanted: &[f64]) -> bool {
        got.len() == wanted.len() && got.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn defaults_are_the_published_ones() {
        let defaults = Quantiser {
            levels: 256,
            threshold: 0.1,
            scale_factor: 0.5,
        };
        assert_eq!(Quantiser::default(), defaults);
    }

    #[test]
    fn the_deviation_is_that_of_the_population() {
        for (row, wanted) in [
            (&[1.0f32, 2.0, 3.0, 4.0][..], 1.25f64.sqrt()),
            (&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 2.0),
            (&[3.0, 3.0, 3.0], 0.0),
            (&[], 0.0),
        ] {
            assert!((deviation(row) - wanted).abs() < 1e-12, "{row:?}");
        }
    }

    #[test]
    fn wide_rows_are_scaled_down_and_narrow_ones_up() {
        let quantiser = Quantiser::default();
        assert_eq!(scale(&[-1.0, 1.0], &quantiser), 0.5);
        assert_eq!(scale(&[0.0, 0.1], &quantiser), 2.0);
        let at_the_threshold = Quantiser {
            threshold: 0.5,
            ..quantiser
        };
        assert_eq!(
            scale(&[0.0, 1.0], &at_the_threshold),
            2.0,
            "only above the threshold"
        );
    }

    #[test]
    fn rows_round_to_the_nearest_level_of_their_own_range() {
        let five = Quantiser {
            levels: 5,
            ..Quantiser::default()
        };
        assert!(close(
            &quantise(&[0.0, 0.9, 1.1, 2.6, 4.0], &five),
            &[0.0, 0.5, 0.5, 1.5, 2.0]
        ));
        assert!(close(
            &quantise(&[-2.0, -0.9, 0.4, 2.0], &five),
            &[-1.0, -0.5, 0.0, 1.0]
        ));
        assert!(
            close(&quantise(&[0.0, 0.01, 0.04], &five), &[0.0, 0.02, 0.08]),
            "scaled up"
        );
        assert!(
            close(&quantise(&[0.25, 0.25], &five), &[0.5, 0.5]),
            "a constant row passes through"
        );
    }

    #[test]
    fn half_a_step_rounds_up() {
        let three = Quantiser {
            levels: 3,
            ..Quantiser::default()
        };
        assert!(close(
            &quantise(&[0.0, 1.0, 3.0, 4.0], &three),
            &[0.0, 1.0, 2.0, 2.0]
        ));
        assert_eq!(quantise_shared(&[-1.0, 1.0, 3.0, -3.0], &TERNARY), [0, 1, 1, -1]);
    }

    #[test]
    fn shared_grid_gives_clamped_integers() {
        assert_eq!(
            quantise_shared(&[-9.0, -1.1, -0.9, 0.0, 0.9, 1.1, 9.0], &TERNARY),
            [-1, -1, 0, 0, 0, 1, 1]
        );
        assert_eq!(
            quantise_shared(&[0.1, 0.2, 0.26, 0.3], &TERNARY),
            [0, 0, 1, 1],
            "scaled up"
        );
        let nine = Quantiser { levels: 9, ..TERNARY };
        assert_eq!(
            quantise_shared(&[-2.0, -1.0, 0.6, 1.2, 7.0], &nine),
            [-4, -2, 1, 2, 4]
        );
        assert_eq!(quantise_shared(&[f32::NAN, f32::INFINITY], &TERNARY)[0], 0);
    }
}
