//! Weights of `based_pallet_authorities`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-21, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, Weight},
};

/// Weights of what the pallet does.
pub trait WeightInfo {
    /// Benchmark `opt_in`.
    fn opt_in() -> Weight;
    /// Benchmark `opt_out`.
    fn opt_out() -> Weight;
    /// Benchmark `withdraw_bond`.
    fn withdraw_bond() -> Weight;
    /// Benchmark `note_author`.
    fn note_author() -> Weight;
    /// Benchmark `look`.
    fn look() -> Weight;
    /// Benchmark `slash`, `p` from 0 to 1024.
    fn slash(p: u32) -> Weight;
}

/// Weights with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        // At least 2_427_319 ns.
        fn opt_in() -> Weight {
            Weight::from_parts(2_712_243_000, 1_303_497)
                .saturating_add($db.reads(522))
                .saturating_add($db.writes(5))
        }
        // At least 71_456 ns.
        fn opt_out() -> Weight {
            Weight::from_parts(77_385_000, 17_871)
                .saturating_add($db.reads(2))
                .saturating_add($db.writes(2))
        }
        // At least 63_675 ns.
        fn withdraw_bond() -> Weight {
            Weight::from_parts(69_654_000, 9_683)
                .saturating_add($db.reads(6))
                .saturating_add($db.writes(3))
        }
        // At least 4_967 ns.
        fn note_author() -> Weight {
            Weight::from_parts(5_058_000, 1_489)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(2))
        }
        // At least 3_014 ns.
        fn look() -> Weight {
            Weight::from_parts(3_125_000, 5_887).saturating_add($db.reads(1))
        }
        // At least 476_150 ns.
        fn slash(p: u32) -> Weight {
            Weight::from_parts(1_493_949_629, 162_438)
                // Standard error: 753_305.
                .saturating_add(Weight::from_parts(16_457_605, 0).saturating_mul(p.into()))
                .saturating_add(Weight::from_parts(0, 2_659).saturating_mul(p.into()))
                .saturating_add($db.reads(70))
                .saturating_add($db.reads(u64::from(p).saturating_mul(3)))
                .saturating_add($db.writes(69))
                .saturating_add($db.writes(u64::from(p).saturating_mul(2)))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
