//! The epoch as one would write it with full matrices of doubles: the peer of the measurement.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use based_primitives::constants::{MAX_PEERS, MAX_VALIDATORS};

use crate::setting::{stake, Matrix};

/// Active validators of a full Brain: those at or above the 70th percentile.
pub const ACTIVE: usize = 77;

/// Time of the epoch on a matrix that lies ready in memory.
pub fn time(matrix: &Matrix) -> Duration {
    let first = usize::from(MAX_VALIDATORS) - ACTIVE;
    let weights: Vec<Vec<f64>> = matrix.0[first..]
        .iter()
        .map(|row| row.iter().map(|weight| f64::from(*weight)).collect())
        .collect();
    let stakes: Vec<f64> = (first..first + ACTIVE)
        .map(|uid| stake(uid as u16) as f64)
        .collect();
    let bonds = vec![vec![0.0; usize::from(MAX_PEERS)]; ACTIVE];
    let start = Instant::now();
    black_box(epoch(
        first,
        black_box(weights),
        black_box(stakes),
        black_box(bonds),
    ));
    start.elapsed()
}

fn normalise(values: &mut [f64]) {
    let sum: f64 = values.iter().sum();
    if sum > 0.0 {
        values.iter_mut().for_each(|value| *value /= sum);
    }
}

/// Incentives, dividends, bonds and gains of TrustCredits.
#[allow(clippy::needless_range_loop)]
fn epoch(
    first: usize,
    mut weights: Vec<Vec<f64>>,
    mut stakes: Vec<f64>,
    mut bonds: Vec<Vec<f64>>,
) -> (Vec<f64>, Vec<f64>, Vec<Vec<f64>>, Vec<f64>) {
    let peers = usize::from(MAX_PEERS);
    let miners = usize::from(MAX_VALIDATORS)..peers;
    weights.iter_mut().for_each(|row| normalise(row));
    normalise(&mut stakes);
    let (mut rank, mut trust) = (vec![0.0; peers], vec![0.0; peers]);
    for (i, row) in weights.iter().enumerate() {
        for j in 0..peers {
            rank[j] += stakes[i] * row[j];
            trust[j] += if row[j] > 0.0 { stakes[i] } else { 0.0 };
        }
        trust[first + i] += stakes[i];
    }
    let consensus: Vec<f64> = trust
        .iter()
        .map(|t| 1.0 / (1.0 + (-10.0 * (t - 0.5)).exp()))
        .collect();
    let mut incentive = vec![0.0; peers];
    for j in miners.clone() {
        incentive[j] = rank[j] * consensus[j];
    }
    normalise(&mut incentive);
    let mut held = vec![0.0; peers];
    for (i, row) in weights.iter().enumerate() {
        for j in miners.clone() {
            let share = if rank[j] > 0.0 {
                stakes[i] * row[j] / rank[j]
            } else {
                0.0
            };
            bonds[i][j] = 0.9 * bonds[i][j] + 0.1 * share;
            held[j] += bonds[i][j];
        }
    }
    let (mut dividends, mut gains) = (vec![0.0; weights.len()], vec![0.0; weights.len()]);
    for (i, row) in weights.iter().enumerate() {
        let others = 1.0 - stakes[i];
        let (mut agreement, mut earned) = (0.0, 0.0);
        for j in 0..peers {
            agreement += row[j].min((rank[j] - stakes[i] * row[j]) / others);
            earned += if held[j] > 0.0 {
                bonds[i][j] / held[j] * incentive[j]
            } else {
                0.0
            };
            gains[i] += row[j] * consensus[j] * incentive[j];
        }
        dividends[i] = agreement.powi(4) * earned;
    }
    normalise(&mut dividends);
    (incentive, dividends, bonds, gains)
}
