//! What is needed, and until when.

use std::ops::Range;

use super::{Sum, TableOp};
use crate::ir::{Graph, Row};

/// Wires that an output depends on.
pub(super) fn live_wires(graph: &Graph) -> Vec<bool> {
    let mut live = vec![false; graph.wires()];
    for wire in &graph.outputs {
        live[*wire as usize] = true;
    }
    let rows: Vec<&Row> = graph.layers.iter().flat_map(|layer| &layer.rows).collect();
    for (at, row) in rows.iter().enumerate().rev() {
        if live[graph.inputs.len as usize + at] {
            row.terms.iter().for_each(|(wire, _)| live[*wire as usize] = true);
        }
    }
    live
}

/// For each wave, the sources whose last reader is in it.
pub(super) fn dead_after(
    inputs: usize,
    tables: &[TableOp],
    waves: &[Range<usize>],
    outputs: &[Sum],
    terms: &[(u32, i32)],
) -> Vec<Vec<u32>> {
    let mut last: Vec<Option<usize>> = vec![None; inputs + tables.len()];
    for (wave, range) in waves.iter().enumerate() {
        for op in &tables[range.clone()] {
            terms[op.argument.terms.clone()]
                .iter()
                .for_each(|(s, _)| last[*s as usize] = Some(wave));
        }
    }
    for sum in outputs {
        terms[sum.terms.clone()]
            .iter()
            .for_each(|(s, _)| last[*s as usize] = None);
    }
    let mut dead = vec![vec![]; waves.len()];
    for (source, wave) in last.into_iter().enumerate() {
        if let Some(wave) = wave {
            dead[wave].push(source as u32);
        }
    }
    dead
}
