//! Weights of `based_pallet_forecasts`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-22, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, Weight},
};

/// Weights of what the pallet does.
pub trait WeightInfo {
    /// Benchmark `commit_forecast`.
    fn commit_forecast() -> Weight;
    /// Benchmark `reveal_forecast`, `n` from 0 to 64.
    fn reveal_forecast(n: u32) -> Weight;
    /// Benchmark `set_beta_override`.
    fn set_beta_override() -> Weight;
    /// Benchmark `set_feature_set`.
    fn set_feature_set() -> Weight;
    /// Benchmark `set_model`.
    fn set_model() -> Weight;
    /// Benchmark `roll_back_model`.
    fn roll_back_model() -> Weight;
    /// Benchmark `set_controller`.
    fn set_controller() -> Weight;
    /// Benchmark `observe`, `b` from 0 to 16, `p` from 0 to 10000.
    fn observe(b: u32, p: u32) -> Weight;
    /// Benchmark `close_bucket`.
    fn close_bucket() -> Weight;
    /// Benchmark `close_cycle`.
    fn close_cycle() -> Weight;
    /// Benchmark `no_scoring`.
    fn no_scoring() -> Weight;
    /// Benchmark `score_silent`, `n` from 0 to 128.
    fn score_silent(n: u32) -> Weight;
    /// Benchmark `score_revealed`, `n` from 0 to 128.
    fn score_revealed(n: u32) -> Weight;
    /// Benchmark `sweep`.
    fn sweep() -> Weight;
    /// Benchmark `forget_brain`.
    fn forget_brain() -> Weight;
}

/// Weights with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        // At least 118_495 ns.
        fn commit_forecast() -> Weight {
            Weight::from_parts(126_948_000, 3_802)
                .saturating_add($db.reads(6))
                .saturating_add($db.writes(4))
        }
        // At least 102_111 ns.
        fn reveal_forecast(n: u32) -> Weight {
            Weight::from_parts(131_934_373, 3_802)
                // Standard error: 503_113.
                .saturating_add(Weight::from_parts(9_946_233, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 3_771).saturating_mul(n.into()))
                .saturating_add($db.reads(6))
                .saturating_add($db.reads(u64::from(n).saturating_mul(2)))
                .saturating_add($db.writes(4))
                .saturating_add($db.writes(u64::from(n).saturating_mul(1)))
        }
        // At least 15_914 ns.
        fn set_beta_override() -> Weight {
            Weight::from_parts(17_316_000, 1_565)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 15_343 ns.
        fn set_feature_set() -> Weight {
            Weight::from_parts(15_763_000, 1_565)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 15_333 ns.
        fn set_model() -> Weight {
            Weight::from_parts(15_713_000, 1_565)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 14_552 ns.
        fn roll_back_model() -> Weight {
            Weight::from_parts(14_942_000, 1_565)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 16_365 ns.
        fn set_controller() -> Weight {
            Weight::from_parts(18_057_000, 1_565)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 377_069 ns.
        fn observe(b: u32, p: u32) -> Weight {
            Weight::from_parts(146_933_361, 28_517)
                // Standard error: 2_794_769.
                .saturating_add(Weight::from_parts(55_348_438, 0).saturating_mul(b.into()))
                // Standard error: 4_636.
                .saturating_add(Weight::from_parts(45_918, 0).saturating_mul(p.into()))
                .saturating_add(Weight::from_parts(0, 47_573).saturating_mul(b.into()))
                .saturating_add(Weight::from_parts(0, 25).saturating_mul(p.into()))
                .saturating_add($db.reads(5))
                .saturating_add($db.reads(u64::from(b).saturating_mul(4)))
                .saturating_add($db.writes(4))
                .saturating_add($db.writes(u64::from(b).saturating_mul(1)))
        }
        // At least 23_154 ns.
        fn close_bucket() -> Weight {
            Weight::from_parts(24_527_000, 1_501)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 76_653 ns.
        fn close_cycle() -> Weight {
            Weight::from_parts(80_229_000, 4_629)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(4))
        }
        // At least 3_545 ns.
        fn no_scoring() -> Weight {
            Weight::from_parts(4_006_000, 1_689).saturating_add($db.reads(1))
        }
        // At least 27_831 ns.
        fn score_silent(n: u32) -> Weight {
            Weight::from_parts(31_016_000, 3_685)
                // Standard error: 723_800.
                .saturating_add(Weight::from_parts(84_196_259, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 2_812).saturating_mul(n.into()))
                .saturating_add($db.reads(5))
                .saturating_add($db.reads(u64::from(n).saturating_mul(3)))
                .saturating_add($db.writes(4))
                .saturating_add($db.writes(u64::from(n).saturating_mul(3)))
        }
        // At least 21_412 ns.
        fn score_revealed(n: u32) -> Weight {
            Weight::from_parts(21_903_000, 3_685)
                // Standard error: 98_118.
                .saturating_add(Weight::from_parts(24_860_323, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 2_695).saturating_mul(n.into()))
                .saturating_add($db.reads(3))
                .saturating_add($db.reads(u64::from(n).saturating_mul(2)))
                .saturating_add($db.writes(2))
                .saturating_add($db.writes(u64::from(n).saturating_mul(2)))
        }
        // At least 49_493 ns.
        fn sweep() -> Weight {
            Weight::from_parts(55_382_000, 13_645)
                .saturating_add($db.reads(7))
                .saturating_add($db.writes(5))
        }
        // At least 3_114 ns.
        fn forget_brain() -> Weight {
            Weight::from_parts(3_375_000, 0).saturating_add($db.writes(1))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
