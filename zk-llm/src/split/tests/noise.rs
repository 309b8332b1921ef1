//! The derived variance against measured noise, and what the derivation refuses.

use super::*;
use crate::error::Error;

/// Mean square of the noise over its derived value, and the largest noise in derived deviations.
fn measured(session: &Session, matrix: &Matrix, tokens: usize, batches: usize, seed: u64) -> (f64, f64) {
    let mut rng = generator(seed);
    let size = Tokens::new(tokens).unwrap();
    let (mut squares, mut count, mut largest) = (0.0, 0.0, 0f64);
    for _ in 0..batches {
        let mut batch = session.batch(matrix, tokens);
        let x = uniform(&mut rng, tokens * matrix.shape().inputs as usize);
        let (bodies, opening) = batch.encrypt(&x).unwrap();
        let products = product(matrix, &bodies).unwrap();
        for noise in opening.noise(&products, &matrix.multiply(&x).unwrap()) {
            squares += noise * noise;
            count += 1.0;
            largest = largest.max(noise.abs());
        }
    }
    let variance = matrix.shape().variance(size) * (MODULUS as f64).powi(2);
    (squares / count / variance, largest / variance.sqrt())
}

/// Rows of equal norm, so that the derived variance is every value's, and yet different, so that packing's
/// errors are.
fn rotations(rng: &mut impl Rng, outputs: u32) -> Matrix {
    let mut row = uniform(rng, 384);
    let mut weights = Vec::new();
    for _ in 0..outputs {
        weights.extend_from_slice(&row);
        row.rotate_left(1);
        row[0] = -row[0];
    }
    Matrix::new(384, outputs, weights).unwrap()
}

#[test]
fn noise_is_what_was_derived() {
    let session = Session::new();
    let mut rng = generator(20);
    // Packing and rounding share what half a step has to spare.
    for (tokens, outputs, batches, least) in [
        (1, 1024, 2, 0.6),
        (16, 64, 2, 0.6),
        (256, 8, 2, 0.6),
        (2048, 2, 1, 0.6),
    ] {
        let matrix = rotations(&mut rng, outputs);
        let (ratio, largest) = measured(&session, &matrix, tokens, batches, 21);
        // The upper bound charges every key coefficient where a third is zero.
        assert!((least..1.15).contains(&ratio), "{tokens}: {ratio}");
        assert!(largest < 6.0, "{tokens}: {largest} deviations");
    }
}

#[test]
fn noise_of_prompts_is_what_was_derived() {
    let session = Session::new();
    let mut rng = generator(23);
    for (positions, outputs) in [(2, 512), (32, 48), (256, 12)] {
        let matrix = rotations(&mut rng, outputs).with_input_squares(384 * 34 * 34);
        let tokens = Tokens::prompt(matrix.shape(), positions).unwrap();
        assert!(tokens.paired());
        let x: Vec<i8> = (0..positions * 384).map(|_| rng.gen_range(-55..=55)).collect();
        let (sealed, answer) = session.answered(&matrix, tokens, &x);
        let noise = session
            .secret
            .noise(&sealed, &answer, &matrix.multiply(&x).unwrap());
        let variance = matrix.shape().variance(tokens) * (RING_MODULUS as f64).powi(2);
        let ratio = noise.iter().map(|x| x * x).sum::<f64>() / noise.len() as f64 / variance;
        let largest = noise.iter().fold(0f64, |most, x| most.max(x.abs())) / variance.sqrt();
        assert!((0.5..1.15).contains(&ratio), "{positions}: {ratio}");
        assert!(largest < 6.0, "{positions}: {largest} deviations");
    }
}

#[test]
fn noise_has_no_preferred_side() {
    let session = Session::new();
    let matrix = Matrix::new(5_500, 8, vec![24; 8 * 5_500])
        .unwrap()
        .with_input_squares(576 * 5_500);
    let tokens = Tokens::prompt(matrix.shape(), 256).unwrap();
    assert!(tokens.paired());
    let (sealed, answer) = session.answered(&matrix, tokens, &vec![0; 256 * 5_500]);
    // Outputs of one slot share what comes of its bodies: 128 independent numbers.
    let noise = session.secret.noise(&sealed, &answer, &vec![0; 256 * 8]);
    let mean = noise.iter().sum::<f64>() / noise.len() as f64;
    let deviation = matrix.shape().variance(tokens).sqrt() * RING_MODULUS as f64;
    assert!(mean.abs() < 0.45 * deviation, "{mean} of {deviation}");
}

/// The widest layer that is exact enough, whose weights have this mean magnitude and this mean square in thirds.
fn widest(tokens: usize, magnitude: u64, square_thirds: u64) -> u64 {
    let tokens = Tokens::new(tokens).unwrap();
    let shape = |inputs: u64| Shape {
        inputs: inputs as u32,
        outputs: 3_072,
        row_sum: inputs * magnitude,
        row_squares: inputs * square_thirds / 3,
        input_squares: inputs * 127 * 127,
    };
    let accepted = |inputs: &u64| shape(*inputs).check(tokens).is_ok();
    let widest = (1..300_000).take_while(accepted).last().unwrap();
    assert!(matches!(shape(widest + 1).check(tokens), Err(Error::Matrix(_))));
    widest
}

#[test]
fn what_is_sent_has_the_fewest_bits_that_decrypt_exactly() {
    // GPT-2's layers, as they are imported.
    let shape = |inputs: u64| Shape {
        inputs: inputs as u32,
        outputs: 3_072,
        row_sum: inputs * 20,
        row_squares: inputs * 24 * 24,
        input_squares: inputs * 24 * 24,
    };
    let single = |tokens| Tokens::new(tokens).unwrap();
    let prompt = |inputs| Tokens::prompt(&shape(inputs), 128).unwrap();
    let cases = [
        (768, single(1)),
        (768, single(16)),
        (768, prompt(768)),
        (3_072, single(16)),
        (3_072, prompt(3_072)),
    ];
    let bits = cases.map(|(inputs, tokens)| {
        let shape = shape(inputs);
        let log2 = shape.log2_p_fail(tokens);
        assert!((-60.0..-40.0).contains(&log2), "{inputs} {tokens:?}: {log2}");
        let widths = shape.widths(tokens);
        [widths.body, widths.mask, widths.pad]
    });
    assert_eq!(
        bits,
        [
            [34, 28, 23],
            [33, 30, 22],
            [52, 49, 42],
            [35, 31, 25],
            [57, 53, 46]
        ]
    );
}

#[test]
fn the_widest_layers_are_those_of_the_table() {
    let worst = [1, 4, 16, 2048].map(|tokens| widest(tokens, 127, 3 * 127 * 127));
    let uniform = [1, 2, 16].map(|tokens| widest(tokens, 64, 127 * 128));
    assert_eq!((worst, uniform), ([45_226; 4], [102_732, 102_733, 102_733]));
}

#[test]
fn a_failure_probability_of_half_a_step_is_what_is_measured() {
    // The same noise against a step so small that failures can be counted: 2 deviations to half a step.
    let session = Session::new();
    let mut rng = generator(22);
    let matrix = rotations(&mut rng, 1024);
    let tokens = Tokens::new(1).unwrap();
    let deviation = matrix.shape().variance(tokens).sqrt() * MODULUS as f64;
    let mut batch = session.batch(&matrix, 1);
    let x = uniform(&mut rng, 384);
    let (bodies, opening) = batch.encrypt(&x).unwrap();
    let products = product(&matrix, &bodies).unwrap();
    let noise = opening.noise(&products, &matrix.multiply(&x).unwrap());
    let beyond = noise.iter().filter(|e| e.abs() > 2.0 * deviation).count();
    // 4.55% of a normal variable: 47 of 1,024, with a deviation of 6.7; fewer, as a third of the key is zero and the
    // value's own rounding is uniform.
    assert!((4..75).contains(&beyond), "{beyond}");
}
