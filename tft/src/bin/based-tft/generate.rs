//! `based-tft generate`: seeded series.

use std::path::PathBuf;

use based_tft::generate::{generate, Kind, Request};
use based_tft::store::write_atomically;
use serde_json::json;

use crate::output::{print_json, schema_file, series_file};

/// Arguments of `based-tft generate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory to write schema.json and series.csv to.
    #[arg(long)]
    out: PathBuf,
    /// Kind of series.
    #[arg(long, value_enum, default_value = "seasonal")]
    kind: Choice,
    /// Observed rows of each series.
    #[arg(long, default_value_t = 3000)]
    rows: usize,
    /// Rows beyond them whose known columns are given: as many as the model's horizon at least.
    #[arg(long, default_value_t = 24)]
    ahead: usize,
    /// Number of series.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=512))]
    series: u16,
    /// Rows of a day; a week has seven days.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u32).range(2..))]
    day: u32,
    /// Decides every random choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print what was written as JSON.
    #[arg(long)]
    json: bool,
}

/// Kind of series.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Choice {
    /// One value with a day and a week that interact, noisier at some hours.
    Seasonal,
    /// Six chain metrics that drive one another, and a peer's forecasts.
    Chain,
    /// Random walks of white-noise steps, which nobody can forecast.
    Walk,
    /// White noise around a level.
    White,
}

/// Writes the data directory.
pub fn run(args: Args) -> anyhow::Result<()> {
    let kind = match args.kind {
        Choice::Seasonal => Kind::Seasonal,
        Choice::Chain => Kind::Chain,
        Choice::Walk => Kind::Walk,
        Choice::White => Kind::White,
    };
    let request = Request {
        kind,
        rows: args.rows,
        ahead: args.ahead,
        series: args.series.into(),
        seed: args.seed,
        day: args.day as usize,
    };
    let (schema, table) = generate(request);
    let (schema_file, series_file) = (schema_file(&args.out), series_file(&args.out));
    write_atomically(&schema_file, &serde_json::to_vec_pretty(&schema)?)?;
    table.write_csv(&series_file, &schema)?;
    if args.json {
        return print_json(&json!({"schema": schema_file, "series": series_file, "rows": args.rows}));
    }
    println!(
        "wrote {} rows of {} series to {}",
        args.rows,
        args.series,
        series_file.display()
    );
    println!("schema: {}", schema_file.display());
    Ok(())
}
