//! Weights of `based_pallet_emission`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-21, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, Weight},
};

/// Weights of what the pallet does.
pub trait WeightInfo {
    /// Benchmark `claim`.
    fn claim() -> Weight;
    /// Benchmark `mint`.
    fn mint() -> Weight;
    /// Benchmark `look`.
    fn look() -> Weight;
    /// Benchmark `divide_pot`, `b` from 0 to 1024.
    fn divide_pot(b: u32) -> Weight;
    /// Benchmark `divide_budget`, `m` from 0 to 1792, `v` from 0 to 256, `s` from 0 to 2048.
    fn divide_budget(m: u32, v: u32, s: u32) -> Weight;
    /// Benchmark `sweep`.
    fn sweep() -> Weight;
}

/// Weights with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        // At least 65_177 ns.
        fn claim() -> Weight {
            Weight::from_parts(66_779_000, 6_196)
                .saturating_add($db.reads(5))
                .saturating_add($db.writes(5))
        }
        // At least 30_906 ns.
        fn mint() -> Weight {
            Weight::from_parts(32_919_000, 7_631)
                .saturating_add($db.reads(4))
                .saturating_add($db.writes(4))
        }
        // At least 7_000 ns.
        fn look() -> Weight {
            Weight::from_parts(7_311_000, 4_319).saturating_add($db.reads(1))
        }
        // At least 58_097 ns.
        fn divide_pot(b: u32) -> Weight {
            Weight::from_parts(72_979_000, 7_631)
                // Standard error: 842_911.
                .saturating_add(Weight::from_parts(25_643_449, 0).saturating_mul(b.into()))
                .saturating_add(Weight::from_parts(0, 3_765).saturating_mul(b.into()))
                .saturating_add($db.reads(9))
                .saturating_add($db.reads(u64::from(b).saturating_mul(4)))
                .saturating_add($db.writes(1))
                .saturating_add($db.writes(u64::from(b).saturating_mul(1)))
        }
        // At least 18_411_837 ns.
        fn divide_budget(m: u32, v: u32, s: u32) -> Weight {
            Weight::from_parts(3_252_921_168, 6_196)
                // Standard error: 460_159.
                .saturating_add(Weight::from_parts(3_533_616, 0).saturating_mul(m.into()))
                // Standard error: 3_213_865.
                .saturating_add(Weight::from_parts(37_820_924, 0).saturating_mul(v.into()))
                // Standard error: 402_654.
                .saturating_add(Weight::from_parts(5_600_307, 0).saturating_mul(s.into()))
                .saturating_add(Weight::from_parts(0, 2_590).saturating_mul(m.into()))
                .saturating_add(Weight::from_parts(0, 2_539).saturating_mul(s.into()))
                .saturating_add(Weight::from_parts(0, 2_659).saturating_mul(v.into()))
                .saturating_add($db.reads(9))
                .saturating_add($db.reads(u64::from(m).saturating_mul(1)))
                .saturating_add($db.reads(u64::from(v).saturating_mul(4)))
                .saturating_add($db.reads(u64::from(s).saturating_mul(1)))
                .saturating_add($db.writes(7))
                .saturating_add($db.writes(u64::from(v).saturating_mul(2)))
                .saturating_add($db.writes(u64::from(s).saturating_mul(1)))
        }
        // At least 14_321 ns.
        fn sweep() -> Weight {
            Weight::from_parts(14_812_000, 7_631)
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
