//! Measures the epoch of a full Brain in the runtime's wasm, executed as the node executes it, beside the same epoch
//! as a dense program in doubles: `epochs OUT.json [SUBTENSOR-EPOCH]`. A plot over the density of the weights goes
//! beside the figures. The second argument names the program that `scripts/peers/subtensor-epoch/setup` makes: another
//! chain's sparse epoch on the same matrix. Then blocks of a network of 1,024 full Brains, and a page of its metagraph.
//!
//! An epoch's time is that of `Core_initialize_block` for the blocks over which it runs, less as often that of the block
//! before, in which nothing is due. Computation is measured on storage that is a plain map; the total on a trie in
//! memory, the roots included.
#![allow(missing_docs)]

#[path = "../../src/rpc/answers.rs"]
#[allow(dead_code)]
mod answers;
mod blocks;
mod dense;
mod density;
mod heaviest;
mod network;
mod peer;
mod setting;
mod wasm;

use std::{path::PathBuf, process::Command, time::Duration};

use serde_json::{json, Value};

/// Times that each measurement is repeated; the median counts.
const REPEATS: usize = 7;

type Error = Box<dyn std::error::Error>;

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

const DENSE: &str = "the same epoch as a dense program in f64, native";

fn figure(key: &str, unit: &str, value: f64, peer: Option<(&str, f64)>, target: Option<f64>) -> Value {
    json!({
        "key": key, "value": value, "unit": unit,
        "peer": peer.map(|peer| peer.0),
        "peer_value": peer.map(|peer| peer.1), "ratio": peer.map(|peer| peer.1 / value),
        "target": target, "met": target.map(|target| value <= target),
    })
}

fn main() -> Result<(), Error> {
    let out: PathBuf = std::env::args()
        .nth(1)
        .ok_or("usage: epochs OUT.json [SUBTENSOR-EPOCH]")?
        .into();
    let subtensor = std::env::args().nth(2).map(PathBuf::from);
    let folder = out.parent().map(PathBuf::from).unwrap_or_default();
    std::fs::create_dir_all(&folder)?;
    let wasm = wasm::Wasm::new()?;
    let rows = density::rows(&wasm, subtensor.as_deref())?;
    density::plot(&folder.join("runtime-epoch.svg"), &rows)?;
    let full = rows.last().ok_or("nothing was measured")?;
    let dense = Some((DENSE, full.dense));
    let mut figures = vec![
        figure("epoch_full_compute_ms", "ms", full.compute, dense, Some(100.0)),
        figure("epoch_full_total_ms", "ms", full.total, dense, Some(400.0)),
        figure("epoch_dense_f64_ms", "ms", full.dense, None, None),
    ];
    if let Some(time) = full.subtensor {
        let beside = Some((peer::NAME, time));
        figures.push(figure(
            "epoch_full_beside_subtensor_ms",
            "ms",
            full.compute,
            beside,
            None,
        ));
        println!(
            "a full epoch in wasm takes {:.1} times as long as dense f64, {:.1} times as long as subtensor's, both native",
            full.compute / full.dense,
            full.compute / time
        );
    }
    let blocks = blocks::measure(&wasm)?;
    for (key, unit, value, target) in [
        ("ordinary_block_hooks_ms", "ms", blocks.ordinary, 5.0),
        ("cycle_step_ms", "ms", blocks.cycle_step, 50.0),
        ("metagraph_page_ms", "ms", blocks.page, 100.0),
        ("metagraph_page_bytes", "B", blocks.page_bytes as f64, 1_000_000.0),
    ] {
        println!("{key} {value:.2} {unit}, target {target}");
        figures.push(figure(key, unit, value, None, Some(target)));
    }
    let heaviest = heaviest::measure(&wasm)?;
    for row in &heaviest {
        println!(
            "{:26} {:4} calls in {:7.1} ms, declared {:7.1} ms, ratio {:.2}",
            row.name,
            row.calls,
            row.real,
            row.declared,
            row.ratio()
        );
    }
    let worst = heaviest.iter().map(heaviest::Row::ratio).fold(0.0, f64::max);
    figures.push(figure(
        "heaviest_calls_ratio",
        "real/declared",
        worst,
        None,
        Some(1.0),
    ));
    let git = Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .output()?;
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let report = json!({
        "name": "runtime",
        "commit": String::from_utf8_lossy(&git.stdout).trim(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "cpu": cpu.unwrap_or("unknown"),
        "figures": figures,
        "heaviest": heaviest.iter().map(|row| json!({
            "call": row.name, "calls": row.calls, "declared_ms": row.declared, "real_ms": row.real,
        })).collect::<Vec<_>>(),
        "density": rows.iter().map(|row| json!({
            "percent": row.density, "blocks": row.blocks, "compute_ms": row.compute, "total_ms": row.total, "dense_f64_ms": row.dense,
            "subtensor_ms": row.subtensor,
        })).collect::<Vec<_>>(),
    });
    std::fs::write(&out, serde_json::to_string_pretty(&report)?)?;
    Ok(())
}
