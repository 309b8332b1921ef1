//! Windows over a table, normalised and laid out as the model reads them.

use std::collections::BTreeMap;
use std::ops::Range;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::schema::{design_columns, Feature, Schema, Sizes};
use crate::table::{Series, Table};

/// Farthest that a normalised input lies from its mean, in deviations: an outlier cannot drown the rest.
const INPUT_LIMIT: f64 = 10.0;

/// Most values of a shard's largest tensor.
const SHARD_VALUES: usize = (1 << 16) - 1;

/// Mean and standard deviation of a column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Subtracted.
    pub mean: f64,
    /// Divided by.
    pub deviation: f64,
}

impl Scale {
    fn of(column: &[f64]) -> Self {
        let count = column.len().max(1) as f64;
        let mean = column.iter().sum::<f64>() / count;
        let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        let deviation = variance.sqrt();
        // Of a constant column nothing but rounding is left.
        let constant = deviation <= mean.abs() * 1e-12 || deviation < f64::MIN_POSITIVE;
        Self {
            mean,
            deviation: if constant { 1.0 } else { deviation },
        }
    }

    /// In deviations from the mean.
    pub fn normal(&self, x: f64) -> f64 {
        (x - self.mean) / self.deviation
    }

    /// Back from [`Self::normal`].
    pub fn value(&self, normal: f64) -> f64 {
        normal.mul_add(self.deviation, self.mean)
    }
}

/// Scales of a series: observed columns, then known ones.
pub type Scales = BTreeMap<String, Vec<Scale>>;

/// Scales of each series over the first `share` of its rows.
pub fn scales(table: &Table, share: f64) -> Scales {
    let of = |series: &Series| {
        let rows = ((series.rows() as f64 * share) as usize).max(1);
        let columns = series.observed.iter().chain(&series.known);
        columns
            .map(|column| Scale::of(&column[..rows.min(column.len())]))
            .collect()
    };
    table
        .series
        .iter()
        .map(|series| (series.name.clone(), of(series)))
        .collect()
}

/// A window: `start` is the first row of its past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Index of the series.
    pub series: usize,
    /// First row.
    pub start: usize,
}

/// Inputs of some windows.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Windows x static design columns.
    pub statics: Tensor,
    /// (Windows x encoder rows) x past design columns.
    pub past: Tensor,
    /// (Windows x horizon rows) x known design columns.
    pub future: Tensor,
}

struct Prepared {
    rows: usize,
    known_rows: usize,
    statics: Vec<f32>,
    past: Vec<f32>,
    future: Vec<f32>,
    targets: Vec<f32>,
}

/// A table ready for the model.
pub struct Dataset {
    sizes: Sizes,
    targets: usize,
    widths: [usize; 3],
    series: Vec<Prepared>,
}

impl Dataset {
    /// Normalises a table.
    ///
    /// # Errors
    /// If the table does not fit the schema or a series has no scales.
    pub fn new(schema: &Schema, sizes: Sizes, table: &Table, scales: &Scales) -> Result<Self> {
        sizes.check()?;
        table.check(schema)?;
        let width = |columns: Vec<Range<usize>>| columns.last().map_or(0, |last| last.end);
        let widths = [
            width(design_columns(schema.statics.iter())),
            width(design_columns(schema.past())),
            width(design_columns(schema.known.iter())),
        ];
        let prepare = |series: &Series| {
            let scales = scales
                .get(&series.name)
                .filter(|scales| scales.len() == series.observed.len() + series.known.len());
            let scales = scales.ok_or_else(|| {
                Error::Table(format!(
                    "the model was not trained on series {:?}; train it first",
                    series.name
                ))
            })?;
            Ok(Prepared::new(schema, series, scales))
        };
        Ok(Self {
            sizes,
            targets: schema.targets.len(),
            widths,
            series: table.series.iter().map(prepare).collect::<Result<_>>()?,
        })
    }

    /// Windows whose horizon lies wholly within the share `part` of the observed rows of their series.
    pub fn windows(&self, part: Range<f64>) -> Vec<Window> {
        let of = |(at, series): (usize, &Prepared)| {
            let row = |share: f64| (series.rows as f64 * share).round() as usize;
            let first = row(part.start).max(self.sizes.encoder);
            let last = (row(part.end) + 1).saturating_sub(self.sizes.horizon);
            (first..last).map(move |present| Window {
                series: at,
                start: present - self.sizes.encoder,
            })
        };
        self.series.iter().enumerate().flat_map(of).collect()
    }

    /// The window whose horizon begins after the last observed row.
    ///
    /// # Errors
    /// [`Error::Table`] if the past is too short or the known columns do not reach over the horizon.
    pub fn present(&self, series: usize) -> Result<Window> {
        let Prepared { rows, known_rows, .. } = &self.series[series];
        let Sizes { encoder, horizon, .. } = self.sizes;
        if *rows < encoder {
            return Err(Error::Table(format!(
                "{rows} observed rows; the model looks at {encoder}: wait for more or train with a shorter encoder"
            )));
        }
        if *known_rows < rows + horizon {
            return Err(Error::Table(format!(
                "known columns reach {} rows ahead; a forecast needs {horizon}",
                known_rows - rows
            )));
        }
        Ok(Window {
            series,
            start: rows - encoder,
        })
    }

    /// Windows that are taken through the model at once, of a batch of `count`: so few that no tensor is as large
    /// as those that candle cuts up among threads which spin while they wait, and that every core has its part.
    pub fn shard(&self, count: usize) -> usize {
        (SHARD_VALUES / (self.sizes.window() * self.sizes.width)).clamp(1, count.div_ceil(4).max(1))
    }

    /// Inputs of some windows.
    ///
    /// # Errors
    /// If a tensor cannot be made.
    pub fn batch(&self, windows: &[Window]) -> Result<Batch> {
        let Sizes { encoder, horizon, .. } = self.sizes;
        let [statics_width, past_width, future_width] = self.widths;
        let (mut statics, mut past, mut future) = (Vec::new(), Vec::new(), Vec::new());
        for Window { series, start } in windows {
            let series = &self.series[*series];
            statics.extend_from_slice(&series.statics);
            past.extend_from_slice(&series.past[start * past_width..][..encoder * past_width]);
            future.extend_from_slice(
                &series.future[(start + encoder) * future_width..][..horizon * future_width],
            );
        }
        let count = windows.len();
        let tensor = |data, rows, columns| Tensor::from_vec(data, (rows, columns), &Device::Cpu);
        Ok(Batch {
            statics: tensor(statics, count, statics_width)?,
            past: tensor(past, count * encoder, past_width)?,
            future: tensor(future, count * horizon, future_width)?,
        })
    }

    /// Normalised targets, windows x horizon x targets.
    ///
    /// # Errors
    /// If a tensor cannot be made.
    pub fn targets(&self, windows: &[Window]) -> Result<Tensor> {
        let Sizes { encoder, horizon, .. } = self.sizes;
        let mut data = Vec::with_capacity(windows.len() * horizon * self.targets);
        for Window { series, start } in windows {
            let from = (start + encoder) * self.targets;
            data.extend_from_slice(&self.series[*series].targets[from..][..horizon * self.targets]);
        }
        Ok(Tensor::from_vec(
            data,
            (windows.len(), horizon, self.targets),
            &Device::Cpu,
        )?)
    }
}

impl Prepared {
    fn new(schema: &Schema, series: &Series, scales: &[Scale]) -> Self {
        let (observed_scales, known_scales) = scales.split_at(series.observed.len());
        let observed: Vec<_> = schema
            .observed
            .iter()
            .zip(&series.observed)
            .zip(observed_scales)
            .collect();
        let known: Vec<_> = schema.known.iter().zip(&series.known).zip(known_scales).collect();
        let (mut statics, mut past, mut future) = (Vec::new(), Vec::new(), Vec::new());
        let identity = Scale {
            mean: 0.0,
            deviation: 1.0,
        };
        for (feature, value) in schema.statics.iter().zip(&series.statics) {
            push(&mut statics, feature, &identity, *value);
        }
        for row in 0..series.known_rows() {
            for ((feature, column), scale) in &known {
                push(&mut future, feature, scale, column[row]);
            }
        }
        let mut targets = Vec::new();
        for row in 0..series.rows() {
            for ((feature, column), scale) in observed.iter().chain(&known) {
                push(&mut past, feature, scale, column[row]);
            }
            for at in schema.target_columns() {
                targets.push(observed_scales[at].normal(series.observed[at][row]) as f32);
            }
        }
        Self {
            rows: series.rows(),
            known_rows: series.known_rows(),
            statics,
            past,
            future,
            targets,
        }
    }
}

/// Appends a feature's design columns.
fn push(row: &mut Vec<f32>, feature: &Feature, scale: &Scale, value: f64) {
    match feature.categories {
        None => {
            row.push(scale.normal(value).clamp(-INPUT_LIMIT, INPUT_LIMIT) as f32);
            row.push(1.0);
        }
        Some(categories) => {
            let one = |category| if f64::from(category) == value { 1.0 } else { 0.0 };
            row.extend((0..categories).map(one));
        }
    }
}
