//! Squeezing within a head: closes the distances between tokens at which its gates matter little, so that no
//! bootstrap is spent there.

use super::net::{Net, Openings, Precision};
use super::optimise::{measure, Example};
use crate::error::Result;

/// Closes as many open offsets as calibration loss allows, the least significant first.
///
/// An offset's significance is what closing it alone costs on `examples`; `tolerance` is what closing all of
/// them together may cost, in nats.
///
/// # Errors
/// If an operation fails.
pub fn narrow(net: &Net, openings: &Openings, examples: &[Example], tolerance: f64) -> Result<Openings> {
    let loss =
        |openings: &Openings| -> Result<f64> { Ok(measure(net, examples, openings, Precision::Exact)?.loss) };
    let whole = loss(openings)?;
    let mut scored = Vec::new();
    for (head, row) in net.open(openings, Precision::Exact)?.offsets.iter().enumerate() {
        for at in (0..row.len()).filter(|at| row[*at]) {
            scored.push((close(openings, &[(head, at)]), head, at));
        }
    }
    let mut ranked = Vec::with_capacity(scored.len());
    for (without, head, at) in scored {
        ranked.push((loss(&without)?, head, at));
    }
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let order: Vec<_> = ranked.into_iter().map(|(_, head, at)| (head, at)).collect();
    // Bisects for the longest run of closings within the tolerance; at least one offset stays open.
    let (mut closed, mut limit) = (0, order.len());
    while closed + 1 < limit {
        let middle = (closed + limit) / 2;
        if loss(&close(openings, &order[..middle]))? <= whole + tolerance {
            closed = middle;
        } else {
            limit = middle;
        }
    }
    Ok(close(openings, &order[..closed]))
}

fn close(openings: &Openings, offsets: &[(usize, usize)]) -> Openings {
    let mut rest = openings.clone();
    offsets
        .iter()
        .for_each(|(head, at)| rest.offsets[*head][*at] = false);
    rest
}
