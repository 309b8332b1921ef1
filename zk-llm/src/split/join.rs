//! Joining: packed ciphertexts under one secret get a mask in common, each under a secret of its own, so that the
//! mask is sent once for all of them (Peikert, Vaikuntanathan, Waters: "A framework for efficient and composable
//! oblivious transfer", 2008, for plain learning with errors).

use super::gadget::Gadget;
use super::pack::{add_errors, negated, Ciphertext, PACKING_SWITCHES};
use super::params::{JOINED, JOIN_BASE_LOG, JOIN_DROPPED, JOIN_LEVELS, PACKING_MODULUS, RING_DEGREE};
use super::ring::packing_ring;
use super::sample::{mask, Seed};

const GADGET: Gadget = Gadget {
    base_log: JOIN_BASE_LOG,
    levels: JOIN_LEVELS,
    dropped: JOIN_DROPPED,
};
/// Ring elements of a joining key: a body for each ciphertext that is joined, each digit and each secret.
pub(super) const BODIES: usize = JOINED * JOIN_LEVELS * JOINED;

/// The part of a packing key that joins, expanded for use.
pub(super) struct JoiningKey {
    /// For each ciphertext and digit, the mask and a body for each secret, negated, in the domain of products.
    switches: Vec<(Vec<u64>, Vec<Vec<u64>>)>,
}

/// Ciphertexts with one mask: the phase of number `i` is its body without the mask times secret `i`.
pub(super) struct Joined {
    pub mask: Vec<u64>,
    pub bodies: Vec<Vec<u64>>,
}

impl JoiningKey {
    /// From the key's seed and its [`BODIES`] bodies.
    pub(super) fn new(seed: &Seed, bodies: &[Vec<u64>]) -> Self {
        let switch = |(at, bodies): (usize, &[Vec<u64>])| {
            let mask = mask(seed, (PACKING_SWITCHES + at) as u64, PACKING_MODULUS);
            (negated(mask), bodies.iter().cloned().map(negated).collect())
        };
        Self {
            switches: bodies.chunks(JOINED).enumerate().map(switch).collect(),
        }
    }

    /// Joins up to [`JOINED`] ciphertexts.
    pub(super) fn join(&self, packed: Vec<Ciphertext>) -> Joined {
        let ring = packing_ring();
        let mut mask = vec![0; RING_DEGREE];
        let mut sums = vec![vec![0; RING_DEGREE]; packed.len()];
        let mut digits = vec![0; RING_DEGREE];
        for (packed, switches) in packed.iter().zip(self.switches.chunks(JOIN_LEVELS)) {
            let biased = GADGET.biased(&packed.mask);
            for (at, (key_mask, key_bodies)) in switches.iter().enumerate() {
                GADGET.cut(&biased, at, &mut digits);
                ring.forward(&mut digits);
                ring.multiply_add(&mut mask, &digits, key_mask);
                for (sum, key) in sums.iter_mut().zip(key_bodies) {
                    ring.multiply_add(sum, &digits, key);
                }
            }
        }
        ring.inverse(&mut mask);
        let bodies = packed.into_iter().zip(sums).map(|(packed, mut sum)| {
            ring.inverse(&mut sum);
            for (sum, x) in sum.iter_mut().zip(packed.body) {
                *sum = ring.add(*sum, x);
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
    secret: &[u64],
    joined: &[Vec<u64>],
    seed: &Seed,
    errors: &mut rand_chacha::ChaCha20Rng,
) -> Vec<Vec<u64>> {
    let mut bodies = Vec::with_capacity(BODIES);
    for switch in 0..JOINED * JOIN_LEVELS {
        let (ciphertext, digit) = (switch / JOIN_LEVELS, switch % JOIN_LEVELS);
        let mask = mask(seed, (PACKING_SWITCHES + switch) as u64, PACKING_MODULUS);
        for (at, key) in joined.iter().enumerate() {
            let mut body = packing_ring().product(&mask, key);
            if at == ciphertext {
                GADGET.add(&mut body, secret, digit);
            }
            add_errors(&mut body, errors);
            bodies.push(body);
        }
    }
    bodies
}
