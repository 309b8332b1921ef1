//! Imports of the tiny checkpoints in `zk-llm/fixtures`, whose outputs transformers computed.

mod fixtures;
mod folders;
mod hostile;
mod hub;
mod server;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{import, ClientPart, Hub, Imported, Location, Weights};
use crate::error::Result;

const ALL: [&str; 6] = [
    "bert-classifier",
    "bert-encoder",
    "bert-embedding",
    "gpt2",
    "llama",
    "llama-scaled",
];

#[derive(Deserialize)]
struct Expected {
    text: String,
    ids: Vec<u32>,
    float: Vec<Vec<f32>>,
    quantised: Vec<Vec<f32>>,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn expected(name: &str) -> Expected {
    serde_json::from_slice(&std::fs::read(fixture(name).join("expected.json")).unwrap()).unwrap()
}

/// A copy of a fixture that a test may change.
fn copy(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("1_Pooling")).unwrap();
    for file in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "modules.json",
        "1_Pooling/config.json",
    ] {
        if let Ok(bytes) = std::fs::read(fixture(name).join(file)) {
            std::fs::write(dir.path().join(file), bytes).unwrap();
        }
    }
    dir
}

fn offline() -> Hub {
    Hub::new("http://127.0.0.1:9", None).unwrap()
}

fn import_folder(folder: &Path, into: &Path) -> Result<Imported> {
    import(
        &Location::Folder(folder.into()),
        into,
        &offline(),
        super::DEFAULT_MAX_BYTES,
        &mut |_| {},
    )
}

fn load(name: &str) -> (tempfile::TempDir, ClientPart, Weights) {
    let dir = tempfile::tempdir().unwrap();
    import_folder(&fixture(name), dir.path()).unwrap();
    let (client, weights) = (
        ClientPart::load(dir.path()).unwrap(),
        Weights::load(dir.path()).unwrap(),
    );
    (dir, client, weights)
}
