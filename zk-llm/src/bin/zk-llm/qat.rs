//! `zk-llm qat`: quantisation-aware training against post-training quantisation, by number of levels.

use std::path::PathBuf;

use anyhow::Context;
use zk_llm::train::qat::{compare, Levels};

/// Arguments of `zk-llm qat`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Corpus directory.
    #[arg(long, default_value = "zk-llm/corpus")]
    corpus: PathBuf,
    /// Optimiser steps of the float network; both ways train on for as many.
    #[arg(long, default_value_t = 300)]
    steps: usize,
    /// Seed of the training.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Prints the share of held-out sentences labelled correctly.
pub fn run(args: Args) -> anyhow::Result<()> {
    crate::one_thread();
    println!("weights  activations   float  rounded  trained  majority  sentences");
    for (weights, activations) in [(3, 3), (3, 7), (7, 7), (15, 15)] {
        let levels = Levels { weights, activations };
        let found = compare(&args.corpus, levels, args.steps, args.seed)
            .with_context(|| format!("corpus {}", args.corpus.display()))?;
        println!(
            "{weights:>7}  {activations:>11}  {:.4}   {:.4}   {:.4}    {:.4}  {:>9}",
            found.floating, found.rounded, found.trained, found.majority, found.texts
        );
    }
    Ok(())
}
