//! Model directories: what loads, and what a changed byte does.

use std::collections::BTreeMap;
use std::path::Path;

use super::random_graph;
use crate::error::Error;
use crate::ir::{Graph, GraphBuilder, Lut, Row};
use crate::manifest::{
    sha256, Accuracy, Bootstraps, Generator, HeadPlan, Manifest, Quantiser, EMBEDDING_FILE, GRAPH_FILE,
    MANIFEST_FILE, MANIFEST_VERSION, TOKENIZER_FILE,
};
use crate::model::Model;
use crate::params::ParameterSet;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Four inputs (2 tokens of width 2), two labels.
fn graph() -> Graph {
    let mut graph = GraphBuilder::new(4, -1, 1);
    let lut = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
    let out = graph.table_layer(
        "bits",
        Some(0),
        lut,
        [0, 1].map(|at| Row::new(0, [(at, 1), (at + 2, 1)])),
    );
    graph.finish(out).unwrap()
}

fn manifest(files: &[(&str, &[u8])]) -> Manifest {
    let circuit = graph().compile(&ParameterSet::default()).unwrap();
    Manifest {
        version: MANIFEST_VERSION,
        name: "two-bits".into(),
        task: "Test".into(),
        labels: vec!["no".into(), "yes".into()],
        context: 2,
        dim: 2,
        heads: 1,
        layers: 1,
        features: 1,
        parameter_set: ParameterSet::default().name.into(),
        interface: circuit.interface().clone(),
        logit_scale: 0.5,
        quantiser: Quantiser {
            levels: 3,
            threshold: 0.1,
            scale_factor: 0.5,
        },
        head_plan: vec![HeadPlan {
            significance: 1.0,
            kept: true,
        }],
        bootstraps: Bootstraps {
            unsqueezed: 2,
            squeezed: circuit.bootstraps(),
        },
        accuracy: Accuracy {
            squeezed: 1.0,
            unsqueezed: 1.0,
            floating: 1.0,
            without_attention: 0.5,
            majority: 0.5,
            samples: 2,
        },
        generator: None,
        files: files
            .iter()
            .map(|(name, bytes)| (name.to_string(), hex::encode(sha256(bytes))))
            .collect::<BTreeMap<_, _>>(),
    }
}

fn write(dir: &Path, change: impl Fn(&mut Manifest)) -> Vec<u8> {
    let graph = graph().to_json().unwrap();
    let files = [
        (TOKENIZER_FILE, &b"{}"[..]),
        (EMBEDDING_FILE, &b"tables"[..]),
        (GRAPH_FILE, graph.as_slice()),
    ];
    for (name, bytes) in files {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    let mut manifest = manifest(&files);
    change(&mut manifest);
    let bytes = serde_json::to_vec(&manifest).unwrap();
    std::fs::write(dir.join(MANIFEST_FILE), &bytes).unwrap();
    bytes
}

#[test]
fn a_directory_loads_under_the_hash_of_its_manifest() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = write(dir.path(), |_| {});
    let model = Model::load(dir.path()).unwrap();
    assert_eq!(model.manifest_hash(), sha256(&bytes));
    assert_eq!(model.circuit().bootstraps(), 2);
    let limits = model.limits();
    assert_eq!(
        (limits.input_bytes, limits.output_bytes),
        (12 + 16 + 4 * 4, 12 + 2 * 2049 * 2)
    );
}

#[test]
fn a_changed_file_is_named() {
    for file in [TOKENIZER_FILE, EMBEDDING_FILE, GRAPH_FILE] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), |_| {});
        let path = dir.path().join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[0] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(Model::load(dir.path()), Err(Error::HashMismatch { file: named }) if named == file));
    }
}

#[test]
fn manifests_that_do_not_fit_their_graph_are_refused() {
    let changes: [fn(&mut Manifest); 13] = [
        |m| m.version += 1,
        |m| m.labels.clear(),
        |m| m.context = 3,
        |m| m.head_plan.clear(),
        |m| m.parameter_set = "weak".into(),
        |m| m.interface.inputs.hi = 2,
        |m| m.interface.outputs[0].lo = -1,
        |m| m.interface.output_coefficient_bytes = 9,
        |m| m.logit_scale = -1.0,
        |m| m.bootstraps.squeezed += 1,
        |m| {
            // Only a generator has no heads.
            m.heads = 0;
            m.head_plan.clear();
        },
        |m| {
            m.generator = Some(Generator {
                loss: 1.0,
                unigram: 2.0,
                bigram: 1.5,
                trigram: 1.5,
            });
        },
        |m| {
            m.files.remove(TOKENIZER_FILE);
        },
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), change);
        let error = Model::load(dir.path()).unwrap_err();
        assert!(
            matches!(error, Error::Manifest(_) | Error::ParameterSet(_)),
            "change {at}: {error}"
        );
    }
}

#[test]
fn file_names_cannot_leave_the_directory() {
    for name in ["../secret", "/etc/hostname", "a/b", ".hidden", ""] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), |m| {
            m.files.insert(name.into(), String::new());
        });
        assert!(Model::load(dir.path()).is_err(), "{name}");
    }
}

#[test]
fn graphs_survive_their_serialisation() {
    for seed in 0..20 {
        let graph = random_graph(&mut ChaCha8Rng::seed_from_u64(seed), 5);
        assert_eq!(Graph::from_json(&graph.to_json().unwrap()).unwrap(), graph);
    }
}

#[test]
fn malformed_graphs_are_refused() {
    let good = graph();
    let changes: [fn(&mut Graph); 8] = [
        |g| g.version = 9,
        |g| g.outputs.clear(),
        |g| g.outputs[0] = 99,
        |g| g.layers[0].tables = vec![7],
        |g| g.layers[0].rows[0].terms[0].0 = 4,
        |g| g.layers[0].rows[0].bias = i32::MIN,
        |g| g.luts[0].values.clear(),
        |g| g.inputs.lo = 5,
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut graph = good.clone();
        change(&mut graph);
        assert!(matches!(graph.validate(), Err(Error::Graph(_))), "change {at}");
        let bytes = serde_json::to_vec(&graph).unwrap();
        assert!(Graph::from_json(&bytes).is_err(), "change {at}");
    }
}
