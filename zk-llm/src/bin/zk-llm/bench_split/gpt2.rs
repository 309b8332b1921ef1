//! A checkpoint of GPT-2 small's shape with random weights, imported as any other: 12 layers of width 768 through the
//! miner; the token embedding, which is also the last layer, is the client's.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{ensure, Context};
use candle_core::{safetensors, Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use zk_llm::import::{
    import, Cache, Chooser, ClientPart, Dynamic, Hub, Location, Products, Wanted, Weights, DEFAULT_MAX_BYTES,
    ENDPOINT,
};
use zk_llm::split::{answer, hint, Batch, Matrix, Tokens};
use zk_llm::train::gpt2::{config, tokenizer, Shape};

use super::loopback::Miner;
use super::Session;
use crate::figures::{at_least, at_most, plain, Figure};

const LAYERS: usize = 12;
const WIDTH: usize = 768;
const HEADS: usize = 12;
const VOCABULARY: usize = 50_257;
const CONTEXT: usize = 1_024;
/// Positions of the prompt, all in one batch, which is answered in one step.
const PREFILL: usize = 128;
/// Generated positions, and how many share a batch.
const GENERATED: usize = 64;
const BATCH: usize = 16;

/// Measures a prompt of 128 tokens and 64 generated ones, and holds every token against the clear model.
pub fn measure(session: &Session) -> anyhow::Result<Vec<Figure>> {
    let dir = tempfile::tempdir()?;
    let (part, weights) = random_model(dir.path())?;
    let matrices = Arc::new(weights.clone().into_matrices_on(&session.device)?);
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let prompt: Vec<u32> = (0..PREFILL)
        .map(|_| rng.gen_range(0..VOCABULARY as u32))
        .collect();
    let mut run = Run {
        session,
        matrices: &matrices,
        miner: Miner::start(matrices.clone())?,
        batches: Vec::new(),
        offline_bytes: 0,
        online_bytes: 0,
        rounds: 0,
    };
    let mut cache = Cache::default();

    let start = Instant::now();
    let mut tokens = vec![run.next(&part, &mut cache, &prompt)?];
    let prefill_s = start.elapsed().as_secs_f64();
    let prefill_bytes = run.bytes();

    (run.online_bytes, run.offline_bytes, run.rounds) = (0, 0, 0);
    let (mut offline_s, mut online_s) = (0.0, 0.0);
    while tokens.len() <= GENERATED {
        if (tokens.len() - 1).is_multiple_of(BATCH) {
            let start = Instant::now();
            run.prepare(BATCH)?;
            offline_s += start.elapsed().as_secs_f64();
        }
        let start = Instant::now();
        let last = tokens[tokens.len() - 1];
        tokens.push(run.next(&part, &mut cache, &[last])?);
        online_s += start.elapsed().as_secs_f64();
    }
    let (decode_bytes, online_bytes, rounds) = (run.bytes(), run.online_bytes as f64, run.rounds);
    run.miner.stop()?;
    let clear = part.greedy(&mut Dynamic::new(&part, &weights), &prompt, tokens.len())?;
    ensure!(
        tokens == clear,
        "encrypted and clear model generate different tokens"
    );
    let count = GENERATED as f64;
    Ok(vec![
        at_least(
            "gpt2_decode_online_tokens_per_s",
            count / online_s,
            "tokens/s",
            20.0,
        ),
        at_most("gpt2_decode_offline_s_per_token", offline_s / count, "s", 8.0),
        at_most("gpt2_bytes_per_token", decode_bytes / count, "B", 2e6),
        at_most("gpt2_online_bytes_per_token", online_bytes / count, "B", 1e6),
        plain("gpt2_rounds_per_token", f64::from(rounds) / count, "rounds"),
        at_most("gpt2_prefill128_s", prefill_s, "s", 20.0),
        at_most("gpt2_prefill128_bytes", prefill_bytes, "B", 64e6),
        at_least("gpt2_tokens_equal_to_clear", count, "tokens", 64.0),
    ])
}

/// What a client holds while it generates, and what it sent and got.
struct Run<'a> {
    session: &'a Session,
    matrices: &'a [Matrix],
    miner: Miner,
    /// Of generated positions, a layer each; none while the prompt is answered.
    batches: Vec<Batch>,
    offline_bytes: usize,
    online_bytes: usize,
    rounds: u32,
}

impl Run<'_> {
    /// The likeliest token after those given.
    fn next(&mut self, part: &ClientPart, cache: &mut Cache, tokens: &[u32]) -> anyhow::Result<u32> {
        let logits = part.generate(&mut Dynamic::new(part, self), cache, tokens, Wanted::Last)?;
        Chooser::greedy().choose(&logits).context("no logits")
    }

    /// Prepares a batch for every matrix, both sides' work.
    fn prepare(&mut self, positions: usize) -> anyhow::Result<()> {
        self.batches.clear();
        for matrix in self.matrices {
            let tokens = Tokens::smallest(matrix.shape(), positions)?;
            let pending = self.session.secret.prepare(matrix.shape(), tokens)?;
            let hint = hint(matrix, &self.session.packing, pending.request())?;
            self.offline_bytes += pending.request().len() + hint.len();
            self.batches.push(self.session.secret.complete(pending, &hint)?);
        }
        Ok(())
    }

    fn bytes(&self) -> f64 {
        (self.offline_bytes + self.online_bytes) as f64
    }

    /// A prompt's round: hint and products in one, made in this process, as the hints of batches are.
    fn answered(&mut self, matrix: &Matrix, steps: &[i8]) -> zk_llm::Result<Vec<i64>> {
        let secret = &self.session.secret;
        let positions = steps.len() / matrix.shape().inputs as usize;
        let pending = secret.prepare(matrix.shape(), Tokens::prompt(matrix.shape(), positions)?)?;
        let request = pending.request().to_vec();
        let (bodies, sealed) = pending.seal(steps)?;
        let answer = answer(matrix, &self.session.packing, &request, &bodies)?;
        self.online_bytes += request.len() + bodies.len() + answer.len();
        secret.unseal(&sealed, &answer)
    }

    /// A round with the miner.
    fn multiplied(&mut self, layer: usize, steps: &[i8]) -> zk_llm::Result<Vec<i64>> {
        let (bodies, opening) = self.batches[layer].encrypt(steps)?;
        let products = self
            .miner
            .multiply(layer as u32, &bodies)
            .map_err(|e| zk_llm::Error::Ciphertext(format!("no answer: {e}")))?;
        self.online_bytes += bodies.len() + products.len();
        opening.decrypt(&products)
    }
}

impl Products for &mut Run<'_> {
    fn product(&mut self, layer: usize, steps: &[i8]) -> zk_llm::Result<Vec<i32>> {
        self.rounds += 1;
        let sums = match self.batches.is_empty() {
            true => self.answered(&self.matrices[layer], steps)?,
            false => self.multiplied(layer, steps)?,
        };
        // A sum of products of 8-bit integers fits.
        Ok(sums.into_iter().map(|sum| sum as i32).collect())
    }
}

/// Writes a checkpoint with weights as GPT-2's are before it learns, and imports it.
fn random_model(dir: &Path) -> anyhow::Result<(ClientPart, Weights)> {
    let (checkpoint, model) = (dir.join("checkpoint"), dir.join("model"));
    std::fs::create_dir(&checkpoint)?;
    let config = config(&Shape {
        vocabulary: VOCABULARY,
        context: CONTEXT,
        width: WIDTH,
        layers: LAYERS,
        heads: HEADS,
    });
    std::fs::write(checkpoint.join("config.json"), serde_json::to_vec(&config)?)?;
    // Prompts are numbers of tokens: any tokenizer does.
    let tokens = tokenizer("no text", 256)?;
    tokens
        .save(checkpoint.join("tokenizer.json"), false)
        .map_err(anyhow::Error::from_boxed)?;
    safetensors::save(&random_tensors()?, checkpoint.join("model.safetensors"))?;
    import(
        &Location::Folder(checkpoint.clone()),
        &model,
        &Hub::new(ENDPOINT, None)?,
        DEFAULT_MAX_BYTES,
        &mut |_| {},
    )?;
    std::fs::remove_dir_all(checkpoint)?;
    Ok((ClientPart::load(&model)?, Weights::load(&model)?))
}

fn random_tensors() -> anyhow::Result<HashMap<String, Tensor>> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut tensors = HashMap::new();
    let mut random = |name: &str, shape: &[usize]| -> anyhow::Result<()> {
        let normal = |rng: &mut ChaCha8Rng| (0..4).map(|_| rng.gen_range(-0.035f32..0.035)).sum::<f32>();
        let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| normal(&mut rng)).collect();
        tensors.insert(name.to_owned(), Tensor::from_vec(numbers, shape, &Device::Cpu)?);
        Ok(())
    };
    random("wte.weight", &[VOCABULARY, WIDTH])?;
    random("wpe.weight", &[CONTEXT, WIDTH])?;
    for layer in 0..LAYERS {
        // Weights have a column for each output.
        for (module, inputs, outputs) in [
            ("attn.c_attn", WIDTH, 3 * WIDTH),
            ("attn.c_proj", WIDTH, WIDTH),
            ("mlp.c_fc", WIDTH, 4 * WIDTH),
            ("mlp.c_proj", 4 * WIDTH, WIDTH),
        ] {
            random(&format!("h.{layer}.{module}.weight"), &[inputs, outputs])?;
            random(&format!("h.{layer}.{module}.bias"), &[outputs])?;
        }
    }
    let norms = (0..LAYERS).flat_map(|layer| [format!("h.{layer}.ln_1"), format!("h.{layer}.ln_2")]);
    for norm in norms.chain(["ln_f".into()]) {
        tensors.insert(
            format!("{norm}.weight"),
            Tensor::ones(WIDTH, candle_core::DType::F32, &Device::Cpu)?,
        );
        tensors.insert(
            format!("{norm}.bias"),
            Tensor::zeros(WIDTH, candle_core::DType::F32, &Device::Cpu)?,
        );
    }
    Ok(tensors)
}
