//! Key switches: a ciphertext under one secret becomes one under another, or several under as many others.
//!
//! A mask's residues modulo each prime of `q` are its digits. Keys are modulo one prime more, which is divided out
//! afterwards, so that as large digits as these add little noise (Gentry, Halevi, Smart: "Homomorphic evaluation of the
//! AES circuit", 2012; digits of a residue number system as in Bajard, Eynard, Hasan, Zucca, 2016).

use rand_chacha::ChaCha20Rng;

use super::params::{BODY_PRIMES, KEY_PRIMES};
use super::ring::{primes, product, zero, Body, Times, Wide, KEY_PRIME_INVERSES};
use super::sample::{error, mask, Seed};
use crate::simd::vectorised;

/// Digits of a mask.
pub(super) const DIGITS: usize = BODY_PRIMES;

/// For each digit the mask and a body for each secret, negated, in the domain of products, divided by the degree.
pub(super) struct SwitchKey([Vec<Wide>; DIGITS]);

impl SwitchKey {
    /// From the key's bodies, digit by digit; the mask of digit `i` is number `first + i` of the seed.
    pub(super) fn new(seed: &Seed, first: usize, bodies: &[Wide]) -> Self {
        let mut each = bodies.chunks(bodies.len() / DIGITS);
        Self(std::array::from_fn(|digit| {
            let mask = mask(seed, (first + digit) as u64);
            let bodies = each.next().unwrap_or_default().iter().cloned();
            std::iter::once(mask).chain(bodies).map(ready).collect()
        }))
    }
}

fn ready(mut x: Wide) -> Wide {
    for (x, prime) in x.iter_mut().zip(primes()) {
        x.iter_mut().for_each(|x| *x = prime.neg(*x));
        prime.forward(x);
        prime.divide_by_degree(x);
    }
    x
}

/// Bodies of the key by which what secret `from` hides comes under `to[target]`; bodies for the others hide nothing.
/// Secrets of `to` are in the domain of products. Masks are numbered from `first`.
pub(super) fn key_bodies(
    from: &Wide,
    (to, target): (&[Wide], usize),
    (seed, first): (&Seed, usize),
    errors: &mut ChaCha20Rng,
) -> Vec<Wide> {
    let last = &primes()[BODY_PRIMES];
    let mut bodies = Vec::with_capacity(DIGITS * to.len());
    for digit in 0..DIGITS {
        let mask: Wide = mask(seed, (first + digit) as u64);
        for (at, secret) in to.iter().enumerate() {
            let mut body = product(&mask, secret);
            add_errors(&mut body, errors);
            if at == target {
                // The digit's unit is 1 modulo its own prime and 0 modulo the others.
                let prime = &primes()[digit];
                let unit = Times::new(prime, prime.reduce(last.modulus().into()));
                for (x, s) in body[digit].iter_mut().zip(&from[digit]) {
                    *x = prime.add(*x, unit.apply(*s));
                }
            }
            bodies.push(body);
        }
    }
    bodies
}

/// Adds a fresh error to every coefficient.
fn add_errors(body: &mut Wide, errors: &mut ChaCha20Rng) {
    for at in 0..body[0].len() {
        let error = error(errors) as i32;
        for (x, prime) in body.iter_mut().zip(primes()) {
            x[at] = prime.add(x[at], prime.residue(error));
        }
    }
}

/// Sums of the products of masks' digits with keys: a mask and a body for each secret.
pub(super) struct Switched(Vec<Wide>);

impl Switched {
    /// Nothing, for so many secrets.
    pub(super) fn new(secrets: usize) -> Self {
        Self((0..=secrets).map(|_| zero()).collect())
    }

    /// Adds what a mask comes to; secrets of the key beyond those of the sums are left out.
    pub(super) fn add(&mut self, mask: &Body, key: &SwitchKey) {
        let mut lifted: Body = zero();
        for (at, prime) in primes().iter().enumerate() {
            for ((lifted, digits), own) in lifted.iter_mut().zip(mask).zip(primes()) {
                vectorised(
                    #[inline(always)]
                    || {
                        for (x, digit) in lifted.iter_mut().zip(digits) {
                            *x = prime.residue(own.centred(*digit));
                        }
                    },
                );
                prime.forward(lifted);
            }
            for (which, sum) in self.0.iter_mut().enumerate() {
                prime.add_products(&mut sum[at], &lifted, key.0.each_ref().map(|key| &key[which][at]));
            }
        }
    }

    /// The sums over the keys' own prime, rounded: mask, then bodies.
    pub(super) fn finish(self) -> impl Iterator<Item = Body> {
        self.0.into_iter().map(|mut sum| {
            for (x, prime) in sum.iter_mut().zip(primes()) {
                prime.inverse_times_degree(x);
            }
            let [low, high, last] = sum;
            let mut out = [low, high];
            let own = &primes()[KEY_PRIMES - 1];
            for ((x, prime), inverse) in out.iter_mut().zip(primes()).zip(KEY_PRIME_INVERSES) {
                let inverse = Times::new(prime, inverse);
                vectorised(
                    #[inline(always)]
                    || {
                        for (x, rest) in x.iter_mut().zip(&last) {
                            *x = inverse.apply(prime.sub(*x, prime.residue(own.centred(*rest))));
                        }
                    },
                );
            }
            out
        })
    }
}
