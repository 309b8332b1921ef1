//! Weights of `based_pallet_ethereum`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-22, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

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
        // At least 193_138 ns.
        fn link() -> Weight {
            Weight::from_parts(205_787_000, 6_614)
                .saturating_add($db.reads(9))
                .saturating_add($db.writes(8))
        }
        // At least 20_581 ns.
        fn unlink() -> Weight {
            Weight::from_parts(23_595_000, 3_554)
                .saturating_add($db.reads(2))
                .saturating_add($db.writes(2))
        }
        // At least 102_472 ns.
        fn approve() -> Weight {
            Weight::from_parts(104_656_000, 4_319)
                .saturating_add($db.reads(5))
                .saturating_add($db.writes(3))
        }
        // At least 53_950 ns.
        fn set_operator() -> Weight {
            Weight::from_parts(55_683_000, 3_802)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(3))
        }
        // At least 72_008 ns.
        fn transfer_from() -> Weight {
            Weight::from_parts(75_653_000, 4_319)
                .saturating_add($db.reads(8))
                .saturating_add($db.writes(4))
        }
        // At least 43_786 ns.
        fn sweep() -> Weight {
            Weight::from_parts(44_717_000, 3_802)
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
