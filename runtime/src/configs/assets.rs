//! Assets beside $BASED: Pepecoin, with which Brains are acquired and which votes.
//!
//! Only governance creates an asset. Nobody has the key of the account that may mint Pepecoin.

use based_primitives::constants::PEPECOIN_ASSET;
use frame_support::{
    parameter_types,
    traits::{fungible::ItemOf, AsEnsureOriginWithArg, ConstU32},
    PalletId,
};
use frame_system::{EnsureNever, EnsureRoot};
use sp_runtime::traits::AccountIdConversion;

use crate::{
    configs::deposit, AccountId, Assets, AssetsFreezer, AssetsHolder, Balance, Balances, Runtime,
    RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason,
};

parameter_types! {
    /// Account that owns Pepecoin and may mint it. It is made of a name: no key signs for it.
    pub PepecoinIssuer: AccountId = PalletId(*b"based/pp").into_account_truncating();
    /// Deposit of whoever keeps an account of an asset that does not sustain accounts by itself: at most 62 bytes.
    pub const AssetAccountDeposit: Balance = deposit(1, 62);
    pub const AssetDeposit: Balance = deposit(1, 190);
    pub const MetadataDepositBase: Balance = deposit(1, 68);
    pub const MetadataDepositPerByte: Balance = deposit(0, 1);
    pub const ApprovalDeposit: Balance = deposit(1, 148);
}

/// Pepecoin, as pallets use it: with holds and freezes.
pub type Pepecoin<Pallet = Assets> = ItemOf<Pallet, ConstU32<PEPECOIN_ASSET>, AccountId>;

impl pallet_assets::Config for Runtime {
    type ApprovalDeposit = ApprovalDeposit;
    type AssetAccountDeposit = AssetAccountDeposit;
    type AssetDeposit = AssetDeposit;
    type AssetId = u32;
    type AssetIdAllocator = ();
    type AssetIdParameter = codec::Compact<u32>;
    type Balance = Balance;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = ();
    type CallbackHandle = ();
    type CreateOrigin = AsEnsureOriginWithArg<EnsureNever<AccountId>>;
    type Currency = Balances;
    type Extra = ();
    type ForceOrigin = EnsureRoot<AccountId>;
    type Freezer = AssetsFreezer;
    type Holder = AssetsHolder;
    type MetadataDepositBase = MetadataDepositBase;
    type MetadataDepositPerByte = MetadataDepositPerByte;
    type RemoveItemsLimit = ConstU32<1_000>;
    type ReserveData = ();
    type RuntimeEvent = RuntimeEvent;
    type StringLimit = ConstU32<50>;
    type WeightInfo = pallet_assets::weights::SubstrateWeight<Runtime>;
}

impl pallet_assets_holder::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
}

impl pallet_assets_freezer::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeFreezeReason = RuntimeFreezeReason;
}
