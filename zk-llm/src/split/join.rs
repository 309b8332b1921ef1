//! Joining: packed ciphertexts under one secret get a mask in common, each under a secret of its own, so that the
//! mask is sent once for all of them (Peikert, Vaikuntanathan, Waters: "A framework for efficient and composable
//! oblivious transfer", 2008, for plain learning with errors).

use super::pack::{Ciphertext, PACKING_BODIES};
use super::params::JOINED;
use super::ring::{accumulate, Body, Wide};
use super::sample::Seed;
use super::switch::{key_bodies, SwitchKey, Switched, DIGITS};

/// Ring elements of a joining key: a body for each ciphertext that is joined, each digit and each secret.
pub(super) const BODIES: usize = JOINED * DIGITS * JOINED;

/// The part of a packing key that joins, expanded for use: a switch for each ciphertext.
pub(super) struct JoiningKey(Vec<SwitchKey>);

/// Ciphertexts with one mask: the phase of number `i` is its body without the mask times secret `i`.
pub(super) struct Joined {
    pub mask: Body,
    pub bodies: Vec<Body>,
}

/// The number of the first mask of the switch of a ciphertext.
fn first_mask(ciphertext: usize) -> usize {
    PACKING_BODIES + ciphertext * DIGITS
}

impl JoiningKey {
    /// From the key's seed and its [`BODIES`] bodies.
    pub(super) fn new(seed: &Seed, bodies: &[Wide]) -> Self {
        let switches = bodies.chunks(DIGITS * JOINED).enumerate();
        Self(
            switches
                .map(|(at, bodies)| SwitchKey::new(seed, first_mask(at), bodies))
                .collect(),
        )
    }

    /// Joins up to [`JOINED`] ciphertexts.
    pub(super) fn join(&self, packed: Vec<Ciphertext>) -> Joined {
        let mut sums = Switched::new(packed.len());
        for (packed, key) in packed.iter().zip(&self.0) {
            sums.add(&packed.mask, key);
        }
        let mut sums = sums.finish();
        let mask = sums.next().unwrap_or_default();
        let bodies = sums.zip(packed).map(|(mut sum, packed)| {
            if let Some(body) = packed.body {
                accumulate(&mut sum, &body);
            }
            sum
        });
        Joined {
            bodies: bodies.collect(),
            mask,
        }
    }
}

/// Bodies of the key switches from `secret` to the secrets of the ciphertexts; those are in the domain of products.
pub(super) fn bodies(
    secret: &Wide,
    joined: &[Wide],
    seed: &Seed,
    errors: &mut rand_chacha::ChaCha20Rng,
) -> Vec<Wide> {
    let switch = |at| key_bodies(secret, (joined, at), (seed, first_mask(at)), errors);
    (0..JOINED).flat_map(switch).collect()
}
