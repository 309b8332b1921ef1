//! Export of a trained generator as the integer graph that it computes.

use super::net::Net;
use crate::error::Result;
use crate::ir::{Graph, GraphBuilder, Lut, Wire};
use crate::train::export::{matrix, row};
use crate::train::net::CONTEXT;

/// Step of the features: finer ones would not decrypt exactly under a score's weights.
const SCORE_STEP: u8 = 6;

/// The integer graph of `net`: inputs are the window's embeddings, outputs the scores of every token.
///
/// # Errors
/// [`Error::Training`](crate::Error::Training) or [`Error::Graph`](crate::Error::Graph) if the network's integers
/// are malformed.
pub fn graph(net: &Net) -> Result<Graph> {
    let weights = net.weights(true)?;
    let (hidden, hidden_bias) = (matrix(&weights.hidden)?, matrix(&weights.hidden_bias)?);
    let (direct, composed) = (matrix(&weights.direct)?, matrix(&weights.composed)?);
    let feature_bias = matrix(&weights.feature_bias)?;
    let (score, score_bias) = (matrix(&weights.score)?, matrix(&weights.score_bias)?);

    let mut graph = GraphBuilder::new((CONTEXT * net.shape.dim) as Wire, -1, 1);
    let x = graph.inputs();
    let step = Lut::new(-16..=15, |x| i32::from(x >= 0));
    let bit = graph.lut(step.clone());
    let fine = graph.lut(step.with_step(SCORE_STEP));
    let rows = hidden.iter().zip(&hidden_bias[0]);
    let rows = rows.map(|(weights, bias)| row(*bias, weights, x.clone()));
    let h = graph.table_layer("window", None, bit, rows.collect::<Vec<_>>());
    let rows = direct.iter().zip(&composed).zip(&feature_bias[0]);
    let rows = rows.map(|((direct, composed), bias)| {
        let weights: Vec<i32> = direct.iter().chain(composed).copied().collect();
        row(*bias, &weights, x.clone().chain(h.clone()))
    });
    let f = graph.table_layer("features", None, fine, rows.collect::<Vec<_>>());
    let rows = score.iter().zip(&score_bias[0]);
    let rows = rows.map(|(weights, bias)| row(*bias, weights, f.clone()));
    let scores = graph.linear_layer("scores", None, rows.collect::<Vec<_>>());
    graph.finish(scores)
}
