//! Figures of a benchmark: a table for the reader, JSON for whoever compares runs.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde::Serialize;

/// One measured figure; `ratio` and `met` are null where there is nothing to compare with.
#[derive(Serialize)]
pub struct Figure {
    pub key: &'static str,
    pub value: f64,
    pub unit: &'static str,
    pub peer: Option<String>,
    pub peer_value: Option<f64>,
    pub ratio: Option<f64>,
    pub target: Option<f64>,
    pub met: Option<bool>,
}

/// A benchmark's figures and the machine that made them.
#[derive(Serialize)]
pub struct Report {
    name: &'static str,
    commit: String,
    cores: usize,
    cpu: String,
    figures: Vec<Figure>,
}

/// A figure without target or peer.
pub fn plain(key: &'static str, value: f64, unit: &'static str) -> Figure {
    Figure {
        key,
        value,
        unit,
        peer: None,
        peer_value: None,
        ratio: None,
        target: None,
        met: None,
    }
}

/// A figure that should not exceed its target.
pub fn at_most(key: &'static str, value: f64, unit: &'static str, target: f64) -> Figure {
    Figure {
        target: Some(target),
        met: Some(value <= target),
        ..plain(key, value, unit)
    }
}

/// A figure that should reach its target.
pub fn at_least(key: &'static str, value: f64, unit: &'static str, target: f64) -> Figure {
    Figure {
        target: Some(target),
        met: Some(value >= target),
        ..plain(key, value, unit)
    }
}

impl Report {
    pub fn new(name: &'static str, cores: usize, figures: Vec<Figure>) -> Self {
        Self {
            name,
            commit: commit(),
            cores,
            cpu: cpu(),
            figures,
        }
    }

    /// Prints the table, and writes the figures where a file is named.
    pub fn publish(&self, out: Option<&Path>) -> anyhow::Result<()> {
        for figure in &self.figures {
            let target = figure.target.map(|target| format!("target {target}"));
            let missed = figure.met.filter(|met| !met).map(|_| "missed".into());
            let peer = figure.peer_value.zip(figure.ratio);
            let peer = peer.map(|(value, ratio)| format!("peer {value:.4}, {ratio:.1} times better"));
            let notes: Vec<String> = [target, missed, peer].into_iter().flatten().collect();
            println!(
                "{:<32} {:>16.4} {:<11} {}",
                figure.key,
                figure.value,
                figure.unit,
                notes.join("; ")
            );
        }
        out.map_or(Ok(()), |out| self.write(out))
    }

    fn write(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, serde_json::to_vec_pretty(self)?).with_context(|| path.display().to_string())
    }
}

fn commit() -> String {
    let output = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output();
    let text = output
        .ok()
        .filter(|o| o.status.success())
        .map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    text.unwrap_or_else(|| "unknown".into())
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| "unknown".into(), |(_, name)| name.trim().to_owned())
}
