//! Command line of the validator.

use based_validator::{
    args::{Cli, Command},
    forecast::export,
    register, run, status,
};
use clap::Parser;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match cli.command {
        Command::Register(args) => register::register(&cli.common, &args).await,
        Command::Run(args) => run::run(&cli.common, &args).await,
        Command::Dataset(args) => export::dataset(&cli.common, &args).await,
        Command::Status(args) => status::status(&cli.common, &args).await,
    }
}
