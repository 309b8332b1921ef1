//! Replays the attacks of C.11 through the integer code that the runtime executes, prints tables, and writes figures
//! and plots: `attacks OUT.json`. Plots go beside the figures.
#![allow(missing_docs)]

mod cabal;
mod copying;
mod network;
mod plot;
mod sybils;

use std::{path::PathBuf, process::Command};

use serde_json::{json, Value};

/// A figure with what it should reach.
pub struct Figure {
    pub key: &'static str,
    pub value: f64,
    pub unit: &'static str,
    pub target: Option<f64>,
}

impl Figure {
    fn to_json(&self) -> Value {
        json!({
            "key": self.key, "value": self.value, "unit": self.unit, "peer": null, "peer_value": null, "ratio": null,
            "target": self.target, "met": self.target.map(|target| self.value <= target),
        })
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out: PathBuf = std::env::args().nth(1).ok_or("usage: attacks OUT.json")?.into();
    let folder = out.parent().map(PathBuf::from).unwrap_or_default();
    std::fs::create_dir_all(&folder)?;
    let mut figures = cabal::run(&folder)?;
    figures.extend(copying::run(&folder)?);
    sybils::run();
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1))
        .unwrap_or("unknown");
    let report = json!({
        "name": "attacks",
        "commit": output("git", &["rev-parse", "--short", "HEAD"]),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "cpu": cpu,
        "figures": figures.iter().map(Figure::to_json).collect::<Vec<_>>(),
    });
    std::fs::write(&out, serde_json::to_string_pretty(&report)?)?;
    Ok(())
}
