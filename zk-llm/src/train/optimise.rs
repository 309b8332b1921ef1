//! The training loop: AdamW over batches that are disturbed anew each time, with a teacher if there is one.

use candle_core::{Device, Tensor, Var, D};
use candle_nn::ops::{log_softmax, softmax};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::net::{Net, Openings, Precision, CONTEXT};
use crate::error::{Error, Result};
use crate::text::{PAD, UNKNOWN};

/// Texts evaluated at once.
const EVALUATION_BATCH: usize = 256;
/// Learning rate of embeddings, relative to that of the other parameters, while integers are trained.
const EMBEDDING_RATE: f64 = 4.0;
/// Share of the learning rate at the end.
const LAST_RATE: f64 = 0.05;
/// Weight of the teacher's soft answer against the label.
const DISTILLATION: f64 = 0.5;

/// A text ready for the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Token ids, without padding.
    pub ids: Vec<u32>,
    /// Index of the class.
    pub label: usize,
}

/// Disturbances of a training text that leave its meaning alone.
#[derive(Clone, Debug)]
pub struct Noise {
    /// Tokens that may be inserted anywhere.
    pub fillers: Vec<u32>,
    /// Endings that may follow any token.
    pub suffixes: Vec<u32>,
    /// Tokens that may be taken for unknown.
    pub replaceable: Vec<bool>,
}

/// One training run.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Optimiser steps.
    pub steps: usize,
    /// Texts per step.
    pub batch: usize,
    /// Learning rate at the start; it falls to a twentieth along a cosine.
    pub rate: f64,
    /// Of the forward pass at the start.
    pub precision: Precision,
    /// Factor by which the steepness of soft steps has grown at the end.
    pub hardening: f64,
}

impl Noise {
    /// A disturbed copy of a text: fillers and endings put in, words made unknown; never beyond the context.
    pub fn disturb(&self, ids: &[u32], rng: &mut impl Rng) -> Vec<u32> {
        let mut noisy: Vec<u32> = Vec::with_capacity(CONTEXT);
        let fillers = if rng.gen_bool(0.6) {
            rng.gen_range(0.0..0.25)
        } else {
            0.0
        };
        for id in ids {
            while rng.gen_bool(fillers) {
                noisy.extend(self.fillers.choose(rng));
            }
            let unknown = self.replaceable.get(*id as usize).copied().unwrap_or(false) && rng.gen_bool(0.1);
            noisy.push(if unknown { UNKNOWN } else { *id });
            if rng.gen_bool(0.02) {
                noisy.extend(self.suffixes.choose(rng));
            }
        }
        if noisy.len() > CONTEXT {
            return ids.to_vec();
        }
        noisy
    }
}

/// Pads texts into one tensor of token ids.
///
/// # Errors
/// [`Error::ContextExceeded`] if one is too long.
pub fn pack<'a>(texts: impl Iterator<Item = &'a [u32]>) -> Result<Tensor> {
    let mut ids = Vec::new();
    for text in texts {
        if text.len() > CONTEXT {
            return Err(Error::ContextExceeded {
                tokens: text.len(),
                limit: CONTEXT,
            });
        }
        ids.extend_from_slice(text);
        ids.resize(ids.len() + CONTEXT - text.len(), PAD);
    }
    let count = ids.len();
    Ok(Tensor::from_vec(ids, count, &Device::Cpu)?)
}

/// Trains `net` on `examples`; `seed` decides order and noise.
///
/// # Errors
/// If an operation fails.
pub fn train(
    net: &Net,
    examples: &[Example],
    noise: &Noise,
    openings: &Openings,
    teacher: Option<&Net>,
    schedule: Schedule,
    seed: u64,
) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut descent = Descent::new(net.vars(), &net.embedding, schedule)?;
    let everything = Openings::all(net.shape.heads);
    for at in 0..schedule.steps {
        let batch: Vec<_> = examples.choose_multiple(&mut rng, schedule.batch).collect();
        let noisy: Vec<_> = batch
            .iter()
            .map(|example| noise.disturb(&example.ids, &mut rng))
            .collect();
        let ids = pack(noisy.iter().map(Vec::as_slice))?;
        let logits = net.log_odds(&ids, openings, descent.precision(at))?;
        let answer = match teacher {
            Some(teacher) => Some(teacher.log_odds(&ids, &everything, Precision::Float)?),
            None => None,
        };
        let labels = batch.iter().map(|example| example.label);
        descent.step(at, &distilled(&logits, labels, answer.as_ref())?)?;
    }
    Ok(())
}

/// Logits of every example, in order.
///
/// # Errors
/// If an operation fails.
pub fn logits(
    net: &Net,
    examples: &[Example],
    openings: &Openings,
    precision: Precision,
) -> Result<Vec<Vec<f32>>> {
    let mut all = Vec::with_capacity(examples.len());
    for batch in examples.chunks(EVALUATION_BATCH) {
        let ids = pack(batch.iter().map(|example| example.ids.as_slice()))?;
        all.extend(net.forward(&ids, openings, precision)?.to_vec2::<f32>()?);
    }
    Ok(all)
}

/// The optimisers of one run, which follow its schedule.
pub(super) struct Descent {
    schedule: Schedule,
    parameters: AdamW,
    embedding: AdamW,
}

impl Descent {
    /// Optimisers of an embedding and of the other parameters.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn new(parameters: Vec<Var>, embedding: &Var, schedule: Schedule) -> Result<Self> {
        let settings = ParamsAdamW {
            lr: schedule.rate,
            weight_decay: 1e-3,
            ..ParamsAdamW::default()
        };
        Ok(Self {
            schedule,
            parameters: AdamW::new(parameters, settings.clone())?,
            embedding: AdamW::new(vec![embedding.clone()], settings)?,
        })
    }

    fn progress(&self, at: usize) -> f64 {
        at as f64 / self.schedule.steps as f64
    }

    /// Of the forward pass of step `at`.
    pub fn precision(&self, at: usize) -> Precision {
        match self.schedule.precision {
            Precision::Soft(steepness) => {
                Precision::Soft(steepness * self.schedule.hardening.powf(self.progress(at)))
            }
            fixed => fixed,
        }
    }

    /// Takes step `at` down a loss.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn step(&mut self, at: usize, loss: &Tensor) -> Result<()> {
        let warm = (at as f64 / 50.0).min(1.0);
        let rate = self.schedule.rate * cosine(self.progress(at)) * warm;
        // A token's row is seen in few batches, and so moves faster when it is.
        let factor = if self.schedule.precision.rounds() {
            EMBEDDING_RATE
        } else {
            1.0
        };
        let gradients = loss.backward()?;
        self.parameters.set_learning_rate(rate);
        self.embedding.set_learning_rate(rate * factor);
        self.parameters.step(&gradients)?;
        self.embedding.step(&gradients)?;
        if at % 100 == 0 {
            tracing::info!(step = at, loss = f64::from(loss.to_scalar::<f32>()?), "training");
        }
        Ok(())
    }
}

/// Share of the learning rate after `progress` in `0..=1`: from 1 to a twentieth along a cosine.
pub(super) fn cosine(progress: f64) -> f64 {
    LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
}

/// Mean cross-entropy of rows of logits in nats.
///
/// # Errors
/// If an operation fails.
pub(super) fn cross_entropy(logits: &Tensor, labels: impl Iterator<Item = usize>) -> Result<Tensor> {
    distilled(logits, labels, None)
}

/// Mean cross-entropy, half of it against a teacher's softened answer if there is one.
///
/// # Errors
/// If an operation fails.
pub(super) fn distilled(
    logits: &Tensor,
    labels: impl Iterator<Item = usize>,
    teacher: Option<&Tensor>,
) -> Result<Tensor> {
    let labels: Vec<u32> = labels.map(|label| label as u32).collect();
    let labels = Tensor::from_vec(labels, (logits.dim(0)?, 1), &Device::Cpu)?;
    let log_odds = log_softmax(logits, D::Minus1)?;
    let loss = log_odds.gather(&labels, 1)?.mean_all()?.neg()?;
    let Some(teacher) = teacher else {
        return Ok(loss);
    };
    let answer = softmax(teacher, D::Minus1)?.detach();
    let gap = (answer * &log_odds)?.sum(D::Minus1)?.mean_all()?.neg()?;
    Ok(((loss * (1.0 - DISTILLATION))? + (gap * DISTILLATION)?)?)
}

/// Index of the greatest logit, the first of equals.
pub fn argmax(logits: &[f32]) -> usize {
    let better = |best: usize, at: usize| if logits[at] > logits[best] { at } else { best };
    (1..logits.len()).fold(0, better)
}

/// Share of examples labelled correctly and mean cross-entropy.
///
/// # Errors
/// If an operation fails.
pub fn measure(
    net: &Net,
    examples: &[Example],
    openings: &Openings,
    precision: Precision,
) -> Result<Measure> {
    let rows = logits(net, examples, openings, precision)?;
    let labels = examples.iter().map(|example| example.label);
    Ok(Measure::of(&rows, labels, net.logit_scale()?))
}

/// How well a network does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Share of examples labelled correctly, `0..=1`.
    pub accuracy: f64,
}

impl Measure {
    /// Of rows of logits, which are log-odds after multiplication by `scale`.
    pub fn of(rows: &[Vec<f32>], labels: impl Iterator<Item = usize>, scale: f64) -> Self {
        let (mut loss, mut right) = (0.0, 0.0);
        for (row, label) in rows.iter().zip(labels) {
            let top = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            let total: f64 = row.iter().map(|x| ((f64::from(*x) - top) * scale).exp()).sum();
            loss -= (f64::from(row[label]) - top) * scale - total.ln();
            right += f64::from(u8::from(argmax(row) == label));
        }
        let count = rows.len().max(1) as f64;
        Self {
            loss: loss / count,
            accuracy: right / count,
        }
    }
}
