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
    /// [`crate::Call::withdraw_leaving`].
    fn withdraw_leaving() -> Weight;
    /// [`crate::Call::settle_slash`].
    fn settle_slash() -> Weight;
    /// A slash of a validator with `pools` pools and stake that left in `cycles` cycles.
    fn slash(pools: u32, cycles: u32) -> Weight;
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
        /// Reads the Brain, uid and peer of the validator, account and holds, pool, position, count, three
        /// totals and the account of slashed funds; writes the last nine, the validator's list
        /// of pools and the Brain's of stakers.
        fn stake() -> Weight {
            estimate(
                $db,
                BASE.saturating_add(FUNDS).saturating_add(FUNDS),
                12,
                11,
            )
        }
        /// Reads the Brain and the producer, writes the Brain's list of stakers; reads and writes pool, position, count, list of pools, three totals, the leaving
        /// stake with its group and count, and for a slash two accounts and holds.
        fn unstake() -> Weight {
            estimate($db, BASE.saturating_add(FUNDS), 15, 14)
        }
        /// Reads and writes unstaked funds, account and holds.
        fn withdraw() -> Weight {
            estimate($db, BASE.saturating_add(FUNDS), 3, 3)
        }
        /// Reads and writes the take, pool, position, count, list of pools, three accounts and holds.
        fn claim() -> Weight {
            estimate($db, BASE.saturating_add(FUNDS).saturating_add(FUNDS), 9, 9)
        }
        /// As unstaking, with the list read as well.
        fn sweep() -> Weight {
            estimate($db, BASE.saturating_add(FUNDS), 16, 14)
        }
        /// Reads uid, peer and take; writes the take.
        fn set_take() -> Weight {
            estimate($db, BASE, 3, 1)
        }
        /// Reads and writes the leaving stake with its group and count, two accounts and holds.
        fn withdraw_leaving() -> Weight {
            estimate($db, BASE.saturating_add(FUNDS).saturating_add(FUNDS), 6, 6)
        }
        /// Reads and writes pool, position, count, list of pools, two accounts and holds.
        fn settle_slash() -> Weight {
            estimate($db, BASE.saturating_add(FUNDS), 7, 7)
        }
        /// Reads the list of pools; reads and writes each pool with its Brain's total, each group of leaving
        /// stake, and two totals.
        fn slash(pools: u32, cycles: u32) -> Weight {
            let (pools, cycles) = (u64::from(pools), u64::from(cycles));
            let changed = pools
                .saturating_mul(2)
                .saturating_add(cycles)
                .saturating_add(2);
            let base = pools
                .saturating_add(cycles)
                .saturating_add(1)
                .saturating_mul(BASE);
            estimate($db, base, changed.saturating_add(pools), changed)
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
