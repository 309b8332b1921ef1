//! Noise of ciphertexts and the probability that it exceeds a step.
//!
//! Variances are shares of the torus squared. Keyswitch, modulus switch and bootstrap use the
//! library's published formulas; what this crate adds (rounding of inputs and outputs, sums) is derived
//! here. A test holds the result against the failure probability that the set is published with.

use tfhe::core_crypto::commons::noise_formulas::centered_mean_shifted_modulus_switch::centered_binary_shifted_modulus_switch_additive_variance;
use tfhe::core_crypto::commons::noise_formulas::lwe_keyswitch::keyswitch_additive_variance_132_bits_security_tuniform;
use tfhe::core_crypto::commons::noise_formulas::lwe_programmable_bootstrap::pbs_variance_132_bits_security_tuniform_fft_mul;
use tfhe::core_crypto::commons::noise_formulas::secure_noise::minimal_lwe_variance_for_132_bits_security_tuniform;
use tfhe::core_crypto::commons::parameters::LweDimension;

use crate::params::ParameterSet;

/// The ciphertext modulus.
const MODULUS: f64 = 18_446_744_073_709_551_616.0;
/// Bits of precision of the library's Fourier transform.
const FFT_MANTISSA: f64 = 53.0;
/// Bits that an encrypted input's body keeps.
pub const INPUT_BITS: u32 = 32;

/// Variances of the operations under one parameter set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseModel {
    /// Of a fresh input, its body rounded to [`INPUT_BITS`] bits.
    pub fresh: f64,
    /// Of a bootstrap's result, whatever its input was.
    pub bootstrapped: f64,
    /// Added before a lookup by keyswitch and modulus switch together.
    pub before_lookup: f64,
    dimension: f64,
}

impl NoiseModel {
    /// Derives the variances of `set`.
    pub fn new(set: &ParameterSet) -> Self {
        let p = &set.tfhe;
        let big = LweDimension(set.lwe_dimension());
        let keyswitch = keyswitch_additive_variance_132_bits_security_tuniform(
            big,
            p.lwe_dimension,
            p.ks_base_log,
            p.ks_level,
            MODULUS,
            MODULUS,
        );
        let switched = 2.0 * p.polynomial_size.0 as f64;
        let modulus_switch =
            centered_binary_shifted_modulus_switch_additive_variance(p.lwe_dimension, MODULUS, switched);
        let bootstrapped = pbs_variance_132_bits_security_tuniform_fft_mul(
            p.lwe_dimension,
            p.glwe_dimension,
            p.polynomial_size,
            p.pbs_base_log,
            p.pbs_level,
            FFT_MANTISSA,
            MODULUS,
        );
        let fresh = minimal_lwe_variance_for_132_bits_security_tuniform(big, MODULUS);
        Self {
            fresh: fresh.0 + rounding(INPUT_BITS),
            bootstrapped: bootstrapped.0,
            before_lookup: keyswitch.0 + modulus_switch.0,
            dimension: big.0 as f64,
        }
    }

    /// Log2 of the probability that a lookup reads the wrong cell, given the variance of its input and
    /// the input's step.
    pub fn log2_p_fail_lookup(&self, variance: f64, step: u8) -> f64 {
        log2_p_beyond(half_step(step), variance + self.before_lookup)
    }

    /// Log2 of the probability that an output rounded to `bits` bits a coefficient decrypts wrongly.
    ///
    /// Every key bit counts as one, so the bound holds for every key.
    pub fn log2_p_fail_output(&self, variance: f64, step: u8, bits: u32) -> f64 {
        log2_p_beyond(
            half_step(step),
            variance + rounding(bits) * (1.0 + self.dimension),
        )
    }
}

/// Variance of rounding to a multiple of `2^-bits`.
fn rounding(bits: u32) -> f64 {
    (-2.0 * f64::from(bits)).exp2() / 12.0
}

fn half_step(step: u8) -> f64 {
    (-f64::from(step) - 1.0).exp2()
}

/// Log2 of `P(|e| > bound)` for a centred normal `e`.
pub fn log2_p_beyond(bound: f64, variance: f64) -> f64 {
    if variance <= 0.0 {
        return f64::NEG_INFINITY;
    }
    log2_erfc(bound / (2.0 * variance).sqrt())
}

/// Log2 of the sum of two probabilities given by their logarithms.
pub fn log2_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY {
        return high;
    }
    high + (low - high).exp2().ln_1p() / std::f64::consts::LN_2
}

/// `log2(erfc(x))`; below 1, where nothing is accepted anyway, the bound 0.
fn log2_erfc(x: f64) -> f64 {
    if x < 1.0 {
        return 0.0;
    }
    // Continued fraction of the scaled complementary error function, evaluated backwards.
    let fraction = (1..=200)
        .rev()
        .fold(0.0, |tail, k| f64::from(k) / 2.0 / (x + tail));
    let scaled = 1.0 / (std::f64::consts::PI.sqrt() * (x + fraction));
    -x * x * std::f64::consts::LOG2_E + scaled.log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erfc_matches_known_values() {
        // Values of erfc from standard tables.
        for (x, erfc) in [
            (1.0, 0.157_299_207_050_285),
            (2.0, 0.004_677_734_981_047),
            (5.0, 1.537_459_794e-12),
        ] {
            assert!((log2_erfc(x) - f64::log2(erfc)).abs() < 1e-6, "erfc({x})");
        }
    }

    #[test]
    fn probabilities_add() {
        assert!((log2_add(-3.0, -3.0) - -2.0).abs() < 1e-12);
        assert!((log2_add(f64::NEG_INFINITY, -7.0) - -7.0).abs() < 1e-12);
    }

    #[test]
    fn failure_probability_at_the_published_norm_is_the_published_one() {
        for set in crate::params::ALL {
            let noise = NoiseModel::new(&set);
            let norm = set.tfhe.max_noise_level.get() as f64;
            let step = (set.tfhe.message_modulus.0 * set.tfhe.carry_modulus.0).ilog2() as u8 + 1;
            let derived = noise.log2_p_fail_lookup(norm * norm * noise.bootstrapped, step);
            assert!(
                (derived - set.tfhe.log2_p_fail).abs() < 0.1,
                "{derived} for {}",
                set.tfhe.log2_p_fail
            );
        }
    }
}
