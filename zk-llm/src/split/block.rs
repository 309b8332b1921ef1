//! A GPT-2 block in split mode: the client normalises, attends and activates on clear values and leaves the
//! four linear layers to whoever multiplies for it.

use super::matrix::quantise_activations;
use super::params::Shape;
use crate::error::{Error, Result};

/// Linear layers of a block, in the order in which they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// To queries, keys and values: `3 d` rows of `d`.
    Attention,
    /// Back from the heads: `d` rows of `d`.
    Projection,
    /// To the feed-forward layer's inside: `4 d` rows of `d`.
    Expansion,
    /// Back from it: `d` rows of `4 d`.
    Contraction,
}

impl Layer {
    /// All layers, in order.
    pub const ALL: [Self; 4] = [
        Self::Attention,
        Self::Projection,
        Self::Expansion,
        Self::Contraction,
    ];

    /// Inputs and outputs for a model of width `d`.
    pub fn size(self, width: u32) -> (u32, u32) {
        match self {
            Self::Attention => (width, 3 * width),
            Self::Projection => (width, width),
            Self::Expansion => (width, 4 * width),
            Self::Contraction => (4 * width, width),
        }
    }
}

/// The client's part of a linear layer `x W^T + b`: what turns integers into numbers.
#[derive(Clone, Debug)]
pub struct Linear {
    /// Description of the miner's matrix.
    pub shape: Shape,
    /// Step of each row's weights.
    pub steps: Vec<f32>,
    /// Bias of each row.
    pub bias: Vec<f32>,
}

/// The client's part of a block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Gain and bias of the normalisation before attention, `d` each.
    pub before_attention: (Vec<f32>, Vec<f32>),
    /// Gain and bias of the normalisation before the feed-forward layer.
    pub before_expansion: (Vec<f32>, Vec<f32>),
    /// Heads of attention; they divide the width.
    pub heads: usize,
    /// As [`Layer::ALL`].
    pub linear: [Linear; 4],
}

/// Keys and values of the positions so far. They stay with the client.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Block {
    /// Runs the next positions, one after another in `hidden` (`d` numbers each), through the block.
    /// `multiply` gets 8-bit activations and gives the integer products of all positions; it is called once a
    /// layer, so that a block costs four rounds however many positions it takes.
    ///
    /// # Errors
    /// [`Error::Matrix`] if the parts do not fit one another; [`Error::Prompt`] if activations are not whole
    /// positions or not finite; what `multiply` returns.
    pub fn forward(
        &self,
        cache: &mut Cache,
        hidden: &[f32],
        mut multiply: impl FnMut(Layer, &[i8]) -> Result<Vec<i64>>,
    ) -> Result<Vec<f32>> {
        let width = self.width()?;
        if !hidden.len().is_multiple_of(width) {
            return Err(Error::Prompt(format!(
                "{} activations are no multiple of {width}",
                hidden.len()
            )));
        }
        let mut linear =
            |layer: Layer, x: &[f32]| self.linear[layer as usize].forward(x, |x| multiply(layer, x));
        let normal = normalise(hidden, &self.before_attention);
        let mixed = self.attend(cache, &linear(Layer::Attention, &normal)?, width);
        let hidden = sum(hidden, &linear(Layer::Projection, &mixed)?);
        let normal = normalise(&hidden, &self.before_expansion);
        let inside: Vec<f32> = linear(Layer::Expansion, &normal)?.into_iter().map(gelu).collect();
        Ok(sum(&hidden, &linear(Layer::Contraction, &inside)?))
    }

    /// The width, if all parts agree on it.
    fn width(&self) -> Result<usize> {
        let width = self.before_attention.0.len();
        let size = u32::try_from(width).map_err(|_| Error::Matrix("a block too wide".into()))?;
        let norms = [&self.before_attention, &self.before_expansion];
        let fits = |layer: Layer| {
            let linear = &self.linear[layer as usize];
            let rows = linear.shape.outputs as usize;
            layer.size(size) == (linear.shape.inputs, linear.shape.outputs)
                && linear.steps.len() == rows
                && linear.bias.len() == rows
        };
        let sound = size <= super::MAX_DIMENSION / 4
            && self.heads > 0
            && width > 0
            && width.is_multiple_of(self.heads)
            && norms
                .iter()
                .all(|(gain, bias)| gain.len() == width && bias.len() == width)
            && Layer::ALL.into_iter().all(fits);
        match sound {
            true => Ok(width),
            false => Err(Error::Matrix("a block's layers do not fit one another".into())),
        }
    }

    /// Causal attention over the cache and the new positions, each with its query, key and value.
    fn attend(&self, cache: &mut Cache, projected: &[f32], width: usize) -> Vec<f32> {
        let per_head = width / self.heads;
        let scale = (per_head as f32).sqrt().recip();
        let mut mixed = vec![0.0; projected.len() / 3];
        for (position, mixed) in projected
            .chunks_exact(3 * width)
            .zip(mixed.chunks_exact_mut(width))
        {
            let (query, rest) = position.split_at(width);
            let (key, value) = rest.split_at(width);
            cache.keys.extend_from_slice(key);
            cache.values.extend_from_slice(value);
            for (head, mixed) in mixed.chunks_exact_mut(per_head).enumerate() {
                let own = head * per_head..(head + 1) * per_head;
                let dot = |key: &[f32]| -> f32 {
                    let terms = query[own.clone()].iter().zip(&key[own.clone()]);
                    terms.map(|(q, k)| q * k).sum::<f32>() * scale
                };
                let scores: Vec<f32> = cache.keys.chunks_exact(width).map(dot).collect();
                let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let shares: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
                let total: f32 = shares.iter().sum();
                for (share, value) in shares.iter().zip(cache.values.chunks_exact(width)) {
                    for (mixed, value) in mixed.iter_mut().zip(&value[own.clone()]) {
                        *mixed += share / total * value;
                    }
                }
            }
        }
        mixed
    }
}

impl Linear {
    /// Quantises each position by its own step, multiplies, and undoes both steps.
    fn forward(&self, x: &[f32], multiply: impl FnOnce(&[i8]) -> Result<Vec<i64>>) -> Result<Vec<f32>> {
        let (mut integers, mut steps) = (Vec::with_capacity(x.len()), Vec::new());
        for position in x.chunks_exact(self.shape.inputs as usize) {
            let (position, step) = quantise_activations(position)?;
            integers.extend(position);
            steps.push(step);
        }
        let products = multiply(&integers)?;
        let rows = self.shape.outputs as usize;
        if products.len() != steps.len() * rows {
            return Err(Error::Ciphertext(format!(
                "{} products, not {}",
                products.len(),
                steps.len() * rows
            )));
        }
        let number = |product: &i64, step: f32, row: usize| {
            *product as f32 * (step * self.steps[row]) + self.bias[row]
        };
        let positions = products.chunks_exact(rows).zip(steps);
        Ok(positions
            .flat_map(|(position, step)| (0..rows).map(move |row| number(&position[row], step, row)))
            .collect())
    }
}

/// Normalises each position to mean 0 and variance 1, then applies gain and bias.
fn normalise(x: &[f32], (gain, bias): &(Vec<f32>, Vec<f32>)) -> Vec<f32> {
    const EPSILON: f32 = 1e-5;
    let mut normal = Vec::with_capacity(x.len());
    for position in x.chunks_exact(gain.len()) {
        let count = position.len() as f32;
        let mean = position.iter().sum::<f32>() / count;
        let variance = position.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / count;
        let scale = (variance + EPSILON).sqrt().recip();
        normal.extend(
            position
                .iter()
                .zip(gain)
                .zip(bias)
                .map(|((x, g), b)| (x - mean) * scale * g + b),
        );
    }
    normal
}

/// GPT-2's activation, with its approximation by a hyperbolic tangent.
fn gelu(x: f32) -> f32 {
    let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
    0.5 * x * (1.0 + inner.tanh())
}

fn sum(x: &[f32], y: &[f32]) -> Vec<f32> {
    x.iter().zip(y).map(|(x, y)| x + y).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activation_and_normalisation_have_known_values() {
        for (x, y) in [(0.0, 0.0), (1.0, 0.841_192), (-1.0, -0.158_808), (3.0, 2.996_363)] {
            assert!((gelu(x) - y).abs() < 1e-4, "{x}");
        }
        let parts = (vec![1.0, 2.0], vec![0.0, 1.0]);
        let normal = normalise(&[1.0, 3.0], &parts);
        assert!(
            (normal[0] + 1.0).abs() < 1e-4 && (normal[1] - 3.0).abs() < 1e-4,
            "{normal:?}"
        );
    }
}
