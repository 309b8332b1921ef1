//! Quantisation-aware training and export to the integer graph.
//!
//! A network is first trained in floating point, then fitted to integers and trained on with
//! straight-through gradients and the float network as teacher, its sigmoids first soft and then steps.
//! Its heads are squeezed, the rest is trained on, and the integers are exported. A second network goes the
//! same way without attention, to show what attention is worth.

pub mod corpus;
pub mod data;
pub mod export;
mod fit;
pub mod generator;
pub mod gpt2;
pub mod narrow;
pub mod net;
pub mod optimise;
mod publish;
pub mod qat;
pub mod ste;
#[cfg(test)]
mod tests;

use std::path::Path;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::corpus::LABELS;
use self::data::Data;
use self::net::{Net, Openings, Precision, Shape};
use self::optimise::{measure, Schedule};
use crate::error::{Error, Result};
use crate::squeeze;

pub use self::publish::{publish, TRAINING_FILE};

/// Width of an embedding.
pub const DIM: usize = 64;
/// Attention heads.
pub const HEADS: usize = 4;
/// Values of a head.
pub const VALUE_DIM: usize = 4;
/// Feed-forward features.
pub const FEATURES: usize = 48;

/// What a training run may be told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Decides every random choice: the same seed gives the same model.
    pub seed: u64,
    /// Training sentences drawn of every class.
    pub sentences: usize,
    /// Optimiser steps of the float network; the later stages are in proportion.
    pub steps: usize,
    /// Texts per step.
    pub batch: usize,
    /// Significance below which a head is pruned, in nats.
    pub threshold: f64,
    /// Bootstraps that a prompt may take after squeezing.
    pub budget: u64,
    /// Calibration loss that closing gates within the heads kept may cost before training goes on, in nats.
    pub tolerance: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            sentences: 6000,
            steps: 5000,
            batch: 96,
            threshold: 0.02,
            budget: 2700,
            tolerance: 0.03,
        }
    }
}

/// Share of texts labelled correctly, by precision of the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// On sentences of the training templates.
    pub calibration: f64,
    /// On held-out templates.
    pub heldout: f64,
    /// On sentences written one by one.
    pub free: f64,
}

/// What a training run measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Settings of the run.
    pub settings: Settings,
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Sentences trained on, planned with, held out and written one by one.
    pub sentences: [usize; 4],
    /// Always naming the most frequent class.
    pub majority: f64,
    /// Float weights and sigmoids.
    pub floating: Scores,
    /// The float network rounded to integers without training.
    pub rounded: Scores,
    /// Integers, all heads.
    pub unsqueezed: Scores,
    /// Integers, as published.
    pub squeezed: Scores,
    /// Integers, trained in the same way without attention.
    pub without_attention: Scores,
    /// Significance of each head, in nats.
    pub significance: Vec<f64>,
    /// Heads kept.
    pub kept: Vec<bool>,
    /// Bootstraps of a prompt before and after squeezing.
    pub bootstraps: [u64; 2],
    /// Wall time of the run.
    pub seconds: f64,
}

/// A trained network with what is left open.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The network.
    pub net: Net,
    /// Gates that are evaluated.
    pub openings: Openings,
}

/// Trains on the corpus in `dir`.
///
/// # Errors
/// If the corpus is malformed, an operation fails or no head fits the budget.
pub fn train(dir: &Path, settings: Settings) -> Result<(Trained, Data, Report)> {
    let started = std::time::Instant::now();
    let data = Data::load(dir, settings.sentences, settings.seed)?;
    let shape = Shape {
        vocabulary: data.tokeniser.size(),
        dim: DIM,
        heads: HEADS,
        value_dim: VALUE_DIM,
        features: FEATURES,
        labels: LABELS.len(),
    };
    let all = Openings::all(HEADS);
    let Student { float, rounded, net } = student(shape, &data, &all, settings)?;
    let floating = scores(&float, &data, &all, Precision::Float)?;
    let rounded = scores(&rounded, &data, &all, Precision::Exact)?;
    let unsqueezed = scores(&net, &data, &all, Precision::Exact)?;

    let graph = export::graph(&net, &all)?;
    let limits = squeeze::Limits {
        threshold: settings.threshold,
        budget: settings.budget,
    };
    let texts = publish::calibration(&net, &data.calibration)?;
    let plan = squeeze::plan(&graph, &texts, net.logit_scale()?, limits)?;
    let dropped = (0..HEADS).filter(|head| !plan.kept[*head]);
    let openings = dropped.fold(all, |rest, head| rest.without_head(head));
    tracing::info!(?plan, "squeezed heads");
    let openings = narrow::narrow(&net, &openings, &data.calibration, settings.tolerance)?;
    tracing::info!(?openings, "squeezed gates");
    harden(&net, &data, &openings, &float, settings)?;
    let squeezed = scores(&net, &data, &openings, Precision::Exact)?;
    let bootstraps = export::graph(&net, &openings)?
        .compile(&crate::ParameterSet::default())?
        .bootstraps();

    let none = Openings::none(HEADS);
    let blind = student(shape, &data, &none, settings)?;
    harden(&blind.net, &data, &none, &blind.float, settings)?;
    let report = Report {
        settings,
        vocabulary: shape.vocabulary,
        sentences: [
            data.train.len(),
            data.calibration.len(),
            data.heldout.len(),
            data.free.len(),
        ],
        majority: data::majority(data.heldout.iter().map(|example| example.label)),
        floating,
        rounded,
        unsqueezed,
        squeezed,
        without_attention: scores(&blind.net, &data, &none, Precision::Exact)?,
        significance: plan.significance,
        kept: plan.kept,
        bootstraps: [plan.unsqueezed, bootstraps],
        seconds: started.elapsed().as_secs_f64(),
    };
    Ok((Trained { net, openings }, data, report))
}

struct Student {
    float: Net,
    rounded: Net,
    net: Net,
}

/// Trains the float network, then its integers.
fn student(shape: Shape, data: &Data, openings: &Openings, settings: Settings) -> Result<Student> {
    let float = Net::new(shape, &mut ChaCha8Rng::seed_from_u64(settings.seed))?;
    let schedule = Schedule {
        steps: settings.steps,
        batch: settings.batch,
        rate: 0.01,
        precision: Precision::Float,
        hardening: 1.0,
    };
    optimise::train(
        &float,
        &data.train,
        &data.noise,
        openings,
        None,
        schedule,
        settings.seed,
    )?;
    let rounded = float.duplicate()?;
    rounded.fit_to_integers()?;
    let net = rounded.duplicate()?;
    harden(&net, data, openings, &float, settings)?;
    Ok(Student { float, rounded, net })
}

/// Trains integers: steps soft at first and ever steeper, then exact, with `teacher`'s answers beside the labels.
fn harden(net: &Net, data: &Data, openings: &Openings, teacher: &Net, settings: Settings) -> Result<()> {
    let Settings {
        seed, steps, batch, ..
    } = settings;
    let soft = Precision::Soft(2.0);
    for schedule in [
        Schedule {
            steps: steps * 3 / 5,
            batch,
            rate: 0.005,
            precision: soft,
            hardening: 2.0,
        },
        Schedule {
            steps: steps / 5,
            batch,
            rate: 0.0005,
            precision: Precision::Exact,
            hardening: 1.0,
        },
    ] {
        optimise::train(
            net,
            &data.train,
            &data.noise,
            openings,
            Some(teacher),
            schedule,
            seed,
        )?;
    }
    Ok(())
}

fn scores(net: &Net, data: &Data, openings: &Openings, precision: Precision) -> Result<Scores> {
    let accuracy = |examples| -> Result<f64> { Ok(measure(net, examples, openings, precision)?.accuracy) };
    let scores = Scores {
        calibration: accuracy(&data.calibration)?,
        heldout: accuracy(&data.heldout)?,
        free: accuracy(&data.free)?,
    };
    tracing::info!(?precision, ?scores, "measured");
    Ok(scores)
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Training(error.to_string())
    }
}
