//! `based-tft forecast`: quantiles ahead.

use std::path::PathBuf;

use anyhow::ensure;
use based_tft::{Forecaster, QUANTILES};
use serde_json::json;

use crate::output::{print_json, read_data};

/// Arguments of `based-tft forecast`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Data directory; its known columns must reach over the horizon.
    #[arg(long)]
    data: PathBuf,
    /// Model directory.
    #[arg(long)]
    model: PathBuf,
    /// Hash of an older version to ask instead of the current one.
    #[arg(long)]
    version: Option<String>,
    /// Print JSON with the quantiles in fixed point of 10^-6, as the chain takes them.
    #[arg(long)]
    json: bool,
}

/// Forecasts and prints.
pub fn run(args: Args) -> anyhow::Result<()> {
    let forecaster = Forecaster::load(&args.model, args.version.as_deref())?;
    let (schema, table) = read_data(&args.data)?;
    ensure!(
        schema == *forecaster.schema(),
        "the model's feature set {} has other columns than {}; train a model on this schema",
        forecaster.schema().version,
        args.data.display()
    );
    let forecasts = forecaster.forecast(&table)?;
    let persistent: Vec<&str> = forecaster.persistent_targets().collect();
    if args.json {
        return print_json(&json!({
            "model_hash": forecaster.hash()?,
            "schema_version": schema.version,
            "targets": schema.targets,
            "quantiles": QUANTILES,
            "persistent_targets": persistent,
            "forecasts": forecasts,
        }));
    }
    for forecast in forecasts {
        println!("{}", forecast.series);
        for (at, target) in schema.targets.iter().enumerate() {
            let by = if persistent.contains(&target.as_str()) {
                " (by persistence)"
            } else {
                ""
            };
            println!(
                "  {target}{by}\n    {:>5} {:>16} {:>16} {:>16}",
                "ahead", "q 0.1", "q 0.5", "q 0.9"
            );
            for (step, row) in forecast.quantiles.iter().enumerate() {
                let [low, middle, high] = row[at].map(|x| x as f64 / 1e6);
                println!("    {:>5} {low:>16.6} {middle:>16.6} {high:>16.6}", step + 1);
            }
        }
    }
    Ok(())
}
