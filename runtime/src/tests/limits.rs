//! Limits and times of release networks.

use based_primitives::constants;
use frame_support::{
    dispatch::DispatchClass,
    traits::Get,
    weights::{constants::WEIGHT_REF_TIME_PER_SECOND, Weight},
};

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
    assert_eq!(
        constant::<<Runtime as based_pallet_consensus::Config>::RevealDelay, u32>(),
        3
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
fn epochs_get_a_tenth_of_a_block_and_any_step_of_one_fits() {
    use based_pallet_consensus::WeightInfo as _;
    use based_pallet_emission::WeightInfo as _;
    type Epoch = based_pallet_consensus::weights::SubstrateWeight<Runtime>;
    type Division = based_pallet_emission::weights::SubstrateWeight<Runtime>;

    let limit = constant::<<Runtime as based_pallet_emission::Config>::EpochLimit, Weight>();
    assert_eq!(limit.ref_time(), WEIGHT_REF_TIME_PER_SECOND / 2);
    let room = limit - Division::divide_budget(1_792, 256, 2_048) - Epoch::epoch_look() - Epoch::epoch_rest();
    let resumed = room - Epoch::epoch_resume();
    let longest = Epoch::epoch_bonds(2_048, 64) + Epoch::epoch_pass(2_048);
    assert!(Epoch::epoch_begin(1_792, 256).all_lte(room));
    assert!(longest.all_lte(resumed) && Epoch::epoch_end(2_048, 64).all_lte(resumed));
    // A full Brain's epoch, its 77 active validators all with edges elsewhere, ends in its own block.
    let passes = Epoch::epoch_row(2_047) * 3 + Epoch::epoch_bonds(2_047, 64);
    let all = Epoch::epoch_begin(1_792, 256)
        + passes * 77
        + Epoch::epoch_pass(2_048) * 4
        + longest
        + Epoch::epoch_end(2_048, 64);
    assert!(all.all_lte(room), "{all:?} of {room:?}");
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

#[test]
fn a_peer_pays_for_what_it_stores_at_the_price_of_every_other_record() {
    assert_eq!(constants::PEER_DEPOSIT, crate::configs::deposit(4, 220));
}
