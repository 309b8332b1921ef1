//! `zk-llm train-gpt2`: from a text to a checkpoint that `based model import` takes.

use std::path::PathBuf;

use anyhow::Context;
use zk_llm::train::gpt2::{train, Settings};

use crate::perplexity;

/// Arguments of `zk-llm train-gpt2`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Text to learn; its last tenth is held out.
    #[arg(long, default_value = perplexity::TEXT)]
    text: PathBuf,
    /// Folder of the checkpoint to write.
    #[arg(long)]
    out: PathBuf,
    /// Decides every random choice.
    #[arg(long, default_value_t = Settings::default().seed)]
    seed: u64,
    /// Optimiser steps.
    #[arg(long, default_value_t = Settings::default().steps)]
    steps: usize,
    /// Layers.
    #[arg(long, default_value_t = Settings::default().layers)]
    layers: usize,
    /// Features of a token.
    #[arg(long, default_value_t = Settings::default().width)]
    width: usize,
    /// Heads of each attention.
    #[arg(long, default_value_t = Settings::default().heads)]
    heads: usize,
    /// Tokens of the vocabulary, the 256 bytes included.
    #[arg(long, default_value_t = Settings::default().vocabulary)]
    vocabulary: usize,
}

/// Trains, writes the checkpoint and prints what was measured.
pub fn run(args: Args) -> anyhow::Result<()> {
    crate::one_thread();
    let text = std::fs::read_to_string(&args.text).with_context(|| args.text.display().to_string())?;
    let settings = Settings {
        seed: args.seed,
        steps: args.steps,
        layers: args.layers,
        width: args.width,
        heads: args.heads,
        vocabulary: args.vocabulary,
        ..Settings::default()
    };
    let report = train(&text, &args.out, settings).with_context(|| args.out.display().to_string())?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
