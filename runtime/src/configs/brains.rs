//! Brains, which are issued for Pepecoin.

use based_primitives::constants::OWNER_VESTING_BLOCKS;
use frame_support::{parameter_types, traits::ConstU32};
use frame_system::EnsureRoot;

use crate::{
    configs::{deposit, Pepecoin},
    time::{CYCLE_BLOCKS, TASK_NOTICE},
    AccountId, Balance, Balances, Compute, Consensus, Emission, Ethereum, Forecasts, Governance, Registry,
    Runtime, RuntimeHoldReason, Staking,
};

parameter_types! {
    pub const BrainDepositPerItem: Balance = deposit(1, 0);
    pub const BrainDepositPerByte: Balance = deposit(0, 1);
}

/// Who empties a closed Brain, in this order: its peers go first, because others forget what these said.
type Sweepers = (
    Registry,
    (
        Staking,
        (
            Consensus,
            (Emission, (Compute, (Forecasts, (Governance, Ethereum)))),
        ),
    ),
);

impl based_pallet_brains::Config for Runtime {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::FullState;
    // Nobody until governance appoints an account.
    type BridgeOrigin = based_pallet_brains::EnsureBridge<Runtime>;
    type Currency = Balances;
    type CycleBlocks = ConstU32<CYCLE_BLOCKS>;
    type DepositPerByte = BrainDepositPerByte;
    type DepositPerItem = BrainDepositPerItem;
    type GovernanceOrigin = EnsureRoot<AccountId>;
    type NoticeBlocks = ConstU32<TASK_NOTICE>;
    type OnHandedOver = Ethereum;
    type OwnerVesting = ConstU32<OWNER_VESTING_BLOCKS>;
    type Pepecoin = Pepecoin;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Sweep = Sweepers;
    type WeightInfo = based_pallet_brains::weights::SubstrateWeight<Runtime>;
}
