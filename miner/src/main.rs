//! Command line of the miner.

use std::{io::IsTerminal, process::ExitCode};

use based_miner::{
    args::{Cli, Command},
    register, run, status,
};
use clap::Parser;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let done = match cli.command {
        Command::Register(args) => register::register(&cli.common, &args).await,
        Command::Run(args) => run::run(&cli.common, &args).await,
        Command::Status(args) => status::status(&cli.common, &args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
