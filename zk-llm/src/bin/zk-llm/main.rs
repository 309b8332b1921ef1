//! Trains, evaluates, inspects and runs encrypted models on one machine.

mod actions;
mod bench;
mod bench_split;
mod centroids;
mod eval;
mod figures;
mod inspect;
mod parity;
mod peer;
mod perplexity;
mod qat;
mod run;
mod synthesise;
mod train;
mod train_generator;
mod train_gpt2;

use clap::{Parser, Subcommand};
use tracing_subscriber::{filter::LevelFilter, EnvFilter};

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
    /// Train a small GPT-2 on a text and write its checkpoint.
    TrainGpt2(train_gpt2::Args),
    /// Train a model that foretells the next word, and write its directory.
    TrainGenerator(train_generator::Args),
    /// Measure a model's accuracy on held-out texts.
    Eval(eval::Args),
    /// Show a model's manifest, bootstraps, ranges and failure probabilities.
    Inspect(inspect::Args),
    /// Encrypt a text, evaluate it and decrypt the answer, and compare it with the exact oracle.
    Run(run::Args),
    /// Compare quantisation-aware training with post-training quantisation on a fixed task.
    Qat(qat::Args),
    /// Encrypt rows, and make statistics and new rows of them without decrypting in between.
    Synthesise(synthesise::Args),
    /// Count the actions of an expression, pass by pass, and check the squeezed graph.
    Actions(actions::Args),
    /// Embed texts and write the centroids that a miner publishes.
    Centroids(centroids::Args),
    /// Compare a checkpoint with its 8-bit import, text by text.
    Parity(parity::Args),
    /// Measure how well a checkpoint predicts a text: its own numbers, 8-bit ones, encrypted ones.
    Perplexity(perplexity::Args),
    /// Measure one encrypted prompt against the bootstraps' own time and write the figures.
    Bench(bench::Args),
    /// Measure split mode: encrypted activations by clear matrices, and a model of GPT-2's shape.
    BenchSplit(bench_split::Args),
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::builder()
                .with_default_directive(LevelFilter::INFO.into())
                .from_env_lossy(),
        )
        .with_writer(std::io::stderr)
        .init();
    match Cli::parse().command {
        Command::Train(args) => train::run(args),
        Command::TrainGpt2(args) => train_gpt2::run(args),
        Command::TrainGenerator(args) => train_generator::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Centroids(args) => centroids::run(args),
        Command::Parity(args) => parity::run(args),
        Command::Perplexity(args) => perplexity::run(args),
        Command::Run(args) => run::run(args),
        Command::Qat(args) => qat::run(args),
        Command::Synthesise(args) => synthesise::run(args),
        Command::Actions(args) => actions::run(args),
        Command::Bench(args) => bench::run(args),
        Command::BenchSplit(args) => bench_split::run(args),
    }
}

/// Trains on one thread: small matrices gain nothing by more, and sums are added in the same order each time.
fn one_thread() {
    // Read by the matrix library at its first use.
    std::env::set_var("RAYON_NUM_THREADS", "1");
}
