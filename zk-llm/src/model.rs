//! Model directories: what a miner loads, and the public part that a client needs.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rand::Rng;

use crate::compile::Circuit;
use crate::error::{Error, Result};
use crate::frontend::Frontend;
use crate::import::Chooser;
use crate::logits::Logits;
use crate::manifest::{
    sha256, Manifest, EMBEDDING_FILE, GRAPH_FILE, MANIFEST_FILE, MAX_MANIFEST_BYTES, TOKENIZER_FILE,
};
use crate::params::ParameterSet;
use crate::text::{PAD, UNKNOWN};
use crate::trace;
use crate::wire::{self, Prompt};

/// Most bytes of any file of a model other than its manifest.
pub const MAX_FILE_BYTES: u64 = 32 << 20;

/// A model as a miner runs it.
#[derive(Clone, Debug)]
pub struct Model {
    manifest: Manifest,
    manifest_hash: [u8; 32],
    circuit: Circuit,
}

impl Model {
    /// Loads a model directory, verifies every file's hash and compiles the graph.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Size`], [`Error::Manifest`], [`Error::HashMismatch`], [`Error::Graph`] or
    /// [`Error::Compile`].
    pub fn load(dir: &Path) -> Result<Self> {
        let (manifest, manifest_hash) = load_manifest(dir)?;
        for file in manifest.files.keys().filter(|file| *file != GRAPH_FILE) {
            read_verified(dir, file, &manifest)?;
        }
        let circuit = manifest.compile(&read_limited(dir, GRAPH_FILE, MAX_FILE_BYTES)?)?;
        Ok(Self {
            manifest,
            manifest_hash,
            circuit,
        })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the manifest's bytes: the model's identity.
    pub fn manifest_hash(&self) -> [u8; 32] {
        self.manifest_hash
    }

    /// The compiled graph.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Names of the files that a client needs.
    pub fn public_files() -> [&'static str; 3] {
        [MANIFEST_FILE, TOKENIZER_FILE, EMBEDDING_FILE]
    }

    /// Exact sizes of what client and miner exchange.
    pub fn limits(&self) -> Limits {
        Limits::new(&self.manifest, self.circuit.parameter_set())
    }

    /// Whether bytes from a peer are an input of this model, before any work is done on them.
    ///
    /// # Errors
    /// [`Error::Size`] or [`Error::Ciphertext`].
    pub fn check_input(&self, bytes: &[u8]) -> Result<()> {
        wire::decode_input(bytes, self.circuit.interface(), self.circuit.parameter_set()).map(drop)
    }
}

/// A model's public part: everything before encryption and after decryption.
#[derive(Clone, Debug)]
pub struct ClientModel {
    manifest: Manifest,
    manifest_hash: [u8; 32],
    set: ParameterSet,
    frontend: Frontend,
}

impl ClientModel {
    /// Loads the public files of a model directory and verifies their hashes.
    ///
    /// # Errors
    /// As [`ClientModel::from_parts`], and [`Error::Io`].
    pub fn load(dir: &Path) -> Result<Self> {
        let read = |file| read_limited(dir, file, MAX_FILE_BYTES);
        let manifest = read_limited(dir, MANIFEST_FILE, MAX_MANIFEST_BYTES)?;
        Self::from_parts(&manifest, &read(TOKENIZER_FILE)?, &read(EMBEDDING_FILE)?)
    }

    /// Builds the public part from what a miner sent. The caller compares [`ClientModel::manifest_hash`]
    /// with the model it asked for; the other files are checked against the manifest here.
    ///
    /// # Errors
    /// [`Error::Manifest`], [`Error::HashMismatch`], [`Error::ParameterSet`], [`Error::Tokenizer`] or
    /// [`Error::Embedding`].
    pub fn from_parts(manifest: &[u8], tokenizer: &[u8], embedding: &[u8]) -> Result<Self> {
        let manifest_hash = sha256(manifest);
        let manifest = Manifest::from_json(manifest)?;
        manifest.verify(TOKENIZER_FILE, tokenizer)?;
        manifest.verify(EMBEDDING_FILE, embedding)?;
        let set = ParameterSet::by_name(&manifest.parameter_set)?;
        let frontend = Frontend::from_parts(&manifest, tokenizer, embedding)?;
        Ok(Self {
            manifest,
            manifest_hash,
            set,
            frontend,
        })
    }

    /// Tokenises, embeds and quantises a text.
    ///
    /// # Errors
    /// [`Error::ContextExceeded`] if the text is too long; [`Error::Tokenizer`].
    pub fn prepare(&self, text: &str) -> Result<Prompt> {
        self.frontend.prepare(text)
    }

    /// A random prompt for the task of an expression ([`crate::actions`]), a number for each variable; none for a
    /// language model. Sentences would be zeros to such a task, and its canaries all alike.
    pub fn numbers(&self, rng: &mut impl Rng) -> Option<String> {
        // Only there an embedding is one number.
        if self.manifest.dim != 1 {
            return None;
        }
        let largest = self.manifest.quantiser.span();
        let numbers = (0..self.manifest.context).map(|_| rng.gen_range(0..=largest).to_string());
        Some(numbers.collect::<Vec<_>>().join(" "))
    }

    /// The word that follows a generator's scores; none at the end of the text, or if the model is no generator.
    /// The unknown token is never chosen.
    pub fn next_word(&self, scores: &Logits, chooser: &mut Chooser) -> Option<&str> {
        self.manifest.generator?;
        // Scores are small integers, which are exact.
        let odds = scores
            .0
            .iter()
            .map(|x| *x as f32 * self.manifest.logit_scale as f32);
        let mut odds: Vec<f32> = odds.collect();
        *odds.get_mut(UNKNOWN as usize)? = f32::NEG_INFINITY;
        let id = chooser.choose(&odds).filter(|id| *id != PAD)?;
        self.manifest.labels.get(id as usize).map(String::as_str)
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the manifest's bytes: the model's identity.
    pub fn manifest_hash(&self) -> [u8; 32] {
        self.manifest_hash
    }

    /// Parameter set that keys must be of.
    pub fn parameter_set(&self) -> &ParameterSet {
        &self.set
    }

    /// Exact sizes of what client and miner exchange.
    pub fn limits(&self) -> Limits {
        Limits::new(&self.manifest, &self.set)
    }
}

/// Exact sizes, in bytes, that a peer may enforce before it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Serialised evaluation key.
    pub evaluation_key_bytes: u64,
    /// Encrypted prompt.
    pub input_bytes: u64,
    /// Encrypted answer.
    pub output_bytes: u64,
    /// Trace of an evaluation.
    pub trace_bytes: u64,
    /// Opening of one bootstrap of a trace.
    pub opening_bytes: u64,
}

impl Limits {
    fn new(manifest: &Manifest, set: &ParameterSet) -> Self {
        Self {
            evaluation_key_bytes: set.evaluation_key_bytes,
            input_bytes: wire::input_bytes(&manifest.interface),
            output_bytes: wire::output_bytes(&manifest.interface, set),
            trace_bytes: trace::trace_bytes(manifest.bootstraps.squeezed, set),
            opening_bytes: trace::opening_bytes(manifest.bootstraps.squeezed, set),
        }
    }
}

fn load_manifest(dir: &Path) -> Result<(Manifest, [u8; 32])> {
    let bytes = read_limited(dir, MANIFEST_FILE, MAX_MANIFEST_BYTES)?;
    Ok((Manifest::from_json(&bytes)?, sha256(&bytes)))
}

fn read_verified(dir: &Path, file: &str, manifest: &Manifest) -> Result<Vec<u8>> {
    let bytes = read_limited(dir, file, MAX_FILE_BYTES)?;
    manifest.verify(file, &bytes)?;
    Ok(bytes)
}

fn read_limited(dir: &Path, file: &str, limit: u64) -> Result<Vec<u8>> {
    let path = dir.join(file);
    let io = |source| Error::Io {
        path: path.clone(),
        source,
    };
    let mut bytes = vec![];
    File::open(&path)
        .map_err(io)?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(Error::Size {
            what: "model file",
            got: bytes.len() as u64,
            expected: limit,
        });
    }
    Ok(bytes)
}
