//! Freivalds' check of products: `y = W b` holds with certainty or is refused with probability `1 - 1/m`, `m` being [`MODULUS`],
//! in time of a few rows instead of the whole matrix.

use rand::RngCore;

use super::matrix::Matrix;
use super::params::{Shape, MODULUS};
use super::sample::secret_generator;
use super::wire;
use crate::error::Result;

/// A secret combination of a matrix's rows, made once by who holds the matrix, and given to no miner.
///
/// A wrong reply passes with probability at most [`Check::FALSE_ACCEPT`], since a product that is wrong at
/// some position differs from the right one by a vector that a uniform combination maps to zero with
/// probability `1/m`, the modulus `m` being prime. A miner that sees verdicts excludes at most one combination in `m`
/// with each, so that `n` verdicts leave `n/m`.
pub struct Check {
    shape: Shape,
    combination: Vec<u64>,
    image: Vec<u64>,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").finish_non_exhaustive()
    }
}

impl Check {
    /// Probability that wrong products pass.
    pub const FALSE_ACCEPT: f64 = 1.0 / MODULUS as f64;

    /// Draws a combination `r` with the operating system's randomness and computes `r W`.
    ///
    /// # Errors
    /// [`crate::Error::Randomness`].
    pub fn new(matrix: &Matrix) -> Result<Self> {
        let mut generator = secret_generator()?;
        let uniform = std::iter::repeat_with(|| generator.next_u64() >> MODULUS.leading_zeros());
        let shape = *matrix.shape();
        let combination = uniform
            .filter(|x| *x < MODULUS)
            .take(shape.outputs as usize)
            .collect();
        Ok(Self::with(matrix, combination))
    }

    fn with(matrix: &Matrix, combination: Vec<u64>) -> Self {
        let shape = *matrix.shape();
        let mut sums = vec![0i128; shape.inputs as usize];
        for (output, factor) in combination.iter().enumerate() {
            for (sum, weight) in sums.iter_mut().zip(matrix.row(output)) {
                *sum += i128::from(*factor) * i128::from(*weight);
            }
        }
        let residue = |sum: i128| sum.rem_euclid(i128::from(MODULUS)) as u64;
        Self {
            shape,
            combination,
            image: sums.into_iter().map(residue).collect(),
        }
    }

    /// Whether products are those of the bodies. Both are public, so that acting on the verdict tells
    /// nothing of what they encrypt.
    ///
    /// # Errors
    /// [`crate::Error::Size`] or [`crate::Error::Ciphertext`] if either is malformed, or the products are of
    /// another job.
    pub fn verify(&self, bodies: &[u8], products: &[u8]) -> Result<bool> {
        let (job, bodies) = wire::decode_online(bodies, &self.shape)?;
        let products = wire::decode_products(products, &self.shape, &job)?;
        let bodies = bodies.chunks_exact(self.image.len());
        let products = products.chunks_exact(self.combination.len());
        Ok(bodies
            .zip(products)
            .all(|(body, product)| dot(&self.image, body) == dot(&self.combination, product)))
    }
}

/// At most `2^18` products of 96 bits fit 128.
fn dot(a: &[u64], b: &[u64]) -> u64 {
    let sum: u128 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u128::from(*a) * u128::from(*b))
        .sum();
    (sum % u128::from(MODULUS)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bound is met, not only kept: of all combinations of two rows that differ by an error, exactly one
    /// in [`MODULUS`] accepts. Shown where it can be counted: combinations along a line through an accepting one.
    #[test]
    fn one_combination_in_the_modulus_accepts_an_error() {
        let matrix = Matrix::new(1, 2, vec![3, -5]).unwrap();
        let tokens = super::super::Tokens::new(1).unwrap();
        let job = wire::Job {
            tokens,
            batch: [0; 16],
            range: wire::Range { first: 0, count: 1 },
        };
        let bodies = wire::encode_bodies(matrix.shape(), &job, &[1_234_567_890]);
        // What the rounded residue stands for.
        let body = wire::decode_bodies(&bodies, matrix.shape()).unwrap().1[0];
        // Right products are (3 b, -5 b); these are wrong by (1, 2).
        let wrong = [(3 * body + 1) % MODULUS, (5 * (MODULUS - body) + 2) % MODULUS];
        let products = wire::encode_products(matrix.shape(), &job, &wrong);
        // r1 + 2 r2 = 0 accepts, and nothing else does.
        let accepting = MODULUS - 14;
        for r1 in accepting - 500..accepting + 14 {
            let check = Check::with(&matrix, vec![r1, 7]);
            assert_eq!(check.verify(&bodies, &products).unwrap(), r1 == accepting, "{r1}");
        }
    }
}
