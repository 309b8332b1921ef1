//! Weights of the call and of the work at the beginning of blocks: documented estimates (reads and writes of records
//! of at most 300 bytes plus computation), to be replaced by measured ones.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Computation of one dispatch, in picoseconds: origin check, decoding, one event.
const BASE: u64 = 15_000_000;
/// Computation of one transfer or minting, in picoseconds.
const TRANSFER: u64 = 60_000_000;
/// Computation of one part of a division, in picoseconds: a 256-bit product and quotient.
const PART: u64 = 2_000_000;
/// Computation of the median of up to 64 forecasts, in picoseconds.
const MEDIAN: u64 = 10_000_000;
/// Encoded size bound of one record together with its storage proof, in bytes.
const PROOF: u64 = 4_000;

/// Weights of the call and of the work at the beginning of blocks.
pub trait WeightInfo {
    /// [`crate::Call::claim`].
    fn claim() -> Weight;
    /// Minting the reward of a block.
    fn mint() -> Weight;
    /// Finding out whether a Brain's epoch is due.
    fn look() -> Weight;
    /// Dividing the pot over `brains` open Brains.
    fn divide_pot(brains: u32) -> Weight;
    /// Dividing a Brain's budget among `peers` with scores, the scores themselves not included.
    fn divide_budget(peers: u32) -> Weight;
    /// Taking back the budget of a closed Brain.
    fn sweep() -> Weight;
}

fn estimate(db: RuntimeDbWeight, base: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, PROOF.saturating_mul(reads)).saturating_add(db.reads_writes(reads, writes))
}

/// Estimates with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        /// Reads and writes the claim, two balances and the sum paid.
        fn claim() -> Weight {
            estimate($db, BASE.saturating_add(TRANSFER), 4, 4)
        }
        /// Reads and writes the pot's balance, issuance, carry and the sum minted.
        fn mint() -> Weight {
            estimate($db, TRANSFER, 4, 4)
        }
        /// Reads the Brain.
        fn look() -> Weight {
            estimate($db, 0, 1, 0)
        }
        /// Each Brain: reads itself, stake, performance, forecasts and old budget; writes the old and the new budget.
        /// Once: reads total stake, carry and the weight of forecasts, writes the carry.
        fn divide_pot(brains: u32) -> Weight {
            estimate($db, BASE, 3, 1).saturating_add(
                estimate($db, PART.saturating_add(MEDIAN), 5, 2).saturating_mul(u64::from(brains)),
            )
        }
        /// Reads and writes the budget, the carry and the epochs that are due.
        fn sweep() -> Weight {
            estimate($db, BASE, 3, 3)
        }
        /// Each peer: reads and writes what it can claim. Besides, all peers are read to find the validators, and up
        /// to 256 validators' stakes and reward pools are read, the latter written.
        fn divide_budget(peers: u32) -> Weight {
            estimate($db, BASE.saturating_add(TRANSFER), 10, 6)
                .saturating_add(estimate($db, PART, 2, 1).saturating_mul(u64::from(peers)))
                .saturating_add(estimate($db, PART, 3, 2).saturating_mul(u64::from(peers.min(256))))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
