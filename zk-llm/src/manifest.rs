//! The manifest: what a model is, which files it consists of and what it was measured to do.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::compile::{Circuit, Interface};
use crate::error::{Error, Result};
use crate::ir::{Graph, MAX_WIRES};
use crate::params::ParameterSet;

/// Version of the manifest's form.
pub const MANIFEST_VERSION: u16 = 1;
/// Largest manifest that is read, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 64 * 1024;
/// The manifest's file name in a model directory.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The tokenizer's file name.
pub const TOKENIZER_FILE: &str = "tokenizer.json";
/// The embedding tables' file name.
pub const EMBEDDING_FILE: &str = "embedding.safetensors";
/// The integer graph's file name.
pub const GRAPH_FILE: &str = "graph.json";

/// Description of a model; its bytes' SHA-256 is the model's identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub version: u16,
    /// Short name, such as `emotion`.
    pub name: String,
    /// What the model does, in one sentence.
    pub task: String,
    /// Classes, in the order of the outputs.
    pub labels: Vec<String>,
    /// Most tokens of a prompt; shorter prompts are padded to it.
    pub context: u32,
    /// Width of an embedding.
    pub dim: u32,
    /// Attention heads before pruning; a generator has none.
    pub heads: u32,
    /// Encoder layers; of a generator, layers of features.
    pub layers: u32,
    /// Features of the feed-forward part.
    pub features: u32,
    /// Name of the parameter set, as in [`crate::params`].
    pub parameter_set: String,
    /// Shapes and encodings of the two ciphertext lists, as the compiler derived them.
    pub interface: Interface,
    /// Probabilities are `softmax(logit * logit_scale)`.
    pub logit_scale: f64,
    /// How the client quantises embeddings (SPEC R172-R175).
    pub quantiser: Quantiser,
    /// What the planner decided about each head, by head.
    pub head_plan: Vec<HeadPlan>,
    /// Bootstraps of one prompt before and after squeezing.
    pub bootstraps: Bootstraps,
    /// Measured accuracies, shares in `0..=1`.
    pub accuracy: Accuracy,
    /// Present if the labels are tokens and the model foretells the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// SHA-256 of every other file of the model, in hex, by file name.
    pub files: BTreeMap<String, String>,
}

/// Settings of the per-sample dynamic quantiser (SPEC R172-R175).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantiser {
    /// Number of levels; the graph's inputs take as many values.
    pub levels: u32,
    /// Deviation above which the scale factor is applied as it is.
    pub threshold: f64,
    /// The scale factor.
    pub scale_factor: f64,
}

/// One head's significance and fate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadPlan {
    /// Share of calibration accuracy that the head carries, or the planner's score.
    pub significance: f64,
    /// Whether the head is evaluated.
    pub kept: bool,
}

/// Bootstraps of one prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstraps {
    /// Of the model as trained, before squeezing.
    pub unsqueezed: u64,
    /// Of the graph that is published.
    pub squeezed: u64,
}

/// How well a generator foretells held-out texts: mean cross-entropies of a token, in nats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// By the published integer graph.
    pub loss: f64,
    /// By the tokens' frequencies.
    pub unigram: f64,
    /// By an interpolated model of pairs of tokens.
    pub bigram: f64,
    /// By an interpolated model of three tokens.
    pub trigram: f64,
}

/// Shares of held-out texts labelled correctly, or of their tokens foretold correctly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// By the published integer graph.
    pub squeezed: f64,
    /// By the integer graph before squeezing.
    pub unsqueezed: f64,
    /// By the same model in floating point.
    pub floating: f64,
    /// By a network trained in the same way without attention; as `squeezed` for a model that has none.
    pub without_attention: f64,
    /// By always naming the most frequent class.
    pub majority: f64,
    /// Held-out texts, or tokens.
    pub samples: u32,
}

impl Manifest {
    /// The manifest of a circuit that nothing was trained or measured for: one head, which is kept, and no samples. Its
    /// context is all inputs of width 1; files are named by [`Manifest::write`].
    pub fn unmeasured(name: &str, task: &str, labels: &[&str], circuit: &Circuit) -> Self {
        Self {
            version: MANIFEST_VERSION,
            name: name.into(),
            task: task.into(),
            labels: labels.iter().map(|label| (*label).into()).collect(),
            context: circuit.interface().inputs.len,
            dim: 1,
            heads: 1,
            layers: 1,
            features: 1,
            parameter_set: circuit.parameter_set().name.into(),
            interface: circuit.interface().clone(),
            logit_scale: 1.0,
            quantiser: Quantiser {
                levels: 3,
                threshold: 1.0,
                scale_factor: 1.0,
            },
            head_plan: vec![HeadPlan {
                significance: 1.0,
                kept: true,
            }],
            bootstraps: Bootstraps {
                unsqueezed: circuit.bootstraps(),
                squeezed: circuit.bootstraps(),
            },
            accuracy: Accuracy {
                squeezed: 0.0,
                unsqueezed: 0.0,
                floating: 0.0,
                without_attention: 0.0,
                majority: 0.0,
                samples: 0,
            },
            generator: None,
            files: BTreeMap::new(),
        }
    }

    /// Writes a model directory, with the hashes of its files in this manifest; gives the manifest's own.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be written; [`Error::Manifest`] if the manifest is not valid.
    pub fn write(&mut self, dir: &Path, files: &[(&str, Vec<u8>)]) -> Result<[u8; 32]> {
        self.files = files
            .iter()
            .map(|(file, bytes)| ((*file).into(), hex::encode(sha256(bytes))))
            .collect();
        let manifest = self.to_json()?;
        let io = |path: &Path, source| Error::Io {
            path: path.into(),
            source,
        };
        std::fs::create_dir_all(dir).map_err(|source| io(dir, source))?;
        let files = files.iter().map(|(file, bytes)| (*file, bytes));
        for (file, bytes) in files.chain([(MANIFEST_FILE, &manifest)]) {
            let path = dir.join(file);
            std::fs::write(&path, bytes).map_err(|source| io(&path, source))?;
        }
        Ok(sha256(&manifest))
    }

    /// Parses and checks a manifest.
    ///
    /// # Errors
    /// [`Error::Manifest`] saying what is wrong.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        if bytes.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(Error::Size {
                what: "manifest",
                got: bytes.len() as u64,
                expected: MAX_MANIFEST_BYTES,
            });
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|e| Error::Manifest(e.to_string()))?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// Serialises the manifest as it is written to disk.
    ///
    /// # Errors
    /// [`Error::Manifest`] if the manifest is not valid.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        self.validate()?;
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|e| Error::Manifest(e.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Checks versions, counts and that every file a client or miner needs is hashed.
    ///
    /// # Errors
    /// [`Error::Manifest`] saying what is wrong.
    pub fn validate(&self) -> Result<()> {
        let fail = |what: &str| Err(Error::Manifest(what.into()));
        if self.version != MANIFEST_VERSION {
            return fail(&format!("version {} is not {MANIFEST_VERSION}", self.version));
        }
        let counts = [self.context, self.dim, self.layers, self.features];
        if self.labels.is_empty()
            || self.labels.len() > 1024
            || counts.iter().any(|n| *n == 0 || *n > 1 << 16)
            || (self.heads == 0) != self.generator.is_some()
            || self.heads > 1 << 16
        {
            return fail("a count is zero or too large");
        }
        let bootstraps = &self.bootstraps;
        if bootstraps.squeezed.max(bootstraps.unsqueezed) > MAX_WIRES as u64 {
            return fail("a count of bootstraps is too large");
        }
        if self.head_plan.len() != self.heads as usize {
            return fail("the head plan does not cover every head");
        }
        let finite = [
            self.logit_scale,
            self.quantiser.threshold,
            self.quantiser.scale_factor,
        ];
        if finite.iter().any(|x| !x.is_finite() || *x <= 0.0) || self.quantiser.levels < 2 {
            return fail("a scale is not positive or the quantiser has fewer than 2 levels");
        }
        if let Some(generator) = &self.generator {
            let Generator {
                loss,
                unigram,
                bigram,
                trigram,
            } = *generator;
            if [loss, unigram, bigram, trigram]
                .iter()
                .any(|x| !x.is_finite() || *x < 0.0)
            {
                return fail("a loss is negative or not a number");
            }
        }
        let inputs = u64::from(self.context) * u64::from(self.dim);
        let outputs = self.interface.outputs.len();
        if !self.interface.is_sound()
            || u64::from(self.interface.inputs.len) != inputs
            || outputs != self.labels.len()
        {
            return fail("the interface does not fit context, width and labels");
        }
        let plain = |name: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            !name.starts_with('.') && name.len() <= 64 && name.chars().all(allowed)
        };
        if self.files.len() > 16 || !self.files.keys().all(|name| plain(name)) {
            return fail("a file's name is not plain, or there are too many files");
        }
        for file in [TOKENIZER_FILE, EMBEDDING_FILE, GRAPH_FILE] {
            if !self.files.contains_key(file) {
                return fail(&format!("no hash of {file}"));
            }
        }
        Ok(())
    }

    /// Checks a file's contents against its hash.
    ///
    /// # Errors
    /// [`Error::HashMismatch`].
    pub fn verify(&self, file: &str, bytes: &[u8]) -> Result<()> {
        let known = self.files.get(file).and_then(|text| hex::decode(text).ok());
        if known.as_deref() == Some(sha256(bytes).as_slice()) {
            Ok(())
        } else {
            Err(Error::HashMismatch { file: file.into() })
        }
    }

    /// Compiles the bytes of the model's graph.
    ///
    /// # Errors
    /// [`Error::HashMismatch`], [`Error::Graph`] or [`Error::Compile`]; [`Error::Manifest`] if the manifest says another
    /// interface or count of bootstraps.
    pub fn compile(&self, graph: &[u8]) -> Result<Circuit> {
        self.verify(GRAPH_FILE, graph)?;
        let circuit = Graph::from_json(graph)?.compile(&ParameterSet::by_name(&self.parameter_set)?)?;
        if *circuit.interface() != self.interface {
            return Err(Error::Manifest(
                "its interface is not the graph's; export the model again".into(),
            ));
        }
        if circuit.bootstraps() != self.bootstraps.squeezed {
            return Err(Error::Manifest(
                "its count of bootstraps is not the graph's".into(),
            ));
        }
        Ok(circuit)
    }
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
