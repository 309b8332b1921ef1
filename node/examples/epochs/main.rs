//! Measures the epoch of a full Brain in the runtime's wasm, executed as the node executes it, beside the same epoch
//! as a dense program in doubles: `epochs OUT.json [SUBTENSOR-EPOCH]`. A plot over the density of the weights goes
//! beside the figures. The second argument names the program that `scripts/peers/subtensor-epoch/setup` makes: another
//! chain's sparse epoch on the same matrix.
//!
//! An epoch's time is that of `Core_initialize_block` for the blocks over which it runs, less as often that of the block
//! before, in which nothing is due. Computation is measured on storage that is a plain map; the total on a trie in
//! memory, the roots included.
#![allow(missing_docs)]

mod dense;
mod peer;
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
use sp_runtime::traits::BlakeTwo256;
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

/// Milliseconds of an epoch's computation, and of all of it, and the blocks it took.
fn measure(executor: &Executor, code: &[u8], storage: &Storage) -> Result<(f64, f64, u32), Error> {
    let (mut map, mut trie, mut blocks) = (Vec::new(), Vec::new(), 0);
    for _ in 0..=REPEATS {
        let mut plain = BasicExternalities::new(storage.clone());
        let mut height = setting::DUE - 1;
        let before = begin_block(executor, code, &mut plain, height)?;
        let mut spent = Duration::ZERO;
        while !setting::concluded(&mut plain) {
            height += 1;
            spent += begin_block(executor, code, &mut plain, height)?.saturating_sub(before);
        }
        blocks = height + 1 - setting::DUE;
        map.push(spent);

        let mut externalities: TestExternalities<BlakeTwo256> = TestExternalities::new(storage.clone());
        let mut imported = Vec::new();
        for height in setting::DUE - 1..=height {
            let mut ext = externalities.ext();
            let mut time = begin_block(executor, code, &mut ext, height)?;
            let start = Instant::now();
            ext.storage_root(StateVersion::V1);
            time += start.elapsed();
            externalities.commit_all()?;
            imported.push(time);
        }
        let (before, epoch) = imported.split_first().ok_or("no block was imported")?;
        trie.push(epoch.iter().map(|time| time.saturating_sub(*before)).sum());
    }
    // The first one compiled the code.
    Ok((median(map.split_off(1)), median(trie.split_off(1)), blocks))
}

const DENSE: &str = "the same epoch as a dense program in f64, native";

fn figure(key: &str, value: f64, peer: Option<(&str, f64)>, target: Option<f64>) -> Value {
    json!({
        "key": key, "value": value, "unit": "ms",
        "peer": peer.map(|peer| peer.0),
        "peer_value": peer.map(|peer| peer.1), "ratio": peer.map(|peer| peer.1 / value),
        "target": target, "met": target.map(|target| value <= target),
    })
}

/// What was measured at one density, in milliseconds.
struct Row {
    density: u32,
    blocks: u32,
    compute: f64,
    total: f64,
    dense: f64,
    subtensor: Option<f64>,
}

fn plot(path: &Path, rows: &[Row]) -> std::io::Result<()> {
    let highest = |row: &Row| row.total.max(row.dense).max(row.subtensor.unwrap_or(0.0));
    let top = rows.iter().map(highest).fold(1.0, f64::max) * 1.05;
    let point = |density: u32, value: f64| {
        format!(
            "{:.1},{:.1}",
            50.0 + f64::from(density) * 5.4,
            310.0 - value / top * 260.0
        )
    };
    let curve = |colour: &str, name: &str, at: u32, pick: fn(&Row) -> Option<f64>| {
        let points: Vec<String> = rows
            .iter()
            .filter_map(|row| Some(point(row.density, pick(row)?)))
            .collect();
        format!(
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/><text x=\"60\" y=\"{at}\" fill=\"{colour}\">{name}</text>",
            points.join(" ")
        )
    };
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 360\" font-family=\"sans-serif\" font-size=\"12\">\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/><text x=\"50\" y=\"24\" font-size=\"15\">Epoch of a full Brain, ms over density in percent (top {top:.0} ms)</text>\
         <path d=\"M50 50V310H600\" fill=\"none\" stroke=\"#888888\"/>{}{}{}{}</svg>\n",
        curve("#1b6ca8", "computation in wasm", 60, |row| Some(row.compute)),
        curve("#c8553d", "with storage in wasm", 76, |row| Some(row.total)),
        curve("#3d8b5f", "dense f64, native", 92, |row| Some(row.dense)),
        curve("#7a5195", "subtensor's sparse epoch, native, where measured", 108, |row| row.subtensor),
    );
    std::fs::write(path, svg)
}

fn main() -> Result<(), Error> {
    let out: PathBuf = std::env::args()
        .nth(1)
        .ok_or("usage: epochs OUT.json [SUBTENSOR-EPOCH]")?
        .into();
    let subtensor = std::env::args().nth(2).map(PathBuf::from);
    let folder = out.parent().map(PathBuf::from).unwrap_or_default();
    std::fs::create_dir_all(&folder)?;
    let code =
        based_runtime::WASM_BINARY.ok_or("the runtime was built without wasm; unset SKIP_WASM_BUILD")?;
    let executor = Executor::builder().build();
    println!("density   entries   blocks   computation ms   with storage ms   dense f64 ms   subtensor ms");
    let mut rows = Vec::new();
    for density in DENSITIES {
        let matrix = setting::Matrix::random(density);
        let storage = setting::storage(&matrix)?;
        let (compute, total, blocks) = measure(&executor, code, &storage)?;
        let dense = median((0..REPEATS).map(|_| dense::time(&matrix)).collect());
        let subtensor = subtensor
            .as_deref()
            .map(|program| peer::time(program, &matrix))
            .transpose()?;
        println!(
            "{density:>6}%  {:>8}   {blocks:>6}   {compute:>14.2}   {total:>15.2}   {dense:>12.2}   {:>12}",
            matrix.entries(),
            subtensor.map_or("-".into(), |time| format!("{time:.2}")),
        );
        rows.push(Row {
            density,
            blocks,
            compute,
            total,
            dense,
            subtensor,
        });
    }
    plot(&folder.join("runtime-epoch.svg"), &rows)?;
    let full = rows.last().ok_or("nothing was measured")?;
    let dense = Some((DENSE, full.dense));
    let mut figures = vec![
        figure("epoch_full_compute_ms", full.compute, dense, Some(100.0)),
        figure("epoch_full_total_ms", full.total, dense, Some(400.0)),
        figure("epoch_dense_f64_ms", full.dense, None, None),
    ];
    if let Some(time) = full.subtensor {
        let beside = Some((peer::NAME, time));
        figures.push(figure(
            "epoch_full_beside_subtensor_ms",
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
        "density": rows.iter().map(|row| json!({
            "percent": row.density, "blocks": row.blocks, "compute_ms": row.compute, "total_ms": row.total, "dense_f64_ms": row.dense,
            "subtensor_ms": row.subtensor,
        })).collect::<Vec<_>>(),
    });
    std::fs::write(&out, serde_json::to_string_pretty(&report)?)?;
    Ok(())
}
