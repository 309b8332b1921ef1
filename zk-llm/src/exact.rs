//! Bootstraps in integers: the same bytes on every machine, so that whoever has the evaluation key can hold a result
//! against their own.
//!
//! The library's bootstrap multiplies in floating point, whose last bits differ between processors and turn whole
//! ciphertexts into others. Here the accumulator lives modulo a prime of 62 bits and products are taken by number-theoretic
//! transforms. Rounding the key's coefficients to that prime adds less to their noise than floating point does to their
//! products. Keyswitch and modulus switch are integers anyhow.

mod ring;

use std::sync::OnceLock;

use rayon::prelude::*;
use tfhe::core_crypto::prelude::LweKeyswitchKeyOwned;
use tfhe::shortint::server_key::ModulusSwitchConfiguration;

use crate::bootstrap::Switched;
use crate::error::Result;
use crate::keys::{other_kind, parts, read_evaluation_key};
use crate::params::ParameterSet;
use crate::simd::vectorised;
use ring::Ring;

/// Prime modulus of accumulators, 1 modulo twice the degree: the largest below `2^62`, above which transforms are slower.
const MODULUS: u64 = (1 << 62) - 65_535;

/// Degree of the accumulators' ring.
const DEGREE: usize = 2048;
/// Polynomials of a ciphertext: mask and body.
const POLYNOMIALS: usize = 2;
/// Of the key for one coefficient of the small secret: a ciphertext for each polynomial's digits.
const KEY_POLYNOMIALS: usize = POLYNOMIALS * POLYNOMIALS;

/// A client's evaluation key, expanded for exact evaluation. Holds no secret.
#[derive(Clone)]
pub struct ExactKey {
    set: ParameterSet,
    keyswitch: LweKeyswitchKeyOwned<u64>,
    switch: ModulusSwitchConfiguration<u64>,
    rotation: Rotation,
}

impl std::fmt::Debug for ExactKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExactKey")
            .field("set", &self.set.name)
            .finish_non_exhaustive()
    }
}

impl ExactKey {
    /// Parses and expands an evaluation key that a peer sent.
    ///
    /// # Errors
    /// As [`crate::ServerKey::from_bytes`].
    pub fn from_bytes(bytes: &[u8], set: &ParameterSet) -> Result<Self> {
        let (keyswitch, bsk, switch) = parts(read_evaluation_key(bytes, set)?)?;
        let shape = (
            bsk.polynomial_size().0,
            bsk.glwe_size().0,
            bsk.decomposition_level_count().0,
        );
        if shape != (DEGREE, POLYNOMIALS, 1) {
            return Err(other_kind());
        }
        let digit_bits = bsk.decomposition_base_log().0 as u32;
        let coefficients = bsk
            .as_view()
            .par_decompress_into_lwe_bootstrap_key()
            .into_container();
        Ok(Self {
            set: *set,
            keyswitch: keyswitch.decompress_into_lwe_keyswitch_key(),
            switch,
            rotation: Rotation::new(coefficients, digit_bits),
        })
    }

    /// Parameter set of the key.
    pub fn parameter_set(&self) -> &ParameterSet {
        &self.set
    }

    pub(crate) fn keyswitch(&self) -> &LweKeyswitchKeyOwned<u64> {
        &self.keyswitch
    }

    pub(crate) fn switch(&self) -> &ModulusSwitchConfiguration<u64> {
        &self.switch
    }

    pub(crate) fn rotation(&self) -> &Rotation {
        &self.rotation
    }
}

/// The key by which accumulators are rotated.
#[derive(Clone)]
pub(crate) struct Rotation {
    /// For each coefficient of the small secret [`KEY_POLYNOMIALS`], in the domain of products, divided by the degree.
    key: Vec<u64>,
    /// Low bits of the prime that digits leave out.
    dropped: u32,
    ring: &'static Ring,
}

/// Mask and body of an accumulator modulo the prime.
type Accumulator = [Vec<u64>; POLYNOMIALS];

impl Rotation {
    /// From the coefficients of a bootstrapping key modulo `2^64`, of one digit of so many bits.
    fn new(mut key: Vec<u64>, digit_bits: u32) -> Self {
        let ring = ring();
        key.par_chunks_mut(DEGREE).for_each(|polynomial| {
            polynomial.iter_mut().for_each(|x| *x = to_prime(*x));
            ring.forward(polynomial);
            ring.divide_by_degree(polynomial);
        });
        Self {
            key,
            ring,
            dropped: MODULUS.ilog2() + 1 - digit_bits,
        }
    }

    /// Rotates each test polynomial (coefficients modulo `2^64`) by the phase of its ciphertext, and gives the constant
    /// coefficients as ciphertexts modulo `2^64`.
    pub(crate) fn apply(&self, inputs: &[Switched], tables: &[&[u64]]) -> Vec<Vec<u64>> {
        let start = |(input, table): (&Switched, &&[u64])| -> Accumulator {
            let body: Vec<u64> = table.iter().map(|x| to_prime(*x)).collect();
            // Divided by X^b.
            [
                vec![0; DEGREE],
                rotated(&body, (2 * DEGREE - input.body) % (2 * DEGREE)),
            ]
        };
        let mut accumulators: Vec<Accumulator> = inputs.iter().zip(tables).map(start).collect();
        let mut digits = [vec![0; DEGREE], vec![0; DEGREE]];
        let mut sum = vec![0; DEGREE];
        // Each part of the key is read once for all accumulators.
        for (at, key) in self.key.chunks_exact(KEY_POLYNOMIALS * DEGREE).enumerate() {
            for (accumulator, input) in accumulators.iter_mut().zip(inputs) {
                self.step(accumulator, input.mask[at], key, &mut digits, &mut sum);
            }
        }
        accumulators.iter().map(extract).collect()
    }

    /// Adds the product of `(X^by - 1) * accumulator` with an encrypted bit.
    fn step(
        &self,
        accumulator: &mut Accumulator,
        by: usize,
        key: &[u64],
        digits: &mut Accumulator,
        sum: &mut [u64],
    ) {
        if by == 0 {
            return;
        }
        let ring = self.ring;
        for (digits, x) in digits.iter_mut().zip(accumulator.iter()) {
            self.digits(x, by, digits);
            ring.forward(digits);
        }
        for (polynomial, x) in accumulator.iter_mut().enumerate() {
            sum.fill(0);
            for (row, digits) in digits.iter().enumerate() {
                let key = &key[(row * POLYNOMIALS + polynomial) * DEGREE..][..DEGREE];
                ring.multiply_add(sum, digits, key);
            }
            ring.inverse_times_degree(sum);
            vectorised(
                #[inline(always)]
                || {
                    for (x, y) in x.iter_mut().zip(sum.iter()) {
                        *x = ring.add(*x, *y);
                    }
                },
            );
        }
    }

    /// The digits of `(X^by - 1) * x`, as residues.
    fn digits(&self, x: &[u64], by: usize, digits: &mut [u64]) {
        let (shift, negated) = (by % DEGREE, by >= DEGREE);
        // What passes X^N comes back negated.
        let (kept, wrapped) = x.split_at(DEGREE - shift);
        let (low, high) = digits.split_at_mut(shift);
        let (x_low, x_high) = x.split_at(shift);
        vectorised(
            #[inline(always)]
            || match negated {
                false => {
                    self.differences(high, kept, x_high);
                    self.negated_sums(low, wrapped, x_low);
                }
                true => {
                    self.negated_sums(high, kept, x_high);
                    self.differences(low, wrapped, x_low);
                }
            },
        );
    }

    /// Digits of `y - x`.
    #[inline(always)]
    fn differences(&self, digits: &mut [u64], y: &[u64], x: &[u64]) {
        for ((digit, y), x) in digits.iter_mut().zip(y).zip(x) {
            *digit = self.digit(self.ring.sub(*y, *x));
        }
    }

    /// Digits of `-y - x`.
    #[inline(always)]
    fn negated_sums(&self, digits: &mut [u64], y: &[u64], x: &[u64]) {
        for ((digit, y), x) in digits.iter_mut().zip(y).zip(x) {
            *digit = self.digit(self.ring.neg(self.ring.add(*y, *x)));
        }
    }

    /// The highest bits, rounded to nearest.
    #[inline(always)]
    fn digit(&self, x: u64) -> u64 {
        let half = 1 << (self.dropped - 1);
        self.ring.residue((self.ring.centred(x) + half) >> self.dropped)
    }
}

fn ring() -> &'static Ring {
    static RING: OnceLock<Ring> = OnceLock::new();
    RING.get_or_init(|| Ring::new(MODULUS))
}

/// `X^by * x`, for `by` below twice the degree.
fn rotated(x: &[u64], by: usize) -> Vec<u64> {
    let ring = ring();
    let (kept, wrapped) = x.split_at(DEGREE - by % DEGREE);
    let negate = |x: &u64| ring.neg(*x);
    match by < DEGREE {
        true => wrapped.iter().map(negate).chain(kept.iter().copied()).collect(),
        false => wrapped.iter().copied().chain(kept.iter().map(negate)).collect(),
    }
}

/// The constant coefficient as a ciphertext (mask, then body) modulo `2^64`.
fn extract([mask, body]: &Accumulator) -> Vec<u64> {
    let first = mask.iter().take(1).copied();
    let others = mask.iter().skip(1).rev().map(|x| ring().neg(*x));
    let all = first.chain(others).chain(body.iter().take(1).copied());
    all.map(from_prime).collect()
}

/// From modulo `2^64` to the prime, rounded to nearest.
fn to_prime(x: u64) -> u64 {
    let scaled = ((u128::from(x) * u128::from(MODULUS) + (1 << 63)) >> 64) as u64;
    scaled.min(scaled.wrapping_sub(MODULUS))
}

/// Back, rounded to nearest.
fn from_prime(x: u64) -> u64 {
    let prime = u128::from(MODULUS);
    (((u128::from(x) << 64) + prime / 2) / prime) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};

    /// By the definition, coefficient by coefficient.
    fn plain(key: &[Vec<u64>], dropped: u32, input: &Switched, table: &[u64]) -> Vec<u64> {
        let prime = i128::from(MODULUS);
        let times = |x: &[i128], by: usize| -> Vec<i128> {
            let mut y = vec![0; x.len()];
            for (at, x) in x.iter().enumerate() {
                let to = (at + by) % (2 * DEGREE);
                match to < DEGREE {
                    true => y[to] = *x,
                    false => y[to - DEGREE] = -x,
                }
            }
            y
        };
        let body: Vec<i128> = table.iter().map(|x| i128::from(to_prime(*x))).collect();
        let mut accumulator = [vec![0i128; DEGREE], times(&body, 2 * DEGREE - input.body)];
        for (by, key) in input.mask.iter().zip(key.chunks(KEY_POLYNOMIALS)) {
            let digits = accumulator.clone().map(|x| -> Vec<i128> {
                let digit = |(y, x): (&i128, &i128)| {
                    let difference = (y - x).rem_euclid(prime);
                    let centred = if difference > prime / 2 {
                        difference - prime
                    } else {
                        difference
                    };
                    (centred + (1 << (dropped - 1))) >> dropped
                };
                times(&x, *by).iter().zip(&x).map(digit).collect()
            });
            for (row, digits) in digits.iter().enumerate() {
                for (polynomial, x) in accumulator.iter_mut().enumerate() {
                    let key = key[row * POLYNOMIALS + polynomial].iter();
                    let key: Vec<i128> = key.map(|x| i128::from(to_prime(*x))).collect();
                    for (at, digit) in digits.iter().enumerate().filter(|(_, digit)| **digit != 0) {
                        for (x, y) in x.iter_mut().zip(times(&key, at)) {
                            *x = (*x + digit * y).rem_euclid(prime);
                        }
                    }
                }
            }
        }
        extract(&accumulator.map(|x| x.into_iter().map(|x| x.rem_euclid(prime) as u64).collect()))
    }

    #[test]
    fn rotations_are_those_of_the_definition() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let key: Vec<Vec<u64>> = (0..2 * KEY_POLYNOMIALS)
            .map(|_| (0..DEGREE).map(|_| rng.gen()).collect())
            .collect();
        let rotation = Rotation::new(key.concat(), 23);
        for mask in [
            [0, 1],
            [2047, 2048],
            [4095, 77],
            [rng.gen_range(0..4096), rng.gen_range(0..4096)],
        ] {
            let input = Switched::of(mask.to_vec(), rng.gen_range(0..4096));
            let table: Vec<u64> = (0..DEGREE).map(|_| rng.gen()).collect();
            let right = plain(&key, rotation.dropped, &input, &table);
            assert!(rotation.apply(&[input], &[&table]) == [right], "{mask:?}");
        }
    }

    proptest! {
        #[test]
        fn changes_of_modulus_lose_half_a_unit_of_the_prime(x: u64) {
            let there = to_prime(x);
            prop_assert!(there < MODULUS);
            let lost = from_prime(there).wrapping_sub(x) as i64;
            prop_assert!(lost.abs() <= 2, "{}", lost);
        }
    }
}
