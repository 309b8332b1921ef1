//! The integer graph of a squeezed expression.

use std::collections::BTreeMap;

use super::{Ciphertext, Expression, Kind, Node, NodeId, Passes, Plan};
use crate::error::{Error, Result};
use crate::ir::{Graph, GraphBuilder, Lut, Row, Wire};

/// Values that a table's argument takes at most.
const MAX_SPAN: i64 = 4096;

/// An expression as a graph: what the client encrypts, and what the miner evaluates.
#[derive(Clone, Debug)]
pub struct Squeezed {
    expression: Expression,
    ciphertexts: Vec<Ciphertext>,
    ranges: Vec<Range>,
    graph: Graph,
}

/// Smallest and largest value.
type Range = (i64, i64);

fn span(range: Range) -> i64 {
    range.1 - range.0 + 1
}

impl Expression {
    /// Lowers the expression, all passes on, for variables in `0..=largest`.
    ///
    /// # Errors
    /// [`Error::Expression`] if there is nothing to encrypt or a value takes too wide a range.
    pub fn squeeze(&self, largest: u16) -> Result<Squeezed> {
        let expression = self.shared();
        let plan = Plan::new(&expression, Passes::ALL);
        let ranges = expression.ranges(i64::from(largest))?;
        let ciphertexts: Vec<Ciphertext> = plan.ciphertexts.iter().cloned().collect();
        let held: Vec<Range> = ciphertexts.iter().map(|one| held(one, &ranges)).collect();
        let lo = held.iter().map(|range| range.0).min();
        let hi = held.iter().map(|range| range.1).max();
        let (Some(lo), Some(hi)) = (lo, hi) else {
            return Err(no_variables());
        };
        let graph = lower(&plan, &ranges, &ciphertexts, (lo, hi))?;
        Ok(Squeezed {
            ranges,
            ciphertexts,
            graph,
            expression,
        })
    }

    /// Lowers the expression for a client that encrypts each variable by itself, in the order of their names, so that
    /// it needs to know nothing of the expression: inputs are variables in `0..=largest`, and there is one output. The
    /// graph takes inputs in `-largest..=largest`, as models do.
    ///
    /// # Errors
    /// As [`Expression::squeeze`].
    pub(super) fn one_by_one(&self, largest: u16) -> Result<Graph> {
        let expression = self.shared();
        let passes = Passes {
            fold: false,
            pack: false,
            ..Passes::ALL
        };
        let plan = Plan::new(&expression, passes);
        let ranges = expression.ranges(i64::from(largest))?;
        let named = |name: &str| {
            let is = |node: &Node| matches!(node, Node::Variable(known) if known == name);
            let id = expression.nodes.iter().position(is);
            id.map(|id| Ciphertext::Sum(vec![(id, true)]))
        };
        let ciphertexts: Vec<Ciphertext> = expression.variables().into_iter().filter_map(named).collect();
        if ciphertexts.is_empty() {
            return Err(no_variables());
        }
        let largest = i64::from(largest);
        lower(&plan, &ranges, &ciphertexts, (-largest, largest))
    }

    /// What each node can be for variables in `0..=largest`.
    fn ranges(&self, largest: i64) -> Result<Vec<Range>> {
        let mut ranges: Vec<Range> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let range = match node {
                Node::Variable(_) => (0, largest),
                Node::Constant(value) => (*value, *value),
                Node::Add(a, b) => (ranges[*a].0 + ranges[*b].0, ranges[*a].1 + ranges[*b].1),
                Node::Subtract(a, b) => (ranges[*a].0 - ranges[*b].1, ranges[*a].1 - ranges[*b].0),
                Node::Multiply(a, b) => {
                    let ((a, b), (c, d)) = (ranges[*a], ranges[*b]);
                    let corners = [a * c, a * d, b * c, b * d];
                    let (lo, hi) = (corners.iter().min(), corners.iter().max());
                    (lo.copied().unwrap_or(0), hi.copied().unwrap_or(0))
                }
            };
            if range.0 < -(1 << 31) || range.1 > 1 << 31 {
                return Err(too_wide());
            }
            ranges.push(range);
        }
        Ok(ranges)
    }
}

/// The graph of a plan whose ciphertexts hold values within `bounds`, in this order.
fn lower(plan: &Plan<'_>, ranges: &[Range], ciphertexts: &[Ciphertext], bounds: Range) -> Result<Graph> {
    let inputs = u32::try_from(ciphertexts.len()).map_err(|_| too_wide())?;
    let mut lowering = Lowering {
        plan,
        ranges,
        ciphertexts,
        wires: vec![bounds; ciphertexts.len()],
        products: BTreeMap::new(),
        graph: GraphBuilder::new(inputs, narrow(bounds.0)?, narrow(bounds.1)?),
    };
    for product in &plan.products {
        lowering.product(*product)?;
    }
    let answer = lowering.row(plan.expression.root)?;
    let out = lowering.graph.linear_layer("answer", None, [answer]);
    lowering.graph.finish(out)
}

/// Range of a ciphertext's integer.
fn held(ciphertext: &Ciphertext, ranges: &[Range]) -> Range {
    match ciphertext {
        Ciphertext::Pair(a, b) => (0, span(ranges[*a]).saturating_mul(span(ranges[*b])) - 1),
        Ciphertext::Sum(parts) => parts.iter().fold((0, 0), |(lo, hi), (id, sign)| match sign {
            true => (lo + ranges[*id].0, hi + ranges[*id].1),
            false => (lo - ranges[*id].1, hi - ranges[*id].0),
        }),
    }
}

struct Lowering<'a> {
    plan: &'a Plan<'a>,
    ranges: &'a [Range],
    ciphertexts: &'a [Ciphertext],
    /// What each wire can be, as the compiler sees it: inputs share one range.
    wires: Vec<Range>,
    products: BTreeMap<NodeId, Wire>,
    graph: GraphBuilder,
}

impl Lowering<'_> {
    /// Adds the table of a product of two values.
    fn product(&mut self, id: NodeId) -> Result<()> {
        let Node::Multiply(a, b) = self.plan.expression.nodes[id] else {
            return Err(Error::Expression("a product is none".into()));
        };
        let (first, second) = (self.ranges[a.min(b)], self.ranges[a.max(b)]);
        let row = match self.plan.pair(a, b).and_then(|pair| self.input(&pair)) {
            Some(wire) => Row::new(0, [(wire, 1)]),
            None => {
                let mut row = self.row(a.min(b))?;
                add(&mut row, &self.row(a.max(b))?, span(first))?;
                let shift = span(first).saturating_mul(second.0);
                row.bias = narrow((i64::from(row.bias) - first.0).saturating_sub(shift))?;
                row
            }
        };
        let (lo, hi) = row.terms.iter().fold((0, 0), |(lo, hi), (wire, weight)| {
            let (range, weight) = (self.wires[*wire as usize], i64::from(*weight));
            let ends = (range.0 * weight, range.1 * weight);
            (lo + ends.0.min(ends.1), hi + ends.0.max(ends.1))
        });
        let (lo, hi) = (lo + i64::from(row.bias), hi + i64::from(row.bias));
        if hi - lo >= MAX_SPAN {
            return Err(too_wide());
        }
        // Beyond the two operands' values, which occur alone, the table goes on as it ends.
        let last = span(first) * span(second) - 1;
        let value = |x: i32| {
            let x = i64::from(x).clamp(0, last);
            ((first.0 + x % span(first)) * (second.0 + x / span(first))) as i32
        };
        narrow(self.ranges[id].0)?;
        narrow(self.ranges[id].1)?;
        let table = self.graph.lut(Lut::new(narrow(lo)?..=narrow(hi)?, value));
        let wire = self.graph.table_layer("product", None, table, [row]).start;
        self.wires.push(self.ranges[id]);
        self.products.insert(id, wire);
        Ok(())
    }

    fn input(&self, ciphertext: &Ciphertext) -> Option<Wire> {
        let at = self.ciphertexts.iter().position(|one| one == ciphertext)?;
        Wire::try_from(at).ok()
    }

    /// A node as a sum over inputs and products.
    fn row(&self, id: NodeId) -> Result<Row> {
        let clear = |id: NodeId| (self.plan.kinds[id] == Kind::Clear).then_some(self.ranges[id].0);
        if let Some(value) = clear(id) {
            return Ok(Row::new(narrow(value)?, []));
        }
        if let Some(wire) = self.products.get(&id) {
            return Ok(Row::new(0, [(*wire, 1)]));
        }
        if let Some(wire) = self.input(&Ciphertext::Sum(vec![(id, true)])) {
            return Ok(Row::new(0, [(wire, 1)]));
        }
        let mut row = Row::default();
        match self.plan.expression.nodes[id] {
            Node::Add(..) | Node::Subtract(..) => {
                let (leaves, others) = self.plan.summands(id);
                match self.input(&Ciphertext::Sum(leaves.clone())) {
                    Some(wire) => row.terms.push((wire, 1)),
                    None => {
                        for (leaf, sign) in leaves {
                            add(&mut row, &self.row(leaf)?, if sign { 1 } else { -1 })?;
                        }
                    }
                }
                for (other, sign) in others {
                    add(&mut row, &self.row(other)?, if sign { 1 } else { -1 })?;
                }
            }
            Node::Multiply(a, b) => match (clear(a), clear(b)) {
                (Some(factor), _) => add(&mut row, &self.row(b)?, factor)?,
                (_, Some(factor)) => add(&mut row, &self.row(a)?, factor)?,
                _ => return Err(Error::Expression("a product is used before it is made".into())),
            },
            Node::Variable(_) | Node::Constant(_) => {
                return Err(Error::Expression("a variable is in no ciphertext".into()))
            }
        }
        Ok(row)
    }
}

/// Adds `factor` times `more`; terms of one wire become one.
fn add(row: &mut Row, more: &Row, factor: i64) -> Result<()> {
    let scaled = |x: i32| narrow(i64::from(x).saturating_mul(factor));
    row.bias = narrow(i64::from(row.bias) + i64::from(scaled(more.bias)?))?;
    for (wire, weight) in &more.terms {
        let weight = scaled(*weight)?;
        match row.terms.iter_mut().find(|(known, _)| known == wire) {
            Some((_, known)) => *known = narrow(i64::from(*known) + i64::from(weight))?,
            None => row.terms.push((*wire, weight)),
        }
    }
    row.terms.retain(|(_, weight)| *weight != 0);
    Ok(())
}

fn narrow(x: i64) -> Result<i32> {
    match i32::try_from(x) {
        Ok(x) if x.unsigned_abs() <= crate::ir::MAX_MAGNITUDE.unsigned_abs() => Ok(x),
        _ => Err(too_wide()),
    }
}

fn no_variables() -> Error {
    Error::Expression("it has no variables to encrypt".into())
}

fn too_wide() -> Error {
    Error::Expression("a value takes too wide a range; use smaller variables".into())
}

impl Squeezed {
    /// What the miner evaluates.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The integers that the client encrypts for values of the variables.
    ///
    /// # Errors
    /// [`Error::Expression`] if a variable is missing or out of its range.
    pub fn encode(&self, values: &BTreeMap<&str, i64>) -> Result<Vec<i32>> {
        let part = |id: NodeId| {
            let part = Expression {
                nodes: self.expression.nodes.clone(),
                root: id,
            };
            let value = part
                .evaluate(values)
                .filter(|x| (self.ranges[id].0..=self.ranges[id].1).contains(x));
            value.ok_or_else(|| Error::Expression("a variable is missing or out of its range".into()))
        };
        self.ciphertexts
            .iter()
            .map(|ciphertext| match ciphertext {
                Ciphertext::Sum(parts) => parts.iter().try_fold(0i64, |sum, (id, sign)| {
                    let value = part(*id)?;
                    Ok(if *sign { sum + value } else { sum - value })
                }),
                Ciphertext::Pair(a, b) => {
                    let (first, second) = (self.ranges[*a], self.ranges[*b]);
                    Ok(part(*a)? - first.0 + span(first) * (part(*b)? - second.0))
                }
            })
            .map(|value: Result<i64>| narrow(value?))
            .collect()
    }
}
