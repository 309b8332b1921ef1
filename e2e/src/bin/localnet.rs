//! A network of three authorities on this machine, with a server for Ethereum wallets beside the first, and a miner and a
//! validator if wanted, until Ctrl-C. Or one authority, a miner and a validator of a template's model.

use std::path::{Path, PathBuf};

use anyhow::Context;
use based_client::{
    templates::{self, Admission},
    wallet::format_account,
};
use based_e2e::{
    network::{key, Network, PeerOptions, BRAIN},
    peer::Peer,
    process::{free_port, Process},
    stopped,
};
use based_primitives::{constants::EVM_CHAIN_ID, TemplateId};
use clap::Parser;
use zk_llm::manifest::{sha256, MANIFEST_FILE};

/// Who holds the Brain on networks of one machine.
const OWNER: &str = "//Alice";
const MINER: &str = "//Miner";
const VALIDATOR: &str = "//Validator";

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
    /// Run one authority instead, on which the Brain has the model in --model-dir as its task and this template from
    /// the start, with a miner and a validator of it.
    #[arg(long, value_name = "ID", conflicts_with_all = ["chain", "peers", "eth_rpc_port"])]
    template: Option<TemplateId>,
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

/// Starts one authority on which the Brain runs the model, and names the template on chain. Where the template admits by
/// list, the miner and the validator to come are on it.
async fn one(args: &Args, template: TemplateId) -> anyhow::Result<Network> {
    let path = args.model_dir.join(MANIFEST_FILE);
    let manifest = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let network = Network::start_with_task(sha256(&manifest)).await?;
    let (brain, template) = (BRAIN.to_string(), template.to_string());
    network
        .based(OWNER, &["brain", "set-template", &brain, &template])
        .await?;
    if templates::find(&template)?.0.admission == Admission::Listed {
        network
            .based(OWNER, &["brain", "set-admission", &brain, "listed"])
            .await?;
        for uri in [MINER, VALIDATOR] {
            let account = format_account(&key(uri)?.account());
            network
                .based(OWNER, &["brain", "allow", &brain, &account])
                .await?;
        }
    }
    Ok(network)
}

/// Starts a miner and a validator of the Brain.
async fn peers(network: &Network, models: &Path) -> anyhow::Result<Vec<Peer>> {
    let options = PeerOptions {
        name: "miner",
        uri: MINER,
        brain: BRAIN,
        models,
        run: &[],
        register: Some(&[]),
    };
    let miner = network.miner(options).await?;
    println!("miner      127.0.0.1:{} of Brain {BRAIN}", miner.endpoint());
    let options = PeerOptions {
        name: "validator",
        uri: VALIDATOR,
        brain: BRAIN,
        models,
        run: &["--canary-uri", "//Canary0", "--canary-uri", "//Canary1"],
        register: Some(&["--stake", "1000"]),
    };
    let validator = network.validator(options).await?;
    println!("validator  of Brain {BRAIN}");
    Ok(vec![miner, validator])
}

async fn run(args: &Args) -> anyhow::Result<()> {
    let (mut network, mut server) = match args.template {
        Some(template) => (one(args, template).await?, None),
        None => {
            let network = Network::start(&args.chain, &["alice", "bob", "charlie"]).await?;
            let ethereum = ethereum(&network, args.eth_rpc_port)?;
            (network, Some(ethereum))
        }
    };
    for (node, name) in network.nodes.iter().zip(["alice", "bob", "charlie"]) {
        println!(
            "{name:<10} {}   metrics http://127.0.0.1:{}/metrics",
            node.url(),
            node.prometheus()
        );
    }
    if server.is_some() {
        println!(
            "ethereum   http://127.0.0.1:{}   chain ID {EVM_CHAIN_ID}",
            args.eth_rpc_port
        );
    }
    let mut peers = match args.peers || args.template.is_some() {
        true => peers(&network, &args.model_dir).await?,
        false => Vec::new(),
    };
    println!("data       {}", network.dir().display());
    match args.template {
        Some(template) => println!(
            "try        based --node {} --uri //User ask --brain {BRAIN} --deposit 1 \"...\"   (see `based template show {template}`)",
            network.url()
        ),
        None => println!("try        based --node {} brain list", network.url()),
    }
    println!("Ctrl-C stops everything.");
    loop {
        for node in &mut network.nodes {
            node.running()?.check()?;
        }
        if let Some(ethereum) = &mut server {
            ethereum.check()?;
        }
        for peer in &mut peers {
            peer.running()?.check()?;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}
