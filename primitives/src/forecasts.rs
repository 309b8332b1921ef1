//! Records of the forecasts: metrics of the chain, forecasts of them, rounds and governed parameters (D.4, D.5).
//!
//! Figures of forecasts are fixed-point numbers with six decimals, `i64` in units of 10^-6.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::H256;
use sp_io::hashing::blake2_256;
use sp_runtime::{traits::ConstU32, BoundedVec};

use crate::{
    constants::{FORECAST_TARGETS, MAX_BRAINS, MAX_FORECAST_BRAINS, PPB},
    types::{Balance, BlockNumber, BrainId, ComputeKey},
};

/// One figure for each [`Target`], in its order.
pub type Figures = [i64; FORECAST_TARGETS];
/// The 10%, 50% and 90% quantile for each [`Target`], in its order.
pub type Quantiles = [[i64; 3]; FORECAST_TARGETS];

macro_rules! record {
    ($item:item) => {
        #[derive(
            Clone,
            Debug,
            PartialEq,
            Eq,
            Encode,
            Decode,
            DecodeWithMemTracking,
            MaxEncodedLen,
            TypeInfo,
            Serialize,
            Deserialize,
        )]
        $item
    };
}

record! {
    /// What forecasts are about: figures of the network over one cycle.
    #[derive(Copy)]
    pub enum Target {
        /// Transactions that paid a fee.
        Transactions,
        /// Mean time between blocks, in milliseconds.
        BlockTime,
        /// Bytes of all blocks.
        Bytes,
        /// Distinct accounts that paid a fee, estimated.
        ActiveAccounts,
        /// Mean fee of a transaction without its tip, in 10^-6 $BASED; 0 without transactions.
        Fee,
        /// Mean performance of the Brains that perform, as a ratio.
        Performance,
    }
}

impl Target {
    /// All, in the order of [`Figures`] and [`Quantiles`].
    pub const ALL: [Self; FORECAST_TARGETS] = [
        Self::Transactions,
        Self::BlockTime,
        Self::Bytes,
        Self::ActiveAccounts,
        Self::Fee,
        Self::Performance,
    ];
}

record! {
    /// What happened in a bucket of blocks (R106, R126).
    #[derive(Copy)]
    pub struct MetricsBucket {
        /// Number: height divided by the length of a bucket.
        pub index: u32,
        /// Blocks in it; genesis is in none, so that bucket 0 has one less.
        pub blocks: u32,
        /// Time of its last block, in milliseconds since 1970.
        pub ended_at: u64,
        /// Transactions that paid a fee.
        pub transactions: u64,
        /// Mean time between blocks, in milliseconds.
        pub block_time: u32,
        /// Longest time between blocks, in milliseconds.
        pub block_time_max: u32,
        /// Bytes of all blocks.
        pub bytes: u64,
        /// Distinct accounts that paid a fee, estimated.
        pub active_accounts: u32,
        /// Rewards minted.
        pub emission: Balance,
        /// Stake of the network at its end.
        pub stake: Balance,
        /// Active validators, summed over Brains, as last seen.
        pub validators: u32,
        /// Peers that joined a Brain.
        pub joins: u32,
        /// Peers that left a Brain.
        pub leaves: u32,
        /// Mean fee of a transaction without its tip.
        pub fee: Balance,
        /// Mean performance of the Brains that perform, in ppb, as last seen.
        pub performance: u32,
    }
}

record! {
    /// Forecast of one Brain.
    #[derive(Copy)]
    pub struct BrainForecast {
        /// Number of the Brain; the forecaster is no member of it.
        pub brain: BrainId,
        /// Median of its next performance, in ppb.
        pub performance: u32,
    }
}

record! {
    /// A validator's forecast for one round (D.5, F.1-4).
    pub struct Forecast {
        /// Of the network's figures over the cycle after the commitment's.
        pub quantiles: Quantiles,
        /// Of Brains, by strictly ascending number.
        pub brains: BoundedVec<BrainForecast, ConstU32<MAX_FORECAST_BRAINS>>,
    }
}

impl Forecast {
    /// Whether no quantile exceeds the next.
    pub fn is_monotone(&self) -> bool {
        self.quantiles
            .iter()
            .all(|quantiles| quantiles.iter().is_sorted())
    }

    /// Whether its Brains are strictly ascending, can exist and have a performance of at most one.
    pub fn has_valid_brains(&self) -> bool {
        let ascending = self
            .brains
            .iter()
            .zip(self.brains.iter().skip(1))
            .all(|(one, next)| one.brain < next.brain);
        let possible =
            |forecast: &BrainForecast| forecast.brain < MAX_BRAINS && u64::from(forecast.performance) <= PPB;
        ascending && self.brains.iter().all(possible)
    }
}

/// Hash by which a forecaster commits itself: blake2-256 of the SCALE encoding of (round, account, computekey, salt,
/// forecast). The account and the computekey are those of the forecaster, so that a copied hash is of no use to
/// another.
pub fn commitment<AccountId: Encode>(
    round: u32,
    account: &AccountId,
    computekey: &ComputeKey,
    salt: &[u8; 32],
    forecast: &Forecast,
) -> H256 {
    H256((round, account, computekey, salt, forecast).using_encoded(blake2_256))
}

record! {
    /// A forecast that was revealed.
    pub struct RevealedForecast<AccountId> {
        /// The forecaster.
        pub account: AccountId,
        /// Its stake in the Brain it named, when it revealed.
        pub stake: Balance,
        /// Its Accuracy in ppb.
        pub accuracy: u64,
        /// What it forecast.
        pub quantiles: Quantiles,
    }
}

record! {
    /// Result of a round (R108, R135).
    #[derive(Copy, Default)]
    pub struct RoundRecord {
        /// Its number: the cycle of its commitments.
        pub round: u32,
        /// What the figures turned out to be over the next cycle, cut to what counts.
        pub realised: Figures,
        /// Ten times the pinball loss of the persistence baseline, by figure.
        pub baseline: [u128; FORECAST_TARGETS],
        /// Forecasters that revealed.
        pub revealed: u32,
        /// Forecasters that committed themselves and stayed silent.
        pub silent: u32,
        /// Stake behind the revealed forecasts.
        pub stake: Balance,
        /// The objective, sum of loss times stake: losses are means over figures as parts of the baseline's, so that
        /// this divided by `stake` is 1 where forecasts are as good as persistence.
        pub objective: u128,
        /// Sum of the scores of those who revealed, in ppb.
        pub scores: u128,
    }
}

record! {
    /// Which part decides the emission's shares in name (B.17).
    #[derive(Copy, Default)]
    pub enum EmissionController {
        /// The fixed rule, Brain #0.
        #[default]
        FixedRule,
        /// The Enforcer, once forecasts weigh as much as consensus.
        Enforcer,
    }
}

record! {
    /// What governance decides about forecasts (R121, R122).
    #[derive(Copy, Default)]
    pub struct Parameters {
        /// Weight of forecasts in ppb, where lower than the schedule's.
        pub beta_override: Option<u64>,
        /// Version of the set of features that models are trained on.
        pub feature_set: u32,
        /// Hash of the reference model.
        pub model: Option<H256>,
        /// Hash of the reference model before it, to which a rollback returns.
        pub previous_model: Option<H256>,
        /// Part that decides the emission's shares.
        pub controller: EmissionController,
    }
}

record! {
    /// Where forecasting stands.
    #[derive(Copy)]
    pub struct ForecastStatus {
        /// Round that takes commitments now: the number of the cycle.
        pub round: u32,
        /// First block of the next cycle, in which this round is revealed.
        pub next_cycle: BlockNumber,
        /// Blocks at the beginning of a cycle in which the round before is revealed.
        pub reveal_blocks: BlockNumber,
        /// Forecasters committed to this round.
        pub committed: u32,
        /// Deposit that a commitment holds until it is revealed.
        pub deposit: Balance,
        /// Weight of forecasts in force, in ppb.
        pub beta: u64,
        /// Parameters in force.
        pub parameters: Parameters,
        /// Parameters from the next cycle on, if they change.
        pub next_parameters: Option<Parameters>,
        /// Result of the last round that was scored.
        pub last: Option<RoundRecord>,
    }
}

/// Realised values of each [`Target`] over the newest cycles, oldest first: up to 65 each.
pub type TargetHistory = Vec<Vec<i64>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(brains: &[(BrainId, u32)]) -> Forecast {
        let brains: Vec<BrainForecast> = brains
            .iter()
            .map(|(brain, performance)| BrainForecast {
                brain: *brain,
                performance: *performance,
            })
            .collect();
        Forecast {
            quantiles: [[1, 2, 3]; FORECAST_TARGETS],
            brains: brains.try_into().unwrap(),
        }
    }

    #[test]
    fn the_quantiles_of_a_forecast_take_144_bytes() {
        assert_eq!(forecast(&[]).quantiles.encode().len(), 144);
        assert_eq!(forecast(&[]).encode().len(), 145);
        assert_eq!(Target::ALL.len(), FORECAST_TARGETS);
        for (place, target) in Target::ALL.iter().enumerate() {
            assert_eq!(target.encode(), [place as u8]);
        }
    }

    #[test]
    fn quantiles_may_touch_but_not_cross() {
        let mut forecast = forecast(&[]);
        assert!(forecast.is_monotone());
        forecast.quantiles[5] = [4, 4, 4];
        assert!(forecast.is_monotone());
        forecast.quantiles[5] = [4, 5, 4];
        assert!(!forecast.is_monotone());
    }

    #[test]
    fn brains_ascend_and_perform_at_most_fully() {
        assert!(forecast(&[(0, 0), (1_023, 1_000_000_000)]).has_valid_brains());
        assert!(!forecast(&[(1, 0), (1, 0)]).has_valid_brains());
        assert!(!forecast(&[(2, 0), (1, 0)]).has_valid_brains());
        assert!(!forecast(&[(1_024, 0)]).has_valid_brains());
        assert!(!forecast(&[(1, 1_000_000_001)]).has_valid_brains());
    }

    #[test]
    fn every_part_changes_the_commitment() {
        let base = commitment(1, &1u64, &[1; 32], &[2; 32], &forecast(&[(1, 1)]));
        let others = [
            commitment(2, &1u64, &[1; 32], &[2; 32], &forecast(&[(1, 1)])),
            commitment(1, &2u64, &[1; 32], &[2; 32], &forecast(&[(1, 1)])),
            commitment(1, &1u64, &[2; 32], &[2; 32], &forecast(&[(1, 1)])),
            commitment(1, &1u64, &[1; 32], &[3; 32], &forecast(&[(1, 1)])),
            commitment(1, &1u64, &[1; 32], &[2; 32], &forecast(&[(1, 2)])),
        ];
        assert!(others.iter().all(|other| *other != base));
    }
}
