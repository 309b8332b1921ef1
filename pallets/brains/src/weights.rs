//! Weights of the calls: documented estimates (one read or write of a Brain's record of at most 900 bytes
//! plus the computation of a dispatch), to be replaced by measured ones.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Computation of one dispatch, in picoseconds: origin check, decoding, one event.
const BASE: u64 = 15_000_000;
/// Encoded size bound of one record together with its storage proof, in bytes.
const PROOF: u64 = 4_500;

/// Weights of the calls.
pub trait WeightInfo {
    /// [`crate::Call::issue`].
    fn issue() -> Weight;
    /// [`crate::Call::transfer`].
    fn transfer() -> Weight;
    /// [`crate::Call::set_task`].
    fn set_task() -> Weight;
    /// [`crate::Call::set_name`].
    fn set_name() -> Weight;
    /// [`crate::Call::set_reward_account`].
    fn set_reward_account() -> Weight;
    /// [`crate::Call::set_terms`].
    fn set_terms() -> Weight;
    /// [`crate::Call::set_redistribution`].
    fn set_redistribution() -> Weight;
}

fn estimate(db: RuntimeDbWeight, base: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, PROOF.saturating_mul(reads)).saturating_add(db.reads_writes(reads, writes))
}

/// Estimates with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        /// Reads the list of open Brains and the slot, writes both; searching the list costs 1,024 steps.
        fn issue() -> Weight {
            estimate($db, BASE.saturating_add(30_000_000), 2, 2)
        }
        fn transfer() -> Weight {
            estimate($db, BASE, 1, 1)
        }
        /// The repository's address is validated as well.
        fn set_task() -> Weight {
            estimate($db, BASE.saturating_add(5_000_000), 1, 1)
        }
        fn set_name() -> Weight {
            estimate($db, BASE, 1, 1)
        }
        fn set_reward_account() -> Weight {
            estimate($db, BASE, 1, 1)
        }
        fn set_terms() -> Weight {
            estimate($db, BASE, 2, 1)
        }
        fn set_redistribution() -> Weight {
            estimate($db, BASE, 1, 1)
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
