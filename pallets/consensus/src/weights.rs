//! Weights of the calls and of epochs: documented estimates, to be replaced by measured ones.

use core::marker::PhantomData;

use based_primitives::constants::{MAX_PEERS, MAX_SCORERS};
use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

use crate::types::{PUBLISHED_EPOCHS, STANDINGS_PAGES};

/// Computation of one dispatch, in picoseconds: origin check, decoding, one event.
const BASE: u64 = 15_000_000;
/// Computation of one edge of a row when it is revealed, in picoseconds: checks, hash, merging with bonds, comparison
/// with every public consensus that is kept.
const CHECK: u64 = 1_000_000;
/// Computation of one entry in one pass of an epoch, in picoseconds.
const ENTRY: u64 = 50_000;
/// Computation of one entry in the pass that writes bonds, in picoseconds.
const BOND: u64 = 150_000;
/// Computation of one peer at the end of a pass, in picoseconds: a sigmoid and four wide quotients.
const PEER: u64 = 3_000_000;
/// Computation of one byte that is encoded or decoded, in picoseconds.
const BYTE: u64 = 1_000;
/// Encoded size bound of one small record together with its storage proof, in bytes.
const PROOF: u64 = 4_000;
/// Encoded size of one entry of a row, in bytes.
const ENTRY_BYTES: u64 = 6;
/// Encoded size of the score that one validator gives another Brain, in bytes.
const SCORER_BYTES: u64 = 56;
/// Encoded size of one peer in the state of an epoch that rests, in bytes.
const STATE_BYTES: u64 = 160;

/// Weights of the calls and of epochs.
pub trait WeightInfo {
    /// [`crate::Call::commit_weights`].
    fn commit_weights() -> Weight;
    /// [`crate::Call::reveal_weights`] on `n` peers.
    fn reveal_weights(n: u32) -> Weight;
    /// [`crate::Call::set_cross_edges`] with `n` edges in place of so many.
    fn set_cross_edges(n: u32, replaced: u32) -> Weight;
    /// Looking for an epoch and finding it done, to be begun or to be gone on with.
    fn epoch_look() -> Weight;
    /// Beginning an epoch of so many peers, validators among them.
    fn epoch_begin(peers: u32, validators: u32) -> Weight;
    /// A step that reads a row of so many entries.
    fn epoch_row(entries: u32) -> Weight;
    /// A step that renews the bonds of a row of so many entries and follows so many edges to other Brains.
    fn epoch_bonds(entries: u32, cross_edges: u32) -> Weight;
    /// What ends a pass over so many peers; nothing for none.
    fn epoch_pass(peers: u32) -> Weight;
    /// Storing what an epoch of so many peers found, so many validators outside scoring the Brain.
    fn epoch_end(peers: u32, scorers: u32) -> Weight;
    /// Storing an epoch for the next block, or taking it up again.
    fn epoch_rest() -> Weight;
    /// Removing what is known of a closed Brain.
    fn sweep() -> Weight;
}

fn estimate(db: RuntimeDbWeight, base: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, PROOF.saturating_mul(reads)).saturating_add(db.reads_writes(reads, writes))
}

fn bytes(count: u64) -> Weight {
    Weight::from_parts(BYTE.saturating_mul(count), count)
}

/// Reading and writing the scores of one Brain.
fn scores(db: RuntimeDbWeight) -> Weight {
    let size = SCORER_BYTES.saturating_mul(MAX_SCORERS.into());
    estimate(db, CHECK, 1, 1).saturating_add(bytes(size).saturating_mul(2))
}

/// Estimates with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        /// Reads the Brain, uid, role (two records), counts and minimum, the validator's record, which it writes.
        fn commit_weights() -> Weight {
            estimate($db, BASE, 7, 1)
        }
        /// Reads the Brain, uid, role (two records), record, row, uids in use, counts, balance, hold, the epoch under
        /// way and the consensus that is kept; writes record, row, balance and hold.
        fn reveal_weights(n: u32) -> Weight {
            let kept = u64::from(PUBLISHED_EPOCHS).saturating_mul(u64::from(MAX_PEERS));
            estimate($db, BASE, 11u64.saturating_add(PUBLISHED_EPOCHS.into()), 4)
                .saturating_add(bytes(kept.saturating_mul(ENTRY_BYTES)))
                .saturating_add(Weight::from_parts(CHECK, ENTRY_BYTES).saturating_mul(u64::from(n)))
        }
        /// Reads the Brain, uid, role (two records), the old edges and stake, and writes the edges; for each new edge
        /// reads the peer, and whether the caller owns that Brain or is in it; renews the scores of all Brains at the
        /// ends of edges, new and old.
        fn set_cross_edges(n: u32, replaced: u32) -> Weight {
            let all = u64::from(n).saturating_add(replaced.into());
            estimate($db, BASE, 6, 1)
                .saturating_add(estimate($db, 0, 3, 0).saturating_mul(u64::from(n)))
                .saturating_add(scores($db).saturating_mul(all))
        }
        /// Reads what the last epoch found, and what rests.
        fn epoch_look() -> Weight {
            estimate($db, BASE, 2, 0)
        }
        /// Reads counts, Brain-directed stake, beta, TrustCredits and every peer; of each validator stake, record and
        /// accuracy, and writes its record.
        fn epoch_begin(peers: u32, validators: u32) -> Weight {
            estimate($db, BASE, 5, 0)
                .saturating_add(estimate($db, PEER, 1, 0).saturating_mul(u64::from(peers)))
                .saturating_add(estimate($db, PEER, 3, 1).saturating_mul(u64::from(validators)))
        }
        /// Reads the row.
        fn epoch_row(entries: u32) -> Weight {
            let entry = Weight::from_parts(ENTRY, ENTRY_BYTES);
            estimate($db, 0, 1, 0).saturating_add(entry.saturating_mul(u64::from(entries)))
        }
        /// Reads the row, the edges and the standing at the end of each; writes the row.
        fn epoch_bonds(entries: u32, cross_edges: u32) -> Weight {
            let entry = Weight::from_parts(BOND, ENTRY_BYTES);
            estimate($db, 0, 2, 1)
                .saturating_add(entry.saturating_mul(u64::from(entries)))
                .saturating_add(estimate($db, CHECK, 1, 0).saturating_mul(u64::from(cross_edges)))
        }
        fn epoch_pass(peers: u32) -> Weight {
            Weight::from_parts(PEER, 0).saturating_mul(u64::from(peers))
        }
        /// Reads every peer, minimum and performance; writes both, TrustCredits, public consensus, the record of the
        /// epoch and the standings. Reads the owner, the scores from outside (and before, their number), which it writes, and of each scorer stake
        /// and whether it is in the Brain.
        fn epoch_end(peers: u32, scorers: u32) -> Weight {
            estimate($db, BASE, 4, 5u64.saturating_add(STANDINGS_PAGES.into()))
                .saturating_add(estimate($db, PEER, 1, 0).saturating_mul(u64::from(peers)))
                .saturating_add(scores($db))
                .saturating_add(estimate($db, CHECK, 2, 0).saturating_mul(u64::from(scorers)))
        }
        /// Reads the Brain that rests; removes it with its state, all standings, public consensus and five records.
        fn sweep() -> Weight {
            let kept = u64::from(PUBLISHED_EPOCHS).saturating_add(STANDINGS_PAGES.into());
            estimate($db, BASE, 1, kept.saturating_add(7))
        }
        /// Reads or writes state and Brain.
        fn epoch_rest() -> Weight {
            let size = STATE_BYTES.saturating_mul(u64::from(MAX_PEERS));
            estimate($db, 0, 2, 2).saturating_add(bytes(size).saturating_mul(2))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
