//! Weights of `based_pallet_registry`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-21, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, Weight},
};

/// Weights of what the pallet does.
pub trait WeightInfo {
    /// Benchmark `memorize`.
    fn memorize() -> Weight;
    /// Benchmark `prune`.
    fn prune() -> Weight;
    /// Benchmark `update_endpoint`.
    fn update_endpoint() -> Weight;
    /// Benchmark `leave`.
    fn leave() -> Weight;
    /// Benchmark `set_fee`.
    fn set_fee() -> Weight;
    /// Benchmark `set_pruning`.
    fn set_pruning() -> Weight;
    /// Benchmark `sweep`.
    fn sweep() -> Weight;
}

/// Weights with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        // At least 308_530 ns.
        fn memorize() -> Weight {
            Weight::from_parts(317_233_000, 6_196)
                .saturating_add($db.reads(11))
                .saturating_add($db.writes(9))
        }
        // At least 14_644_952 ns.
        fn prune() -> Weight {
            Weight::from_parts(16_610_131_000, 5_305_310)
                .saturating_add($db.reads(2124))
                .saturating_add($db.writes(77))
        }
        // At least 38_337 ns.
        fn update_endpoint() -> Weight {
            Weight::from_parts(40_661_000, 3_580)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(2))
        }
        // At least 687_795 ns.
        fn leave() -> Weight {
            Weight::from_parts(763_989_000, 389_534)
                .saturating_add($db.reads(76))
                .saturating_add($db.writes(77))
        }
        // At least 14_692 ns.
        fn set_fee() -> Weight {
            Weight::from_parts(17_706_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 13_299 ns.
        fn set_pruning() -> Weight {
            Weight::from_parts(16_475_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 14_131 ns.
        fn sweep() -> Weight {
            Weight::from_parts(14_352_000, 3_731)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(4))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
