//! `zk-llm bench`: one encrypted prompt against the library's own bootstrap time, on this machine.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{ensure, Context};
use rayon::prelude::*;
use zk_llm::exec_tfhe::Evaluation;
use zk_llm::import::Chooser;
use zk_llm::{evaluate, exec_clear, ClientKey, ClientModel, Model, ServerKey};

use crate::figures::{at_most, plain, Figure, Report};

/// Arguments of `zk-llm bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model directory.
    #[arg(long)]
    model: PathBuf,
    /// Directory of the generator that goes on for 16 words.
    #[arg(long)]
    generator: PathBuf,
    /// File for the figures, as JSON; only the table is printed without it.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Text to classify.
    #[arg(long, default_value = "I lost my keys and I am furious")]
    text: String,
}

/// Measures, prints a table and writes the figures.
pub fn run(args: Args) -> anyhow::Result<()> {
    let model = Model::load(&args.model).with_context(|| format!("model {}", args.model.display()))?;
    let client = ClientModel::load(&args.model)?;
    let cores = std::thread::available_parallelism()?.get();
    let prompt = client.prepare(&args.text)?;

    let start = Instant::now();
    let key = ClientKey::generate(client.parameter_set())?;
    let evaluation_key = key.evaluation_key_bytes()?;
    let keygen_s = start.elapsed().as_secs_f64();
    let server_key = ServerKey::from_bytes(&evaluation_key, client.parameter_set())?;
    let input = key.encrypt(client.manifest(), &prompt)?;

    // Before and after the prompt, so that a change of the machine's speed shows in neither alone.
    let library = Library::new(client.parameter_set());
    let before = library.ms(cores)?;
    tfhe::reset_pbs_count();
    let start = Instant::now();
    let output = evaluate(&model, &server_key, &input, &Evaluation::default())?;
    let wall_s = start.elapsed().as_secs_f64();
    let counted = tfhe::get_pbs_count();
    let after = library.ms(cores)?;
    let one_core = library.ms(1)?;
    let answer = key.decrypt(client.manifest(), &output)?;
    ensure!(
        answer == exec_clear::run(model.circuit(), &prompt)?,
        "the answer differs from the oracle's"
    );
    ensure!(
        counted == model.circuit().bootstraps(),
        "{counted} bootstraps were run"
    );

    let (prompt16_bootstraps, prompt16_s) = sixteen(&args.generator, &key, &server_key)?;

    let all_cores = (before + after) / 2.0;
    let pbs = counted as f64;
    let ideal_s = pbs * all_cores / 1000.0 / cores as f64;
    let report = Report::new(
        "zk-full",
        cores,
        vec![
            at_most("pbs", pbs, "bootstraps", 12_000.0),
            plain(
                "pbs_unsqueezed",
                model.manifest().bootstraps.unsqueezed as f64,
                "bootstraps",
            ),
            Figure {
                peer: Some(
                    "bootstraps of the prompt x the library's own keyswitch and bootstrap / cores".into(),
                ),
                peer_value: Some(ideal_s),
                ratio: Some(ideal_s / wall_s),
                ..plain("prompt_wall_s", wall_s, "s")
            },
            at_most("prompt16_bootstraps", prompt16_bootstraps, "bootstraps", 8000.0),
            plain("prompt16_s", prompt16_s, "s"),
            at_most("wall_over_ideal", wall_s / ideal_s, "ratio", 1.15),
            plain("keyswitch_pbs_ms", all_cores, "ms"),
            plain("keyswitch_pbs_one_core_ms", one_core, "ms"),
            at_most("evaluation_key_bytes", evaluation_key.len() as f64, "B", 150e6),
            plain("input_bytes", input.len() as f64, "B"),
            plain("output_bytes", output.len() as f64, "B"),
            plain("key_generation_s", keygen_s, "s"),
            at_most("peak_rss_bytes", peak_rss_bytes()? as f64, "B", 4e9),
        ],
    );
    report.publish(args.out.as_deref())
}

/// Bootstraps and seconds of 16 words by a generator, one pass each, every pass checked against the oracle.
fn sixteen(dir: &Path, key: &ClientKey, server_key: &ServerKey) -> anyhow::Result<(f64, f64)> {
    let model = Model::load(dir).with_context(|| format!("model {}", dir.display()))?;
    let client = ClientModel::load(dir)?;
    ensure!(
        client.manifest().generator.is_some(),
        "{} is no generator",
        dir.display()
    );
    let (mut text, mut seconds) = (String::from("i am"), 0.0);
    tfhe::reset_pbs_count();
    for _ in 0..16 {
        let prompt = client.prepare(&text)?;
        let start = Instant::now();
        let input = key.encrypt(client.manifest(), &prompt)?;
        let output = evaluate(&model, server_key, &input, &Evaluation::default())?;
        let answer = key.decrypt(client.manifest(), &output)?;
        seconds += start.elapsed().as_secs_f64();
        ensure!(
            answer == exec_clear::run(model.circuit(), &prompt)?,
            "a word's scores differ from the oracle's"
        );
        // After an end a new sentence begins, so that there are always 16 passes.
        text = match client.next_word(&answer, &mut Chooser::greedy()) {
            Some(word) => format!("{text} {word}"),
            None => String::new(),
        };
    }
    Ok((tfhe::get_pbs_count() as f64, seconds))
}

/// The library's own checked call, under keys of its own.
struct Library {
    client: tfhe::shortint::ClientKey,
    server: tfhe::shortint::ServerKey,
}

impl Library {
    fn new(set: &zk_llm::ParameterSet) -> Self {
        let (client, server) = tfhe::shortint::gen_keys(set.tfhe);
        Self { client, server }
    }

    /// Milliseconds a core for one keyswitch and bootstrap, with `cores` at work at once.
    fn ms(&self, cores: usize) -> anyhow::Result<f64> {
        const EACH: usize = 32;
        let table = self.server.generate_lookup_table(|x| (x + 1) % 4);
        let inputs: Vec<_> = (0..cores as u64).map(|x| self.client.encrypt(x % 4)).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build()?;
        let pass = |count: usize| {
            pool.install(|| {
                inputs.par_iter().with_max_len(1).for_each(|input| {
                    for _ in 0..count {
                        let _ = std::hint::black_box(self.server.apply_lookup_table(input, &table));
                    }
                });
            });
        };
        pass(2);
        let start = Instant::now();
        pass(EACH);
        Ok(start.elapsed().as_secs_f64() * 1000.0 / EACH as f64)
    }
}

/// Largest resident size of this process so far.
fn peak_rss_bytes() -> anyhow::Result<u64> {
    let status =
        std::fs::read_to_string("/proc/self/status").context("the peak memory is read from /proc")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM in /proc")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}
