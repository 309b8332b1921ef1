//! Mahalanobis distances by a covariance that is shrunk towards a sphere, so that it can be inverted.

use crate::error::{Error, Result};

/// Least share of the sphere: keeps a covariance of few points invertible.
const LEAST_SHRINKAGE: f64 = 0.01;

/// A metric on vectors, by the covariance of known points (SPEC R169).
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    dim: usize,
    /// Shrunk covariance, row by row.
    covariance: Vec<f64>,
    /// Lower triangle whose product with its transpose is the covariance.
    factor: Vec<f64>,
    shrinkage: f64,
}

impl Metric {
    /// The metric of points: `(1 - s) * S + s * mean variance * I`, with `S` their covariance and `s` as Ledoit and Wolf
    /// estimate it (2004). Points that do not vary give Euclidean distances.
    ///
    /// # Errors
    /// [`Error::Routing`] if the points have different widths.
    pub fn of(points: &[&[f32]]) -> Result<Self> {
        let dim = points.first().map_or(0, |point| point.len());
        if points.iter().any(|point| point.len() != dim) {
            return Err(Error::Routing("centroids have different widths".into()));
        }
        let count = points.len().max(1) as f64;
        let mean: Vec<f64> = (0..dim)
            .map(|at| points.iter().map(|p| f64::from(p[at])).sum::<f64>() / count)
            .collect();
        let centred = points.iter().map(|point| {
            let from_mean = point.iter().zip(&mean).map(|(x, m)| f64::from(*x) - m);
            from_mean.collect::<Vec<f64>>()
        });
        let centred: Vec<Vec<f64>> = centred.collect();
        let mut covariance = vec![0.0; dim * dim];
        for point in &centred {
            for (row, x) in covariance.chunks_exact_mut(dim).zip(point) {
                row.iter_mut()
                    .zip(point)
                    .for_each(|(sum, y)| *sum += x * y / count);
            }
        }
        let variance = (0..dim).map(|at| covariance[at * dim + at]).sum::<f64>() / dim.max(1) as f64;
        let shrinkage = shrinkage(&covariance, &centred, variance);
        // Without variance there is no scale: distances are Euclidean.
        let sphere = if variance > 1e-12 { variance } else { 1.0 };
        for (row, line) in covariance.chunks_exact_mut(dim.max(1)).enumerate() {
            line.iter_mut().for_each(|x| *x *= 1.0 - shrinkage);
            line[row] += shrinkage * sphere;
        }
        Ok(Self {
            factor: cholesky(&covariance, dim)?,
            dim,
            covariance,
            shrinkage,
        })
    }

    /// Width of the vectors.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The shrunk covariance, row by row.
    pub fn covariance(&self) -> &[f64] {
        &self.covariance
    }

    /// Share of the sphere in the covariance.
    pub fn shrinkage(&self) -> f64 {
        self.shrinkage
    }

    /// Mahalanobis distance of two vectors.
    pub fn distance(&self, a: &[f32], b: &[f32]) -> f64 {
        let difference: Vec<f64> = a
            .iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) - f64::from(*b))
            .collect();
        self.solve(difference).iter().map(|x| x * x).sum::<f64>().sqrt()
    }

    /// The vector in coordinates in which the metric is Euclidean.
    pub(super) fn whiten(&self, point: &[f32]) -> Vec<f64> {
        self.solve(point.iter().map(|x| f64::from(*x)).collect())
    }

    /// Solves `factor * y = x`.
    fn solve(&self, mut x: Vec<f64>) -> Vec<f64> {
        for at in 0..x.len().min(self.dim) {
            let row = &self.factor[at * self.dim..at * self.dim + at + 1];
            let known: f64 = row.iter().zip(&x[..at]).map(|(l, y)| l * y).sum();
            x[at] = (x[at] - known) / row[at];
        }
        x
    }
}

/// Ledoit and Wolf's share of the sphere: the covariance's own error over its distance from the sphere.
fn shrinkage(covariance: &[f64], centred: &[Vec<f64>], variance: f64) -> f64 {
    let dim = centred.first().map_or(1, Vec::len).max(1);
    let count = centred.len().max(1) as f64;
    let norm: f64 = covariance.iter().map(|x| x * x).sum();
    let from_sphere = norm - dim as f64 * variance * variance;
    let error = centred.iter().map(|point| {
        let length: f64 = point.iter().map(|x| x * x).sum();
        let along: f64 = covariance
            .chunks_exact(dim)
            .zip(point)
            .map(|(row, x)| x * row.iter().zip(point).map(|(c, y)| c * y).sum::<f64>())
            .sum();
        length * length - 2.0 * along + norm
    });
    let error = error.sum::<f64>() / (count * count);
    match from_sphere > 1e-18 {
        true => (error / from_sphere).clamp(LEAST_SHRINKAGE, 1.0),
        false => 1.0,
    }
}

fn cholesky(matrix: &[f64], dim: usize) -> Result<Vec<f64>> {
    let mut factor = vec![0.0; dim * dim];
    for row in 0..dim {
        for column in 0..=row {
            let known: f64 = (0..column)
                .map(|at| factor[row * dim + at] * factor[column * dim + at])
                .sum();
            let left = matrix[row * dim + column] - known;
            factor[row * dim + column] = match row == column {
                true if left > 0.0 => left.sqrt(),
                true => return Err(Error::Routing("the covariance cannot be inverted".into())),
                false => left / factor[column * dim + column],
            };
        }
    }
    Ok(factor)
}
