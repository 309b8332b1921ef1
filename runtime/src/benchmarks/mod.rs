//! Pallets that `benchmark pallet` measures.

// Benchmarks may panic.
#[allow(clippy::arithmetic_side_effects, clippy::expect_used)]
mod state;

pub use state::FullState;

pub use frame_benchmarking::baseline::Pallet as BaselineBench;
pub use frame_system_benchmarking::{extensions::Pallet as SystemExtensionsBench, Pallet as SystemBench};

pub(crate) use crate::{
    Assets, Authorities, Balances, Brains, Compute, Consensus, Emission, Ethereum, Forecasts, Governance,
    Multisig, Preimage, Proxy, Registry, Revive, Runtime, Scheduler, Staking, Sudo, Timestamp,
    TransactionPayment, Utility,
};

impl frame_system_benchmarking::Config for Runtime {}
impl frame_benchmarking::baseline::Config for Runtime {}
impl pallet_transaction_payment::BenchmarkConfig for Runtime {}

frame_benchmarking::define_benchmarks!(
    [frame_benchmarking, BaselineBench::<Runtime>]
    [frame_system, SystemBench::<Runtime>]
    [frame_system_extensions, SystemExtensionsBench::<Runtime>]
    [pallet_assets, Assets]
    [pallet_balances, Balances]
    [pallet_multisig, Multisig]
    [pallet_preimage, Preimage]
    [pallet_proxy, Proxy]
    [pallet_revive, Revive]
    [pallet_scheduler, Scheduler]
    [pallet_sudo, Sudo]
    [pallet_timestamp, Timestamp]
    [pallet_transaction_payment, TransactionPayment]
    [pallet_utility, Utility]
    [based_pallet_authorities, Authorities]
    [based_pallet_brains, Brains]
    [based_pallet_compute, Compute]
    [based_pallet_consensus, Consensus]
    [based_pallet_emission, Emission]
    [based_pallet_ethereum, Ethereum]
    [based_pallet_forecasts, Forecasts]
    [based_pallet_governance, Governance]
    [based_pallet_registry, Registry]
    [based_pallet_staking, Staking]
);
