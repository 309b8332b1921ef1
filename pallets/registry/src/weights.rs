//! Weights of the calls: documented estimates (reads and writes of records of at most 300 bytes plus the
//! computation of a dispatch), to be replaced by measured ones.

use core::marker::PhantomData;

use based_primitives::constants::{MAX_CROSS_EDGES, MAX_PEERS};
use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Computation of one dispatch, in picoseconds: origin check, decoding, one event.
const BASE: u64 = 15_000_000;
/// Computation of one transfer, in picoseconds.
const TRANSFER: u64 = 60_000_000;
/// Comparing one peer with the one that earned least so far, in picoseconds.
const COMPARE: u64 = 500_000;
/// Encoded size of what is known of one peer from the last epoch, in bytes.
const SCORE_BYTES: u64 = 26;
/// Encoded size bound of one record together with its storage proof, in bytes.
const PROOF: u64 = 4_000;

/// Weights of the calls.
pub trait WeightInfo {
    /// [`crate::Call::memorize`] in a Brain that has a place.
    fn memorize() -> Weight;
    /// What it takes besides to make a place in a full Brain.
    fn prune() -> Weight;
    /// [`crate::Call::update_endpoint`].
    fn update_endpoint() -> Weight;
    /// [`crate::Call::leave`].
    fn leave() -> Weight;
    /// [`crate::Call::set_fee`] and [`crate::Call::set_pruning`].
    fn set_fee() -> Weight;
    /// Removing what a closed Brain has besides peers.
    fn sweep() -> Weight;
}

fn estimate(db: RuntimeDbWeight, base: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, PROOF.saturating_mul(reads)).saturating_add(db.reads_writes(reads, writes))
}

/// Estimates with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        /// Reads Brain, its admission and list, fee, settings, uid, counts, uids in use, two balances and a hold; writes
        /// the peer, its uid, deposit, counts, uids in use, two balances and the hold; reads and writes the count of
        /// those who watch for newcomers.
        fn memorize() -> Weight {
            estimate($db, BASE.saturating_add(TRANSFER.saturating_mul(2)), 14, 9)
        }
        /// Reads whether the Brain prunes, all its peers and what its last epoch found; one peer leaves.
        fn prune() -> Weight {
            let peers = u64::from(MAX_PEERS);
            estimate($db, BASE, peers.saturating_add(2), 0)
                .saturating_add(Weight::from_parts(COMPARE, SCORE_BYTES).saturating_mul(peers))
                .saturating_add(Self::leave())
        }
        /// Reads and writes the uids in use; writes the counts and both settings.
        fn sweep() -> Weight {
            estimate($db, BASE, 1, 4)
        }
        /// Reads uid, setting, last change and peer; writes the last two.
        fn update_endpoint() -> Weight {
            estimate($db, BASE, 4, 2)
        }
        /// Reads and writes uid, peer, last change, counts, uids in use, deposit, balance and hold; as much again for
        /// those who forget the peer, the count of those who watch, and what the peer said of other Brains.
        fn leave() -> Weight {
            let other = u64::from(MAX_CROSS_EDGES);
            estimate($db, BASE.saturating_mul(2).saturating_add(TRANSFER), 14, 14)
                .saturating_add(estimate($db, 0, other, other))
        }
        /// Reads the Brain, writes the fee.
        fn set_fee() -> Weight {
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
