//! Audits: some bootstraps of a traced evaluation, drawn after the miner committed to all of them, are computed again.
//!
//! Whoever audits has the evaluation key, input, output, model and receipt, none of them secret. What is drawn, what it
//! reads, and what the output is made of are opened; sums and bootstraps have to give the opened bytes, and the output its
//! own.
//!
//! Half of the draws are uniform over the bootstraps, half over layers first, as one narrow layer that is wrong can decide
//! the answer and make all that follows cheap and right. A miner that got a share `e` of the bootstraps wrong, among them
//! all of one of `l` layers, escapes `n` draws with probability at most `(1 - e)^(n/2) (1 - 1/l)^(n/2)`; one that got a
//! share `e` of every layer wrong with `(1 - e)^n`.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::index::sample;
use rand::Rng;
use rayon::prelude::*;

use crate::bootstrap::{Bootstrapper, TestPolynomial, BATCH};
use crate::compile::{Circuit, Sum};
use crate::error::{Error, Result};
use crate::exact::ExactKey;
use crate::exec_tfhe::{check_set, inputs, sum, Sources};
use crate::trace::{opened, Hash};
use crate::wire;

/// Some bootstraps of a circuit, to be computed again.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Ascending.
    drawn: Vec<u32>,
    /// Those, what they read and what outputs read; ascending.
    tables: Vec<u32>,
}

impl Audit {
    /// Draws so many bootstraps (all, if there are fewer): one half with the same chance for each, the other with the same
    /// chance for each layer that has any left.
    pub fn draw(circuit: &Circuit, count: u32, rng: &mut impl Rng) -> Self {
        let all = circuit.tables.len();
        let count = (count as usize).min(all);
        let mut drawn: BTreeSet<u32> = sample(rng, all, count.div_ceil(2))
            .into_iter()
            .map(|table| table as u32)
            .collect();
        let mut layers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (table, op) in circuit.tables.iter().enumerate() {
            if !drawn.contains(&(table as u32)) {
                layers.entry(op.layer).or_default().push(table as u32);
            }
        }
        let mut layers: Vec<Vec<u32>> = layers.into_values().collect();
        while drawn.len() < count {
            let layer = rng.gen_range(0..layers.len());
            let left = &mut layers[layer];
            drawn.insert(left.swap_remove(rng.gen_range(0..left.len())));
            if left.is_empty() {
                layers.swap_remove(layer);
            }
        }
        let drawn: Vec<u32> = drawn.into_iter().collect();
        let arguments = drawn
            .iter()
            .map(|table| &circuit.tables[*table as usize].argument);
        let read = arguments
            .chain(&circuit.outputs)
            .flat_map(|sum| tables_of(circuit, sum));
        let tables: BTreeSet<u32> = read.chain(drawn.iter().copied()).collect();
        Self {
            drawn,
            tables: tables.into_iter().collect(),
        }
    }

    /// Bootstraps that the miner has to open, ascending.
    pub fn tables(&self) -> &[u32] {
        &self.tables
    }

    /// Bootstraps that are computed again.
    pub fn drawn(&self) -> u32 {
        self.drawn.len() as u32
    }

    #[cfg(test)]
    pub(crate) fn draws(&self, table: u32) -> bool {
        self.drawn.binary_search(&table).is_ok()
    }

    /// Holds the openings of [`Audit::tables`] against the receipt's root, the model, the input and the output.
    ///
    /// # Errors
    /// [`Error::Audit`] naming what is wrong; [`Error::Size`], [`Error::Ciphertext`] or [`Error::Key`] if an argument is
    /// not of this circuit.
    pub fn check(
        &self,
        circuit: &Circuit,
        key: &ExactKey,
        input: &[u8],
        output: &[u8],
        root: &Hash,
        openings: &[u8],
    ) -> Result<()> {
        check_set(circuit, key.parameter_set())?;
        let mut sources = inputs(circuit, input)?;
        let first = sources.len();
        sources.resize(first + circuit.tables.len(), None);
        for (table, ciphertext) in opened(circuit, root, &self.tables, openings)? {
            sources[first + table as usize] = Some(ciphertext);
        }
        let outputs = circuit
            .outputs
            .iter()
            .map(|output| sum(circuit, output, &sources));
        let outputs = outputs.collect::<Result<Vec<_>>>()?;
        if wire::encode_output(&outputs, circuit.interface(), circuit.parameter_set()) != output {
            return Err(Error::Audit("the output does not follow from the trace".into()));
        }
        let (bootstrapper, polynomials) = (Bootstrapper::exact(key), TestPolynomial::all(circuit));
        let wrong = self.drawn.par_chunks(BATCH).map(|drawn| {
            let results = again(circuit, &bootstrapper, &polynomials, drawn, &sources)?;
            let mut pairs = drawn.iter().zip(results);
            let wrong =
                pairs.find(|(table, result)| sources[first + **table as usize].as_ref() != Some(result));
            Ok(wrong.map(|(table, _)| *table))
        });
        match wrong.collect::<Result<Vec<_>>>()?.into_iter().flatten().next() {
            None => Ok(()),
            Some(table) => {
                let layer = &circuit.report.layers[circuit.tables[table as usize].layer as usize].name;
                Err(Error::Audit(format!(
                    "bootstrap {table}, of layer {layer}, does not follow from what it reads"
                )))
            }
        }
    }
}

/// Computes bootstraps from the sources.
fn again(
    circuit: &Circuit,
    bootstrapper: &Bootstrapper<'_>,
    polynomials: &[TestPolynomial],
    tables: &[u32],
    sources: &Sources,
) -> Result<Vec<Vec<u64>>> {
    let ops = || tables.iter().map(|table| &circuit.tables[*table as usize]);
    let arguments = ops().map(|op| sum(circuit, &op.argument, sources));
    let arguments = arguments.collect::<Result<Vec<_>>>()?;
    let polynomials: Vec<_> = ops().map(|op| &polynomials[op.encoded as usize]).collect();
    Ok(bootstrapper.apply(&arguments, &polynomials))
}

/// The tables among a sum's sources.
fn tables_of<'c>(circuit: &'c Circuit, sum: &Sum) -> impl Iterator<Item = u32> + 'c {
    let inputs = circuit.interface.inputs.len;
    let terms = circuit.terms(sum).iter();
    terms.filter_map(move |(source, _)| source.checked_sub(inputs))
}
