//! Weights of `based_pallet_forecasts`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-21, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

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
    /// Benchmark `observe`, `b` from 0 to 16.
    fn observe(b: u32) -> Weight;
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
        // At least 73_469 ns.
        fn commit_forecast() -> Weight {
            Weight::from_parts(76_884_000, 3_784)
                .saturating_add($db.reads(6))
                .saturating_add($db.writes(4))
        }
        // At least 66_379 ns.
        fn reveal_forecast(n: u32) -> Weight {
            Weight::from_parts(69_294_956, 3_784)
                // Standard error: 367_244.
                .saturating_add(Weight::from_parts(9_227_802, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 3_771).saturating_mul(n.into()))
                .saturating_add($db.reads(6))
                .saturating_add($db.reads(u64::from(n).saturating_mul(2)))
                .saturating_add($db.writes(4))
                .saturating_add($db.writes(u64::from(n).saturating_mul(1)))
        }
        // At least 11_057 ns.
        fn set_beta_override() -> Weight {
            Weight::from_parts(12_719_000, 1_565)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 9_664 ns.
        fn set_feature_set() -> Weight {
            Weight::from_parts(10_035_000, 1_565)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 9_905 ns.
        fn set_model() -> Weight {
            Weight::from_parts(10_515_000, 1_565)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 9_695 ns.
        fn roll_back_model() -> Weight {
            Weight::from_parts(10_005_000, 1_565)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 10_275 ns.
        fn set_controller() -> Weight {
            Weight::from_parts(10_616_000, 1_565)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 11_617 ns.
        fn observe(b: u32) -> Weight {
            Weight::from_parts(7_734_161, 3_533)
                // Standard error: 1_136_189.
                .saturating_add(Weight::from_parts(36_442_638, 0).saturating_mul(b.into()))
                .saturating_add(Weight::from_parts(0, 47_573).saturating_mul(b.into()))
                .saturating_add($db.reads(4))
                .saturating_add($db.reads(u64::from(b).saturating_mul(4)))
                .saturating_add($db.writes(3))
                .saturating_add($db.writes(u64::from(b).saturating_mul(1)))
        }
        // At least 8_522 ns.
        fn close_bucket() -> Weight {
            Weight::from_parts(12_549_000, 1_501)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 25_508 ns.
        fn close_cycle() -> Weight {
            Weight::from_parts(25_728_000, 4_629)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(4))
        }
        // At least 1_693 ns.
        fn no_scoring() -> Weight {
            Weight::from_parts(1_763_000, 1_689).saturating_add($db.reads(1))
        }
        // At least 13_841 ns.
        fn score_silent(n: u32) -> Weight {
            Weight::from_parts(51_609_437, 3_685)
                // Standard error: 290_592.
                .saturating_add(Weight::from_parts(50_174_834, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 2_794).saturating_mul(n.into()))
                .saturating_add($db.reads(5))
                .saturating_add($db.reads(u64::from(n).saturating_mul(3)))
                .saturating_add($db.writes(4))
                .saturating_add($db.writes(u64::from(n).saturating_mul(3)))
        }
        // At least 13_339 ns.
        fn score_revealed(n: u32) -> Weight {
            Weight::from_parts(13_450_000, 3_685)
                // Standard error: 114_598.
                .saturating_add(Weight::from_parts(14_779_458, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 2_695).saturating_mul(n.into()))
                .saturating_add($db.reads(3))
                .saturating_add($db.reads(u64::from(n).saturating_mul(2)))
                .saturating_add($db.writes(2))
                .saturating_add($db.writes(u64::from(n).saturating_mul(2)))
        }
        // At least 31_527 ns.
        fn sweep() -> Weight {
            Weight::from_parts(32_238_000, 13_645)
                .saturating_add($db.reads(7))
                .saturating_add($db.writes(5))
        }
        // At least 1_562 ns.
        fn forget_brain() -> Weight {
            Weight::from_parts(1_743_000, 0).saturating_add($db.writes(1))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
