//! Weights of the calls: documented estimates (reads and writes of records of at most 200 bytes plus the
//! computation of a dispatch), to be replaced by measured ones.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Computation of one dispatch, in picoseconds: origin check, decoding, one event, 256-bit arithmetic.
const BASE: u64 = 20_000_000;
/// Computation of one hold, release or transfer, in picoseconds.
const FUNDS: u64 = 60_000_000;
/// Encoded size bound of one record together with its storage proof, in bytes.
const PROOF: u64 = 4_000;

/// Weights of the calls.
pub trait WeightInfo {
    /// [`crate::Call::stake`].
    fn stake() -> Weight;
    /// [`crate::Call::unstake`].
    fn unstake() -> Weight;
    /// [`crate::Call::withdraw`].
    fn withdraw() -> Weight;
    /// [`crate::Call::claim`].
    fn claim() -> Weight;
    /// [`crate::Call::set_take`].
    fn set_take() -> Weight;
    /// Unstaking one position of a closed Brain.
    fn sweep() -> Weight;
}

fn estimate(db: RuntimeDbWeight, base: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, PROOF.saturating_mul(reads)).saturating_add(db.reads_writes(reads, writes))
}

/// Estimates with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        /// Reads the Brain, uid and peer of the validator, account and holds, pool, position, count and two
        /// totals; writes the last seven and the list.
        fn stake() -> Weight {
            estimate($db, BASE.saturating_add(FUNDS), 10, 8)
        }
        /// Reads the Brain, reads and writes pool, position, count, two totals and unstaked funds, writes the list.
        fn unstake() -> Weight {
            estimate($db, BASE, 7, 7)
        }
        /// Reads and writes unstaked funds, account and holds.
        fn withdraw() -> Weight {
            estimate($db, BASE.saturating_add(FUNDS), 3, 3)
        }
        /// Reads and writes the take, pool, position, count and two accounts.
        fn claim() -> Weight {
            estimate($db, BASE.saturating_add(FUNDS), 6, 6)
        }
        /// As unstaking, with the list read as well.
        fn sweep() -> Weight {
            estimate($db, BASE, 7, 7)
        }
        /// Reads uid, peer and take; writes the take.
        fn set_take() -> Weight {
            estimate($db, BASE, 3, 1)
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
