//! The trainable network: one encoder layer with additive attention and a classifier, whose exact forward
//! pass is the integer graph's and whose floating-point one is its teacher.
//!
//! For token `t` with embedding `x[t]`: values `v = step(Wv x + bv)`, gates
//! `a[h][i][j] = step(Wq_h x[i] + Wk_h x[j] + r_h[j - i])`, mixing `z = step(sum_j a v - theta)`, features
//! `g = step(Wx x + Wz z + b)`, pooling `p = sum_m step(sum_t g - theta_m)`, logits `Wc p + bc`.

use candle_core::{Device, Result, Tensor, Var};
use rand_chacha::ChaCha8Rng;

use super::ste::{constant, copy, embedding_table, integers, logit_scale, random, sparse_rows, step};
use crate::manifest::Quantiser;
use crate::quant;

/// Tokens of a prompt.
pub const CONTEXT: usize = 16;
/// Offsets `j - i` between two tokens.
pub const OFFSETS: usize = 2 * CONTEXT - 1;
/// Quantiser of the embeddings: three levels, so that inputs are -1, 0 or 1.
pub const QUANTISER: Quantiser = Quantiser {
    levels: 3,
    threshold: quant::DEFAULT_THRESHOLD,
    scale_factor: quant::DEFAULT_SCALE_FACTOR,
};
/// Inputs of a value; with its bias the sum stays within -16..=15, where a step is exact.
pub const VALUE_FAN_IN: usize = 12;
/// Inputs of the query's and of the key's share of a gate.
pub const GATE_FAN_IN: usize = 5;
/// Bias of a gate; with both shares the sum stays within -16..=15.
pub const GATE_BIAS: (f64, f64) = (-6.0, 5.0);
/// Below this, a relative bias closes its gate whatever the tokens, and no bootstrap is spent on it.
pub const GATE_CLOSED: f32 = -6.5;
/// Embedding inputs of a feature.
pub const FEATURE_FAN_IN: usize = 7;
/// Attention inputs of a feature.
pub const FEATURE_MIX_FAN_IN: usize = 5;
/// Largest magnitude of the bias of values and features.
pub const BIAS: f64 = 3.0;
/// Thresholds of a pooled feature, which is thus within `0..=POOL_LEVELS`.
pub const POOL_LEVELS: usize = 2;
/// Features that a logit is summed from.
pub const LOGIT_FAN_IN: usize = 13;
/// Largest magnitude of a logit's weight; sums stay within -63..=63.
pub const LOGIT_WEIGHT: f32 = 2.0;
/// Largest magnitude of a logit's bias.
pub const LOGIT_BIAS: f64 = 7.0;
/// Steepness of the sigmoid whose gradient stands in for a step's.
const SURROGATE: f64 = 3.0;
/// Stands in for minus infinity in a gate's sum.
const NEVER: f32 = -100.0;

/// Sizes of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Width of an embedding.
    pub dim: usize,
    /// Attention heads.
    pub heads: usize,
    /// Values of a head.
    pub value_dim: usize,
    /// Features of the feed-forward part.
    pub features: usize,
    /// Classes.
    pub labels: usize,
}

/// What squeezing has removed: a gate that is not open costs nothing and passes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Openings {
    /// By head and offset `j - i + CONTEXT - 1`.
    pub offsets: Vec<Vec<bool>>,
}

impl Openings {
    /// Everything open.
    pub fn all(heads: usize) -> Self {
        Self {
            offsets: vec![vec![true; OFFSETS]; heads],
        }
    }

    /// Everything closed: no attention.
    pub fn none(heads: usize) -> Self {
        Self {
            offsets: vec![vec![false; OFFSETS]; heads],
        }
    }

    /// The same with one head removed.
    pub fn without_head(&self, head: usize) -> Self {
        let mut rest = self.clone();
        rest.offsets[head] = vec![false; OFFSETS];
        rest
    }

    /// Whether a head is open at any offset.
    pub fn keeps(&self, head: usize) -> bool {
        self.offsets[head].iter().any(|open| *open)
    }
}

/// How a forward pass computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Precision {
    /// Real weights, sigmoids.
    Float,
    /// The graph's integer weights, but sigmoids of this steepness.
    Soft(f64),
    /// The integers of the graph.
    Exact,
}

impl Precision {
    pub(super) fn rounds(self) -> bool {
        self != Self::Float
    }

    pub(super) fn step(self, x: &Tensor, steepness: f64) -> Result<Tensor> {
        match self {
            Self::Float => step(x, steepness, false),
            Self::Soft(factor) => step(x, steepness * factor, false),
            Self::Exact => step(x, steepness * SURROGATE, true),
        }
    }
}

/// Parameters; the exact forward pass rounds them to integers, the floating-point one takes them as they are.
#[derive(Clone, Debug)]
pub struct Net {
    /// Sizes.
    pub shape: Shape,
    pub(super) embedding: Var,
    pub(super) value: Var,
    pub(super) value_bias: Var,
    pub(super) query: Var,
    pub(super) key: Var,
    pub(super) relative: Var,
    pub(super) mix_threshold: Var,
    pub(super) feature: Var,
    pub(super) feature_mix: Var,
    pub(super) feature_bias: Var,
    pub(super) pool_threshold: Var,
    pub(super) classifier: Var,
    pub(super) classifier_bias: Var,
    pub(super) temperature: Var,
}

/// Integers behind an exact forward pass, as tensors that carry gradients to the latents.
pub(super) struct Weights {
    pub value: Tensor,
    pub value_bias: Tensor,
    pub query: Tensor,
    pub key: Tensor,
    pub relative: Tensor,
    pub mix_threshold: Tensor,
    pub feature: Tensor,
    pub feature_mix: Tensor,
    pub feature_bias: Tensor,
    pub pool_threshold: Tensor,
    pub classifier: Tensor,
    pub classifier_bias: Tensor,
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
            heads,
            value_dim,
            features,
            labels,
        } = shape;
        let mixed = heads * value_dim;
        let relative: Vec<f32> = (0..heads)
            .flat_map(|head| (0..OFFSETS).map(move |at| prior(head, at)))
            .collect();
        let levels: Vec<f32> = (0..features * POOL_LEVELS)
            .map(|at| 1.0 + (at % POOL_LEVELS) as f32)
            .collect();
        Ok(Self {
            shape,
            embedding: random(vocabulary, dim, 0.8)?,
            value: random(mixed, dim, 0.35)?,
            value_bias: constant(1, mixed, -1.0)?,
            query: random(heads, dim, 0.4)?,
            key: random(heads, dim, 0.4)?,
            relative: Var::from_tensor(&Tensor::from_vec(relative, (heads, OFFSETS), &Device::Cpu)?)?,
            mix_threshold: constant(1, mixed, 1.0)?,
            feature: random(features, dim, 0.35)?,
            feature_mix: random(features, mixed, 0.4)?,
            feature_bias: constant(1, features, -1.0)?,
            pool_threshold: Var::from_tensor(&Tensor::from_vec(
                levels,
                (features, POOL_LEVELS),
                &Device::Cpu,
            )?)?,
            classifier: random(labels, features, 0.7)?,
            classifier_bias: constant(1, labels, 0.0)?,
            temperature: constant(1, 1, 0.3)?,
        })
    }

    /// Every trainable parameter but the embedding.
    pub fn vars(&self) -> Vec<Var> {
        [
            &self.value,
            &self.value_bias,
            &self.query,
            &self.key,
            &self.relative,
            &self.mix_threshold,
            &self.feature,
            &self.feature_mix,
            &self.feature_bias,
            &self.pool_threshold,
            &self.classifier,
            &self.classifier_bias,
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
            value: copy(&self.value)?,
            value_bias: copy(&self.value_bias)?,
            query: copy(&self.query)?,
            key: copy(&self.key)?,
            relative: copy(&self.relative)?,
            mix_threshold: copy(&self.mix_threshold)?,
            feature: copy(&self.feature)?,
            feature_mix: copy(&self.feature_mix)?,
            feature_bias: copy(&self.feature_bias)?,
            pool_threshold: copy(&self.pool_threshold)?,
            classifier: copy(&self.classifier)?,
            classifier_bias: copy(&self.classifier_bias)?,
            temperature: copy(&self.temperature)?,
        })
    }

    /// Factor that turns logits into log-odds.
    ///
    /// # Errors
    /// If the parameter cannot be read.
    pub fn logit_scale(&self) -> Result<f64> {
        logit_scale(&self.temperature)
    }

    pub(super) fn weights(&self, exact: bool) -> Result<Weights> {
        let rows = |latent: &Var, fan_in, limit| sparse_rows(latent, fan_in, limit, exact);
        let bounded = |latent: &Var, lo, hi| integers(latent, lo, hi, exact);
        let context = CONTEXT as f64;
        Ok(Weights {
            value: rows(&self.value, VALUE_FAN_IN, 1.0)?,
            value_bias: bounded(&self.value_bias, -BIAS, BIAS)?,
            query: rows(&self.query, GATE_FAN_IN, 1.0)?,
            key: rows(&self.key, GATE_FAN_IN, 1.0)?,
            relative: bounded(&self.relative, GATE_BIAS.0, GATE_BIAS.1)?,
            mix_threshold: bounded(&self.mix_threshold, 1.0, context)?,
            feature: rows(&self.feature, FEATURE_FAN_IN, 1.0)?,
            feature_mix: rows(&self.feature_mix, FEATURE_MIX_FAN_IN, 1.0)?,
            feature_bias: bounded(&self.feature_bias, -BIAS, BIAS)?,
            pool_threshold: bounded(&self.pool_threshold, 1.0, context)?,
            classifier: rows(&self.classifier, LOGIT_FAN_IN, LOGIT_WEIGHT)?,
            classifier_bias: bounded(&self.classifier_bias, -LOGIT_BIAS, LOGIT_BIAS)?,
        })
    }

    /// Whether each head is open at each offset, as squeezed and as its own relative bias says.
    ///
    /// # Errors
    /// If the parameter cannot be read.
    pub fn open(&self, openings: &Openings, precision: Precision) -> Result<Openings> {
        let relative = self.relative.to_vec2::<f32>()?;
        let open = |(head, row): (usize, &Vec<f32>)| {
            let passes = |(at, bias): (usize, &f32)| {
                openings.offsets[head][at] && (!precision.rounds() || *bias >= GATE_CLOSED)
            };
            row.iter().enumerate().map(passes).collect()
        };
        Ok(Openings {
            offsets: relative.iter().enumerate().map(open).collect(),
        })
    }

    /// Logits times the temperature.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn log_odds(&self, ids: &Tensor, openings: &Openings, precision: Precision) -> Result<Tensor> {
        self.forward(ids, openings, precision)?
            .broadcast_mul(&self.temperature.abs()?)
    }

    /// Logits of a batch: `ids` holds `CONTEXT` tokens per text. Exact: the integers of the graph.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn forward(&self, ids: &Tensor, openings: &Openings, precision: Precision) -> Result<Tensor> {
        let texts = ids.elem_count() / CONTEXT;
        let weights = self.weights(precision.rounds())?;
        let x = embedding_table(&self.embedding, precision.rounds())?.index_select(ids, 0)?;
        let mut g = linear(&x, &weights.feature)?;
        if (0..self.shape.heads).any(|head| openings.keeps(head)) {
            g = (g + linear(
                &self.attend(&x, &weights, openings, precision)?,
                &weights.feature_mix,
            )?)?;
        }
        let g = precision.step(&g.broadcast_add(&weights.feature_bias)?, 1.0)?;
        let sum = g
            .reshape((texts, CONTEXT, self.shape.features))?
            .sum(1)?
            .unsqueeze(2)?;
        let p = precision
            .step(&sum.broadcast_sub(&weights.pool_threshold)?, 2.0)?
            .sum(2)?;
        linear(&p, &weights.classifier)?.broadcast_add(&weights.classifier_bias)
    }

    /// The bits that attention gathers for every token.
    fn attend(
        &self,
        x: &Tensor,
        weights: &Weights,
        openings: &Openings,
        precision: Precision,
    ) -> Result<Tensor> {
        let Shape { heads, value_dim, .. } = self.shape;
        let texts = x.dim(0)? / CONTEXT;
        let by_head = |share: Tensor, width: usize| {
            share
                .reshape((texts, CONTEXT, heads, width))?
                .transpose(1, 2)?
                .contiguous()
        };
        let v = precision.step(
            &linear(x, &weights.value)?.broadcast_add(&weights.value_bias)?,
            1.0,
        )?;
        let v = by_head(v, value_dim)?;
        let q = by_head(linear(x, &weights.query)?, 1)?;
        let k = by_head(linear(x, &weights.key)?, 1)?.transpose(2, 3)?;
        let bias = weights
            .relative
            .index_select(&pair_offsets()?, 1)?
            .reshape((heads, CONTEXT, CONTEXT))?;
        let bias = (bias + self.closed(openings, precision)?)?;
        let a = precision.step(&q.broadcast_add(&k)?.broadcast_add(&bias)?, 1.0)?;
        let z = a
            .matmul(&v)?
            .transpose(1, 2)?
            .contiguous()?
            .reshape((texts * CONTEXT, heads * value_dim))?;
        precision.step(&z.broadcast_sub(&weights.mix_threshold)?, 2.0)
    }

    /// Adds nothing to a gate that is open, and so much to one that is not that it never opens.
    fn closed(&self, openings: &Openings, precision: Precision) -> Result<Tensor> {
        let open = self.open(openings, precision)?;
        let bias = |row: &Vec<bool>| -> Vec<f32> {
            pair_indices()
                .map(|at| if row[at as usize] { 0.0 } else { NEVER })
                .collect()
        };
        let data: Vec<f32> = open.offsets.iter().flat_map(bias).collect();
        Tensor::from_vec(data, (self.shape.heads, CONTEXT, CONTEXT), &Device::Cpu)
    }
}

/// Relative bias that a head starts from: the first heads look at the tokens just before and just after, the
/// others further back and ahead; elsewhere gates start almost closed.
fn prior(head: usize, at: usize) -> f32 {
    let (reach, offset) = (
        if head % 4 < 2 { 4 } else { CONTEXT },
        at as i64 - (CONTEXT as i64 - 1),
    );
    let ahead = if head % 2 == 0 { -offset } else { offset };
    if ahead > 0 && ahead < reach as i64 {
        -1.0
    } else {
        -4.0
    }
}

pub(super) fn linear(x: &Tensor, rows: &Tensor) -> Result<Tensor> {
    x.matmul(&rows.t()?)
}

/// Offset index of every pair `(i, j)`, row by row.
fn pair_indices() -> impl Iterator<Item = u32> {
    (0..CONTEXT).flat_map(|i| (0..CONTEXT).map(move |j| (j + CONTEXT - 1 - i) as u32))
}

fn pair_offsets() -> Result<Tensor> {
    Tensor::from_vec(
        pair_indices().collect::<Vec<_>>(),
        CONTEXT * CONTEXT,
        &Device::Cpu,
    )
}
