//! Tests that encrypt. They share one pair of keys and run one at a time: each uses every core, and the
//! library's count of bootstraps is one for the process.

#[cfg(feature = "cuda")]
mod cuda;
mod encrypted;
mod generator;
mod hostile;
mod models;
mod synthesis;
mod traced;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rand::Rng;

use crate::compile::Circuit;
use crate::exec_tfhe::{evaluate_circuit, Evaluation};
use crate::ir::{Graph, GraphBuilder, Lut, Row};
use crate::keys::{ClientKey, ServerKey};
use crate::params::ParameterSet;

/// Keys made once.
struct Keys {
    client: ClientKey,
    evaluation: Vec<u8>,
    server: ServerKey,
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let set = ParameterSet::default();
        let client = ClientKey::generate(&set).unwrap();
        let evaluation = client.evaluation_key_bytes().unwrap();
        let server = ServerKey::from_bytes(&evaluation, &set).unwrap();
        Keys {
            client,
            evaluation,
            server,
        }
    })
}

/// Held while a test encrypts.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Encrypts, evaluates and decrypts.
fn encrypted(circuit: &Circuit, inputs: &[i32]) -> Vec<i32> {
    let keys = keys();
    let input = keys.client.encrypt_values(circuit.interface(), inputs).unwrap();
    let output = evaluate_circuit(circuit, &keys.server, &input, &Evaluation::default()).unwrap();
    keys.client.decrypt_values(circuit.interface(), &output).unwrap()
}

/// A random graph that compiles: layers of windows and signs over random earlier wires.
fn random_graph(rng: &mut impl Rng, rows_a_layer: usize) -> Graph {
    loop {
        let inputs = rng.gen_range(3..9);
        let mut graph = GraphBuilder::new(inputs, -1, rng.gen_range(1..=2));
        let mut wires: Vec<u32> = graph.inputs().collect();
        for layer in 0..rng.gen_range(1..4) {
            let name = format!("layer {layer}");
            let rows: Vec<(Row, u32)> = (0..rows_a_layer)
                .map(|_| {
                    let terms: Vec<(u32, i32)> = (0..rng.gen_range(1..5))
                        .map(|_| (wires[rng.gen_range(0..wires.len())], rng.gen_range(-2..=2)))
                        .collect();
                    // A table for any range: arbitrary near zero, its negacyclic continuation beyond.
                    let centre: Vec<i32> = (0..16).map(|_| rng.gen_range(0..3)).collect();
                    let twice = rng.gen_range(0..5);
                    let lut = Lut::new(-48..=47, |x| {
                        let at = centre[x.rem_euclid(16) as usize];
                        if x.rem_euclid(32) < 16 {
                            at
                        } else {
                            twice - at
                        }
                    });
                    (Row::new(rng.gen_range(-3..=3), terms), graph.lut(lut))
                })
                .collect();
            let new = graph.tables_layer(&name, None, rows);
            let sums: Vec<Row> = new
                .clone()
                .map(|wire| Row::new(1, [(wire, 1), (wires[rng.gen_range(0..wires.len())], 1)]))
                .collect();
            let sums = graph.linear_layer("sums", None, sums);
            wires = new.chain(sums).collect();
        }
        let outputs = wires.iter().rev().take(6).copied();
        let graph = graph.finish(outputs).unwrap();
        if graph
            .compile(&ParameterSet::default())
            .is_ok_and(|circuit| circuit.bootstraps() >= 4)
        {
            return graph;
        }
    }
}
