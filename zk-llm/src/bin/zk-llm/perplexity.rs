//! `zk-llm perplexity`: how well a checkpoint predicts a text, and what 8 bits and encryption cost of it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{ensure, Context};
use zk_llm::import::{
    import, ClientPart, Dynamic, Encrypted, Float, Hub, Location, Weights, DEFAULT_MAX_BYTES, ENDPOINT,
};
use zk_llm::train::gpt2::{halves, unigram};

use crate::figures::{at_most, plain, Figure, Report};

/// The text that is learnt and measured on, unless another is named.
pub const TEXT: &str = "zk-llm/corpus/pride-and-prejudice.txt";
/// Tokens that are predicted, unless told otherwise.
pub const TOKENS: usize = 4096;
/// Most of the unigram's perplexity that a model may have which learnt more than frequencies.
const LEARNT: f64 = 1.0 / 3.0;
/// Most of the float perplexity that integers may have.
const CLOSE: f64 = 1.02;

/// Arguments of `zk-llm perplexity`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the checkpoint: config.json, model.safetensors, tokenizer.json.
    #[arg(long)]
    checkpoint: PathBuf,
    /// Text whose last tenth is predicted; the rest gives the frequencies to compare with.
    #[arg(long, default_value = TEXT)]
    text: PathBuf,
    /// Tokens to predict, rounded down to whole windows.
    #[arg(long, default_value_t = TOKENS)]
    tokens: usize,
    /// File for the figures, as JSON; only the table is printed without it.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Measures, prints a table and writes the figures.
pub fn run(args: Args) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    let figures = measure(&args.checkpoint, &args.text, args.tokens)?;
    Report::new("perplexity", cores, figures).publish(args.out.as_deref())
}

/// Perplexities of the same held-out tokens by frequencies, by the checkpoint, by its import in clear, and by its import
/// on ciphertexts, whose products are held against those in clear one by one.
pub fn measure(checkpoint: &Path, text: &Path, tokens: usize) -> anyhow::Result<Vec<Figure>> {
    let dir = tempfile::tempdir()?;
    let from = Location::Folder(checkpoint.to_path_buf());
    import(
        &from,
        dir.path(),
        &Hub::new(ENDPOINT, None)?,
        DEFAULT_MAX_BYTES,
        &mut |_| {},
    )
    .with_context(|| checkpoint.display().to_string())?;
    let (part, weights) = (ClientPart::load(dir.path())?, Weights::load(dir.path())?);
    let network = &part.manifest().network;
    let text = std::fs::read_to_string(text).with_context(|| text.display().to_string())?;
    let (learnt, heldout) = halves(&text);
    // The context limits prompts; a text is cut into windows.
    let [learnt, heldout] = [learnt, heldout].map(|text| part.tokens().encode(text, u32::MAX));
    let (learnt, heldout) = (learnt?, heldout?);
    let predicted = network.context as usize;
    let windows: Vec<&[u32]> = heldout
        .chunks_exact(predicted + 1)
        .take(tokens / predicted)
        .collect();
    ensure!(
        !windows.is_empty(),
        "{} held-out tokens and {tokens} asked for are less than a window of {predicted}",
        heldout.len()
    );
    let wanted = windows.iter().flat_map(|window| &window[1..]);
    let frequencies = unigram(network.vocabulary as usize, &learnt, wanted);
    let float = part.perplexity(&mut Float::open(checkpoint)?, &windows)?;
    let quantised = part.perplexity(&mut Dynamic::new(&part, &weights), &windows)?;
    let mut miner = Encrypted::new(weights)?;
    let start = Instant::now();
    let encrypted = part.perplexity(&mut Dynamic::new(&part, &mut miner), &windows)?;
    let seconds = start.elapsed().as_secs_f64();
    let count = (windows.len() * predicted) as f64;
    Ok(vec![
        plain("gpt2_perplexity_tokens", count, "tokens"),
        plain("gpt2_perplexity_unigram", frequencies, ""),
        plain("gpt2_perplexity_float", float, ""),
        at_most("gpt2_perplexity_unigram_ratio", float / frequencies, "", LEARNT),
        at_most("gpt2_perplexity_quantised_ratio", quantised / float, "", CLOSE),
        at_most("gpt2_perplexity_encrypted_ratio", encrypted / float, "", CLOSE),
        plain("gpt2_encrypted_values_equal", miner.equal() as f64, "values"),
        plain("gpt2_encrypted_s_per_token", seconds / count, "s"),
    ])
}
