//! A network of three authorities on this machine, with a miner and a validator if wanted, until Ctrl-C.

use std::path::PathBuf;

use based_e2e::{
    network::{Network, PeerOptions, BRAIN},
    stopped,
};
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

async fn run(args: &Args) -> anyhow::Result<()> {
    let mut network = Network::start(&args.chain, &["alice", "bob", "charlie"]).await?;
    for (node, name) in network.nodes.iter().zip(["alice", "bob", "charlie"]) {
        println!(
            "{name:<10} {}   metrics http://127.0.0.1:{}/metrics",
            node.url(),
            node.prometheus()
        );
    }
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
        for peer in &mut peers {
            peer.running()?.check()?;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}
