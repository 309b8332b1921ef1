//! The state machine of BasedAI.
//!
//! `configs/` wires each pallet (one file per concern), `apis` answers nodes and clients,
//! `genesis_presets` starts networks. Nothing here uses host functions beyond the standard ones, so light
//! clients run it as it is.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::float_arithmetic
    )
)]
#![recursion_limit = "256"]

extern crate alloc;

// First, for the macros that it defines.
#[cfg(feature = "runtime-benchmarks")]
#[macro_use]
mod benchmarks;

pub mod apis;
pub mod configs;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod genesis_presets;
pub mod opaque;
pub mod precompiles;
pub mod proxies;
pub mod queries;
#[cfg(test)]
mod tests;
pub mod time;

use alloc::{borrow::Cow, vec::Vec};
use pallet_revive::evm::runtime::EthExtra;
use pallet_session::historical as pallet_session_historical;
use sp_runtime::{
    generic,
    traits::{BlakeTwo256, IdentifyAccount, Verify},
    MultiAddress, MultiSignature,
};
use sp_version::{runtime_version, RuntimeVersion};

pub use apis::{RuntimeApi, RUNTIME_API_VERSIONS};
pub use based_primitives::{Balance, BlockNumber};
pub use opaque::SessionKeys;

/// The runtime's WebAssembly, as built by build.rs.
#[cfg(feature = "std")]
#[allow(missing_docs)]
mod wasm {
    include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));
}
#[cfg(feature = "std")]
pub use wasm::{WASM_BINARY, WASM_BINARY_BLOATY, WASM_BINARY_PATH};

/// The runtime's WebAssembly with 1 s slots and a short cycle, for tests and demonstrations.
#[cfg(all(feature = "std", feature = "fast-wasm"))]
#[allow(missing_docs, dead_code)]
mod fast_wasm {
    include!(concat!(env!("OUT_DIR"), "/fast_wasm_binary.rs"));
}
#[cfg(all(feature = "std", feature = "fast-wasm"))]
pub use fast_wasm::WASM_BINARY as FAST_WASM_BINARY;

/// Signature of an extrinsic: sr25519, ed25519 or secp256k1.
pub type Signature = MultiSignature;
/// Account, 32 bytes; an Ethereum address appears as its 20 bytes followed by 0xEE.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// Number of extrinsics an account has signed.
pub type Nonce = u32;
/// Hash of blocks, extrinsics and state.
pub type Hash = sp_core::H256;
/// Address of an account in an extrinsic.
pub type Address = MultiAddress<AccountId, ()>;
/// Block header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// Block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// Extrinsic: a signed call, an inherent, or an Ethereum transaction.
pub type UncheckedExtrinsic =
    pallet_revive::evm::runtime::UncheckedExtrinsic<Address, Signature, EthExtraImpl>;

/// What is checked and charged around every signed call.
pub type TxExtension = (
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    // After everything that reads a signed origin.
    pallet_revive::evm::tx_extension::SetOrigin<Runtime>,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
    // Last, so that it also returns what the extensions before it did not use.
    frame_system::WeightReclaim<Runtime>,
);

/// Payload that a signature of an extrinsic covers.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Gives Ethereum transactions the extensions of signed calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EthExtraImpl;

impl EthExtra for EthExtraImpl {
    type Config = Runtime;
    type ExtensionV0 = TxExtension;
    type ExtensionOtherVersions = sp_runtime::traits::InvalidVersion;

    fn get_eth_extension(nonce: Nonce, tip: Balance) -> Self::ExtensionV0 {
        (
            frame_system::CheckNonZeroSender::new(),
            frame_system::CheckSpecVersion::new(),
            frame_system::CheckTxVersion::new(),
            frame_system::CheckGenesis::new(),
            frame_system::CheckEra::from(generic::Era::Immortal),
            frame_system::CheckNonce::from(nonce),
            frame_system::CheckWeight::new(),
            pallet_transaction_payment::ChargeTransactionPayment::from(tip),
            pallet_revive::evm::tx_extension::SetOrigin::new_from_eth_transaction(),
            frame_metadata_hash_extension::CheckMetadataHash::new(false),
            frame_system::WeightReclaim::new(),
        )
    }
}

/// Executes blocks.
pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;

/// Version of the runtime. `spec_version` rises with every change of behaviour.
#[runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("based"),
    impl_name: Cow::Borrowed("based"),
    authoring_version: 1,
    spec_version: 1,
    impl_version: 1,
    apis: RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

/// Native version, for tools that compare it with the chain's.
#[cfg(feature = "std")]
pub fn runtime_version() -> RuntimeVersion {
    VERSION
}

#[frame_support::runtime]
mod runtime {
    /// The runtime.
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Runtime;

    // In the order of their numbers, whatever the order here, pallets build the genesis and begin and end blocks.
    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    // Before Timestamp and Session: both read the slot and epoch it sets.
    #[runtime::pallet_index(1)]
    pub type Babe = pallet_babe;
    #[runtime::pallet_index(2)]
    pub type Timestamp = pallet_timestamp;
    // Before Session, whose genesis asks it for producers and roots of their keys.
    #[runtime::pallet_index(3)]
    pub type Authorities = based_pallet_authorities;
    #[runtime::pallet_index(4)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(5)]
    pub type TransactionPayment = pallet_transaction_payment;
    #[runtime::pallet_index(6)]
    pub type Session = pallet_session;
    #[runtime::pallet_index(7)]
    pub type Grandpa = pallet_grandpa;
    #[runtime::pallet_index(8)]
    pub type Utility = pallet_utility;
    #[runtime::pallet_index(9)]
    pub type Proxy = pallet_proxy;
    #[runtime::pallet_index(10)]
    pub type Multisig = pallet_multisig;
    #[runtime::pallet_index(11)]
    pub type Preimage = pallet_preimage;
    #[runtime::pallet_index(12)]
    pub type Scheduler = pallet_scheduler;
    #[runtime::pallet_index(13)]
    pub type Sudo = pallet_sudo;
    #[runtime::pallet_index(14)]
    pub type Revive = pallet_revive;
    #[runtime::pallet_index(15)]
    pub type Assets = pallet_assets;
    #[runtime::pallet_index(16)]
    pub type AssetsHolder = pallet_assets_holder;
    #[runtime::pallet_index(17)]
    pub type AssetsFreezer = pallet_assets_freezer;

    #[runtime::pallet_index(18)]
    pub type AssetsPermit = pallet_assets_precompiles::permit::pallet;

    #[runtime::pallet_index(20)]
    pub type Brains = based_pallet_brains;
    #[runtime::pallet_index(21)]
    pub type Registry = based_pallet_registry;
    #[runtime::pallet_index(22)]
    pub type Staking = based_pallet_staking;
    // Before Emission, whose first step in a block may run an epoch.
    #[runtime::pallet_index(23)]
    pub type Consensus = based_pallet_consensus;
    #[runtime::pallet_index(24)]
    pub type Emission = based_pallet_emission;
    #[runtime::pallet_index(25)]
    pub type Compute = based_pallet_compute;
    // After everything that it measures: its last step in a block sees what they did.
    #[runtime::pallet_index(26)]
    pub type Forecasts = based_pallet_forecasts;
    // After Session: the block that begins a session is written by a producer of its set.
    #[runtime::pallet_index(27)]
    pub type Authorship = pallet_authorship;
    #[runtime::pallet_index(28)]
    pub type Historical = pallet_session_historical;
    #[runtime::pallet_index(29)]
    pub type Governance = based_pallet_governance;
    #[runtime::pallet_index(30)]
    pub type SafeMode = pallet_safe_mode;
    #[runtime::pallet_index(31)]
    pub type TxPause = pallet_tx_pause;
    #[runtime::pallet_index(32)]
    pub type Parameters = pallet_parameters;
    #[runtime::pallet_index(33)]
    pub type Ethereum = based_pallet_ethereum;
}
