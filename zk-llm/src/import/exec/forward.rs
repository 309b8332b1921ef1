//! The forward pass of the three families.

use std::ops::Range;

use super::linears::matrix;
use super::ops::{activate, dot, frequencies, layer_norm, rms_norm, rotate, softmax};
use super::{Chooser, ClientPart, Linears};
use crate::error::{Error, Result};
use crate::import::network::{Family, Network, Output, LINEARS_OF_LAYER};

/// The [`LINEARS_OF_LAYER`], in order.
const ATTENTION_IN: usize = 0;
const ATTENTION_OUT: usize = 1;
const FEATURES_IN: usize = 2;
const FEATURES_OUT: usize = 3;

/// Keys and values of the tokens seen so far; they stay at the client.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    layers: Vec<(Vec<f32>, Vec<f32>)>,
    /// Keys of one token in a layer, and as many values.
    width: usize,
    tokens: usize,
}

impl Cache {
    /// Tokens seen so far.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Forgets all but the first `tokens` tokens, as after guesses that were wrong.
    pub fn truncate(&mut self, tokens: usize) {
        self.tokens = self.tokens.min(tokens);
        for (keys, values) in &mut self.layers {
            keys.truncate(self.tokens * self.width);
            values.truncate(self.tokens * self.width);
        }
    }
}

/// Tokens whose logits are wanted. The last layer makes no features of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Of every token given, as when guesses are checked.
    All,
    /// Of the last one.
    Last,
}

impl ClientPart {
    /// Runs the whole network on the tokens of one text.
    ///
    /// Gives what [`Output`] says: the features of each token, the logits of the classes, the vector of the text, or
    /// the logits of each token's successor.
    ///
    /// # Errors
    /// [`Error::Prompt`] if there are no tokens or unknown ones, [`Error::ContextExceeded`]; errors of `linears`.
    pub fn run(&self, linears: &mut dyn Linears, tokens: &[u32]) -> Result<Vec<f32>> {
        let network = &self.manifest().network;
        if let Output::Generator { .. } = network.output {
            return self.generate(linears, &mut Cache::default(), tokens, Wanted::All);
        }
        let width = network.width as usize;
        let wanted = match network.output.wants_all() {
            true => 0..tokens.len(),
            false => 0..1,
        };
        let features = self.features(linears, &mut Cache::default(), tokens, wanted.clone())?;
        match &network.output {
            Output::Encoder | Output::Generator { .. } => Ok(features),
            Output::Classifier { .. } => {
                let pooler = LINEARS_OF_LAYER * network.layers as usize;
                let mut first = linears.apply(pooler, &features)?;
                first.iter_mut().for_each(|x| *x = x.tanh());
                linears.apply(pooler + 1, &first)
            }
            Output::Embedding { normalise, .. } => {
                // The first token alone is its own mean.
                let mean = |feature| -> f32 {
                    let sum: f32 = features.iter().skip(feature).step_by(width).sum();
                    sum / wanted.len() as f32
                };
                let mut pooled: Vec<f32> = (0..width).map(mean).collect();
                if *normalise {
                    let length = pooled
                        .iter()
                        .map(|x| x * x)
                        .sum::<f32>()
                        .sqrt()
                        .max(f32::MIN_POSITIVE);
                    pooled.iter_mut().for_each(|x| *x /= length);
                }
                Ok(pooled)
            }
        }
    }

    /// Logits of the successors of tokens that continue the text in `cache`, which then holds them too; it is left as it
    /// was if a linear layer fails.
    ///
    /// # Errors
    /// As [`ClientPart::run`]; [`Error::Prompt`] if the model generates no text.
    pub fn generate(
        &self,
        linears: &mut dyn Linears,
        cache: &mut Cache,
        tokens: &[u32],
        wanted: Wanted,
    ) -> Result<Vec<f32>> {
        let network = &self.manifest().network;
        let Output::Generator { tied } = network.output else {
            return Err(Error::Prompt("the model generates no text".into()));
        };
        let before = cache.tokens;
        let wanted = match wanted {
            Wanted::All => 0..tokens.len(),
            Wanted::Last => tokens.len().saturating_sub(1)..tokens.len(),
        };
        let features = self.features(linears, cache, tokens, wanted);
        let logits = features.and_then(|mut features| {
            self.norm(&mut features, "norm");
            let (rows, columns) = (network.vocabulary as usize, network.width as usize);
            match tied {
                true => matrix(&features, rows, columns, self.tensor("embedding.token"), dot),
                false => linears.apply(LINEARS_OF_LAYER * network.layers as usize, &features),
            }
        });
        if logits.is_err() {
            cache.truncate(before);
        }
        logits
    }

    /// Continues a text by `count` tokens, each the likeliest (the lowest number among equals); stops at a full context.
    ///
    /// # Errors
    /// As [`ClientPart::generate`].
    pub fn greedy(&self, linears: &mut dyn Linears, tokens: &[u32], count: usize) -> Result<Vec<u32>> {
        self.continued(linears, tokens, count, &mut Chooser::greedy())
    }

    /// As [`ClientPart::greedy`], with tokens as `chooser` chooses them.
    ///
    /// # Errors
    /// As [`ClientPart::generate`].
    pub fn continued(
        &self,
        linears: &mut dyn Linears,
        tokens: &[u32],
        count: usize,
        chooser: &mut Chooser,
    ) -> Result<Vec<u32>> {
        let context = self.manifest().network.context as usize;
        let mut cache = Cache::default();
        let (mut given, mut out) = (tokens.to_vec(), vec![]);
        while out.len() < count && cache.tokens() + given.len() <= context {
            let logits = self.generate(linears, &mut cache, &given, Wanted::Last)?;
            let next = chooser
                .choose(&logits)
                .ok_or_else(|| Error::Prompt("no logits".into()))?;
            out.push(next);
            given = vec![next];
        }
        Ok(out)
    }

    /// Features of each of the `wanted` tokens after the last layer. A cache holds part of the tokens if a linear layer
    /// fails.
    fn features(
        &self,
        linears: &mut dyn Linears,
        cache: &mut Cache,
        tokens: &[u32],
        wanted: Range<usize>,
    ) -> Result<Vec<f32>> {
        let network = &self.manifest().network;
        let limit = network.context as usize;
        let total = cache.tokens.saturating_add(tokens.len());
        if total > limit {
            return Err(Error::ContextExceeded { tokens: total, limit });
        }
        let mut x = self.embed(tokens, cache.tokens)?;
        cache.width = (network.key_value_heads * network.head_width) as usize;
        cache
            .layers
            .resize_with(network.layers as usize, Default::default);
        let turns = network
            .rotary
            .map(|rotary| frequencies(&rotary, network.head_width as usize));
        let (width, layers) = (network.width as usize, network.layers as usize);
        for layer in 0..layers {
            let first = LINEARS_OF_LAYER * layer;
            let norms = ["attention", "features"].map(|part| format!("layers.{layer}.{part}.norm"));
            let normed_after = network.family == Family::Bert;
            let mut qkv = match normed_after {
                true => linears.apply(first + ATTENTION_IN, &x)?,
                false => linears.apply(first + ATTENTION_IN, &self.normed(&x, &norms[0]))?,
            };
            if let Some(turns) = &turns {
                turn(network, &mut qkv, cache.tokens, turns);
            }
            // Nobody reads what the last layer would make of the others.
            let kept = match layer + 1 == layers {
                true => wanted.clone(),
                false => 0..tokens.len(),
            };
            x.truncate(kept.end * width);
            x.drain(..kept.start * width);
            let joined = attention(network, &qkv, cache.tokens, kept, &mut cache.layers[layer]);
            let attended = linears.apply(first + ATTENTION_OUT, &joined)?;
            let expand = |linears: &mut dyn Linears, inputs: &[f32]| {
                let features = linears.apply(first + FEATURES_IN, inputs)?;
                linears.apply(first + FEATURES_OUT, &gate(network, features))
            };
            if normed_after {
                self.add_and_norm(&mut x, &attended, &norms[0]);
                let out = expand(linears, &x)?;
                self.add_and_norm(&mut x, &out, &norms[1]);
            } else {
                add(&mut x, &attended);
                let out = expand(linears, &self.normed(&x, &norms[1]))?;
                add(&mut x, &out);
            }
        }
        cache.tokens = total;
        Ok(x)
    }

    fn embed(&self, tokens: &[u32], position: usize) -> Result<Vec<f32>> {
        let network = &self.manifest().network;
        let width = network.width as usize;
        if tokens.is_empty() {
            return Err(Error::Prompt("it has no tokens".into()));
        }
        let row = |name: &str, row: usize| {
            let table = self.tensor(name);
            let found = table.get(row * width..(row + 1) * width);
            found.ok_or_else(|| Error::Prompt(format!("{name} has no row {row}")))
        };
        let mut x = Vec::with_capacity(tokens.len() * width);
        for (at, token) in tokens.iter().enumerate() {
            let start = x.len();
            x.extend_from_slice(row("embedding.token", *token as usize)?);
            if network.rotary.is_none() {
                add(&mut x[start..], row("embedding.position", position + at)?);
            }
            if network.family == Family::Bert {
                add(&mut x[start..], row("embedding.type", 0)?);
            }
        }
        if network.family == Family::Bert {
            self.norm(&mut x, "embedding.norm");
        }
        Ok(x)
    }

    fn norm(&self, tokens: &mut [f32], name: &str) {
        let network = &self.manifest().network;
        let weight = self.tensor(&format!("{name}.weight"));
        match network.family {
            Family::Llama => rms_norm(tokens, weight, network.epsilon),
            _ => layer_norm(
                tokens,
                weight,
                self.tensor(&format!("{name}.bias")),
                network.epsilon,
            ),
        }
    }

    fn normed(&self, tokens: &[f32], name: &str) -> Vec<f32> {
        let mut tokens = tokens.to_vec();
        self.norm(&mut tokens, name);
        tokens
    }

    fn add_and_norm(&self, x: &mut [f32], more: &[f32], name: &str) {
        add(x, more);
        self.norm(x, name);
    }
}

/// The token of the highest logit, the lowest number among equals; none without logits.
pub(super) fn likeliest(logits: &[f32]) -> Option<u32> {
    let highest = (0..logits.len())
        .rev()
        .max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
    highest.and_then(|id| u32::try_from(id).ok())
}

fn add(x: &mut [f32], more: &[f32]) {
    x.iter_mut().zip(more).for_each(|(x, y)| *x += y);
}

/// Non-linearity of the features; those of Llama come after as many gates.
fn gate(network: &Network, mut features: Vec<f32>) -> Vec<f32> {
    let act = |x: f32| activate(x, network.activation);
    if network.family != Family::Llama {
        features.iter_mut().for_each(|x| *x = act(*x));
        return features;
    }
    let count = network.features as usize;
    features
        .chunks_exact(2 * count)
        .flat_map(|token| {
            let (gates, values) = token.split_at(count);
            gates.iter().zip(values).map(|(gate, x)| act(*gate) * x)
        })
        .collect()
}

/// Turns queries and keys by the positions of their tokens.
fn turn(network: &Network, qkv: &mut [f32], before: usize, turns: &[f64]) {
    let width = network.head_width as usize;
    let turned = (network.heads + network.key_value_heads) as usize * width;
    for (at, token) in qkv.chunks_exact_mut(network.attention_rows()).enumerate() {
        for head in token[..turned].chunks_exact_mut(width) {
            rotate(head, before + at, turns);
        }
    }
}

/// Joined heads of each of the `kept` tokens, after all keys and values have joined those of the tokens before
/// (SPEC R177).
fn attention(
    network: &Network,
    qkv: &[f32],
    before: usize,
    kept: Range<usize>,
    cache: &mut (Vec<f32>, Vec<f32>),
) -> Vec<f32> {
    let width = network.head_width as usize;
    let (heads, shared) = (network.heads as usize, network.key_value_heads as usize);
    let (queries, keys) = (heads * width, shared * width);
    let row = queries + 2 * keys;
    for token in qkv.chunks_exact(row) {
        cache.0.extend_from_slice(&token[queries..queries + keys]);
        cache.1.extend_from_slice(&token[queries + keys..]);
    }
    let total = cache.0.len() / keys;
    let causal = network.family != Family::Bert;
    let scale = 1.0 / (width as f32).sqrt();
    let mut out = vec![0.0; kept.len() * queries];
    let tokens = qkv.chunks_exact(row).enumerate().take(kept.end).skip(kept.start);
    for (out, (at, token)) in out.chunks_exact_mut(queries).zip(tokens) {
        let seen = if causal { before + at + 1 } else { total };
        for (head, (out, query)) in out
            .chunks_exact_mut(width)
            .zip(token.chunks_exact(width))
            .enumerate()
        {
            let at = head * shared / heads * width;
            let of = |row: usize| row * keys + at..row * keys + at + width;
            let dot = |key: &[f32]| query.iter().zip(key).map(|(q, k)| q * k).sum::<f32>();
            let mut scores: Vec<f32> = (0..seen).map(|row| dot(&cache.0[of(row)]) * scale).collect();
            softmax(&mut scores);
            for (row, score) in scores.iter().enumerate() {
                let value = &cache.1[of(row)];
                out.iter_mut().zip(value).for_each(|(x, v)| *x += score * v);
            }
        }
    }
    out
}
