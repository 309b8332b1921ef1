//! Account of a compiled circuit, layer by layer.

use std::fmt;

use serde::Serialize;

use crate::noise::log2_add;

/// What one layer (of one head) costs and how far it is from its limits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerReport {
    /// Layer's name.
    pub name: String,
    /// Attention head, if the layer belongs to one.
    pub head: Option<u16>,
    /// Rows in the graph.
    pub rows: usize,
    /// Bootstraps that remain.
    pub tables: usize,
    /// Rows whose table is constant over all inputs: no bootstrap.
    pub constant: usize,
    /// Rows equal to another row: no bootstrap of their own.
    pub shared: usize,
    /// Smallest argument of a remaining table.
    pub lo: i32,
    /// Largest argument of a remaining table.
    pub hi: i32,
    /// Largest sum of squared weights over sources.
    pub norm2: i64,
    /// Log2 of the largest failure probability of a table; `-inf` without tables.
    pub log2_p_fail: f64,
}

/// Account of a whole circuit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// By layer and head, in the graph's order.
    pub layers: Vec<LayerReport>,
    /// Log2 of the largest failure probability of an output's decryption.
    pub log2_p_fail_output: f64,
    /// Log2 of the probability that anything at all fails in one evaluation (union bound).
    pub log2_p_fail_total: f64,
}

impl Report {
    /// Bootstraps of layers called `name`.
    pub fn tables_of_layer(&self, name: &str) -> usize {
        self.layers
            .iter()
            .filter(|layer| layer.name == name)
            .map(|layer| layer.tables)
            .sum()
    }

    /// Bootstraps of layers that belong to `head`.
    pub fn tables_of_head(&self, head: u16) -> usize {
        self.layers
            .iter()
            .filter(|layer| layer.head == Some(head))
            .map(|layer| layer.tables)
            .sum()
    }

    /// Adds a failure probability to the total.
    pub(crate) fn add_failure(&mut self, log2_p_fail: f64) {
        self.log2_p_fail_total = log2_add(self.log2_p_fail_total, log2_p_fail);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<22} {:>4} {:>6} {:>6} {:>6} {:>6} {:>9} {:>6} {:>9}",
            "layer", "head", "rows", "tables", "const", "shared", "range", "norm2", "log2 p"
        )?;
        for layer in &self.layers {
            let head = layer.head.map_or_else(|| "-".into(), |head| head.to_string());
            let range = format!("{}..{}", layer.lo, layer.hi);
            writeln!(
                f,
                "{:<22} {head:>4} {:>6} {:>6} {:>6} {:>6} {range:>9} {:>6} {:>9.1}",
                layer.name,
                layer.rows,
                layer.tables,
                layer.constant,
                layer.shared,
                layer.norm2,
                layer.log2_p_fail
            )?;
        }
        let tables: usize = self.layers.iter().map(|layer| layer.tables).sum();
        writeln!(
            f,
            "{tables} bootstraps; a wrong output 2^{:.1}",
            self.log2_p_fail_output
        )?;
        write!(f, "any failure in one evaluation 2^{:.1}", self.log2_p_fail_total)
    }
}
