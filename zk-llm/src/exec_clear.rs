//! The integer oracle: what an encrypted evaluation must decrypt to, computed in clear.
//!
//! It applies the graph's own tables to exact integers and knows nothing of their encoding, so that
//! agreement with [`crate::exec_tfhe`] is evidence for both.

use crate::compile::{Circuit, Sum};
use crate::error::{Error, Result};
use crate::ir::Graph;
use crate::logits::Logits;
use crate::wire::Prompt;

/// Runs a circuit on a prompt.
///
/// # Errors
/// [`Error::Prompt`] if the prompt has the wrong length or a value out of range.
pub fn run(circuit: &Circuit, prompt: &Prompt) -> Result<Logits> {
    let values: Vec<i32> = prompt.values.iter().map(|x| i32::from(*x)).collect();
    run_circuit(circuit, &values).map(Logits)
}

/// Runs a circuit on integers.
///
/// # Errors
/// As [`run`].
pub fn run_circuit(circuit: &Circuit, inputs: &[i32]) -> Result<Vec<i32>> {
    let shape = &circuit.interface.inputs;
    check(inputs, shape.len, shape.lo, shape.hi)?;
    let mut sources = inputs.to_vec();
    sources.reserve(circuit.tables.len());
    let outside = || Error::Graph("an argument is outside of its table".into());
    let sum = |sources: &[i32], sum: &Sum| -> Result<i32> {
        let term = |(source, weight): &(u32, i32)| i64::from(*weight) * i64::from(sources[*source as usize]);
        let total = circuit.terms(sum).iter().map(term).sum::<i64>() + i64::from(sum.bias);
        i32::try_from(total).map_err(|_| outside())
    };
    for op in &circuit.tables {
        let argument = sum(&sources, &op.argument)?;
        let value = circuit.luts[op.lut as usize].get(argument);
        sources.push(value.ok_or_else(outside)?);
    }
    circuit
        .outputs
        .iter()
        .map(|output| sum(&sources, output))
        .collect()
}

/// Runs a graph as it is written, whether or not it can be compiled.
///
/// # Errors
/// [`Error::Graph`] if the graph is malformed or an argument is outside of its table;
/// [`Error::Prompt`] as [`run`].
pub fn run_graph(graph: &Graph, inputs: &[i32]) -> Result<Vec<i32>> {
    graph.validate()?;
    check(inputs, graph.inputs.len, graph.inputs.lo, graph.inputs.hi)?;
    let mut wires: Vec<i64> = inputs.iter().map(|x| i64::from(*x)).collect();
    for layer in &graph.layers {
        let mut results = Vec::with_capacity(layer.rows.len());
        for (at, row) in layer.rows.iter().enumerate() {
            let overflow = || Error::Graph(format!("layer {}, row {at}: overflow", layer.name));
            let sum = row
                .terms
                .iter()
                .try_fold(i64::from(row.bias), |acc, (wire, weight)| {
                    acc.checked_add(wires.get(*wire as usize)?.checked_mul(i64::from(*weight))?)
                });
            let sum = sum.ok_or_else(overflow)?;
            results.push(match layer.table(at) {
                None => sum,
                Some(id) => {
                    let lut = graph.luts.get(id as usize).ok_or_else(overflow)?;
                    let value = i32::try_from(sum).ok().and_then(|x| lut.get(x));
                    i64::from(value.ok_or_else(|| {
                        Error::Graph(format!(
                            "layer {}, row {at}: {sum} is outside of its table",
                            layer.name
                        ))
                    })?)
                }
            });
        }
        wires.extend(results);
    }
    let outputs = graph.outputs.iter().map(|wire| {
        let value = wires.get(*wire as usize).and_then(|x| i32::try_from(*x).ok());
        value.ok_or_else(|| Error::Graph("an output overflows".into()))
    });
    outputs.collect()
}

fn check(inputs: &[i32], len: u32, lo: i32, hi: i32) -> Result<()> {
    if inputs.len() != len as usize {
        return Err(Error::Prompt(format!("{} values for {len} inputs", inputs.len())));
    }
    if inputs.iter().any(|x| !(lo..=hi).contains(x)) {
        return Err(Error::Prompt(format!("a value is outside of {lo}..={hi}")));
    }
    Ok(())
}
