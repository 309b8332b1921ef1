//! Trains, asks, explains and measures the Temporal Fusion Transformer on one machine.

mod bench;
mod explain;
mod forecast;
mod generate;
mod output;
mod rollback;
mod train;

use clap::{Parser, Subcommand};

/// Forecast a table of metrics with a Temporal Fusion Transformer, on a CPU.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Try it:\n  \
        based-tft generate --kind chain --rows 3000 --out data\n  \
        based-tft train --data data --model model --width 16 --encoder 48 --horizon 12 --steps 300\n  \
        based-tft forecast --data data --model model\n  \
        based-tft explain --data data --model model --svg why.svg\n\n\
        A data directory holds schema.json (which columns are static, observed, known ahead, categorical, and\n\
        which to forecast) and series.csv (a header; one row a bucket, in time order; rows whose observed cells\n\
        are empty lie ahead). A model directory holds every version under the hash of its weights."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a seeded series and its schema, to try the rest on.
    Generate(generate::Args),
    /// Train a model on a data directory, or fine-tune the one that is there.
    Train(train::Args),
    /// Forecast what follows the last observed row of every series.
    Forecast(forecast::Args),
    /// Show which variables and which rows of the past a model looks at.
    Explain(explain::Args),
    /// List stored versions, or make one of them the current model again.
    Rollback(rollback::Args),
    /// Measure skill, and quality and speed beside pytorch-forecasting.
    Bench(bench::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Generate(args) => generate::run(args),
        Command::Train(args) => train::run(args),
        Command::Forecast(args) => forecast::run(args),
        Command::Explain(args) => explain::run(&args),
        Command::Rollback(args) => rollback::run(args),
        Command::Bench(args) => bench::run(&args),
    }
}
