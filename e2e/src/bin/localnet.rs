//! A network of three authorities on this machine, with a server for Ethereum wallets beside the first, and a miner and a
//! validator if wanted, until Ctrl-C.

use std::path::PathBuf;

use based_e2e::{
    network::{Network, PeerOptions, BRAIN},
    process::{free_port, Process},
    stopped,
};
use based_primitives::constants::EVM_CHAIN_ID;
use clap::Parser;

/// Starts three authorities on this machine and stops them at Ctrl-C.
#[derive(Parser)]
struct Args {
    /// Network: `local` as it will be (10 s blocks) or `local-fast` (1 s blocks, short cycles).
    #[arg(long, default_value = "local-fast", value_parser = ["local", "local-fast"])]
    chain: String,
    /// Start a miner and a validator of the demonstration Brain too.
    #[arg(long)]
    peers: bool,
    /// Port of the Ethereum JSON-RPC server.
    #[arg(long, default_value_t = 8545)]
    eth_rpc_port: u16,
    /// Directory of the Brain's model.
    #[arg(long, env = "BASED_DEMO_MODEL")]
    model_dir: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    tokio::select! {
        ended = run(&args) => ended,
        () = stopped() => Ok(()),
    }
}

/// Starts the Ethereum JSON-RPC server beside the first node.
fn ethereum(network: &Network, port: u16) -> anyhow::Result<Process> {
    let home = network.dir().join("eth-rpc").display().to_string();
    let args = [
        "--node-rpc-url".to_owned(),
        network.url(),
        "--rpc-port".into(),
        port.to_string(),
        "--prometheus-port".into(),
        free_port()?.to_string(),
        "--base-path".into(),
        home,
    ];
    Process::start("eth-rpc", "eth-rpc", args, &[], network.dir())
}

async fn run(args: &Args) -> anyhow::Result<()> {
    let mut network = Network::start(&args.chain, &["alice", "bob", "charlie"]).await?;
    for (node, name) in network.nodes.iter().zip(["alice", "bob", "charlie"]) {
        println!(
            "{name:<10} {}   metrics http://127.0.0.1:{}/metrics",
            node.url(),
            node.prometheus()
        );
    }
    let mut ethereum = ethereum(&network, args.eth_rpc_port)?;
    println!(
        "ethereum   http://127.0.0.1:{}   chain ID {EVM_CHAIN_ID}",
        args.eth_rpc_port
    );
    let mut peers = Vec::new();
    if args.peers {
        let models = args.model_dir.as_path();
        let options = PeerOptions {
            name: "miner",
            uri: "//Miner",
            brain: BRAIN,
            models,
            run: &[],
            register: Some(&[]),
        };
        let miner = network.miner(options).await?;
        println!("miner      127.0.0.1:{} of Brain {BRAIN}", miner.endpoint());
        let canaries = ["--canary-uri", "//Canary0", "--canary-uri", "//Canary1"];
        let register: &[&str] = &["--stake", "1000"];
        let options = PeerOptions {
            name: "validator",
            uri: "//Validator",
            brain: BRAIN,
            models,
            run: &canaries,
            register: Some(register),
        };
        peers.push(miner);
        peers.push(network.validator(options).await?);
        println!("validator  of Brain {BRAIN}");
    }
    println!("data       {}", network.dir().display());
    println!("try        based --node {} brain list", network.url());
    println!("Ctrl-C stops everything.");
    loop {
        for node in &mut network.nodes {
            node.running()?.check()?;
        }
        ethereum.check()?;
        for peer in &mut peers {
            peer.running()?.check()?;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}
