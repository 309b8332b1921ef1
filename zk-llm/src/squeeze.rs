//! Cerberus Squeezing of attention heads: how much each head matters, which ones a bootstrap budget can
//! afford, and the graph without the others (SPEC R163, R164, R178, R179).
//!
//! A head's significance `S(h)` is what its ablation costs on calibration texts, in nats of cross-entropy.
//! The heads kept are those with `S(h) > theta` that together matter most within the budget `C_max`.

use crate::error::{Error, Result};
use crate::exec_clear::run_graph;
use crate::ir::{Graph, Row, Wire};
use crate::params::ParameterSet;

/// Most heads of a graph that is planned; the planner looks at every subset.
pub const MAX_HEADS: u16 = 16;

/// A calibration text: the integers that would be encrypted, and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// Inputs of the graph.
    pub inputs: Vec<i32>,
    /// Index of the right output.
    pub label: usize,
}

/// What to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Significance that a kept head exceeds, in nats.
    pub threshold: f64,
    /// Bootstraps that the squeezed graph may take.
    pub budget: u64,
}

/// What was decided, head by head.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Significance of each head, in nats.
    pub significance: Vec<f64>,
    /// Bootstraps that leaving out the head alone saves.
    pub cost: Vec<u64>,
    /// Whether the head is kept.
    pub kept: Vec<bool>,
    /// Bootstraps of the graph before.
    pub unsqueezed: u64,
    /// Bootstraps of the graph without the heads that are not kept.
    pub squeezed: u64,
}

/// Mean cross-entropy of a graph's outputs on calibration texts, in nats, and the share labelled correctly.
///
/// # Errors
/// As [`run_graph`]; [`Error::Training`] if a label has no output or there is no text.
pub fn performance(graph: &Graph, texts: &[Calibration], logit_scale: f64) -> Result<(f64, f64)> {
    let (mut loss, mut correct) = (0.0, 0usize);
    for text in texts {
        let logits = run_graph(graph, &text.inputs)?;
        let right = *logits
            .get(text.label)
            .ok_or_else(|| Error::Training("a label has no output".into()))?;
        let odds = |x: i32| (f64::from(x - right) * logit_scale).exp();
        loss += logits.iter().map(|x| odds(*x)).sum::<f64>().ln();
        correct += usize::from(crate::Logits(logits).argmax() == text.label);
    }
    match texts.len() {
        0 => Err(Error::Training("no calibration texts".into())),
        count => Ok((loss / count as f64, correct as f64 / count as f64)),
    }
}

/// The graph without the layers of heads that `keep` refuses. What they gave counts as 0 from then on.
///
/// # Errors
/// [`Error::Graph`] if an output is a wire of such a head.
pub fn prune(graph: &Graph, keep: impl Fn(u16) -> bool) -> Result<Graph> {
    let mut new: Vec<Option<Wire>> = (0..graph.inputs.len).map(Some).collect();
    let mut next = graph.inputs.len;
    let mut layers = Vec::new();
    for layer in &graph.layers {
        if layer.head.is_some_and(|head| !keep(head)) {
            new.extend(layer.rows.iter().map(|_| None));
            continue;
        }
        let moved = |row: &Row| {
            let terms = row.terms.iter();
            Row::new(
                row.bias,
                terms.filter_map(|(wire, weight)| Some((new.get(*wire as usize).copied()??, *weight))),
            )
        };
        let mut kept = layer.clone();
        kept.rows = layer.rows.iter().map(moved).collect();
        new.extend((next..).take(kept.rows.len()).map(Some));
        next += kept.rows.len() as Wire;
        layers.push(kept);
    }
    let output = |wire: &Wire| new.get(*wire as usize).copied().flatten();
    let outputs: Option<Vec<_>> = graph.outputs.iter().map(output).collect();
    let outputs = outputs.ok_or_else(|| Error::Graph("an output belongs to a pruned head".into()))?;
    let pruned = Graph {
        layers,
        outputs,
        ..graph.clone()
    };
    pruned.validate()?;
    Ok(pruned)
}

/// Scores the heads of `graph` and decides which to keep. The most significant head that the budget allows
/// is kept even if none exceeds the threshold.
///
/// # Errors
/// As [`performance`], [`prune`] and [`Graph::compile`]; [`Error::Training`] if not even one head fits the budget.
pub fn plan(graph: &Graph, texts: &[Calibration], logit_scale: f64, limits: Limits) -> Result<Plan> {
    let heads = graph
        .layers
        .iter()
        .filter_map(|layer| layer.head)
        .max()
        .map_or(0, |head| head + 1);
    if heads == 0 || heads > MAX_HEADS {
        return Err(Error::Training(format!(
            "{heads} heads; the planner takes 1 to {MAX_HEADS}"
        )));
    }
    let bootstraps =
        |graph: &Graph| -> Result<u64> { Ok(graph.compile(&ParameterSet::default())?.bootstraps()) };
    let unsqueezed = bootstraps(graph)?;
    let (whole, _) = performance(graph, texts, logit_scale)?;
    let (mut significance, mut cost) = (Vec::new(), Vec::new());
    for head in 0..heads {
        let rest = prune(graph, |other| other != head)?;
        significance.push(performance(&rest, texts, logit_scale)?.0 - whole);
        cost.push(unsqueezed.saturating_sub(bootstraps(&rest)?));
    }
    let fixed = unsqueezed.saturating_sub(cost.iter().sum());
    let room = limits.budget.saturating_sub(fixed);
    let chosen = choose(&significance, &cost, room, limits.threshold);
    let chosen =
        chosen.ok_or_else(|| Error::Training(format!("no head fits {} bootstraps", limits.budget)))?;
    let kept: Vec<bool> = (0..heads).map(|head| chosen >> head & 1 == 1).collect();
    let squeezed = bootstraps(&prune(graph, |head| kept[usize::from(head)])?)?;
    Ok(Plan {
        significance,
        cost,
        kept,
        unsqueezed,
        squeezed,
    })
}

/// The subset, as bits, of greatest total significance within `room`; ties go to the cheaper one.
fn choose(significance: &[f64], cost: &[u64], room: u64, threshold: f64) -> Option<u32> {
    let total = |set: u32, what: &dyn Fn(usize) -> f64| -> f64 {
        (0..cost.len())
            .filter(|head| set >> head & 1 == 1)
            .map(what)
            .sum()
    };
    let spent = |set: u32| total(set, &|head| cost[head] as f64);
    let worth = |set: u32| total(set, &|head| significance[head]);
    let above =
        |set: &u32| (0..cost.len()).all(|head| set >> head & 1 == 0 || significance[head] > threshold);
    let affordable: Vec<u32> = (1..1u32 << cost.len())
        .filter(|set| spent(*set) <= room as f64)
        .collect();
    let best = |sets: &mut dyn Iterator<Item = u32>| {
        sets.max_by(|a, b| {
            worth(*a)
                .total_cmp(&worth(*b))
                .then(spent(*b).total_cmp(&spent(*a)))
        })
    };
    best(&mut affordable.iter().copied().filter(above))
        .or_else(|| best(&mut affordable.iter().copied().filter(|set| set.count_ones() == 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{GraphBuilder, Lut};

    /// Two heads of one bit each: output 0 is input 0's bit, output 1 is input 1's.
    fn two_heads() -> Graph {
        let mut graph = GraphBuilder::new(2, -1, 1);
        let bit = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
        let first = graph
            .table_layer("gates", Some(0), bit, [Row::new(0, [(0, 1)])])
            .start;
        let second = graph
            .table_layer(
                "gates",
                Some(1),
                bit,
                [Row::new(0, [(1, 1)]), Row::new(0, [(1, -1)])],
            )
            .start;
        let rows = [
            Row::new(1, [(first, 1)]),
            Row::new(0, [(second, 2), (second + 1, 1)]),
        ];
        let outputs = graph.linear_layer("classifier", None, rows);
        graph.finish(outputs).unwrap()
    }

    #[test]
    fn pruning_removes_a_heads_layers_and_renumbers_the_rest() {
        let graph = two_heads();
        let pruned = prune(&graph, |head| head == 1).unwrap();
        assert_eq!((pruned.layers.len(), pruned.wires()), (2, 6));
        for inputs in [[-1, -1], [1, -1], [0, 0], [-1, 1]] {
            let (all, rest) = (
                run_graph(&graph, &inputs).unwrap(),
                run_graph(&pruned, &inputs).unwrap(),
            );
            assert_eq!(rest, [1, all[1]], "head 0 gives nothing, head 1 what it gave");
        }
        assert_eq!(prune(&graph, |_| true).unwrap(), graph);
    }

    #[test]
    fn a_head_matters_as_much_as_its_ablation_costs() {
        let texts = [([1, -1], 0), ([-1, 1], 1), ([-1, 0], 1), ([1, -1], 0)];
        let texts = texts.map(|(inputs, label)| Calibration {
            inputs: inputs.to_vec(),
            label,
        });
        let limits = Limits {
            threshold: 0.0,
            budget: 100,
        };
        let plan = plan(&two_heads(), &texts, 1.0, limits).unwrap();
        assert_eq!((plan.unsqueezed, &plan.cost), (3, &vec![1, 2]));
        assert!(plan.significance.iter().all(|score| *score > 0.0), "{plan:?}");
        assert_eq!((plan.squeezed, plan.kept), (3, vec![true, true]));
    }

    #[test]
    fn the_budget_and_the_threshold_are_obeyed() {
        let (significance, cost) = ([0.5, 0.3, 0.3, 0.01], [10, 4, 4, 1]);
        assert_eq!(choose(&significance, &cost, 100, 0.0), Some(0b1111));
        assert_eq!(choose(&significance, &cost, 100, 0.05), Some(0b0111), "theta");
        assert_eq!(
            choose(&significance, &cost, 9, 0.05),
            Some(0b0110),
            "two cheap heads beat a dear one"
        );
        assert_eq!(choose(&significance, &cost, 11, 0.05), Some(0b0110));
        assert_eq!(
            choose(&significance, &cost, 100, 0.9),
            Some(0b0001),
            "one head survives"
        );
        assert_eq!(choose(&significance, &cost, 0, 0.0), None);
    }
}
