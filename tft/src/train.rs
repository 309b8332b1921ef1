//! Training: seeded, on the CPU, stopped early by validation, resumable after any interruption.

use std::path::Path;
use std::time::Instant;

use candle_core::Tensor;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Window};
use crate::error::{Error, Result};
use crate::loss::quantile_loss;
use crate::model::Model;
use crate::optimise::{gather, Adam, Step};
use crate::store;

/// Most windows that validation looks at.
const VALIDATION_WINDOWS: usize = 256;
/// Steps over which the learning rate rises.
const WARM_UP: usize = 20;
/// Share of the learning rate that is left at the end.
const FINAL_RATE: f64 = 0.05;

/// What a training run may be told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Optimiser steps.
    pub steps: usize,
    /// Windows of a step.
    pub batch: usize,
    /// Learning rate at its highest; it falls to a twentieth along a cosine.
    pub rate: f64,
    /// Decides parameters, batches and dropout: the same seed gives the same model.
    pub seed: u64,
    /// Longest gradient.
    pub clip: f64,
    /// Weight decay.
    pub decay: f64,
    /// Share of the rows, at the end, kept for validation.
    pub validation: f64,
    /// Steps between validations, after each of which an interrupted run goes on.
    pub validate_every: usize,
    /// Validations without improvement before the run stops.
    pub patience: usize,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            steps: 1000,
            batch: 64,
            rate: 2e-3,
            seed: 1,
            clip: 1.0,
            decay: 1e-4,
            validation: 0.15,
            validate_every: 50,
            patience: 6,
        }
    }
}

impl Training {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Settings`], naming the setting at fault.
    pub fn check(&self) -> Result<()> {
        let fail = |why: &str| Err(Error::Settings(why.into()));
        if self.batch == 0 || self.validate_every == 0 || self.patience == 0 {
            return fail("batch, validate_every and patience must be at least 1");
        }
        if !(self.rate > 0.0 && self.rate.is_finite() && self.clip > 0.0 && self.decay >= 0.0) {
            return fail("rate and clip must be above 0, decay not below");
        }
        if !(0.0 < self.validation && self.validation < 1.0) {
            return fail("validation must lie between 0 and 1");
        }
        Ok(())
    }

    /// Learning rate of a step.
    pub fn rate_at(&self, step: usize) -> f64 {
        let warm = ((step + 1) as f64 / WARM_UP as f64).min(1.0);
        let progress = step as f64 / self.steps.max(1) as f64;
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        self.rate * warm * (FINAL_RATE + (1.0 - FINAL_RATE) * cosine)
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps taken.
    pub step: usize,
    /// Steps at most.
    pub steps: usize,
    /// Quantile loss of the last batch, normalised.
    pub loss: f64,
    /// Quantile loss of the last validation, normalised.
    pub validation: f64,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Steps taken, over all interruptions.
    pub steps: usize,
    /// Step at which the run went on after an interruption.
    pub resumed_at: Option<usize>,
    /// Step whose parameters were kept.
    pub best_step: usize,
    /// Validation loss before the first step.
    pub initial_validation: f64,
    /// Validation loss of the parameters kept.
    pub validation: f64,
    /// Mean wall time of a step, in seconds, validation apart.
    pub seconds_per_step: f64,
}

/// What an interrupted run needs besides tensors.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    training: Training,
    data: String,
    step: usize,
    stale: usize,
    best: f64,
    best_step: usize,
    initial: f64,
    optimiser_steps: u64,
}

/// A run over one dataset.
pub struct Run<'a> {
    model: &'a Model,
    dataset: &'a Dataset,
    training: Training,
    windows: Vec<Window>,
    validation: Vec<Window>,
    adam: Adam,
    state: State,
    best: Vec<(String, Tensor)>,
    resumed_at: Option<usize>,
    seconds: f64,
}

impl<'a> Run<'a> {
    /// Prepares a run; `data` names dataset and model so that only the same run is resumed from `stored`.
    ///
    /// # Errors
    /// [`Error::Table`] if training or validation has no window.
    pub fn new(
        model: &'a Model,
        dataset: &'a Dataset,
        training: Training,
        data: String,
        stored: Option<&Path>,
    ) -> Result<Self> {
        training.check()?;
        let windows = dataset.windows(0.0..1.0 - training.validation);
        let validation = thin(
            &dataset.windows(1.0 - training.validation..1.0),
            VALIDATION_WINDOWS,
        );
        if windows.is_empty() || validation.is_empty() {
            return Err(Error::Table(format!(
                "too few rows: training has {} windows and validation {}; give more rows or a shorter encoder or horizon",
                windows.len(),
                validation.len()
            )));
        }
        let state = State {
            training,
            data,
            step: 0,
            stale: 0,
            best: f64::INFINITY,
            best_step: 0,
            initial: f64::INFINITY,
            optimiser_steps: 0,
        };
        let mut run = Self {
            model,
            dataset,
            training,
            windows,
            validation,
            adam: Adam::new(model.parameters()),
            state,
            best: Vec::new(),
            resumed_at: None,
            seconds: 0.0,
        };
        match stored {
            Some(path) if path.exists() => run.resume(path)?,
            _ => {}
        }
        if run.resumed_at.is_none() {
            run.state.initial = evaluate(model, dataset, &run.validation)?;
            run.state.best = run.state.initial;
            run.best = model.values()?;
        }
        Ok(run)
    }

    /// Takes one step; returns the batch's loss.
    ///
    /// # Errors
    /// If an operation fails or the gradient is not finite.
    pub fn step(&mut self) -> Result<f64> {
        let started = Instant::now();
        let mut rng = ChaCha8Rng::seed_from_u64(self.training.seed);
        rng.set_stream(self.state.step as u64 + 1);
        let draw = |_| self.windows[rng.gen_range(0..self.windows.len())];
        let windows: Vec<Window> = (0..self.training.batch).map(draw).collect();
        let dropout: u32 = rng.gen();
        let shards = windows.par_chunks(self.dataset.shard(windows.len())).enumerate();
        let shards: Vec<(f64, Vec<Vec<f32>>)> = shards
            .map(|(at, shard)| self.gradients(shard, windows.len(), dropout.wrapping_add(at as u32)))
            .collect::<Result<_>>()?;
        let mut shards = shards.into_iter();
        let (mut loss, mut gradients) = shards.next().unwrap_or_default();
        for (part, parts) in shards {
            loss += part;
            for (sum, part) in gradients.iter_mut().flatten().zip(parts.iter().flatten()) {
                *sum += part;
            }
        }
        let step = Step {
            rate: self.training.rate_at(self.state.step),
            decay: self.training.decay,
            clip: self.training.clip,
        };
        self.adam.step(self.model.parameters(), &gradients, step)?;
        self.state.step += 1;
        self.seconds += started.elapsed().as_secs_f64();
        Ok(loss)
    }

    /// A shard's share of the loss and of the gradients of a batch of `count` windows.
    fn gradients(&self, shard: &[Window], count: usize, dropout: u32) -> Result<(f64, Vec<Vec<f32>>)> {
        let output = self.model.forward(&self.dataset.batch(shard)?, Some(dropout))?;
        let loss = quantile_loss(&output.quantiles, &self.dataset.targets(shard)?)?;
        let loss = (loss * (shard.len() as f64 / count as f64))?;
        let gradients = gather(self.model.parameters(), &loss.backward()?)?;
        Ok((f64::from(loss.to_scalar::<f32>()?), gradients))
    }

    /// Trains until the steps or the patience are used up and leaves the model with its best parameters. After
    /// each validation the run is stored, so that it can go on from there.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn finish(mut self, store: Option<&Path>, progress: &mut dyn FnMut(&Progress)) -> Result<Outcome> {
        let Training {
            steps,
            validate_every,
            patience,
            ..
        } = self.training;
        let mut validation = self.state.best;
        let from = self.state.step;
        while self.state.step < steps && self.state.stale < patience {
            let loss = self.step()?;
            if self.state.step.is_multiple_of(validate_every) || self.state.step == steps {
                validation = self.validate()?;
                if let Some(path) = store {
                    self.store(path)?;
                }
            }
            progress(&Progress {
                step: self.state.step,
                steps,
                loss,
                validation,
            });
        }
        self.model.set(&self.best)?;
        if let Some(path) = store.filter(|path| path.exists()) {
            std::fs::remove_file(path).map_err(Error::io(path))?;
        }
        Ok(Outcome {
            steps: self.state.step,
            resumed_at: self.resumed_at,
            best_step: self.state.best_step,
            initial_validation: self.state.initial,
            validation: self.state.best,
            seconds_per_step: self.seconds / (self.state.step - from).max(1) as f64,
        })
    }

    fn validate(&mut self) -> Result<f64> {
        let loss = evaluate(self.model, self.dataset, &self.validation)?;
        if loss < self.state.best {
            self.state.best = loss;
            self.state.best_step = self.state.step;
            self.state.stale = 0;
            self.best = self.model.values()?;
        } else {
            self.state.stale += 1;
        }
        Ok(loss)
    }

    /// Stores the run.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn store(&mut self, path: &Path) -> Result<()> {
        self.state.optimiser_steps = self.adam.steps;
        let under = |prefix: &str, values: Vec<(String, Tensor)>| -> Vec<(String, Tensor)> {
            values
                .into_iter()
                .map(|(name, tensor)| (format!("{prefix}/{name}"), tensor))
                .collect()
        };
        let moments = |moments: &[Vec<f32>]| -> Result<Vec<(String, Tensor)>> {
            let parameters = self.model.parameters().iter().zip(moments);
            parameters
                .map(|((name, var), moment)| {
                    Ok((
                        name.clone(),
                        Tensor::from_slice(moment, var.shape(), var.device())?,
                    ))
                })
                .collect()
        };
        let tensors = [
            under("now", self.model.values()?),
            under("best", self.best.clone()),
            under("first", moments(&self.adam.first)?),
            under("second", moments(&self.adam.second)?),
        ]
        .concat();
        let state = serde_json::to_string(&self.state).map_err(|error| Error::Model(error.to_string()))?;
        store::write_atomically(path, &store::encode(&tensors, Some(state))?)
    }

    /// Goes on from a stored run, if it is the same run.
    fn resume(&mut self, path: &Path) -> Result<()> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let (tensors, state) = store::decode(&bytes)?;
        let state: Option<State> = state.and_then(|state| serde_json::from_str(&state).ok());
        let Some(state) = state else {
            return Err(Error::Model(format!(
                "{} is no stored training; remove it",
                path.display()
            )));
        };
        if state.data != self.state.data || state.training != self.training {
            return Ok(());
        }
        let under = |prefix: &str| -> Vec<(String, Tensor)> {
            let own = |(name, tensor): &(String, Tensor)| {
                Some((
                    name.strip_prefix(prefix)?.strip_prefix('/')?.to_owned(),
                    tensor.clone(),
                ))
            };
            tensors.iter().filter_map(own).collect()
        };
        let moments = |prefix: &str| -> Result<Vec<Vec<f32>>> {
            let stored = under(prefix);
            let of = |(name, _): &(String, candle_core::Var)| {
                let moment = stored.iter().find(|(own, _)| own == name);
                let (_, moment) =
                    moment.ok_or_else(|| Error::Model(format!("{prefix} of {name} is missing")))?;
                Ok(moment.flatten_all()?.to_vec1()?)
            };
            self.model.parameters().iter().map(of).collect()
        };
        self.adam = Adam {
            steps: state.optimiser_steps,
            first: moments("first")?,
            second: moments("second")?,
        };
        self.model.set(&under("now"))?;
        self.best = under("best");
        self.resumed_at = Some(state.step);
        self.state = state;
        Ok(())
    }
}

/// At most `limit` of the windows, evenly spaced.
pub fn thin(windows: &[Window], limit: usize) -> Vec<Window> {
    let count = windows.len().min(limit);
    (0..count).map(|at| windows[at * windows.len() / count]).collect()
}

/// Mean quantile loss, normalised.
///
/// # Errors
/// If an operation fails.
pub fn evaluate(model: &Model, dataset: &Dataset, windows: &[Window]) -> Result<f64> {
    let shards = windows.par_chunks(dataset.shard(windows.len()));
    let losses = shards.map(|windows| {
        let output = model.forward(&dataset.batch(windows)?, None)?;
        let loss = quantile_loss(&output.quantiles, &dataset.targets(windows)?)?;
        Ok(f64::from(loss.to_scalar::<f32>()?) * windows.len() as f64)
    });
    let losses: Vec<f64> = losses.collect::<Result<_>>()?;
    Ok(losses.iter().sum::<f64>() / windows.len().max(1) as f64)
}
