//! `zk-llm bench`: one encrypted prompt against the library's own bootstrap time, on this machine.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{ensure, Context};
use rayon::prelude::*;
use serde::Deserialize;
use zk_llm::exec_tfhe::Evaluation;
use zk_llm::import::Chooser;
use zk_llm::manifest::GRAPH_FILE;
use zk_llm::{
    evaluate, evaluate_traced, exec_clear, trace, Audit, ClientKey, ClientModel, Device, ExactKey, Logits,
    Model, Prompt, ServerKey,
};

use crate::figures::{at_least, at_most, plain, Figure, Report};
use crate::peer::Peer;

/// Arguments of `zk-llm bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model directory.
    #[arg(long)]
    model: PathBuf,
    /// Directory of the generator that goes on for 16 words.
    #[arg(long)]
    generator: PathBuf,
    /// Python with Concrete; without it there is no comparison.
    #[arg(long)]
    python: Option<PathBuf>,
    /// The peer's script.
    #[arg(long, default_value = "zk-llm/bench/compiled.py")]
    script: PathBuf,
    /// File for the figures, as JSON; only the table is printed without it.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where the miner's side computes: cpu, cuda, or auto for a CUDA device where there is one.
    #[arg(long, default_value = "cpu")]
    device: Device,
    /// Text to classify.
    #[arg(long, default_value = "I lost my keys and I am furious")]
    text: String,
}

/// What figures call the peer; its version is pinned in `zk-llm/bench/compiled.txt`.
const PEER: &str = "the same graph by Concrete 2.10.0, the compiler of Concrete ML 1.9.0";
/// Chance that one of the peer's lookups fails, Concrete ML's own default: 2^-40. Ours is 2^-128.
const PEER_ERROR: f64 = 1.0 / (1u64 << 40) as f64;

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
    let server_key = ServerKey::on(&evaluation_key, client.parameter_set(), &args.device)?;
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

    let traced = traced(&model, &evaluation_key, &input)?;
    let traced_answer = key.decrypt(client.manifest(), &traced.output)?;
    ensure!(traced_answer == answer, "the traced answer differs");

    let (prompt16_bootstraps, prompt16_s) = sixteen(&args.generator, &key, &server_key)?;
    let compiled = match &args.python {
        Some(python) => {
            let graph = args.model.join(GRAPH_FILE);
            Some(compiled(
                Peer::start(python, &args.script)?,
                &graph,
                &prompt,
                &answer,
            )?)
        }
        None => {
            eprintln!("bench: without --python there is no comparison with {PEER}");
            None
        }
    };

    let all_cores = (before + after) / 2.0;
    let pbs = counted as f64;
    let ideal_s = pbs * all_cores / 1000.0 / cores as f64;
    let manifest = model.manifest();
    let lost = (manifest.accuracy.unsqueezed - manifest.accuracy.squeezed) * 100.0;
    println!(
        "{} ({}), squeezed and not; {} held-out texts",
        manifest.name,
        hex::encode(model.manifest_hash()),
        manifest.accuracy.samples
    );
    let unsqueezed = manifest.bootstraps.unsqueezed as f64;
    let mut figures = vec![
        at_most("pbs", pbs, "bootstraps", 12_000.0),
        plain("pbs_unsqueezed", unsqueezed, "bootstraps"),
        at_least("pbs_ratio", unsqueezed / pbs, "times", 2.0),
        at_most("accuracy_lost_points", lost, "points", 1.0),
        Figure {
            peer: Some("bootstraps of the prompt x the library's own keyswitch and bootstrap / cores".into()),
            peer_value: Some(ideal_s),
            ratio: Some(ideal_s / wall_s),
            ..plain("prompt_wall_s", wall_s, "s")
        },
        plain("bootstrap_ms", wall_s * 1000.0 * cores as f64 / pbs, "ms"),
        at_most("prompt16_bootstraps", prompt16_bootstraps, "bootstraps", 8000.0),
        plain("prompt16_s", prompt16_s, "s"),
        at_most("wall_over_ideal", wall_s / ideal_s, "ratio", 1.15),
        plain("keyswitch_pbs_ms", all_cores, "ms"),
        plain("keyswitch_pbs_one_core_ms", one_core, "ms"),
        at_most("evaluation_key_bytes", evaluation_key.len() as f64, "B", 150e6),
        plain("input_bytes", input.len() as f64, "B"),
        plain("output_bytes", output.len() as f64, "B"),
        plain("key_generation_s", keygen_s, "s"),
        Figure {
            peer: Some("the same prompt in floating point".into()),
            peer_value: Some(wall_s),
            ratio: Some(wall_s / traced.wall_s),
            ..plain("traced_s", traced.wall_s, "s")
        },
        plain("trace_bytes", model.limits().trace_bytes as f64, "B"),
        plain("audit_s", traced.audit_s, "s"),
        plain("audit_bytes", traced.audit_bytes, "B"),
        at_most("peak_rss_bytes", peak_rss_bytes()? as f64, "B", 4e9),
    ];
    if let Some(theirs) = compiled {
        for (key, value) in [
            ("pbs", theirs.lookups),
            ("key_generation_s", theirs.key_s),
            ("evaluation_key_bytes", theirs.key_bytes),
            ("input_bytes", theirs.input_bytes),
            ("output_bytes", theirs.output_bytes),
        ] {
            let figure = figures.iter_mut().find(|figure| figure.key == key);
            let figure = figure.context("a figure has no counterpart")?;
            figure.peer = Some(PEER.into());
            figure.peer_value = Some(value);
            figure.ratio = Some(value / figure.value);
        }
        figures.push(Figure {
            peer: Some(PEER.into()),
            peer_value: Some(theirs.run_s),
            ratio: Some(theirs.run_s / wall_s),
            ..plain("concrete_ml_ratio", theirs.run_s / wall_s, "times")
        });
    }
    Report::new("zk-full", cores, figures).publish(args.out.as_deref())
}

/// The peer's compiled graph.
#[derive(Deserialize)]
struct Compiled {
    lookups: f64,
    key_s: f64,
    key_bytes: f64,
    input_bytes: f64,
    output_bytes: f64,
    #[serde(default)]
    run_s: f64,
}

/// One run of the peer's.
#[derive(Deserialize)]
struct PeerRun {
    run_s: f64,
    outputs: Vec<i32>,
}

/// Has the peer compile the graph and run the same prompt, whose outputs must be the same.
fn compiled(mut peer: Peer, graph: &Path, prompt: &Prompt, answer: &Logits) -> anyhow::Result<Compiled> {
    let mut compiled: Compiled = peer.ask(&format!("compile {} {PEER_ERROR}", graph.display()))?;
    let values: Vec<String> = prompt.values.iter().map(ToString::to_string).collect();
    let run: PeerRun = peer.ask(&format!("run {}", values.join(",")))?;
    ensure!(
        run.outputs == answer.0,
        "the peer's outputs differ: it does not run the same graph"
    );
    compiled.run_s = run.run_s;
    Ok(compiled)
}

/// Bootstraps that the audit draws.
const DRAWN: u32 = 32;

/// A traced evaluation and its audit.
struct Traced {
    output: Vec<u8>,
    wall_s: f64,
    audit_s: f64,
    audit_bytes: f64,
}

/// Evaluates a prompt in integers, and audits that as a client does, the key's expansion included.
fn traced(model: &Model, evaluation_key: &[u8], input: &[u8]) -> anyhow::Result<Traced> {
    let circuit = model.circuit();
    let exact = || ExactKey::from_bytes(evaluation_key, circuit.parameter_set());
    let (key, mut trace) = (exact()?, Vec::new());
    let start = Instant::now();
    let (output, root) = evaluate_traced(model, &key, input, &Evaluation::default(), &mut trace)?;
    let wall_s = start.elapsed().as_secs_f64();
    let audit = Audit::draw(circuit, DRAWN, &mut rand::thread_rng());
    let openings = trace::openings(&mut Cursor::new(&trace), circuit, audit.tables())?;
    let start = Instant::now();
    audit.check(circuit, &exact()?, input, &output, &root, &openings)?;
    Ok(Traced {
        output,
        wall_s,
        audit_s: start.elapsed().as_secs_f64(),
        audit_bytes: openings.len() as f64,
    })
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
