//! An estimate of the parameters' security that can be run here, beside the published ones that
//! `docs/split-parameters.md` names: the primal attack by lattice reduction (the 2016 estimate with the
//! embedding of Bai and Galbraith) at the cost that HomomorphicEncryption.org's standard charges.

use super::*;

/// A ring of degree `n` seen as plain learning with errors.
struct Lwe {
    dimension: f64,
    log2_modulus: f64,
    error_deviation: f64,
    secret_deviation: f64,
}

impl Lwe {
    /// Log2 of the root Hermite factor that block size `beta` reaches.
    fn log2_delta(beta: f64) -> f64 {
        use std::f64::consts::{E, PI};
        (beta / (2.0 * PI * E) * (PI * beta).powf(1.0 / beta)).log2() / (2.0 * (beta - 1.0))
    }

    /// Whether reduction with block size `beta` reveals the secret with some number of samples.
    fn falls_to(&self, beta: f64) -> bool {
        (1..=40).any(|tenths| {
            let samples = self.dimension * f64::from(tenths) / 20.0;
            let d = samples + self.dimension + 1.0;
            let volume = samples * self.log2_modulus
                + self.dimension * (self.error_deviation / self.secret_deviation).log2()
                + self.error_deviation.log2();
            let shortest = 0.5 * beta.log2() + self.error_deviation.log2();
            shortest <= (2.0 * beta - d - 1.0) * Self::log2_delta(beta) + volume / d
        })
    }

    fn bits(&self) -> f64 {
        let beta = (60..4000)
            .map(f64::from)
            .find(|beta| self.falls_to(*beta))
            .unwrap();
        // Cost of a sieve in dimension beta, 8 d of them (Albrecht et al., "Estimate all the {LWE, NTRU}
        // schemes!", as in the standard).
        0.292 * beta + 16.4 + (8.0 * 2.0 * self.dimension).log2()
    }
}

fn ternary_ring(degree: usize, log2_modulus: f64) -> Lwe {
    Lwe {
        dimension: degree as f64,
        log2_modulus,
        error_deviation: (f64::from(ERROR_BITS) / 2.0).sqrt(),
        secret_deviation: (2f64 / 3.0).sqrt(),
    }
}

/// Log2 of the modulus of keys, the largest that is used.
fn log2_keys() -> f64 {
    RING_PRIMES.iter().map(|prime| f64::from(*prime).log2()).sum()
}

#[test]
fn both_moduli_give_more_than_128_bits() {
    for log2_modulus in [(RING_MODULUS as f64).log2(), log2_keys()] {
        let bits = ternary_ring(RING_DEGREE, log2_modulus).bits();
        println!("modulus 2^{log2_modulus:.0}: {bits:.1} bits");
        assert!(bits >= 140.0, "{bits}");
    }
}

#[test]
fn the_estimate_agrees_with_the_published_table() {
    // HomomorphicEncryption.org, "Homomorphic Encryption Security Standard" (2018), table for uniform ternary secrets: 128
    // bits up to 54 bits of modulus at degree 2048, and up to 109 at degree 4096.
    for (degree, log2_modulus) in [(2048, 54.0), (4096, 109.0)] {
        let bits = ternary_ring(degree, log2_modulus).bits();
        assert!((122.0..140.0).contains(&bits), "{bits}");
    }
    // The moduli stay clear of it, and of the 106 bits of newer guidelines.
    assert!(RING_DEGREE == 4096 && log2_keys() < 93.0);
}

#[test]
fn the_peer_is_not_more_secure() {
    // concrete-ml-extensions 0.2.0: degree 2048, binary secret, error of 2.845e-15 of the torus.
    let peer = Lwe {
        dimension: 2048.0,
        log2_modulus: 64.0,
        error_deviation: 2.845_267_479_601_915e-15 * 2f64.powi(64),
        secret_deviation: 0.5,
    };
    let (peer, ours) = (peer.bits(), ternary_ring(RING_DEGREE, log2_keys()).bits());
    println!("ours {ours:.1} bits, peer {peer:.1} bits");
    assert!(ours >= peer, "ours {ours}, peer {peer}");
}
