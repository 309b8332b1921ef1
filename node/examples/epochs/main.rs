//! Measures the epoch of a full Brain in the runtime's wasm, executed as the node executes it, beside the same epoch
//! as a dense program in doubles: `epochs OUT.json`. A plot over the density of the weights goes beside the figures.
//!
//! An epoch's time is that of `Core_initialize_block` for the block in which it is due, less that of the block before,
//! in which nothing is. Computation is measured on storage that is a plain map; the total on a trie in memory, its root
//! included.
#![allow(missing_docs)]

mod dense;
mod setting;

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use codec::Encode;
use sc_executor::WasmExecutor;
use serde_json::{json, Value};
use sp_core::{
    storage::{StateVersion, Storage},
    traits::{CallContext, CodeExecutor, Externalities, RuntimeCode, WrappedRuntimeCode},
};
use sp_state_machine::{BasicExternalities, TestExternalities};

/// Times that each measurement is repeated; the median counts.
const REPEATS: usize = 7;
const DENSITIES: [u32; 7] = [1, 5, 10, 25, 50, 75, 100];

type Executor = WasmExecutor<sp_io::SubstrateHostFunctions>;
type Error = Box<dyn std::error::Error>;

/// Begins a block in wasm; how long that took.
fn begin_block(
    executor: &Executor,
    code: &[u8],
    ext: &mut dyn Externalities,
    height: u32,
) -> Result<Duration, Error> {
    let fetcher = WrappedRuntimeCode(Cow::Borrowed(code));
    let runtime = RuntimeCode {
        code_fetcher: &fetcher,
        heap_pages: None,
        hash: vec![1],
    };
    let header = setting::header(height).encode();
    let start = Instant::now();
    let context = CallContext::Onchain { import: true };
    let (result, _) = executor.call(ext, &runtime, "Core_initialize_block", &header, context);
    result?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

/// Milliseconds of an epoch's computation, and of all of it.
fn measure(executor: &Executor, code: &[u8], storage: &Storage) -> Result<(f64, f64), Error> {
    let mut found = Vec::new();
    for height in [setting::DUE - 1, setting::DUE] {
        let (mut map, mut trie) = (Vec::new(), Vec::new());
        let mut externalities: TestExternalities<sp_runtime::traits::BlakeTwo256> =
            TestExternalities::new(storage.clone());
        for _ in 0..=REPEATS {
            let mut plain = BasicExternalities::new(storage.clone());
            map.push(begin_block(executor, code, &mut plain, height)?);
            externalities.reset_overlay();
            let mut ext = externalities.ext();
            let mut time = begin_block(executor, code, &mut ext, height)?;
            let start = Instant::now();
            ext.storage_root(StateVersion::V1);
            time += start.elapsed();
            trie.push(time);
        }
        // The first one compiled the code.
        found.push((median(map.split_off(1)), median(trie.split_off(1))));
    }
    Ok((found[1].0 - found[0].0, found[1].1 - found[0].1))
}

fn figure(key: &str, value: f64, peer: Option<f64>, target: Option<f64>) -> Value {
    json!({
        "key": key, "value": value, "unit": "ms",
        "peer": peer.map(|_| "the same epoch as a dense program in f64, native"),
        "peer_value": peer, "ratio": peer.map(|peer| peer / value),
        "target": target, "met": target.map(|target| value <= target),
    })
}

fn plot(path: &Path, rows: &[(u32, f64, f64, f64)]) -> std::io::Result<()> {
    let top = rows.iter().map(|row| row.2.max(row.3)).fold(1.0, f64::max) * 1.05;
    let point = |density: u32, value: f64| {
        format!(
            "{:.1},{:.1}",
            50.0 + f64::from(density) * 5.4,
            310.0 - value / top * 260.0
        )
    };
    let curve = |colour: &str, name: &str, at: u32, pick: fn(&(u32, f64, f64, f64)) -> f64| {
        let points: Vec<String> = rows.iter().map(|row| point(row.0, pick(row))).collect();
        format!(
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/><text x=\"60\" y=\"{at}\" fill=\"{colour}\">{name}</text>",
            points.join(" ")
        )
    };
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 360\" font-family=\"sans-serif\" font-size=\"12\">\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/><text x=\"50\" y=\"24\" font-size=\"15\">Epoch of a full Brain, ms over density in percent (top {top:.0} ms)</text>\
         <path d=\"M50 50V310H600\" fill=\"none\" stroke=\"#888888\"/>{}{}{}</svg>\n",
        curve("#1b6ca8", "computation in wasm", 60, |row| row.1),
        curve("#c8553d", "with storage in wasm", 76, |row| row.2),
        curve("#3d8b5f", "dense f64, native", 92, |row| row.3),
    );
    std::fs::write(path, svg)
}

fn main() -> Result<(), Error> {
    let out: PathBuf = std::env::args().nth(1).ok_or("usage: epochs OUT.json")?.into();
    let folder = out.parent().map(PathBuf::from).unwrap_or_default();
    std::fs::create_dir_all(&folder)?;
    let code =
        based_runtime::WASM_BINARY.ok_or("the runtime was built without wasm; unset SKIP_WASM_BUILD")?;
    let executor = Executor::builder().build();
    println!("density   entries   computation ms   with storage ms   dense f64 ms");
    let mut rows = Vec::new();
    for density in DENSITIES {
        let matrix = setting::Matrix::random(density);
        let storage = setting::storage(&matrix)?;
        let (compute, total) = measure(&executor, code, &storage)?;
        let dense = median((0..REPEATS).map(|_| dense::time(&matrix)).collect());
        println!(
            "{density:>6}%  {:>8}   {compute:>14.2}   {total:>15.2}   {dense:>12.2}",
            matrix.entries()
        );
        rows.push((density, compute, total, dense));
    }
    plot(&folder.join("runtime-epoch.svg"), &rows)?;
    let (_, compute, total, dense) = *rows.last().ok_or("nothing was measured")?;
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
        "figures": [
            figure("epoch_full_compute_ms", compute, Some(dense), Some(100.0)),
            figure("epoch_full_total_ms", total, Some(dense), Some(400.0)),
            figure("epoch_dense_f64_ms", dense, None, None),
        ],
        "density": rows.iter().map(|(density, compute, total, dense)| json!({
            "percent": density, "compute_ms": compute, "total_ms": total, "dense_f64_ms": dense,
        })).collect::<Vec<_>>(),
    });
    std::fs::write(&out, serde_json::to_string_pretty(&report)?)?;
    Ok(())
}
