//! Reads the whole state of a chain from a node and checks the invariants of every pallet on it (C.9, F.1).

use std::process::ExitCode;

use based_runtime::{opaque::Block, AllPalletsWithSystem, BlockNumber, System};
use clap::Parser;
use frame_remote_externalities::{Builder, Mode, OnlineConfig};
use frame_support::traits::{TryState, TryStateSelect};
use sp_core::H256;

/// Check the invariants of every pallet on the state of a live chain.
///
/// The state is read as it was at one finalized block, so the node may go on meanwhile; it must keep that block's
/// state until all of it is read. The runtime of the chain must be the one of this program's version.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Node to read from.
    #[arg(default_value = "ws://127.0.0.1:9944")]
    node: String,
    /// Hash of the block; the last finalized one by default.
    #[arg(long)]
    at: Option<H256>,
}

#[tokio::main]
async fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn,runtime=info")).init();
    match check(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("based-try-state: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn check(args: Args) -> anyhow::Result<()> {
    let online = OnlineConfig {
        at: args.at,
        transport_uris: vec![args.node.clone()],
        child_trie: true,
        ..Default::default()
    };
    let state = Builder::<Block>::new().mode(Mode::Online(online)).build().await;
    let mut state = state.map_err(|error| anyhow::anyhow!("cannot read the state of {}: {error}", args.node))?;
    let header = state.header.clone();
    let number: BlockNumber = header.number;
    let checked = state.execute_with(|| {
        let known = based_runtime::VERSION.spec_version;
        let running = System::last_runtime_upgrade_spec_version();
        anyhow::ensure!(
            running == known,
            "the chain runs version {running} of the runtime and this program checks version {known}"
        );
        <AllPalletsWithSystem as TryState<BlockNumber>>::try_state(number, TryStateSelect::All)
            .map_err(|error| anyhow::anyhow!("block {number}: {error:?}"))
    });
    checked?;
    println!("block {number}: the invariants of all pallets hold");
    Ok(())
}
