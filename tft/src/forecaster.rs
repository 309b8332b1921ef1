//! The model with all it needs to be trained, stored and asked: what a validator's daemon uses.

use std::path::Path;

use candle_core::Tensor;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::{scales, Dataset, Scales, Window};
use crate::error::{Error, Result};
use crate::loss::{persistence, quantile_pinball, skill};
use crate::model::Model;
use crate::schema::{Schema, Sizes};
use crate::store;
use crate::table::{Series, Table};
use crate::train::{thin, Outcome, Progress, Run, Training};

/// Fixed-point units of one (D.5).
const UNITS: f64 = 1e6;
/// Layout of the settings file.
const FORMAT: u32 = 1;
/// Validation windows on which model and persistence are compared.
const COMPARED_WINDOWS: usize = 256;
/// The model must lose less than this share of what persistence loses to be trusted with a target.
const TRUSTED: f64 = 0.98;

/// A model, its schema and its scales.
#[derive(Clone, Debug)]
pub struct Forecaster {
    schema: Schema,
    sizes: Sizes,
    scales: Scales,
    model: Model,
    /// Targets that persistence forecasts better than the model, as last validated.
    persistent: Vec<bool>,
}

#[derive(Serialize, Deserialize)]
struct Settings {
    format: u32,
    model_hash: String,
    schema: Schema,
    sizes: Sizes,
    persistent: Vec<bool>,
    scales: Scales,
}

/// Quantiles of one series over the horizon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Name of the series.
    pub series: String,
    /// For each row ahead and each target the quantiles .1, .5 and .9 in fixed point of 10^-6, never falling.
    pub quantiles: Vec<Vec<[i64; 3]>>,
}

/// Skill against persistence over some rounds (D.5).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Mean over rounds and targets of the clamped skill: what the chain's moving average tends to.
    pub mean: f64,
    /// Mean over targets of the skill of the losses summed over rounds, which single lucky rounds do not raise.
    pub pooled: f64,
    /// Rounds.
    pub rounds: usize,
}

/// Forecasts of some windows as real numbers: window, row ahead, target, quantile.
pub type Quantiles = Vec<Vec<Vec<[f64; 3]>>>;

impl Forecaster {
    /// An untrained model; scales are learnt at its first training.
    ///
    /// # Errors
    /// If schema or sizes are out of range.
    pub fn new(schema: Schema, sizes: Sizes, seed: u64) -> Result<Self> {
        schema.check()?;
        sizes.check()?;
        let model = Model::new(&schema, sizes, seed)?;
        let persistent = vec![false; schema.targets.len()];
        Ok(Self {
            schema,
            sizes,
            scales: Scales::new(),
            model,
            persistent,
        })
    }

    /// Loads the current version in a directory, or the one of this hash.
    ///
    /// # Errors
    /// [`Error::Model`] if it is missing, damaged or of another format.
    pub fn load(directory: &Path, version: Option<&str>) -> Result<Self> {
        let (weights, settings) = store::load(directory, version)?;
        let settings: Settings = serde_json::from_slice(&settings)
            .map_err(|error| Error::Model(format!("settings: {error}; train the model again")))?;
        if settings.format != FORMAT || settings.model_hash != store::hash(&weights) {
            return Err(Error::Model(
                "settings and weights do not belong together; train the model again".into(),
            ));
        }
        let mut forecaster = Self::new(settings.schema, settings.sizes, 0)?;
        forecaster.model.set(&store::decode(&weights)?.0)?;
        if settings.persistent.len() != forecaster.persistent.len() {
            return Err(Error::Model(
                "settings do not fit their schema; train the model again".into(),
            ));
        }
        forecaster.scales = settings.scales;
        forecaster.persistent = settings.persistent;
        Ok(forecaster)
    }

    /// Stores the model as the current version; returns its hash, by which it can be rolled back to.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, directory: &Path) -> Result<String> {
        let weights = self.weights()?;
        let settings = Settings {
            format: FORMAT,
            model_hash: store::hash(&weights),
            schema: self.schema.clone(),
            sizes: self.sizes,
            persistent: self.persistent.clone(),
            scales: self.scales.clone(),
        };
        let settings =
            serde_json::to_vec_pretty(&settings).map_err(|error| Error::Model(error.to_string()))?;
        store::save(directory, &weights, &settings)
    }

    fn weights(&self) -> Result<Vec<u8>> {
        store::encode(&self.model.values()?, None)
    }

    /// SHA-256 of the weights, in hexadecimal.
    ///
    /// # Errors
    /// If the weights cannot be read.
    pub fn hash(&self) -> Result<String> {
        Ok(store::hash(&self.weights()?))
    }

    /// The features.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The sizes.
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// The network.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Targets answered by persistence because the model was no better when last validated.
    pub fn persistent_targets(&self) -> impl Iterator<Item = &str> {
        let targets = self.schema.targets.iter().zip(&self.persistent);
        targets.filter_map(|(target, persistent)| persistent.then_some(target.as_str()))
    }

    /// The table as the model reads it.
    ///
    /// # Errors
    /// [`Error::Table`] if it does not fit the schema or holds a series that was not trained on.
    pub fn dataset(&self, table: &Table) -> Result<Dataset> {
        Dataset::new(&self.schema, self.sizes, table, &self.scales)
    }

    /// Trains on a table from the parameters as they are; series seen for the first time get their scales. With
    /// `store` an interrupted run of the same data and settings goes on from that file.
    ///
    /// # Errors
    /// If the table does not fit the schema, has too few rows, or an operation fails.
    pub fn fine_tune(
        &mut self,
        table: &Table,
        training: Training,
        store: Option<&Path>,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Outcome> {
        training.check()?;
        table.check(&self.schema)?;
        for (series, scales) in scales(table, 1.0 - training.validation) {
            self.scales.entry(series).or_insert(scales);
        }
        let dataset = self.dataset(table)?;
        let run = Run::new(&self.model, &dataset, training, self.fingerprint(table)?, store)?;
        let outcome = run.finish(store, progress)?;
        let windows = dataset.windows(1.0 - training.validation..1.0);
        self.persistent = self.compare(table, &dataset, &thin(&windows, COMPARED_WINDOWS))?;
        Ok(outcome)
    }

    /// Names a table and the model that a training starts from.
    fn fingerprint(&self, table: &Table) -> Result<String> {
        let mut bytes = self.weights()?;
        for series in &table.series {
            bytes.extend_from_slice(series.name.as_bytes());
            let columns = [&series.statics]
                .into_iter()
                .chain(&series.observed)
                .chain(&series.known);
            bytes.extend(columns.flatten().flat_map(|value| value.to_le_bytes()));
        }
        Ok(store::hash(&bytes))
    }

    /// For each target whether persistence does as well as the model.
    fn compare(&self, table: &Table, dataset: &Dataset, windows: &[Window]) -> Result<Vec<bool>> {
        let mut losses = vec![[0.0; 2]; self.schema.targets.len()];
        for (window, forecast) in windows.iter().zip(self.predict(table, dataset, windows)?) {
            let series = &table.series[window.series];
            let present = window.start + self.sizes.encoder;
            for (target, column) in self.schema.target_columns().into_iter().enumerate() {
                let values = &series.observed[column];
                for (step, forecast) in forecast.iter().enumerate() {
                    let y = values[present + step];
                    losses[target][0] += quantile_pinball(y, &forecast[target]);
                    losses[target][1] += quantile_pinball(y, &persistence(&values[..present], step + 1));
                }
            }
        }
        Ok(losses
            .iter()
            .map(|[model, baseline]| *model >= TRUSTED * baseline)
            .collect())
    }

    /// What the network says about windows of a table, in the units of the targets, quantiles in order.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn predict(&self, table: &Table, dataset: &Dataset, windows: &[Window]) -> Result<Quantiles> {
        let columns = self.schema.target_columns();
        let shards = windows.par_chunks(dataset.shard(windows.len())).map(|windows| {
            let output = self.model.forward(&dataset.batch(windows)?, None)?;
            let forecast = |(at, window): (usize, &Window)| {
                let scales = &self.scales[&table.series[window.series].name];
                let rows: Vec<Vec<Vec<f32>>> = output.quantiles.get(at)?.to_vec3()?;
                let real = |(quantiles, column): (&Vec<f32>, &usize)| {
                    let scale = &scales[*column];
                    let mut quantiles: [f64; 3] =
                        std::array::from_fn(|q| scale.value(f64::from(quantiles[q])));
                    quantiles.sort_by(f64::total_cmp);
                    quantiles
                };
                Ok(rows
                    .iter()
                    .map(|row| row.iter().zip(&columns).map(real).collect())
                    .collect())
            };
            windows
                .iter()
                .enumerate()
                .map(forecast)
                .collect::<Result<Quantiles>>()
        });
        Ok(shards
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Forecasts windows as they are answered: by persistence where the model was no better.
    fn answer(&self, table: &Table, dataset: &Dataset, windows: &[Window]) -> Result<Quantiles> {
        let mut answers = self.predict(table, dataset, windows)?;
        let columns = self.schema.target_columns();
        for (window, answer) in windows.iter().zip(&mut answers) {
            let present = window.start + self.sizes.encoder;
            for (target, column) in columns
                .iter()
                .enumerate()
                .filter(|(target, _)| self.persistent[*target])
            {
                let history = &table.series[window.series].observed[*column][..present];
                for (step, row) in answer.iter_mut().enumerate() {
                    row[target] = persistence(history, step + 1);
                }
            }
        }
        Ok(answers)
    }

    /// Forecasts what follows the last observed row of every series; the known columns must reach over the
    /// horizon.
    ///
    /// # Errors
    /// [`Error::Table`] if a column is missing, not finite or too short.
    pub fn forecast(&self, table: &Table) -> Result<Vec<Forecast>> {
        let dataset = self.dataset(table)?;
        let windows = (0..table.series.len())
            .map(|at| dataset.present(at))
            .collect::<Result<Vec<_>>>()?;
        let answers = self.answer(table, &dataset, &windows)?;
        let fixed = |quantiles: [f64; 3]| quantiles.map(|x| (x * UNITS).round() as i64);
        let forecast = |(series, rows): (&Series, Vec<Vec<[f64; 3]>>)| Forecast {
            series: series.name.clone(),
            quantiles: rows
                .into_iter()
                .map(|row| row.into_iter().map(fixed).collect())
                .collect(),
        };
        Ok(table.series.iter().zip(answers).map(forecast).collect())
    }

    /// Skill over the rounds that lie in the share `part` of a table's rows: each forecasts the row `lag` ahead
    /// and is compared with persistence on the outcome (D.5).
    ///
    /// # Errors
    /// [`Error::Settings`] if the horizon does not reach `lag`, [`Error::Table`] if there is no round.
    pub fn accuracy(&self, table: &Table, part: std::ops::Range<f64>, lag: usize) -> Result<Accuracy> {
        if lag == 0 || lag > self.sizes.horizon {
            return Err(Error::Settings(format!(
                "lag must be 1 to the horizon, {}",
                self.sizes.horizon
            )));
        }
        let dataset = self.dataset(table)?;
        let windows = dataset.windows(part);
        if windows.is_empty() {
            return Err(Error::Table(
                "no round in that part of the table; give more rows".into(),
            ));
        }
        let answers = self.answer(table, &dataset, &windows)?;
        let mut tally = Tally::new(self.schema.targets.len());
        for (window, answer) in windows.iter().zip(&answers) {
            let present = window.start + self.sizes.encoder;
            for (target, column) in self.schema.target_columns().into_iter().enumerate() {
                let values = &table.series[window.series].observed[column];
                tally.add(target, values, present, lag, &answer[lag - 1][target]);
            }
        }
        Ok(tally.accuracy())
    }

    /// Averages what the network reports about itself; see [`crate::explain`].
    pub(crate) fn outputs<R>(
        &self,
        dataset: &Dataset,
        windows: &[Window],
        mut each: impl FnMut(&crate::model::Output) -> Result<R>,
    ) -> Result<Vec<R>> {
        let outputs = windows.chunks(dataset.shard(windows.len())).map(|windows| {
            let output = self.model.forward(&dataset.batch(windows)?, None)?;
            each(&output)
        });
        outputs.collect()
    }

    /// Every parameter by name, for comparison.
    ///
    /// # Errors
    /// If a tensor cannot be copied.
    pub fn parameters(&self) -> Result<Vec<(String, Tensor)>> {
        Ok(self.model.values()?)
    }
}

/// Losses of forecast and persistence by target.
#[derive(Clone, Debug)]
pub struct Tally {
    skills: Vec<f64>,
    losses: Vec<[f64; 2]>,
    counted: usize,
}

impl Tally {
    /// Nothing counted.
    pub fn new(targets: usize) -> Self {
        Self {
            skills: vec![0.0; targets],
            losses: vec![[0.0; 2]; targets],
            counted: 0,
        }
    }

    /// Counts one target of a round: `values[present..]` is what had not been seen.
    pub fn add(&mut self, target: usize, values: &[f64], present: usize, lag: usize, forecast: &[f64; 3]) {
        let y = values[present + lag - 1];
        let loss = quantile_pinball(y, forecast);
        let baseline = quantile_pinball(y, &persistence(&values[..present], lag));
        self.skills[target] += skill(loss, baseline);
        self.losses[target][0] += loss;
        self.losses[target][1] += baseline;
        self.counted += 1;
    }

    /// The mean.
    pub fn accuracy(&self) -> Accuracy {
        let targets = self.losses.len();
        let pooled: f64 = self
            .losses
            .iter()
            .map(|[loss, baseline]| skill(*loss, *baseline))
            .sum();
        Accuracy {
            mean: self.skills.iter().sum::<f64>() / self.counted.max(1) as f64,
            pooled: pooled / targets.max(1) as f64,
            rounds: self.counted / targets.max(1),
        }
    }
}
