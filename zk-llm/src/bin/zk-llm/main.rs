//! Trains, evaluates, inspects and runs encrypted models on one machine.

mod actions;
mod bench;
mod bench_split;
mod centroids;
mod eval;
mod figures;
mod inspect;
mod parity;
mod run;
mod train;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Encrypted inference on one machine.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model and write its directory.
    Train(train::Args),
    /// Measure a model's accuracy on held-out texts.
    Eval(eval::Args),
    /// Show a model's manifest, bootstraps, ranges and failure probabilities.
    Inspect(inspect::Args),
    /// Encrypt a text, evaluate it and decrypt the answer, and compare it with the exact oracle.
    Run(run::Args),
    /// Count the actions of an expression, pass by pass, and check the squeezed graph.
    Actions(actions::Args),
    /// Embed texts and write the centroids that a miner publishes.
    Centroids(centroids::Args),
    /// Compare a checkpoint with its 8-bit import, text by text.
    Parity(parity::Args),
    /// Measure one encrypted prompt against the bootstraps' own time and write the figures.
    Bench(bench::Args),
    /// Measure split mode: encrypted activations by clear matrices, and a model of GPT-2's shape.
    BenchSplit(bench_split::Args),
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match Cli::parse().command {
        Command::Train(args) => train::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Centroids(args) => centroids::run(args),
        Command::Parity(args) => parity::run(args),
        Command::Run(args) => run::run(args),
        Command::Actions(args) => actions::run(args),
        Command::Bench(args) => bench::run(args),
        Command::BenchSplit(args) => bench_split::run(args),
    }
}
