//! Writes a trained generator as a model directory.

use std::path::Path;

use super::data::{places, window, Ids, Texts};
use super::net::Net;
use super::{export, scores, Report};
use crate::error::{Error, Result};
use crate::manifest::{Accuracy, Bootstraps, Generator, Manifest};
use crate::params::ParameterSet;
use crate::train::net::{Precision, CONTEXT, QUANTISER};
use crate::train::publish::{check, files, quantised};

/// The integers that a client would encrypt at each place of `texts`.
///
/// # Errors
/// If the embedding cannot be read.
pub fn inputs(net: &Net, texts: &[Ids]) -> Result<Vec<Vec<i32>>> {
    let rows = quantised(&net.embedding)?;
    let one = |(text, at): &(usize, usize)| {
        let ids = window(&texts[*text], *at);
        ids.iter().flat_map(|id| rows[*id as usize].clone()).collect()
    };
    Ok(places(texts).iter().map(one).collect())
}

/// Writes tokenizer, embedding, graph, training report and manifest to `dir`, and returns the manifest.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written; [`Error::Compile`] if the graph misses its failure target.
pub fn publish(dir: &Path, name: &str, net: &Net, texts: &Texts, report: &Report) -> Result<Manifest> {
    let graph = export::graph(net)?;
    let circuit = graph.compile(&ParameterSet::default())?;
    let trained = scores(net, &texts.heldout, Precision::Exact)?;
    check(&circuit, &inputs(net, &texts.heldout)?, &trained)?;
    let files = files(&texts.tokeniser, &net.embedding, &graph, report)?;
    let labels = (0..net.shape.vocabulary as u32).map(|id| texts.tokeniser.token(id));
    let labels: Option<Vec<String>> = labels.collect();
    let heldout = &report.heldout;
    let task = "The next word of a short English sentence.";
    let mut manifest = Manifest {
        labels: labels.ok_or_else(|| Error::Training("a token has no name".into()))?,
        context: CONTEXT as u32,
        dim: net.shape.dim as u32,
        heads: 0,
        layers: 2,
        features: net.shape.features as u32,
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
        ..Manifest::unmeasured(name, task, &[], &circuit)
    };
    manifest.write(dir, &files)?;
    Ok(manifest)
}
