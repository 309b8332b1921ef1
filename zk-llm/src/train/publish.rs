//! Writes a trained network as a model directory.

use std::path::Path;

use candle_core::Var;
use serde::Serialize;

use super::corpus::LABELS;
use super::data::Data;
use super::export;
use super::net::{Net, Precision, CONTEXT, QUANTISER};
use super::optimise::{logits, Example};
use super::{Report, Trained};
use crate::compile::Circuit;
use crate::error::{Error, Result};
use crate::exec_clear::run_circuit;
use crate::frontend::Frontend;
use crate::ir::Graph;
use crate::manifest::{Accuracy, Bootstraps, HeadPlan, Manifest, EMBEDDING_FILE, GRAPH_FILE, TOKENIZER_FILE};
use crate::params::ParameterSet;
use crate::quant::quantise_shared;
use crate::squeeze::Calibration;
use crate::text::{Tokeniser, PAD};

/// File of the training run's figures within a model directory.
pub const TRAINING_FILE: &str = "training.json";

/// The rows of an embedding as a client quantises them.
///
/// # Errors
/// If the embedding cannot be read.
pub(super) fn quantised(embedding: &Var) -> Result<Vec<Vec<i32>>> {
    let table = embedding.to_vec2::<f32>()?;
    Ok(table.iter().map(|row| quantise_shared(row, &QUANTISER)).collect())
}

/// The integers that a client would encrypt for each example.
///
/// # Errors
/// If the embedding cannot be read.
pub fn calibration(net: &Net, examples: &[Example]) -> Result<Vec<Calibration>> {
    let rows = quantised(&net.embedding)?;
    let text = |example: &Example| {
        let ids = example.ids.iter().chain(std::iter::repeat(&PAD)).take(CONTEXT);
        Calibration {
            inputs: ids.flat_map(|id| rows[*id as usize].clone()).collect(),
            label: example.label,
        }
    };
    Ok(examples.iter().map(text).collect())
}

/// Checks that a circuit gives the trainer's own logits on every input.
///
/// # Errors
/// [`Error::Training`] if it does not.
pub(super) fn check(circuit: &Circuit, inputs: &[Vec<i32>], trained: &[Vec<f32>]) -> Result<()> {
    for (input, wanted) in inputs.iter().zip(trained) {
        let exported = run_circuit(circuit, input)?;
        if !exported.iter().map(|x| *x as f32).eq(wanted.iter().copied()) {
            return Err(Error::Training(
                "the exported graph is not the trained network".into(),
            ));
        }
    }
    Ok(())
}

/// The files of a trained model but its manifest.
///
/// # Errors
/// If one cannot be serialised.
pub(super) fn files(
    tokeniser: &Tokeniser,
    embedding: &Var,
    graph: &Graph,
    report: &impl Serialize,
) -> Result<[(&'static str, Vec<u8>); 4]> {
    let (rows, columns) = embedding.dims2()?;
    let table: Vec<f32> = embedding.flatten_all()?.to_vec1()?;
    let mut training = serde_json::to_vec_pretty(report).map_err(|e| Error::Training(e.to_string()))?;
    training.push(b'\n');
    Ok([
        (TOKENIZER_FILE, tokeniser.to_bytes()?),
        (EMBEDDING_FILE, Frontend::embedding_bytes(&table, rows, columns)?),
        (GRAPH_FILE, graph.to_json()?),
        (TRAINING_FILE, training),
    ])
}

/// Writes tokenizer, embedding, graph, training report and manifest to `dir`, and returns the manifest.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written; [`Error::Compile`] if the graph misses its failure target.
pub fn publish(dir: &Path, name: &str, trained: &Trained, data: &Data, report: &Report) -> Result<Manifest> {
    let net = &trained.net;
    let graph = export::graph(net, &trained.openings)?;
    let circuit = graph.compile(&ParameterSet::default())?;
    for examples in [&data.heldout, &data.free] {
        let texts = calibration(net, examples)?.into_iter();
        let inputs: Vec<_> = texts.map(|text| text.inputs).collect();
        let trained = logits(net, examples, &trained.openings, Precision::Exact)?;
        check(&circuit, &inputs, &trained)?;
    }
    let files = files(&data.tokeniser, &net.embedding, &graph, report)?;
    let head_plan = report.significance.iter().zip(&report.kept);
    let task = "The emotion of a short English sentence.";
    let mut manifest = Manifest {
        context: CONTEXT as u32,
        dim: net.shape.dim as u32,
        heads: net.shape.heads as u32,
        features: net.shape.features as u32,
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
        ..Manifest::unmeasured(name, task, &LABELS, &circuit)
    };
    manifest.write(dir, &files)?;
    Ok(manifest)
}
