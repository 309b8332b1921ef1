//! Encrypted evaluation against the integer oracle.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tfhe::core_crypto::prelude::{decrypt_lwe_ciphertext, CiphertextModulus, LweCiphertext};
use tfhe::shortint::atomic_pattern::AtomicPattern;
use tfhe::shortint::ciphertext::{Degree, NoiseLevel};
use tfhe::shortint::Ciphertext;

use super::{alone, encrypted, keys, random_graph};
use crate::actions::Expression;
use crate::bootstrap::{Bootstrapper, TestPolynomial};
use crate::compile::EncodedLut;
use crate::device::{trial, Device};
use crate::error::Error;
use crate::exec_clear::{run_circuit, run_graph};
use crate::exec_tfhe::{evaluate_circuit, Evaluation};
use crate::ir::{GraphBuilder, Lut, Row};
use crate::keys::{ClientKey, ServerKey};
use crate::noise::NoiseModel;
use crate::params::ParameterSet;
use crate::wire;

/// Every argument of `lut`, one input and one bootstrap each.
fn check_over_its_whole_range(lut: Lut) {
    let (lo, count) = (lut.lo, lut.values.len() as u32);
    let mut graph = GraphBuilder::new(count, lo, lo + count as i32 - 1);
    let expected = lut.values.clone();
    let id = graph.lut(lut);
    let out = graph.table_layer("all", None, id, (0..count).map(|at| Row::new(0, [(at, 1)])));
    let circuit = graph
        .finish(out)
        .unwrap()
        .compile(&ParameterSet::default())
        .unwrap();
    let inputs: Vec<i32> = (lo..lo + count as i32).collect();
    assert_eq!(run_circuit(&circuit, &inputs).unwrap(), expected);
    assert_eq!(encrypted(&circuit, &inputs), expected);
}

#[test]
fn tables_are_exact_over_their_whole_range() {
    let _alone = alone();
    check_over_its_whole_range(Lut::new(-16..=15, |x| if x >= 0 { 1 } else { -1 }));
    check_over_its_whole_range(Lut::new(-16..=15, |x| i32::from(x >= 0)));
    check_over_its_whole_range(Lut::new(-13..=13, |x| if x.abs() < 3 { 0 } else { x.signum() }));
    check_over_its_whole_range(
        Lut::new(0..=16, |x| [0, 0, 1, 1, 2, 3, 3, 3][(x as usize * 5) % 8]).with_step(7),
    );
    check_over_its_whole_range(Lut::new(-7..=8, |x| (x * x) % 5 - 2));
}

#[test]
fn random_graphs_decrypt_to_the_oracle_and_cost_what_was_counted() {
    let _alone = alone();
    keys();
    for seed in 0..5 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let graph = random_graph(&mut rng, 8);
        let circuit = graph.compile(&ParameterSet::default()).unwrap();
        let inputs: Vec<i32> = (0..graph.inputs.len)
            .map(|_| rng.gen_range(graph.inputs.lo..=graph.inputs.hi))
            .collect();
        tfhe::reset_pbs_count();
        let decrypted = encrypted(&circuit, &inputs);
        assert_eq!(tfhe::get_pbs_count(), circuit.bootstraps());
        assert_eq!(decrypted, run_graph(&graph, &inputs).unwrap(), "seed {seed}");
    }
}

#[test]
fn an_expression_of_eleven_actions_runs_in_three_ciphertexts_and_two_bootstraps() {
    let _alone = alone();
    keys();
    let expression: Expression = "(a+b)+(c*d)+(e*f)".parse().unwrap();
    let squeezed = expression.squeeze(1).unwrap();
    let circuit = squeezed.graph().compile(&ParameterSet::default()).unwrap();
    for values in [[1, 0, 1, 1, 0, 1], [1, 1, 1, 1, 1, 1]] {
        let values = expression.variables().into_iter().zip(values).collect();
        let inputs = squeezed.encode(&values).unwrap();
        tfhe::reset_pbs_count();
        let decrypted = encrypted(&circuit, &inputs);
        assert_eq!((inputs.len(), tfhe::get_pbs_count()), (3, 2));
        assert_eq!(i64::from(decrypted[0]), expression.evaluate(&values).unwrap());
    }
}

#[test]
fn the_compiled_oracle_agrees_with_the_graph_as_written() {
    for seed in 100..160 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let graph = random_graph(&mut rng, 6);
        let circuit = graph.compile(&ParameterSet::default()).unwrap();
        for _ in 0..20 {
            let inputs: Vec<i32> = (0..graph.inputs.len)
                .map(|_| rng.gen_range(graph.inputs.lo..=graph.inputs.hi))
                .collect();
            assert_eq!(
                run_circuit(&circuit, &inputs).unwrap(),
                run_graph(&graph, &inputs).unwrap()
            );
        }
    }
}

#[test]
fn rows_at_the_norm_limit_are_exact() {
    let _alone = alone();
    // Bits from bootstraps, so that they carry its whole noise, packed with squared norm 25.
    let mut graph = GraphBuilder::new(2, -1, 1);
    let step = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
    let bits = graph.table_layer("bits", None, step, [Row::new(0, [(0, 1)]), Row::new(0, [(1, 1)])]);
    let pick = graph.lut(Lut::new(0..=7, |x| x % 5));
    let rows = [(3, 4), (4, 3)].map(|(a, b)| Row::new(0, [(bits.start, a), (bits.start + 1, b)]));
    let out = graph.table_layer("pack", None, pick, rows);
    let graph = graph.finish(out).unwrap();
    let circuit = graph.compile(&ParameterSet::default()).unwrap();
    for inputs in [[-1, -1], [-1, 1], [1, -1], [1, 1]] {
        assert_eq!(encrypted(&circuit, &inputs), run_graph(&graph, &inputs).unwrap());
    }
}

#[test]
fn output_bytes_do_not_depend_on_threads() {
    let _alone = alone();
    let graph = random_graph(&mut ChaCha8Rng::seed_from_u64(7), 6);
    let circuit = graph.compile(&ParameterSet::default()).unwrap();
    let inputs = vec![1; graph.inputs.len as usize];
    let input = keys()
        .client
        .encrypt_values(circuit.interface(), &inputs)
        .unwrap();
    let run = |threads| {
        evaluate_circuit(
            &circuit,
            &keys().server,
            &input,
            &Evaluation {
                threads,
                ..Evaluation::default()
            },
        )
        .unwrap()
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn a_batch_gives_the_bytes_of_the_librarys_own_calls() {
    let _alone = alone();
    let (set, server) = (ParameterSet::default(), &keys().server);
    let library = server.library();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut ciphertext = || (0..=set.lwe_dimension()).map(|_| rng.gen()).collect::<Vec<u64>>();
    let inputs = [ciphertext(), ciphertext(), ciphertext()];
    let luts = [1, 2, 3].map(|seed| {
        let lut = Lut::new(0..=15, |x| (seed * x) % 4);
        EncodedLut::exact(&lut, &(0..=15).collect::<Vec<_>>(), 5).unwrap()
    });
    let polynomials = luts.each_ref().map(|lut| TestPolynomial::new(lut, &set));
    let batch = Bootstrapper::new(server)
        .unwrap()
        .apply(&inputs, &polynomials.each_ref());
    for ((input, seed), result) in inputs.into_iter().zip(1..).zip(batch) {
        let table = library.generate_lookup_table(|x| (seed * x) % 4);
        let mut single = Ciphertext::new(
            LweCiphertext::from_container(input, CiphertextModulus::new_native()),
            Degree::new(15),
            NoiseLevel::NOMINAL,
            set.tfhe.message_modulus,
            set.tfhe.carry_modulus,
            library.atomic_pattern.kind(),
        );
        library.apply_lookup_table_assign(&mut single, &table);
        assert_eq!(single.ct.into_container(), result);
    }
}

#[test]
fn progress_reaches_the_total_and_cancelling_stops() {
    let _alone = alone();
    // Three layers, each of which waits for the one before.
    let mut graph = GraphBuilder::new(3, -1, 1);
    let lut = graph.lut(Lut::new(-16..=15, |x| if x >= 0 { 1 } else { -1 }));
    let mut wires = graph.inputs();
    for layer in 0..3 {
        let rows: Vec<Row> = wires
            .clone()
            .map(|at| Row::new(0, [(at, 1), (wires.start, 1)]))
            .collect();
        wires = graph.table_layer(&format!("layer {layer}"), None, lut, rows);
    }
    let circuit = graph
        .finish(wires)
        .unwrap()
        .compile(&ParameterSet::default())
        .unwrap();
    assert_eq!((circuit.bootstraps(), circuit.depth()), (9, 3));
    let input = keys()
        .client
        .encrypt_values(circuit.interface(), &[1, 0, -1])
        .unwrap();
    let seen = Mutex::new(vec![]);
    let progress = |done: u64, all: u64, layer: &str| {
        assert!(layer.starts_with("layer") && all == circuit.bootstraps());
        seen.lock().unwrap().push(done);
    };
    let evaluation = Evaluation {
        progress: Some(&progress),
        ..Evaluation::default()
    };
    evaluate_circuit(&circuit, &keys().server, &input, &evaluation).unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    assert_eq!(seen.last(), Some(&circuit.bootstraps()));
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]) && seen.len() >= circuit.depth());

    let cancel = AtomicBool::new(false);
    let ran = AtomicU64::new(0);
    let progress = |done: u64, _: u64, _: &str| {
        ran.store(done, Ordering::Relaxed);
        cancel.store(true, Ordering::Relaxed);
    };
    let evaluation = Evaluation {
        progress: Some(&progress),
        cancel: Some(&cancel),
        threads: 1,
    };
    let result = evaluate_circuit(&circuit, &keys().server, &input, &evaluation);
    assert!(matches!(result, Err(Error::Cancelled)));
    assert!(ran.into_inner() < circuit.bootstraps());
}

#[test]
fn measured_noise_is_what_the_model_says() {
    let _alone = alone();
    let set = ParameterSet::default();
    const COUNT: u32 = 96;
    let mut graph = GraphBuilder::new(COUNT, -1, 1);
    // A fine step makes the output's rounding negligible beside a bootstrap's noise.
    let lut = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)).with_step(8));
    let out = graph.table_layer("bits", None, lut, (0..COUNT).map(|at| Row::new(0, [(at, 1)])));
    let mut circuit = graph.finish(out).unwrap().compile(&set).unwrap();
    circuit.interface.output_coefficient_bytes = 8;
    let inputs: Vec<i32> = (0..COUNT as i32).map(|x| x % 3 - 1).collect();
    let input = keys()
        .client
        .encrypt_values(circuit.interface(), &inputs)
        .unwrap();
    let output = evaluate_circuit(&circuit, &keys().server, &input, &Evaluation::default()).unwrap();
    let values = keys()
        .client
        .decrypt_values(circuit.interface(), &output)
        .unwrap();
    let lists = wire::decode_output(&output, circuit.interface(), &set).unwrap();
    let secret = keys().client.ring_key();
    let errors = lists.into_iter().zip(values).map(|(ciphertext, value)| {
        let ciphertext = LweCiphertext::from_container(ciphertext, CiphertextModulus::new_native());
        let phase = decrypt_lwe_ciphertext(&secret, &ciphertext).0;
        phase.wrapping_sub((value as u64) << 56) as i64 as f64 / 2f64.powi(64)
    });
    let variance = errors.map(|e| e * e).sum::<f64>() / f64::from(COUNT);
    let ratio = variance / NoiseModel::new(&set).bootstrapped;
    // 96 samples: a chi-square share outside of this range is rarer than one in a million.
    assert!(
        (0.4..1.9).contains(&ratio),
        "measured over predicted variance {ratio}"
    );
}

#[test]
fn only_the_right_key_decrypts_and_each_encryption_is_fresh() {
    let _alone = alone();
    let set = ParameterSet::default();
    let mut graph = GraphBuilder::new(32, -1, 1);
    let lut = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
    let out = graph.table_layer("bits", None, lut, (0..32).map(|at| Row::new(0, [(at, 1)])));
    let circuit = graph.finish(out).unwrap().compile(&set).unwrap();
    let inputs = vec![1; 32];
    let first = keys()
        .client
        .encrypt_values(circuit.interface(), &inputs)
        .unwrap();
    let second = keys()
        .client
        .encrypt_values(circuit.interface(), &inputs)
        .unwrap();
    assert_ne!(first[12..28], second[12..28], "the seed was used twice");
    assert_ne!(first[28..], second[28..]);

    let output = evaluate_circuit(&circuit, &keys().server, &first, &Evaluation::default()).unwrap();
    assert_eq!(
        keys()
            .client
            .decrypt_values(circuit.interface(), &output)
            .unwrap(),
        inputs
    );
    let other = ClientKey::generate(&set).unwrap();
    assert_ne!(
        other.decrypt_values(circuit.interface(), &output).unwrap(),
        inputs
    );
    let foreign = ServerKey::from_bytes(&other.evaluation_key_bytes().unwrap(), &set).unwrap();
    let output = evaluate_circuit(&circuit, &foreign, &first, &Evaluation::default()).unwrap();
    assert_ne!(
        keys()
            .client
            .decrypt_values(circuit.interface(), &output)
            .unwrap(),
        inputs
    );
}

#[test]
fn a_stored_secret_key_decrypts_what_the_original_encrypted() {
    let _alone = alone();
    let graph = random_graph(&mut ChaCha8Rng::seed_from_u64(9), 4);
    let circuit = graph.compile(&ParameterSet::default()).unwrap();
    let inputs = vec![-1; graph.inputs.len as usize];
    let input = keys()
        .client
        .encrypt_values(circuit.interface(), &inputs)
        .unwrap();
    let output = evaluate_circuit(&circuit, &keys().server, &input, &Evaluation::default()).unwrap();
    let restored = ClientKey::from_bytes(&keys().client.to_bytes()).unwrap();
    let decrypted = restored.decrypt_values(circuit.interface(), &output).unwrap();
    assert_eq!(decrypted, run_graph(&graph, &inputs).unwrap());
}

#[test]
fn the_cores_pass_the_trial_of_devices() {
    let _alone = alone();
    trial(&Device::cores()).unwrap();
}
