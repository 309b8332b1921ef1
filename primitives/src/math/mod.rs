//! Mathematics of the economy: pure functions on integers, without floats, panics or storage (C).

mod accumulator;
mod apportion;
mod beta;
mod bonds;
mod copying;
mod credits;
mod cycles;
mod epoch;
mod history;
mod percentile;
mod pinball;
mod price;
mod reward;
mod shares;
mod sigmoid;
mod sketch;
mod wide;
#[cfg(test)]
mod yields;

pub use accumulator::{Accumulator, Checkpoint};
pub use apportion::{apportion, split};
pub use beta::{beta, overridden_beta};
pub use bonds::{next_bond, Fading};
pub use copying::{is_copy, quantised};
pub use credits::{boosted_stake, divergence, modulated_stake, next_credits};
pub use cycles::{cycle_of, cycle_start};
pub use epoch::{
    activity_bar, blend, effective_validator_stakes, Entry, EpochInput, EpochOutput, EpochPeer, EpochRun,
    EpochScore, EpochValidator, Pass, WeightRow, ONE_Q96,
};
pub use history::History;
pub use percentile::{nearest_rank, percentile};
pub use pinball::{
    idle_accuracy, mean, next_accuracy, pinball, relative_loss, skill, weighted_median, QUANTILE_TENTHS,
};
pub use price::brain_price;
pub use reward::{block_reward, total_reward};
pub use shares::{brain_scores, effective_stake, next_performance, with_forecast, BrainStanding};
pub use sigmoid::{consensus, exp_neg, sigmoid, ONE_Q64};
pub use sketch::Sketch;
pub use wide::mul_div;
