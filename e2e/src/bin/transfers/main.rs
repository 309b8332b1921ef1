//! Transfers on the development chain beside a minimal runtime of the same release, by the same node: how many a
//! second are sustained and finalised, and how long full blocks take to import.
//!
//! `based-transfers OUT.json MINIMAL.wasm` writes a list of figures. On both chains a thousand accounts send to one
//! another as fast as the node takes it, so that blocks are full; the blocks of the window are counted once they are
//! final, by the chain's own clock. Then the chain is exported and imported afresh, with the window and without it:
//! the difference is what its blocks cost.

mod chain;
mod load;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use based_e2e::{node::Node, process::run};
use clap::Parser;
use serde_json::{json, Value};

use chain::Chain;
use load::Window;

/// Imports of each chain, in turns. The fastest counts: whatever else runs on the machine only adds.
const IMPORTS: usize = 7;
/// Exports of a chain: with the window, and what comes before it.
const EXPORTS: [&str; 2] = ["whole", "before"];
/// Part of the minimal runtime's speed that is to be reached.
const TARGET: f64 = 0.95;
const PEER: &str =
    "a runtime of system, timestamp, babe, grandpa, session, balances and transaction-payment, same node, same run";

/// Measures transfers beside a minimal runtime.
#[derive(Parser)]
struct Args {
    /// File for the figures.
    out: PathBuf,
    /// WebAssembly of the minimal runtime.
    minimal: PathBuf,
}

/// What was found about one chain.
struct Found {
    /// Transfers a second, sustained and final.
    rate: f64,
    /// Milliseconds to import a block of the window.
    import: f64,
    /// Transfers a block of the window.
    transfers: f64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let dir = tempfile::Builder::new().prefix("based-").tempdir()?;
    let chains = [
        Chain::development(dir.path()).await?,
        Chain::minimal(dir.path(), &args.minimal)?,
    ];
    let mut windows = Vec::new();
    for chain in &chains {
        windows.push(fill(dir.path(), chain).await?);
    }
    let mut fastest = [[Duration::MAX; EXPORTS.len()]; 2];
    for _ in 0..IMPORTS {
        for (chain, fastest) in chains.iter().zip(&mut fastest) {
            for (export, fastest) in EXPORTS.iter().zip(fastest) {
                *fastest = import(dir.path(), chain, export).await?.min(*fastest);
            }
        }
    }
    let mut found = Vec::new();
    for ((chain, window), [whole, before]) in chains.iter().zip(&windows).zip(fastest) {
        let import = whole
            .checked_sub(before)
            .with_context(|| format!("{} blocks took no time", window.blocks()))?;
        let import = import.as_secs_f64() * 1e3 / f64::from(window.blocks());
        let transfers = window.transfers as f64 / f64::from(window.blocks());
        let rate = window.transfers as f64 / window.time.as_secs_f64();
        println!(
            "{}: {rate:.1} transfers a second, {transfers:.0} a block, {import:.0} ms to import one",
            chain.name
        );
        found.push(Found {
            rate,
            import,
            transfers,
        });
    }
    let [ours, peer] = &found[..] else {
        anyhow::bail!("two chains were not measured");
    };
    std::fs::write(&args.out, serde_json::to_vec_pretty(&figures(ours, peer))?)?;
    Ok(())
}

fn figures(ours: &Found, peer: &Found) -> Value {
    let import = |found: &Found| found.import / found.transfers;
    let plain = |key: &str, unit: &str, ours: f64, peer: f64, ratio: f64| {
        json!({ "key": key, "value": ours, "unit": unit, "peer": PEER, "peer_value": peer, "ratio": ratio,
            "target": null, "met": null })
    };
    let ratio = |key: &str, ratio: f64| {
        json!({ "key": key, "value": ratio, "unit": "ratio", "peer": PEER, "peer_value": 1, "ratio": ratio,
            "target": TARGET, "met": ratio >= TARGET })
    };
    let (rates, imports) = (ours.rate / peer.rate, import(peer) / import(ours));
    json!([
        plain("transfers_per_second", "1/s", ours.rate, peer.rate, rates),
        ratio("transfers_ratio", rates),
        plain(
            "import_full_block_ms",
            "ms",
            ours.import,
            peer.import,
            peer.import / ours.import
        ),
        plain(
            "import_transfer_us",
            "us",
            import(ours) * 1e3,
            import(peer) * 1e3,
            imports
        ),
        ratio("import_ratio", imports),
    ])
}

/// Runs a chain under load until its window is final, and exports it with the window and without.
async fn fill(dir: &Path, chain: &Chain) -> anyhow::Result<Window> {
    let pool = ["--pool-limit", "65536", "--pool-kbytes", "131072"];
    let spec = chain.spec.display().to_string();
    let arguments = [&["--alice"][..], &pool[..]].concat();
    let mut node = Node::start_with(dir, chain.name, &spec, &[], &arguments).await?;
    let window = load::window(&node).await?;
    node.down()?;
    for (name, to) in EXPORTS.into_iter().zip([window.last, window.first - 1]) {
        let base = dir.join(chain.name).display().to_string();
        let (to, file) = (to.to_string(), blocks(dir, chain, name));
        let arguments = [
            "export-blocks",
            "--chain",
            &spec,
            "--base-path",
            &base,
            "--binary",
            "--to",
            &to,
            &file,
        ];
        run("based-node", &arguments.map(str::to_owned)).await?;
    }
    Ok(window)
}

/// File of exported blocks.
fn blocks(dir: &Path, chain: &Chain, name: &str) -> String {
    dir.join(format!("{}-{name}.blocks", chain.name))
        .display()
        .to_string()
}

/// Time to import an export into an empty database.
async fn import(dir: &Path, chain: &Chain, export: &str) -> anyhow::Result<Duration> {
    let base = dir.join(format!("{}-{export}", chain.name));
    let arguments = [
        "import-blocks",
        "--chain",
        &chain.spec.display().to_string(),
        "--base-path",
        &base.display().to_string(),
        "--binary",
        &blocks(dir, chain, export),
    ];
    let start = Instant::now();
    run("based-node", &arguments.map(str::to_owned)).await?;
    let time = start.elapsed();
    std::fs::remove_dir_all(base)?;
    Ok(time)
}
