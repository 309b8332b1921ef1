//! Weights of the calls and hooks: documented estimates (reads and writes of records, the largest an electorate of 1,024
//! Brains, plus the computation of a dispatch), to be replaced by measured ones.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Computation of one dispatch, in picoseconds: origin check, decoding, one event.
const BASE: u64 = 15_000_000;
/// Computation of one change of a hold or freeze, in picoseconds.
const HOLD: u64 = 50_000_000;
/// Computation of reading or writing an electorate or the list of all GigaBrains, in picoseconds.
const LIST: u64 = 10_000_000;
/// Computation of one sample of a Brain's stake, in picoseconds.
const SAMPLE: u64 = 8_000_000;
/// Computation of reading, copying and decoding one byte of a proposed call, in picoseconds.
const BYTE: u64 = 4_000;
/// Computation of scheduling a call into a full block, in picoseconds.
const SCHEDULE: u64 = 60_000_000;
/// Encoded size bound of one record together with its storage proof, in bytes.
const PROOF: u64 = 4_000;

/// Weights of the calls and hooks.
pub trait WeightInfo {
    /// Samples of `n` Brains in one block.
    fn sample(n: u32) -> Weight;
    /// Forgetting the samples of a Brain that closed.
    fn sweep() -> Weight;
    /// [`crate::Call::propose`] of a call of `n` bytes.
    fn propose(n: u32) -> Weight;
    /// [`crate::Call::vote`].
    fn vote() -> Weight;
    /// [`crate::Call::vote_with_pepecoin`].
    fn vote_with_pepecoin() -> Weight;
    /// [`crate::Call::close`].
    fn close() -> Weight;
    /// [`crate::Call::release`].
    fn release() -> Weight;
    /// [`crate::Call::pull_brake`].
    fn pull_brake() -> Weight;
}

fn estimate(db: RuntimeDbWeight, base: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, PROOF.saturating_mul(reads)).saturating_add(db.reads_writes(reads, writes))
}

/// Estimates with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        /// Reads the network's stake once; for each Brain reads its state, stake and samples and writes the latter, and
        /// reads and writes the list of GigaBrains.
        fn sample(n: u32) -> Weight {
            let each = estimate($db, SAMPLE.saturating_add(LIST), 4, 2);
            estimate($db, 0, 1, 0).saturating_add(each.saturating_mul(u64::from(n)))
        }
        /// Removes the samples; reads and writes the list of GigaBrains.
        fn sweep() -> Weight {
            estimate($db, SAMPLE.saturating_add(LIST), 1, 2)
        }
        /// Reads the Brain, the GigaBrains, the open proposals, the preimage with its status (two records) and the
        /// number; writes proposal, electorate, list, number, the status and the proposer's balance and holds.
        fn propose(n: u32) -> Weight {
            let base = BASE
                .saturating_add(HOLD)
                .saturating_add(LIST.saturating_mul(3));
            estimate(
                $db,
                base.saturating_add(BYTE.saturating_mul(u64::from(n))),
                9,
                7,
            )
            .saturating_add(Weight::from_parts(0, u64::from(n)))
        }
        /// Reads and writes proposal and electorate; reads the Brain.
        fn vote() -> Weight {
            estimate($db, BASE.saturating_add(LIST.saturating_mul(2)), 3, 2)
        }
        /// Reads and writes the proposal, the ballots, two balances, a freeze and a hold; looks for up to sixteen other
        /// proposals.
        fn vote_with_pepecoin() -> Weight {
            estimate($db, BASE.saturating_add(HOLD.saturating_mul(2)), 23, 7)
        }
        /// Reads and writes the proposal, its electorate, the list, the status of its preimage, a block's agenda with the
        /// lookup of its name, the deposit's hold and two balances; reads the GigaBrains.
        fn close() -> Weight {
            let base = BASE
                .saturating_add(HOLD)
                .saturating_add(LIST.saturating_mul(3));
            estimate($db, base.saturating_add(SCHEDULE), 10, 10)
        }
        /// Reads and writes the ballots, two balances, a freeze and a hold; looks for up to sixteen proposals.
        fn release() -> Weight {
            estimate($db, BASE.saturating_add(HOLD.saturating_mul(2)), 22, 6)
        }
        /// Reads the Brain and the GigaBrains; reads and writes the calls for the brake and the brake.
        fn pull_brake() -> Weight {
            estimate($db, BASE.saturating_add(LIST.saturating_mul(3)), 4, 2)
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
