//! Linear regression with empirical quantiles of its residuals: the yardstick beside persistence.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::loss::persistence;
use crate::schema::{Schema, Sizes, QUANTILES};
use crate::table::{Series, Table};

/// Last rows of every observed column that it looks at.
const LAGS: usize = 8;
/// Added to the diagonal, per row: keeps constant columns harmless.
const RIDGE: f64 = 1e-6;

/// A regression of every target `lag` rows ahead on the last rows of all observed columns, on the target's row
/// one encoder length before the one forecast, and on the known columns of that row.
#[derive(Clone, Debug)]
pub struct Linear {
    encoder: usize,
    lag: usize,
    targets: Vec<Fit>,
}

#[derive(Clone, Debug)]
struct Fit {
    column: usize,
    coefficients: Vec<f64>,
    residuals: [f64; 3],
}

impl Linear {
    /// Fits on the share `part` of every series.
    ///
    /// # Errors
    /// [`Error::Table`] if there are fewer rows than the regression has terms.
    pub fn fit(schema: &Schema, sizes: Sizes, table: &Table, part: Range<f64>, lag: usize) -> Result<Self> {
        let encoder = sizes.encoder.max(LAGS);
        let rounds: Vec<(&Series, usize)> = table
            .series
            .iter()
            .flat_map(|series| {
                let row = |share: f64| (series.rows() as f64 * share).round() as usize;
                let last = (row(part.end) + 1).saturating_sub(lag);
                (row(part.start).max(encoder)..last).map(move |present| (series, present))
            })
            .collect();
        let fit = |column: usize| {
            let rows: Vec<Vec<f64>> = rounds
                .iter()
                .map(|(series, present)| terms(series, column, *present, encoder, lag))
                .collect();
            let outcomes: Vec<f64> = rounds
                .iter()
                .map(|(series, present)| series.observed[column][present + lag - 1])
                .collect();
            let coefficients = solve(&rows, &outcomes)?;
            let mut residuals: Vec<f64> = rows
                .iter()
                .zip(&outcomes)
                .map(|(row, y)| y - inner(row, &coefficients))
                .collect();
            residuals.sort_by(f64::total_cmp);
            let rank = |q: f64| ((q * residuals.len() as f64).ceil() as usize).saturating_sub(1);
            let residuals = QUANTILES.map(|q| residuals[rank(q)]);
            Ok(Fit {
                column,
                coefficients,
                residuals,
            })
        };
        Ok(Self {
            encoder,
            lag,
            targets: schema
                .target_columns()
                .into_iter()
                .map(fit)
                .collect::<Result<_>>()?,
        })
    }

    /// Quantiles of every target, `lag` rows after the first `present` rows.
    pub fn forecast(&self, series: &Series, present: usize) -> Vec<[f64; 3]> {
        let one = |fit: &Fit| {
            if present < self.encoder {
                return persistence(&series.observed[fit.column][..present], self.lag);
            }
            let center = inner(
                &terms(series, fit.column, present, self.encoder, self.lag),
                &fit.coefficients,
            );
            fit.residuals.map(|residual| center + residual)
        };
        self.targets.iter().map(one).collect()
    }
}

fn terms(series: &Series, column: usize, present: usize, encoder: usize, lag: usize) -> Vec<f64> {
    let mut terms = vec![1.0];
    for column in &series.observed {
        terms.extend_from_slice(&column[present - LAGS..present]);
    }
    terms.push(series.observed[column][present - encoder + (lag - 1).min(encoder - 1)]);
    terms.extend(series.known.iter().map(|column| column[present + lag - 1]));
    terms
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Least squares by Cholesky's decomposition of the normal equations, over columns scaled to unit size.
#[allow(clippy::needless_range_loop)]
fn solve(rows: &[Vec<f64>], outcomes: &[f64]) -> Result<Vec<f64>> {
    let count = rows.first().map_or(0, Vec::len);
    if rows.len() < 2 * count || count == 0 {
        return Err(Error::Table(format!(
            "{} rounds for {count} terms; give more rows",
            rows.len()
        )));
    }
    let size = |at: usize| {
        let square = rows.iter().map(|row| row[at] * row[at]).sum::<f64>() / rows.len() as f64;
        if square > 0.0 {
            square.sqrt()
        } else {
            1.0
        }
    };
    let sizes: Vec<f64> = (0..count).map(size).collect();
    let mut matrix = vec![vec![0.0; count]; count];
    let mut side = vec![0.0; count];
    for (row, y) in rows.iter().zip(outcomes) {
        let row: Vec<f64> = row.iter().zip(&sizes).map(|(x, size)| x / size).collect();
        for i in 0..count {
            side[i] += row[i] * y;
            for j in 0..=i {
                matrix[i][j] += row[i] * row[j];
            }
        }
    }
    for i in 0..count {
        matrix[i][i] += RIDGE * rows.len() as f64;
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| matrix[i][k] * matrix[j][k]).sum();
            let rest = matrix[i][j] - known;
            matrix[i][j] = if i == j {
                rest.max(f64::MIN_POSITIVE).sqrt()
            } else {
                rest / matrix[j][j]
            };
        }
    }
    for i in 0..count {
        let known: f64 = (0..i).map(|k| matrix[i][k] * side[k]).sum();
        side[i] = (side[i] - known) / matrix[i][i];
    }
    for i in (0..count).rev() {
        let known: f64 = (i + 1..count).map(|k| matrix[k][i] * side[k]).sum();
        side[i] = (side[i] - known) / matrix[i][i];
    }
    Ok(side.iter().zip(sizes).map(|(x, size)| x / size).collect())
}
