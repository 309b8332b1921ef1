//! `zk-llm train`: from the corpus to a model directory.

use std::path::PathBuf;

use anyhow::Context;
use zk_llm::train::{publish, train, Settings};

/// Arguments of `zk-llm train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Corpus directory.
    #[arg(long, default_value = "zk-llm/corpus")]
    corpus: PathBuf,
    /// Model directory to write.
    #[arg(long)]
    out: PathBuf,
    /// The model's name.
    #[arg(long, default_value = "emotion")]
    name: String,
    /// Decides every random choice.
    #[arg(long, default_value_t = Settings::default().seed)]
    seed: u64,
    /// Optimiser steps of the float network; later stages are in proportion.
    #[arg(long, default_value_t = Settings::default().steps)]
    steps: usize,
    /// Significance below which a head is pruned, in nats of calibration loss.
    #[arg(long, default_value_t = Settings::default().threshold)]
    threshold: f64,
    /// Bootstraps that a prompt may take after squeezing.
    #[arg(long, default_value_t = Settings::default().budget)]
    budget: u64,
    /// Calibration loss, in nats, that closing gates within heads may cost before training goes on.
    #[arg(long, default_value_t = Settings::default().tolerance)]
    tolerance: f64,
}

/// Trains, writes the model and prints what was measured.
pub fn run(args: Args) -> anyhow::Result<()> {
    crate::one_thread();
    let Args {
        seed,
        steps,
        threshold,
        budget,
        tolerance,
        ..
    } = args;
    let settings = Settings {
        seed,
        steps,
        threshold,
        budget,
        tolerance,
        ..Settings::default()
    };
    let (trained, data, report) =
        train(&args.corpus, settings).with_context(|| format!("corpus {}", args.corpus.display()))?;
    let manifest = publish(&args.out, &args.name, &trained, &data, &report)
        .with_context(|| format!("model {}", args.out.display()))?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    println!(
        "bootstraps a prompt: {} before squeezing, {} after",
        manifest.bootstraps.unsqueezed, manifest.bootstraps.squeezed
    );
    Ok(())
}
