//! Wires as sums over sources.

use crate::ir::{Row, MAX_MAGNITUDE, MAX_TERMS};

/// A wire as a sum over sources, sorted by source and without zero weights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Expr {
    pub bias: i32,
    pub terms: Vec<(u32, i32)>,
}

/// A row over sources; `None` if a weight, the bias or the number of terms is too large.
pub(super) fn expand(wires: &[Expr], row: &Row) -> Option<Expr> {
    let mut bias = i64::from(row.bias);
    let sizes = row
        .terms
        .iter()
        .filter_map(|(wire, _)| Some(wires.get(*wire as usize)?.terms.len()));
    if sizes.sum::<usize>() > 4 * MAX_TERMS {
        return None;
    }
    let mut terms: Vec<(u32, i64)> = vec![];
    for (wire, weight) in &row.terms {
        let inner = wires.get(*wire as usize)?;
        bias = bias.checked_add(i64::from(inner.bias) * i64::from(*weight))?;
        terms.extend(
            inner
                .terms
                .iter()
                .map(|(s, w)| (*s, i64::from(*w) * i64::from(*weight))),
        );
    }
    terms.sort_unstable_by_key(|(source, _)| *source);
    let mut merged: Vec<(u32, i32)> = vec![];
    for group in terms.chunk_by(|a, b| a.0 == b.0) {
        let weight = group.iter().try_fold(0i64, |sum, (_, w)| sum.checked_add(*w))?;
        if weight.unsigned_abs() > u64::from(MAX_MAGNITUDE.unsigned_abs()) {
            return None;
        }
        if weight != 0 {
            merged.push((group[0].0, weight as i32));
        }
    }
    Some(Expr {
        bias: i32::try_from(bias).ok()?,
        terms: merged,
    })
}
