//! A nightly fine-tune at the size for chain metrics (D.4): a year of 10-minute buckets.

use std::time::Instant;

use anyhow::Context;
use based_tft::train::Run;
use based_tft::{Feature, Forecaster, Schema, Series, Sizes, Table, Training};

use super::Figure;

/// Rows of a year of 10-minute buckets.
const ROWS: usize = 52_560;
/// Steps timed.
const STEPS: usize = 20;

/// Time of a step, of a night's default training, and memory.
pub fn measure() -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, sizes) in [("standard", Sizes::STANDARD), ("small", Sizes::SMALL)] {
        let (schema, table) = year();
        let mut forecaster = Forecaster::new(schema, sizes, 1)?;
        let none = Training {
            steps: 0,
            ..Training::default()
        };
        forecaster.fine_tune(&table, none, None, &mut |_| {})?;
        let dataset = forecaster.dataset(&table)?;
        let mut run = Run::new(
            forecaster.model(),
            &dataset,
            Training::default(),
            String::new(),
            None,
        )?;
        run.step()?;
        let start = Instant::now();
        for _ in 0..STEPS {
            run.step()?;
        }
        let step = start.elapsed().as_secs_f64() / STEPS as f64;
        let start = Instant::now();
        based_tft::train::evaluate(forecaster.model(), &dataset, &dataset.windows(0.99..1.0)[..256])?;
        let validation = start.elapsed().as_secs_f64();
        let Training {
            steps,
            validate_every,
            ..
        } = Training::default();
        let night = step * steps as f64 + validation * (steps / validate_every) as f64;
        figures.push(Figure::plain(
            format!("parameters_{name}"),
            forecaster.model().size() as f64,
            "parameters",
        ));
        figures.push(Figure::plain(format!("step_ms_{name}"), step * 1e3, "ms"));
        figures.push(Figure::plain(format!("nightly_{name}_s"), night, "s").at_most(1200.0));
    }
    figures.push(Figure::plain("peak_rss_bytes", peak_rss_bytes()?, "B").at_most(2e9));
    Ok(figures)
}

/// The columns of D.4 over a year, with values that repeat by day.
fn year() -> (Schema, Table) {
    let reals = |names: &[&str]| names.iter().map(|name| Feature::real(*name)).collect::<Vec<_>>();
    let observed = [
        "transactions",
        "block_time_mean",
        "block_time_max",
        "bytes",
        "active_addresses",
        "emission",
        "total_stake",
        "active_validators",
        "joins",
        "leaves",
        "fee_mean",
        "p_mean",
    ];
    let known = ["day_sin", "day_cos", "week_sin", "week_cos"];
    let targets = [
        "transactions",
        "block_time_mean",
        "bytes",
        "active_addresses",
        "fee_mean",
        "p_mean",
    ];
    let schema = Schema {
        version: 1,
        targets: targets.map(String::from).to_vec(),
        statics: vec![
            Feature::categorical("class", 4),
            Feature::categorical("template", 8),
        ],
        observed: reals(&observed),
        known: reals(&known),
    };
    let wave = |at: usize, rows: usize| -> Vec<f64> {
        let value =
            |row: usize| (row as f64 * std::f64::consts::TAU / 144.0 + at as f64).sin() + row as f64 * 1e-5;
        (0..rows).map(value).collect()
    };
    let series = Series {
        name: "network".into(),
        statics: vec![0.0, 0.0],
        observed: (0..observed.len()).map(|at| wave(at, ROWS)).collect(),
        known: (0..known.len())
            .map(|at| wave(at, ROWS + Sizes::STANDARD.horizon))
            .collect(),
    };
    (schema, Table { series: vec![series] })
}

fn peak_rss_bytes() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak
        .and_then(|peak| peak.split_whitespace().next())
        .context("no VmHWM in /proc/self/status")?;
    Ok(kilobytes.parse::<f64>()? * 1024.0)
}
