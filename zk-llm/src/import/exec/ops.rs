//! What the client computes between the linear layers, in 32-bit floating point.

use crate::import::network::{Activation, Rotary, Scaling};

/// Scales each token to mean 0 and variance 1, then by `weight`, and adds `bias`.
pub(super) fn layer_norm(tokens: &mut [f32], weight: &[f32], bias: &[f32], epsilon: f64) {
    for token in tokens.chunks_exact_mut(weight.len().max(1)) {
        let count = token.len() as f64;
        let mean = token.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
        let variance = token.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count;
        let scale = 1.0 / (variance + epsilon).sqrt();
        for ((x, w), b) in token.iter_mut().zip(weight).zip(bias) {
            *x = ((f64::from(*x) - mean) * scale) as f32 * w + b;
        }
    }
}

/// Scales each token to mean square 1, then by `weight`.
pub(super) fn rms_norm(tokens: &mut [f32], weight: &[f32], epsilon: f64) {
    for token in tokens.chunks_exact_mut(weight.len().max(1)) {
        let square = token.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / token.len() as f64;
        let scale = 1.0 / (square + epsilon).sqrt();
        for (x, w) in token.iter_mut().zip(weight) {
            *x = (f64::from(*x) * scale) as f32 * w;
        }
    }
}

/// Sum of products, sixteen sums at a time, which a processor adds at once.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b);
    let rest: f32 = rest.sum();
    let mut sums = [0.0; 16];
    for (a, b) in a.zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Exponentials of a row over their sum.
pub(super) fn softmax(row: &mut [f32]) {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|x| *x = (*x - most).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|x| *x /= sum);
}

/// A non-linearity.
pub(super) fn activate(x: f32, activation: Activation) -> f32 {
    match activation {
        Activation::Gelu => {
            let phi = 0.5 * (1.0 + candle_core::cpu::erf::erf_f64(f64::from(x) / std::f64::consts::SQRT_2));
            (f64::from(x) * phi) as f32
        }
        Activation::GeluTanh => {
            let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            0.5 * x * (1.0 + inner.tanh())
        }
        Activation::Relu => x.max(0.0),
        Activation::Silu => x / (1.0 + (-x).exp()),
    }
}

/// Turns of each pair of features a token, in radians.
pub(super) fn frequencies(rotary: &Rotary, head_width: usize) -> Vec<f64> {
    let turn = |pair: usize| rotary.theta.powf(-2.0 * pair as f64 / head_width as f64);
    let scaled = |frequency: f64| match rotary.scaling {
        Scaling::Plain => frequency,
        Scaling::Linear { factor } => frequency / factor,
        Scaling::Llama3 {
            factor,
            low,
            high,
            original,
        } => {
            let turns = f64::from(original) * frequency / std::f64::consts::TAU;
            let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
            kept * frequency + (1.0 - kept) * frequency / factor
        }
    };
    (0..head_width / 2).map(turn).map(scaled).collect()
}

/// Turns the pairs (i, i + half) of a head's features by the token's position.
pub(super) fn rotate(head: &mut [f32], position: usize, frequencies: &[f64]) {
    let (first, second) = head.split_at_mut(head.len() / 2);
    for ((a, b), frequency) in first.iter_mut().zip(second).zip(frequencies) {
        let (sin, cos) = (position as f64 * frequency).sin_cos();
        let (x, y) = (f64::from(*a), f64::from(*b));
        *a = (x * cos - y * sin) as f32;
        *b = (y * cos + x * sin) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_equal_their_formulas() {
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        let mut tokens = [1.0, 3.0, 5.0, 5.0];
        layer_norm(&mut tokens, &[2.0, 1.0], &[0.5, 0.0], 1e-12);
        assert!(close(&tokens, &[-1.5, 1.0, 0.5, 0.0]), "{tokens:?}");
        let mut tokens = [3.0, 4.0, 0.0, 0.0];
        rms_norm(&mut tokens, &[1.0, 10.0], 0.5);
        let length = 13f32.sqrt();
        assert!(
            close(&tokens, &[3.0 / length, 40.0 / length, 0.0, 0.0]),
            "{tokens:?}"
        );
    }

    #[test]
    fn activations_equal_tabulated_values() {
        for (activation, wanted) in [
            (Activation::Gelu, [-0.158_655_26, 0.841_344_7]),
            (Activation::GeluTanh, [-0.158_808, 0.841_192]),
            (Activation::Relu, [0.0, 1.0]),
            (Activation::Silu, [-0.268_941_4, 0.731_058_6]),
        ] {
            for (x, wanted) in [-1.0f32, 1.0].into_iter().zip(wanted) {
                assert!(
                    (activate(x, activation) - wanted).abs() < 1e-6,
                    "{activation:?}({x})"
                );
            }
        }
    }

    #[test]
    fn long_wavelengths_alone_are_stretched() {
        let rotary = |scaling| Rotary {
            theta: 10_000.0,
            scaling,
        };
        let plain = frequencies(&rotary(Scaling::Plain), 8);
        assert!(plain
            .iter()
            .zip([1.0, 0.1, 0.01, 0.001])
            .all(|(a, b)| (a - b).abs() < 1e-12));
        let stretched = frequencies(
            &rotary(Scaling::Llama3 {
                factor: 8.0,
                low: 1.0,
                high: 4.0,
                original: 128,
            }),
            8,
        );
        assert_eq!(stretched[0], 1.0, "20 turns in the original context");
        let kept = (12.8 / std::f64::consts::TAU - 1.0) / 3.0;
        assert!(
            (stretched[1] - 0.1 * (kept + (1.0 - kept) / 8.0)).abs() < 1e-12,
            "2 turns"
        );
        assert!((stretched[2] - 0.01 / 8.0).abs() < 1e-12);
        let linear = frequencies(&rotary(Scaling::Linear { factor: 4.0 }), 8);
        assert!(linear
            .iter()
            .zip(&plain)
            .all(|(a, b)| (a * 4.0 - b).abs() < 1e-12));
    }

    #[test]
    fn a_turn_keeps_lengths_and_depends_on_distance_alone() {
        let frequencies = [0.7, 0.3];
        let turned = |x: [f32; 4], at| {
            let mut x = x;
            rotate(&mut x, at, &frequencies);
            x
        };
        let dot = |a: [f32; 4], b: [f32; 4]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let (q, k) = ([1.0, -2.0, 0.5, 3.0], [0.2, 1.0, -1.0, 2.0]);
        assert!((dot(turned(q, 5), turned(q, 5)) - dot(q, q)).abs() < 1e-5);
        assert!((dot(turned(q, 9), turned(k, 7)) - dot(turned(q, 2), turned(k, 0))).abs() < 1e-5);
    }
}
