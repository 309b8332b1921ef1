//! A model of GPT-2 small's shape with random weights: 12 blocks of width 768 through the miner; the
//! embedding, which is also the last layer, stays with the client.

use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use zk_llm::split::block::{Block, Cache, Layer, Linear};
use zk_llm::split::{answer, hint, Batch, Matrix, Tokens};

use super::loopback::Miner;
use super::Session;
use crate::figures::{at_least, at_most, plain, Figure};

const BLOCKS: usize = 12;
const WIDTH: u32 = 768;
const HEADS: usize = 12;
const VOCABULARY: usize = 50_257;
/// Positions of the prompt, all in one batch, which is answered in one step.
const PREFILL: usize = 128;
/// Generated positions, and how many share a batch.
const GENERATED: usize = 64;
const BATCH: usize = 16;

struct Model {
    blocks: Vec<Block>,
    embedding: Vec<f32>,
}

/// Measures a prompt of 128 tokens and 64 generated ones, and holds every token against the clear model.
pub fn measure(session: &Session) -> anyhow::Result<Vec<Figure>> {
    let (model, matrices) = random_model()?;
    let matrices = Arc::new(matrices);
    let mut miner = Miner::start(matrices.clone())?;
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let prompt: Vec<usize> = (0..PREFILL).map(|_| rng.gen_range(0..VOCABULARY)).collect();

    let start = Instant::now();
    let mut run = Run::new(session, &matrices);
    let bytes = &mut run.online_bytes;
    let mut tokens = vec![model.step(&mut run.caches, &prompt, |at, x| {
        answered(session, &matrices[at], bytes, x)
    })?];
    let prefill_s = start.elapsed().as_secs_f64();
    let prefill_bytes = run.bytes();

    (run.online_bytes, run.offline_bytes) = (0, 0);
    let (mut offline_s, mut online_s, mut rounds) = (0.0, 0.0, 0);
    while tokens.len() <= GENERATED {
        if (tokens.len() - 1).is_multiple_of(BATCH) {
            let start = Instant::now();
            run.prepare(BATCH)?;
            offline_s += start.elapsed().as_secs_f64();
        }
        let start = Instant::now();
        let last = tokens[tokens.len() - 1];
        let next = model.step(&mut run.caches, &[last], |at, x| {
            rounds += 1;
            multiply(&mut run.batches, &mut run.online_bytes, &mut miner, at, x)
        })?;
        online_s += start.elapsed().as_secs_f64();
        tokens.push(next);
    }
    let (decode_bytes, online_bytes) = (run.bytes(), run.online_bytes as f64);
    miner.stop()?;
    ensure!(
        tokens == model.clear(&matrices, &prompt)?,
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

/// What a client holds while it generates.
struct Run<'a> {
    session: &'a Session,
    matrices: &'a [Matrix],
    caches: Vec<Cache>,
    batches: Vec<Batch>,
    offline_bytes: usize,
    online_bytes: usize,
}

impl<'a> Run<'a> {
    fn new(session: &'a Session, matrices: &'a [Matrix]) -> Self {
        Self {
            session,
            matrices,
            caches: vec![Cache::default(); BLOCKS],
            batches: Vec::new(),
            offline_bytes: 0,
            online_bytes: 0,
        }
    }

    /// Prepares a batch for every matrix, both sides' work.
    fn prepare(&mut self, positions: usize) -> anyhow::Result<()> {
        self.batches.clear();
        for matrix in self.matrices {
            let pending = self
                .session
                .secret
                .prepare(matrix.shape(), Tokens::new(positions)?)?;
            let hint = hint(matrix, &self.session.packing, pending.request())?;
            self.offline_bytes += pending.request().len() + hint.len();
            self.batches.push(self.session.secret.complete(pending, &hint)?);
        }
        Ok(())
    }

    fn bytes(&self) -> f64 {
        (self.offline_bytes + self.online_bytes) as f64
    }
}

/// A prompt's round: hint and products in one, made in this process, as the hints of batches are.
fn answered(session: &Session, matrix: &Matrix, bytes: &mut usize, x: &[i8]) -> zk_llm::Result<Vec<i64>> {
    let pending = session.secret.prepare(matrix.shape(), Tokens::new(PREFILL)?)?;
    let request = pending.request().to_vec();
    let (bodies, sealed) = pending.seal(x)?;
    let answer = answer(matrix, &session.packing, &request, &bodies)?;
    *bytes += request.len() + bodies.len() + answer.len();
    session.secret.unseal(&sealed, &answer)
}

/// One round with the miner.
fn multiply(
    batches: &mut [Batch],
    bytes: &mut usize,
    miner: &mut Miner,
    matrix: usize,
    x: &[i8],
) -> zk_llm::Result<Vec<i64>> {
    let (bodies, opening) = batches[matrix].encrypt(x)?;
    let products = miner
        .multiply(matrix as u32, &bodies)
        .map_err(|e| zk_llm::Error::Ciphertext(format!("no answer: {e}")))?;
    *bytes += bodies.len() + products.len();
    opening.decrypt(&products)
}

impl Model {
    /// Runs tokens through all blocks and chooses the likeliest next one.
    fn step(
        &self,
        caches: &mut [Cache],
        tokens: &[usize],
        mut multiply: impl FnMut(usize, &[i8]) -> zk_llm::Result<Vec<i64>>,
    ) -> anyhow::Result<usize> {
        let width = WIDTH as usize;
        let row = |token: &usize| &self.embedding[token * width..][..width];
        let mut hidden: Vec<f32> = tokens.iter().flat_map(row).copied().collect();
        for (at, (block, cache)) in self.blocks.iter().zip(caches).enumerate() {
            hidden = block.forward(cache, &hidden, |layer, x| {
                multiply(at * Layer::ALL.len() + layer as usize, x)
            })?;
        }
        let last = &hidden[hidden.len() - width..];
        let scores = self.embedding.par_chunks_exact(width).map(|row| dot(row, last));
        let best = scores.enumerate();
        let best = best.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        Ok(best.map_or(0, |(token, _)| token))
    }

    /// The tokens of the same integer model in clear.
    fn clear(&self, matrices: &[Matrix], prompt: &[usize]) -> anyhow::Result<Vec<usize>> {
        let mut caches = vec![Cache::default(); BLOCKS];
        let mut step = |tokens: &[usize]| self.step(&mut caches, tokens, |at, x| matrices[at].multiply(x));
        let mut tokens = vec![step(prompt)?];
        while tokens.len() <= GENERATED {
            let last = tokens[tokens.len() - 1];
            tokens.push(step(&[last])?);
        }
        Ok(tokens)
    }
}

/// Sixteen sums at a time, which a processor adds at once.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

fn random_model() -> anyhow::Result<(Model, Vec<Matrix>)> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    // The deviation of GPT-2's initial weights.
    let mut numbers = |count: usize| -> Vec<f32> {
        let normal = |rng: &mut ChaCha8Rng| (0..4).map(|_| rng.gen_range(-0.035f32..0.035)).sum();
        (0..count).map(|_| normal(&mut rng)).collect()
    };
    let (mut blocks, mut matrices) = (Vec::new(), Vec::new());
    for _ in 0..BLOCKS {
        let mut linear = Vec::new();
        for layer in Layer::ALL {
            let (inputs, outputs) = layer.size(WIDTH);
            let (matrix, steps) = Matrix::quantise(inputs, outputs, &numbers((inputs * outputs) as usize))?;
            linear.push(Linear {
                shape: *matrix.shape(),
                steps,
                bias: numbers(outputs as usize),
            });
            matrices.push(matrix);
        }
        let norm = || (vec![1.0; WIDTH as usize], vec![0.0; WIDTH as usize]);
        blocks.push(Block {
            before_attention: norm(),
            before_expansion: norm(),
            heads: HEADS,
            linear: linear
                .try_into()
                .map_err(|_| anyhow::anyhow!("a block has four layers"))?,
        });
    }
    let embedding = numbers(VOCABULARY * WIDTH as usize);
    Ok((Model { blocks, embedding }, matrices))
}
