//! `zk-llm train-generator`: from the corpus to the directory of a model that foretells the next word.

use std::path::PathBuf;

use anyhow::Context;
use zk_llm::train::generator::{publish, train, Settings};

/// Arguments of `zk-llm train-generator`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Corpus directory.
    #[arg(long, default_value = "zk-llm/corpus")]
    corpus: PathBuf,
    /// Model directory to write.
    #[arg(long)]
    out: PathBuf,
    /// The model's name.
    #[arg(long, default_value = "words")]
    name: String,
    /// Decides every random choice.
    #[arg(long, default_value_t = Settings::default().seed)]
    seed: u64,
    /// Tokens of the vocabulary, the two special ones included.
    #[arg(long, default_value_t = Settings::default().vocabulary)]
    vocabulary: usize,
    /// Optimiser steps of the float network; later stages are in proportion.
    #[arg(long, default_value_t = Settings::default().steps)]
    steps: usize,
}

/// Trains, writes the model and prints what was measured.
pub fn run(args: Args) -> anyhow::Result<()> {
    crate::one_thread();
    let settings = Settings {
        seed: args.seed,
        vocabulary: args.vocabulary,
        steps: args.steps,
        ..Settings::default()
    };
    let (net, texts, report) =
        train(&args.corpus, settings).with_context(|| format!("corpus {}", args.corpus.display()))?;
    let manifest = publish(&args.out, &args.name, &net, &texts, &report)
        .with_context(|| format!("model {}", args.out.display()))?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    println!("bootstraps a token: {}", manifest.bootstraps.squeezed);
    Ok(())
}
