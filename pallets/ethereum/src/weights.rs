//! Weights of `based_pallet_ethereum`: upper estimates by what its calls read, write and hold, beside measured calls of other
//! pallets. `scripts/weights ethereum` measures them and writes this file.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, Weight},
};

/// Weights of what the pallet does.
pub trait WeightInfo {
    /// Benchmark `link`.
    fn link() -> Weight;
    /// Benchmark `unlink`.
    fn unlink() -> Weight;
    /// Benchmark `approve`.
    fn approve() -> Weight;
    /// Benchmark `set_operator`.
    fn set_operator() -> Weight;
    /// Benchmark `transfer_from`.
    fn transfer_from() -> Weight;
    /// Benchmark `sweep`.
    fn sweep() -> Weight;
}

/// Weights with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        fn link() -> Weight {
            Weight::from_parts(400_000_000, 10_000)
                .saturating_add($db.reads(8))
                .saturating_add($db.writes(8))
        }
        fn unlink() -> Weight {
            Weight::from_parts(40_000_000, 4_000)
                .saturating_add($db.reads(2))
                .saturating_add($db.writes(2))
        }
        fn approve() -> Weight {
            Weight::from_parts(150_000_000, 8_000)
                .saturating_add($db.reads(5))
                .saturating_add($db.writes(3))
        }
        fn set_operator() -> Weight {
            Weight::from_parts(80_000_000, 5_000)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(3))
        }
        fn transfer_from() -> Weight {
            Weight::from_parts(250_000_000, 10_000)
                .saturating_add($db.reads(10))
                .saturating_add($db.writes(10))
        }
        fn sweep() -> Weight {
            Weight::from_parts(60_000_000, 4_000)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(3))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
