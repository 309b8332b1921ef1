//! Weights of `based_pallet_consensus`, measured and written by `scripts/weights`: not to be edited.
//!
//! 2026-11-21, AMD EPYC, WebAssembly; frame-benchmarking-cli 64.0.0 with 20 steps of 5 runs.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, Weight},
};

/// Weights of what the pallet does.
pub trait WeightInfo {
    /// Benchmark `commit_weights`.
    fn commit_weights() -> Weight;
    /// Benchmark `reveal_weights`, `n` from 128 to 2047.
    fn reveal_weights(n: u32) -> Weight;
    /// Benchmark `set_cross_edges`, `n` from 0 to 64, `r` from 0 to 64.
    fn set_cross_edges(n: u32, r: u32) -> Weight;
    /// Benchmark `epoch_look`.
    fn epoch_look() -> Weight;
    /// Benchmark `epoch_begin`, `m` from 0 to 1792, `v` from 0 to 256.
    fn epoch_begin(m: u32, v: u32) -> Weight;
    /// Benchmark `epoch_row`, `e` from 0 to 2046.
    fn epoch_row(e: u32) -> Weight;
    /// Benchmark `epoch_bonds`, `e` from 0 to 2046, `x` from 0 to 64.
    fn epoch_bonds(e: u32, x: u32) -> Weight;
    /// Benchmark `epoch_pass`, `p` from 8 to 2048.
    fn epoch_pass(p: u32) -> Weight;
    /// Benchmark `epoch_end`, `p` from 8 to 2048, `s` from 0 to 64.
    fn epoch_end(p: u32, s: u32) -> Weight;
    /// Benchmark `epoch_rest`.
    fn epoch_rest() -> Weight;
    /// Benchmark `epoch_resume`.
    fn epoch_resume() -> Weight;
    /// Benchmark `sweep`.
    fn sweep() -> Weight;
}

/// Weights with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        // At least 43_525 ns.
        fn commit_weights() -> Weight {
            Weight::from_parts(50_796_000, 4_319)
                .saturating_add($db.reads(6))
                .saturating_add($db.writes(1))
        }
        // At least 1_201_761 ns.
        fn reveal_weights(n: u32) -> Weight {
            Weight::from_parts(1_371_968_596, 119_350)
                // Standard error: 49_456.
                .saturating_add(Weight::from_parts(536_432, 0).saturating_mul(n.into()))
                .saturating_add($db.reads(18))
                .saturating_add($db.writes(3))
        }
        // At least 561_376 ns.
        fn set_cross_edges(n: u32, r: u32) -> Weight {
            Weight::from_parts(574_506_000, 4_319)
                // Standard error: 4_647_901.
                .saturating_add(Weight::from_parts(140_477_218, 0).saturating_mul(n.into()))
                // Standard error: 4_647_901.
                .saturating_add(Weight::from_parts(8_755_355, 0).saturating_mul(r.into()))
                .saturating_add(Weight::from_parts(0, 6_071).saturating_mul(n.into()))
                .saturating_add(Weight::from_parts(0, 6_071).saturating_mul(r.into()))
                .saturating_add($db.reads(6))
                .saturating_add($db.reads(u64::from(n).saturating_mul(4)))
                .saturating_add($db.reads(u64::from(r).saturating_mul(1)))
                .saturating_add($db.writes(1))
                .saturating_add($db.writes(u64::from(n).saturating_mul(1)))
                .saturating_add($db.writes(u64::from(r).saturating_mul(1)))
        }
        // At least 31_547 ns.
        fn epoch_look() -> Weight {
            Weight::from_parts(41_782_000, 48_563).saturating_add($db.reads(3))
        }
        // At least 7_612_478 ns.
        fn epoch_begin(m: u32, v: u32) -> Weight {
            Weight::from_parts(865_718_826, 6_037)
                // Standard error: 661_395.
                .saturating_add(Weight::from_parts(8_671_926, 0).saturating_mul(m.into()))
                // Standard error: 4_619_586.
                .saturating_add(Weight::from_parts(26_510_275, 0).saturating_mul(v.into()))
                .saturating_add(Weight::from_parts(0, 2_590).saturating_mul(m.into()))
                .saturating_add(Weight::from_parts(0, 2_826).saturating_mul(v.into()))
                .saturating_add($db.reads(7))
                .saturating_add($db.reads(u64::from(m).saturating_mul(1)))
                .saturating_add($db.reads(u64::from(v).saturating_mul(4)))
                .saturating_add($db.writes(u64::from(v).saturating_mul(1)))
        }
        // At least 6_900 ns.
        fn epoch_row(e: u32) -> Weight {
            Weight::from_parts(8_374_334, 15_787)
                // Standard error: 391.
                .saturating_add(Weight::from_parts(21_270, 0).saturating_mul(e.into()))
                .saturating_add($db.reads(1))
        }
        // At least 199_477 ns.
        fn epoch_bonds(e: u32, x: u32) -> Weight {
            Weight::from_parts(27_750_614, 15_787)
                // Standard error: 5_396.
                .saturating_add(Weight::from_parts(103_198, 0).saturating_mul(e.into()))
                // Standard error: 171_209.
                .saturating_add(Weight::from_parts(5_432_512, 0).saturating_mul(x.into()))
                .saturating_add(Weight::from_parts(0, 3_265).saturating_mul(x.into()))
                .saturating_add($db.reads(2))
                .saturating_add($db.reads(u64::from(x).saturating_mul(1)))
                .saturating_add($db.writes(1))
        }
        // At least 11_017 ns.
        fn epoch_pass(p: u32) -> Weight {
            Weight::from_parts(12_078_000, 0)
                // Standard error: 6_728.
                .saturating_add(Weight::from_parts(1_627_848, 0).saturating_mul(p.into()))
        }
        // At least 965_149 ns.
        fn epoch_end(p: u32, s: u32) -> Weight {
            Weight::from_parts(4_297_864_366, 7_061)
                // Standard error: 437_337.
                .saturating_add(Weight::from_parts(9_230_731, 0).saturating_mul(p.into()))
                .saturating_add(Weight::from_parts(0, 2_590).saturating_mul(p.into()))
                .saturating_add(Weight::from_parts(0, 2_659).saturating_mul(s.into()))
                .saturating_add($db.reads(6))
                .saturating_add($db.reads(u64::from(p).saturating_mul(1)))
                .saturating_add($db.reads(u64::from(s).saturating_mul(2)))
                .saturating_add($db.writes(38))
        }
        // At least 39_078 ns.
        fn epoch_rest() -> Weight {
            Weight::from_parts(41_312_000, 0).saturating_add($db.writes(2))
        }
        // At least 177_545 ns.
        fn epoch_resume() -> Weight {
            Weight::from_parts(182_162_000, 349_975)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(2))
        }
        // At least 74_822 ns.
        fn sweep() -> Weight {
            Weight::from_parts(79_689_000, 1_487)
                .saturating_add($db.reads(1))
                .saturating_add($db.writes(47))
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
