//! What nodes and clients ask the runtime.

use alloc::{vec, vec::Vec};

use based_primitives::{
    forecasts::{ForecastStatus, MetricsBucket, RevealedForecast, TargetHistory},
    traits::ForecastInspect,
    views::{CallFee, EmissionInfo, Metagraph, QuoteError, StakeInfo},
    BrainId, BrainInfo, BrainPerformance, PeerInfo, Uid, WeightTerms,
};
use codec::Encode;
use frame_support::{
    genesis_builder_helper::{build_state, get_preset},
    traits::KeyOwnerProofSystem,
    view_functions,
    weights::Weight,
};
use pallet_grandpa::AuthorityId as GrandpaId;
use pallet_transaction_payment_rpc_runtime_api::{FeeDetails, RuntimeDispatchInfo};
use sp_api::impl_runtime_apis;
use sp_core::OpaqueMetadata;
use sp_runtime::{
    traits::{Block as BlockT, NumberFor},
    transaction_validity::{TransactionSource, TransactionValidity},
    ApplyExtrinsicResult, ExtrinsicInclusionMode,
};
use sp_session::OpaqueGeneratedSessionKeys;
use sp_version::RuntimeVersion;

use crate::{
    configs::BABE_GENESIS_EPOCH_CONFIG, genesis_presets, queries, time::CYCLE_BLOCKS, AccountId, Babe,
    Balance, Block, BlockNumber, Consensus, Executive, Forecasts, Grandpa, Historical, InherentDataExt,
    Nonce, Runtime, RuntimeCall, RuntimeGenesisConfig, SessionKeys, System, TransactionPayment,
    UncheckedExtrinsic, VERSION,
};

type Header = <Block as BlockT>::Header;

pallet_revive::impl_runtime_apis_plus_revive_traits!(
    Runtime,
    Revive,
    Executive,
    EthExtraImpl,

    impl sp_api::Core<Block> for Runtime {
        fn version() -> RuntimeVersion {
            VERSION
        }

        fn execute_block(block: <Block as BlockT>::LazyBlock) {
            Executive::execute_block(block);
        }

        fn initialize_block(header: &Header) -> ExtrinsicInclusionMode {
            Executive::initialize_block(header)
        }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata {
            OpaqueMetadata::new(Runtime::metadata().into())
        }

        fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
            Runtime::metadata_at_version(version)
        }

        fn metadata_versions() -> Vec<u32> {
            Runtime::metadata_versions()
        }
    }

    impl view_functions::runtime_api::RuntimeViewFunction<Block> for Runtime {
        fn execute_view_function(
            id: view_functions::ViewFunctionId,
            input: Vec<u8>,
        ) -> Result<Vec<u8>, view_functions::ViewFunctionDispatchError> {
            Runtime::execute_view_function(id, input)
        }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(extrinsic: UncheckedExtrinsic) -> ApplyExtrinsicResult {
            Executive::apply_extrinsic(extrinsic)
        }

        fn finalize_block() -> Header {
            Executive::finalize_block()
        }

        fn inherent_extrinsics(data: sp_inherents::InherentData) -> Vec<UncheckedExtrinsic> {
            data.create_extrinsics()
        }

        fn check_inherents(
            block: <Block as BlockT>::LazyBlock,
            data: sp_inherents::InherentData,
        ) -> sp_inherents::CheckInherentsResult {
            data.check_extrinsics(&block)
        }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(
            source: TransactionSource,
            tx: UncheckedExtrinsic,
            block_hash: <Block as BlockT>::Hash,
        ) -> TransactionValidity {
            Executive::validate_transaction(source, tx, block_hash)
        }
    }

    impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
        fn offchain_worker(header: &Header) {
            Executive::offchain_worker(header)
        }
    }

    impl sp_consensus_babe::BabeApi<Block> for Runtime {
        fn configuration() -> sp_consensus_babe::BabeConfiguration {
            let epoch = Babe::epoch_config().unwrap_or(BABE_GENESIS_EPOCH_CONFIG);
            sp_consensus_babe::BabeConfiguration {
                slot_duration: Babe::slot_duration(),
                epoch_length: <Runtime as pallet_babe::Config>::EpochDuration::get(),
                c: epoch.c,
                authorities: Babe::authorities().to_vec(),
                randomness: Babe::randomness(),
                allowed_slots: epoch.allowed_slots,
            }
        }

        fn current_epoch_start() -> sp_consensus_babe::Slot {
            Babe::current_epoch_start()
        }

        fn current_epoch() -> sp_consensus_babe::Epoch {
            Babe::current_epoch()
        }

        fn next_epoch() -> sp_consensus_babe::Epoch {
            Babe::next_epoch()
        }

        fn generate_key_ownership_proof(
            _slot: sp_consensus_babe::Slot,
            authority: sp_consensus_babe::AuthorityId,
        ) -> Option<sp_consensus_babe::OpaqueKeyOwnershipProof> {
            let proof = Historical::prove((sp_consensus_babe::KEY_TYPE, authority))?;
            Some(sp_consensus_babe::OpaqueKeyOwnershipProof::new(proof.encode()))
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            equivocation: sp_consensus_babe::EquivocationProof<Header>,
            owner: sp_consensus_babe::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            Babe::submit_unsigned_equivocation_report(equivocation, owner.decode()?)
        }
    }

    impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
        fn grandpa_authorities() -> sp_consensus_grandpa::AuthorityList {
            Grandpa::grandpa_authorities()
        }

        fn current_set_id() -> sp_consensus_grandpa::SetId {
            pallet_grandpa::CurrentSetId::<Runtime>::get()
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            equivocation: sp_consensus_grandpa::EquivocationProof<
                <Block as BlockT>::Hash,
                NumberFor<Block>,
            >,
            owner: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            Grandpa::submit_unsigned_equivocation_report(equivocation, owner.decode()?)
        }

        fn generate_key_ownership_proof(
            _set: sp_consensus_grandpa::SetId,
            authority: GrandpaId,
        ) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
            let proof = Historical::prove((sp_consensus_grandpa::KEY_TYPE, authority))?;
            Some(sp_consensus_grandpa::OpaqueKeyOwnershipProof::new(proof.encode()))
        }
    }

    impl sp_session::SessionKeys<Block> for Runtime {
        fn generate_session_keys(owner: Vec<u8>, seed: Option<Vec<u8>>) -> OpaqueGeneratedSessionKeys {
            SessionKeys::generate(&owner, seed).into()
        }

        fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, sp_core::crypto::KeyTypeId)>> {
            SessionKeys::decode_into_raw_public_keys(&encoded)
        }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(account: AccountId) -> Nonce {
            System::account_nonce(account)
        }
    }

    #[api_version(2)]
    impl based_primitives::runtime_api::BasedApi<Block, AccountId> for Runtime {
        fn brain(id: BrainId) -> Option<BrainInfo<AccountId>> {
            queries::brain(id)
        }

        fn brains(start: BrainId, limit: u16) -> Vec<BrainInfo<AccountId>> {
            queries::brains(start, limit)
        }

        fn peers(brain: BrainId, start: Uid, limit: u16) -> Vec<PeerInfo<AccountId>> {
            queries::peers(brain, start, limit)
        }

        fn claimable(account: AccountId) -> (Balance, Balance) {
            queries::claimable(&account)
        }

        fn cycle_blocks() -> u32 {
            CYCLE_BLOCKS
        }

        fn weight_terms(brain: BrainId) -> WeightTerms {
            Consensus::weight_terms(brain)
        }

        fn metagraph(brain: BrainId, start: Uid, limit: u16) -> Option<Metagraph<AccountId>> {
            queries::metagraph(brain, start, limit)
        }

        fn emission() -> EmissionInfo {
            queries::emission()
        }

        fn expected_emission(brain: BrainId) -> Balance {
            queries::expected_emission(brain)
        }

        fn stake(account: AccountId) -> StakeInfo<AccountId> {
            queries::stake(&account)
        }

        fn quote(brain: BrainId, prompt_units: u32, completion_units: u32) -> Result<Balance, QuoteError> {
            queries::quote(brain, prompt_units, completion_units)
        }

        fn call_fee(call: Vec<u8>) -> Option<CallFee> {
            queries::call_fee(&call)
        }
    }

    impl based_primitives::runtime_api::ConsensusApi<Block> for Runtime {
        fn brain_performance(brain: BrainId) -> BrainPerformance {
            Consensus::brain_performance(brain)
        }
    }

    impl based_primitives::runtime_api::ForecastsApi<Block, AccountId> for Runtime {
        fn metrics(from: u32, limit: u16) -> Vec<MetricsBucket> {
            Forecasts::metrics(from, limit)
        }

        fn target_history() -> TargetHistory {
            Forecasts::target_history()
        }

        fn forecast_status() -> ForecastStatus {
            Forecasts::status()
        }

        fn revealed_forecasts(
            round: u32,
            after: Option<AccountId>,
            limit: u16,
        ) -> Vec<RevealedForecast<AccountId>> {
            Forecasts::revealed_page(round, after.as_ref(), limit)
        }

        fn accuracy(account: AccountId) -> u64 {
            Forecasts::accuracy(&account)
        }

        fn brain_forecast(brain: BrainId) -> Option<u64> {
            <Forecasts as ForecastInspect<AccountId>>::performance(brain)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for Runtime {
        fn query_info(uxt: UncheckedExtrinsic, len: u32) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_info(uxt, len)
        }

        fn query_fee_details(uxt: UncheckedExtrinsic, len: u32) -> FeeDetails<Balance> {
            TransactionPayment::query_fee_details(uxt, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<Block, Balance, RuntimeCall>
        for Runtime
    {
        fn query_call_info(call: RuntimeCall, len: u32) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_call_info(call, len)
        }

        fn query_call_fee_details(call: RuntimeCall, len: u32) -> FeeDetails<Balance> {
            TransactionPayment::query_call_fee_details(call, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
        fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
            build_state::<RuntimeGenesisConfig>(config)
        }

        fn get_preset(id: &Option<sp_genesis_builder::PresetId>) -> Option<Vec<u8>> {
            get_preset::<RuntimeGenesisConfig>(id, genesis_presets::get)
        }

        fn preset_names() -> Vec<sp_genesis_builder::PresetId> {
            genesis_presets::names()
        }
    }

    #[cfg(feature = "runtime-benchmarks")]
    impl frame_benchmarking::Benchmark<Block> for Runtime {
        fn benchmark_metadata(
            extra: bool,
        ) -> (Vec<frame_benchmarking::BenchmarkList>, Vec<frame_support::traits::StorageInfo>) {
            use frame_benchmarking::BenchmarkList;
            use frame_support::traits::StorageInfoTrait;
            use crate::benchmarks::*;

            let mut list = Vec::<BenchmarkList>::new();
            list_benchmarks!(list, extra);
            (list, crate::AllPalletsWithSystem::storage_info())
        }

        fn dispatch_benchmark(
            config: frame_benchmarking::BenchmarkConfig,
        ) -> Result<Vec<frame_benchmarking::BenchmarkBatch>, alloc::string::String> {
            use frame_benchmarking::BenchmarkBatch;
            use frame_support::traits::WhitelistedStorageKeys;
            use crate::benchmarks::*;

            let whitelist = crate::AllPalletsWithSystem::whitelisted_storage_keys();
            let mut batches = Vec::<BenchmarkBatch>::new();
            let params = (&config, &whitelist);
            add_benchmarks!(params, batches);
            Ok(batches)
        }
    }

    #[cfg(feature = "try-runtime")]
    impl frame_try_runtime::TryRuntime<Block> for Runtime {
        fn on_runtime_upgrade(checks: frame_try_runtime::UpgradeCheckSelect) -> (Weight, Weight) {
            // A failed check must stop the tool that runs it; this code is in no release runtime.
            #[allow(clippy::expect_used)]
            let weight = Executive::try_runtime_upgrade(checks).expect("the migrations' checks hold");
            (weight, crate::configs::BlockWeights::get().max_block)
        }

        fn execute_block(
            block: <Block as BlockT>::LazyBlock,
            state_root_check: bool,
            signature_check: bool,
            select: frame_try_runtime::TryStateSelect,
        ) -> Weight {
            #[allow(clippy::expect_used)]
            Executive::try_execute_block(block, state_root_check, signature_check, select)
                .expect("the block executes and every invariant holds")
        }
    }
);
