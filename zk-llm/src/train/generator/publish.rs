//! Writes a trained generator as a model directory.

use std::path::Path;

use super::data::{places, window, Ids, Texts};
use super::net::Net;
use super::{export, scores, Report};
use crate::compile::Circuit;
use crate::error::{Error, Result};
use crate::exec_clear::run_circuit;
use crate::frontend::Frontend;
use crate::manifest::{
    Accuracy, Bootstraps, Generator, Manifest, EMBEDDING_FILE, GRAPH_FILE, MANIFEST_VERSION, TOKENIZER_FILE,
};
use crate::params::ParameterSet;
use crate::quant::quantise_shared;
use crate::train::net::{Precision, CONTEXT, QUANTISER};
use crate::train::publish::{hashes, write, TRAINING_FILE};

/// The integers that a client would encrypt at each place of `texts`.
///
/// # Errors
/// If the embedding cannot be read.
pub fn inputs(net: &Net, texts: &[Ids]) -> Result<Vec<Vec<i32>>> {
    let table = net.embedding.to_vec2::<f32>()?;
    let rows: Vec<Vec<i32>> = table.iter().map(|row| quantise_shared(row, &QUANTISER)).collect();
    let one = |(text, at): &(usize, usize)| {
        let ids = window(&texts[*text], *at);
        ids.iter().flat_map(|id| rows[*id as usize].clone()).collect()
    };
    Ok(places(texts).iter().map(one).collect())
}

/// Checks that a circuit gives the trainer's own scores at every place of `texts`.
fn check(net: &Net, circuit: &Circuit, texts: &[Ids]) -> Result<()> {
    for (wanted, input) in scores(net, texts, Precision::Exact)?
        .iter()
        .zip(inputs(net, texts)?)
    {
        let exported = run_circuit(circuit, &input)?;
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
pub fn publish(dir: &Path, name: &str, net: &Net, texts: &Texts, report: &Report) -> Result<Manifest> {
    let graph = export::graph(net)?;
    let set = ParameterSet::default();
    let circuit = graph.compile(&set)?;
    check(net, &circuit, &texts.heldout)?;
    let table: Vec<f32> = net.embedding.to_vec2::<f32>()?.into_iter().flatten().collect();
    let mut training = serde_json::to_vec_pretty(report).map_err(|e| Error::Training(e.to_string()))?;
    training.push(b'\n');
    let contents = [
        (TOKENIZER_FILE, texts.tokeniser.to_bytes()?),
        (
            EMBEDDING_FILE,
            Frontend::embedding_bytes(&table, net.shape.vocabulary, net.shape.dim)?,
        ),
        (GRAPH_FILE, graph.to_json()?),
        (TRAINING_FILE, training),
    ];
    let labels = (0..net.shape.vocabulary as u32).map(|id| texts.tokeniser.token(id));
    let labels: Option<Vec<String>> = labels.collect();
    let heldout = &report.heldout;
    let manifest = Manifest {
        version: MANIFEST_VERSION,
        name: name.into(),
        task: "The next word of a short English sentence.".into(),
        labels: labels.ok_or_else(|| Error::Training("a token has no name".into()))?,
        context: CONTEXT as u32,
        dim: net.shape.dim as u32,
        heads: 0,
        layers: 2,
        features: net.shape.features as u32,
        parameter_set: set.name.into(),
        interface: circuit.interface().clone(),
        logit_scale: net.logit_scale()?,
        quantiser: QUANTISER,
        head_plan: vec![],
        bootstraps: Bootstraps {
            unsqueezed: report.bits as u64,
            squeezed: circuit.bootstraps(),
        },
        accuracy: Accuracy {
            squeezed: heldout.integers.accuracy,
            unsqueezed: heldout.integers.accuracy,
            floating: heldout.floating.accuracy,
            without_attention: heldout.integers.accuracy,
            majority: heldout.majority,
            samples: heldout.tokens as u32,
        },
        generator: Some(Generator {
            loss: heldout.integers.loss,
            unigram: heldout.ngrams[0],
            bigram: heldout.ngrams[1],
            trigram: heldout.ngrams[2],
        }),
        files: hashes(&contents),
    };
    write(dir, &contents, &manifest)?;
    Ok(manifest)
}
