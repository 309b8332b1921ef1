//! `zk-llm bench-split`: single products beside concrete-ml-extensions, and a model of GPT-2's shape.
//!
//! Both sides of every comparison are measured in the same run, ours before and after the peer's, so that a
//! change of the machine's speed shows in neither alone.

mod extensions;
mod gpt2;
mod loopback;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::ensure;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use zk_llm::split::{hint, product, Matrix, PackingKey, SecretKey, Tokens};
use zk_llm::Device;

use crate::figures::{at_least, plain, Figure, Report};
use crate::peer::Peer;
use crate::perplexity;

/// Arguments of `zk-llm bench-split`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Python with concrete-ml-extensions; without it there is no comparison.
    #[arg(long)]
    python: Option<PathBuf>,
    /// The peer's script.
    #[arg(long, default_value = "zk-llm/bench/extensions.py")]
    script: PathBuf,
    /// Checkpoint that `zk-llm train-gpt2` wrote; without it no perplexity is measured.
    #[arg(long)]
    gpt2: Option<PathBuf>,
    /// The text that it learnt.
    #[arg(long, default_value = perplexity::TEXT)]
    text: PathBuf,
    /// Where the miner's side computes: cpu, cuda, or auto for a CUDA device where there is one.
    #[arg(long, default_value = "cpu")]
    device: Device,
    /// File for the figures, as JSON; only the table is printed without it.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// A client and a miner of one session.
pub struct Session {
    pub secret: SecretKey,
    pub packing: PackingKey,
    pub device: Device,
}

/// Keys of the figures of one size.
struct Keys {
    inputs: u32,
    outputs: u32,
    total_ratio: &'static str,
    online_ratio: &'static str,
    total_s: &'static str,
    online_s: &'static str,
    bytes: &'static str,
}

const SIZES: [Keys; 2] = [
    Keys {
        inputs: 768,
        outputs: 768,
        total_ratio: "matmul_768x768_total_ratio",
        online_ratio: "matmul_768x768_online_ratio",
        total_s: "matmul_768x768_total_s",
        online_s: "matmul_768x768_online_s",
        bytes: "matmul_768x768_ciphertext_bytes",
    },
    Keys {
        inputs: 768,
        outputs: 3072,
        total_ratio: "matmul_768x3072_total_ratio",
        online_ratio: "matmul_768x3072_online_ratio",
        total_s: "matmul_768x3072_total_s",
        online_s: "matmul_768x3072_online_s",
        bytes: "matmul_768x3072_ciphertext_bytes",
    },
];

/// Measures, prints a table and writes the figures.
pub fn run(args: Args) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    let mut peer = match &args.python {
        Some(python) => Some(Peer::start(python, &args.script)?),
        None => {
            eprintln!(
                "bench: without --python there is no comparison with {}",
                extensions::NAME
            );
            None
        }
    };
    let start = Instant::now();
    let secret = SecretKey::generate()?;
    let key_s = start.elapsed().as_secs_f64();
    let key_bytes = secret.packing_key_bytes().len() as f64;
    let packing = PackingKey::from_bytes(secret.packing_key_bytes())?;
    let session = Session {
        secret,
        packing,
        device: args.device,
    };
    let keys = peer.as_mut().map(extensions::keys).transpose()?;
    let mut figures = vec![
        beside(
            plain("key_bytes", key_bytes, "B"),
            keys.as_ref().map(|keys| keys.key_bytes),
        ),
        beside(
            plain("key_generation_s", key_s, "s"),
            keys.as_ref().map(|keys| keys.key_s),
        ),
    ];
    for size in &SIZES {
        figures.extend(measure_product(&session, size, peer.as_mut())?);
    }
    figures.extend(gpt2::measure(&session)?);
    match &args.gpt2 {
        Some(checkpoint) => figures.extend(perplexity::measure(checkpoint, &args.text, perplexity::TOKENS)?),
        None => eprintln!("bench: without --gpt2 no perplexity is measured"),
    }
    Report::new("zk-split", cores, figures).publish(args.out.as_deref())
}

/// A figure of which less is better, beside the peer's.
fn beside(figure: Figure, peer_value: Option<f64>) -> Figure {
    Figure {
        peer: peer_value.map(|_| extensions::NAME.into()),
        peer_value,
        ratio: peer_value.map(|peer| peer / figure.value),
        ..figure
    }
}

/// Seconds of one product, and bytes of its ciphertexts.
struct Product {
    total_s: f64,
    online_s: f64,
    bytes: f64,
}

fn measure_product(session: &Session, size: &Keys, peer: Option<&mut Peer>) -> anyhow::Result<Vec<Figure>> {
    const RUNS: usize = 5;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let weights = integers(&mut rng, (size.inputs * size.outputs) as usize);
    let matrix = Matrix::new(size.inputs, size.outputs, weights)?.on(&session.device)?;
    // The first run warms caches and threads.
    one_product(session, &matrix, &mut rng)?;
    let mut ours = Vec::new();
    let mut several = |rng: &mut ChaCha8Rng| -> anyhow::Result<()> {
        for _ in 0..RUNS {
            ours.push(one_product(session, &matrix, rng)?);
        }
        Ok(())
    };
    several(&mut rng)?;
    let theirs = peer
        .map(|peer| extensions::product(peer, size.inputs, size.outputs))
        .transpose()?;
    several(&mut rng)?;
    let total_s = median(ours.iter().map(|run| run.total_s));
    let online_s = median(ours.iter().map(|run| run.online_s));
    let bytes = median(ours.iter().map(|run| run.bytes));
    let their_s = theirs
        .as_ref()
        .map(|theirs| theirs.encrypt_s + theirs.multiply_s + theirs.decrypt_s);
    let their_bytes = theirs
        .as_ref()
        .map(|theirs| theirs.input_bytes + theirs.output_bytes);
    let mut figures = vec![
        beside(plain(size.total_s, total_s, "s"), their_s),
        beside(plain(size.online_s, online_s, "s"), their_s),
        beside(plain(size.bytes, bytes, "B"), their_bytes),
    ];
    if let (Some(seconds), Some(theirs)) = (their_s, theirs) {
        for (key, ours, target) in [
            (size.total_ratio, total_s, 30.0),
            (size.online_ratio, online_s, 1000.0),
        ] {
            figures.push(Figure {
                peer: Some(format!(
                    "{}, whose sums have an error of deviation {:.1}; ours are exact",
                    extensions::NAME,
                    theirs.error_deviation
                )),
                ratio: Some(seconds / ours),
                ..at_least(key, seconds / ours, "times", target)
            });
        }
    }
    Ok(figures)
}

/// One position through a batch of its own: nothing is shared with other products.
fn one_product(session: &Session, matrix: &Matrix, rng: &mut ChaCha8Rng) -> anyhow::Result<Product> {
    let x = integers(rng, matrix.shape().inputs as usize);
    let start = Instant::now();
    let pending = session.secret.prepare(matrix.shape(), Tokens::new(1)?)?;
    let request = pending.request().len();
    let hint = hint(matrix, &session.packing, pending.request())?;
    let mut batch = session.secret.complete(pending, &hint)?;
    let online = Instant::now();
    let (bodies, opening) = batch.encrypt(&x)?;
    let products = product(matrix, &bodies)?;
    let decrypted = opening.decrypt(&products)?;
    let (online_s, total_s) = (online.elapsed().as_secs_f64(), start.elapsed().as_secs_f64());
    ensure!(
        decrypted == matrix.multiply(&x)?,
        "a decrypted product differs from the clear one"
    );
    Ok(Product {
        total_s,
        online_s,
        bytes: (request + hint.len() + bodies.len() + products.len()) as f64,
    })
}

/// Uniform 8-bit integers.
fn integers(rng: &mut impl Rng, count: usize) -> Vec<i8> {
    (0..count).map(|_| rng.gen_range(-127..=127)).collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
