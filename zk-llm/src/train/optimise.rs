//! The training loop: AdamW over batches that are disturbed anew each time, with a teacher if there is one.

use candle_core::{Device, Tensor, D};
use candle_nn::ops::log_softmax;
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::net::{Net, Openings, Precision, CONTEXT};
use crate::error::{Error, Result};
use crate::text::{PAD, UNKNOWN};

/// Texts evaluated at once.
const EVALUATION_BATCH: usize = 256;
/// Learning rate of embeddings, relative to that of the other parameters, while integers are trained.
const EMBEDDING_RATE: f64 = 4.0;
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
    let settings = ParamsAdamW {
        lr: schedule.rate,
        weight_decay: 1e-3,
        ..ParamsAdamW::default()
    };
    // A token's row is seen in few batches, and so moves faster when it is.
    let mut slow = AdamW::new(net.vars(), settings.clone())?;
    let mut fast = AdamW::new(vec![net.embedding.clone()], settings)?;
    let factor = if schedule.precision == Precision::Float {
        1.0
    } else {
        EMBEDDING_RATE
    };
    let everything = Openings::all(net.shape.heads);
    for at in 0..schedule.steps {
        let batch: Vec<_> = examples.choose_multiple(&mut rng, schedule.batch).collect();
        let noisy: Vec<_> = batch
            .iter()
            .map(|example| noise.disturb(&example.ids, &mut rng))
            .collect();
        let ids = pack(noisy.iter().map(Vec::as_slice))?;
        let labels: Vec<u32> = batch.iter().map(|example| example.label as u32).collect();
        let labels = Tensor::from_vec(labels, batch.len(), &Device::Cpu)?;

        let progress = at as f64 / schedule.steps as f64;
        let precision = match schedule.precision {
            Precision::Soft(steepness) => Precision::Soft(steepness * schedule.hardening.powf(progress)),
            fixed => fixed,
        };
        let logits = net.forward(&ids, openings, precision)?;
        let scaled = logits.broadcast_mul(&net.temperature.abs()?)?;
        let log_odds = log_softmax(&scaled, D::Minus1)?;
        let mut loss = log_odds.gather(&labels.unsqueeze(1)?, 1)?.mean_all()?.neg()?;
        if let Some(teacher) = teacher {
            let answer = teacher
                .forward(&ids, &everything, Precision::Float)?
                .broadcast_mul(&teacher.temperature.abs()?)?;
            let answer = candle_nn::ops::softmax(&answer, D::Minus1)?.detach();
            let gap = (answer * &log_odds)?.sum(D::Minus1)?.mean_all()?.neg()?;
            loss = ((loss * (1.0 - DISTILLATION))? + (gap * DISTILLATION)?)?;
        }
        let warm = (at as f64 / 50.0).min(1.0);
        let cosine = 0.05 + 0.95 * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        let rate = schedule.rate * cosine * warm;
        let gradients = loss.backward()?;
        slow.set_learning_rate(rate);
        fast.set_learning_rate(rate * factor);
        slow.step(&gradients)?;
        fast.step(&gradients)?;
        if at % 100 == 0 {
            tracing::info!(step = at, loss = f64::from(loss.to_scalar::<f32>()?), "training");
        }
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
    let scale = net.logit_scale()?;
    let mut measure = Measure {
        accuracy: 0.0,
        loss: 0.0,
    };
    for (row, example) in logits(net, examples, openings, precision)?.iter().zip(examples) {
        let odds: Vec<f64> = row.iter().map(|x| (f64::from(*x) * scale).exp()).collect();
        measure.loss -= (odds[example.label] / odds.iter().sum::<f64>()).max(1e-12).ln();
        measure.accuracy += f64::from(u8::from(argmax(row) == example.label));
    }
    let count = examples.len().max(1) as f64;
    Ok(Measure {
        accuracy: measure.accuracy / count,
        loss: measure.loss / count,
    })
}

/// How well a network does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// Share of examples labelled correctly, `0..=1`.
    pub accuracy: f64,
    /// Mean cross-entropy in nats.
    pub loss: f64,
}
