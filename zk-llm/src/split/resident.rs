//! Weights that lie on a device, which multiplies them in double precision.
//!
//! A residue is cut into limbs whose products with all weights of a row sum to integers below `2^53`, so that nothing is
//! rounded, in whatever order a device adds.

use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Result, Tensor};

use super::product::{multiply, Modulus, Online, Prompt, Vectors};
use super::{Matrix, MAX_DIMENSION};

/// Bits of a limb.
const LIMB: u32 = 24;
/// Added to weights, which are bytes without a sign on the device.
const BIAS: i64 = 128;
/// Bytes of weights in double precision at a time.
const BLOCK: usize = 256 << 20;

// Weights of 8 bits with a limb, for each column of a row.
const _: () = assert!(8 + LIMB + MAX_DIMENSION.ilog2() <= 53);

/// A matrix on a device.
#[derive(Clone)]
pub(super) struct Resident {
    /// Row by row, one byte a weight.
    weights: Tensor,
    rows: usize,
    width: usize,
}

impl Resident {
    /// Copies a matrix to a device.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn new(matrix: &Matrix, device: &Device) -> Result<Self> {
        let (rows, width) = (matrix.shape().outputs as usize, matrix.shape().inputs as usize);
        let bytes: Vec<u8> = matrix
            .weights()
            .iter()
            .map(|weight| (i64::from(*weight) + BIAS) as u8)
            .collect();
        Ok(Self {
            weights: Tensor::from_vec(bytes, (rows, width), device)?,
            rows,
            width,
        })
    }

    /// Whether products are those of the cores.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn agrees(&self, matrix: &Matrix) -> Result<bool> {
        Ok(self.agrees_modulo::<Online, 3>(matrix)? && self.agrees_modulo::<Prompt, 4>(matrix)?)
    }

    fn agrees_modulo<M: Modulus<D>, const D: usize>(&self, matrix: &Matrix) -> Result<bool> {
        // The largest limbs, so that whatever is rounded shows.
        let trial: Vec<u64> = (0..2 * self.width as u64)
            .map(|at| M::PRIME - 1 - at * at % 7)
            .collect();
        let vectors = Vectors::<M, D>::new(self.width, trial.iter().copied());
        Ok(self.multiply::<M, D>(&trial)? == multiply(matrix.weights(), &vectors))
    }

    /// Products of all rows with vectors of residues, one after another: for each vector, one residue a row.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn multiply<M: Modulus<D>, const D: usize>(&self, values: &[u64]) -> Result<Vec<u64>> {
        /// Threads share a device's handle of its library, whose workspace is one.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let limbs = (16 * D as u32).div_ceil(LIMB);
        let count = values.len() / self.width;
        let mut numbers = Vec::with_capacity(values.len() * limbs as usize);
        let mut bias = Vec::with_capacity(count * limbs as usize);
        for vector in values.chunks_exact(self.width) {
            for limb in 0..limbs {
                let cut = |value: &u64| value >> (LIMB * limb) & ((1 << LIMB) - 1);
                numbers.extend(vector.iter().map(|value| cut(value) as f64));
                bias.push(BIAS * vector.iter().map(cut).sum::<u64>() as i64);
            }
        }
        let columns = bias.len();
        let numbers = Tensor::from_vec(numbers, (columns, self.width), self.weights.device())?;
        let mut products = vec![0; count * self.rows];
        let step = (BLOCK / (self.width * size_of::<f64>())).max(1);
        for first in (0..self.rows).step_by(step) {
            let rows = step.min(self.rows - first);
            let weights = self.weights.narrow(0, first, rows)?.to_dtype(DType::F64)?;
            let sums = numbers.matmul(&weights.t()?)?.flatten_all()?.to_vec1::<f64>()?;
            let vectors = sums.chunks_exact(rows * limbs as usize);
            for ((sums, bias), products) in vectors
                .zip(bias.chunks_exact(limbs as usize))
                .zip(products.chunks_exact_mut(self.rows))
            {
                for (at, product) in products[first..][..rows].iter_mut().enumerate() {
                    let limbs = sums.iter().skip(at).step_by(rows).zip(bias).rev();
                    let sum = limbs.fold(0, |sum: i128, (limb, bias)| {
                        (sum << LIMB) + i128::from(*limb as i64 - bias)
                    });
                    *product = sum.rem_euclid(i128::from(M::PRIME)) as u64;
                }
            }
        }
        Ok(products)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MODULUS, PROMPT_MODULUS};
    use super::*;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};

    fn check<M: Modulus<D>, const D: usize>(matrix: &Matrix, values: &[u64]) {
        let width = matrix.shape().inputs as usize;
        let expected = multiply(
            matrix.weights(),
            &Vectors::<M, D>::new(width, values.iter().copied()),
        );
        let resident = Resident::new(matrix, &Device::Cpu).unwrap();
        assert!(resident.agrees(matrix).unwrap());
        assert_eq!(resident.multiply::<M, D>(values).unwrap(), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_devices_products_are_those_of_the_cores(width in 1u32..1500, rows in 1u32..11, count in 1usize..4, seed: u64) {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let weights = (0..width * rows).map(|_| rng.gen_range(-127..=127)).collect();
            let matrix = Matrix::new(width, rows, weights).unwrap();
            let values: Vec<u64> = (0..width as usize * count).map(|_| rng.gen()).collect();
            let residues = |prime| values.iter().map(|x| x % prime).collect::<Vec<u64>>();
            check::<Online, 3>(&matrix, &residues(MODULUS));
            check::<Prompt, 4>(&matrix, &residues(PROMPT_MODULUS));
        }
    }

    #[test]
    fn a_device_that_multiplies_something_else_is_found() {
        let matrix = |weight| Matrix::new(3, 2, vec![1, 2, 3, 4, 5, weight]).unwrap();
        let resident = Resident::new(&matrix(6), &Device::Cpu).unwrap();
        assert!(!resident.agrees(&matrix(7)).unwrap());
    }

    #[test]
    fn the_widest_rows_are_exact() {
        for weight in [-127, 127] {
            let matrix = Matrix::new(MAX_DIMENSION, 1, vec![weight; MAX_DIMENSION as usize]).unwrap();
            check::<Online, 3>(&matrix, &vec![MODULUS - 1; MAX_DIMENSION as usize]);
            check::<Prompt, 4>(&matrix, &vec![PROMPT_MODULUS - 1; MAX_DIMENSION as usize]);
        }
    }

    #[test]
    fn matrices_larger_than_a_block_are_multiplied_in_parts() {
        let (width, rows) = (1 << 17, 300);
        let weights = (0..width * rows)
            .map(|at| (at % 255) as i8 as i32)
            .map(|x| x.max(-127) as i8)
            .collect();
        let matrix = Matrix::new(width, rows, weights).unwrap();
        let values: Vec<u64> = (0..u64::from(width)).map(|at| at * at * at % MODULUS).collect();
        check::<Online, 3>(&matrix, &values);
    }
}
