//! Random elements: public masks from seeds, secrets and errors from the operating system.

use rand::rngs::OsRng;
use rand::RngCore;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::params::{ERROR_BITS, RING_DEGREE, RING_PRIMES};
use super::ring::Element;
use crate::error::{Error, Result};

/// Bytes of a seed.
pub(super) const SEED: usize = 32;

/// A public seed from which masks are expanded.
pub(super) type Seed = [u8; SEED];

/// Randomness of the operating system (SPEC F.4).
pub(super) fn os_seed() -> Result<Seed> {
    let mut seed = [0; SEED];
    OsRng
        .try_fill_bytes(&mut seed)
        .map_err(|e| Error::Randomness(e.to_string()))?;
    Ok(seed)
}

/// A generator of secrets. Masks get generators of their own, so that errors are independent of them.
pub(super) fn secret_generator() -> Result<ChaCha20Rng> {
    Ok(ChaCha20Rng::from_seed(os_seed()?))
}

/// Mask number `index` of a seed, uniform modulo each of the first `P` primes: 32-bit words of ChaCha20 on stream `index`,
/// cut to 31 bits and rejected until below the prime, one prime after another. Each prime begins with a new block of `N` words.
pub(super) fn mask<const P: usize>(seed: &Seed, index: u64) -> Element<P> {
    let mut generator = ChaCha20Rng::from_seed(*seed);
    generator.set_stream(index);
    let mut bytes = [0; 4 * RING_DEGREE];
    let mut uniform = |modulus: u32| {
        let mut residues = Vec::with_capacity(RING_DEGREE);
        while residues.len() < RING_DEGREE {
            generator.fill_bytes(&mut bytes);
            let words = bytes.as_chunks::<4>().0.iter();
            let words = words.map(|word| u32::from_le_bytes(*word) & (u32::MAX >> 1));
            residues.extend(words.filter(|x| *x < modulus).take(RING_DEGREE - residues.len()));
        }
        residues
    };
    std::array::from_fn(|at| uniform(RING_PRIMES[at]))
}

/// A centred binomial error of variance `ERROR_BITS / 2`.
pub(super) fn error(generator: &mut ChaCha20Rng) -> i64 {
    let word = generator.next_u64();
    let ones = |bits: u64| i64::from((bits & ((1 << ERROR_BITS) - 1)).count_ones());
    ones(word) - ones(word >> ERROR_BITS)
}

/// A ring element with uniform coefficients of -1, 0 and 1.
pub(super) fn ternary(generator: &mut ChaCha20Rng) -> Vec<i8> {
    let mut element = Vec::with_capacity(RING_DEGREE);
    while element.len() < RING_DEGREE {
        let word = generator.next_u64();
        let trits = (0..32).map(|at| (word >> (2 * at) & 3) as i8 - 1);
        element.extend(trits.filter(|trit| *trit < 2).take(RING_DEGREE - element.len()));
    }
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_a_function_of_seed_and_index() {
        let a: Element<3> = mask(&[1; SEED], 0);
        assert_eq!(a, mask(&[1; SEED], 0));
        assert_ne!(a, mask(&[1; SEED], 1));
        assert_ne!(a, mask(&[2; SEED], 0));
        assert_eq!(mask::<2>(&[1; SEED], 0)[..], a[..2]);
        for (residues, prime) in a.iter().zip(RING_PRIMES) {
            assert!(residues.iter().all(|x| *x < prime));
            let mean =
                residues.iter().map(|x| f64::from(*x)).sum::<f64>() / RING_DEGREE as f64 / f64::from(prime);
            assert!((mean - 0.5).abs() < 0.05, "{mean}");
        }
    }

    #[test]
    fn errors_and_secrets_have_their_variances() {
        let mut generator = ChaCha20Rng::from_seed([7; SEED]);
        let count = 100_000;
        let errors: Vec<i64> = (0..count).map(|_| error(&mut generator)).collect();
        let variance = errors.iter().map(|e| (e * e) as f64).sum::<f64>() / f64::from(count);
        assert!((variance - 10.5).abs() < 0.2, "{variance}");
        let secret = ternary(&mut generator);
        let ones = secret.iter().filter(|x| **x != 0).count() as f64 / RING_DEGREE as f64;
        assert!((ones - 2.0 / 3.0).abs() < 0.06, "{ones}");
        assert_eq!(
            secret.iter().map(|x| i64::from(*x)).sum::<i64>().abs().min(300),
            secret.iter().map(|x| i64::from(*x)).sum::<i64>().abs()
        );
    }
}
