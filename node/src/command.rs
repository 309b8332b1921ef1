//! Carries out what the command line asks.

use based_primitives::constants::SS58_PREFIX;
use based_runtime::opaque::Block;
use sc_cli::SubstrateCli;
use sc_network::config::NetworkBackendType;
use sc_service::{ChainType, PartialComponents};
use sp_core::crypto::set_default_ss58_version;

use crate::{
    chain_spec,
    cli::{Cli, Subcommand},
    service,
};

impl SubstrateCli for Cli {
    fn impl_name() -> String {
        "BasedAI Node".into()
    }

    fn impl_version() -> String {
        env!("SUBSTRATE_CLI_IMPL_VERSION").into()
    }

    fn description() -> String {
        env!("CARGO_PKG_DESCRIPTION").into()
    }

    fn author() -> String {
        env!("CARGO_PKG_AUTHORS").into()
    }

    fn support_url() -> String {
        concat!(env!("CARGO_PKG_REPOSITORY"), "/issues").into()
    }

    fn copyright_start_year() -> i32 {
        2026
    }

    fn load_spec(&self, id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
        Ok(Box::new(chain_spec::load(id)?))
    }
}

/// Reads the command line and runs what it asks.
///
/// # Errors
/// Those of the command; the message says what failed.
pub fn run() -> sc_cli::Result<()> {
    set_default_ss58_version(SS58_PREFIX.into());
    let mut cli = Cli::from_args();
    // A development identity or a temporary folder needs no network identity made beforehand.
    if cli.run.tmp || cli.run.get_keyring().is_some() {
        cli.run
            .network_params
            .node_key_params
            .unsafe_force_node_key_generation = true;
    }
    // A development network has one node: others of the same name on this network are other chains.
    if matches!(cli.run.shared_params.chain.as_deref(), Some("dev" | "dev-fast")) {
        cli.run.network_params.no_mdns = true;
    }

    match &cli.subcommand {
        None => cli
            .create_runner(&cli.run)?
            .run_node_until_exit(|mut config| async move {
                // Networks of one machine have fewer nodes than the peers that warp sync waits for by default.
                if config.chain_spec.chain_type() != ChainType::Live {
                    config.network.min_peers_to_start_warp_sync = Some(1);
                }
                match config.network.network_backend {
                    NetworkBackendType::Litep2p => {
                        service::start::<sc_network::Litep2pNetworkBackend>(config)
                    }
                    NetworkBackendType::Libp2p => service::start::<sc_network::NetworkWorker<_, _>>(config),
                }
                .map_err(sc_cli::Error::Service)
            }),
        Some(Subcommand::Key(cmd)) => cmd.run(&cli),
        #[allow(deprecated)]
        Some(Subcommand::BuildSpec(cmd)) => cli
            .create_runner(cmd)?
            .sync_run(|config| cmd.run(config.chain_spec, config.network)),
        Some(Subcommand::ExportChainSpec(cmd)) => cmd.run(cli.load_spec(&cmd.chain)?),
        Some(Subcommand::CheckBlock(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let PartialComponents {
                client,
                task_manager,
                import_queue,
                ..
            } = service::parts(&config)?;
            Ok((cmd.run(client, import_queue), task_manager))
        }),
        Some(Subcommand::ExportBlocks(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let PartialComponents {
                client, task_manager, ..
            } = service::parts(&config)?;
            Ok((cmd.run(client, config.database), task_manager))
        }),
        Some(Subcommand::ExportState(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let PartialComponents {
                client, task_manager, ..
            } = service::parts(&config)?;
            Ok((cmd.run(client, config.chain_spec), task_manager))
        }),
        Some(Subcommand::ImportBlocks(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let PartialComponents {
                client,
                task_manager,
                import_queue,
                ..
            } = service::parts(&config)?;
            Ok((cmd.run(client, import_queue), task_manager))
        }),
        Some(Subcommand::PurgeChain(cmd)) => cli
            .create_runner(cmd)?
            .sync_run(|config| cmd.run(config.database)),
        Some(Subcommand::Revert(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
            let PartialComponents {
                client,
                task_manager,
                backend,
                ..
            } = service::parts(&config)?;
            let revert_consensus = Box::new(|client: std::sync::Arc<_>, backend, blocks| {
                sc_consensus_babe::revert(std::sync::Arc::clone(&client), backend, blocks)?;
                sc_consensus_grandpa::revert(client, blocks)?;
                Ok(())
            });
            Ok((cmd.run(client, backend, Some(revert_consensus)), task_manager))
        }),
        Some(Subcommand::ChainInfo(cmd)) => cli
            .create_runner(cmd)?
            .sync_run(|config| cmd.run::<Block>(&config)),
        #[cfg(feature = "benchmark")]
        Some(Subcommand::Benchmark(cmd)) => cli
            .create_runner(cmd.as_ref())?
            .sync_run(|config| crate::benchmarking::run(cmd, config)),
        #[cfg(not(feature = "benchmark"))]
        Some(Subcommand::Benchmark { .. }) => Err(
            "This node was built without benchmarks; build it with --features based-node/benchmark.".into(),
        ),
    }
}
