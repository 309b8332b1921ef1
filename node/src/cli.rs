//! Command line of the node.

use sc_cli::RunCmd;

/// What the user typed.
#[derive(Debug, clap::Parser)]
pub struct Cli {
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,

    #[clap(flatten)]
    pub run: RunCmd,
}

/// Commands other than running a node.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Make, inspect and insert keys.
    #[command(subcommand)]
    Key(sc_cli::KeySubcommand),

    /// Build a chain specification (older form of export-chain-spec).
    BuildSpec(sc_cli::BuildSpecCmd),

    /// Write a chain specification, plain or raw.
    ExportChainSpec(sc_cli::ExportChainSpecCmd),

    /// Validate blocks again.
    CheckBlock(sc_cli::CheckBlockCmd),

    /// Write blocks to a file.
    ExportBlocks(sc_cli::ExportBlocksCmd),

    /// Write the state of a block into a chain specification.
    ExportState(sc_cli::ExportStateCmd),

    /// Read blocks from a file.
    ImportBlocks(sc_cli::ImportBlocksCmd),

    /// Remove the whole chain from disk.
    PurgeChain(sc_cli::PurgeChainCmd),

    /// Go back to an earlier, not yet finalised block.
    Revert(sc_cli::RevertCmd),

    /// Measure the machine, the database and the runtime.
    #[cfg(feature = "benchmark")]
    #[command(subcommand)]
    Benchmark(Box<frame_benchmarking_cli::BenchmarkCmd>),

    /// Measure the machine, the database and the runtime (in nodes built with --features benchmark).
    #[cfg(not(feature = "benchmark"))]
    Benchmark {
        /// What to measure, and how.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Print facts about the database's chain.
    ChainInfo(sc_cli::ChainInfoCmd),
}
