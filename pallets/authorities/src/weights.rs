//! Weights of the calls and hooks: documented estimates (reads and writes of records of at most 200 bytes plus
//! the computation of a dispatch), to be replaced by measured ones.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Computation of one dispatch, in picoseconds: origin check, decoding, one event.
const BASE: u64 = 20_000_000;
/// Computation of one hold, release or transfer, in picoseconds.
const FUNDS: u64 = 60_000_000;
/// Computation per candidate that is compared or moved, in picoseconds.
const CANDIDATE: u64 = 1_000_000;
/// Encoded size bound of one record together with its storage proof, in bytes.
const PROOF: u64 = 4_000;

/// Weights of the calls and hooks.
pub trait WeightInfo {
    /// [`crate::Call::opt_in`] with `candidates` others.
    fn opt_in(candidates: u32) -> Weight;
    /// [`crate::Call::opt_out`] with `candidates` in the list.
    fn opt_out(candidates: u32) -> Weight;
    /// [`crate::Call::withdraw_bond`].
    fn withdraw_bond() -> Weight;
    /// A block in which no slash is due.
    fn look() -> Weight;
    /// A slash of an operator with `pools` pools and stake that left in `cycles` cycles.
    fn slash(pools: u32, cycles: u32) -> Weight;
}

fn estimate(db: RuntimeDbWeight, base: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, PROOF.saturating_mul(reads)).saturating_add(db.reads_writes(reads, writes))
}

/// Estimates with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        /// Reads the bar, uid and peer, keys, operator, list, account and holds, and for a full list the backing
        /// of every candidate; writes operator, list, account, holds and the operator that is displaced.
        fn opt_in(candidates: u32) -> Weight {
            let candidates = u64::from(candidates);
            let base = BASE
                .saturating_add(FUNDS)
                .saturating_add(CANDIDATE.saturating_mul(candidates));
            estimate($db, base, candidates.saturating_add(10), 6)
        }
        /// Reads and writes operator and list.
        fn opt_out(candidates: u32) -> Weight {
            let base = BASE.saturating_add(CANDIDATE.saturating_mul(candidates.into()));
            estimate($db, base, 2, 2)
        }
        /// Reads the operator, both sets of producers; writes the operator, account and holds.
        fn withdraw_bond() -> Weight {
            estimate($db, BASE.saturating_add(FUNDS), 6, 3)
        }
        /// Reads the pending slashes.
        fn look() -> Weight {
            estimate($db, 0, 1, 0)
        }
        /// Reads and writes pending slashes, operator, two accounts and holds; in the staking pallet each pool
        /// with its Brain's total, each group of leaving stake, and two totals.
        fn slash(pools: u32, cycles: u32) -> Weight {
            let (pools, cycles) = (u64::from(pools), u64::from(cycles));
            let changed = pools
                .saturating_mul(2)
                .saturating_add(cycles)
                .saturating_add(7);
            let steps = pools.saturating_add(cycles).saturating_add(1);
            let base = FUNDS.saturating_add(steps.saturating_mul(BASE));
            estimate(
                $db,
                base,
                changed.saturating_add(pools.saturating_mul(2)),
                changed,
            )
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
