//! System: block limits, accounts, time of a block.

use based_primitives::constants::SS58_PREFIX;
use frame_support::{
    derive_impl, parameter_types,
    traits::ConstU64,
    weights::{
        constants::{BlockExecutionWeight, ExtrinsicBaseWeight, ParityDbWeight, WEIGHT_REF_TIME_PER_SECOND},
        Weight,
    },
};
use frame_system::limits;
use sp_runtime::Perbill;
use sp_version::RuntimeVersion;
use spin::Lazy;

use super::CallFilter;
use crate::{
    time::SLOT_MILLIS, AccountId, Babe, Block, Hash, Nonce, PalletInfo, Runtime, RuntimeCall, RuntimeEvent,
    RuntimeOrigin, RuntimeTask, VERSION,
};

/// Share of a block's limits that normal extrinsics may fill (F.1-1).
pub const NORMAL_DISPATCH_RATIO: Perbill = Perbill::from_percent(75);
/// Computation in one block: 5 s of a 10 s slot (F.1-1). Proof size has no limit on a chain without a relay.
pub const MAXIMUM_BLOCK_WEIGHT: Weight =
    Weight::from_parts(WEIGHT_REF_TIME_PER_SECOND.saturating_mul(5), u64::MAX);
/// Length of one block in bytes (F.1-1).
const MAXIMUM_BLOCK_LENGTH: u32 = 8 * 1024 * 1024;
/// Part of a block assumed to be taken by hooks.
const AVERAGE_ON_INITIALIZE_RATIO: Perbill = Perbill::from_percent(10);

/// Limits of blocks, worked out once: every transaction asks for them some ten times.
static BLOCK_WEIGHTS: Lazy<limits::BlockWeights> = Lazy::new(|| {
    limits::BlockWeights::builder()
        .base_block(BlockExecutionWeight::get())
        .for_class(frame_support::dispatch::DispatchClass::all(), |weights| {
            weights.base_extrinsic = ExtrinsicBaseWeight::get();
        })
        .for_class(frame_support::dispatch::DispatchClass::Normal, |weights| {
            weights.max_total = Some(NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_WEIGHT);
        })
        .for_class(frame_support::dispatch::DispatchClass::Operational, |weights| {
            weights.max_total = Some(MAXIMUM_BLOCK_WEIGHT);
            weights.reserved =
                Some(MAXIMUM_BLOCK_WEIGHT.saturating_sub(NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_WEIGHT));
        })
        .avg_block_initialization(AVERAGE_ON_INITIALIZE_RATIO)
        .build_or_panic()
});

parameter_types! {
    pub const BlockHashCount: u32 = 4_096;
    pub const Version: RuntimeVersion = VERSION;
    pub const SS58Prefix: u16 = SS58_PREFIX;
    pub BlockLength: limits::BlockLength = limits::BlockLength::builder()
        .max_length(MAXIMUM_BLOCK_LENGTH)
        .modify_max_length_for_class(frame_support::dispatch::DispatchClass::Normal, |length| {
            *length = NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_LENGTH;
        })
        .build();
    pub BlockWeights: limits::BlockWeights = BLOCK_WEIGHTS.clone();
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type AccountData = pallet_balances::AccountData<crate::Balance>;
    type AccountId = AccountId;
    type BaseCallFilter = CallFilter;
    type Block = Block;
    type BlockHashCount = BlockHashCount;
    type BlockLength = BlockLength;
    type BlockWeights = BlockWeights;
    type DbWeight = ParityDbWeight;
    type ExtensionsWeightInfo = frame_system::SubstrateExtensionsWeight<Runtime>;
    type Hash = Hash;
    type Nonce = Nonce;
    // Every account gets its Ethereum address without a deposit or a call of its own.
    type OnKilledAccount = pallet_revive::AutoMapper<Runtime>;
    type OnNewAccount = pallet_revive::AutoMapper<Runtime>;
    type SS58Prefix = SS58Prefix;
    type SingleBlockMigrations = (
        based_pallet_brains::migrations::CountBurned<Runtime>,
        based_pallet_staking::migrations::ListStakers<Runtime>,
    );
    type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
    type Version = Version;
}

impl pallet_timestamp::Config for Runtime {
    type MinimumPeriod = ConstU64<{ SLOT_MILLIS / 2 }>;
    type Moment = u64;
    type OnTimestampSet = Babe;
    type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}
