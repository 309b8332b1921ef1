//! What the subcommands share: data directories, JSON, progress bars.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use based_tft::{Schema, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// The schema and the table of a data directory.
pub fn read_data(directory: &Path) -> anyhow::Result<(Schema, Table)> {
    let path = schema_file(directory);
    let schema = std::fs::read(&path).with_context(|| {
        format!(
            "{}: a data directory holds schema.json and series.csv",
            path.display()
        )
    })?;
    let schema: Schema = serde_json::from_slice(&schema).with_context(|| path.display().to_string())?;
    let table = Table::read_csv(&series_file(directory), &schema)?;
    Ok((schema, table))
}

/// Where a data directory keeps its schema.
pub fn schema_file(directory: &Path) -> PathBuf {
    directory.join("schema.json")
}

/// Where a data directory keeps its rows.
pub fn series_file(directory: &Path) -> PathBuf {
    directory.join("series.csv")
}

/// Prints one JSON document.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// A bar over `steps`, on a terminal only.
pub fn bar(steps: u64) -> anyhow::Result<ProgressBar> {
    let bar = ProgressBar::new(steps);
    bar.set_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len} {elapsed} (left {eta}) {msg}",
    )?);
    bar.enable_steady_tick(Duration::from_millis(500));
    Ok(bar)
}
