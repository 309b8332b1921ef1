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

use candle_core::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::data::{disturbed, places, target, window, Ids, Texts};
use self::net::{Net, Shape};
use self::ngram::Ngrams;
use super::corpus::Corpus;
use super::data::majority;
use super::net::{Precision, CONTEXT};
use super::optimise::{distilled, Descent, Measure, Schedule};
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

/// Figures on one set of texts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Texts.
    pub texts: usize,
    /// Tokens, ends included.
    pub tokens: usize,
    /// Float weights and sigmoids.
    pub floating: Measure,
    /// The float network rounded to integers without training.
    pub rounded: Measure,
    /// Integers, as published.
    pub integers: Measure,
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
    let stage = |share: usize, rate: f64, precision: Precision, hardening: f64| Schedule {
        steps: settings.steps * share / 10,
        batch: settings.batch,
        rate,
        precision,
        hardening,
    };
    let first = stage(10, 0.006, Precision::Float, 1.0);
    fit(&float, &texts.train, None, first, settings.seed)?;
    let rounded = float.duplicate()?;
    rounded.fit_to_integers()?;
    let net = rounded.duplicate()?;
    for stage in [
        stage(12, 0.005, Precision::Soft(2.0), 2.0),
        stage(4, 0.001, Precision::Exact, 1.0),
    ] {
        fit(&net, &texts.train, Some(&float), stage, settings.seed)?;
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
            majority: majority(targets(set)),
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
pub fn fit(net: &Net, texts: &[Ids], teacher: Option<&Net>, stage: Schedule, seed: u64) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let all = places(texts);
    let mut descent = Descent::new(net.vars(), &net.embedding, stage)?;
    for at in 0..stage.steps {
        let batch: Vec<(usize, usize)> = (0..stage.batch)
            .map(|_| all[rng.gen_range(0..all.len())])
            .collect();
        let windows: Vec<[u32; CONTEXT]> = batch
            .iter()
            .map(|(text, place)| disturbed(&texts[*text], *place, &mut rng))
            .collect();
        let ids = tensor(&windows)?;
        let log_odds = net.log_odds(&ids, descent.precision(at))?;
        let answer = match teacher {
            Some(teacher) => Some(teacher.log_odds(&ids, Precision::Float)?),
            None => None,
        };
        let next = batch
            .iter()
            .map(|(text, place)| target(&texts[*text], *place) as usize);
        descent.step(at, &distilled(&log_odds, next, answer.as_ref())?)?;
    }
    Ok(())
}

/// The token that comes at every place of `texts`, in order.
fn targets(texts: &[Ids]) -> impl Iterator<Item = usize> + '_ {
    let places = places(texts).into_iter();
    places.map(|(text, at)| target(&texts[text], at) as usize)
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
pub fn measure(net: &Net, texts: &[Ids], precision: Precision) -> Result<Measure> {
    let rows = scores(net, texts, precision)?;
    Ok(Measure::of(&rows, targets(texts), net.logit_scale()?))
}
