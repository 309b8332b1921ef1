//! Import of transformers from the hub or a folder: template 0, the "Hugging Face ZK-LLM Converter" (SPEC R069, R070).
//!
//! A checkpoint (`config.json`, `model.safetensors`, `tokenizer.json`) becomes a model for split mode: the linear
//! layers as 8-bit integers with a scale for each row, which a miner serves; tokenizer, embeddings, norms, scales and
//! biases, which the client holds; and a manifest that names both by hash. BERT, GPT-2 and Llama are run; a part that
//! is not is refused by its name before its weights are fetched.
//!
//! [`exec`] runs an imported model in clear: the client's side as it is, the miner's as the exact integer oracle.

mod blueprint;
mod config;
mod convert;
pub mod exec;
mod hub;
mod manifest;
mod network;
mod source;
mod steps;
mod tensors;
#[cfg(test)]
mod tests;
mod tokenizer;

use std::fs;
use std::path::Path;

pub use exec::{
    guesses, Cache, Chooser, ClientPart, Dynamic, Encrypted, Float, Linears, Products, Sampling, Wanted,
    Weights,
};
pub use hub::{Hub, ENDPOINT};
pub use manifest::{
    is_split, LinearSpec, Mode, Source, SplitManifest, CLIENT_FILE, PUBLIC_FILES, TEMPLATE, WEIGHTS_FILE,
};
pub use network::{Activation, Family, Network, Output, Pooling, Rotary, Scaling};
pub use source::{Location, Repository};
pub use steps::{quantise_rows, rounding_bound, turn_rows, Steps};
pub use tokenizer::Tokens;

use self::config::SentenceFiles;
use self::convert::{
    read_limited, shards, without_pooling, without_weights, CONFIG_FILE, INDEX_FILE, MAX_JSON_BYTES,
    MODULES_FILE, POOLING_FILE, SINGLE_FILE,
};
use self::hub::Snapshot;
use crate::error::{Error, Result};
use crate::manifest::{sha256, TOKENIZER_FILE};

/// Bytes that an import fetches at most, unless it is told another limit.
pub const DEFAULT_MAX_BYTES: u64 = 32 << 30;
/// Folder inside a model's, for downloads that are not whole.
const DOWNLOADS: &str = ".download";

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The revision names this commit.
    Pinned {
        /// Commit, in hex.
        commit: &'a str,
    },
    /// A file arrives.
    Download {
        /// Its path in the repository.
        file: &'a str,
        /// Bytes that are here.
        done: u64,
        /// Bytes of the whole file.
        total: u64,
    },
    /// Weights are made integers.
    Convert {
        /// Weights done.
        done: u64,
        /// All weights.
        total: u64,
    },
}

/// An imported model.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Its manifest.
    pub manifest: SplitManifest,
    /// SHA-256 of the manifest's bytes: the model's identity.
    pub hash: [u8; 32],
}

/// Imports a checkpoint into the folder `into`. What was fetched before a failure is kept there, and the next import of
/// the same commit goes on from it.
///
/// # Errors
/// [`Error::Unsupported`] naming what is not run, [`Error::Checkpoint`], [`Error::Tokenizer`], [`Error::Hub`],
/// [`Error::HashMismatch`], [`Error::Manifest`] or [`Error::Io`].
pub fn import(
    location: &Location,
    into: &Path,
    hub: &Hub,
    max_bytes: u64,
    progress: &mut dyn FnMut(Event<'_>),
) -> Result<Imported> {
    let name = location.name();
    let manifest = match location {
        Location::Folder(folder) => {
            let mut told = |done, total| progress(Event::Convert { done, total });
            convert::convert(folder, into, &name, (None, None), &mut told)?
        }
        Location::Hub(repository) => {
            let snapshot = hub.snapshot(repository)?;
            let downloads = into.join(DOWNLOADS);
            let folder = downloads.join(&snapshot.commit);
            fetch(hub, &snapshot, &folder, max_bytes, progress)?;
            let pinned = (Some(repository.id()), Some(snapshot.commit));
            let mut told = |done, total| progress(Event::Convert { done, total });
            let manifest = convert::convert(&folder, into, &name, pinned, &mut told)?;
            fs::remove_dir_all(&downloads).map_err(|source| Error::Io {
                path: downloads,
                source,
            })?;
            manifest
        }
    };
    let hash = sha256(&manifest.to_json()?);
    Ok(Imported { manifest, hash })
}

/// Fetches a checkpoint: what says whether it is supported first, the weights last.
fn fetch(
    hub: &Hub,
    snapshot: &Snapshot,
    folder: &Path,
    max_bytes: u64,
    progress: &mut dyn FnMut(Event<'_>),
) -> Result<()> {
    progress(Event::Pinned {
        commit: &snapshot.commit,
    });
    let mut left = max_bytes;
    let mut bring = |files: &[&str]| -> Result<()> {
        let bytes = snapshot.bytes(files.iter().copied());
        left = left.checked_sub(bytes).ok_or_else(|| {
            let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
            let (needed, most) = (gib(bytes), gib(max_bytes));
            Error::Hub(format!(
                "{} would fetch {needed:.2} GiB more than the limit of {most:.2} GiB leaves; raise it with --max-gib",
                files.join(", ")
            ))
        })?;
        for file in files {
            let mut told = |done, total| progress(Event::Download { file, done, total });
            hub.download(snapshot, file, folder, &mut told)?;
        }
        Ok(())
    };
    bring(&[CONFIG_FILE])?;
    let read = |file: &str| read_limited(&folder.join(file), MAX_JSON_BYTES);
    if snapshot.has(MODULES_FILE) {
        if !snapshot.has(POOLING_FILE) {
            return Err(without_pooling());
        }
        bring(&[MODULES_FILE, POOLING_FILE])?;
        let (modules, pooling) = (read(MODULES_FILE)?, read(POOLING_FILE)?);
        let files = SentenceFiles {
            modules: &modules,
            pooling: &pooling,
        };
        config::read(&read(CONFIG_FILE)?, Some(files))?;
    } else {
        config::read(&read(CONFIG_FILE)?, None)?;
    }
    if !snapshot.has(TOKENIZER_FILE) {
        return Err(config::unsupported(
            "a checkpoint without tokenizer.json",
            "load its tokenizer with transformers (use_fast=True) and save it with save_pretrained(folder)",
        ));
    }
    bring(&[TOKENIZER_FILE])?;
    if snapshot.has(SINGLE_FILE) {
        return bring(&[SINGLE_FILE]);
    }
    if !snapshot.has(INDEX_FILE) {
        return Err(without_weights());
    }
    bring(&[INDEX_FILE])?;
    let shards = shards(&read(INDEX_FILE)?)?;
    bring(&shards.iter().map(String::as_str).collect::<Vec<_>>())
}
