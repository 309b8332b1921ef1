//! The running node: database, pool, network, block production and finality.

use std::{path::Path, sync::Arc, time::Duration};

use based_runtime::{opaque::Block, RuntimeApi};
use futures::FutureExt;
use sc_chain_spec::{BuildGenesisBlock, GenesisBlockBuilder};
use sc_client_api::{Backend, BlockBackend};
use sc_consensus_babe::{BabeLink, BabeWorkerHandle, SlotProportion};
use sc_consensus_grandpa as grandpa;
use sc_executor::{HeapAllocStrategy, DEFAULT_HEAP_ALLOC_STRATEGY};
use sc_network::NetworkBackend;
use sc_network_sync::WarpSyncConfig;
use sc_service::{error::Error as ServiceError, Configuration, TaskManager};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_babe::inherents::InherentDataProvider as SlotProvider;
use sp_consensus_babe::SlotDuration;
use sp_inherents::CreateInherentDataProviders;
use sp_runtime::traits::Block as BlockT;
use sp_timestamp::InherentDataProvider as TimestampProvider;

use crate::equivocation::EquivocationWatch;

/// Host functions that the runtime may call: the standard ones, so that light clients run it too.
#[cfg(not(feature = "runtime-benchmarks"))]
pub type HostFunctions = sp_io::SubstrateHostFunctions;
/// Host functions that the runtime may call, with those that benchmarks need.
#[cfg(feature = "runtime-benchmarks")]
pub type HostFunctions = (
    sp_io::SubstrateHostFunctions,
    frame_benchmarking::benchmarking::HostFunctions,
);

/// Runs the WebAssembly runtime.
pub type Executor = sc_executor::WasmExecutor<HostFunctions>;
/// Client over the full database.
pub type FullClient = sc_service::TFullClient<Block, RuntimeApi, Executor>;
type FullBackend = sc_service::TFullBackend<Block>;
type FullSelectChain = sc_consensus::LongestChain<FullBackend, Block>;
type FullPool = sc_transaction_pool::TransactionPoolHandle<Block, FullClient>;
type GrandpaImport = grandpa::GrandpaBlockImport<FullBackend, Block, FullClient, FullSelectChain>;
type Providers = Arc<
    dyn CreateInherentDataProviders<Block, (), InherentDataProviders = (SlotProvider, TimestampProvider)>,
>;
type BabeImport = sc_consensus_babe::BabeBlockImport<
    Block,
    FullClient,
    EquivocationWatch<GrandpaImport>,
    Providers,
    FullSelectChain,
>;

/// A GRANDPA justification is kept at least every so many blocks: proofs that light clients and warp sync use.
const JUSTIFICATION_PERIOD: u32 = 512;
/// Expected time for a finality message to cross the network.
const GOSSIP_DURATION: Duration = Duration::from_millis(333);
/// Part of a slot in which a block may be built; the rest is left for its way through the network.
const PROPOSAL_PORTION: f32 = 0.5;

/// Parts of the node that consensus needs once the network runs.
pub struct Consensus {
    import: BabeImport,
    babe: BabeLink<Block>,
    worker: BabeWorkerHandle<Block>,
    grandpa: grandpa::LinkHalf<Block, FullClient, FullSelectChain>,
    providers: Providers,
    telemetry: Option<Telemetry>,
}

/// Parts of the node before the network runs; commands on the database need no more.
pub type Parts = sc_service::PartialComponents<
    FullClient,
    FullBackend,
    FullSelectChain,
    sc_consensus::DefaultImportQueue<Block>,
    FullPool,
    Consensus,
>;

/// Time and slot that a new block carries.
fn inherent_providers(slot: SlotDuration) -> Providers {
    Arc::new(move |_, ()| async move {
        let timestamp = TimestampProvider::from_system_time();
        let slot = SlotProvider::from_timestamp_and_slot_duration(*timestamp, slot);
        Ok((slot, timestamp))
    })
}

/// The executor of a configuration. Runtimes are compiled once for each user of this machine: 20 s of a core.
fn executor(config: &Configuration) -> Executor {
    let options = &config.executor;
    let strategy = options
        .default_heap_pages
        .map_or(DEFAULT_HEAP_ALLOC_STRATEGY, |pages| HeapAllocStrategy::Static {
            extra_pages: u32::try_from(pages).unwrap_or(u32::MAX),
        });
    let compiled = directories::ProjectDirs::from("", "", "based-node")
        .map(|dirs| dirs.cache_dir().to_owned())
        .filter(|path| is_writable(path))
        .or_else(|| std::path::absolute(config.base_path.path().join("cache")).ok());
    let builder = Executor::builder()
        .with_execution_method(options.wasm_method)
        .with_onchain_heap_alloc_strategy(strategy)
        .with_offchain_heap_alloc_strategy(strategy)
        .with_max_runtime_instances(options.max_runtime_instances)
        .with_runtime_cache_size(options.runtime_cache_size);
    match compiled {
        Some(path) => builder.with_cache_path(path),
        None => builder,
    }
    .build()
}

/// Whether files can be made in a directory, which is made if it is missing.
fn is_writable(dir: &Path) -> bool {
    let probe = dir.join(format!("probe-{}", std::process::id()));
    let made = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&probe, []));
    made.and_then(|()| std::fs::remove_file(&probe)).is_ok()
}

/// Builds the genesis only where the database has none: a specification that is not raw runs the runtime for it.
struct Genesis<'a> {
    config: &'a Configuration,
    backend: Arc<FullBackend>,
    executor: Executor,
}

impl BuildGenesisBlock<Block> for Genesis<'_> {
    type BlockImportOperation = <FullBackend as Backend<Block>>::BlockImportOperation;

    fn build_genesis_block(self) -> sp_blockchain::Result<(Block, Self::BlockImportOperation)> {
        let storage = self.config.chain_spec.as_storage_builder();
        GenesisBlockBuilder::new(storage, !self.config.no_genesis(), self.backend, self.executor)?
            .build_genesis_block()
    }
}

/// Opens the database and builds everything that works without a network.
///
/// # Errors
/// The database or the keystore cannot be opened, or the runtime's state cannot be read.
pub fn parts(config: &Configuration) -> Result<Parts, ServiceError> {
    let telemetry = config
        .telemetry_endpoints
        .clone()
        .filter(|endpoints| !endpoints.is_empty())
        .map(|endpoints| -> Result<_, sc_telemetry::Error> {
            let worker = TelemetryWorker::new(16)?;
            let telemetry = worker.handle().new_telemetry(endpoints);
            Ok((worker, telemetry))
        })
        .transpose()?;

    let executor = executor(config);
    let backend = sc_service::new_db_backend(config.db_config())?;
    let genesis = Genesis {
        config,
        backend: backend.clone(),
        executor: executor.clone(),
    };
    let (client, backend, keystore_container, task_manager) =
        sc_service::new_full_parts_with_genesis_builder::<Block, RuntimeApi, _, _>(
            config,
            telemetry.as_ref().map(|(_, telemetry)| telemetry.handle()),
            executor,
            backend,
            genesis,
            false,
        )?;
    let client = Arc::new(client);

    let telemetry = telemetry.map(|(worker, telemetry)| {
        task_manager.spawn_handle().spawn("telemetry", None, worker.run());
        telemetry
    });

    let select_chain = sc_consensus::LongestChain::new(backend.clone());
    let transaction_pool = Arc::from(
        sc_transaction_pool::Builder::new(
            task_manager.spawn_essential_handle(),
            client.clone(),
            config.role.is_authority().into(),
        )
        .with_options(config.transaction_pool.clone())
        .with_prometheus(config.prometheus_registry())
        .build(),
    );

    let (grandpa_import, grandpa_link) = grandpa::block_import(
        client.clone(),
        JUSTIFICATION_PERIOD,
        &client,
        select_chain.clone(),
        telemetry.as_ref().map(Telemetry::handle),
    )?;

    let configuration = sc_consensus_babe::configuration(&*client)?;
    let slot_duration = configuration.slot_duration();
    let providers = inherent_providers(slot_duration);
    let pool = OffchainTransactionPoolFactory::new(transaction_pool.clone());
    let (block_import, babe_link) = sc_consensus_babe::block_import(
        configuration,
        EquivocationWatch::new(grandpa_import.clone(), client.clone(), pool.clone()),
        client.clone(),
        providers.clone(),
        select_chain.clone(),
        pool,
    )?;

    let (import_queue, worker) = sc_consensus_babe::import_queue(sc_consensus_babe::ImportQueueParams {
        link: babe_link.clone(),
        block_import: block_import.clone(),
        justification_import: Some(Box::new(grandpa_import)),
        client: client.clone(),
        slot_duration,
        spawner: &task_manager.spawn_essential_handle(),
        registry: config.prometheus_registry(),
        telemetry: telemetry.as_ref().map(Telemetry::handle),
    })?;

    Ok(sc_service::PartialComponents {
        client,
        backend,
        task_manager,
        import_queue,
        keystore_container,
        select_chain,
        transaction_pool,
        other: Consensus {
            import: block_import,
            babe: babe_link,
            worker,
            grandpa: grandpa_link,
            providers,
            telemetry,
        },
    })
}

/// Starts the node.
///
/// # Errors
/// A part cannot start: the database, a listening address, the RPC server or consensus.
pub fn start<N: NetworkBackend<Block, <Block as BlockT>::Hash>>(
    config: Configuration,
) -> Result<TaskManager, ServiceError> {
    let sc_service::PartialComponents {
        client,
        backend,
        mut task_manager,
        import_queue,
        keystore_container,
        select_chain,
        transaction_pool,
        other:
            Consensus {
                import,
                babe,
                worker,
                grandpa: grandpa_link,
                providers,
                mut telemetry,
            },
    } = parts(&config)?;

    let registry = config.prometheus_registry().cloned();
    let metrics = N::register_notification_metrics(registry.as_ref());
    let mut network_config =
        sc_network::config::FullNetworkConfiguration::<Block, <Block as BlockT>::Hash, N>::new(
            &config.network,
            registry.clone(),
        );

    let genesis = client
        .block_hash(0)?
        .ok_or_else(|| ServiceError::Other("The database has no genesis block; purge the chain.".into()))?;
    let grandpa_protocol = grandpa::protocol_standard_name(&genesis, &config.chain_spec);
    let (grandpa_config, grandpa_notifications) = grandpa::grandpa_peers_set_config::<_, N>(
        grandpa_protocol.clone(),
        metrics.clone(),
        network_config.peer_store_handle(),
    );
    network_config.add_notification_protocol(grandpa_config);

    let warp_sync = Arc::new(grandpa::warp_proof::NetworkProvider::new(
        backend.clone(),
        grandpa_link.shared_authority_set().clone(),
        Vec::new(),
    ));

    let (network, system_rpc_tx, tx_handler_controller, sync_service, _) =
        sc_service::build_network(sc_service::BuildNetworkParams {
            config: &config,
            net_config: network_config,
            client: client.clone(),
            transaction_pool: transaction_pool.clone(),
            spawn_handle: task_manager.spawn_handle(),
            spawn_essential_handle: task_manager.spawn_essential_handle(),
            import_queue,
            block_announce_validator_builder: None,
            warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_sync)),
            block_relay: None,
            metrics,
            gap_sync_body_policy: None,
        })?;

    if config.offchain_worker.enabled {
        let workers = sc_offchain::OffchainWorkers::new(sc_offchain::OffchainWorkerOptions {
            runtime_api_provider: client.clone(),
            keystore: Some(keystore_container.keystore()),
            offchain_db: backend.offchain_storage(),
            transaction_pool: Some(OffchainTransactionPoolFactory::new(transaction_pool.clone())),
            network_provider: Arc::new(network.clone()),
            is_validator: config.role.is_authority(),
            enable_http_requests: false,
            custom_extensions: |_| Vec::new(),
        })?;
        task_manager.spawn_handle().spawn(
            "offchain-workers-runner",
            "offchain-worker",
            workers.run(client.clone(), task_manager.spawn_handle()).boxed(),
        );
    }

    let role = config.role;
    let force_authoring = config.force_authoring;
    let name = config.network.node_name.clone();
    let finalize = !config.disable_grandpa;
    let voter_state = grandpa::SharedVoterState::empty();

    let rpc_builder = {
        let client = client.clone();
        let pool = transaction_pool.clone();
        let select_chain = select_chain.clone();
        let chain_spec = config.chain_spec.cloned_box();
        let keystore = keystore_container.keystore();
        let grandpa = crate::rpc::GrandpaDeps {
            voter_state: voter_state.clone(),
            authority_set: grandpa_link.shared_authority_set().clone(),
            justifications: grandpa_link.justification_stream(),
            finality_proofs: grandpa::FinalityProofProvider::new_for_service(
                backend.clone(),
                Some(grandpa_link.shared_authority_set().clone()),
            ),
        };
        move |subscriptions| {
            crate::rpc::create(crate::rpc::Deps {
                client: client.clone(),
                pool: pool.clone(),
                select_chain: select_chain.clone(),
                chain_spec: chain_spec.cloned_box(),
                keystore: keystore.clone(),
                babe: worker.clone(),
                grandpa: grandpa.clone(),
                subscriptions,
            })
            .map_err(Into::into)
        }
    };

    sc_service::spawn_tasks(sc_service::SpawnTasksParams {
        config,
        client: client.clone(),
        backend,
        task_manager: &mut task_manager,
        keystore: keystore_container.keystore(),
        transaction_pool: transaction_pool.clone(),
        rpc_builder: Box::new(rpc_builder),
        network: network.clone(),
        system_rpc_tx,
        tx_handler_controller,
        sync_service: sync_service.clone(),
        telemetry: telemetry.as_mut(),
        tracing_execute_block: None,
    })?;

    if role.is_authority() {
        let proposer = sc_basic_authorship::ProposerFactory::new(
            task_manager.spawn_handle(),
            client.clone(),
            transaction_pool.clone(),
            registry.as_ref(),
            telemetry.as_ref().map(Telemetry::handle),
        );
        let author = sc_consensus_babe::start_babe(sc_consensus_babe::BabeParams {
            keystore: keystore_container.keystore(),
            client: client.clone(),
            select_chain,
            env: proposer,
            block_import: import,
            sync_oracle: sync_service.clone(),
            justification_sync_link: sync_service.clone(),
            create_inherent_data_providers: providers,
            force_authoring,
            backoff_authoring_blocks: Some(
                sc_consensus_slots::BackoffAuthoringOnFinalizedHeadLagging::default(),
            ),
            babe_link: babe,
            block_proposal_slot_portion: SlotProportion::new(PROPOSAL_PORTION),
            max_block_proposal_slot_portion: None,
            telemetry: telemetry.as_ref().map(Telemetry::handle),
        })?;
        task_manager.spawn_essential_handle().spawn_blocking(
            "babe-proposer",
            Some("block-authoring"),
            author,
        );
    }

    if finalize {
        let voter = grandpa::run_grandpa_voter(grandpa::GrandpaParams {
            config: grandpa::Config {
                gossip_duration: GOSSIP_DURATION,
                justification_generation_period: JUSTIFICATION_PERIOD,
                observer_enabled: false,
                local_role: role,
                name: Some(name),
                keystore: role.is_authority().then(|| keystore_container.keystore()),
                telemetry: telemetry.as_ref().map(Telemetry::handle),
                protocol_name: grandpa_protocol,
            },
            link: grandpa_link,
            network,
            sync: sync_service,
            notification_service: grandpa_notifications,
            voting_rule: grandpa::VotingRulesBuilder::default().build(),
            prometheus_registry: registry,
            shared_voter_state: voter_state,
            telemetry: telemetry.as_ref().map(Telemetry::handle),
            offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(transaction_pool),
        })?;
        task_manager
            .spawn_essential_handle()
            .spawn_blocking("grandpa-voter", None, voter);
    }

    Ok(task_manager)
}
