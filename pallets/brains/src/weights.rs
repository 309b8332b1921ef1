//! Weights of `based_pallet_brains`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-21, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, Weight},
};

/// Weights of what the pallet does.
pub trait WeightInfo {
    /// Benchmark `issue`.
    fn issue() -> Weight;
    /// Benchmark `transfer`.
    fn transfer() -> Weight;
    /// Benchmark `set_task`.
    fn set_task() -> Weight;
    /// Benchmark `set_name`.
    fn set_name() -> Weight;
    /// Benchmark `set_reward_account`.
    fn set_reward_account() -> Weight;
    /// Benchmark `set_terms`.
    fn set_terms() -> Weight;
    /// Benchmark `set_redistribution`.
    fn set_redistribution() -> Weight;
    /// Benchmark `acquire_burned`.
    fn acquire_burned() -> Weight;
    /// Benchmark `acquire_staked`.
    fn acquire_staked() -> Weight;
    /// Benchmark `deactivate`, `n` from 0 to 2048.
    fn deactivate(n: u32) -> Weight;
    /// Benchmark `reassign`.
    fn reassign() -> Weight;
    /// Benchmark `close`, `n` from 0 to 2048.
    fn close(n: u32) -> Weight;
    /// Benchmark `set_bridge`.
    fn set_bridge() -> Weight;
    /// Benchmark `set_domains`.
    fn set_domains() -> Weight;
    /// Benchmark `prove_ens`.
    fn prove_ens() -> Weight;
    /// Benchmark `set_template`.
    fn set_template() -> Weight;
    /// Benchmark `record_audit`.
    fn record_audit() -> Weight;
    /// Benchmark `set_admission`.
    fn set_admission() -> Weight;
    /// Benchmark `set_allowed`.
    fn set_allowed() -> Weight;
    /// Benchmark `sweep`.
    fn sweep() -> Weight;
}

/// Weights with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        // At least 32_959 ns.
        fn issue() -> Weight {
            Weight::from_parts(36_955_000, 3_535)
                .saturating_add($db.reads(4))
                .saturating_add($db.writes(4))
        }
        // At least 77_045 ns.
        fn transfer() -> Weight {
            Weight::from_parts(80_129_000, 6_578)
                .saturating_add($db.reads(8))
                .saturating_add($db.writes(6))
        }
        // At least 17_066 ns.
        fn set_task() -> Weight {
            Weight::from_parts(18_137_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 14_242 ns.
        fn set_name() -> Weight {
            Weight::from_parts(14_902_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 14_973 ns.
        fn set_reward_account() -> Weight {
            Weight::from_parts(20_640_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 14_812 ns.
        fn set_terms() -> Weight {
            Weight::from_parts(16_024_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 15_973 ns.
        fn set_redistribution() -> Weight {
            Weight::from_parts(18_638_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 83_574 ns.
        fn acquire_burned() -> Weight {
            Weight::from_parts(89_354_000, 3_675)
                .saturating_add($db.reads(8))
                .saturating_add($db.writes(6))
        }
        // At least 110_675 ns.
        fn acquire_staked() -> Weight {
            Weight::from_parts(121_421_000, 6_208)
                .saturating_add($db.reads(11))
                .saturating_add($db.writes(9))
        }
        // At least 149_913 ns.
        fn deactivate(n: u32) -> Weight {
            Weight::from_parts(153_578_000, 6_208)
                // Standard error: 169_656.
                .saturating_add(Weight::from_parts(3_684_256, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 2_533).saturating_mul(n.into()))
                .saturating_add($db.reads(15))
                .saturating_add($db.reads(u64::from(n).saturating_mul(1)))
                .saturating_add($db.writes(16))
                .saturating_add($db.writes(u64::from(n).saturating_mul(1)))
        }
        // At least 67_331 ns.
        fn reassign() -> Weight {
            Weight::from_parts(95_092_000, 4_319)
                .saturating_add($db.reads(7))
                .saturating_add($db.writes(5))
        }
        // At least 89_093 ns.
        fn close(n: u32) -> Weight {
            Weight::from_parts(718_402_900, 4_319)
                // Standard error: 318_897.
                .saturating_add(Weight::from_parts(1_902_685, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 2_533).saturating_mul(n.into()))
                .saturating_add($db.reads(10))
                .saturating_add($db.reads(u64::from(n).saturating_mul(1)))
                .saturating_add($db.writes(11))
                .saturating_add($db.writes(u64::from(n).saturating_mul(1)))
        }
        // At least 5_068 ns.
        fn set_bridge() -> Weight {
            Weight::from_parts(6_039_000, 0).saturating_add($db.writes(1))
        }
        // At least 77_746 ns.
        fn set_domains() -> Weight {
            Weight::from_parts(81_291_000, 4_319)
                .saturating_add($db.reads(7))
                .saturating_add($db.writes(6))
        }
        // At least 17_686 ns.
        fn prove_ens() -> Weight {
            Weight::from_parts(19_029_000, 4_319)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(1))
        }
        // At least 62_183 ns.
        fn set_template() -> Weight {
            Weight::from_parts(63_255_000, 4_319)
                .saturating_add($db.reads(6))
                .saturating_add($db.writes(4))
        }
        // At least 20_651 ns.
        fn record_audit() -> Weight {
            Weight::from_parts(21_071_000, 4_319)
                .saturating_add($db.reads(2))
                .saturating_add($db.writes(1))
        }
        // At least 69_524 ns.
        fn set_admission() -> Weight {
            Weight::from_parts(72_698_000, 4_319)
                .saturating_add($db.reads(6))
                .saturating_add($db.writes(4))
        }
        // At least 72_809 ns.
        fn set_allowed() -> Weight {
            Weight::from_parts(73_189_000, 4_319)
                .saturating_add($db.reads(7))
                .saturating_add($db.writes(5))
        }
        // At least 9_995 ns.
        fn sweep() -> Weight {
            Weight::from_parts(10_525_000, 3_535)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
