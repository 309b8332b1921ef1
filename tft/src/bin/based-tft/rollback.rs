//! `based-tft rollback`: back to any stored version.

use std::path::PathBuf;

use based_tft::store;
use serde_json::json;

use crate::output::print_json;

/// Arguments of `based-tft rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model directory.
    #[arg(long)]
    model: PathBuf,
    /// Hash of the version to make current; without it the versions are listed, newest first.
    #[arg(long)]
    to: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Lists or rolls back.
pub fn run(args: Args) -> anyhow::Result<()> {
    if let Some(version) = &args.to {
        store::roll_back(&args.model, version)?;
    }
    let current = store::current(&args.model)?;
    let versions = store::versions(&args.model)?;
    if args.json {
        return print_json(&json!({"current": current, "versions": versions}));
    }
    for version in versions {
        println!("{version}{}", if version == current { " (current)" } else { "" });
    }
    Ok(())
}
