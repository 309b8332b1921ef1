//! `based-tft train`: a new model, or more training for the one that is there.

use std::path::PathBuf;

use anyhow::ensure;
use based_tft::{store, Forecaster, Sizes, Training};
use serde_json::json;

use crate::output::{bar, print_json, read_data};

/// Arguments of `based-tft train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Data directory: schema.json and series.csv.
    #[arg(long)]
    data: PathBuf,
    /// Model directory. A model that is there is fine-tuned and its older versions are kept.
    #[arg(long)]
    model: PathBuf,
    /// Sizes of a new model.
    #[arg(long, value_enum, default_value = "standard")]
    preset: Preset,
    /// Width of every layer, instead of the preset's.
    #[arg(long)]
    width: Option<usize>,
    /// Attention heads, instead of the preset's; they divide the width.
    #[arg(long)]
    heads: Option<usize>,
    /// Rows of the past that a forecast looks at, instead of the preset's.
    #[arg(long)]
    encoder: Option<usize>,
    /// Rows ahead that are forecast, instead of the preset's.
    #[arg(long)]
    horizon: Option<usize>,
    /// Optimiser steps at most.
    #[arg(long, default_value_t = Training::default().steps)]
    steps: usize,
    /// Windows of a step.
    #[arg(long, default_value_t = Training::default().batch)]
    batch: usize,
    /// Highest learning rate.
    #[arg(long, default_value_t = Training::default().rate)]
    rate: f64,
    /// Decides parameters, batches and dropout: the same seed gives the same model.
    #[arg(long, default_value_t = Training::default().seed)]
    seed: u64,
    /// Steps between validations; an interrupted training goes on after the last one.
    #[arg(long, default_value_t = Training::default().validate_every)]
    validate_every: usize,
    /// Validations without improvement before training stops.
    #[arg(long, default_value_t = Training::default().patience)]
    patience: usize,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Sizes for chain metrics.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Preset {
    /// Width 32, 4 heads, 144 rows of the past, 24 ahead.
    Standard,
    /// Width 16, else as standard.
    Small,
}

impl Args {
    fn sizes(&self) -> Sizes {
        let preset = match self.preset {
            Preset::Standard => Sizes::STANDARD,
            Preset::Small => Sizes::SMALL,
        };
        Sizes {
            width: self.width.unwrap_or(preset.width),
            heads: self.heads.unwrap_or(preset.heads),
            encoder: self.encoder.unwrap_or(preset.encoder),
            horizon: self.horizon.unwrap_or(preset.horizon),
            dropout: preset.dropout,
        }
    }

    /// The stored model, or a new one.
    fn forecaster(&self, schema: based_tft::Schema) -> anyhow::Result<(Forecaster, bool)> {
        if store::current(&self.model).is_err() {
            return Ok((Forecaster::new(schema, self.sizes(), self.seed)?, true));
        }
        let forecaster = Forecaster::load(&self.model, None)?;
        ensure!(
            *forecaster.schema() == schema,
            "the model in {} has feature set {} and other columns than {}; train into another directory",
            self.model.display(),
            forecaster.schema().version,
            self.data.display()
        );
        let given = [self.width, self.heads, self.encoder, self.horizon];
        ensure!(
            given.iter().all(Option::is_none),
            "the model in {} already has its sizes; leave them out to fine-tune it",
            self.model.display()
        );
        Ok((forecaster, false))
    }
}

/// Trains and stores.
pub fn run(args: Args) -> anyhow::Result<()> {
    let (schema, table) = read_data(&args.data)?;
    let (mut forecaster, new) = args.forecaster(schema)?;
    let parameters = forecaster.model().size();
    if !args.json {
        let what = if new {
            "training a new model"
        } else {
            "fine-tuning the model"
        };
        eprintln!("{what} of {parameters} parameters");
    }
    let training = Training {
        steps: args.steps,
        batch: args.batch,
        rate: args.rate,
        seed: args.seed,
        validate_every: args.validate_every,
        patience: args.patience,
        ..Training::default()
    };
    let bar = bar(args.steps as u64)?;
    let stored = args.model.join("training.safetensors");
    let outcome = forecaster.fine_tune(&table, training, Some(&stored), &mut |progress| {
        bar.set_position(progress.step as u64);
        bar.set_message(format!(
            "loss {:.4}, validation {:.4}",
            progress.loss, progress.validation
        ));
    })?;
    bar.finish_and_clear();
    let hash = forecaster.save(&args.model)?;
    let persistent: Vec<&str> = forecaster.persistent_targets().collect();
    if args.json {
        return print_json(&json!({
            "model_hash": hash,
            "parameters": parameters,
            "new": new,
            "outcome": outcome,
            "persistent_targets": persistent,
        }));
    }
    println!(
        "{} steps, {:.0} ms each; validation loss {:.4}, before {:.4} (kept: step {})",
        outcome.steps,
        outcome.seconds_per_step * 1e3,
        outcome.validation,
        outcome.initial_validation,
        outcome.best_step
    );
    if let Some(step) = outcome.resumed_at {
        println!("went on from step {step} of an interrupted training");
    }
    if !persistent.is_empty() {
        println!(
            "no better than persistence, which answers instead: {}",
            persistent.join(", ")
        );
    }
    println!("model: {hash}");
    Ok(())
}
