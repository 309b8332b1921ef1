//! Training of a small GPT-2 on one book, written as an ordinary checkpoint of Hugging Face (SPEC R165, R166).
//!
//! What split mode costs in quality is measured on weights that were learnt: random ones have no perplexity worth the
//! name. The checkpoint goes through the same import as any other.

mod checkpoint;
mod net;
#[cfg(test)]
mod tests;
mod text;

use std::path::Path;
use std::time::Instant;

use candle_core::{Device, Tensor};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use self::checkpoint::config;
pub use self::net::{Net, Shape};
pub use self::text::{halves, tokenizer, unigram};

use super::optimise::{cosine, cross_entropy};
use crate::error::{Error, Result};

/// File of a run's figures, beside the checkpoint's.
pub const TRAINING_FILE: &str = "training.json";
/// Steps until the learning rate is whole.
const WARM: f64 = 60.0;
/// Windows of the held-out part over which a run states its loss.
const CHECKED: usize = 32;

/// What a run may be told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Decides every random choice: the same seed gives the same weights on the same kind of processor.
    pub seed: u64,
    /// Tokens of the vocabulary, the 256 bytes included.
    pub vocabulary: usize,
    /// Tokens of a window.
    pub context: usize,
    /// Features of a token.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of each attention.
    pub heads: usize,
    /// Optimiser steps.
    pub steps: usize,
    /// Windows a step.
    pub batch: usize,
    /// Learning rate at its highest.
    pub rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            vocabulary: 1024,
            context: 128,
            width: 256,
            layers: 4,
            heads: 4,
            steps: 1500,
            batch: 8,
            rate: 2e-3,
        }
    }
}

/// What a run measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Settings of the run.
    pub settings: Settings,
    /// Tokens trained on, and held out.
    pub tokens: [usize; 2],
    /// Numbers that were learnt.
    pub parameters: usize,
    /// Mean cross-entropy of the last hundred steps, in nats a token.
    pub training_loss: f64,
    /// The same on the first windows of the held-out part.
    pub heldout_loss: f64,
    /// Wall time of the run.
    pub seconds: f64,
}

/// Trains on a text's first part and writes the checkpoint to `out`.
///
/// # Errors
/// [`Error::Training`] if the text is shorter than a window or the sizes do not fit one another; [`Error::Tokenizer`];
/// [`Error::Io`].
pub fn train(text: &str, out: &Path, settings: Settings) -> Result<Report> {
    let started = Instant::now();
    let (learnt, heldout) = halves(text);
    let tokenizer = tokenizer(learnt, settings.vocabulary)?;
    let (learnt, heldout) = (
        text::encode(&tokenizer, learnt)?,
        text::encode(&tokenizer, heldout)?,
    );
    let window = settings.context.saturating_add(1);
    if learnt.len() <= window || heldout.len() < window {
        return Err(Error::Training(format!(
            "the text has {} tokens to learn and {} held out; a window takes {window} of either",
            learnt.len(),
            heldout.len()
        )));
    }
    let shape = Shape {
        vocabulary: tokenizer.get_vocab_size(true),
        context: settings.context,
        width: settings.width,
        layers: settings.layers,
        heads: settings.heads,
    };
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let net = Net::new(shape, &mut rng)?;
    let training_loss = fit(&net, &learnt, settings, &mut rng)?;
    let windows: Vec<&[u32]> = heldout.chunks_exact(window).take(CHECKED).collect();
    let heldout_loss = f64::from(loss(&net, &windows, None)?.to_scalar::<f32>()?);
    let report = Report {
        settings,
        tokens: [learnt.len(), heldout.len()],
        parameters: net.parameters(),
        training_loss,
        heldout_loss,
        seconds: started.elapsed().as_secs_f64(),
    };
    checkpoint::write(out, &net, &tokenizer, &report)?;
    Ok(report)
}

/// Takes the optimiser's steps; gives the mean loss of the last hundred.
fn fit(net: &Net, tokens: &[u32], settings: Settings, rng: &mut ChaCha8Rng) -> Result<f64> {
    let decay = |weight_decay| ParamsAdamW {
        weight_decay,
        beta2: 0.98,
        ..ParamsAdamW::default()
    };
    let (matrices, others) = net.variables();
    let mut optimisers = [AdamW::new(matrices, decay(0.1))?, AdamW::new(others, decay(0.0))?];
    let window = settings.context + 1;
    let mut last = Vec::new();
    for at in 0..settings.steps {
        let starts = (0..settings.batch).map(|_| rng.gen_range(0..=tokens.len() - window));
        let windows: Vec<&[u32]> = starts.map(|start| &tokens[start..start + window]).collect();
        let loss = loss(net, &windows, Some(&mut *rng))?;
        let gradients = loss.backward()?;
        let warm = ((at + 1) as f64 / WARM).min(1.0);
        let rate = settings.rate * cosine(at as f64 / settings.steps as f64) * warm;
        for optimiser in &mut optimisers {
            optimiser.set_learning_rate(rate);
            optimiser.step(&gradients)?;
        }
        let loss = f64::from(loss.to_scalar::<f32>()?);
        if !loss.is_finite() {
            return Err(Error::Training(format!(
                "the loss of step {at} is no number; lower the learning rate"
            )));
        }
        if at + 100 >= settings.steps {
            last.push(loss);
        }
        if at % 50 == 0 {
            tracing::info!(step = at, loss, "training");
        }
    }
    Ok(last.iter().sum::<f64>() / last.len().max(1) as f64)
}

/// Mean cross-entropy in nats of each window's tokens after its first.
fn loss(net: &Net, windows: &[&[u32]], dropout: Option<&mut ChaCha8Rng>) -> Result<Tensor> {
    let length = windows.first().map_or(0, |window| window.len() - 1);
    let of = |from: usize| -> Vec<u32> {
        let shifted = windows.iter().flat_map(|window| &window[from..from + length]);
        shifted.copied().collect()
    };
    let inputs = Tensor::from_vec(of(0), (windows.len(), length), &Device::Cpu)?;
    let wanted = of(1).into_iter().map(|id| id as usize);
    cross_entropy(&net.forward(&inputs, dropout)?, wanted)
}
