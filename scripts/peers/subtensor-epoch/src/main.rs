//! Times subtensor's sparse epoch: reads a matrix of weights, prints one line of JSON.
//!
//! `setup` puts subtensor's own `math.rs` and `safe_math.rs` beside this file, unchanged. What follows here is the
//! sequence in which `epoch_mechanism` of its `run_epoch.rs` calls them, with the defaults of its runtime (Yuma 2,
//! majority of a half, bonds fading by a tenth) and without the storage around it.
//!
//! Input, little-endian u16: number of validators, number of peers, first active validator, then the rows in full.
//! Stakes are 100 more than the uid, as in the measurement beside which this runs.
#![allow(dead_code, unused_imports)]

extern crate alloc;
// Modules of subtensor name these crates; what they use of them is here, so that the SDK need not be built.
extern crate self as safe_math;
extern crate self as sp_arithmetic;
extern crate self as sp_runtime;
extern crate std as sp_std;

/// The one arithmetic trait that `math.rs` takes from the SDK, and the one of `safe_math.rs`.
pub mod traits {
    pub use num_traits::CheckedAdd;

    /// Conversion that saturates, as the SDK's of this name.
    pub trait UniqueSaturatedInto<T> {
        /// The nearest value of the other type.
        fn unique_saturated_into(self) -> T;
    }

    macro_rules! saturate {
        ($($from:ty),*) => {$(
            impl UniqueSaturatedInto<i32> for $from {
                fn unique_saturated_into(self) -> i32 {
                    i32::try_from(self).unwrap_or(i32::MAX)
                }
            }
        )*};
    }
    saturate!(u8, u16, i32, u32, u64);
}

mod math;
#[path = "safe_math.rs"]
mod safe_division;

pub use safe_division::*;

use std::{hint::black_box, io::Read, time::Instant};

use math::*;
use substrate_fixed::types::{I32F32, I64F64};

type Sparse = Vec<Vec<(u16, I32F32)>>;

const REPEATS: usize = 7;

/// What lies ready when the epoch starts.
struct Subnet {
    peers: u16,
    stake: Vec<I64F64>,
    permits: Vec<bool>,
    weights: Sparse,
    bonds: Sparse,
    updated: Vec<u64>,
    registered: Vec<u64>,
}

impl Subnet {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut numbers = bytes
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let (validators, peers, first) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let cells: Vec<u16> = numbers.collect();
        if cells.len() != usize::from(validators) * usize::from(peers)
            || first > validators
            || validators > peers
        {
            return None;
        }
        let row = |row: &[u16]| {
            let edges = (0..peers).zip(row).filter(|(_, weight)| **weight > 0);
            edges
                .map(|(uid, weight)| (uid, I32F32::from_num(*weight)))
                .collect()
        };
        let mut weights: Sparse = cells.chunks_exact(peers.into()).map(row).collect();
        weights.resize(peers.into(), vec![]);
        let active = |uid: u16| (first..validators).contains(&uid);
        Some(Self {
            peers,
            stake: (0..peers)
                .map(|uid| I64F64::from_num(if active(uid) { 100 + u32::from(uid) } else { 0 }))
                .collect(),
            permits: (0..peers).map(active).collect(),
            weights,
            bonds: vec![vec![]; peers.into()],
            updated: vec![10; peers.into()],
            registered: vec![0; peers.into()],
        })
    }

    /// As `epoch_mechanism` from the active stake to the normalised emission. Incentives and dividends.
    fn epoch(&self) -> (Vec<I32F32>, Vec<I32F32>, Sparse) {
        let n = self.peers;
        let mut stake = self.stake.clone();
        inplace_normalize_64(&mut stake);
        let stake = vec_fixed64_to_fixed32(stake);
        let forbids: Vec<bool> = self.permits.iter().map(|permit| !permit).collect();
        let permits = is_topk_nonzero(&stake, self.permits.len());
        let mut active_stake = stake.clone();
        inplace_mask_vector(&vec![false; n.into()], &mut active_stake);
        inplace_mask_vector(&forbids, &mut active_stake);
        inplace_normalize(&mut active_stake);

        let mut weights = mask_rows_sparse(&forbids, &self.weights);
        weights = mask_diag_sparse(&weights);
        weights = vec_mask_sparse_matrix(
            &weights,
            &self.updated,
            &self.registered,
            &|updated, registered| updated <= registered,
        );
        inplace_row_normalize_sparse(&mut weights);

        let kappa = I32F32::from_num(32_767).safe_div(I32F32::from_num(u16::MAX));
        let consensus = weighted_median_col_sparse(&active_stake, &weights, n, kappa);
        let clipped = col_clip_sparse(&weights, &consensus);
        let trust = row_sum_sparse(&clipped);
        let mut incentive = matmul_sparse(&clipped, &active_stake, n);
        inplace_normalize(&mut incentive);

        let for_bonds = interpolate_sparse(&weights, &clipped, n, I32F32::from_num(1));
        let mut bonds =
            scalar_vec_mask_sparse_matrix(&self.bonds, 5, &self.registered, &|last, registered| {
                last <= registered
            });
        inplace_col_normalize_sparse(&mut bonds, n);
        let mut delta = row_hadamard_sparse(&for_bonds, &active_stake);
        inplace_col_normalize_sparse(&mut delta, n);
        let mut bonds = mat_ema_sparse(&delta, &bonds, I32F32::from_num(0.1));
        inplace_col_normalize_sparse(&mut bonds, n);
        let mut dividends = matmul_transpose_sparse(&bonds, &incentive);
        inplace_normalize(&mut dividends);
        inplace_col_max_upscale_sparse(&mut bonds, n);
        black_box((trust, permits));
        (incentive, dividends, bonds)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut bytes = vec![];
    std::io::stdin().read_to_end(&mut bytes)?;
    let subnet = Subnet::read(&bytes).ok_or("the matrix on standard input is malformed")?;
    let (mut times, mut paid) = (vec![], false);
    for _ in 0..REPEATS {
        let start = Instant::now();
        let (incentive, dividends, bonds) = black_box(subnet.epoch());
        times.push(start.elapsed());
        // Where fewer than half of the stake agree on a peer, the median weight on it is zero: sparse matrices pay nobody.
        let sum = |values: &[I32F32]| values.iter().map(|x| x.to_num::<f64>()).sum::<f64>();
        paid = (sum(&incentive) - 1.0).abs() < 1e-3 && (sum(&dividends) - 1.0).abs() < 1e-3;
        if bonds.len() != usize::from(subnet.peers) || !paid && sum(&incentive) + sum(&dividends) != 0.0 {
            return Err("the epoch paid out another sum than one".into());
        }
    }
    times.sort();
    let milliseconds = times[times.len() / 2].as_secs_f64() * 1e3;
    let entries: usize = subnet.weights.iter().map(Vec::len).sum();
    println!("{{\"milliseconds\":{milliseconds},\"entries\":{entries},\"paid\":{paid}}}");
    Ok(())
}
