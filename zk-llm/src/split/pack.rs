//! Packing: many ring ciphertexts with few wanted coefficients each become one that is full.
//!
//! Two ciphertexts merge through an automorphism that fixes the wanted coefficients of the first and
//! negates those of the second, which doubles both and cancels unwanted ones; a key switch brings the
//! result back under the secret key (Chen, Dai, Kim, Song: "Efficient homomorphic conversion between
//! (ring) LWE ciphertexts", 2020).

use super::params::{
    GADGET_BASE_LOG, GADGET_DROPPED, GADGET_LEVELS, PACKING_LEVELS, PACKING_MODULUS, RING_DEGREE,
};
use super::ring::{centred, packing_ring, vectorised};
use super::sample::{error, mask, Seed};
use super::wire::{self, Id};
use crate::error::Result;

/// A ring ciphertext modulo the packing modulus: its phase is `body - mask * secret`.
pub(super) struct Ciphertext {
    pub mask: Vec<u64>,
    pub body: Vec<u64>,
}

/// A client's packing key, expanded for use. Holds no secret.
pub struct PackingKey {
    id: Id,
    /// For each level and digit, mask and body in the domain of products, negated.
    switches: Vec<[Vec<u64>; 2]>,
}

impl std::fmt::Debug for PackingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackingKey").finish_non_exhaustive()
    }
}

impl PackingKey {
    /// Parses and expands a packing key that a peer sent.
    ///
    /// # Errors
    /// [`crate::Error::Size`] if the length is not [`super::PACKING_KEY_BYTES`]; [`crate::Error::Key`] if
    /// the bytes are no key of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (seed, bodies) = wire::decode_key(bytes)?;
        let ring = packing_ring();
        let negated = |x: Vec<u64>| {
            let mut x: Vec<u64> = x.into_iter().map(|x| ring.neg(x)).collect();
            ring.forward(&mut x);
            x
        };
        let switches = bodies.into_iter().enumerate().map(|(at, body)| {
            let mask = mask(&seed, at as u64, PACKING_MODULUS);
            [negated(mask), negated(body)]
        });
        Ok(Self {
            id: wire::id(bytes),
            switches: switches.collect(),
        })
    }

    pub(super) fn id(&self) -> &Id {
        &self.id
    }

    /// Merges ciphertexts (none stands for zero) with wanted coefficients `N / 2^from` apart, until they are
    /// `N / 2^to` apart: coefficient `i` of leaf `j` becomes coefficient `i + j N / 2^to`, times `2^(to - from)`.
    /// Other coefficients of the result mean nothing.
    pub(super) fn pack<L>(&self, from: usize, to: usize, leaf: &L) -> Option<Ciphertext>
    where
        L: Fn(usize) -> Option<Ciphertext> + Sync,
    {
        self.pack_some(from, to, 0, 1, leaf)
    }

    /// As [`PackingKey::pack`], for the leaves `first`, `first + step`, ...
    fn pack_some<L>(&self, from: usize, to: usize, first: usize, step: usize, leaf: &L) -> Option<Ciphertext>
    where
        L: Fn(usize) -> Option<Ciphertext> + Sync,
    {
        if to == from {
            return leaf(first);
        }
        let (even, odd) = rayon::join(
            || self.pack_some(from, to - 1, first, 2 * step, leaf),
            || self.pack_some(from, to - 1, first + step, 2 * step, leaf),
        );
        self.merge(to, even, odd)
    }

    fn merge(&self, level: usize, even: Option<Ciphertext>, odd: Option<Ciphertext>) -> Option<Ciphertext> {
        let ring = packing_ring();
        let zero = || Ciphertext {
            mask: vec![0; RING_DEGREE],
            body: vec![0; RING_DEGREE],
        };
        if even.is_none() && odd.is_none() {
            return None;
        }
        let mut sum = even.unwrap_or_else(zero);
        let odd = odd.unwrap_or_else(zero);
        let shift = RING_DEGREE >> level;
        let mask = ring.butterfly(&mut sum.mask, &odd.mask, shift);
        let body = ring.butterfly(&mut sum.body, &odd.body, shift);
        let exponent = (1 << level) + 1;
        let mask = ring.automorphism(&mask, exponent);
        let body = ring.automorphism(&body, exponent);

        let (mut switched_mask, mut switched_body) = (vec![0; RING_DEGREE], vec![0; RING_DEGREE]);
        let switches = &self.switches[(level - 1) * GADGET_LEVELS..][..GADGET_LEVELS];
        let biased: Vec<u64> = mask.iter().map(|x| biased_digits(*x)).collect();
        let mut digits = vec![0; RING_DEGREE];
        for (at, [key_mask, key_body]) in switches.iter().enumerate() {
            vectorised(
                #[inline(always)]
                || {
                    for (digit, biased) in digits.iter_mut().zip(&biased) {
                        *digit = ring.residue(cut(*biased, at));
                    }
                },
            );
            ring.forward(&mut digits);
            ring.multiply_add(&mut switched_mask, &digits, key_mask);
            ring.multiply_add(&mut switched_body, &digits, key_body);
        }
        ring.inverse(&mut switched_mask);
        ring.inverse(&mut switched_body);
        for (sum, x) in sum.mask.iter_mut().zip(switched_mask) {
            *sum = ring.add(*sum, x);
        }
        for ((sum, x), y) in sum.body.iter_mut().zip(switched_body).zip(body) {
            *sum = ring.add(ring.add(*sum, x), y);
        }
        Some(sum)
    }
}

/// Key switches from the images of the secret under each level's automorphism.
pub(super) fn packing_key(secret: &[i8], seed: &Seed, errors: &mut rand_chacha::ChaCha20Rng) -> Vec<u8> {
    let ring = packing_ring();
    let secret: Vec<u64> = secret.iter().map(|s| ring.residue(i64::from(*s))).collect();
    let mut secret_forward = secret.clone();
    ring.forward(&mut secret_forward);
    let mut bodies = Vec::with_capacity(PACKING_LEVELS * GADGET_LEVELS);
    for level in 1..=PACKING_LEVELS {
        let image = ring.automorphism(&secret, (1 << level) + 1);
        for digit in 0..GADGET_LEVELS {
            let mask = mask(seed, bodies.len() as u64, PACKING_MODULUS);
            let mut body = ring.product(&mask, &secret_forward);
            let mut message = image.clone();
            ring.scale(
                &mut message,
                1 << (GADGET_DROPPED + GADGET_BASE_LOG * digit as u32),
            );
            for (body, message) in body.iter_mut().zip(message) {
                let error = ring.residue(error(errors));
                *body = ring.add(ring.add(*body, message), error);
            }
            bodies.push(body);
        }
    }
    wire::encode_key(seed, &bodies)
}

/// The value of least magnitude, rounded to the gadget, plus half a base at every digit.
fn biased_digits(x: u64) -> u64 {
    let half = (0..GADGET_LEVELS as u32).fold(0, |bias, digit| {
        bias + (1i64 << (GADGET_BASE_LOG * (digit + 1) - 1))
    });
    let rounded = (centred(x, PACKING_MODULUS) + (1 << (GADGET_DROPPED - 1))) >> GADGET_DROPPED;
    (rounded + half) as u64
}

/// Digit `at`, in `-2^(b-1)..2^(b-1)`; the highest takes what is left.
#[inline(always)]
fn cut(biased: u64, at: usize) -> i64 {
    let rest = biased >> (GADGET_BASE_LOG as usize * at);
    let digit = match at + 1 < GADGET_LEVELS {
        true => rest & ((1 << GADGET_BASE_LOG) - 1),
        false => rest,
    };
    digit as i64 - (1 << (GADGET_BASE_LOG - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digits_rebuild_the_value(x in 0..PACKING_MODULUS) {
            let biased = biased_digits(x);
            let mut sum = 0i64;
            for at in 0..GADGET_LEVELS {
                let digit = cut(biased, at);
                prop_assert!(digit.abs() <= 8);
                sum += digit << (GADGET_DROPPED + GADGET_BASE_LOG * at as u32);
            }
            prop_assert!((sum - centred(x, PACKING_MODULUS)).abs() <= 1 << (GADGET_DROPPED - 1));
        }
    }

    #[test]
    fn digits_of_the_extremes() {
        for x in [
            0,
            1,
            PACKING_MODULUS - 1,
            PACKING_MODULUS / 2,
            PACKING_MODULUS / 2 + 1,
        ] {
            let biased = biased_digits(x);
            let sum: i64 = (0..GADGET_LEVELS).map(|at| cut(biased, at) << (6 + 4 * at)).sum();
            assert!((sum - centred(x, PACKING_MODULUS)).abs() <= 32, "{x}");
        }
    }
}
