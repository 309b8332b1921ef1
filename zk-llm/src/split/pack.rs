//! Packing: many ring ciphertexts with few wanted coefficients each become one that is full.
//!
//! Two ciphertexts merge through an automorphism that fixes the wanted coefficients of the first and
//! negates those of the second, which doubles both and cancels unwanted ones; a key switch brings the
//! result back under the secret key (Chen, Dai, Kim, Song: "Efficient homomorphic conversion between
//! (ring) LWE ciphertexts", 2020).

use super::gadget::Gadget;
use super::join::{self, JoiningKey};
use super::params::{
    GADGET_BASE_LOG, GADGET_DROPPED, GADGET_LEVELS, PACKING_LEVELS, PACKING_MODULUS, RING_DEGREE,
};
use super::ring::packing_ring;
use super::sample::{error, mask, Seed};
use super::wire::{self, Id};
use crate::error::Result;

const GADGET: Gadget = Gadget {
    base_log: GADGET_BASE_LOG,
    levels: GADGET_LEVELS,
    dropped: GADGET_DROPPED,
};
/// Key switches of packing; those of joining follow them in a packing key.
pub(super) const PACKING_SWITCHES: usize = PACKING_LEVELS * GADGET_LEVELS;

/// A ring ciphertext modulo the packing modulus: its phase is `body - mask * secret`.
pub(super) struct Ciphertext {
    pub mask: Vec<u64>,
    pub body: Vec<u64>,
}

impl Ciphertext {
    /// An encryption of zero that hides nothing.
    pub(super) fn zero() -> Self {
        Self {
            mask: vec![0; RING_DEGREE],
            body: vec![0; RING_DEGREE],
        }
    }
}

/// A client's packing key, expanded for use. Holds no secret.
pub struct PackingKey {
    id: Id,
    /// For each level and digit, mask and body in the domain of products, negated.
    switches: Vec<[Vec<u64>; 2]>,
    joining: JoiningKey,
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
        let (seed, switched) = wire::decode_key(bytes)?;
        let (packing, joining) = switched.split_at(PACKING_SWITCHES);
        let switches = packing.iter().enumerate().map(|(at, body)| {
            let mask = mask(&seed, at as u64, PACKING_MODULUS);
            [negated(mask), negated(body.clone())]
        });
        Ok(Self {
            id: wire::id(bytes),
            switches: switches.collect(),
            joining: JoiningKey::new(&seed, joining),
        })
    }

    pub(super) fn id(&self) -> &Id {
        &self.id
    }

    pub(super) fn joining(&self) -> &JoiningKey {
        &self.joining
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
        if even.is_none() && odd.is_none() {
            return None;
        }
        let mut sum = even.unwrap_or_else(Ciphertext::zero);
        let odd = odd.unwrap_or_else(Ciphertext::zero);
        let shift = RING_DEGREE >> level;
        let mask = ring.butterfly(&mut sum.mask, &odd.mask, shift);
        let body = ring.butterfly(&mut sum.body, &odd.body, shift);
        let exponent = (1 << level) + 1;
        let mask = ring.automorphism(&mask, exponent);
        let body = ring.automorphism(&body, exponent);

        let (mut switched_mask, mut switched_body) = (vec![0; RING_DEGREE], vec![0; RING_DEGREE]);
        let switches = &self.switches[(level - 1) * GADGET_LEVELS..][..GADGET_LEVELS];
        let biased = GADGET.biased(&mask);
        let mut digits = vec![0; RING_DEGREE];
        for (at, [key_mask, key_body]) in switches.iter().enumerate() {
            GADGET.cut(&biased, at, &mut digits);
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

/// The negation of a ring element, in the domain of products.
pub(super) fn negated(mut x: Vec<u64>) -> Vec<u64> {
    let ring = packing_ring();
    x.iter_mut().for_each(|x| *x = ring.neg(*x));
    ring.forward(&mut x);
    x
}

/// Key switches from the images of the secret under each level's automorphism to the secret itself, and from the
/// secret to those of `joined` ring elements.
pub(super) fn packing_key(
    secret: &[i8],
    joined: &[Vec<i8>],
    seed: &Seed,
    errors: &mut rand_chacha::ChaCha20Rng,
) -> Vec<u8> {
    let ring = packing_ring();
    let residues =
        |secret: &[i8]| -> Vec<u64> { secret.iter().map(|s| ring.residue(i64::from(*s))).collect() };
    let forward = |secret: &[i8]| {
        let mut secret = residues(secret);
        ring.forward(&mut secret);
        secret
    };
    let (plain, transformed) = (residues(secret), forward(secret));
    let mut bodies = Vec::with_capacity(PACKING_SWITCHES + join::BODIES);
    for level in 1..=PACKING_LEVELS {
        let image = ring.automorphism(&plain, (1 << level) + 1);
        for digit in 0..GADGET_LEVELS {
            let mask = mask(seed, bodies.len() as u64, PACKING_MODULUS);
            let mut body = ring.product(&mask, &transformed);
            GADGET.add(&mut body, &image, digit);
            add_errors(&mut body, errors);
            bodies.push(body);
        }
    }
    let joined: Vec<Vec<u64>> = joined.iter().map(|secret| forward(secret)).collect();
    bodies.extend(join::bodies(&plain, &joined, seed, errors));
    wire::encode_key(seed, &bodies)
}

/// Adds a fresh error to every coefficient.
pub(super) fn add_errors(body: &mut [u64], errors: &mut rand_chacha::ChaCha20Rng) {
    let ring = packing_ring();
    for x in body {
        *x = ring.add(*x, ring.residue(error(errors)));
    }
}
