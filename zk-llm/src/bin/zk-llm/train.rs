//! Filled by the trainer.

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs.
pub fn run(_args: Args) -> anyhow::Result<()> {
    anyhow::bail!("not built")
}
