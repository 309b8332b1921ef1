//! The manifest of a task in split mode: the network, the miner's linear layers and the files, each by its hash.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::convert::MAX_JSON_BYTES;
use super::exec::client_tensors;
use super::network::{Network, LINEARS_OF_LAYER, MAX_COLUMNS, MAX_VOCABULARY};
use super::steps::most_squares;
use crate::error::{Error, Result};
use crate::manifest::{sha256, MANIFEST_FILE, MAX_MANIFEST_BYTES, TOKENIZER_FILE};
use crate::split::{Shape, Tokens, RING_DEGREE};

/// Version of the manifest's form, and of what the weights are: those of version 1 were not turned
/// ([`super::turn_rows`]), and those of version 2 had the last layer of a generator even where it is the embedding.
pub const MANIFEST_VERSION: u16 = 3;
/// Number of the template "Hugging Face ZK-LLM Converter" (SPEC R069).
pub const TEMPLATE: u16 = 0;
/// The miner's 8-bit weights: `<layer>.weight`, I8, rows x columns.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// The client's part: embeddings, norms, and the scales and biases of the linear layers.
pub const CLIENT_FILE: &str = "client.safetensors";
/// Files that clients fetch, in this order.
pub const PUBLIC_FILES: [&str; 3] = [MANIFEST_FILE, TOKENIZER_FILE, CLIENT_FILE];

/// Description of an imported model; its bytes' SHA-256 is the model's identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitManifest {
    /// [`MANIFEST_VERSION`].
    pub version: u16,
    /// How it is run.
    pub mode: Mode,
    /// [`TEMPLATE`].
    pub template: u16,
    /// Short name, such as `gpt2`.
    pub name: String,
    /// The network.
    pub network: Network,
    /// The miner's layers, in the order in which the network runs them (SPEC R163).
    pub linears: Vec<LinearSpec>,
    /// Where the checkpoint came from.
    pub source: Source,
    /// SHA-256 of every other file, in hex, by file name.
    pub files: BTreeMap<String, String>,
}

/// How a model is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Linear layers on ciphertexts at the miner, the rest at the client.
    Split,
}

/// One linear layer: `rows` sums of `columns` products of 8-bit integers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearSpec {
    /// Name, such as `layers.0.attention.in`.
    pub name: String,
    /// Outputs.
    pub rows: u32,
    /// Inputs.
    pub columns: u32,
    /// Whether the client adds a bias.
    pub bias: bool,
    /// Largest sum of a row's absolute weights: with it the client knows the range of the products.
    pub row_sum: u64,
    /// Largest sum of a row's squared weights: with it the client knows their noise.
    pub row_squares: u64,
    /// SHA-256 of the weights (I8, row by row) and then the scales of the rows (F32, little-endian), in hex.
    pub sha256: String,
}

impl LinearSpec {
    /// What split mode must know of the layer's weights.
    pub fn shape(&self) -> Shape {
        Shape {
            inputs: self.columns,
            outputs: self.rows,
            row_sum: self.row_sum,
            row_squares: self.row_squares,
            input_squares: most_squares(self.columns),
        }
    }
}

/// Whether a manifest's bytes say that the model runs in split mode; those of other modes have no such field.
pub fn is_split(manifest: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        mode: Mode,
    }
    let small = manifest.len() as u64 <= MAX_MANIFEST_BYTES;
    small && serde_json::from_slice::<Probe>(manifest).is_ok_and(|probe| probe.mode == Mode::Split)
}

/// Origin of a checkpoint (SPEC R070).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `owner/name` on the hub; none for a folder.
    pub repository: Option<String>,
    /// Commit, in hex; none for a folder.
    pub revision: Option<String>,
    /// SHA-256 of every file that was read, in hex, by its path.
    pub files: BTreeMap<String, String>,
}

impl SplitManifest {
    /// Parses and checks a manifest.
    ///
    /// # Errors
    /// [`Error::Size`], [`Error::Manifest`] or [`Error::Checkpoint`] saying what is wrong.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        check_size(bytes)?;
        let manifest: Self = serde_json::from_slice(bytes).map_err(|e| Error::Manifest(e.to_string()))?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// Serialises the manifest as it is written to disk: the same bytes for the same model.
    ///
    /// # Errors
    /// As [`SplitManifest::from_json`].
    pub fn to_json(&self) -> Result<Vec<u8>> {
        self.validate()?;
        let mut bytes = serde_json::to_vec(self).map_err(|e| Error::Manifest(e.to_string()))?;
        bytes.push(b'\n');
        check_size(&bytes)?;
        Ok(bytes)
    }

    /// The model's identity.
    ///
    /// # Errors
    /// As [`SplitManifest::to_json`].
    pub fn hash(&self) -> Result<[u8; 32]> {
        Ok(sha256(&self.to_json()?))
    }

    /// Number of the layer called `name`.
    pub fn layer(&self, name: &str) -> Option<usize> {
        self.linears.iter().position(|linear| linear.name == name)
    }

    /// Weights of all linear layers, in bytes.
    pub fn weight_bytes(&self) -> u64 {
        let bytes = |linear: &LinearSpec| u64::from(linear.rows) * u64::from(linear.columns);
        self.linears.iter().map(bytes).sum()
    }

    /// Linear layers that see every position of a text. Those after them see the positions whose output is wanted: a
    /// prompt's last, guesses that are checked, or the token that a class is read from. The last layer's keys and values
    /// are the last that all positions are needed for.
    pub fn body(&self) -> usize {
        let all = LINEARS_OF_LAYER * self.network.layers as usize;
        match self.network.output.wants_all() {
            true => all,
            false => all.saturating_sub(LINEARS_OF_LAYER - 1),
        }
    }

    /// Most bytes of a public file, so that a client can bound what it fetches; 0 for a file that is none.
    pub fn file_limit(&self, file: &str) -> u64 {
        let numbers = |(_, shape): &(String, Vec<usize>)| shape.iter().product::<usize>() as u64;
        match file {
            MANIFEST_FILE => MAX_MANIFEST_BYTES,
            TOKENIZER_FILE => MAX_JSON_BYTES,
            // Numbers have at most four bytes; the header names each tensor.
            CLIENT_FILE => {
                let tensors = client_tensors(self);
                tensors.iter().map(numbers).sum::<u64>() * 4 + (1 << 16) + 512 * tensors.len() as u64
            }
            _ => 0,
        }
    }

    /// Checks versions, sizes, names, hashes, and that products of every layer can be decrypted exactly.
    ///
    /// # Errors
    /// [`Error::Manifest`] or [`Error::Checkpoint`] saying what is wrong.
    pub fn validate(&self) -> Result<()> {
        let fail = |what: String| Err(Error::Manifest(what));
        if self.version != MANIFEST_VERSION || self.template != TEMPLATE {
            return fail(format!(
                "version {} of template {} is not version {MANIFEST_VERSION} of template {TEMPLATE}; import the checkpoint \
                 with this release",
                self.version, self.template
            ));
        }
        self.network.validate()?;
        if !is_plain(&self.name) {
            return fail(format!("the name {:?} is not plain", self.name));
        }
        let expected = self.network.linears();
        if self.linears.len() != expected.len() {
            return fail(format!(
                "{} linear layers, and the network has {}",
                self.linears.len(),
                expected.len()
            ));
        }
        for (linear, (name, rows, columns)) in self.linears.iter().zip(expected) {
            let sizes = (linear.rows as usize, linear.columns as usize);
            if linear.name != name || sizes != (rows, columns) || !is_hash(&linear.sha256) {
                return fail(format!(
                    "linear layer {} is not {name} of {rows} x {columns}",
                    linear.name
                ));
            }
            if linear.columns > MAX_COLUMNS || linear.rows > MAX_VOCABULARY.max(4 * MAX_COLUMNS) {
                return fail(format!("linear layer {name} is too large"));
            }
            // Full batches have the least noise.
            let checked = Tokens::new(RING_DEGREE).and_then(|full| linear.shape().check(full));
            if let Err(error) = checked {
                return fail(format!("linear layer {name}: {error}"));
            }
        }
        for file in [WEIGHTS_FILE, CLIENT_FILE, TOKENIZER_FILE] {
            if !self.files.contains_key(file) {
                return fail(format!("no hash of {file}"));
            }
        }
        let hashes = self.files.values().chain(self.source.files.values());
        if self.files.len() != 3
            || self.source.files.len() > 512
            || !hashes.into_iter().all(|hash| is_hash(hash))
        {
            return fail("too many files, or a hash that is none".into());
        }
        Ok(())
    }
}

fn check_size(bytes: &[u8]) -> Result<()> {
    match bytes.len() as u64 > MAX_MANIFEST_BYTES {
        true => Err(Error::Size {
            what: "manifest",
            got: bytes.len() as u64,
            expected: MAX_MANIFEST_BYTES,
        }),
        false => Ok(()),
    }
}

/// Whether a name may stand in paths and messages.
pub(super) fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=128).contains(&name.len()) && !name.starts_with('.') && name.chars().all(allowed)
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
