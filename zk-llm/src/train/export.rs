//! Export of a trained network as the integer graph that it computes.

use candle_core::Tensor;

use super::net::{Net, Openings, Precision, CONTEXT, POOL_LEVELS};
use crate::error::{Error, Result};
use crate::ir::{Graph, GraphBuilder, Lut, Row, Wire};

/// Step of the pooled features: logits within -63..=63 fit.
const FINE_STEP: u8 = 7;
/// Name of the layer of gates.
pub const GATES: &str = "attention gates";
/// Name of the layer of values.
pub const VALUES: &str = "values";
/// Name of the layer of products of gates and values.
pub const MIXING: &str = "mixing";
/// Name of the layer that brings mixed values back to bits.
pub const REQUANTISE: &str = "requantise";
/// Name of the layer of feed-forward features.
pub const FEATURES: &str = "feed-forward";
/// Name of the layer that pools features over tokens.
pub const POOLING: &str = "pooling";

pub(super) type Matrix = Vec<Vec<i32>>;

/// A tensor of whole numbers as integers.
pub(super) fn matrix(tensor: &Tensor) -> Result<Matrix> {
    let whole = |x: f32| match x.fract() == 0.0 {
        true => Ok(x as i32),
        false => Err(Error::Training(format!("{x} is no integer"))),
    };
    tensor
        .to_vec2::<f32>()?
        .into_iter()
        .map(|row| row.into_iter().map(whole).collect())
        .collect()
}

/// `bias + weights * wires`.
pub(super) fn row(bias: i32, weights: &[i32], wires: impl Iterator<Item = Wire>) -> Row {
    Row::new(bias, wires.zip(weights).map(|(wire, weight)| (wire, *weight)))
}

/// The integer graph of `net` with the given gates open; equals its exact forward pass.
///
/// # Errors
/// [`Error::Training`] or [`Error::Graph`] if the network's integers are malformed.
pub fn graph(net: &Net, openings: &Openings) -> Result<Graph> {
    let shape = net.shape;
    let open = net.open(openings, Precision::Exact)?;
    let weights = net.weights(true)?;
    let (value, value_bias) = (matrix(&weights.value)?, matrix(&weights.value_bias)?);
    let (query, key, relative) = (
        matrix(&weights.query)?,
        matrix(&weights.key)?,
        matrix(&weights.relative)?,
    );
    let mix_threshold = matrix(&weights.mix_threshold)?;
    let (feature, feature_mix) = (matrix(&weights.feature)?, matrix(&weights.feature_mix)?);
    let feature_bias = matrix(&weights.feature_bias)?;
    let pool_threshold = matrix(&weights.pool_threshold)?;
    let (classifier, classifier_bias) = (matrix(&weights.classifier)?, matrix(&weights.classifier_bias)?);

    let dim = shape.dim as Wire;
    let token = |t: usize| (t as Wire * dim)..((t as Wire + 1) * dim);
    let mut graph = GraphBuilder::new(CONTEXT as u32 * dim, -1, 1);
    let bit = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
    // Two products a1*v1 + a2*v2 from (a1 + v1) + 3 (a2 + v2): each is 1 where its digit is 2.
    let two_products = graph.lut(Lut::new(0..=8, |x| i32::from(x % 3 == 2) + i32::from(x / 3 == 2)));
    let one_product = graph.lut(Lut::new(0..=2, |x| i32::from(x == 2)));

    // By head and token, the bits that attention gathered; none for a head that is closed everywhere.
    let mut mixed: Vec<Option<Wire>> = vec![None; shape.heads];
    for head in (0..shape.heads).filter(|head| open.keeps(*head)) {
        let name = Some(head as u16);
        let channels: Vec<usize> = (head * shape.value_dim..(head + 1) * shape.value_dim).collect();
        let rows = (0..CONTEXT)
            .flat_map(|t| channels.iter().map(move |c| (t, *c)))
            .map(|(t, c)| row(value_bias[0][c], &value[c], token(t)));
        let values = graph.table_layer(VALUES, name, bit, rows).start;

        let pairs: Vec<(usize, usize)> = (0..CONTEXT)
            .flat_map(|i| (0..CONTEXT).map(move |j| (i, j)))
            .filter(|(i, j)| open.offsets[head][j + CONTEXT - 1 - i])
            .collect();
        let rows = pairs.iter().map(|(i, j)| {
            let asked = token(*i).zip(&query[head]);
            let offered = token(*j).zip(&key[head]);
            let mut terms: Vec<(Wire, i32)> = asked
                .chain(offered)
                .map(|(wire, weight)| (wire, *weight))
                .collect();
            if i == j {
                // One token asks and offers: its two weights on the same input are one.
                let (first, second) = terms.split_at(dim as usize);
                terms = first
                    .iter()
                    .zip(second)
                    .map(|((wire, a), (_, b))| (*wire, a + b))
                    .collect();
            }
            Row::new(relative[head][j + CONTEXT - 1 - i], terms)
        });
        let gates = graph.table_layer(GATES, name, bit, rows).start;

        let mut products = Vec::new();
        let mut taken = Vec::new();
        for i in 0..CONTEXT {
            let row: Vec<_> = pairs.iter().enumerate().filter(|(_, pair)| pair.0 == i).collect();
            for c in 0..shape.value_dim {
                for two in row.chunks(2) {
                    let terms = two.iter().zip([1, 3]).flat_map(|((at, (_, j)), weight)| {
                        [
                            (gates + *at as Wire, weight),
                            (values + (j * shape.value_dim + c) as Wire, weight),
                        ]
                    });
                    products.push((
                        Row::new(0, terms),
                        if two.len() == 2 { two_products } else { one_product },
                    ));
                    taken.push(i * shape.value_dim + c);
                }
            }
        }
        let products = graph.tables_layer(MIXING, name, products).start;
        let rows = (0..CONTEXT * shape.value_dim).map(|at| {
            let terms = taken
                .iter()
                .zip(products..)
                .filter(|(owner, _)| **owner == at)
                .map(|(_, wire)| (wire, 1));
            Row::new(-mix_threshold[0][channels[at % shape.value_dim]], terms)
        });
        mixed[head] = Some(graph.table_layer(REQUANTISE, name, bit, rows).start);
    }

    let rows = (0..CONTEXT)
        .flat_map(|t| (0..shape.features).map(move |k| (t, k)))
        .map(|(t, k)| {
            let seen = token(t).zip(feature[k].iter().copied());
            let heads = mixed.iter().zip(feature_mix[k].chunks(shape.value_dim));
            let gathered = heads
                .filter_map(|(first, weights)| Some(((*first)?, weights)))
                .flat_map(|(first, weights)| {
                    let first = first + (t * shape.value_dim) as Wire;
                    (first..).zip(weights.iter().copied())
                });
            Row::new(feature_bias[0][k], seen.chain(gathered))
        });
    let features = graph.table_layer(FEATURES, None, bit, rows).start;

    let pooled: Vec<_> = (0..shape.features)
        .map(|k| {
            let thresholds = pool_threshold[k].clone();
            let count = move |x: i32| thresholds.iter().filter(|threshold| x >= **threshold).count() as i32;
            let table = graph.lut(Lut::new(0..=CONTEXT as i32, count).with_step(FINE_STEP));
            let terms = (0..CONTEXT).map(|t| (features + (t * shape.features + k) as Wire, 1));
            (Row::new(0, terms), table)
        })
        .collect();
    debug_assert!(pool_threshold.iter().all(|row| row.len() == POOL_LEVELS));
    let pooled = graph.tables_layer(POOLING, None, pooled);
    let rows = classifier
        .iter()
        .zip(&classifier_bias[0])
        .map(|(weights, bias)| row(*bias, weights, pooled.clone()));
    let logits = graph.linear_layer("classifier", None, rows.collect::<Vec<_>>());
    graph.finish(logits)
}
