//! Weights of `based_pallet_staking`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-21, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, Weight},
};

/// Weights of what the pallet does.
pub trait WeightInfo {
    /// Benchmark `stake`.
    fn stake() -> Weight;
    /// Benchmark `stake_slashed`.
    fn stake_slashed() -> Weight;
    /// Benchmark `unstake`.
    fn unstake() -> Weight;
    /// Benchmark `withdraw`.
    fn withdraw() -> Weight;
    /// Benchmark `claim`.
    fn claim() -> Weight;
    /// Benchmark `set_take`.
    fn set_take() -> Weight;
    /// Benchmark `withdraw_leaving`.
    fn withdraw_leaving() -> Weight;
    /// Benchmark `settle_slash`.
    fn settle_slash() -> Weight;
    /// Benchmark `sweep`.
    fn sweep() -> Weight;
}

/// Weights with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        // At least 98_687 ns.
        fn stake() -> Weight {
            Weight::from_parts(110_795_000, 4_319)
                .saturating_add($db.reads(11))
                .saturating_add($db.writes(10))
        }
        // At least 137_355 ns.
        fn stake_slashed() -> Weight {
            Weight::from_parts(143_904_000, 6_196)
                .saturating_add($db.reads(11))
                .saturating_add($db.writes(8))
        }
        // At least 147_590 ns.
        fn unstake() -> Weight {
            Weight::from_parts(150_134_000, 6_196)
                .saturating_add($db.reads(12))
                .saturating_add($db.writes(13))
        }
        // At least 48_082 ns.
        fn withdraw() -> Weight {
            Weight::from_parts(49_234_000, 3_784)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(3))
        }
        // At least 116_343 ns.
        fn claim() -> Weight {
            Weight::from_parts(122_472_000, 8_799)
                .saturating_add($db.reads(7))
                .saturating_add($db.writes(7))
        }
        // At least 22_053 ns.
        fn set_take() -> Weight {
            Weight::from_parts(23_375_000, 3_580)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(1))
        }
        // At least 104_096 ns.
        fn withdraw_leaving() -> Weight {
            Weight::from_parts(108_532_000, 6_196)
                .saturating_add($db.reads(6))
                .saturating_add($db.writes(6))
        }
        // At least 75_062 ns.
        fn settle_slash() -> Weight {
            Weight::from_parts(99_889_000, 6_196)
                .saturating_add($db.reads(5))
                .saturating_add($db.writes(5))
        }
        // At least 151_566 ns.
        fn sweep() -> Weight {
            Weight::from_parts(153_318_000, 6_196)
                .saturating_add($db.reads(13))
                .saturating_add($db.writes(13))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
