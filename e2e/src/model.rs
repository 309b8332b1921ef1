//! Models small enough for tests: the same files and formats as a trained one, a fraction of a second of work.

use std::path::Path;

use serde_json::{json, Map, Value};
use zk_llm::{
    ir::{Graph, GraphBuilder, Lut, Row, Wire},
    manifest::{Manifest, Quantiser, EMBEDDING_FILE, GRAPH_FILE, TOKENIZER_FILE},
    Frontend, ParameterSet,
};

/// Tokens of a prompt.
const CONTEXT: u32 = 16;
/// Features of a token.
const DIM: u32 = 4;
/// Bootstraps of a layer.
const WIDTH: usize = 24;
/// Wires that a row adds up, counted from its own place: all of a layer are used by the next.
const REACH: [usize; 6] = [0, 1, 3, 7, 12, 18];
const LABELS: [&str; 3] = ["joy", "anger", "neutral"];
/// Words that tests ask with.
const WORDS: [&str; 24] = [
    "hello", "happy", "keys", "my", "secret", "sentence", "about", "we", "lost", "the", "game", "sister",
    "furious", "loved", "strange", "movie", "i", "was", "sad", "today", "very", "brother", "house", "friend",
];

/// Writes a model of `bootstraps` (a multiple of 24) bootstraps into `dir` and returns its manifest's hash. Another
/// name gives another model.
///
/// # Errors
/// If the directory cannot be written or the model is refused.
pub fn small_model(dir: &Path, name: &str, bootstraps: usize) -> anyhow::Result<[u8; 32]> {
    let mut dice = Dice::new(name);
    let graph = graph(bootstraps, &mut dice)?;
    let circuit = graph.compile(&ParameterSet::default())?;
    let table: Vec<f32> = (0..(WORDS.len() + 2) * DIM as usize)
        .map(|_| [-2.0, 0.0, 2.0][dice.below(3) as usize])
        .collect();
    let files = [
        (TOKENIZER_FILE, tokenizer().to_string().into_bytes()),
        (
            EMBEDDING_FILE,
            Frontend::embedding_bytes(&table, WORDS.len() + 2, DIM as usize)?,
        ),
        (GRAPH_FILE, graph.to_json()?),
    ];
    let task = "Says something about a sentence, always the same of the same.";
    let mut manifest = Manifest {
        context: CONTEXT,
        dim: DIM,
        features: WIDTH as u32,
        logit_scale: 0.5,
        quantiser: Quantiser {
            levels: 3,
            threshold: 0.1,
            scale_factor: 0.5,
        },
        ..Manifest::unmeasured(name, task, &LABELS, &circuit)
    };
    Ok(manifest.write(dir, &files)?)
}

/// Layers of sign tables over random sums, every one of which reaches a logit.
fn graph(bootstraps: usize, dice: &mut Dice) -> zk_llm::Result<Graph> {
    let mut graph = GraphBuilder::new(CONTEXT * DIM, -1, 1);
    let sign = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
    let mut wires: Vec<Wire> = graph.inputs().collect();
    for layer in 0..bootstraps / WIDTH {
        let stride = if layer == 0 { 3 } else { 1 };
        let rows: Vec<Row> = (0..WIDTH)
            .map(|row| {
                let terms: Vec<(Wire, i32)> = REACH
                    .iter()
                    .map(|reach| (wires[(row * stride + reach) % wires.len()], dice.sign()))
                    .collect();
                // Sums of bits are centred; sums of the inputs are already.
                let bias = if layer == 0 {
                    0
                } else {
                    -terms.iter().map(|(_, weight)| weight).sum::<i32>() / 2
                };
                Row::new(bias, terms)
            })
            .collect();
        wires = graph.table_layer("sign", None, sign, rows).collect();
    }
    let part = WIDTH / LABELS.len();
    let logits: Vec<Row> = wires
        .chunks(part)
        .map(|part| Row::new(0, part.iter().map(|wire| (*wire, dice.sign()))))
        .collect();
    let logits = graph.linear_layer("logits", None, logits);
    graph.finish(logits)
}

fn tokenizer() -> Value {
    let tokens = ["[PAD]", "[UNK]"].into_iter().chain(WORDS);
    let vocabulary: Map<String, Value> = tokens
        .enumerate()
        .map(|(id, token)| (token.into(), id.into()))
        .collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [],
        "normalizer": { "type": "Lowercase" },
        "pre_tokenizer": { "type": "Whitespace" },
        "post_processor": null,
        "decoder": null,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 32,
            "vocab": vocabulary,
        },
    })
}

/// Numbers that are the same on every machine: SplitMix64 seeded by a name.
struct Dice(u64);

impl Dice {
    fn new(name: &str) -> Self {
        Self(name.bytes().fold(0x9E37_79B9_7F4A_7C15, |seed, byte| {
            seed.rotate_left(8) ^ u64::from(byte)
        }))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn sign(&mut self) -> i32 {
        if self.below(2) == 0 {
            1
        } else {
            -1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_models_load_and_have_the_bootstraps_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        for bootstraps in [24, 48, 600] {
            let hash = small_model(dir.path(), "first", bootstraps).unwrap();
            let model = zk_llm::Model::load(dir.path()).unwrap();
            assert_eq!(
                (model.manifest_hash(), model.circuit().bootstraps()),
                (hash, bootstraps as u64)
            );
        }
    }

    #[test]
    fn answers_depend_on_the_sentence_and_on_the_model() {
        let dir = tempfile::tempdir().unwrap();
        let answer = |name: &str, sentence: &str| {
            small_model(dir.path(), name, 24).unwrap();
            let prompt = zk_llm::ClientModel::load(dir.path())
                .unwrap()
                .prepare(sentence)
                .unwrap();
            zk_llm::exec_clear::run(zk_llm::Model::load(dir.path()).unwrap().circuit(), &prompt).unwrap()
        };
        assert_ne!(
            answer("first", "hello happy keys"),
            answer("first", "my sister was furious")
        );
        assert_ne!(
            answer("first", "hello happy keys"),
            answer("second", "hello happy keys")
        );
        assert_eq!(
            answer("first", "hello happy keys"),
            answer("first", "Hello happy keys")
        );
    }
}
