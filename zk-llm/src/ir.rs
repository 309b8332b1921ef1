//! Integer graph: the one description of a model that the trainer exports, the planner squeezes,
//! the integer oracle runs and the encrypted executor evaluates.
//!
//! A graph is straight-line code over *wires*, each an exact integer. Wires are numbered in the
//! order they are defined: the inputs first, then the rows of every layer in turn. A row is a sparse
//! sum of earlier wires with small integer weights; a layer either keeps its rows as they are
//! ([`Layer::tables`] empty: a leveled sum, which costs nothing) or sends each row through a lookup
//! table (one programmable bootstrap a row). What fits the encrypted plaintext space is decided by
//! [`crate::compile`], not here.

use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// Version of the serialised form; [`Graph::from_json`] refuses any other.
pub const GRAPH_VERSION: u16 = 1;
/// Torus step of the parameter set: integers are encoded in units of `2^-5` of the torus.
pub const STEP: u8 = 5;
/// Most wires that a graph may define: bounds the work done on a file before it is trusted.
pub const MAX_WIRES: usize = 1 << 18;
/// Most outputs of a graph.
pub const MAX_OUTPUTS: usize = 1024;
/// Most terms over all rows of a graph.
pub const MAX_TERMS: usize = 1 << 21;
/// Largest absolute weight, bias or table value.
pub const MAX_MAGNITUDE: i32 = 1 << 15;

/// Index of a value of the graph.
pub type Wire = u32;
/// Index into [`Graph::luts`].
pub type LutId = u32;

/// The encrypted inputs: wires `0..len`, each an integer in `lo..=hi`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Number of inputs.
    pub len: u32,
    /// Smallest value that the client may encrypt.
    pub lo: i32,
    /// Largest value that the client may encrypt.
    pub hi: i32,
    /// Encoding step of a fresh input: `2^-step` of the torus.
    pub step: u8,
}

/// A function of one integer, given by its values at `lo, lo + 1, ..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lut {
    /// First argument.
    pub lo: i32,
    /// Values at `lo`, `lo + 1`, and so on.
    pub values: Vec<i32>,
    /// Encoding step of the result: `2^-step` of the torus.
    pub step: u8,
}

impl Lut {
    /// Tabulates `f` over `range`, with results at the usual step.
    pub fn new(range: std::ops::RangeInclusive<i32>, f: impl Fn(i32) -> i32) -> Self {
        Self {
            lo: *range.start(),
            values: range.map(f).collect(),
            step: STEP,
        }
    }

    /// The same function with results encoded at `2^-step`.
    pub fn with_step(mut self, step: u8) -> Self {
        self.step = step;
        self
    }

    /// Value at `x`, or `None` outside of the table.
    pub fn get(&self, x: i32) -> Option<i32> {
        let at = i64::from(x).checked_sub(i64::from(self.lo))?;
        self.values.get(usize::try_from(at).ok()?).copied()
    }
}

/// `bias + sum(weight * wire)`.
///
/// Serialised as one flat array `[bias, wire, weight, wire, weight, ..]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Row {
    /// Clear summand.
    pub bias: i32,
    /// Wire and weight of each term.
    pub terms: Vec<(Wire, i32)>,
}

impl Row {
    /// A row from its terms; terms of weight 0 are dropped.
    pub fn new(bias: i32, terms: impl IntoIterator<Item = (Wire, i32)>) -> Self {
        Self {
            bias,
            terms: terms.into_iter().filter(|(_, weight)| *weight != 0).collect(),
        }
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let flat = std::iter::once(i64::from(self.bias)).chain(
            self.terms
                .iter()
                .flat_map(|(wire, weight)| [i64::from(*wire), i64::from(*weight)]),
        );
        serializer.collect_seq(flat)
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let flat = Vec::<i64>::deserialize(deserializer)?;
        let (bias, terms) = flat
            .split_first()
            .ok_or_else(|| D::Error::custom("a row is empty"))?;
        if terms.len() % 2 != 0 {
            return Err(D::Error::custom("a row has a wire without a weight"));
        }
        let narrow = |x: i64| i32::try_from(x).map_err(|_| D::Error::custom("a row's number is too large"));
        let terms = terms
            .chunks_exact(2)
            .map(|pair| {
                let wire = Wire::try_from(pair[0]).map_err(|_| D::Error::custom("a row names no wire"))?;
                Ok((wire, narrow(pair[1])?))
            })
            .collect::<Result<_, D::Error>>()?;
        Ok(Self {
            bias: narrow(*bias)?,
            terms,
        })
    }
}

/// Rows computed together; each defines the next wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Name shown in reports, progress and refusals. Layers of several heads may share one.
    pub name: String,
    /// Attention head that the rows belong to, if any: what the planner counts and prunes by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<u16>,
    /// Tables applied to the rows: none, one for all rows, or one a row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<LutId>,
    /// The rows.
    pub rows: Vec<Row>,
}

impl Layer {
    /// The table applied to row `row`, if any.
    pub fn table(&self, row: usize) -> Option<LutId> {
        match self.tables.as_slice() {
            [shared] => Some(*shared),
            tables => tables.get(row).copied(),
        }
    }
}

/// A whole model in integers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// [`GRAPH_VERSION`].
    pub version: u16,
    /// What the client encrypts.
    pub inputs: Inputs,
    /// Lookup tables, shared by layers.
    pub luts: Vec<Lut>,
    /// Layers in order of computation.
    pub layers: Vec<Layer>,
    /// Wires that the client decrypts, in order.
    pub outputs: Vec<Wire>,
}

impl Graph {
    /// Parses and checks a serialised graph.
    ///
    /// # Errors
    /// [`Error::Graph`] if the bytes are no graph of this version or break [`Graph::validate`].
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        let graph: Self = serde_json::from_slice(bytes).map_err(|e| Error::Graph(e.to_string()))?;
        graph.validate()?;
        Ok(graph)
    }

    /// Serialises the graph, compactly and always alike.
    ///
    /// # Errors
    /// [`Error::Graph`] if the graph breaks [`Graph::validate`].
    pub fn to_json(&self) -> Result<Vec<u8>> {
        self.validate()?;
        serde_json::to_vec(self).map_err(|e| Error::Graph(e.to_string()))
    }

    /// Number of wires defined.
    pub fn wires(&self) -> usize {
        self.layers.iter().map(|layer| layer.rows.len()).sum::<usize>() + self.inputs.len as usize
    }

    /// Checks form: version, sizes, that rows refer to earlier wires and layers to tables that exist.
    ///
    /// # Errors
    /// [`Error::Graph`] naming the first layer that is malformed.
    pub fn validate(&self) -> Result<()> {
        let fail = |what: String| Err(Error::Graph(what));
        if self.version != GRAPH_VERSION {
            return fail(format!(
                "version {} is not {GRAPH_VERSION}; export the model again",
                self.version
            ));
        }
        if self.inputs.len == 0 || self.inputs.lo > self.inputs.hi || self.outputs.is_empty() {
            return fail("no inputs, an empty input range or no outputs".into());
        }
        let small = |x: i32| x.unsigned_abs() <= MAX_MAGNITUDE.unsigned_abs();
        if !small(self.inputs.lo) || !small(self.inputs.hi) {
            return fail("the input range is too large".into());
        }
        for (id, lut) in self.luts.iter().enumerate() {
            if lut.values.is_empty() || lut.values.len() > 4096 {
                return fail(format!("table {id} has {} values (1 to 4096)", lut.values.len()));
            }
            if !small(lut.lo) || !lut.values.iter().all(|value| small(*value)) {
                return fail(format!("table {id} holds a number beyond {MAX_MAGNITUDE}"));
            }
        }
        let terms = self
            .layers
            .iter()
            .flat_map(|l| &l.rows)
            .fold(0usize, |n, r| n.saturating_add(r.terms.len()));
        if self.wires() > MAX_WIRES || terms > MAX_TERMS || self.outputs.len() > MAX_OUTPUTS {
            return fail(format!(
                "larger than {MAX_WIRES} wires, {MAX_TERMS} terms or {MAX_OUTPUTS} outputs"
            ));
        }
        let mut defined = self.inputs.len as usize;
        for layer in &self.layers {
            let name = &layer.name;
            if layer.tables.len() > 1 && layer.tables.len() != layer.rows.len() {
                return fail(format!(
                    "layer {name}: {} tables for {} rows",
                    layer.tables.len(),
                    layer.rows.len()
                ));
            }
            if layer.tables.iter().any(|id| *id as usize >= self.luts.len()) {
                return fail(format!("layer {name}: a table does not exist"));
            }
            for (at, row) in layer.rows.iter().enumerate() {
                // Rows of one layer are computed together, so they may not feed each other.
                if row.terms.iter().any(|(wire, _)| *wire as usize >= defined) {
                    return fail(format!(
                        "layer {name}, row {at}: a wire is not defined before the layer"
                    ));
                }
                if !small(row.bias) || !row.terms.iter().all(|(_, weight)| small(*weight)) {
                    return fail(format!(
                        "layer {name}, row {at}: a number is beyond {MAX_MAGNITUDE}"
                    ));
                }
            }
            defined += layer.rows.len();
        }
        if self.outputs.iter().any(|wire| *wire as usize >= defined) {
            return fail("an output wire is not defined".into());
        }
        Ok(())
    }
}

/// Builds a [`Graph`] layer by layer.
///
/// ```
/// use zk_llm::ir::{GraphBuilder, Lut, Row};
/// let mut graph = GraphBuilder::new(4, -1, 1);
/// let sign = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
/// let x = graph.inputs();
/// let bit = graph.table_layer("bit", None, sign, [Row::new(0, x.map(|wire| (wire, 1)))]);
/// let graph = graph.finish(bit).unwrap();
/// assert_eq!(graph.wires(), 5);
/// ```
#[derive(Clone, Debug)]
pub struct GraphBuilder {
    graph: Graph,
    wires: Wire,
}

impl GraphBuilder {
    /// Starts a graph with `len` inputs in `lo..=hi` at the usual step.
    pub fn new(len: u32, lo: i32, hi: i32) -> Self {
        let inputs = Inputs {
            len,
            lo,
            hi,
            step: STEP,
        };
        let graph = Graph {
            version: GRAPH_VERSION,
            inputs,
            luts: vec![],
            layers: vec![],
            outputs: vec![],
        };
        Self { graph, wires: len }
    }

    /// The input wires.
    pub fn inputs(&self) -> Range<Wire> {
        0..self.graph.inputs.len
    }

    /// Registers a table, or finds the same one registered before.
    pub fn lut(&mut self, lut: Lut) -> LutId {
        let luts = &mut self.graph.luts;
        let at = luts.iter().position(|known| *known == lut).unwrap_or_else(|| {
            luts.push(lut);
            luts.len() - 1
        });
        at as LutId
    }

    /// Adds a leveled layer (no bootstraps) and returns its wires.
    pub fn linear_layer(
        &mut self,
        name: &str,
        head: Option<u16>,
        rows: impl IntoIterator<Item = Row>,
    ) -> Range<Wire> {
        self.push(name, head, vec![], rows.into_iter().collect())
    }

    /// Adds a layer with the table `lut` on every row and returns its wires.
    pub fn table_layer(
        &mut self,
        name: &str,
        head: Option<u16>,
        lut: LutId,
        rows: impl IntoIterator<Item = Row>,
    ) -> Range<Wire> {
        self.push(name, head, vec![lut], rows.into_iter().collect())
    }

    /// Adds a layer with a table for each row and returns its wires.
    pub fn tables_layer(
        &mut self,
        name: &str,
        head: Option<u16>,
        rows: impl IntoIterator<Item = (Row, LutId)>,
    ) -> Range<Wire> {
        let (rows, tables) = rows.into_iter().unzip();
        self.push(name, head, tables, rows)
    }

    fn push(&mut self, name: &str, head: Option<u16>, tables: Vec<LutId>, rows: Vec<Row>) -> Range<Wire> {
        let first = self.wires;
        self.wires += rows.len() as Wire;
        self.graph.layers.push(Layer {
            name: name.into(),
            head,
            tables,
            rows,
        });
        first..self.wires
    }

    /// Names the outputs and checks the graph.
    ///
    /// # Errors
    /// As [`Graph::validate`].
    pub fn finish(mut self, outputs: impl IntoIterator<Item = Wire>) -> Result<Graph> {
        self.graph.outputs = outputs.into_iter().collect();
        self.graph.validate()?;
        Ok(self.graph)
    }
}
