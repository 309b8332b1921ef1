//! `zk-llm run`: one text through encryption, evaluation and decryption, against the oracle. A generator goes on
//! with the text, a word each time.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{ensure, Context};
use indicatif::{ProgressBar, ProgressStyle};
use zk_llm::exec_tfhe::Evaluation;
use zk_llm::import::Chooser;
use zk_llm::{evaluate, exec_clear, ClientKey, ClientModel, Device, Logits, Model, Prompt, ServerKey};

/// Arguments of `zk-llm run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model directory.
    #[arg(long)]
    model: PathBuf,
    /// Text to classify, or to go on with.
    text: String,
    /// Most words that a generator adds.
    #[arg(long, default_value_t = 16)]
    max_tokens: u32,
    /// Worker threads; all cores by default.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Where the miner's side computes: cpu, cuda, or auto for a CUDA device where there is one.
    #[arg(long, default_value = "cpu")]
    device: Device,
    /// Only run the exact oracle in clear.
    #[arg(long)]
    clear: bool,
}

/// Runs the text and prints the answer, timings and sizes.
pub fn run(args: Args) -> anyhow::Result<()> {
    let model = Model::load(&args.model).with_context(|| format!("model {}", args.model.display()))?;
    let client = ClientModel::load(&args.model)?;
    let passes = match client.manifest().generator {
        Some(_) => args.max_tokens,
        None => 1,
    };
    let keys = match args.clear {
        true => None,
        false => Some(Keys::make(&client, &args.device)?),
    };
    let mut text = args.text.clone();
    for _ in 0..passes {
        let prompt = client.prepare(&text)?;
        let expected = exec_clear::run(model.circuit(), &prompt)?;
        if let Some(keys) = &keys {
            let answer = keys.ask(&model, &client, &prompt, args.threads)?;
            ensure!(
                answer == expected,
                "the decrypted logits differ from the oracle's: {:?}",
                expected.0
            );
            eprintln!("equal to the oracle");
        }
        if client.manifest().generator.is_none() {
            return print_answer(&expected, client.manifest());
        }
        let Some(word) = client.next_word(&expected, &mut Chooser::greedy()) else {
            break;
        };
        text = format!("{text} {word}");
        println!("{text}");
    }
    Ok(())
}

/// A client's key, and what the miner makes of the evaluation key.
struct Keys {
    secret: ClientKey,
    server: ServerKey,
}

impl Keys {
    fn make(client: &ClientModel, device: &Device) -> anyhow::Result<Self> {
        let start = Instant::now();
        let secret = ClientKey::generate(client.parameter_set())?;
        let evaluation_key = secret.evaluation_key_bytes()?;
        eprintln!(
            "keys       {:.2} s, evaluation key {} bytes",
            start.elapsed().as_secs_f64(),
            evaluation_key.len()
        );
        let start = Instant::now();
        let server = ServerKey::on(&evaluation_key, client.parameter_set(), device)?;
        eprintln!("expand key {:.2} s", start.elapsed().as_secs_f64());
        Ok(Self { secret, server })
    }

    /// Encrypts, evaluates and decrypts one prompt.
    fn ask(
        &self,
        model: &Model,
        client: &ClientModel,
        prompt: &Prompt,
        threads: usize,
    ) -> anyhow::Result<Logits> {
        let start = Instant::now();
        let input = self.secret.encrypt(client.manifest(), prompt)?;
        eprintln!(
            "encrypt    {:.3} s, {} tokens, {} bytes",
            start.elapsed().as_secs_f64(),
            prompt.tokens,
            input.len()
        );
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
            threads,
            ..Evaluation::default()
        };
        let output = evaluate(model, &self.server, &input, &evaluation)?;
        bar.finish_and_clear();
        eprintln!(
            "evaluate   {:.2} s, {} bootstraps, {} bytes",
            start.elapsed().as_secs_f64(),
            model.circuit().bootstraps(),
            output.len()
        );
        Ok(self.secret.decrypt(client.manifest(), &output)?)
    }
}

fn print_answer(answer: &Logits, manifest: &zk_llm::Manifest) -> anyhow::Result<()> {
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
