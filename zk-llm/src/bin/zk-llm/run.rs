//! `zk-llm run`: one text through encryption, evaluation and decryption, against the oracle.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{ensure, Context};
use indicatif::{ProgressBar, ProgressStyle};
use zk_llm::exec_tfhe::Evaluation;
use zk_llm::{evaluate, exec_clear, ClientKey, ClientModel, Model, ServerKey};

/// Arguments of `zk-llm run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model directory.
    #[arg(long)]
    model: PathBuf,
    /// Text to classify.
    text: String,
    /// Worker threads; all cores by default.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Only run the exact oracle in clear.
    #[arg(long)]
    clear: bool,
}

/// Runs the text and prints the answer, timings and sizes.
pub fn run(args: Args) -> anyhow::Result<()> {
    let model = Model::load(&args.model).with_context(|| format!("model {}", args.model.display()))?;
    let client = ClientModel::load(&args.model)?;
    let prompt = client.prepare(&args.text)?;
    let expected = exec_clear::run(model.circuit(), &prompt)?;
    if args.clear {
        return print_answer(&expected, client.manifest());
    }

    let start = Instant::now();
    let key = ClientKey::generate(client.parameter_set())?;
    let evaluation_key = key.evaluation_key_bytes()?;
    eprintln!(
        "keys       {:.2} s, evaluation key {} bytes",
        start.elapsed().as_secs_f64(),
        evaluation_key.len()
    );

    let start = Instant::now();
    let input = key.encrypt(client.manifest(), &prompt)?;
    eprintln!(
        "encrypt    {:.3} s, {} tokens, {} bytes",
        start.elapsed().as_secs_f64(),
        prompt.tokens,
        input.len()
    );

    let start = Instant::now();
    let server_key = ServerKey::from_bytes(&evaluation_key, model.circuit().parameter_set())?;
    eprintln!("expand key {:.2} s", start.elapsed().as_secs_f64());

    let bar = ProgressBar::new(model.circuit().bootstraps())
        .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {eta}")?);
    let progress = |done: u64, _: u64, layer: &str| {
        if done % 16 == 0 {
            bar.set_message(layer.to_owned());
            bar.set_position(done);
        }
    };
    let start = Instant::now();
    let evaluation = Evaluation {
        progress: Some(&progress),
        threads: args.threads,
        ..Evaluation::default()
    };
    let output = evaluate(&model, &server_key, &input, &evaluation)?;
    bar.finish_and_clear();
    eprintln!(
        "evaluate   {:.2} s, {} bootstraps, {} bytes",
        start.elapsed().as_secs_f64(),
        model.circuit().bootstraps(),
        output.len()
    );

    let answer = key.decrypt(client.manifest(), &output)?;
    print_answer(&answer, client.manifest())?;
    ensure!(
        answer == expected,
        "the decrypted logits differ from the oracle's: {:?}",
        expected.0
    );
    println!("equal to the oracle");
    Ok(())
}

fn print_answer(answer: &zk_llm::Logits, manifest: &zk_llm::Manifest) -> anyhow::Result<()> {
    println!("{}", answer.label(manifest).context("the answer has no label")?);
    for ((label, logit), p) in manifest
        .labels
        .iter()
        .zip(&answer.0)
        .zip(answer.probabilities(manifest))
    {
        println!("  {label:<12} {logit:>5} {p:>7.4}");
    }
    Ok(())
}
