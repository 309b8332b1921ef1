//! Weights of the calls: documented estimates (reads and writes of records of at most 300 bytes plus the
//! computation of a dispatch), to be replaced by measured ones.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Computation of one dispatch, in picoseconds: origin check, decoding, one event.
const BASE: u64 = 15_000_000;
/// Computation of one change of a hold, in picoseconds.
const HOLD: u64 = 50_000_000;
/// Computation of one voucher, in picoseconds: its signature and a transfer out of a hold.
const VOUCHER: u64 = 160_000_000;
/// Encoded size bound of one record together with its storage proof, in bytes.
const PROOF: u64 = 4_000;

/// Weights of the calls.
pub trait WeightInfo {
    /// [`crate::Call::set_prices`].
    fn set_prices() -> Weight;
    /// [`crate::Call::open`].
    fn open() -> Weight;
    /// [`crate::Call::top_up`].
    fn top_up() -> Weight;
    /// [`crate::Call::reserve`].
    fn reserve() -> Weight;
    /// [`crate::Call::redeem`] of `n` vouchers.
    fn redeem(n: u32) -> Weight;
    /// [`crate::Call::close`].
    fn close() -> Weight;
    /// [`crate::Call::finish_close`].
    fn finish_close() -> Weight;
    /// Removing the prices of a closed Brain.
    fn sweep() -> Weight;
}

fn estimate(db: RuntimeDbWeight, base: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, PROOF.saturating_mul(reads)).saturating_add(db.reads_writes(reads, writes))
}

/// Estimates with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        /// Reads the Brain, writes the prices.
        fn set_prices() -> Weight {
            estimate($db, BASE, 1, 1)
        }
        /// Reads and writes the number, the owner's balance and its holds; writes the account.
        fn open() -> Weight {
            estimate($db, BASE.saturating_add(HOLD), 3, 4)
        }
        /// Reads and writes the account, the owner's balance and its holds.
        fn top_up() -> Weight {
            estimate($db, BASE.saturating_add(HOLD), 3, 3)
        }
        /// Reads account, reservation and the miner's registration (two records); writes the first two.
        fn reserve() -> Weight {
            estimate($db, BASE, 4, 2)
        }
        /// Each voucher reads and writes account, reservation, two balances and a hold; the genesis hash once.
        fn redeem(n: u32) -> Weight {
            estimate($db, BASE, 1, 0)
                .saturating_add(estimate($db, VOUCHER, 5, 5).saturating_mul(u64::from(n)))
        }
        /// Reads and writes the account.
        fn close() -> Weight {
            estimate($db, BASE, 1, 1)
        }
        fn sweep() -> Weight {
            estimate($db, BASE, 0, 1)
        }
        /// Reads and writes the account, the owner's balance and its holds; removes up to 32 reservations.
        fn finish_close() -> Weight {
            estimate($db, BASE.saturating_add(HOLD), 35, 35)
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
