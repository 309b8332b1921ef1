//! Latent parameters and straight-through estimators: what the integer graph computes forward, a smooth gradient
//! backward.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::ops::sigmoid;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::net::QUANTISER;
use crate::quant;

/// Largest latent weight magnitude that rounds to 0 in a ternary row.
const DEAD_ZONE: f32 = 0.5;

/// A parameter of random numbers of mean 0 and deviation `size`.
pub fn random(rows: usize, columns: usize, size: f32, rng: &mut ChaCha8Rng) -> Result<Var> {
    // Sum of three uniform numbers: close enough to normal.
    let mut draw = || (0..3).map(|_| rng.gen_range(-1.0f32..1.0)).sum::<f32>() * size;
    let data: Vec<f32> = (0..rows * columns).map(|_| draw()).collect();
    Var::from_tensor(&Tensor::from_vec(data, (rows, columns), &Device::Cpu)?)
}

/// A parameter that is `value` everywhere.
pub fn constant(rows: usize, columns: usize, value: f64) -> Result<Var> {
    Var::from_tensor(&(Tensor::zeros((rows, columns), DType::F32, &Device::Cpu)? + value)?)
}

/// A copy that changes independently.
pub fn copy(var: &Var) -> Result<Var> {
    Var::from_tensor(&var.as_tensor().copy()?)
}

/// The factor of logits that a temperature stands for.
pub fn logit_scale(temperature: &Var) -> Result<f64> {
    Ok(f64::from(temperature.abs()?.to_vec2::<f32>()?[0][0]).max(1e-3))
}

/// `hard` forward, the gradient of `soft` backward.
pub fn straight_through(hard: &Tensor, soft: &Tensor) -> Result<Tensor> {
    // Written so that the value is exactly `hard`: soft - soft is 0, whereas soft + (hard - soft) may round.
    hard.detach() + (soft - soft.detach())?
}

/// `x >= 0` as 0 or 1 if `exact`, with the gradient of a sigmoid centred between -1 and 0; else the sigmoid.
pub fn step(x: &Tensor, steepness: f64, exact: bool) -> Result<Tensor> {
    let soft = sigmoid(&x.affine(steepness, 0.5 * steepness)?)?;
    if !exact {
        return Ok(soft);
    }
    straight_through(&x.ge(0f32)?.to_dtype(x.dtype())?, &soft)
}

/// Integers within `lo..=hi` if `exact`, else the latents.
pub fn integers(latent: &Tensor, lo: f64, hi: f64, exact: bool) -> Result<Tensor> {
    if !exact {
        return Ok(latent.clone());
    }
    straight_through(&latent.round()?.clamp(lo, hi)?, latent)
}

/// Integer rows if `exact`: the `fan_in` largest latents of each row, rounded to at most `limit`; the rest is 0. Else the
/// latents.
pub fn sparse_rows(latent: &Tensor, fan_in: usize, limit: f32, exact: bool) -> Result<Tensor> {
    if !exact {
        return Ok(latent.clone());
    }
    let rows = latent.to_vec2::<f32>()?;
    let sparse: Vec<f32> = rows
        .iter()
        .flat_map(|row| sparse_row(row, fan_in, limit))
        .collect();
    straight_through(
        &Tensor::from_vec(sparse, latent.shape(), latent.device())?,
        latent,
    )
}

/// An embedding table as the client quantises it, with a gradient, or merely scaled.
pub fn embedding_table(embedding: &Var, exact: bool) -> Result<Tensor> {
    let rows = embedding.to_vec2::<f32>()?;
    let scales: Vec<f32> = rows
        .iter()
        .map(|row| quant::scale(row, &QUANTISER) as f32)
        .collect();
    let soft = embedding.broadcast_mul(&Tensor::from_vec(scales, (rows.len(), 1), &Device::Cpu)?)?;
    if !exact {
        return Ok(soft);
    }
    let hard: Vec<f32> = rows
        .iter()
        .flat_map(|row| quant::quantise_shared(row, &QUANTISER))
        .map(|x| x as f32)
        .collect();
    straight_through(&Tensor::from_vec(hard, embedding.shape(), &Device::Cpu)?, &soft)
}

fn sparse_row(row: &[f32], fan_in: usize, limit: f32) -> Vec<f32> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|a, b| row[*b].abs().total_cmp(&row[*a].abs()).then(a.cmp(b)));
    let mut sparse = vec![0.0; row.len()];
    for at in order
        .into_iter()
        .take(fan_in)
        .filter(|at| row[*at].abs() > DEAD_ZONE)
    {
        sparse[at] = row[at].round().clamp(-limit, limit);
    }
    sparse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_largest_weights_and_every_latent_its_gradient() {
        let latent = Var::new(&[[0.9f32, -0.6, 0.2, 0.7], [-3.0, 0.4, 0.1, 0.0]], &Device::Cpu).unwrap();
        let sparse = sparse_rows(&latent, 2, 2.0, true).unwrap();
        assert_eq!(
            sparse.to_vec2::<f32>().unwrap(),
            [[1.0, 0.0, 0.0, 1.0], [-2.0, 0.0, 0.0, 0.0]]
        );
        let gradients = sparse.sum_all().unwrap().backward().unwrap();
        assert_eq!(
            gradients.get(&latent).unwrap().to_vec2::<f32>().unwrap(),
            [[1.0; 4]; 2]
        );
    }

    #[test]
    fn the_step_is_exact_forward_and_smooth_backward() {
        let x = Var::new(&[-3f32, -1.0, 0.0, 4.0], &Device::Cpu).unwrap();
        let y = step(&x, 1.0, true).unwrap();
        assert_eq!(y.to_vec1::<f32>().unwrap(), [0.0, 0.0, 1.0, 1.0]);
        let gradient = y
            .sum_all()
            .unwrap()
            .backward()
            .unwrap()
            .get(&x)
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        assert!(gradient.iter().all(|slope| *slope > 0.0));
        assert!(
            (gradient[1] - gradient[2]).abs() < 1e-6,
            "the threshold lies between -1 and 0"
        );
    }

    #[test]
    fn integers_are_rounded_and_bounded() {
        let x = Tensor::new(&[-9f32, -1.4, 0.6, 9.0], &Device::Cpu).unwrap();
        assert_eq!(
            integers(&x, -6.0, 5.0, true).unwrap().to_vec1::<f32>().unwrap(),
            [-6.0, -1.0, 1.0, 5.0]
        );
    }
}
