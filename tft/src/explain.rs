//! What the network looked at: weights of variables and attention over time (D.1), averaged over windows.

use candle_core::Tensor;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::forecaster::Forecaster;
use crate::schema::Feature;
use crate::table::Table;
use crate::train::thin;

/// Mean weight of a variable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Importance {
    /// Name of the column.
    pub name: String,
    /// Mean selection weight; those of a group sum to one.
    pub weight: f64,
}

/// What counted, averaged over windows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// SHA-256 of the weights.
    pub model_hash: String,
    /// Windows averaged over.
    pub windows: usize,
    /// Static variables.
    #[serde(rename = "static")]
    pub statics: Vec<Importance>,
    /// Variables of the past.
    pub past: Vec<Importance>,
    /// Variables known ahead.
    pub known: Vec<Importance>,
    /// Rows of the past; attention's columns beyond them are rows ahead.
    pub encoder: usize,
    /// Mean attention of each row ahead (outer) on each row of the window (inner); each row sums to one.
    pub attention: Vec<Vec<f64>>,
}

/// Explains a model on the last share `part` of a table, over at most `limit` windows.
///
/// # Errors
/// [`Error::Table`] if the table does not fit the model or has no window.
pub fn explain(forecaster: &Forecaster, table: &Table, part: f64, limit: usize) -> Result<Explanation> {
    let dataset = forecaster.dataset(table)?;
    let windows = thin(&dataset.windows(1.0 - part..1.0), limit);
    if windows.is_empty() {
        return Err(Error::Table(
            "no whole window in that part of the table; give more rows".into(),
        ));
    }
    let sums = forecaster.outputs(&dataset, &windows, |output| {
        Ok([
            output.static_weights.sum(0)?.to_vec1::<f32>()?,
            total(&output.past_weights)?,
            total(&output.future_weights)?,
            output.attention.sum(0)?.flatten_all()?.to_vec1::<f32>()?,
        ])
    })?;
    let mean = |at: usize, rows: usize| -> Vec<f64> {
        let mut mean = vec![0.0; sums[0][at].len()];
        for sums in &sums {
            for (mean, sum) in mean.iter_mut().zip(&sums[at]) {
                *mean += f64::from(*sum) / rows as f64;
            }
        }
        mean
    };
    let sizes = forecaster.sizes();
    let schema = forecaster.schema();
    let named = |features: Vec<&Feature>, weights: Vec<f64>| -> Vec<Importance> {
        let pairs = features.into_iter().zip(weights);
        pairs
            .map(|(feature, weight)| Importance {
                name: feature.name.clone(),
                weight,
            })
            .collect()
    };
    let count = windows.len();
    Ok(Explanation {
        model_hash: forecaster.hash()?,
        windows: count,
        statics: named(schema.statics.iter().collect(), mean(0, count)),
        past: named(schema.past().collect(), mean(1, count * sizes.encoder)),
        known: named(schema.known.iter().collect(), mean(2, count * sizes.horizon)),
        encoder: sizes.encoder,
        attention: mean(3, count)
            .chunks(sizes.window())
            .map(<[f64]>::to_vec)
            .collect(),
    })
}

fn total(weights: &Tensor) -> Result<Vec<f32>> {
    Ok(weights.sum(0)?.to_vec1::<f32>()?)
}
