//! The fused operations against the same formulas composed of tensor operations, values and gradients.

use candle_core::{Device, Result, Tensor, Var, D};
use candle_nn::ops::{sigmoid, softmax};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::kernel::dense::{exp, product, transposed_product, vectorised, Extent, Rows};
use crate::kernel::{attention, gated, recurrent, select, Attention, Dropout, Gate, Recurrence, Selection};

fn random(rng: &mut ChaCha8Rng, shape: &[usize]) -> Var {
    let data: Vec<f32> = (0..shape.iter().product())
        .map(|_| rng.gen_range(-1.0..1.0))
        .collect();
    Var::from_tensor(&Tensor::from_vec(data, shape, &Device::Cpu).unwrap()).unwrap()
}

fn difference(a: &Tensor, b: &Tensor) -> f32 {
    let gap = (a - b).unwrap().abs().unwrap().flatten_all().unwrap();
    gap.max(0).unwrap().to_scalar::<f32>().unwrap()
}

/// Values agree, and so do the gradients of a weighted sum of them.
fn agree(fused: &Tensor, composed: &Tensor, vars: &[&Var]) {
    assert!(
        difference(fused, composed) < 1e-4,
        "values differ by {}",
        difference(fused, composed)
    );
    let weights = random(&mut ChaCha8Rng::seed_from_u64(9), fused.dims());
    let gradients = [fused, composed].map(|result| {
        (result * weights.as_tensor())
            .unwrap()
            .sum_all()
            .unwrap()
            .backward()
            .unwrap()
    });
    for (at, var) in vars.iter().enumerate() {
        let [own, other] = [0, 1].map(|side| gradients[side].get(var).unwrap());
        let scale = other
            .abs()
            .unwrap()
            .flatten_all()
            .unwrap()
            .max(0)
            .unwrap()
            .to_scalar::<f32>()
            .unwrap();
        assert!(
            difference(own, other) < 1e-4 * (1.0 + scale),
            "gradient {at} differs by {}",
            difference(own, other)
        );
    }
}

fn tail(gate: Gate, z: &Tensor, skip: &Tensor, flat: &Tensor) -> Result<Tensor> {
    let Gate { hidden, out, deep } = gate;
    let mut at = 0;
    let mut next = |rows: usize, columns: usize| {
        at += rows * columns;
        flat.narrow(0, at - rows * columns, rows * columns)?
            .reshape((rows, columns))
    };
    let mut u = z.clone();
    if deep {
        u = u.broadcast_add(&next(1, hidden)?)?.elu(1.0)?;
        u = u
            .matmul(&next(hidden, hidden)?)?
            .broadcast_add(&next(1, hidden)?)?;
    }
    let g = u
        .matmul(&next(hidden, 2 * out)?)?
        .broadcast_add(&next(1, 2 * out)?)?;
    let s = (skip + (sigmoid(&g.narrow(1, 0, out)?)? * g.narrow(1, out, out)?)?)?;
    let centred = s.broadcast_sub(&s.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normal = centred.broadcast_div(&(variance + 1e-5)?.sqrt()?)?;
    normal
        .broadcast_mul(&next(1, out)?)?
        .broadcast_add(&next(1, out)?)
}

#[test]
fn gated_tail_equals_its_formula() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (rows, hidden, out, deep) in [
        (1, 4, 4, true),
        (150, 32, 18, true),
        (700, 16, 16, false),
        (64, 5, 7, true),
    ] {
        let gate = Gate { hidden, out, deep };
        let (z, skip) = (random(&mut rng, &[rows, hidden]), random(&mut rng, &[rows, out]));
        let flat = random(&mut rng, &[gate.len()]);
        let fused = gated(gate, Dropout::NONE, &z, &skip, &flat).unwrap();
        agree(
            &fused,
            &tail(gate, &z, &skip, &flat).unwrap(),
            &[&z, &skip, &flat],
        );
    }
}

#[test]
fn selection_equals_its_formula() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (rows, width) = (170, 8);
    let selection = Selection {
        width,
        columns: vec![0..2, 2..7, 7..9],
    };
    let gate = selection.gate();
    let design = random(&mut rng, &[rows, 9]);
    let design = design.as_tensor().detach();
    let (weights, flat) = (random(&mut rng, &[rows, 3]), random(&mut rng, &[selection.len()]));
    let fused = select(&selection, Dropout::NONE, &design, &weights, &flat).unwrap();
    let composed = || -> Result<Tensor> {
        let mut sum = Tensor::zeros((rows, width), candle_core::DType::F32, &Device::Cpu)?;
        for (at, columns) in selection.columns.iter().enumerate() {
            let table = flat.narrow(0, columns.start * width, columns.len() * width)?;
            let table = table.reshape((columns.len(), width))?;
            let embedded = design
                .narrow(1, columns.start, columns.len())?
                .contiguous()?
                .matmul(&table)?;
            let square = flat.narrow(0, 9 * width + at * width * width, width * width)?;
            let tails = flat.narrow(0, 9 * width + 3 * width * width + at * gate.len(), gate.len())?;
            let z = embedded.matmul(&square.reshape((width, width))?)?;
            let value = tail(gate, &z, &embedded, &tails)?;
            sum = (sum + value.broadcast_mul(&weights.narrow(1, at, 1)?)?)?;
        }
        Ok(sum)
    };
    agree(&fused, &composed().unwrap(), &[&weights, &flat]);
}

#[test]
fn recurrence_equals_its_formula() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let shape = Recurrence {
        width: 6,
        encoder: 5,
        decoder: 3,
    };
    let batch = 11;
    let inputs = random(&mut rng, &[batch, 8, 6]);
    let (flat, initial) = (random(&mut rng, &[shape.len()]), random(&mut rng, &[batch, 12]));
    let fused = recurrent(shape, &inputs, &flat, &initial).unwrap();
    let composed = || -> Result<Tensor> {
        let (mut hidden, mut cell) = (initial.narrow(1, 0, 6)?, initial.narrow(1, 6, 6)?);
        let mut states = Vec::new();
        for step in 0..8 {
            let half = shape.len() / 2;
            let weights = flat.narrow(0, if step < 5 { 0 } else { half }, half)?;
            let matrix = |at: usize| weights.narrow(0, at * 144, 144)?.reshape((6, 24));
            let gates = hidden.contiguous()?.matmul(&matrix(1)?)?;
            let input = inputs.narrow(1, step, 1)?.squeeze(1)?.contiguous()?;
            let gates = (gates + input.matmul(&matrix(0)?)?)?;
            let gates = gates.broadcast_add(&weights.narrow(0, 288, 24)?)?;
            let gate = |at: usize| gates.narrow(1, at * 6, 6);
            cell = ((sigmoid(&gate(1)?)? * cell)? + (sigmoid(&gate(0)?)? * gate(2)?.tanh()?)?)?;
            hidden = (sigmoid(&gate(3)?)? * cell.tanh()?)?;
            states.push(hidden.clone());
        }
        Tensor::stack(&states, 1)
    };
    agree(&fused, &composed().unwrap(), &[&inputs, &flat, &initial]);
}

#[test]
fn attention_equals_its_formula() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let shape = Attention {
        width: 12,
        heads: 3,
        encoder: 9,
        horizon: 4,
    };
    let windows = 5;
    let (queries, keys) = (
        random(&mut rng, &[windows * 4, 12]),
        random(&mut rng, &[windows * 13, 12]),
    );
    let fused = attention(shape, &queries, &keys).unwrap();
    let composed = || -> Result<Tensor> {
        let heads = |rows: &Tensor| rows.reshape((windows, (), 3, 4))?.transpose(1, 2)?.contiguous();
        let scores = (heads(&queries)?.matmul(&heads(&keys)?.t()?.contiguous()?)? / 2.0)?;
        let hides = |at: usize| if at % 13 > 9 + at / 13 { -1e9 } else { 0.0 };
        let mask: Vec<f32> = (0..4 * 13).map(hides).collect();
        let scores = scores.broadcast_add(&Tensor::from_vec(mask, (4, 13), &Device::Cpu)?)?;
        softmax(&scores, D::Minus1)?.mean(1)
    };
    agree(&fused, &composed().unwrap(), &[&queries, &keys]);
}

#[test]
fn products_equal_plain_loops() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for (rows, inner, columns) in [(1, 1, 1), (4, 3, 16), (7, 32, 41), (9, 2, 22)] {
        let mut draw = |count: usize| -> Vec<f32> { (0..count).map(|_| rng.gen_range(-1.0..1.0)).collect() };
        let (a, b) = (draw(rows * inner), draw(inner * columns));
        let extent = Extent::new(rows, inner, columns);
        let mut c = vec![1.0; rows * columns];
        let right = Rows::new(&b, columns);
        vectorised(
            #[inline(always)]
            || product(extent, Rows::new(&a, inner), right, &mut c, columns),
        );
        let turned = crate::kernel::dense::transpose(&a, inner);
        let mut t = vec![1.0; rows * columns];
        vectorised(
            #[inline(always)]
            || transposed_product(extent, Rows::new(&turned, rows), right, &mut t, columns),
        );
        for i in 0..rows {
            for j in 0..columns {
                let sum: f32 = 1.0
                    + (0..inner)
                        .map(|k| a[i * inner + k] * b[k * columns + j])
                        .sum::<f32>();
                assert!((c[i * columns + j] - sum).abs() < 1e-5 && (t[i * columns + j] - sum).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn exponential_is_accurate() {
    for at in -8600..=8600 {
        let x = at as f32 / 100.0;
        let (own, exact) = (f64::from(exp(x)), f64::from(x).exp());
        assert!((own - exact).abs() <= 3e-7 * exact, "e^{x}: {own} and {exact}");
    }
}

#[test]
fn dropout_drops_its_share_and_keeps_the_mean() {
    let gate = Gate {
        hidden: 16,
        out: 16,
        deep: false,
    };
    let mut flat = vec![0.0f32; gate.len()];
    // A value layer that passes its input on and an open gate; the normalisation keeps what is zero below the rest.
    for at in 0..16 {
        flat[at * 32 + 16 + at] = 1.0;
        flat[16 * 32 + at] = 50.0;
        flat[16 * 32 + 32 + at] = 1.0;
    }
    let rows = 2000;
    let z = Tensor::ones((rows, 16), candle_core::DType::F32, &Device::Cpu).unwrap();
    let skip = z.zeros_like().unwrap();
    let flat = Tensor::from_vec(flat, gate.len(), &Device::Cpu).unwrap();
    let dropped = |seed: u32| -> Vec<bool> {
        let result = gated(gate, Dropout { rate: 0.25, seed }, &z, &skip, &flat).unwrap();
        result
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap()
            .iter()
            .map(|x| *x < -1e-3)
            .collect()
    };
    let share = |dropped: &[bool]| dropped.iter().filter(|x| **x).count() as f64 / dropped.len() as f64;
    let (one, other) = (dropped(1), dropped(2));
    assert!((share(&one) - 0.25).abs() < 0.01, "{}", share(&one));
    assert_eq!(one, dropped(1));
    let both: Vec<bool> = one.iter().zip(&other).map(|(a, b)| *a && *b).collect();
    assert!((share(&both) - 0.0625).abs() < 0.01, "{}", share(&both));
}
