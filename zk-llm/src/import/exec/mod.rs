//! Runs an imported network. The client's part ([`ClientPart`]) does everything but the linear layers; those are
//! whoever implements [`Linears`]: [`Dynamic`] over exact integer [`Products`] (a miner's [`Weights`] in clear here,
//! ciphertexts in split mode), or [`Float`], the checkpoint as it was.

mod choice;
mod draft;
mod encrypted;
mod forward;
mod linears;
mod ops;
mod perplexity;

use std::collections::BTreeMap;
use std::path::Path;

pub use choice::{Chooser, Sampling};
pub use draft::guesses;
pub use encrypted::Encrypted;
pub use forward::{Cache, Wanted};
pub use linears::{Dynamic, Float, Linears, Products, Weights};

use super::convert::read_limited;
use super::manifest::{SplitManifest, CLIENT_FILE, WEIGHTS_FILE};
use super::tensors::{hash_file, Tensors};
use super::tokenizer::Tokens;
use crate::error::{Error, Result};
use crate::manifest::{sha256, MANIFEST_FILE, MAX_MANIFEST_BYTES, TOKENIZER_FILE};

/// The client's part of a model: tokenizer, embeddings, norms, scales and biases.
#[derive(Clone, Debug)]
pub struct ClientPart {
    manifest: SplitManifest,
    manifest_hash: [u8; 32],
    tokens: Tokens,
    tensors: BTreeMap<String, Vec<f32>>,
}

impl ClientPart {
    /// Loads the public files of a model folder and verifies their hashes. The caller compares
    /// [`ClientPart::manifest_hash`] with the model it asked for.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Manifest`], [`Error::HashMismatch`], [`Error::Tokenizer`] or [`Error::Checkpoint`].
    pub fn load(dir: &Path) -> Result<Self> {
        let (manifest, manifest_hash) = load_manifest(dir)?;
        let network = &manifest.network;
        let tokenizer = read_limited(&dir.join(TOKENIZER_FILE), super::convert::MAX_JSON_BYTES)?;
        check(&manifest, TOKENIZER_FILE, &hex::encode(sha256(&tokenizer)))?;
        let tokens = Tokens::from_bytes(&tokenizer, network.vocabulary)?;
        check(&manifest, CLIENT_FILE, &hash_file(&dir.join(CLIENT_FILE))?)?;
        let file = Tensors::open(&[dir.join(CLIENT_FILE)])?;
        let mut tensors = BTreeMap::new();
        for (name, shape) in client_tensors(&manifest) {
            let numbers = file.read(&name, &shape)?;
            tensors.insert(name, numbers);
        }
        Ok(Self {
            manifest,
            manifest_hash,
            tokens,
            tensors,
        })
    }

    /// The manifest.
    pub fn manifest(&self) -> &SplitManifest {
        &self.manifest
    }

    /// SHA-256 of the manifest's bytes: the model's identity.
    pub fn manifest_hash(&self) -> [u8; 32] {
        self.manifest_hash
    }

    /// The tokenizer.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Token numbers of a text, special tokens included.
    ///
    /// # Errors
    /// As [`Tokens::encode`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.tokens.encode(text, self.manifest.network.context)
    }

    /// Size of a step of each row of a linear layer.
    pub fn scales(&self, layer: usize) -> &[f32] {
        self.of_linear(layer, "scale")
    }

    /// Bias of a linear layer; empty without one.
    pub fn bias(&self, layer: usize) -> &[f32] {
        self.of_linear(layer, "bias")
    }

    fn of_linear(&self, layer: usize, part: &str) -> &[f32] {
        let linear = self.manifest.linears.get(layer);
        linear.map_or(&[], |linear| self.tensor(&format!("{}.{part}", linear.name)))
    }

    /// A tensor of the client's part; empty if the network has none of the name.
    fn tensor(&self, name: &str) -> &[f32] {
        self.tensors.get(name).map_or(&[], Vec::as_slice)
    }
}

/// Names and shapes of the tensors of the client's part.
pub(super) fn client_tensors(manifest: &SplitManifest) -> Vec<(String, Vec<usize>)> {
    let network = &manifest.network;
    let mut all = vec![];
    for linear in &manifest.linears {
        all.push((format!("{}.scale", linear.name), vec![linear.rows as usize]));
        if linear.bias {
            all.push((format!("{}.bias", linear.name), vec![linear.rows as usize]));
        }
    }
    all.extend(network.public_tensors());
    all
}

/// Reads a model folder's manifest and hashes it.
///
/// # Errors
/// [`Error::Io`], [`Error::Manifest`] or [`Error::Checkpoint`].
pub fn load_manifest(dir: &Path) -> Result<(SplitManifest, [u8; 32])> {
    let bytes = read_limited(&dir.join(MANIFEST_FILE), MAX_MANIFEST_BYTES)?;
    Ok((SplitManifest::from_json(&bytes)?, sha256(&bytes)))
}

fn check(manifest: &SplitManifest, file: &str, hash: &str) -> Result<()> {
    match manifest.files.get(file).is_some_and(|known| known == hash) {
        true => Ok(()),
        false => Err(Error::HashMismatch { file: file.into() }),
    }
}

/// Opens the miner's file after checking its hash.
fn open_weights(dir: &Path, manifest: &SplitManifest) -> Result<Tensors> {
    let path = dir.join(WEIGHTS_FILE);
    check(manifest, WEIGHTS_FILE, &hash_file(&path)?)?;
    Tensors::open(&[path])
}
