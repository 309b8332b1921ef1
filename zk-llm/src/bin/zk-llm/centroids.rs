//! `zk-llm centroids`: what a miner publishes so that clients find it by the topic of their prompts.

use std::path::PathBuf;

use anyhow::{ensure, Context};
use zk_llm::import::{ClientPart, Dynamic, Output, Weights};
use zk_llm::routing::Centroids;

/// Arguments of `zk-llm centroids`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of an imported embedding model; clients compare with the same one.
    #[arg(long)]
    model: PathBuf,
    /// File of texts that the miner is good at, one a line.
    #[arg(long)]
    texts: PathBuf,
    /// Most centroids.
    #[arg(long, default_value_t = 8)]
    count: usize,
    /// File for the centroids.
    #[arg(long)]
    out: PathBuf,
}

/// Embeds the texts and writes the centroids of their groups.
pub fn run(args: Args) -> anyhow::Result<()> {
    let (client, weights) = (ClientPart::load(&args.model)?, Weights::load(&args.model)?);
    ensure!(
        matches!(client.manifest().network.output, Output::Embedding { .. }),
        "{} gives no embeddings; import a sentence embedding, such as sentence-transformers/all-MiniLM-L6-v2",
        args.model.display()
    );
    let texts = std::fs::read_to_string(&args.texts).with_context(|| args.texts.display().to_string())?;
    let mut embeddings = vec![];
    for text in texts.lines().filter(|line| !line.trim().is_empty()) {
        let ids = client.encode(text)?;
        embeddings.push(client.run(&mut Dynamic::new(&client, &weights), &ids)?);
    }
    let centroids = Centroids::of(&client.manifest_hash(), &embeddings, args.count)?;
    std::fs::write(&args.out, centroids.to_json()?).with_context(|| args.out.display().to_string())?;
    println!(
        "{} centroids of {} texts",
        centroids.vectors().count(),
        embeddings.len()
    );
    Ok(())
}
