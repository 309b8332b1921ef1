//! Smart contracts: EVM bytecode through pallet-revive (R075, B.27).

use based_primitives::constants::EVM_CHAIN_ID;
use frame_support::{
    parameter_types,
    traits::{ConstBool, ConstU32, ConstU64},
};
use frame_system::EnsureSigned;
use pallet_revive::{evm::fees::Info, AccountId32Mapper};
use sp_runtime::{FixedU128, Perbill};

use crate::{
    configs::deposit, AccountId, Address, Balance, Balances, EthExtraImpl, Runtime, RuntimeCall,
    RuntimeEvent, RuntimeHoldReason, RuntimeOrigin, Signature, Timestamp,
};

parameter_types! {
    pub const DepositPerItem: Balance = deposit(1, 0);
    pub const DepositPerChildTrieItem: Balance = deposit(1, 0) / 100;
    pub const DepositPerByte: Balance = deposit(0, 1);
    pub const CodeHashLockupDepositPercent: Perbill = Perbill::from_percent(30);
    pub const MaxEthExtrinsicWeight: FixedU128 = FixedU128::from_rational(9, 10);
}

impl pallet_revive::Config for Runtime {
    type AddressMapper = AccountId32Mapper<Runtime>;
    type AllowEVMBytecode = ConstBool<true>;
    type AutoMap = ConstBool<true>;
    type Balance = Balance;
    type ChainId = ConstU64<EVM_CHAIN_ID>;
    type CodeHashLockupDepositPercent = CodeHashLockupDepositPercent;
    type Currency = Balances;
    type DebugEnabled = ConstBool<false>;
    type Deposit = ();
    type DepositPerByte = DepositPerByte;
    type DepositPerChildTrieItem = DepositPerChildTrieItem;
    type DepositPerItem = DepositPerItem;
    type FeeInfo = Info<Address, Signature, EthExtraImpl>;
    type FindAuthor = <Runtime as pallet_authorship::Config>::FindAuthor;
    // With the multiplier's floor of 1,000: 20 gwei for a gas of about 40 ns of computation, so that a payment takes less
    // than the 21,000 that wallets and scripts give it unasked.
    type GasScale = ConstU32<20_000_000>;
    type InstantiateOrigin = EnsureSigned<AccountId>;
    type MaxEthExtrinsicWeight = MaxEthExtrinsicWeight;
    type NativeToEthRatio = ConstU32<1>;
    type OnBurn = ();
    // No proof of validity is made here: the figure only bounds events of one block against memory.
    type PVFMemory = ConstU32<{ 1024 * 1024 * 1024 }>;
    type Precompiles = crate::precompiles::Precompiles;
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    // Contracts get at most half of this: 72 MiB of the 128 MiB that executors give the runtime.
    type RuntimeMemory = ConstU32<{ 144 * 1024 * 1024 }>;
    type RuntimeOrigin = RuntimeOrigin;
    type Time = Timestamp;
    type UploadOrigin = EnsureSigned<AccountId>;
    type WeightInfo = pallet_revive::weights::SubstrateWeight<Runtime>;
}

/// Permits of Pepecoin's holders (EIP-2612).
impl pallet_assets_precompiles::PermitConfig for Runtime {
    type ChainId = ConstU64<EVM_CHAIN_ID>;
    type WeightInfo = pallet_assets_precompiles::weights::SubstrateWeight<Runtime>;
}

parameter_types! {
    pub const LinkDepositPerItem: Balance = deposit(1, 0);
    pub const LinkDepositPerByte: Balance = deposit(0, 1);
}

impl based_pallet_ethereum::Config for Runtime {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::FullState;
    type Brains = crate::Brains;
    type Currency = Balances;
    type DepositPerByte = LinkDepositPerByte;
    type DepositPerItem = LinkDepositPerItem;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = based_pallet_ethereum::weights::SubstrateWeight<Runtime>;
}
