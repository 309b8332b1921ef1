//! `zk-llm parity`: how far a checkpoint's 8-bit import is from the checkpoint itself.

use std::path::PathBuf;

use anyhow::{ensure, Context};
use zk_llm::import::{
    import, ClientPart, Dynamic, Float, Hub, Location, Output, Weights, DEFAULT_MAX_BYTES, ENDPOINT,
};

/// Arguments of `zk-llm parity`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the checkpoint: config.json, model.safetensors, tokenizer.json.
    #[arg(long)]
    checkpoint: PathBuf,
    /// File of texts, one a line.
    #[arg(long)]
    texts: PathBuf,
    /// Least cosine of any text's output that is accepted.
    #[arg(long, default_value_t = 0.99)]
    least: f64,
}

/// Prints the cosine of both outputs over the texts, and how often they name the same class or token.
pub fn run(args: Args) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let hub = Hub::new(ENDPOINT, None)?;
    let from = Location::Folder(args.checkpoint.clone());
    let imported = import(&from, dir.path(), &hub, DEFAULT_MAX_BYTES, &mut |_| {})?;
    let (client, weights) = (ClientPart::load(dir.path())?, Weights::load(dir.path())?);
    let mut float = Float::open(&args.checkpoint)?;
    let texts = std::fs::read_to_string(&args.texts).with_context(|| args.texts.display().to_string())?;
    let (mut cosines, mut rows, mut same) = (vec![], 0u32, 0u32);
    let width = match &imported.manifest.network.output {
        Output::Classifier { labels } => labels.len(),
        Output::Generator { .. } => imported.manifest.network.vocabulary as usize,
        Output::Encoder | Output::Embedding { .. } => imported.manifest.network.width as usize,
    };
    for text in texts.lines().filter(|line| !line.trim().is_empty()) {
        let ids = client.encode(text)?;
        let exact = client.run(&mut float, &ids)?;
        let integer = client.run(&mut Dynamic::new(&client, &weights), &ids)?;
        for (a, b) in exact.chunks(width).zip(integer.chunks(width)) {
            cosines.push(cosine(a, b));
            rows += 1;
            same += u32::from(largest(a) == largest(b));
        }
    }
    ensure!(rows > 0, "{} has no texts", args.texts.display());
    let least = cosines.iter().copied().fold(f64::INFINITY, f64::min);
    let mean = cosines.iter().sum::<f64>() / f64::from(rows);
    println!("manifest      {}", hex::encode(imported.hash));
    println!("outputs       {rows} of {width} numbers");
    println!("cosine        least {least:.6}, mean {mean:.6}");
    println!("same largest  {same} of {rows}");
    ensure!(least >= args.least, "the least cosine is below {}", args.least);
    Ok(())
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn largest(row: &[f32]) -> Option<usize> {
    (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]))
}
