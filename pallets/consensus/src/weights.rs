//! Weights of the call and of epochs: documented estimates, to be replaced by measured ones.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Computation of one dispatch, in picoseconds: origin check, decoding, one event.
const BASE: u64 = 15_000_000;
/// Computation of one edge of a row when it is set, in picoseconds.
const CHECK: u64 = 500_000;
/// Computation of one edge in an epoch, in picoseconds: three passes over weights, two over bonds, with one division.
const EDGE: u64 = 500_000;
/// Computation of one peer in an epoch, in picoseconds: a sigmoid and four wide quotients.
const PEER: u64 = 10_000_000;
/// Encoded size bound of one small record together with its storage proof, in bytes.
const PROOF: u64 = 4_000;
/// Encoded size of one edge, in bytes.
const EDGE_BYTES: u64 = 4;

/// Weights of the call and of epochs.
pub trait WeightInfo {
    /// [`crate::Call::set_weights`] on `n` peers.
    fn set_weights(n: u32) -> Weight;
    /// An epoch of a Brain with so many peers and validators, and so many edges in the rows read.
    fn epoch(peers: u32, validators: u32, edges: u32) -> Weight;
}

fn estimate(db: RuntimeDbWeight, base: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, PROOF.saturating_mul(reads)).saturating_add(db.reads_writes(reads, writes))
}

/// Estimates with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        /// Reads the Brain, uid, role (two records) and last block; each weighted peer; writes row and block.
        fn set_weights(n: u32) -> Weight {
            estimate($db, BASE, 5, 2).saturating_add(estimate($db, CHECK, 1, 0).saturating_mul(u64::from(n)))
        }
        /// Reads every peer; of each validator stake, last block, row and bonds; writes bonds, and the record and
        /// performance of the Brain, both read too. Rows and bonds have up to as many edges each.
        fn epoch(peers: u32, validators: u32, edges: u32) -> Weight {
            let edge = Weight::from_parts(EDGE, EDGE_BYTES.saturating_mul(2));
            estimate($db, BASE, 4, 2)
                .saturating_add(estimate($db, PEER, 1, 0).saturating_mul(u64::from(peers)))
                .saturating_add(estimate($db, PEER, 4, 1).saturating_mul(u64::from(validators)))
                .saturating_add(edge.saturating_mul(u64::from(edges)))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
