//! The network in floating point, with the tensors' names and shapes of a checkpoint of transformers.

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor, Var, D};
use candle_nn::ops::softmax;
use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;

use crate::error::Error;

/// Added to the variance in a norm, as in GPT-2.
pub const EPSILON: f64 = 1e-5;
/// Deviation of initial weights, as in GPT-2.
const DEVIATION: f32 = 0.02;
/// Of 256 features of a branch, so many are dropped in training.
const DROPPED: u8 = 26;
/// Stands in for minus infinity before a softmax.
const NEVER: f32 = -1e9;

/// Sizes of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Most tokens of a text.
    pub context: usize,
    /// Features of a token.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of each attention.
    pub heads: usize,
}

/// A GPT-2: causal attention, norms before, learnt positions, the embedding as last layer.
#[derive(Debug)]
pub struct Net {
    shape: Shape,
    tensors: BTreeMap<String, Var>,
    /// `context` x `context`: 0 where a token may look.
    mask: Tensor,
}

impl Net {
    /// A network with random weights.
    ///
    /// # Errors
    /// [`Error::Training`] if a size is 0 or the heads do not share the features alike.
    pub fn new(shape: Shape, rng: &mut ChaCha8Rng) -> crate::Result<Self> {
        let Shape {
            vocabulary,
            context,
            width,
            layers,
            heads,
        } = shape;
        if [vocabulary, context, width, layers, heads].contains(&0) || width % heads != 0 {
            return Err(Error::Training(format!(
                "{heads} heads of {width} features, {layers} layers and {context} tokens are no network"
            )));
        }
        let mut tensors = BTreeMap::new();
        let mut normal = |name: String, rows: usize, columns: usize, deviation: f32| -> Result<()> {
            // A sum of twelve uniform numbers has variance 1.
            let mut number = || ((0..12).map(|_| rng.gen::<f32>()).sum::<f32>() - 6.0) * deviation;
            let numbers: Vec<f32> = (0..rows * columns).map(|_| number()).collect();
            let tensor = Tensor::from_vec(numbers, (rows, columns), &Device::Cpu)?;
            tensors.insert(name, Var::from_tensor(&tensor)?);
            Ok(())
        };
        normal("transformer.wte.weight".into(), vocabulary, width, DEVIATION)?;
        normal("transformer.wpe.weight".into(), context, width, DEVIATION)?;
        // What is added to the residual sum by all branches together keeps the deviation of one.
        let residual = DEVIATION / (2.0 * layers as f32).sqrt();
        for layer in 0..layers {
            let name = |part: &str| format!("transformer.h.{layer}.{part}.weight");
            normal(name("attn.c_attn"), width, 3 * width, DEVIATION)?;
            normal(name("attn.c_proj"), width, width, residual)?;
            normal(name("mlp.c_fc"), width, 4 * width, DEVIATION)?;
            normal(name("mlp.c_proj"), 4 * width, width, residual)?;
        }
        let mut constant = |name: String, count: usize, value: f32| -> Result<()> {
            let tensor = Tensor::from_vec(vec![value; count], count, &Device::Cpu)?;
            tensors.insert(name, Var::from_tensor(&tensor)?);
            Ok(())
        };
        let mut norms = vec!["transformer.ln_f".to_owned()];
        for layer in 0..layers {
            let name = |part: &str| format!("transformer.h.{layer}.{part}");
            norms.extend([name("ln_1"), name("ln_2")]);
            constant(name("attn.c_attn.bias"), 3 * width, 0.0)?;
            constant(name("attn.c_proj.bias"), width, 0.0)?;
            constant(name("mlp.c_fc.bias"), 4 * width, 0.0)?;
            constant(name("mlp.c_proj.bias"), width, 0.0)?;
        }
        for norm in norms {
            constant(format!("{norm}.weight"), width, 1.0)?;
            constant(format!("{norm}.bias"), width, 0.0)?;
        }
        let later = |row: usize| (0..context).map(move |column| if column > row { NEVER } else { 0.0 });
        let mask = (0..context).flat_map(later).collect();
        Ok(Self {
            mask: Tensor::from_vec(mask, (context, context), &Device::Cpu)?,
            shape,
            tensors,
        })
    }

    /// Sizes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Every tensor by its name in a checkpoint.
    pub fn tensors(&self) -> &BTreeMap<String, Var> {
        &self.tensors
    }

    /// Numbers that are learnt.
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.elem_count()).sum()
    }

    /// Matrices, which decay, and the others, which do not.
    pub fn variables(&self) -> (Vec<Var>, Vec<Var>) {
        self.tensors.values().cloned().partition(|var| var.rank() == 2)
    }

    /// Logits, `texts * tokens` rows of `vocabulary`, of token numbers `texts` x `tokens`; features are dropped at random
    /// where a generator is given.
    ///
    /// # Errors
    /// If a text is longer than the context, or an operation fails.
    pub fn forward(&self, ids: &Tensor, mut dropout: Option<&mut ChaCha8Rng>) -> Result<Tensor> {
        let (texts, tokens) = ids.dims2()?;
        let embedding = self.tensor("transformer.wte.weight")?;
        let positions = self.tensor("transformer.wpe.weight")?.narrow(0, 0, tokens)?;
        let width = self.shape.width;
        let x = embedding.index_select(&ids.flatten_all()?, 0)?;
        let x = x.reshape((texts, tokens, width))?.broadcast_add(&positions)?;
        let mut x = dropped(x.reshape((texts * tokens, width))?, &mut dropout)?;
        for layer in 0..self.shape.layers {
            let name = |part: &str| format!("transformer.h.{layer}.{part}");
            let qkv = self.linear(&self.norm(&x, &name("ln_1"))?, &name("attn.c_attn"))?;
            let joined = self.attention(&qkv, texts, tokens)?;
            let out = self.linear(&joined, &name("attn.c_proj"))?;
            x = (x + dropped(out, &mut dropout)?)?;
            let features = self.linear(&self.norm(&x, &name("ln_2"))?, &name("mlp.c_fc"))?;
            let out = self.linear(&features.gelu()?, &name("mlp.c_proj"))?;
            x = (x + dropped(out, &mut dropout)?)?;
        }
        self.norm(&x, "transformer.ln_f")?.matmul(&embedding.t()?)
    }

    fn tensor(&self, name: &str) -> Result<&Tensor> {
        let found = self.tensors.get(name).map(Var::as_tensor);
        found.ok_or_else(|| candle_core::Error::Msg(format!("no tensor {name}")))
    }

    fn linear(&self, x: &Tensor, module: &str) -> Result<Tensor> {
        x.matmul(self.tensor(&format!("{module}.weight"))?)?
            .broadcast_add(self.tensor(&format!("{module}.bias"))?)
    }

    fn norm(&self, x: &Tensor, module: &str) -> Result<Tensor> {
        let count = self.shape.width as f64;
        let centred = x.broadcast_sub(&(x.sum_keepdim(D::Minus1)? / count)?)?;
        let variance = (centred.sqr()?.sum_keepdim(D::Minus1)? / count)?;
        centred
            .broadcast_div(&(variance + EPSILON)?.sqrt()?)?
            .broadcast_mul(self.tensor(&format!("{module}.weight"))?)?
            .broadcast_add(self.tensor(&format!("{module}.bias"))?)
    }

    /// Joined heads of queries, keys and values that lie side by side.
    fn attention(&self, qkv: &Tensor, texts: usize, tokens: usize) -> Result<Tensor> {
        let (width, heads) = (self.shape.width, self.shape.heads);
        let part = |at: usize| {
            qkv.narrow(1, at * width, width)?
                .reshape((texts, tokens, heads, width / heads))?
                .transpose(1, 2)?
                .contiguous()
        };
        let scale = 1.0 / ((width / heads) as f64).sqrt();
        let scores = (part(0)?.matmul(&part(1)?.t()?)? * scale)?;
        let mask = self.mask.narrow(0, 0, tokens)?.narrow(1, 0, tokens)?;
        let weights = softmax(&scores.broadcast_add(&mask)?, D::Minus1)?;
        weights
            .matmul(&part(2)?)?
            .transpose(1, 2)?
            .reshape((texts * tokens, width))
    }
}

/// A share of the features set to 0, the others scaled up to the same mean.
fn dropped(x: Tensor, dropout: &mut Option<&mut ChaCha8Rng>) -> Result<Tensor> {
    let Some(rng) = dropout else {
        return Ok(x);
    };
    let mut bytes = vec![0u8; x.elem_count()];
    rng.fill_bytes(&mut bytes);
    let kept = 256.0 / (256.0 - f32::from(DROPPED));
    let mask: Vec<f32> = bytes
        .iter()
        .map(|byte| if *byte < DROPPED { 0.0 } else { kept })
        .collect();
    let mask = Tensor::from_vec(mask, x.shape(), &Device::Cpu)?;
    x * mask
}
