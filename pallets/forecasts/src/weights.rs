//! Weights of the calls and of the work in every block: documented estimates (reads and writes of records plus
//! computation), to be replaced by measured ones. Counting a transaction changes one record of a kibibyte that the block
//! has read already, which the base weight of every extrinsic covers.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Computation of one dispatch, in picoseconds: origin check, decoding, one event.
const BASE: u64 = 15_000_000;
/// Computation of one change of a hold, in picoseconds.
const HOLD: u64 = 50_000_000;
/// Computation of one forecast's score, in picoseconds: 18 losses, 12 quotients, the moving average, one event.
const SCORE: u64 = 20_000_000;
/// Computation of one Brain's forecast, in picoseconds: a place among 64.
const VOICE: u64 = 3_000_000;
/// Computation of one block's metrics, in picoseconds: three bitmaps of a kibibyte, one of them merged twice.
const OBSERVE: u64 = 20_000_000;
/// Computation of a figure's baseline and bounds, in picoseconds: five sorted insertions of 64 differences.
const FIGURE: u64 = 20_000_000;
/// Encoded size bound of one record together with its storage proof, in bytes.
const PROOF: u64 = 4_000;
/// Figures of a cycle.
const FIGURES: u64 = based_primitives::constants::FORECAST_TARGETS as u64;

/// Weights of the calls and of the work in every block.
pub trait WeightInfo {
    /// [`crate::Call::commit_forecast`].
    fn commit_forecast() -> Weight;
    /// [`crate::Call::reveal_forecast`] with forecasts of `n` Brains.
    fn reveal_forecast(n: u32) -> Weight;
    /// A call that changes parameters.
    fn set_parameters() -> Weight;
    /// Measuring a block in which so many Brains are looked at.
    fn observe(brains: u32) -> Weight;
    /// Closing a bucket.
    fn close_bucket() -> Weight;
    /// Closing a cycle.
    fn close_cycle() -> Weight;
    /// Finding no round to score.
    fn no_scoring() -> Weight;
    /// Scoring so many silent forecasters and so many forecasts.
    fn score(silent: u32, revealed: u32) -> Weight;
    /// Looking at a few Accuracies.
    fn sweep() -> Weight;
    /// Removing the forecasts of a closed Brain.
    fn forget_brain() -> Weight;
}

fn estimate(db: RuntimeDbWeight, base: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, PROOF.saturating_mul(reads)).saturating_add(db.reads_writes(reads, writes))
}

/// Estimates with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        /// Reads role and computekey (two records each), commitment, count, balance and holds; writes the latter four.
        fn commit_forecast() -> Weight {
            estimate($db, BASE.saturating_add(HOLD), 8, 4)
        }
        /// Reads commitment, stake, Accuracy, last round, balance and holds; writes commitment, forecast, balance and
        /// holds. Each Brain: reads a membership and its forecasts, writes the latter.
        fn reveal_forecast(n: u32) -> Weight {
            estimate($db, BASE.saturating_add(HOLD), 7, 4)
                .saturating_add(estimate($db, VOICE, 2, 1).saturating_mul(u64::from(n)))
        }
        /// Reads both sets of parameters, writes one.
        fn set_parameters() -> Weight {
            estimate($db, BASE, 2, 1)
        }
        /// Reads and writes traffic, meter and payers; reads time and length of the block and the parameters to come.
        /// Each Brain: reads whether it is open, its performance, its last epoch of up to 45 kB and how it stood;
        /// writes how it stands.
        fn observe(brains: u32) -> Weight {
            let brain = estimate($db, OBSERVE, 4, 1).saturating_add(Weight::from_parts(0, 45_000));
            estimate($db, OBSERVE, 6, 3).saturating_add(brain.saturating_mul(u64::from(brains)))
        }
        /// Reads the stake, writes the bucket.
        fn close_bucket() -> Weight {
            estimate($db, OBSERVE, 1, 1)
        }
        /// Reads and writes the histories and the parameters, both sets; writes the round to score.
        fn close_cycle() -> Weight {
            estimate($db, FIGURE.saturating_mul(FIGURES), 3, 4)
        }
        /// Reads the round to score.
        fn no_scoring() -> Weight {
            estimate($db, 0, 1, 0)
        }
        /// Silent: reads and writes the commitment, two balances and holds. Revealed: reads and writes the forecast and
        /// the Accuracy. Once: the round, its result and the sum forfeited.
        fn score(silent: u32, revealed: u32) -> Weight {
            estimate($db, BASE, 2, 3)
                .saturating_add(
                    estimate($db, HOLD.saturating_add(BASE), 4, 4).saturating_mul(u64::from(silent)),
                )
                .saturating_add(estimate($db, SCORE, 2, 2).saturating_mul(u64::from(revealed)))
        }
        fn forget_brain() -> Weight {
            estimate($db, BASE, 0, 1)
        }
        /// Reads four, the place and the last round; writes all four at worst and the place.
        fn sweep() -> Weight {
            estimate($db, BASE, 6, 5)
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
