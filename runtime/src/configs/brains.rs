//! Brains and the Pepecoin for which they are issued.

use based_primitives::constants::{OWNER_VESTING_BLOCKS, PEPECOIN};
use frame_support::{
    parameter_types,
    traits::{ConstU32, StorageMapShim, VariantCountOf},
};
use frame_system::EnsureRoot;
use pallet_balances::Instance1;

use crate::{
    configs::deposit,
    time::{CYCLE_BLOCKS, TASK_NOTICE},
    AccountId, Balance, Balances, Pepecoin, Registry, Runtime, RuntimeEvent, RuntimeFreezeReason,
    RuntimeHoldReason,
};

parameter_types! {
    /// Smallest balance of Pepecoin an account may keep: a millionth.
    pub const PepecoinExistentialDeposit: Balance = PEPECOIN / 1_000_000;
    pub const BrainDepositPerItem: Balance = deposit(1, 0);
    pub const BrainDepositPerByte: Balance = deposit(0, 1);
}

impl pallet_balances::Config<Instance1> for Runtime {
    type AccountStore = StorageMapShim<
        pallet_balances::Account<Runtime, Instance1>,
        AccountId,
        pallet_balances::AccountData<Balance>,
    >;
    type Balance = Balance;
    type DoneSlashHandler = ();
    type DustRemoval = ();
    type ExistentialDeposit = PepecoinExistentialDeposit;
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type MaxLocks = ConstU32<0>;
    type MaxReserves = ConstU32<0>;
    type ReserveIdentifier = [u8; 8];
    type RuntimeEvent = RuntimeEvent;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
}

impl based_pallet_brains::Config for Runtime {
    // Nobody until governance appoints an account.
    type BridgeOrigin = based_pallet_brains::EnsureBridge<Runtime>;
    type Currency = Balances;
    type CycleBlocks = ConstU32<CYCLE_BLOCKS>;
    type DepositPerByte = BrainDepositPerByte;
    type DepositPerItem = BrainDepositPerItem;
    type GovernanceOrigin = EnsureRoot<AccountId>;
    type NoticeBlocks = ConstU32<TASK_NOTICE>;
    type OwnerVesting = ConstU32<OWNER_VESTING_BLOCKS>;
    type Pepecoin = Pepecoin;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Sweep = Registry;
    type WeightInfo = based_pallet_brains::weights::SubstrateWeight<Runtime>;
}
