//! Traced evaluations, and audits that catch what does not follow from the model.

use std::io::Cursor;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tfhe::core_crypto::prelude::{decrypt_lwe_ciphertext, CiphertextModulus, LweCiphertext};

use super::{alone, keys, random_graph};
use crate::audit::Audit;
use crate::compile::Circuit;
use crate::error::Error;
use crate::exact::ExactKey;
use crate::exec_clear::run_graph;
use crate::exec_tfhe::{evaluate_circuit_traced, inputs, Evaluation};
use crate::ir::{Graph, GraphBuilder, Lut, Row};
use crate::noise::NoiseModel;
use crate::params::ParameterSet;
use crate::trace::{self, openings, Hash};

/// What a traced job leaves.
struct Traced {
    circuit: Circuit,
    key: ExactKey,
    input: Vec<u8>,
    output: Vec<u8>,
    root: Hash,
    trace: Vec<u8>,
}

impl Traced {
    fn new(graph: &Graph, values: &[i32], threads: usize) -> Self {
        let set = ParameterSet::default();
        let circuit = graph.compile(&set).unwrap();
        let input = keys().client.encrypt_values(circuit.interface(), values).unwrap();
        let key = ExactKey::from_bytes(&keys().evaluation, &set).unwrap();
        Self::again(circuit, key, input, threads)
    }

    fn again(circuit: Circuit, key: ExactKey, input: Vec<u8>, threads: usize) -> Self {
        let how = Evaluation {
            threads,
            ..Evaluation::default()
        };
        let mut trace = Vec::new();
        let (output, root) = evaluate_circuit_traced(&circuit, &key, &input, &how, &mut trace).unwrap();
        Self {
            circuit,
            key,
            input,
            output,
            root,
            trace,
        }
    }

    fn open(&self, audit: &Audit) -> Vec<u8> {
        openings(&mut Cursor::new(&self.trace), &self.circuit, audit.tables()).unwrap()
    }

    fn check(&self, audit: &Audit, openings: &[u8]) -> Result<(), Error> {
        audit.check(
            &self.circuit,
            &self.key,
            &self.input,
            &self.output,
            &self.root,
            openings,
        )
    }

    fn audited(&self, count: u32, seed: u64) -> Result<(), Error> {
        let audit = Audit::draw(&self.circuit, count, &mut ChaCha8Rng::seed_from_u64(seed));
        self.check(&audit, &self.open(&audit))
    }

    /// Commits to other results: those that `change` makes of each number and ciphertext.
    fn cheat(&mut self, change: impl Fn(usize, &mut [u64])) {
        let size = 8 * (ParameterSet::default().lwe_dimension() + 1);
        let old = std::mem::take(&mut self.trace);
        let mut writer = trace::Writer::new(&mut self.trace);
        for (at, bytes) in old.chunks_exact(size).take(self.circuit.tables.len()).enumerate() {
            let read = |x: &[u8]| u64::from_le_bytes(x.try_into().unwrap());
            let mut ciphertext: Vec<u64> = bytes.chunks_exact(8).map(read).collect();
            change(at, &mut ciphertext);
            writer.push(&ciphertext).unwrap();
        }
        self.root = writer.finish().unwrap();
    }
}

fn values(graph: &Graph, rng: &mut impl Rng) -> Vec<i32> {
    let inputs = &graph.inputs;
    (0..inputs.len)
        .map(|_| rng.gen_range(inputs.lo..=inputs.hi))
        .collect()
}

fn refused(outcome: Result<(), Error>, why: &str) {
    let error = outcome.unwrap_err();
    assert!(matches!(error, Error::Audit(_) | Error::Size { .. }), "{error:?}");
    assert!(error.to_string().contains(why), "{error} lacks {why}");
}

#[test]
fn traced_answers_are_the_oracles_and_audits_of_them_pass() {
    let _alone = alone();
    let mut rng = ChaCha8Rng::seed_from_u64(31);
    for round in 0..3 {
        let graph = random_graph(&mut rng, 6);
        let clear = values(&graph, &mut rng);
        let traced = Traced::new(&graph, &clear, 0);
        let interface = traced.circuit.interface();
        let decrypted = keys().client.decrypt_values(interface, &traced.output).unwrap();
        assert_eq!(decrypted, run_graph(&graph, &clear).unwrap());
        let bootstraps = traced.circuit.bootstraps();
        let set = ParameterSet::default();
        assert_eq!(traced.trace.len() as u64, trace::trace_bytes(bootstraps, &set));
        for count in [1, 3, u32::MAX] {
            let audit = Audit::draw(&traced.circuit, count, &mut rng);
            assert_eq!(u64::from(audit.drawn()), u64::from(count).min(bootstraps));
            let openings = traced.open(&audit);
            let each = trace::opening_bytes(bootstraps, &set);
            assert_eq!(openings.len() as u64, each * audit.tables().len() as u64);
            traced
                .check(&audit, &openings)
                .unwrap_or_else(|error| panic!("{round}: {error}"));
        }
    }
}

#[test]
fn output_trace_and_root_depend_on_key_and_input_alone() {
    let _alone = alone();
    let mut rng = ChaCha8Rng::seed_from_u64(32);
    let graph = random_graph(&mut rng, 9);
    let one = Traced::new(&graph, &values(&graph, &mut rng), 1);
    let key = ExactKey::from_bytes(&keys().evaluation, &ParameterSet::default()).unwrap();
    let other = Traced::again(one.circuit.clone(), key, one.input.clone(), 2);
    assert!(one.output == other.output && one.root == other.root && one.trace == other.trace);
}

#[test]
fn draws_are_different_bootstraps_and_narrow_layers_are_looked_at() {
    let mut rng = ChaCha8Rng::seed_from_u64(36);
    let mut graph = GraphBuilder::new(200, -1, 1);
    let sign = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
    let both = graph.lut(Lut::new(0..=2, |x| i32::from(x == 2)));
    let rows = (0..200).map(|at| Row::new(0, [(at, 1)]));
    let wide: Vec<u32> = graph.table_layer("wide", None, sign, rows).collect();
    let pairs = wide
        .chunks(2)
        .take(2)
        .map(|pair| Row::new(0, pair.iter().map(|at| (*at, 1))));
    let narrow = graph.table_layer("narrow", None, both, pairs);
    let outputs = wide.into_iter().chain(narrow);
    let circuit = graph
        .finish(outputs)
        .unwrap()
        .compile(&ParameterSet::default())
        .unwrap();
    let all = circuit.bootstraps() as u32;
    let narrow: Vec<u32> = (0..all)
        .filter(|table| circuit.tables[*table as usize].layer == 1)
        .collect();
    assert_eq!((all, narrow.len()), (202, 2));
    let mut seen = 0;
    for count in 0..=all + 1 {
        let audit = Audit::draw(&circuit, count, &mut rng);
        assert_eq!(audit.drawn(), count.min(all));
        assert!(audit.tables().is_sorted_by(|a, b| a < b));
        seen += u32::from(count >= 8 && narrow.iter().any(|table| audit.draws(*table)));
    }
    // Uniform draws alone would see either of two in two hundred in about half of the cases.
    assert!(f64::from(seen) > 0.9 * f64::from(all - 8), "{seen} of {all}");
}

#[test]
fn every_wrong_bootstrap_that_is_drawn_is_found() {
    let _alone = alone();
    let mut rng = ChaCha8Rng::seed_from_u64(33);
    let graph = random_graph(&mut rng, 6);
    let clear = values(&graph, &mut rng);
    let honest = Traced::new(&graph, &clear, 0);
    // The least change there is, of a coefficient that no output keeps.
    let last = honest.circuit.tables.len() - 1;
    for wrong in [0, 1, last] {
        let mut traced = Traced::new(&graph, &clear, 0);
        traced.cheat(|at, ciphertext| ciphertext[7] ^= u64::from(at == wrong));
        refused(traced.audited(u32::MAX, 1), "does not follow");
    }
    // Heads that are skipped: results that are constants, encrypted or not.
    let mut skipped = Traced::new(&graph, &clear, 0);
    skipped.cheat(|_, ciphertext| ciphertext.fill(0));
    refused(skipped.audited(1, 2), "does not follow");
}

#[test]
fn what_is_not_of_this_job_is_refused() {
    let _alone = alone();
    let mut rng = ChaCha8Rng::seed_from_u64(34);
    let graph = random_graph(&mut rng, 6);
    let clear = values(&graph, &mut rng);
    let mut traced = Traced::new(&graph, &clear, 0);
    let audit = Audit::draw(&traced.circuit, 2, &mut rng);
    let openings = traced.open(&audit);
    traced.check(&audit, &openings).unwrap();

    // A replay: the trace and output of another input of the same text.
    let other = Traced::new(&graph, &clear, 0);
    refused(traced.check(&audit, &other.open(&audit)), "commits to");
    let input = std::mem::replace(&mut traced.input, other.input.clone());
    refused(traced.audited(u32::MAX, 4), "does not follow");
    traced.input = input;

    // Another output under the right trace.
    let output = std::mem::replace(&mut traced.output, other.output.clone());
    refused(traced.check(&audit, &openings), "output does not follow");
    traced.output = output;

    // Every part of an opening counts: first and last coefficient, first and last hash.
    let each = openings.len() / audit.tables().len();
    for at in [0, 16_391, 16_392, each - 1, openings.len() - 1] {
        let mut bytes = openings.clone();
        bytes[at] ^= 1;
        refused(traced.check(&audit, &bytes), "commits to");
    }
    for bytes in [&openings[1..], &[], &[&openings[..], &[0]].concat()] {
        refused(traced.check(&audit, bytes), "openings");
    }
}

#[test]
fn a_trace_in_floating_point_is_no_trace() {
    let _alone = alone();
    // A bootstrap's result by the library is another ciphertext of the same value.
    let mut graph = GraphBuilder::new(4, -1, 1);
    let lut = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
    let out = graph.table_layer("bits", None, lut, (0..4).map(|at| Row::new(0, [(at, 1)])));
    let graph = graph.finish(out).unwrap();
    let mut traced = Traced::new(&graph, &[1, 0, -1, 1], 0);
    let bootstrapper = crate::bootstrap::Bootstrapper::new(&keys().server).unwrap();
    let polynomials = crate::bootstrap::TestPolynomial::all(&traced.circuit);
    let sources: Vec<Vec<u64>> = inputs(&traced.circuit, &traced.input)
        .unwrap()
        .into_iter()
        .flatten()
        .collect();
    let float = bootstrapper.apply(&sources, &[&polynomials[0]; 4]);
    let exact = traced.trace.clone();
    traced.cheat(|at, ciphertext| ciphertext.copy_from_slice(&float[at]));
    assert_ne!(traced.trace, exact);
    refused(traced.audited(1, 3), "does not follow");
}

#[test]
fn numbers_out_of_order_or_range_are_not_opened() {
    let _alone = alone();
    let mut rng = ChaCha8Rng::seed_from_u64(35);
    let graph = random_graph(&mut rng, 4);
    let traced = Traced::new(&graph, &values(&graph, &mut rng), 0);
    let beyond = traced.circuit.bootstraps() as u32;
    for tables in [vec![1, 0], vec![1, 1], vec![beyond], vec![0, u32::MAX]] {
        let error = openings(&mut Cursor::new(&traced.trace), &traced.circuit, &tables).unwrap_err();
        assert!(matches!(error, Error::Audit(_)), "{tables:?}");
    }
    let cut = &traced.trace[..traced.trace.len() - 1];
    let error = openings(&mut Cursor::new(cut), &traced.circuit, &[0]).unwrap_err();
    assert!(matches!(error, Error::Trace(_)));
}

#[test]
fn exact_bootstraps_have_no_more_noise_than_the_model_says() {
    let _alone = alone();
    let set = ParameterSet::default();
    let mut graph = GraphBuilder::new(256, -1, 1);
    let lut = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
    let out = graph.table_layer("bits", None, lut, (0..256).map(|at| Row::new(0, [(at, 1)])));
    let graph = graph.finish(out).unwrap();
    let traced = Traced::new(&graph, &[1; 256], 0);
    let step = 64 - u32::from(traced.circuit.interface().outputs[0].step);
    let secret = keys().client.ring_key();
    let results = traced.trace.chunks_exact(8 * (set.lwe_dimension() + 1)).take(256);
    let errors = results.map(|bytes| {
        let read = |x: &[u8]| u64::from_le_bytes(x.try_into().unwrap());
        let ciphertext: Vec<u64> = bytes.chunks_exact(8).map(read).collect();
        let ciphertext = LweCiphertext::from_container(ciphertext, CiphertextModulus::new_native());
        let phase = decrypt_lwe_ciphertext(&secret, &ciphertext).0;
        // What is left of the nearest multiple of the table's step.
        let error = phase.wrapping_add(1 << (step - 1)) % (1 << step);
        (error as f64 - 2f64.powi(step as i32 - 1)) / 2f64.powi(64)
    });
    let variance = errors.map(|e| e * e).sum::<f64>() / 256.0;
    let ratio = variance / NoiseModel::new(&set).bootstrapped;
    // The model is the library's, for floating point. 256 samples: a chi-square share further off is rarer than one in a
    // million.
    assert!(
        (0.4..1.6).contains(&ratio),
        "measured over predicted variance {ratio}"
    );
}
