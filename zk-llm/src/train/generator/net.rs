//! A generator's network: two layers of bits over a window of embedded tokens, then a score for every token.
//!
//! For the window `x` of ternary inputs: `h = step(Wh x + bh)`, `f = step(Wx x + Wf h + bf)`, logits `Wo f + bo`.
//! Only `h` and `f` cost bootstraps, one a bit; the scores are sums, however many tokens there are.

use candle_core::{Result, Tensor, Var};
use rand_chacha::ChaCha8Rng;

use crate::train::fit::{rescale, rescale_logits};
use crate::train::net::{linear, Precision, BIAS, CONTEXT};
use crate::train::ste::{constant, copy, embedding_table, integers, logit_scale, random, sparse_rows};

/// Inputs of a bit of the first layer; with its bias the sum stays within -16..=15, where a step is exact.
pub const HIDDEN_FAN_IN: usize = 12;
/// Embedding inputs of a bit of the second layer.
pub const DIRECT_FAN_IN: usize = 5;
/// Inputs of such a bit from the first layer.
pub const COMPOSED_FAN_IN: usize = 7;
/// Features that a token's score is summed from: a score spans at most 62, within the 64 that its step tells apart.
pub const SCORE_FAN_IN: usize = 31;
/// Largest magnitude of a score's weight.
pub const SCORE_WEIGHT: f32 = 2.0;
/// Largest magnitude of a score's bias.
pub const SCORE_BIAS: f64 = 48.0;

/// Sizes of a generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Width of an embedding.
    pub dim: usize,
    /// Bits of the first layer.
    pub hidden: usize,
    /// Bits of the second layer.
    pub features: usize,
}

/// Parameters; the exact forward pass rounds them to integers, the floating-point one takes them as they are.
#[derive(Clone, Debug)]
pub struct Net {
    /// Sizes.
    pub shape: Shape,
    pub(super) embedding: Var,
    hidden: Var,
    hidden_bias: Var,
    direct: Var,
    composed: Var,
    feature_bias: Var,
    score: Var,
    score_bias: Var,
    temperature: Var,
}

/// What a forward pass multiplies by: integers with gradients to the latents, or the latents.
pub(super) struct Weights {
    pub hidden: Tensor,
    pub hidden_bias: Tensor,
    pub direct: Tensor,
    pub composed: Tensor,
    pub feature_bias: Tensor,
    pub score: Tensor,
    pub score_bias: Tensor,
}

impl Net {
    /// A network with random parameters.
    ///
    /// # Errors
    /// If a tensor cannot be made.
    pub fn new(shape: Shape, rng: &mut ChaCha8Rng) -> Result<Self> {
        let mut random = |rows, columns, size| random(rows, columns, size, rng);
        let Shape {
            vocabulary,
            dim,
            hidden,
            features,
        } = shape;
        let inputs = CONTEXT * dim;
        Ok(Self {
            shape,
            embedding: random(vocabulary, dim, 0.8)?,
            hidden: random(hidden, inputs, 0.15)?,
            hidden_bias: constant(1, hidden, -0.5)?,
            direct: random(features, inputs, 0.1)?,
            composed: random(features, hidden, 0.2)?,
            feature_bias: constant(1, features, -0.5)?,
            score: random(vocabulary, features, 0.2)?,
            score_bias: constant(1, vocabulary, 0.0)?,
            temperature: constant(1, 1, 1.0)?,
        })
    }

    /// Every trainable parameter but the embedding.
    pub fn vars(&self) -> Vec<Var> {
        [
            &self.hidden,
            &self.hidden_bias,
            &self.direct,
            &self.composed,
            &self.feature_bias,
            &self.score,
            &self.score_bias,
            &self.temperature,
        ]
        .map(Var::clone)
        .to_vec()
    }

    /// A copy whose parameters change independently.
    ///
    /// # Errors
    /// If a tensor cannot be copied.
    pub fn duplicate(&self) -> Result<Self> {
        Ok(Self {
            shape: self.shape,
            embedding: copy(&self.embedding)?,
            hidden: copy(&self.hidden)?,
            hidden_bias: copy(&self.hidden_bias)?,
            direct: copy(&self.direct)?,
            composed: copy(&self.composed)?,
            feature_bias: copy(&self.feature_bias)?,
            score: copy(&self.score)?,
            score_bias: copy(&self.score_bias)?,
            temperature: copy(&self.temperature)?,
        })
    }

    /// Factor that turns scores into log-odds.
    ///
    /// # Errors
    /// If the parameter cannot be read.
    pub fn logit_scale(&self) -> Result<f64> {
        logit_scale(&self.temperature)
    }

    /// Rescales rows trained in floating point so that rounding keeps their largest weights.
    ///
    /// # Errors
    /// If a tensor cannot be replaced.
    pub fn fit_to_integers(&self) -> Result<()> {
        rescale(&[(&self.hidden, HIDDEN_FAN_IN)], &[&self.hidden_bias])?;
        rescale(
            &[(&self.direct, DIRECT_FAN_IN), (&self.composed, COMPOSED_FAN_IN)],
            &[&self.feature_bias],
        )?;
        rescale_logits(
            (&self.score, SCORE_FAN_IN, SCORE_WEIGHT),
            &self.score_bias,
            &self.temperature,
        )
    }

    pub(super) fn weights(&self, exact: bool) -> Result<Weights> {
        let rows = |latent: &Var, fan_in, limit| sparse_rows(latent, fan_in, limit, exact);
        let bounded = |latent: &Var, limit: f64| integers(latent, -limit, limit, exact);
        Ok(Weights {
            hidden: rows(&self.hidden, HIDDEN_FAN_IN, 1.0)?,
            hidden_bias: bounded(&self.hidden_bias, BIAS)?,
            direct: rows(&self.direct, DIRECT_FAN_IN, 1.0)?,
            composed: rows(&self.composed, COMPOSED_FAN_IN, 1.0)?,
            feature_bias: bounded(&self.feature_bias, BIAS)?,
            score: rows(&self.score, SCORE_FAN_IN, SCORE_WEIGHT)?,
            score_bias: bounded(&self.score_bias, SCORE_BIAS)?,
        })
    }

    /// Scores of every token after each window of [`CONTEXT`] tokens. Exact: the integers of the graph.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn forward(&self, ids: &Tensor, precision: Precision) -> Result<Tensor> {
        let windows = ids.elem_count() / CONTEXT;
        let weights = self.weights(precision.rounds())?;
        let x = embedding_table(&self.embedding, precision.rounds())?
            .index_select(ids, 0)?
            .reshape((windows, CONTEXT * self.shape.dim))?;
        let h = linear(&x, &weights.hidden)?.broadcast_add(&weights.hidden_bias)?;
        let h = precision.step(&h, 1.0)?;
        let f = (linear(&x, &weights.direct)? + linear(&h, &weights.composed)?)?;
        let f = precision.step(&f.broadcast_add(&weights.feature_bias)?, 1.0)?;
        linear(&f, &weights.score)?.broadcast_add(&weights.score_bias)
    }

    /// Scores times the temperature.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn log_odds(&self, ids: &Tensor, precision: Precision) -> Result<Tensor> {
        self.forward(ids, precision)?
            .broadcast_mul(&self.temperature.abs()?)
    }
}
