//! A clear matrix of 8-bit weights, as the miner holds it.

use super::params::{Shape, INT8_MAX, MAX_DIMENSION};
use super::product::{multiply, Modulus, Vectors};
use super::resident::Resident;
use crate::device::Device;
use crate::error::{Error, Result};

/// Weights of one linear layer, quantised a row (output channel) at a time.
#[derive(Clone)]
pub struct Matrix {
    shape: Shape,
    weights: Vec<i8>,
    /// On a device, if they are multiplied there.
    resident: Option<Resident>,
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
        let shape = Shape {
            inputs,
            outputs,
            row_sum: rows().map(sum).max().unwrap_or(0).max(1),
            row_squares: rows().map(squares).max().unwrap_or(0).max(1),
            input_squares: u64::from(inputs) * (INT8_MAX as u64).pow(2),
        };
        Ok(Self {
            shape,
            weights,
            resident: None,
        })
    }

    /// The same matrix, multiplied with ciphertexts on a device; on the cores if the device's memory does not take it.
    ///
    /// # Errors
    /// [`Error::Device`] if the device does not multiply exactly.
    pub fn on(mut self, device: &Device) -> Result<Self> {
        let Some(to) = device.taking(self.weights.len() as u64) else {
            return Ok(self);
        };
        let tried = Resident::new(&self, to).and_then(|there| Ok((there.agrees(&self)?, there)));
        match tried {
            Ok((true, there)) => self.resident = Some(there),
            Ok((false, _)) => {
                return Err(Error::Device(
                    "it does not multiply exactly; use the processor's cores".into(),
                ))
            }
            Err(error) => tracing::warn!(%error, "a matrix stays with the cores"),
        }
        Ok(self)
    }

    /// Products of all rows with vectors of residues, one after another: for each vector, one residue a row.
    pub(super) fn products<M: Modulus<D>, const D: usize>(&self, values: Vec<u64>) -> Vec<u64> {
        if let Some(resident) = &self.resident {
            match resident.multiply::<M, D>(&values) {
                Ok(products) => return products,
                Err(error) => tracing::warn!(%error, "a product is taken by the cores"),
            }
        }
        let vectors = Vectors::<M, D>::new(self.shape.inputs as usize, values.into_iter());
        multiply(&self.weights, &vectors)
    }

    /// The same matrix for activations whose squares sum to at most so much: products then take fewer bits. Without
    /// this they may be any 8-bit integers.
    pub fn with_input_squares(mut self, most: u64) -> Self {
        self.shape.input_squares = most;
        self
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

/// Sum of squares.
pub(super) fn squares(row: &[i8]) -> u64 {
    row.iter().map(|x| u64::from(x.unsigned_abs()).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

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
