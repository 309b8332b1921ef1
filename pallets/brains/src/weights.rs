//! Weights of `based_pallet_brains`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-22, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

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
        // At least 31_106 ns.
        fn issue() -> Weight {
            Weight::from_parts(33_270_000, 3_535)
                .saturating_add($db.reads(4))
                .saturating_add($db.writes(4))
        }
        // At least 80_480 ns.
        fn transfer() -> Weight {
            Weight::from_parts(88_021_000, 6_614)
                .saturating_add($db.reads(9))
                .saturating_add($db.writes(6))
        }
        // At least 16_605 ns.
        fn set_task() -> Weight {
            Weight::from_parts(17_817_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 15_053 ns.
        fn set_name() -> Weight {
            Weight::from_parts(15_744_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 14_041 ns.
        fn set_reward_account() -> Weight {
            Weight::from_parts(14_862_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 15_593 ns.
        fn set_terms() -> Weight {
            Weight::from_parts(19_639_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 15_233 ns.
        fn set_redistribution() -> Weight {
            Weight::from_parts(18_407_000, 4_319)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(1))
        }
        // At least 84_926 ns.
        fn acquire_burned() -> Weight {
            Weight::from_parts(90_375_000, 3_675)
                .saturating_add($db.reads(8))
                .saturating_add($db.writes(6))
        }
        // At least 110_205 ns.
        fn acquire_staked() -> Weight {
            Weight::from_parts(112_878_000, 6_208)
                .saturating_add($db.reads(11))
                .saturating_add($db.writes(9))
        }
        // At least 149_934 ns.
        fn deactivate(n: u32) -> Weight {
            Weight::from_parts(44_322_160, 6_208)
                // Standard error: 19_850.
                .saturating_add(Weight::from_parts(1_694_460, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 2_533).saturating_mul(n.into()))
                .saturating_add($db.reads(15))
                .saturating_add($db.reads(u64::from(n).saturating_mul(1)))
                .saturating_add($db.writes(16))
                .saturating_add($db.writes(u64::from(n).saturating_mul(1)))
        }
        // At least 73_139 ns.
        fn reassign() -> Weight {
            Weight::from_parts(80_450_000, 4_319)
                .saturating_add($db.reads(8))
                .saturating_add($db.writes(5))
        }
        // At least 84_426 ns.
        fn close(n: u32) -> Weight {
            Weight::from_parts(16_057_449, 4_319)
                // Standard error: 11_183.
                .saturating_add(Weight::from_parts(1_585_434, 0).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 2_533).saturating_mul(n.into()))
                .saturating_add($db.reads(10))
                .saturating_add($db.reads(u64::from(n).saturating_mul(1)))
                .saturating_add($db.writes(11))
                .saturating_add($db.writes(u64::from(n).saturating_mul(1)))
        }
        // At least 4_987 ns.
        fn set_bridge() -> Weight {
            Weight::from_parts(5_578_000, 0).saturating_add($db.writes(1))
        }
        // At least 86_739 ns.
        fn set_domains() -> Weight {
            Weight::from_parts(92_157_000, 4_319)
                .saturating_add($db.reads(7))
                .saturating_add($db.writes(6))
        }
        // At least 19_489 ns.
        fn prove_ens() -> Weight {
            Weight::from_parts(22_304_000, 4_319)
                .saturating_add($db.reads(3))
                .saturating_add($db.writes(1))
        }
        // At least 66_389 ns.
        fn set_template() -> Weight {
            Weight::from_parts(68_823_000, 4_319)
                .saturating_add($db.reads(6))
                .saturating_add($db.writes(4))
        }
        // At least 21_872 ns.
        fn record_audit() -> Weight {
            Weight::from_parts(24_105_000, 4_319)
                .saturating_add($db.reads(2))
                .saturating_add($db.writes(1))
        }
        // At least 72_929 ns.
        fn set_admission() -> Weight {
            Weight::from_parts(76_895_000, 4_319)
                .saturating_add($db.reads(6))
                .saturating_add($db.writes(4))
        }
        // At least 77_305 ns.
        fn set_allowed() -> Weight {
            Weight::from_parts(77_686_000, 4_319)
                .saturating_add($db.reads(7))
                .saturating_add($db.writes(5))
        }
        // At least 10_766 ns.
        fn sweep() -> Weight {
            Weight::from_parts(11_007_000, 3_535)
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
