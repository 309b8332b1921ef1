//! Models on this machine: import a checkpoint, look at a model, try it in clear.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use based_client::search::Index;
use clap::Subcommand;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde_json::json;
use zk_llm::{
    actions::Expression,
    import::{
        import, ClientPart, Dynamic, Event, Family, Hub, Imported, Location, Output, SplitManifest, Weights,
        DEFAULT_MAX_BYTES,
    },
};

use crate::{Context, Report};

/// Classes, or features of an embedding, that are shown.
const SHOWN: usize = 8;

#[derive(Debug, Subcommand)]
pub enum Model {
    /// Import a transformer from Hugging Face or a folder, as a task for split mode (experimental).
    ///
    /// BERT (encoder, classifier, sentence embedding), GPT-2 and Llama checkpoints with model.safetensors and
    /// tokenizer.json are run. The revision is pinned to its commit and every file is checked by hash; a download that
    /// breaks goes on where it was when the command runs again. The result is a folder with
    ///   manifest.json        what the model is, by hash: the task of a Brain
    ///   weights.safetensors  8-bit weights, which the miner serves
    ///   client.safetensors   embeddings, norms, scales and biases, which the client holds
    ///   tokenizer.json       the tokenizer
    ///
    /// Models with terms to accept need an access token in HF_TOKEN; HF_ENDPOINT names another hub.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  based model import sentence-transformers/all-MiniLM-L6-v2\n  \
                      based model import https://huggingface.co/openai-community/gpt2\n  \
                      based model import meta-llama/Llama-3.2-1B@main --max-gib 8\n  \
                      based model import ./my-checkpoint --out ./my-model"
    )]
    Import {
        /// https://huggingface.co/OWNER/NAME, OWNER/NAME, OWNER/NAME@REVISION, or a folder.
        source: Location,
        /// Folder of the model; models/NAME in the wallet's home by default.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Most GiB that are fetched.
        #[arg(long, value_name = "GIB", default_value_t = DEFAULT_MAX_BYTES >> 30)]
        max_gib: u64,
    },
    /// Show what a model folder holds.
    Show {
        /// Folder of the model.
        dir: PathBuf,
    },
    /// Compile sums and products of a client's numbers, as a task of full mode that is no language model.
    Expression {
        /// Expression, such as "(a+b)+(c*d)"; a prompt is a number for each variable, in the order of their names.
        expression: String,
        /// Largest value of a variable, from 0.
        #[arg(long, default_value_t = 2)]
        largest: u16,
        /// Name of the task.
        #[arg(long, default_value = "expression")]
        name: String,
        /// Folder for the task.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Make an index for private search out of texts, on this machine, in clear; `based ask --index` searches it.
    Index {
        /// Folder of the embedding model that the Brain runs.
        dir: PathBuf,
        /// File of texts, one a line.
        #[arg(long, value_name = "FILE")]
        texts: PathBuf,
        /// File for the index; it holds the texts and is readable by you alone.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Run an imported model on this machine, in clear: the answer that its encrypted run must give.
    Try {
        /// Folder of the model.
        dir: PathBuf,
        /// Text.
        text: String,
        /// Tokens to add, for a model that generates text.
        #[arg(long, default_value_t = 16)]
        tokens: usize,
    },
}

impl Model {
    pub fn run(self, context: &Context) -> anyhow::Result<Report> {
        match self {
            Self::Import { source, out, max_gib } => {
                let out = match out {
                    Some(out) => out,
                    None => based_client::files::home()?.join("models").join(source.name()),
                };
                let imported = import_to(&source, &out, max_gib, context.json)?;
                Ok(describe(&imported.manifest, &imported.hash, &out))
            }
            Self::Show { dir } => {
                let (manifest, hash) = zk_llm::import::exec::load_manifest(&dir)
                    .with_context(|| format!("{} holds no imported model", dir.display()))?;
                Ok(describe(&manifest, &hash, &dir))
            }
            Self::Expression {
                expression,
                largest,
                name,
                out,
            } => {
                let parsed: Expression = expression.parse()?;
                let hash = parsed.write_task(&out, &name, &expression, largest)?;
                let variables: Vec<&str> = parsed.variables().into_iter().collect();
                let fields = [
                    ("task", expression.clone()),
                    ("manifest", hex::encode(hash)),
                    (
                        "prompt",
                        format!("{}, from 0 to {largest} each", variables.join(" ")),
                    ),
                    ("folder", out.display().to_string()),
                ];
                let json = json!({ "manifest": hex::encode(hash), "variables": variables, "largest": largest, "folder": out });
                Ok(Report::fields(json, &fields))
            }
            Self::Index { dir, texts, out } => {
                let lines = std::fs::read_to_string(&texts).with_context(|| texts.display().to_string())?;
                let index = Index::of(&dir, &lines)?;
                index.save(&out)?;
                let json = json!({ "texts": index.len(), "index": out });
                Ok(Report::new(
                    json,
                    format!("{} texts in {}", index.len(), out.display()),
                ))
            }
            Self::Try { dir, text, tokens } => try_out(&dir, &text, tokens),
        }
    }
}

/// Imports a checkpoint into a folder and shows how it goes.
///
/// # Errors
/// What the import refuses or the hub does not give.
pub fn import_to(source: &Location, out: &Path, max_gib: u64, json: bool) -> zk_llm::Result<Imported> {
    let mut progress = Progress::new(json);
    let most = max_gib.saturating_mul(1 << 30);
    let imported = import(source, out, &Hub::from_env()?, most, &mut |event| {
        progress.show(event)
    });
    progress.bar.finish_and_clear();
    imported
}

/// What a model is, what it costs, and where it is.
fn describe(manifest: &SplitManifest, hash: &[u8; 32], dir: &Path) -> Report {
    let network = &manifest.network;
    let family = match network.family {
        Family::Bert => "BERT",
        Family::Gpt2 => "GPT-2",
        Family::Llama => "Llama",
    };
    let output = match &network.output {
        Output::Encoder => "features of each token".into(),
        Output::Classifier { labels } => format!("one of {} classes", labels.len()),
        Output::Embedding { .. } => format!("an embedding of {} numbers", network.width),
        Output::Generator { .. } => format!("the next of {} tokens", network.vocabulary),
    };
    let origin = match (&manifest.source.repository, &manifest.source.revision) {
        (Some(repository), Some(revision)) => format!("{repository} at {revision}"),
        _ => "a folder".into(),
    };
    let fields = [
        ("model", manifest.name.clone()),
        ("manifest", hex::encode(hash)),
        ("from", origin.clone()),
        (
            "network",
            format!(
                "{family}, {} layers of width {}, {} tokens",
                network.layers, network.width, network.context
            ),
        ),
        ("gives", output),
        (
            "encrypted part",
            format!(
                "{} linear layers, {} of 8-bit weights: as many round trips for each token or text",
                manifest.linears.len(),
                HumanBytes(manifest.weight_bytes())
            ),
        ),
        ("folder", dir.display().to_string()),
        (
            "mode",
            "split, experimental: the client does everything but the linear layers".into(),
        ),
    ];
    let json = json!({
        "name": manifest.name,
        "manifest": hex::encode(hash),
        "folder": dir,
        "linears": manifest.linears.len(),
        "weight_bytes": manifest.weight_bytes(),
        "network": network,
        "source": manifest.source,
        "experimental": true,
    });
    Report::fields(json, &fields)
}

fn try_out(dir: &Path, text: &str, tokens: usize) -> anyhow::Result<Report> {
    let client =
        ClientPart::load(dir).with_context(|| format!("{} holds no imported model", dir.display()))?;
    let weights = Weights::load(dir)?;
    let mut linears = Dynamic::new(&client, &weights);
    let ids = client.encode(text)?;
    match &client.manifest().network.output {
        Output::Generator { .. } => {
            let added = client.greedy(&mut linears, &ids, tokens)?;
            let answer = client.tokens().decode(&added)?;
            let json = json!({ "text": answer, "tokens": added, "rounds": linears.rounds() });
            let rounds = linears.rounds();
            Ok(Report::new(
                json,
                format!(
                    "{text}{answer}\n\n{} tokens; {rounds} round trips in split mode",
                    added.len()
                ),
            ))
        }
        Output::Classifier { labels } => {
            let logits = client.run(&mut linears, &ids)?;
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let odds = logits.iter().map(|x| (x - most).exp());
            let total: f32 = odds.clone().sum();
            let mut ranked: Vec<(&String, f32)> = labels.iter().zip(odds.map(|x| x / total)).collect();
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
            let lines = ranked
                .iter()
                .take(SHOWN)
                .map(|(label, p)| format!("{:5.1} %  {label}", p * 100.0));
            let lines: Vec<_> = lines.collect();
            Ok(Report::new(
                json!({ "labels": labels, "logits": logits }),
                lines.join("\n"),
            ))
        }
        Output::Encoder | Output::Embedding { .. } => {
            let numbers = client.run(&mut linears, &ids)?;
            let first: Vec<_> = numbers.iter().take(SHOWN).map(|x| format!("{x:.4}")).collect();
            let text = format!("{} ... ({} numbers)", first.join(" "), numbers.len());
            Ok(Report::new(
                json!({ "tokens": ids.len(), "numbers": numbers }),
                text,
            ))
        }
    }
}

/// A bar on a terminal, a line for each file elsewhere, nothing for scripts.
struct Progress {
    bar: ProgressBar,
    lines: bool,
    stage: String,
}

impl Progress {
    fn new(json: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = match terminal && !json {
            true => ProgressBar::new(0),
            false => ProgressBar::hidden(),
        };
        let style =
            ProgressStyle::with_template("{msg:32} {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self {
            bar,
            lines: !terminal && !json,
            stage: String::new(),
        }
    }

    fn show(&mut self, event: Event<'_>) {
        match event {
            Event::Pinned { commit } => self.stage(&format!("commit {commit}")),
            Event::Download { file, done, total } => self.count(file, done, total),
            Event::Convert { done, total } => self.count("making weights integers", done, total),
        }
    }

    fn count(&mut self, stage: &str, done: u64, total: u64) {
        self.stage(stage);
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    fn stage(&mut self, stage: &str) {
        if self.stage == stage {
            return;
        }
        self.stage = stage.into();
        self.bar.reset();
        self.bar.set_message(self.stage.clone());
        if self.lines {
            eprintln!("{stage}");
        }
    }
}
