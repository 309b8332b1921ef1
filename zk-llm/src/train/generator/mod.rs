//! A small word-level generator in full mode: trained in floating point, fitted to integers, trained on.
//!
//! The client encrypts a window of the last tokens, the miner returns encrypted scores of every token, the client
//! picks one and asks again. Every pass takes the same bootstraps, whatever the text's length.

pub mod data;
pub mod export;
pub mod net;
pub mod ngram;
mod publish;
#[cfg(test)]
mod published;
#[cfg(test)]
mod tests;

use std::path::Path;

use candle_core::{Device, Tensor, D};
use candle_nn::ops::{log_softmax, softmax};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::data::{disturbed, places, target, window, Ids, Texts};
use self::net::{Net, Shape};
use self::ngram::Ngrams;
use super::corpus::Corpus;
use super::net::{Precision, CONTEXT};
use super::optimise::argmax;
use crate::error::Result;

pub use self::publish::publish;

/// Width of an embedding.
pub const DIM: usize = 24;
/// Bits of the first layer.
pub const HIDDEN: usize = 192;
/// Bits of the second layer: with the first, at most 500 bootstraps a token, and 8,000 in 16 passes.
pub const FEATURES: usize = 304;
/// Windows evaluated at once.
const EVALUATION_BATCH: usize = 512;
/// Weight of the float network's answer against the text.
const DISTILLATION: f64 = 0.5;
/// Learning rate of embeddings relative to the others, while integers are trained.
const EMBEDDING_RATE: f64 = 4.0;

/// What a training run may be told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Decides every random choice.
    pub seed: u64,
    /// Sentences drawn of every class, before those with rare words are dropped.
    pub sentences: usize,
    /// Tokens of the vocabulary, the two special ones included.
    pub vocabulary: usize,
    /// Optimiser steps of the float network; later stages are in proportion.
    pub steps: usize,
    /// Windows per step.
    pub batch: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            sentences: 15_000,
            vocabulary: 480,
            steps: 1000,
            batch: 128,
        }
    }
}

/// How well next tokens are foretold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Share of tokens that were the likeliest.
    pub accuracy: f64,
}

/// Figures on one set of texts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Texts.
    pub texts: usize,
    /// Tokens, ends included.
    pub tokens: usize,
    /// Float weights and sigmoids.
    pub floating: Score,
    /// The float network rounded to integers without training.
    pub rounded: Score,
    /// Integers, as published.
    pub integers: Score,
    /// Losses of interpolated counts of one, two and three tokens.
    pub ngrams: [f64; 3],
    /// Always naming the most frequent token.
    pub majority: f64,
}

/// What a training run measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Settings of the run.
    pub settings: Settings,
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Sentences trained on.
    pub train: usize,
    /// On other sentences of the templates trained on.
    pub fresh: Figures,
    /// On sentences of other templates.
    pub heldout: Figures,
    /// Bits of both layers, each of which costs a bootstrap at most.
    pub bits: usize,
    /// Wall time of the run, seconds.
    pub seconds: f64,
}

/// One stage of training.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Optimiser steps.
    pub steps: usize,
    /// Learning rate at the start; it falls to a twentieth along a cosine.
    pub rate: f64,
    /// Of the forward pass at the start.
    pub precision: Precision,
    /// Factor by which the steepness of soft steps has grown at the end.
    pub hardening: f64,
}

/// Trains on the corpus in `dir`.
///
/// # Errors
/// If the corpus is malformed or an operation fails.
pub fn train(dir: &Path, settings: Settings) -> Result<(Net, Texts, Report)> {
    let started = std::time::Instant::now();
    let texts = Texts::draw(&Corpus::load(dir)?, &settings)?;
    tracing::info!(
        train = texts.train.len(),
        fresh = texts.fresh.len(),
        heldout = texts.heldout.len(),
        "texts"
    );
    let shape = Shape {
        vocabulary: texts.tokeniser.size(),
        dim: DIM,
        hidden: HIDDEN,
        features: FEATURES,
    };
    let float = Net::new(shape, &mut ChaCha8Rng::seed_from_u64(settings.seed))?;
    let stage = |share: usize, rate: f64, precision: Precision, hardening: f64| Stage {
        steps: settings.steps * share / 10,
        rate,
        precision,
        hardening,
    };
    fit(
        &float,
        &texts.train,
        None,
        stage(10, 0.006, Precision::Float, 1.0),
        settings,
    )?;
    let rounded = float.duplicate()?;
    rounded.fit_to_integers()?;
    let net = rounded.duplicate()?;
    for stage in [
        stage(12, 0.005, Precision::Soft(2.0), 2.0),
        stage(4, 0.001, Precision::Exact, 1.0),
    ] {
        fit(&net, &texts.train, Some(&float), stage, settings)?;
    }
    let ngrams = [1, 2, 3].map(|order| Ngrams::count(&texts.train, order, shape.vocabulary));
    let figures = |set: &[Ids]| -> Result<Figures> {
        let score = |net, precision| measure(net, set, precision);
        Ok(Figures {
            texts: set.len(),
            tokens: places(set).len(),
            floating: score(&float, Precision::Float)?,
            rounded: score(&rounded, Precision::Exact)?,
            integers: score(&net, Precision::Exact)?,
            ngrams: [0, 1, 2].map(|order| ngrams[order].loss(set)),
            majority: majority(set),
        })
    };
    let report = Report {
        settings,
        vocabulary: shape.vocabulary,
        train: texts.train.len(),
        fresh: figures(&texts.fresh)?,
        heldout: figures(&texts.heldout)?,
        bits: HIDDEN + FEATURES,
        seconds: started.elapsed().as_secs_f64(),
    };
    Ok((net, texts, report))
}

/// Trains `net` for one stage, with `teacher`'s answers beside the texts if there is one.
///
/// # Errors
/// If an operation fails.
pub fn fit(net: &Net, texts: &[Ids], teacher: Option<&Net>, stage: Stage, settings: Settings) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let all = places(texts);
    let parameters = ParamsAdamW {
        lr: stage.rate,
        weight_decay: 1e-3,
        ..ParamsAdamW::default()
    };
    // A token's row is seen in few batches, and so moves faster when it is.
    let mut slow = AdamW::new(net.vars(), parameters.clone())?;
    let mut fast = AdamW::new(vec![net.embedding.clone()], parameters)?;
    let factor = if stage.precision.rounds() {
        EMBEDDING_RATE
    } else {
        1.0
    };
    for at in 0..stage.steps {
        let batch: Vec<(usize, usize)> = (0..settings.batch)
            .map(|_| all[rng.gen_range(0..all.len())])
            .collect();
        let windows: Vec<[u32; CONTEXT]> = batch
            .iter()
            .map(|(text, place)| disturbed(&texts[*text], *place, &mut rng))
            .collect();
        let ids = tensor(&windows)?;
        let next: Vec<u32> = batch
            .iter()
            .map(|(text, place)| target(&texts[*text], *place))
            .collect();
        let next = Tensor::from_vec(next, (batch.len(), 1), &Device::Cpu)?;
        let progress = at as f64 / stage.steps as f64;
        let precision = match stage.precision {
            Precision::Soft(steepness) => Precision::Soft(steepness * stage.hardening.powf(progress)),
            fixed => fixed,
        };
        let log_odds = log_softmax(&net.log_odds(&ids, precision)?, D::Minus1)?;
        let mut loss = log_odds.gather(&next, 1)?.mean_all()?.neg()?;
        if let Some(teacher) = teacher {
            let answer = softmax(&teacher.log_odds(&ids, Precision::Float)?, D::Minus1)?.detach();
            let gap = (answer * &log_odds)?.sum(D::Minus1)?.mean_all()?.neg()?;
            loss = ((loss * (1.0 - DISTILLATION))? + (gap * DISTILLATION)?)?;
        }
        let warm = (at as f64 / 50.0).min(1.0);
        let cosine = 0.05 + 0.95 * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        let gradients = loss.backward()?;
        slow.set_learning_rate(stage.rate * cosine * warm);
        fast.set_learning_rate(stage.rate * cosine * warm * factor);
        slow.step(&gradients)?;
        fast.step(&gradients)?;
        if at % 100 == 0 {
            tracing::info!(step = at, loss = f64::from(loss.to_scalar::<f32>()?), "training");
        }
    }
    Ok(())
}

fn tensor(windows: &[[u32; CONTEXT]]) -> Result<Tensor> {
    let ids = windows.concat();
    let count = ids.len();
    Ok(Tensor::from_vec(ids, count, &Device::Cpu)?)
}

/// Scores of every token at every place of `texts`, in order.
///
/// # Errors
/// If an operation fails.
pub fn scores(net: &Net, texts: &[Ids], precision: Precision) -> Result<Vec<Vec<f32>>> {
    let mut all = Vec::new();
    for batch in places(texts).chunks(EVALUATION_BATCH) {
        let windows: Vec<_> = batch
            .iter()
            .map(|(text, at)| window(&texts[*text], *at))
            .collect();
        all.extend(net.forward(&tensor(&windows)?, precision)?.to_vec2::<f32>()?);
    }
    Ok(all)
}

/// Loss and accuracy over every place of `texts`.
///
/// # Errors
/// If an operation fails.
pub fn measure(net: &Net, texts: &[Ids], precision: Precision) -> Result<Score> {
    let scale = net.logit_scale()?;
    let (mut loss, mut right) = (0.0, 0.0);
    let all = places(texts);
    for (row, (text, at)) in scores(net, texts, precision)?.iter().zip(&all) {
        let next = target(&texts[*text], *at) as usize;
        let top = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let total: f64 = row.iter().map(|x| ((f64::from(*x) - top) * scale).exp()).sum();
        loss -= (f64::from(row[next]) - top) * scale - total.ln();
        right += f64::from(u8::from(argmax(row) == next));
    }
    let count = all.len().max(1) as f64;
    Ok(Score {
        loss: loss / count,
        accuracy: right / count,
    })
}

/// Share of the most frequent token among all places.
fn majority(texts: &[Ids]) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    let all = places(texts);
    for (text, at) in &all {
        *counts.entry(target(&texts[*text], *at)).or_insert(0usize) += 1;
    }
    counts.values().copied().max().unwrap_or_default() as f64 / all.len().max(1) as f64
}
