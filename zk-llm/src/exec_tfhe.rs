//! Evaluates a circuit on ciphertexts.
//!
//! Sums are wrapping arithmetic on ciphertexts; each table is a keyswitch, a centred modulus switch and a
//! bootstrap ([`crate::bootstrap`]). On the cores results do not depend on the number of threads, on batches or on order.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use tfhe::core_crypto::algorithms::slice_algorithms::slice_wrapping_add_scalar_mul_assign;

use crate::bootstrap::{Bootstrapper, TestPolynomial, BATCH};
use crate::compile::{Circuit, Sum, TableOp};
use crate::error::{Error, Result};
use crate::exact::ExactKey;
use crate::keys::ServerKey;
use crate::model::Model;
use crate::params::ParameterSet;
use crate::trace;
use crate::wire;

/// Told after every batch of tables how many are done, how many there are, and the name of a layer at work.
pub type Progress<'a> = &'a (dyn Fn(u64, u64, &str) + Sync);

/// How to evaluate.
#[derive(Clone, Copy, Default)]
pub struct Evaluation<'a> {
    /// Called from the worker threads, so it must be quick.
    pub progress: Option<Progress<'a>>,
    /// Set to stop the evaluation before the next batch: within about a tenth of a second.
    pub cancel: Option<&'a AtomicBool>,
    /// Worker threads; 0 for one a core.
    pub threads: usize,
}

/// Evaluates a model on encrypted inputs.
///
/// # Errors
/// [`Error::Size`] or [`Error::Ciphertext`] if the input is not one of the model; [`Error::Key`] if the key is
/// of another parameter set; [`Error::Cancelled`]; [`Error::Threads`].
pub fn evaluate(
    model: &Model,
    key: &ServerKey,
    input: &[u8],
    evaluation: &Evaluation<'_>,
) -> Result<Vec<u8>> {
    evaluate_circuit(model.circuit(), key, input, evaluation)
}

/// As [`evaluate`], for any circuit.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_circuit(
    circuit: &Circuit,
    key: &ServerKey,
    input: &[u8],
    evaluation: &Evaluation<'_>,
) -> Result<Vec<u8>> {
    check_set(circuit, key.parameter_set())?;
    run(circuit, Bootstrapper::new(key)?, input, evaluation, None)
}

/// As [`evaluate`], with bootstraps in integers, whose results go to `trace` in their order. Returns the output and the
/// root of the hash tree over the trace, by which [`crate::Audit`] holds every part of it against the model.
///
/// Output, trace and root are functions of model, key and input: every machine gives the same bytes.
///
/// # Errors
/// As [`evaluate`]; [`Error::Trace`] if it cannot be written.
pub fn evaluate_traced(
    model: &Model,
    key: &ExactKey,
    input: &[u8],
    evaluation: &Evaluation<'_>,
    trace: &mut (dyn Write + Send),
) -> Result<(Vec<u8>, trace::Hash)> {
    evaluate_circuit_traced(model.circuit(), key, input, evaluation, trace)
}

/// As [`evaluate_traced`], for any circuit.
///
/// # Errors
/// As [`evaluate_traced`].
pub fn evaluate_circuit_traced(
    circuit: &Circuit,
    key: &ExactKey,
    input: &[u8],
    evaluation: &Evaluation<'_>,
    trace: &mut (dyn Write + Send),
) -> Result<(Vec<u8>, trace::Hash)> {
    check_set(circuit, key.parameter_set())?;
    let mut writer = trace::Writer::new(trace);
    let output = run(
        circuit,
        Bootstrapper::exact(key),
        input,
        evaluation,
        Some(&mut writer),
    )?;
    Ok((output, writer.finish()?))
}

/// That a key is of the circuit's parameter set.
pub(crate) fn check_set(circuit: &Circuit, set: &ParameterSet) -> Result<()> {
    match set == circuit.parameter_set() {
        true => Ok(()),
        false => Err(Error::Key("of another parameter set than the model".into())),
    }
}

fn run(
    circuit: &Circuit,
    key: Bootstrapper<'_>,
    input: &[u8],
    evaluation: &Evaluation<'_>,
    trace: Option<&mut trace::Writer<'_>>,
) -> Result<Vec<u8>> {
    let run = Run {
        circuit,
        key,
        evaluation,
        done: AtomicU64::new(0),
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(evaluation.threads)
        .build()
        .map_err(|e| Error::Threads(e.to_string()))?;
    pool.install(|| {
        let outputs = run.run(inputs(circuit, input)?, trace)?;
        Ok(wire::encode_output(
            &outputs,
            circuit.interface(),
            circuit.parameter_set(),
        ))
    })
}

/// The circuit's inputs, the first of its sources.
pub(crate) fn inputs(circuit: &Circuit, input: &[u8]) -> Result<Sources> {
    let set = circuit.parameter_set();
    let list = wire::decode_input(input, circuit.interface(), set)?;
    let inputs = list.par_decompress_into_lwe_ciphertext_list().into_container();
    let each = inputs.chunks_exact(set.lwe_dimension() + 1);
    Ok(each.map(|ciphertext| Some(ciphertext.to_vec())).collect())
}

/// The ciphertext of a sum over sources.
pub(crate) fn sum(circuit: &Circuit, sum: &Sum, sources: &Sources) -> Result<Vec<u64>> {
    let mut result = vec![0u64; circuit.parameter_set().lwe_dimension() + 1];
    for (source, weight) in circuit.terms(sum) {
        let ciphertext = sources.get(*source as usize).and_then(Option::as_ref);
        let ciphertext =
            ciphertext.ok_or_else(|| Error::Graph("a source is read before it exists".into()))?;
        slice_wrapping_add_scalar_mul_assign(&mut result, ciphertext, i64::from(*weight) as u64);
    }
    if let Some(body) = result.last_mut() {
        *body = body.wrapping_add((i64::from(sum.bias) as u64) << (64 - u32::from(sum.step)));
    }
    Ok(result)
}

struct Run<'a> {
    circuit: &'a Circuit,
    key: Bootstrapper<'a>,
    evaluation: &'a Evaluation<'a>,
    done: AtomicU64,
}

/// Ciphertexts of the sources; those that nothing reads any more are dropped.
pub(crate) type Sources = Vec<Option<Vec<u64>>>;

impl Run<'_> {
    fn run(&self, mut sources: Sources, mut trace: Option<&mut trace::Writer<'_>>) -> Result<Vec<Vec<u64>>> {
        let circuit = self.circuit;
        let polynomials = TestPolynomial::all(circuit);
        sources.reserve(circuit.tables.len());
        for (wave, dead) in circuit.waves.iter().zip(&circuit.dead_after) {
            let batches = self.key.batches(wave.clone()).into_par_iter();
            let results = batches
                .with_max_len(1)
                .map(|batch| self.batch(&circuit.tables[batch], &polynomials, &sources))
                .collect::<Result<Vec<_>>>()?;
            for result in results.into_iter().flatten() {
                if let Some(trace) = &mut trace {
                    trace.push(&result)?;
                }
                sources.push(Some(result));
            }
            for source in dead {
                sources[*source as usize] = None;
            }
        }
        circuit
            .outputs
            .iter()
            .map(|output| sum(circuit, output, &sources))
            .collect()
    }

    fn batch(
        &self,
        ops: &[TableOp],
        polynomials: &[TestPolynomial],
        sources: &Sources,
    ) -> Result<Vec<Vec<u64>>> {
        if self
            .evaluation
            .cancel
            .is_some_and(|cancel| cancel.load(Ordering::Relaxed))
        {
            return Err(Error::Cancelled);
        }
        let arguments = ops
            .par_iter()
            .with_min_len(BATCH)
            .map(|op| sum(self.circuit, &op.argument, sources))
            .collect::<Result<Vec<_>>>()?;
        let tables: Vec<&TestPolynomial> = ops.iter().map(|op| &polynomials[op.encoded as usize]).collect();
        let results = self.key.apply(&arguments, &tables);
        let done = self.done.fetch_add(ops.len() as u64, Ordering::Relaxed) + ops.len() as u64;
        if let (Some(progress), Some(op)) = (self.evaluation.progress, ops.last()) {
            let layer = &self.circuit.report().layers[op.layer as usize];
            progress(done, self.circuit.bootstraps(), &layer.name);
        }
        Ok(results)
    }
}
