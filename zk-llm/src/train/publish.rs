//! Writes a trained network as a model directory.

use std::collections::BTreeMap;
use std::path::Path;

use super::corpus::LABELS;
use super::data::Data;
use super::export;
use super::net::{Net, Openings, Precision, CONTEXT, QUANTISER};
use super::optimise::{logits, Example};
use super::{Report, Trained};
use crate::compile::Circuit;
use crate::error::{Error, Result};
use crate::exec_clear::run_circuit;
use crate::frontend::Frontend;
use crate::manifest::{
    sha256, Accuracy, Bootstraps, HeadPlan, Manifest, EMBEDDING_FILE, GRAPH_FILE, MANIFEST_FILE,
    MANIFEST_VERSION, TOKENIZER_FILE,
};
use crate::params::ParameterSet;
use crate::quant::quantise_shared;
use crate::squeeze::Calibration;
use crate::text::PAD;

/// File of the training run's figures within a model directory.
pub const TRAINING_FILE: &str = "training.json";

/// The integers that a client would encrypt for each example.
///
/// # Errors
/// If the embedding cannot be read.
pub fn calibration(net: &Net, examples: &[Example]) -> Result<Vec<Calibration>> {
    let table = net.embedding.to_vec2::<f32>()?;
    let rows: Vec<Vec<i32>> = table.iter().map(|row| quantise_shared(row, &QUANTISER)).collect();
    let text = |example: &Example| {
        let ids = example.ids.iter().chain(std::iter::repeat(&PAD)).take(CONTEXT);
        Calibration {
            inputs: ids.flat_map(|id| rows[*id as usize].clone()).collect(),
            label: example.label,
        }
    };
    Ok(examples.iter().map(text).collect())
}

/// Checks that a circuit gives the trainer's own logits on every example.
fn check(net: &Net, openings: &Openings, circuit: &Circuit, examples: &[Example]) -> Result<()> {
    let trained = logits(net, examples, openings, Precision::Exact)?;
    for (wanted, text) in trained.iter().zip(calibration(net, examples)?) {
        let exported = run_circuit(circuit, &text.inputs)?;
        if !exported.iter().map(|x| *x as f32).eq(wanted.iter().copied()) {
            return Err(Error::Training(
                "the exported graph is not the trained network".into(),
            ));
        }
    }
    Ok(())
}

/// Writes tokenizer, embedding, graph, training report and manifest to `dir`, and returns the manifest.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written; [`Error::Compile`] if the graph misses its failure target.
pub fn publish(dir: &Path, name: &str, trained: &Trained, data: &Data, report: &Report) -> Result<Manifest> {
    let net = &trained.net;
    let graph = export::graph(net, &trained.openings)?;
    let set = ParameterSet::default();
    let circuit = graph.compile(&set)?;
    check(net, &trained.openings, &circuit, &data.heldout)?;
    check(net, &trained.openings, &circuit, &data.free)?;
    let table: Vec<f32> = net.embedding.to_vec2::<f32>()?.into_iter().flatten().collect();
    let mut training = serde_json::to_vec_pretty(report).map_err(|e| Error::Training(e.to_string()))?;
    training.push(b'\n');
    let contents = [
        (TOKENIZER_FILE, data.tokeniser.to_bytes()?),
        (
            EMBEDDING_FILE,
            Frontend::embedding_bytes(&table, net.shape.vocabulary, net.shape.dim)?,
        ),
        (GRAPH_FILE, graph.to_json()?),
        (TRAINING_FILE, training),
    ];
    let files = hashes(&contents);
    let head_plan = report.significance.iter().zip(&report.kept);
    let manifest = Manifest {
        version: MANIFEST_VERSION,
        name: name.into(),
        task: "The emotion of a short English sentence.".into(),
        labels: LABELS.map(String::from).to_vec(),
        context: CONTEXT as u32,
        dim: net.shape.dim as u32,
        heads: net.shape.heads as u32,
        layers: 1,
        features: net.shape.features as u32,
        parameter_set: set.name.into(),
        interface: circuit.interface().clone(),
        logit_scale: net.logit_scale()?,
        quantiser: QUANTISER,
        head_plan: head_plan
            .map(|(significance, kept)| HeadPlan {
                significance: *significance,
                kept: *kept,
            })
            .collect(),
        bootstraps: Bootstraps {
            unsqueezed: report.bootstraps[0],
            squeezed: circuit.bootstraps(),
        },
        accuracy: Accuracy {
            squeezed: report.squeezed.heldout,
            unsqueezed: report.unsqueezed.heldout,
            floating: report.floating.heldout,
            without_attention: report.without_attention.heldout,
            majority: report.majority,
            samples: data.heldout.len() as u32,
        },
        generator: None,
        files,
    };
    write(dir, &contents, &manifest)?;
    Ok(manifest)
}

/// SHA-256 of each file in hex, by its name.
pub(super) fn hashes(contents: &[(&str, Vec<u8>)]) -> BTreeMap<String, String> {
    let hash = |(file, bytes): &(&str, Vec<u8>)| (String::from(*file), hex::encode(sha256(bytes)));
    contents.iter().map(hash).collect()
}

/// Writes a model directory.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written; [`Error::Manifest`] if the manifest is not valid.
pub(super) fn write(dir: &Path, contents: &[(&str, Vec<u8>)], manifest: &Manifest) -> Result<()> {
    let one = |file: &str, bytes: &[u8]| {
        let path = dir.join(file);
        std::fs::write(&path, bytes).map_err(|source| Error::Io { path, source })
    };
    std::fs::create_dir_all(dir).map_err(|source| Error::Io {
        path: dir.into(),
        source,
    })?;
    for (file, bytes) in contents {
        one(file, bytes)?;
    }
    one(MANIFEST_FILE, &manifest.to_json()?)
}
