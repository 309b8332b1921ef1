//! `based-tft bench`: forecast skill against persistence and linear regression, cost of a nightly fine-tune, and
//! quality and speed beside pytorch-forecasting.

mod nightly;
mod peer;
mod skill;

use std::path::PathBuf;
use std::process::Command;

use based_tft::store::write_atomically;
use serde::Serialize;

/// Arguments of `based-tft bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File for the figures, as JSON; only the table is printed without it.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Python that has pytorch-forecasting; the comparison is left out without it.
    #[arg(long, requires = "script")]
    python: Option<PathBuf>,
    /// The peer's program.
    #[arg(long)]
    script: Option<PathBuf>,
    /// Optimiser steps of each seed of the comparison.
    #[arg(long, default_value_t = 2000)]
    steps: usize,
    /// Seeds of the comparison.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
}

/// One measured figure; what there is nothing to compare with is null.
#[derive(Clone, Serialize)]
pub struct Figure {
    key: String,
    value: f64,
    unit: &'static str,
    peer: Option<&'static str>,
    peer_value: Option<f64>,
    ratio: Option<f64>,
    target: Option<f64>,
    met: Option<bool>,
}

impl Figure {
    /// A figure by itself.
    pub fn plain(key: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            key: key.into(),
            value,
            unit,
            peer: None,
            peer_value: None,
            ratio: None,
            target: None,
            met: None,
        }
    }

    /// The target is met at or below it.
    pub fn at_most(self, target: f64) -> Self {
        Self {
            target: Some(target),
            met: Some(self.value <= target),
            ..self
        }
    }

    /// The target is met at or above it.
    pub fn at_least(self, target: f64) -> Self {
        Self {
            target: Some(target),
            met: Some(self.value >= target),
            ..self
        }
    }

    /// What the peer reached in the same run, and how many times better this is.
    pub fn beside(self, peer: &'static str, peer_value: f64, ratio: f64) -> Self {
        Self {
            peer: Some(peer),
            peer_value: Some(peer_value),
            ratio: Some(ratio),
            ..self
        }
    }
}

#[derive(Serialize)]
struct Report {
    name: &'static str,
    commit: String,
    cores: usize,
    cpu: String,
    figures: Vec<Figure>,
}

/// Measures, prints a table and writes the figures.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut figures = skill::measure()?;
    figures.extend(nightly::measure()?);
    if let (Some(python), Some(script)) = (&args.python, &args.script) {
        figures.extend(peer::measure(python, script, args.seeds, args.steps)?);
    } else {
        eprintln!("bench: without --python there is no comparison with pytorch-forecasting");
    }
    for figure in &figures {
        let target = match (figure.target, figure.met) {
            (Some(target), Some(true)) => format!("target {target} met"),
            (Some(target), _) => format!("target {target} NOT met"),
            _ => String::new(),
        };
        println!(
            "{:<30} {:>14.5} {:<10} {target}",
            figure.key, figure.value, figure.unit
        );
    }
    let report = Report {
        name: "tft",
        commit: commit(),
        cores: std::thread::available_parallelism()?.get(),
        cpu: cpu(),
        figures,
    };
    if let Some(out) = &args.out {
        write_atomically(out, &serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(())
}

fn commit() -> String {
    let output = Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .output();
    let text = output.ok().filter(|output| output.status.success());
    text.map_or_else(
        || "unknown".into(),
        |output| String::from_utf8_lossy(&output.stdout).trim().into(),
    )
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.into(), |(_, name)| name.into())
}
