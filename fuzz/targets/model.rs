//! Files of a model as a miner or an owner publishes them: manifest, graph, tokenizer and embedding. What is malformed is
//! refused; what is accepted can be written again, compiled within bounds and used.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use zk_llm::{
    ir::Graph,
    manifest::{sha256, EMBEDDING_FILE, TOKENIZER_FILE},
    text::Tokeniser,
    ClientModel, Frontend, Manifest, ParameterSet,
};

const MANIFEST: &[u8] = include_bytes!("../../zk-llm/models/emotion/manifest.json");

/// The published manifest, for a model of one word's context whose files have these hashes.
fn manifest(tokenizer: &[u8], embedding: &[u8], dim: u32) -> Manifest {
    let mut manifest = Manifest::from_json(MANIFEST).expect("the published manifest");
    manifest.context = 4;
    manifest.dim = dim;
    manifest.interface.inputs.len = 4 * dim;
    let files = [(TOKENIZER_FILE, tokenizer), (EMBEDDING_FILE, embedding)];
    let hashes: BTreeMap<_, _> = files.iter().map(|(name, bytes)| (*name, sha256(bytes))).collect();
    for (name, hash) in hashes {
        let text = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        manifest.files.insert(name.into(), text);
    }
    manifest
}

fn tokenizer_and_embedding(tokenizer: &[u8], embedding: &[u8], dim: u32, text: &str) {
    let Ok(tokeniser) = Tokeniser::from_bytes(tokenizer) else {
        return;
    };
    let manifest = manifest(tokenizer, embedding, dim);
    let _ = Frontend::from_parts(&manifest, tokenizer, embedding);
    // A table that fits, so that texts get as far as their integers.
    let rows = tokeniser.size();
    if rows.saturating_mul(dim as usize) > 1 << 16 {
        return;
    }
    let table: Vec<f32> = (0..rows * dim as usize).map(|at| (at % 7) as f32 - 3.0).collect();
    let embedding = Frontend::embedding_bytes(&table, rows, dim as usize).expect("a table of its size");
    let manifest = self::manifest(tokenizer, &embedding, dim);
    let Ok(json) = manifest.to_json() else {
        return;
    };
    if let Ok(model) = ClientModel::from_parts(&json, tokenizer, &embedding) {
        if let Ok(prompt) = model.prepare(text) {
            assert_eq!(prompt.values.len(), 4 * dim as usize);
            assert!(prompt.tokens <= 4);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    match kind % 3 {
        0 => {
            if let Ok(manifest) = Manifest::from_json(bytes) {
                let json = manifest.to_json().expect("what was accepted can be written");
                // Not compared: figures may differ in their last bit. A model is known by the hash of the bytes that came.
                Manifest::from_json(&json).expect("what was written can be read");
            }
        }
        1 => {
            if let Ok(graph) = Graph::from_json(bytes) {
                let json = graph.to_json().expect("what was accepted can be written");
                assert_eq!(
                    Graph::from_json(&json).expect("what was written can be read"),
                    graph
                );
                if let Ok(circuit) = graph.compile(&ParameterSet::default()) {
                    assert!(circuit.interface().is_sound());
                    assert_eq!(circuit.interface().outputs.len(), graph.outputs.len());
                }
            }
        }
        _ => {
            // A tokenizer, a zero, then the embedding, whose last bytes serve as text.
            let cut = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            let (tokenizer, rest) = bytes.split_at(cut);
            let embedding = rest.get(1..).unwrap_or_default();
            let text = String::from_utf8_lossy(&embedding[embedding.len().saturating_sub(64)..]);
            tokenizer_and_embedding(tokenizer, embedding, 1 + u32::from(*kind) % 8, &text);
        }
    }
});
