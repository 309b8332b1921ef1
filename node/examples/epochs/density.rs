//! The epoch of a full Brain by the density of its weights, and the plot of it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use sp_core::{
    storage::{StateVersion, Storage},
    traits::Externalities,
};
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{BasicExternalities, TestExternalities};

use crate::{dense, median, peer, setting, wasm::Wasm, Error, REPEATS};

const DENSITIES: [u32; 7] = [1, 5, 10, 25, 50, 75, 100];

/// Milliseconds of an epoch's computation, and of all of it, and the blocks it took.
fn measure(wasm: &Wasm, storage: &Storage) -> Result<(f64, f64, u32), Error> {
    let (mut map, mut trie, mut blocks) = (Vec::new(), Vec::new(), 0);
    for _ in 0..=REPEATS {
        let mut plain = BasicExternalities::new(storage.clone());
        let mut height = setting::DUE - 1;
        let before = wasm.begin_block(&mut plain, height)?;
        let mut spent = Duration::ZERO;
        while !setting::concluded(&mut plain) {
            height += 1;
            spent += wasm.begin_block(&mut plain, height)?.saturating_sub(before);
        }
        blocks = height + 1 - setting::DUE;
        map.push(spent);

        let mut externalities: TestExternalities<BlakeTwo256> = TestExternalities::new(storage.clone());
        let mut imported = Vec::new();
        for height in setting::DUE - 1..=height {
            let mut ext = externalities.ext();
            let mut time = wasm.begin_block(&mut ext, height)?;
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

/// What was measured at one density, in milliseconds.
pub struct Row {
    /// Percent of weights that are there.
    pub density: u32,
    /// Blocks over which the epoch runs.
    pub blocks: u32,
    /// Computation.
    pub compute: f64,
    /// Computation with storage.
    pub total: f64,
    /// The dense program in doubles.
    pub dense: f64,
    /// The other chain's program.
    pub subtensor: Option<f64>,
}

/// Draws the rows.
pub fn plot(path: &Path, rows: &[Row]) -> std::io::Result<()> {
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

/// Measures all densities, beside the program of another chain where there is one.
pub fn rows(wasm: &Wasm, subtensor: Option<&Path>) -> Result<Vec<Row>, Error> {
    println!("density   entries   blocks   computation ms   with storage ms   dense f64 ms   subtensor ms");
    let mut rows = Vec::new();
    for density in DENSITIES {
        let matrix = setting::Matrix::random(density);
        let storage = setting::storage(&matrix)?;
        let (compute, total, blocks) = measure(wasm, &storage)?;
        let dense = median((0..REPEATS).map(|_| dense::time(&matrix)).collect());
        let subtensor = subtensor
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
    Ok(rows)
}
