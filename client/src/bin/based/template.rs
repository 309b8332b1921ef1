//! Templates of tasks: look at them, and start one on a network of this machine with one command (SPEC R066-R068).

use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{bail, ensure, Context as _};
use based_client::{
    files,
    templates::{self, Entry, Mode, Source, State, Template as Manifest},
};
use clap::Subcommand;
use serde_json::{json, Value};
use zk_llm::{
    actions::Expression,
    import::{exec::load_manifest, Location, WEIGHTS_FILE},
    Model,
};

use crate::{model::import_to, Context, Report};

/// The model that comes with the program, file by file.
const EMOTION: [(&str, &[u8]); 5] = [
    (
        "embedding.safetensors",
        include_bytes!("../../../../zk-llm/models/emotion/embedding.safetensors"),
    ),
    (
        "graph.json",
        include_bytes!("../../../../zk-llm/models/emotion/graph.json"),
    ),
    (
        "tokenizer.json",
        include_bytes!("../../../../zk-llm/models/emotion/tokenizer.json"),
    ),
    (
        "training.json",
        include_bytes!("../../../../zk-llm/models/emotion/training.json"),
    ),
    (
        "manifest.json",
        include_bytes!("../../../../zk-llm/models/emotion/manifest.json"),
    ),
];
/// Most GiB that are fetched for a template.
const MAX_GIB: u64 = 16;

#[derive(Debug, Subcommand)]
pub enum Template {
    /// List templates.
    List,
    /// Show what a template is, what it is not, and how to run it on any network.
    Show {
        /// Number or name.
        template: String,
    },
    /// Put a template's model in place, and run a network of this machine with a miner and a validator of it until
    /// Ctrl-C. --dry-run says what would be run.
    Start(Start),
}

#[derive(Debug, clap::Args)]
pub struct Start {
    /// Number or name.
    template: String,
    /// Checkpoint to serve, for a template that brings none or in place of its own: a repository of Hugging Face, or a
    /// folder.
    #[arg(long, value_name = "REPOSITORY|FOLDER")]
    source: Option<Location>,
    /// Folder for the model; models/template-NAME in the wallet's home by default.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Template {
    pub fn run(self, context: &Context) -> anyhow::Result<Report> {
        match self {
            Self::List => list(),
            Self::Show { template } => {
                let (template, entry) = templates::find(&template)?;
                show(&template, &entry)
            }
            Self::Start(start) => start.run(context),
        }
    }
}

fn state(template: &Manifest) -> &'static str {
    match template.state {
        State::Served => "served",
        State::NeedsSource => "needs --source",
        State::NotYetServed => "not yet served",
    }
}

fn mode(template: &Manifest) -> &'static str {
    match template.mode {
        Mode::Full => "full",
        Mode::Split => "split",
        Mode::None => "-",
    }
}

/// The manifest with its hash, for scripts.
fn to_json(template: &Manifest, entry: &Entry) -> anyhow::Result<Value> {
    let mut json = serde_json::to_value(template)?;
    if let Value::Object(map) = &mut json {
        map.insert("sha256".into(), json!(entry.sha256));
    }
    Ok(json)
}

fn list() -> anyhow::Result<Report> {
    let all = templates::all()?;
    let json: Vec<Value> = all
        .iter()
        .map(|(template, entry)| to_json(template, entry))
        .collect::<Result<_, _>>()?;
    let rows = all.iter().map(|(template, entry)| {
        vec![
            template.id.to_string(),
            template.name.clone(),
            template.title.clone(),
            mode(template).into(),
            state(template).into(),
            entry.sha256.chars().take(16).collect(),
        ]
    });
    let columns = ["template", "name", "title", "mode", "state", "SHA-256"];
    Ok(Report::table(
        json.into(),
        &columns,
        rows.collect(),
        "There are no templates.",
    ))
}

fn show(template: &Manifest, entry: &Entry) -> anyhow::Result<Report> {
    let mut fields = vec![
        ("template", format!("{}, {}", template.id, template.name)),
        ("title", template.title.clone()),
        ("SHA-256", entry.sha256.clone()),
        ("does", template.does.clone()),
        ("limits", template.limits.clone()),
        ("mode", mode(template).into()),
        ("state", state(template).into()),
        ("model", source(&template.model)),
    ];
    if let Some(why) = &template.why {
        fields.push(("why", why.clone()));
        return Ok(Report::fields(to_json(template, entry)?, &fields));
    }
    for (name, hash) in &template.analyses {
        fields.push(("analysis", format!("{name}: {hash}")));
    }
    let given = match template.state {
        State::NeedsSource => " --source REPOSITORY",
        _ => "",
    };
    let named = template.analyses.keys().next();
    let named = named.map_or_else(String::new, |name| format!(" --analysis {name}"));
    let id = template.id;
    fields.extend([
        ("here", format!("based template start {id}{given}")),
        (
            "owner",
            "based brain set-task N --manifest HASH --repository URL --commit HASH".into(),
        ),
        ("", format!("based brain set-template N {id}")),
    ]);
    if template.admission == templates::Admission::Listed {
        fields.push(("", "based brain set-admission N listed".into()));
    }
    fields.extend([
        (
            "miner",
            "based-miner run --wallet miner --brain N --model-dir DIR".into(),
        ),
        (
            "validator",
            "based-validator run --wallet validator --brain N --model-dir DIR".into(),
        ),
        (
            "user",
            format!("based ask --wallet me --brain N{named} \"{}\"", template.ask),
        ),
    ]);
    Ok(Report::fields(to_json(template, entry)?, &fields))
}

fn source(source: &Source) -> String {
    match source {
        Source::Given {} => "one that you name: --source REPOSITORY or FOLDER".into(),
        Source::Hub { repository } => format!("{repository}, fetched from Hugging Face"),
        Source::Bundled { name, .. } => format!("{name}, which comes with the program"),
        Source::Expression {
            expression, largest, ..
        } => format!("{expression}, of numbers from 0 to {largest}, compiled here"),
        Source::Artefact {
            family,
            gib,
            layers,
            width,
        } => format!("{family} of {layers} layers of width {width}, about {gib} GiB in 16 bits"),
        Source::None {} => "none".into(),
    }
}

impl Start {
    fn run(self, context: &Context) -> anyhow::Result<Report> {
        let (template, _) = templates::find(&self.template)?;
        template.startable()?;
        if self.source.is_none() && template.state == State::NeedsSource {
            bail!(
                "template {}, {}, brings no model; name one: --source REPOSITORY or FOLDER",
                template.id,
                template.title
            );
        }
        let dir = match &self.out {
            Some(out) => out.clone(),
            None => files::home()?
                .join("models")
                .join(format!("template-{}", template.name)),
        };
        let program = beside("based-localnet")?;
        let args = [
            "--model-dir".into(),
            dir.clone().into_os_string(),
            "--template".into(),
            template.id.to_string().into(),
        ];
        if context.dry_run {
            let shown: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
            let line = format!("{} {}", program.display(), shown.join(" "));
            let json = json!({ "started": false, "template": template.id, "model_dir": dir, "run": line });
            return Ok(Report::new(
                json,
                format!(
                    "Nothing was started. The model would be put into {}, and then run:\n{line}",
                    dir.display()
                ),
            ));
        }
        let hash = self.place(&template, &dir, context.json)?;
        eprintln!("model      {} in {}", hex::encode(hash), dir.display());
        // It takes this process' place, so that Ctrl-C and a lost terminal end all of the network.
        let error = Command::new(&program).args(args).exec();
        Err(error).with_context(|| format!("cannot start {}", program.display()))
    }

    /// Puts the model in place and gives its manifest's hash.
    fn place(&self, template: &Manifest, dir: &Path, json: bool) -> anyhow::Result<[u8; 32]> {
        let (hash, wanted) = match (&self.source, &template.model) {
            (Some(source), _) => (imported(source, dir, json)?, None),
            (None, Source::Hub { repository }) => {
                let location = repository.parse()?;
                (imported(&location, dir, json)?, None)
            }
            (None, Source::Bundled { manifest, .. }) => {
                fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
                for (file, bytes) in EMOTION {
                    let path = dir.join(file);
                    fs::write(&path, bytes).with_context(|| path.display().to_string())?;
                }
                (Model::load(dir)?.manifest_hash(), Some(manifest))
            }
            (
                None,
                Source::Expression {
                    expression,
                    largest,
                    manifest,
                },
            ) => {
                let parsed: Expression = expression.parse()?;
                let hash = parsed.write_task(dir, &template.name, expression, *largest)?;
                (hash, Some(manifest))
            }
            (None, Source::Given {} | Source::Artefact { .. } | Source::None {}) => {
                bail!(
                    "template {} brings no model; name one: --source REPOSITORY or FOLDER",
                    template.id
                )
            }
        };
        ensure!(
            wanted.is_none_or(|wanted| *wanted == hex::encode(hash)),
            "the model in {} is not the template's; install the program again",
            dir.display()
        );
        Ok(hash)
    }
}

/// Imports a checkpoint, unless an earlier start did.
fn imported(source: &Location, dir: &Path, json: bool) -> anyhow::Result<[u8; 32]> {
    if dir.join(WEIGHTS_FILE).is_file() {
        let (manifest, hash) = load_manifest(dir)?;
        ensure!(
            manifest.name == source.name(),
            "{} holds another model, {}; give another folder: --out DIR",
            dir.display(),
            manifest.name
        );
        return Ok(hash);
    }
    Ok(import_to(source, dir, MAX_GIB, json)?.hash)
}

/// A program of the same build: in `BASED_BIN`, else beside this one.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let dir = match std::env::var_os("BASED_BIN") {
        Some(dir) => PathBuf::from(dir),
        None => {
            let own = std::env::current_exe()?;
            own.parent()
                .context("this program lies in no directory")?
                .to_owned()
        }
    };
    let path = dir.join(name);
    ensure!(
        path.is_file(),
        "{} is missing, and a network of this machine needs it; build it with scripts/build, or set BASED_BIN",
        path.display()
    );
    Ok(path)
}

#[cfg(test)]
mod tests {
    use zk_llm::ClientModel;

    use super::*;

    fn start(name: &str, source: Option<Location>) -> Start {
        Start {
            template: name.into(),
            source,
            out: None,
        }
    }

    #[test]
    fn models_are_put_in_place_whole_and_take_the_example() {
        let mut placed = 0;
        for (template, _) in templates::all().unwrap() {
            let (Source::Bundled { manifest, .. } | Source::Expression { manifest, .. }) = &template.model
            else {
                continue;
            };
            let dir = tempfile::tempdir().unwrap();
            // What a broken start left is put right.
            fs::write(dir.path().join("embedding.safetensors"), b"half").unwrap();
            let hash = start(&template.name, None)
                .place(&template, dir.path(), true)
                .unwrap();
            assert_eq!(hex::encode(hash), *manifest, "{}", template.name);
            Model::load(dir.path()).unwrap();
            let client = ClientModel::load(dir.path()).unwrap();
            assert!(
                client.prepare(&template.ask).unwrap().tokens > 0,
                "{}",
                template.name
            );
            placed += 1;
        }
        assert_eq!(placed, 3);
    }

    #[test]
    fn a_checkpoint_that_is_named_is_imported_once_and_no_other_takes_its_folder() {
        let (template, _) = templates::find("converter").unwrap();
        let fixture = |name: &str| {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
            Some(Location::Folder(dir.join("../zk-llm/fixtures").join(name)))
        };
        let dir = tempfile::tempdir().unwrap();
        let place = |name| start("converter", fixture(name)).place(&template, dir.path(), true);
        let hash = place("gpt2").unwrap();
        assert_eq!(place("gpt2").unwrap(), hash);
        let error = place("llama").unwrap_err().to_string();
        assert!(error.contains("gpt2") && error.contains("--out"), "{error}");
        let error = start("converter", None)
            .place(&template, dir.path(), true)
            .unwrap_err()
            .to_string();
        assert!(error.contains("--source"), "{error}");
    }
}
