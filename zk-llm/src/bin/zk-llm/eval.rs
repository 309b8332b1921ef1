//! `zk-llm eval`: a model's accuracy by the exact oracle.

use std::path::PathBuf;

use anyhow::Context;
use zk_llm::train::corpus::{Corpus, Sample, LABELS};
use zk_llm::train::data;
use zk_llm::{exec_clear, ClientModel, Error, Model};

/// Arguments of `zk-llm eval`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model directory.
    #[arg(long)]
    model: PathBuf,
    /// Corpus directory, for its held-out and free sentences.
    #[arg(long, default_value = "zk-llm/corpus")]
    corpus: PathBuf,
    /// Also print every sentence that is labelled wrongly.
    #[arg(long)]
    errors: bool,
    /// Label these sentences instead of measuring.
    texts: Vec<String>,
}

/// Prints accuracies, or the labels of the given texts.
pub fn run(args: Args) -> anyhow::Result<()> {
    let load = || format!("model {}", args.model.display());
    let model = Model::load(&args.model).with_context(load)?;
    let client = ClientModel::load(&args.model).with_context(load)?;
    for text in &args.texts {
        let logits = exec_clear::run(model.circuit(), &client.prepare(text)?)?;
        let probabilities = logits.probabilities(model.manifest());
        let odds = model
            .manifest()
            .labels
            .iter()
            .zip(probabilities)
            .map(|(label, p)| format!("{label} {p:.2}"));
        println!(
            "{text}: {} ({})",
            logits.label(model.manifest()).unwrap_or("?"),
            odds.collect::<Vec<_>>().join(", ")
        );
    }
    if !args.texts.is_empty() {
        return Ok(());
    }
    let corpus = Corpus::load(&args.corpus).with_context(|| format!("corpus {}", args.corpus.display()))?;
    for (name, samples) in [
        ("held-out", data::heldout(&corpus)?),
        ("free", corpus.free.clone()),
    ] {
        let (mut right, mut measured, mut labels) = (0, 0, Vec::new());
        for Sample { text, label } in samples {
            let prompt = match client.prepare(&text) {
                Err(Error::ContextExceeded { .. }) => continue,
                prompt => prompt?,
            };
            let answer = exec_clear::run(model.circuit(), &prompt)?;
            let answer = answer.label(model.manifest()).unwrap_or("?");
            measured += 1;
            labels.push(label);
            right += usize::from(answer == LABELS[label]);
            if args.errors && answer != LABELS[label] {
                println!("{name}: {text}: {answer}, not {}", LABELS[label]);
            }
        }
        let share = right as f64 / f64::from(measured.max(1));
        println!(
            "{name:8} accuracy {share:.4} of {measured}, majority {:.4}",
            data::majority(labels.into_iter())
        );
    }
    let accuracy = &model.manifest().accuracy;
    println!(
        "manifest: squeezed {:.4}, unsqueezed {:.4}, float {:.4}, without attention {:.4}",
        accuracy.squeezed, accuracy.unsqueezed, accuracy.floating, accuracy.without_attention
    );
    Ok(())
}
