//! A whole block of a transformer through the encrypted products, against the same block in clear.

use super::*;
use crate::split::block::{Block, Cache, Layer, Linear};

struct Made {
    block: Block,
    matrices: Vec<Matrix>,
}

fn block(width: u32, heads: usize) -> Made {
    let mut rng = generator(30);
    let mut normal = |count: usize, deviation: f32| -> Vec<f32> {
        // Twelve uniform numbers are near enough to a normal one.
        let one =
            |rng: &mut ChaCha8Rng| (0..12).map(|_| rng.gen_range(-0.5f32..0.5)).sum::<f32>() * deviation;
        (0..count).map(|_| one(&mut rng)).collect()
    };
    let mut matrices = Vec::new();
    let linear = Layer::ALL.map(|layer| {
        let (inputs, outputs) = layer.size(width);
        let weights = normal((inputs * outputs) as usize, 0.02);
        let (matrix, steps) = Matrix::quantise(inputs, outputs, &weights).unwrap();
        let shape = *matrix.shape();
        matrices.push(matrix);
        Linear {
            shape,
            steps,
            bias: normal(outputs as usize, 0.1),
        }
    });
    let mut norm = || (vec![1.0; width as usize], normal(width as usize, 0.1));
    let block = Block {
        before_attention: norm(),
        before_expansion: norm(),
        heads,
        linear,
    };
    Made { block, matrices }
}

#[test]
fn a_gpt2_block_equals_the_integer_oracle() {
    let (session, made) = (Session::new(), block(768, 12));
    // A prompt of 12 positions, then 3 generated ones, out of one batch a layer.
    let mut batches: Vec<Batch> = made
        .matrices
        .iter()
        .map(|matrix| session.batch(matrix, 16))
        .collect();
    let (mut encrypted, mut clear) = (Cache::default(), Cache::default());
    let mut rng = generator(31);
    let (mut rounds, mut sent) = (0, 0);
    for positions in [12, 1, 1, 1] {
        let hidden: Vec<f32> = (0..positions * 768).map(|_| rng.gen_range(-2.0..2.0)).collect();
        let through_miner = made.block.forward(&mut encrypted, &hidden, |layer, x| {
            let (bodies, opening) = batches[layer as usize].encrypt(x)?;
            let products = product(&made.matrices[layer as usize], &bodies)?;
            (rounds, sent) = (rounds + 1, sent + bodies.len() + products.len());
            opening.decrypt(&products)
        });
        let oracle = made.block.forward(&mut clear, &hidden, |layer, x| {
            made.matrices[layer as usize].multiply(x)
        });
        let (through_miner, oracle) = (through_miner.unwrap(), oracle.unwrap());
        assert!(oracle.iter().all(|x| x.is_finite()) && oracle.iter().any(|x| x.abs() > 0.5));
        assert_eq!(through_miner, oracle, "to the last bit");
    }
    assert_eq!(rounds, 16, "four a step");
    // 12 blocks, a token: below 1 MB.
    assert!(12 * sent / 15 < 1_000_000, "{}", 12 * sent / 15);
}

#[test]
fn blocks_whose_parts_do_not_fit_are_refused() {
    let good = block(8, 2).block;
    let changes: [fn(&mut Block); 6] = [
        |block| block.heads = 3,
        |block| block.heads = 0,
        |block| block.before_attention.1.clear(),
        |block| block.linear.swap(0, 1),
        |block| block.linear[2].steps.clear(),
        |block| block.linear[3].bias.push(0.0),
    ];
    let run = |block: &Block, hidden: &[f32]| {
        let zeros = |layer: Layer, x: &[i8]| {
            let (inputs, outputs) = layer.size(8);
            Ok(vec![0; x.len() / inputs as usize * outputs as usize])
        };
        block.forward(&mut Cache::default(), hidden, zeros)
    };
    assert!(run(&good, &[0.0; 16]).is_ok());
    assert!(run(&good, &[0.0; 15]).is_err());
    assert!(run(&good, &[f32::NAN; 8]).is_err());
    for (at, change) in changes.iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(run(&bad, &[0.0; 8]).is_err(), "change {at}");
    }
    let short = good.forward(&mut Cache::default(), &[0.0; 8], |_, _| Ok(vec![0; 3]));
    assert!(short.is_err(), "a multiplier that gives too little");
}
