//! Weights of `based_pallet_governance`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-21, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, Weight},
};

/// Weights of what the pallet does.
pub trait WeightInfo {
    /// Benchmark `sample`, `n` from 0 to 64.
    fn sample(n: u32) -> Weight;
    /// Benchmark `sweep`.
    fn sweep() -> Weight;
    /// Benchmark `propose`, `n` from 256 to 1048576.
    fn propose(n: u32) -> Weight;
    /// Benchmark `vote`.
    fn vote() -> Weight;
    /// Benchmark `vote_with_pepecoin`.
    fn vote_with_pepecoin() -> Weight;
    /// Benchmark `vote_with_pepecoin_again`.
    fn vote_with_pepecoin_again() -> Weight;
    /// Benchmark `close`.
    fn close() -> Weight;
    /// Benchmark `release`.
    fn release() -> Weight;
    /// Benchmark `pull_brake`.
    fn pull_brake() -> Weight;
}

/// Weights with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        // At least 6_780 ns.
        fn sample(n: u32) -> Weight {
            Weight::from_parts(60_290_889, 3_535)
                // Standard error: 220_499.
                .saturating_add(Weight::from_parts(15_767_107, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 3_329).saturating_mul(n.into()))
                .saturating_add($db.reads(2))
                .saturating_add($db.reads(u64::from(n).saturating_mul(3)))
                .saturating_add($db.writes(1))
                .saturating_add($db.writes(u64::from(n).saturating_mul(1)))
        }
        // At least 9_564 ns.
        fn sweep() -> Weight {
            Weight::from_parts(10_756_000, 3_535)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(2))
        }
        // At least 98_056 ns.
        fn propose(n: u32) -> Weight {
            Weight::from_parts(21_681_569, 4_197_809)
                // Standard error: 399.
                .saturating_add(Weight::from_parts(11_865, 0).saturating_mul(n.into()))
                .saturating_add($db.reads(9))
                .saturating_add($db.writes(7))
        }
        // At least 44_095 ns.
        fn vote() -> Weight {
            Weight::from_parts(50_185_000, 7_575)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(2))
        }
        // At least 100_880 ns.
        fn vote_with_pepecoin() -> Weight {
            Weight::from_parts(104_837_000, 3_850)
                .saturating_add($db.reads(8))
                .saturating_add($db.writes(6))
        }
        // At least 87_701 ns.
        fn vote_with_pepecoin_again() -> Weight {
            Weight::from_parts(92_017_000, 44_574)
                .saturating_add($db.reads(21))
                .saturating_add($db.writes(4))
        }
        // At least 112_278 ns.
        fn close() -> Weight {
            Weight::from_parts(114_821_000, 110_487)
                .saturating_add($db.reads(8))
                .saturating_add($db.writes(8))
        }
        // At least 87_340 ns.
        fn release() -> Weight {
            Weight::from_parts(88_352_000, 44_574)
                .saturating_add($db.reads(21))
                .saturating_add($db.writes(5))
        }
        // At least 43_174 ns.
        fn pull_brake() -> Weight {
            Weight::from_parts(44_175_000, 4_319)
                .saturating_add($db.reads(4))
                .saturating_add($db.writes(2))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
