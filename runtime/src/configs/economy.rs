//! The pallets of the economy: Brains, their peers, stake, scores, rewards and the payment of prompts.

use based_primitives::constants::{ACTIVITY_CUTOFF, BASED, OWNER_VESTING_BLOCKS};
use frame_support::{parameter_types, traits::ConstU32};
use frame_system::EnsureRoot;

use crate::{
    time::{
        CYCLE_BLOCKS, ENDPOINT_COOLDOWN, REDEMPTION_GRACE, TAKE_RAISE_DELAY, TASK_NOTICE, WEIGHTS_INTERVAL,
    },
    AccountId, Balance, Balances, Brains, Consensus, Forecasts, Registry, Runtime, RuntimeHoldReason,
    Staking,
};

parameter_types! {
    /// Smallest deposit of a spending account.
    pub const MinimumSpendingDeposit: Balance = BASED / 100;
}

type CycleBlocks = ConstU32<CYCLE_BLOCKS>;

impl based_pallet_brains::Config for Runtime {
    type CycleBlocks = CycleBlocks;
    // Brains are issued for Pepecoin; until the bridge proves that, by root.
    type IssueOrigin = EnsureRoot<AccountId>;
    type NoticeBlocks = ConstU32<TASK_NOTICE>;
    type OwnerVesting = ConstU32<OWNER_VESTING_BLOCKS>;
    type WeightInfo = based_pallet_brains::weights::SubstrateWeight<Runtime>;
}

impl based_pallet_registry::Config for Runtime {
    type Brains = Brains;
    type Currency = Balances;
    type EndpointCooldown = ConstU32<ENDPOINT_COOLDOWN>;
    type OnPeerJoined = Forecasts;
    type OnPeerRemoved = (Consensus, Forecasts);
    type WeightInfo = based_pallet_registry::weights::SubstrateWeight<Runtime>;
}

impl based_pallet_staking::Config for Runtime {
    type Brains = Brains;
    type Currency = Balances;
    type CycleBlocks = CycleBlocks;
    type Registry = Registry;
    type RuntimeHoldReason = RuntimeHoldReason;
    type TakeRaiseDelay = ConstU32<TAKE_RAISE_DELAY>;
    type WeightInfo = based_pallet_staking::weights::SubstrateWeight<Runtime>;
}

impl based_pallet_consensus::Config for Runtime {
    type ActivityCutoff = ConstU32<ACTIVITY_CUTOFF>;
    type Brains = Brains;
    type CycleBlocks = CycleBlocks;
    type Registry = Registry;
    type Stake = Staking;
    type WeightInfo = based_pallet_consensus::weights::SubstrateWeight<Runtime>;
    type WeightsRateLimit = ConstU32<WEIGHTS_INTERVAL>;
}

impl based_pallet_emission::Config for Runtime {
    type Brains = Brains;
    type Currency = Balances;
    type CycleBlocks = CycleBlocks;
    type Epochs = Consensus;
    type Forecasts = Forecasts;
    type Registry = Registry;
    type Rewards = Staking;
    type Stake = Staking;
    type WeightInfo = based_pallet_emission::weights::SubstrateWeight<Runtime>;
}

impl based_pallet_compute::Config for Runtime {
    type Brains = Brains;
    type Currency = Balances;
    type MinimumDeposit = MinimumSpendingDeposit;
    type RedemptionGrace = ConstU32<REDEMPTION_GRACE>;
    type Registry = Registry;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = based_pallet_compute::weights::SubstrateWeight<Runtime>;
}
