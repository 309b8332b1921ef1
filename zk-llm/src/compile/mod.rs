//! Turns an integer graph into a circuit that is proved exact under a parameter set, or refuses it.
//!
//! Leveled layers disappear: every table's argument and every output is a sum over *sources* (inputs and
//! results of tables), so that a value used twice counts with its whole weight in the noise. Proved for
//! each table: its function is exact on every argument that any input can lead to ([`lut`]), and it reads
//! a wrong cell with probability at most [`LOG2_P_FAIL`](crate::params::LOG2_P_FAIL). Proved for each
//! output: it fits its range and decrypts wrongly with at most that probability (SPEC F.5).

mod expr;
mod liveness;
mod lower;
mod lut;
mod reach;
mod report;
#[cfg(test)]
mod tests;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::ir::{Graph, Inputs, Lut};
use crate::params::ParameterSet;

pub use lut::EncodedLut;
pub use report::{LayerReport, Report};

/// Why a graph cannot be evaluated exactly.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The graph is malformed.
    #[error("{0}")]
    Graph(String),
    /// A row adds values encoded with different steps.
    #[error("layer {layer}, row {row}: adds values of steps 2^-{a} and 2^-{b}; give their tables one step")]
    Steps {
        /// Layer.
        layer: String,
        /// Row in the layer.
        row: usize,
        /// One step's exponent.
        a: u8,
        /// Another step's exponent.
        b: u8,
    },
    /// A row's values span too wide a range to analyse, or its weights are too large.
    #[error("layer {layer}, row {row}: its values span more than {max} integers; narrow its weights", max = reach::MAX_SPAN)]
    Span {
        /// Layer.
        layer: String,
        /// Row in the layer.
        row: usize,
    },
    /// A table is not defined where its argument can go.
    #[error(
        "layer {layer}, row {row}: reaches {value}, which its table does not define (range {lo}..={hi})"
    )]
    Undefined {
        /// Layer.
        layer: String,
        /// Row in the layer.
        row: usize,
        /// The argument.
        value: i32,
        /// Smallest argument.
        lo: i32,
        /// Largest argument.
        hi: i32,
    },
    /// A table's function is not negacyclic over its argument's range.
    #[error(
        "layer {layer}, row {row}: its table is not exact over {lo}..={hi} in {cells} cells; \
         reduce the fan-in, or use a function f with f(x) + f(x + {cells}) constant"
    )]
    NotExact {
        /// Layer.
        layer: String,
        /// Row in the layer.
        row: usize,
        /// Smallest argument.
        lo: i32,
        /// Largest argument.
        hi: i32,
        /// Cells of the table.
        cells: u32,
    },
    /// A table reads a wrong cell too often.
    #[error(
        "layer {layer}, row {row}: squared 2-norm {norm2} gives a failure probability of 2^{log2_p_fail:.1} \
         (2^{limit} allowed); reduce its weights", limit = crate::params::LOG2_P_FAIL
    )]
    Noise {
        /// Layer.
        layer: String,
        /// Row in the layer.
        row: usize,
        /// Sum of the squared weights.
        norm2: i64,
        /// Log2 of the failure probability.
        log2_p_fail: f64,
    },
    /// A step is outside of what the parameter set can encode.
    #[error("{what}: a step of 2^-{step} is not supported (2^-{min} to 2^-{max})")]
    Step {
        /// Where.
        what: String,
        /// The step's exponent.
        step: u8,
        /// Smallest exponent.
        min: u8,
        /// Largest exponent.
        max: u8,
    },
    /// An output does not fit its encoding.
    #[error("output {output}: range {lo}..={hi} does not fit {size} values; use a finer step")]
    OutputRange {
        /// Index of the output.
        output: usize,
        /// Smallest value.
        lo: i32,
        /// Largest value.
        hi: i32,
        /// Values that the encoding tells apart.
        size: u64,
    },
    /// An output decrypts wrongly too often.
    #[error(
        "output {output}: decrypts wrongly with probability 2^{log2_p_fail:.1}; reduce its weights or step"
    )]
    OutputNoise {
        /// Index of the output.
        output: usize,
        /// Log2 of the failure probability.
        log2_p_fail: f64,
    },
}

/// What client and miner must agree on: shapes and encodings of the two ciphertext lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// What the client encrypts.
    pub inputs: Inputs,
    /// What the client decrypts.
    pub outputs: Vec<OutputEncoding>,
    /// Bytes that a returned coefficient is rounded to.
    pub output_coefficient_bytes: u8,
}

/// How to read one decrypted output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputEncoding {
    /// Smallest value; the encoding is modulo `2^step`, so the value is the one of its class from here on.
    pub lo: i32,
    /// Largest value.
    pub hi: i32,
    /// Step's exponent.
    pub step: u8,
}

impl Interface {
    /// Whether the interface is one that a compiler could have made, so that a client may follow it.
    pub fn is_sound(&self) -> bool {
        let small = |x: i32| x.unsigned_abs() <= 1 << 20;
        let range = |lo: i32, hi: i32, step: u8| {
            lo <= hi && small(lo) && small(hi) && (1..=24).contains(&step) && hi - lo < 1 << step
        };
        let inputs = &self.inputs;
        (1..=crate::ir::MAX_WIRES).contains(&(inputs.len as usize))
            && range(inputs.lo, inputs.hi, inputs.step)
            && (1..=crate::ir::MAX_OUTPUTS).contains(&self.outputs.len())
            && self
                .outputs
                .iter()
                .all(|output| range(output.lo, output.hi, output.step))
            && (1..=8).contains(&self.output_coefficient_bytes)
    }
}

impl OutputEncoding {
    /// Reads a decrypted torus element: the nearest step, as the value from `lo` on of its class.
    pub fn decode(&self, phase: u64) -> i32 {
        let dropped = 64 - u32::from(self.step);
        let nearest = phase.wrapping_add(1 << (dropped - 1)) >> dropped;
        let from_lo = (nearest as i64 - i64::from(self.lo)).rem_euclid(1 << self.step);
        (i64::from(self.lo) + from_lo) as i32
    }
}

/// Sum over sources: `bias + sum(weight * source)`, the terms kept in the circuit's common list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub bias: i32,
    pub terms: Range<usize>,
    pub step: u8,
}

/// One bootstrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableOp {
    pub argument: Sum,
    pub lut: u32,
    pub encoded: u32,
    pub layer: u32,
}

/// A graph proved exact under a parameter set, ready to run.
///
/// Sources are numbered: inputs first, then tables in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Circuit {
    pub(crate) set: ParameterSet,
    pub(crate) interface: Interface,
    pub(crate) luts: Vec<Lut>,
    pub(crate) encoded: Vec<EncodedLut>,
    pub(crate) terms: Vec<(u32, i32)>,
    pub(crate) tables: Vec<TableOp>,
    /// Tables that may run at once, in order: each wave needs only earlier ones.
    pub(crate) waves: Vec<Range<usize>>,
    /// Sources that no later wave and no output needs, by wave.
    pub(crate) dead_after: Vec<Vec<u32>>,
    pub(crate) outputs: Vec<Sum>,
    pub(crate) report: Report,
}

/// Compiles `graph` for `set`.
///
/// # Errors
/// [`CompileError`] naming the layer and row that cannot be evaluated exactly.
pub fn compile(graph: &Graph, set: &ParameterSet) -> Result<Circuit, CompileError> {
    graph.validate().map_err(|e| CompileError::Graph(e.to_string()))?;
    lower::Lowering::new(graph, set)?.run()
}

impl Graph {
    /// As [`compile`].
    ///
    /// # Errors
    /// As [`compile`].
    pub fn compile(&self, set: &ParameterSet) -> Result<Circuit, CompileError> {
        compile(self, set)
    }
}

impl Circuit {
    /// Bootstraps of one evaluation.
    pub fn bootstraps(&self) -> u64 {
        self.tables.len() as u64
    }

    /// Parameter set that the circuit is proved for.
    pub fn parameter_set(&self) -> &ParameterSet {
        &self.set
    }

    /// Shapes and encodings of input and output.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Tables, ranges, norms and failure probabilities by layer and head.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Number of rounds of tables that need one another's results.
    pub fn depth(&self) -> usize {
        self.waves.len()
    }

    pub(crate) fn terms(&self, sum: &Sum) -> &[(u32, i32)] {
        self.terms.get(sum.terms.clone()).unwrap_or_default()
    }
}
