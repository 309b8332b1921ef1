//! `zk-llm inspect`: what a model is and why it is exact.

use std::path::PathBuf;

use anyhow::Context;
use zk_llm::Model;

/// Arguments of `zk-llm inspect`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model directory.
    #[arg(long)]
    model: PathBuf,
    /// Print the layers' account as JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Prints the manifest's figures and the compiler's account.
pub fn run(args: Args) -> anyhow::Result<()> {
    let model = Model::load(&args.model).with_context(|| format!("model {}", args.model.display()))?;
    let (manifest, circuit) = (model.manifest(), model.circuit());
    if args.json {
        println!("{}", serde_json::to_string_pretty(circuit.report())?);
        return Ok(());
    }
    let limits = model.limits();
    println!("{}: {}", manifest.name, manifest.task);
    println!("manifest   {}", hex::encode(model.manifest_hash()));
    println!("parameters {}", manifest.parameter_set);
    println!(
        "network    {} layer(s), width {}, {} heads, {} features, {} tokens, labels {}",
        manifest.layers,
        manifest.dim,
        manifest.heads,
        manifest.features,
        manifest.context,
        manifest.labels.join(", ")
    );
    for (head, plan) in manifest.head_plan.iter().enumerate() {
        let fate = if plan.kept { "kept" } else { "pruned" };
        println!("head {head}     {fate}, significance {:.4}", plan.significance);
    }
    println!(
        "bootstraps {} before squeezing, {} after, in {} rounds",
        manifest.bootstraps.unsqueezed,
        manifest.bootstraps.squeezed,
        circuit.depth()
    );
    println!(
        "bytes      evaluation key {}, prompt {}, answer {}",
        limits.evaluation_key_bytes, limits.input_bytes, limits.output_bytes
    );
    println!("\n{}", circuit.report());
    Ok(())
}
