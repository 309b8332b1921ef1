//! Packing: many ring ciphertexts with few wanted coefficients each become one that is full.
//!
//! Two ciphertexts merge through an automorphism that fixes the wanted coefficients of the first and
//! negates those of the second, which doubles both and cancels unwanted ones; a key switch brings the
//! result back under the secret key (Chen, Dai, Kim, Song: "Efficient homomorphic conversion between
//! (ring) LWE ciphertexts", 2020).

use super::join::{self, JoiningKey};
use super::params::{PACKING_LEVELS, RING_DEGREE};
use super::ring::{accumulate, butterfly, primes, small, small_forward, zero, Body, Wide};
use super::sample::Seed;
use super::switch::{key_bodies, SwitchKey, Switched, DIGITS};
use super::wire::{self, Id};
use crate::error::Result;

/// Ring elements of a packing key that pack; those that join follow them.
pub(super) const PACKING_BODIES: usize = PACKING_LEVELS * DIGITS;

/// A ring ciphertext modulo `q`: its phase is `body - mask * secret`. A body of zeros is left out.
pub(super) struct Ciphertext {
    pub mask: Body,
    pub body: Option<Body>,
}

impl Ciphertext {
    /// An encryption of zero that hides nothing.
    pub(super) fn zero() -> Self {
        Self {
            mask: zero(),
            body: None,
        }
    }
}

/// A client's packing key, expanded for use. Holds no secret.
pub struct PackingKey {
    id: Id,
    /// For each level, from the image of the secret to the secret.
    switches: Vec<SwitchKey>,
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
        let (seed, bodies) = wire::decode_key(bytes)?;
        let (packing, joining) = bodies.split_at(PACKING_BODIES);
        let levels = packing.chunks(DIGITS).enumerate();
        Ok(Self {
            id: wire::id(bytes),
            switches: levels
                .map(|(level, bodies)| SwitchKey::new(&seed, level * DIGITS, bodies))
                .collect(),
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
        if even.is_none() && odd.is_none() {
            return None;
        }
        let (even, odd) = (
            even.unwrap_or_else(Ciphertext::zero),
            odd.unwrap_or_else(Ciphertext::zero),
        );
        let (shift, exponent) = (RING_DEGREE >> level, (1 << level) + 1);
        let merged = |mut even: Body, odd: &Body| {
            let image = butterfly(&mut even, odd, shift, exponent);
            (even, image)
        };
        let (mut mask, image) = merged(even.mask, &odd.mask);
        let mut switched = Switched::new(1);
        switched.add(&image, &self.switches[level - 1]);
        let mut switched = switched.finish();
        for sum in switched.by_ref().take(1) {
            accumulate(&mut mask, &sum);
        }
        let mut body = switched.next();
        if even.body.is_some() || odd.body.is_some() {
            let of = |body: Option<Body>| body.unwrap_or_else(zero);
            let (sum, image) = merged(of(even.body), &of(odd.body));
            if let Some(body) = &mut body {
                accumulate(body, &sum);
                accumulate(body, &image);
            }
        }
        Some(Ciphertext { mask, body })
    }
}

/// Key switches from the images of the secret under each level's automorphism to the secret itself, and from the
/// secret to those of `joined` ring elements.
pub(super) fn packing_key(
    secret: &[i8],
    joined: &[Vec<i8>],
    seed: &Seed,
    errors: &mut rand_chacha::ChaCha20Rng,
) -> Vec<u8> {
    let (plain, to): (Wide, Wide) = (small(secret), small_forward(secret));
    let mut bodies = Vec::with_capacity(PACKING_BODIES + join::BODIES);
    for level in 1..=PACKING_LEVELS {
        let image = |at: usize| primes()[at].automorphism(&plain[at], (1 << level) + 1);
        let from: Wide = std::array::from_fn(image);
        let masks = (seed, (level - 1) * DIGITS);
        bodies.extend(key_bodies(&from, (std::slice::from_ref(&to), 0), masks, errors));
    }
    let joined: Vec<Wide> = joined.iter().map(|secret| small_forward(secret)).collect();
    bodies.extend(join::bodies(&plain, &joined, seed, errors));
    wire::encode_key(seed, &bodies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modular::{centred, sub};
    use crate::split::params::{key_switch, JOINED, RING_MODULUS};
    use crate::split::ring::{compose, decompose, product};
    use crate::split::sample::{mask, ternary};
    use rand_chacha::rand_core::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    struct Keys {
        secret: Body,
        joined: Vec<Body>,
        packing: PackingKey,
    }

    fn keys() -> Keys {
        let mut generator = ChaCha20Rng::from_seed([5; 32]);
        let secret = ternary(&mut generator);
        let joined: Vec<Vec<i8>> = (0..JOINED).map(|_| ternary(&mut generator)).collect();
        let bytes = packing_key(&secret, &joined, &[6; 32], &mut generator);
        Keys {
            secret: small_forward(&secret),
            joined: joined.iter().map(|secret| small_forward(secret)).collect(),
            packing: PackingKey::from_bytes(&bytes).unwrap(),
        }
    }

    /// Coefficients of `body - mask * secret`.
    fn phase(mask: &Body, body: Option<&Body>, secret: &Body) -> Vec<u64> {
        let product = compose(&product(mask, secret));
        let body = body.map_or(vec![0; RING_DEGREE], compose);
        body.iter()
            .zip(product)
            .map(|(b, x)| sub(*b, x, RING_MODULUS))
            .collect()
    }

    fn leaf(at: usize) -> Ciphertext {
        Ciphertext {
            mask: mask(&[7; 32], at as u64),
            body: None,
        }
    }

    /// Mean square of what packing adds to the wanted coefficients, over one switch's.
    fn packed(keys: &Keys, from: usize, to: usize) -> f64 {
        let packed = keys.packing.pack(from, to, &|at| Some(leaf(at))).unwrap();
        let phases = phase(&packed.mask, packed.body.as_ref(), &keys.secret);
        let (leaves, stride) = (1 << (to - from), RING_DEGREE >> from);
        let mut squares = 0.0;
        for at in 0..leaves {
            let leaf = leaf(at);
            let wanted = phase(&leaf.mask, None, &keys.secret);
            for first in (0..RING_DEGREE).step_by(stride) {
                let times = (u128::from(wanted[first]) << (to - from)) % u128::from(RING_MODULUS);
                let got = phases[first + at * stride / leaves];
                squares += (centred(sub(got, times as u64, RING_MODULUS), RING_MODULUS) as f64).powi(2);
            }
        }
        squares / (leaves << from) as f64 / key_switch()
    }

    #[test]
    fn a_switch_adds_the_noise_that_was_derived() {
        let ratio = packed(&keys(), 11, 12);
        // A third of the key is zero where rounding meets it: 0.985 is expected.
        assert!((0.9..1.03).contains(&ratio), "{ratio}");
    }

    #[test]
    fn packing_doubles_noise_and_adds_a_switch_at_every_level() {
        let keys = keys();
        for (from, to) in [(9, 12), (7, 12)] {
            let ratio = packed(&keys, from, to) / ((4f64.powi((to - from) as i32) - 1.0) / 3.0);
            assert!((0.8..1.2).contains(&ratio), "{from} to {to}: {ratio}");
        }
    }

    #[test]
    fn joining_adds_a_switch_for_each_ciphertext() {
        let keys = keys();
        let wanted: Vec<Vec<u64>> = (0..JOINED)
            .map(|at| phase(&leaf(at).mask, None, &keys.secret))
            .collect();
        let joined = keys.packing.joining().join((0..JOINED).map(leaf).collect());
        for ((body, secret), wanted) in joined.bodies.iter().zip(&keys.joined).zip(wanted) {
            let phases = phase(&joined.mask, Some(body), secret);
            let noise = phases.iter().zip(&wanted).map(|(x, y)| sub(*x, *y, RING_MODULUS));
            let squares: f64 = noise.map(|x| (centred(x, RING_MODULUS) as f64).powi(2)).sum();
            let ratio = squares / RING_DEGREE as f64 / (JOINED as f64 * key_switch());
            assert!((0.85..1.03).contains(&ratio), "{ratio}");
        }
        assert_eq!(decompose(&compose(&joined.mask)), joined.mask);
    }
}
