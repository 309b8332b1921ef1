//! Limits and times of release networks.

use based_primitives::constants;
use frame_support::{dispatch::DispatchClass, traits::Get, weights::constants::WEIGHT_REF_TIME_PER_SECOND};

use crate::{
    configs::{BlockLength, BlockWeights},
    time, Runtime, VERSION,
};

/// A constant of a pallet, with its type named: the SDK reads each in two ways.
fn constant<Constant: Get<Value>, Value>() -> Value {
    Constant::get()
}

#[test]
fn release_networks_have_ten_second_slots_and_cycles_of_1024_blocks() {
    assert_eq!(time::SLOT_MILLIS, 10_000);
    assert_eq!(
        constant::<<Runtime as pallet_babe::Config>::ExpectedBlockTime, u64>(),
        10_000
    );
    assert_eq!(time::CYCLE_BLOCKS, 1_024);
    assert_eq!(
        constant::<<Runtime as based_pallet_brains::Config>::CycleBlocks, u32>(),
        1_024
    );
    assert_eq!(
        constant::<<Runtime as based_pallet_staking::Config>::CycleBlocks, u32>(),
        1_024
    );
    assert_eq!(constants::INITIAL_BLOCK_REWARD, 10_000_000_000_000_000_000);
    assert_eq!(VERSION.spec_name, "based");
}

#[test]
fn blocks_hold_five_seconds_and_eight_mebibytes_three_quarters_of_them_normal() {
    let weights = BlockWeights::get();
    assert_eq!(weights.max_block.ref_time(), 5 * WEIGHT_REF_TIME_PER_SECOND);
    let normal = weights.get(DispatchClass::Normal).max_total.unwrap().ref_time();
    assert_eq!(normal, 5 * WEIGHT_REF_TIME_PER_SECOND / 4 * 3);
    let length = BlockLength::get();
    assert_eq!(*length.max.get(DispatchClass::Mandatory), 8 * 1024 * 1024);
    assert_eq!(*length.max.get(DispatchClass::Normal), 6 * 1024 * 1024);
}

#[test]
fn contracts_see_the_networks_chain_id_and_ether_sized_units() {
    assert_eq!(
        constant::<<Runtime as pallet_revive::Config>::ChainId, u64>(),
        32_323
    );
    assert_eq!(
        constant::<<Runtime as pallet_revive::Config>::NativeToEthRatio, u32>(),
        1
    );
    assert!(constant::<
        <Runtime as pallet_revive::Config>::AllowEVMBytecode,
        bool,
    >());
}
