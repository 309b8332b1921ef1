//! Evaluates a circuit on ciphertexts.
//!
//! Sums are wrapping arithmetic on ciphertexts; each table is the library's own keyswitch, centred
//! modulus switch and bootstrap. Results do not depend on the number of threads or on their order.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use tfhe::core_crypto::algorithms::slice_algorithms::slice_wrapping_add_scalar_mul_assign;
use tfhe::core_crypto::prelude::{CiphertextModulus, GlweCiphertext, LweCiphertext};
use tfhe::shortint::atomic_pattern::AtomicPattern;
use tfhe::shortint::ciphertext::{Degree, NoiseLevel};
use tfhe::shortint::server_key::LookupTable;
use tfhe::shortint::Ciphertext;

use crate::compile::{Circuit, EncodedLut, Sum, TableOp};
use crate::error::{Error, Result};
use crate::keys::ServerKey;
use crate::model::Model;
use crate::params::ParameterSet;
use crate::wire;

/// Called after every table with the number done, the number in all, and the layer's name.
pub type Progress<'a> = &'a (dyn Fn(u64, u64, &str) + Sync);

/// How to evaluate.
#[derive(Clone, Copy, Default)]
pub struct Evaluation<'a> {
    /// Told of every finished table; must be quick.
    pub progress: Option<Progress<'a>>,
    /// Set to stop the evaluation at the next table.
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
    let set = circuit.parameter_set();
    if key.parameter_set() != set {
        return Err(Error::Key("of another parameter set than the model".into()));
    }
    let list = wire::decode_input(input, circuit.interface(), set)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(evaluation.threads)
        .build()
        .map_err(|e| Error::Threads(e.to_string()))?;
    pool.install(|| {
        let size = set.lwe_dimension() + 1;
        let inputs = list.par_decompress_into_lwe_ciphertext_list().into_container();
        let sources = inputs
            .chunks_exact(size)
            .map(|ciphertext| Some(ciphertext.to_vec()))
            .collect();
        drop(inputs);
        let outputs = Run {
            circuit,
            key,
            evaluation,
            done: AtomicU64::new(0),
        }
        .run(sources)?;
        Ok(wire::encode_output(&outputs, circuit.interface(), set))
    })
}

struct Run<'a> {
    circuit: &'a Circuit,
    key: &'a ServerKey,
    evaluation: &'a Evaluation<'a>,
    done: AtomicU64,
}

/// Ciphertexts of the sources; those that nothing reads any more are dropped.
type Sources = Vec<Option<Vec<u64>>>;

impl Run<'_> {
    fn run(&self, mut sources: Sources) -> Result<Vec<Vec<u64>>> {
        let circuit = self.circuit;
        let polynomials: Vec<TestPolynomial> = circuit
            .encoded
            .iter()
            .map(|lut| TestPolynomial::new(lut, circuit.parameter_set()))
            .collect();
        sources.reserve(circuit.tables.len());
        for (wave, dead) in circuit.waves.iter().zip(&circuit.dead_after) {
            let results = circuit.tables[wave.clone()]
                .par_iter()
                .with_max_len(1)
                .map(|op| self.table(op, &polynomials, &sources).map(Some))
                .collect::<Result<Sources>>()?;
            sources.extend(results);
            for source in dead {
                sources[*source as usize] = None;
            }
        }
        circuit
            .outputs
            .iter()
            .map(|output| self.sum(output, &sources))
            .collect()
    }

    fn table(&self, op: &TableOp, polynomials: &[TestPolynomial], sources: &Sources) -> Result<Vec<u64>> {
        if self
            .evaluation
            .cancel
            .is_some_and(|cancel| cancel.load(Ordering::Relaxed))
        {
            return Err(Error::Cancelled);
        }
        let polynomial = &polynomials[op.encoded as usize];
        let key = &self.key.key;
        // The degree only steers checks of the integer layer, which is not used here.
        let mut ciphertext = Ciphertext::new(
            LweCiphertext::from_container(self.sum(&op.argument, sources)?, CiphertextModulus::new_native()),
            Degree::new(0),
            NoiseLevel::NOMINAL,
            key.message_modulus,
            key.carry_modulus,
            key.atomic_pattern.kind(),
        );
        key.atomic_pattern
            .apply_lookup_table_assign(&mut ciphertext, &polynomial.table);
        let mut result = ciphertext.ct.into_container();
        add_to_body(&mut result, polynomial.offset);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(progress) = self.evaluation.progress {
            let layer = &self.circuit.report().layers[op.layer as usize];
            progress(done, self.circuit.bootstraps(), &layer.name);
        }
        Ok(result)
    }

    fn sum(&self, sum: &Sum, sources: &Sources) -> Result<Vec<u64>> {
        let mut result = vec![0u64; self.circuit.parameter_set().lwe_dimension() + 1];
        for (source, weight) in self.circuit.terms(sum) {
            let ciphertext = sources.get(*source as usize).and_then(Option::as_ref);
            let ciphertext =
                ciphertext.ok_or_else(|| Error::Graph("a source is read before it exists".into()))?;
            slice_wrapping_add_scalar_mul_assign(&mut result, ciphertext, i64::from(*weight) as u64);
        }
        add_to_body(
            &mut result,
            (i64::from(sum.bias) as u64) << (64 - u32::from(sum.step)),
        );
        Ok(result)
    }
}

fn add_to_body(ciphertext: &mut [u64], plaintext: u64) {
    if let Some(body) = ciphertext.last_mut() {
        *body = body.wrapping_add(plaintext);
    }
}

/// A table as the polynomial that a bootstrap rotates, and the plaintext to add to its result.
struct TestPolynomial {
    table: LookupTable<Vec<u64>>,
    offset: u64,
}

impl TestPolynomial {
    fn new(lut: &EncodedLut, set: &ParameterSet) -> Self {
        let (degree, size) = (set.tfhe.polynomial_size, set.tfhe.glwe_dimension.to_glwe_size());
        let half_step = 63 - u32::from(lut.step);
        let encode = |value: i64| (value as u64) << half_step;
        let mut acc = GlweCiphertext::new(0u64, size, degree, CiphertextModulus::new_native());
        let cell = degree.0 / lut.cells.len();
        let mut body = acc.get_mut_body();
        let body = body.as_mut();
        for (coefficients, value) in body.chunks_exact_mut(cell).zip(&lut.cells) {
            coefficients.fill(encode(*value));
        }
        // Centre every cell on its position; what moves past the end comes back negated.
        body[..cell / 2].iter_mut().for_each(|x| *x = x.wrapping_neg());
        body.rotate_left(cell / 2);
        Self {
            table: LookupTable {
                acc,
                degree: Degree::new(0),
            },
            offset: encode(lut.offset),
        }
    }
}
