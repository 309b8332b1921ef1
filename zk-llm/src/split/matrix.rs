//! A clear matrix of 8-bit weights, as the miner holds it.

use super::params::{Shape, INT8_MAX, MAX_DIMENSION};
use crate::error::{Error, Result};

/// Weights of one linear layer, quantised a row (output channel) at a time.
#[derive(Clone)]
pub struct Matrix {
    shape: Shape,
    weights: Vec<i8>,
}

impl std::fmt::Debug for Matrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matrix")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl Matrix {
    /// Takes weights row by row: `outputs` rows of `inputs` each, all in `-127..=127`.
    ///
    /// # Errors
    /// [`Error::Matrix`] if there are too few or too many weights, or one is -128.
    pub fn new(inputs: u32, outputs: u32, weights: Vec<i8>) -> Result<Self> {
        let sizes = 1..=MAX_DIMENSION;
        let count = u64::from(inputs) * u64::from(outputs);
        if !sizes.contains(&inputs) || !sizes.contains(&outputs) || weights.len() as u64 != count {
            return Err(Error::Matrix(format!(
                "{} weights for {outputs} rows of {inputs} (each 1 to {MAX_DIMENSION})",
                weights.len()
            )));
        }
        if weights.contains(&i8::MIN) {
            return Err(Error::Matrix(format!(
                "a weight of {}; weights are -{INT8_MAX} to {INT8_MAX}",
                i8::MIN
            )));
        }
        let rows = || weights.chunks_exact(inputs as usize);
        let sum = |row: &[i8]| row.iter().map(|w| u64::from(w.unsigned_abs())).sum::<u64>();
        let squares = |row: &[i8]| {
            row.iter()
                .map(|w| u64::from(w.unsigned_abs()).pow(2))
                .sum::<u64>()
        };
        let shape = Shape {
            inputs,
            outputs,
            row_sum: rows().map(sum).max().unwrap_or(0).max(1),
            row_squares: rows().map(squares).max().unwrap_or(0).max(1),
        };
        Ok(Self { shape, weights })
    }

    /// Quantises real weights, each row by its own step; `row * step` approximates what was given.
    ///
    /// # Errors
    /// [`Error::Matrix`] if sizes do not fit or a weight is not finite.
    pub fn quantise(inputs: u32, outputs: u32, weights: &[f32]) -> Result<(Self, Vec<f32>)> {
        let width = (inputs as usize).max(1);
        let (mut integers, mut steps) = (Vec::with_capacity(weights.len()), Vec::new());
        for row in weights.chunks(width) {
            let (row, step) =
                quantise(row).ok_or_else(|| Error::Matrix("a weight is not a finite number".into()))?;
            integers.extend(row);
            steps.push(step);
        }
        Ok((Self::new(inputs, outputs, integers)?, steps))
    }

    /// Size and bounds, which clients know.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Weights row by row.
    pub fn weights(&self) -> &[i8] {
        &self.weights
    }

    pub(super) fn row(&self, output: usize) -> &[i8] {
        let width = self.shape.inputs as usize;
        &self.weights[output * width..][..width]
    }

    /// The product with clear activations, one position after another: what decryption must give.
    ///
    /// # Errors
    /// [`Error::Prompt`] if the activations are no whole number of positions.
    pub fn multiply(&self, activations: &[i8]) -> Result<Vec<i64>> {
        let width = self.shape.inputs as usize;
        if !activations.len().is_multiple_of(width) {
            return Err(Error::Prompt(format!(
                "{} activations are no multiple of {width} inputs",
                activations.len()
            )));
        }
        let dot = |x: &[i8], w: &[i8]| -> i64 {
            x.iter()
                .zip(w)
                .map(|(x, w)| i64::from(i32::from(*x) * i32::from(*w)))
                .sum()
        };
        let position = |x| self.weights.chunks_exact(width).map(move |w| dot(x, w));
        Ok(activations.chunks_exact(width).flat_map(position).collect())
    }
}

/// Activations of one position as 8-bit integers and their step, chosen from the position's own range.
///
/// # Errors
/// [`Error::Prompt`] if one is not a finite number.
pub fn quantise_activations(row: &[f32]) -> Result<(Vec<i8>, f32)> {
    quantise(row).ok_or_else(|| Error::Prompt("an activation is not a finite number".into()))
}

/// Symmetric quantisation: the largest magnitude becomes 127; halves round away from zero.
fn quantise(row: &[f32]) -> Option<(Vec<i8>, f32)> {
    let largest = row.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    if row.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let most = f32::from(INT8_MAX);
    // A row so small that its step would round to nothing is zero.
    let step = (largest / most).max(f32::MIN_POSITIVE);
    let integer = |x: &f32| (x / step).round().clamp(-most, most) as i8;
    Some((row.iter().map(integer).collect(), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_steps_of_their_own() {
        let (matrix, steps) = Matrix::quantise(2, 3, &[1.0, -0.5, 254.0, 2.0, 0.0, 0.0]).unwrap();
        assert_eq!(matrix.weights(), [127, -64, 127, 1, 0, 0]);
        assert!((steps[0] - 1.0 / 127.0).abs() < 1e-9 && (steps[1] - 2.0).abs() < 1e-6);
        assert_eq!(
            (matrix.shape().row_sum, matrix.shape().row_squares),
            (191, 127 * 127 + 64 * 64)
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bad in [f32::NAN, f32::INFINITY] {
            assert!(matches!(
                Matrix::quantise(2, 1, &[0.0, bad]),
                Err(Error::Matrix(_))
            ));
            assert!(matches!(quantise_activations(&[0.0, bad]), Err(Error::Prompt(_))));
        }
    }

    #[test]
    fn sizes_and_weights_are_checked() {
        for (inputs, outputs, weights) in [
            (2, 2, vec![0; 3]),
            (0, 2, vec![]),
            (2, 0, vec![]),
            (MAX_DIMENSION + 1, 1, vec![0; MAX_DIMENSION as usize + 1]),
            (1, 1, vec![-128]),
        ] {
            assert!(matches!(
                Matrix::new(inputs, outputs, weights),
                Err(Error::Matrix(_))
            ));
        }
        let matrix = Matrix::new(2, 1, vec![3, -4]).unwrap();
        assert_eq!(matrix.multiply(&[1, 2, 127, -127]).unwrap(), [-5, 889]);
        assert!(matches!(matrix.multiply(&[1]), Err(Error::Prompt(_))));
    }
}
