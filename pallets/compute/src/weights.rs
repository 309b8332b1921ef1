//! Weights of `based_pallet_compute`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-21, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, Weight},
};

/// Weights of what the pallet does.
pub trait WeightInfo {
    /// Benchmark `set_prices`.
    fn set_prices() -> Weight;
    /// Benchmark `open`.
    fn open() -> Weight;
    /// Benchmark `top_up`.
    fn top_up() -> Weight;
    /// Benchmark `reserve`.
    fn reserve() -> Weight;
    /// Benchmark `redeem`, `n` from 1 to 64.
    fn redeem(n: u32) -> Weight;
    /// Benchmark `close`.
    fn close() -> Weight;
    /// Benchmark `finish_close`.
    fn finish_close() -> Weight;
    /// Benchmark `sweep`.
    fn sweep() -> Weight;
}

/// Weights with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        // At least 29_123 ns.
        fn set_prices() -> Weight {
            Weight::from_parts(32_318_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 75_313 ns.
        fn open() -> Weight {
            Weight::from_parts(79_769_000, 3_784)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(4))
        }
        // At least 86_479 ns.
        fn top_up() -> Weight {
            Weight::from_parts(91_777_000, 3_784)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(3))
        }
        // At least 51_226 ns.
        fn reserve() -> Weight {
            Weight::from_parts(53_961_000, 3_623)
                .saturating_add($db.reads(4))
                .saturating_add($db.writes(2))
        }
        // At least 217_103 ns.
        fn redeem(n: u32) -> Weight {
            Weight::from_parts(115_226_093, 3_593)
                // Standard error: 8_874_566.
                .saturating_add(Weight::from_parts(121_793_099, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 2_794).saturating_mul(n.into()))
                .saturating_add($db.reads(2))
                .saturating_add($db.reads(u64::from(n).saturating_mul(4)))
                .saturating_add($db.writes(1))
                .saturating_add($db.writes(u64::from(n).saturating_mul(4)))
        }
        // At least 11_588 ns.
        fn close() -> Weight {
            Weight::from_parts(13_320_000, 3_623)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 120_940 ns.
        fn finish_close() -> Weight {
            Weight::from_parts(129_603_000, 83_326)
                .saturating_add($db.reads(35))
                .saturating_add($db.writes(35))
        }
        // At least 1_692 ns.
        fn sweep() -> Weight {
            Weight::from_parts(1_913_000, 0).saturating_add($db.writes(1))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
