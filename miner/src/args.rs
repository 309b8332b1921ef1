//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use based_client::{money, wallet::KeyArgs};
use based_primitives::{Balance, BlockNumber, BrainId, ResourceKind};
use clap::{Args, Parser, Subcommand, ValueEnum};
use zk_llm::Device;

/// Answers encrypted prompts of a Brain and is paid by vouchers. It never holds a key that decrypts.
#[derive(Debug, Parser)]
#[command(name = "based-miner", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command needs.
    #[command(flatten)]
    pub common: Common,
}

/// Settings of every command.
#[derive(Debug, Args)]
pub struct Common {
    /// WebSocket address of a based-node.
    #[arg(
        long,
        global = true,
        env = "BASED_NODE",
        default_value = "ws://127.0.0.1:9944"
    )]
    pub node: String,
    /// Number of the Brain.
    #[arg(long, global = true, env = "BASED_BRAIN", default_value_t = 7)]
    pub brain: BrainId,
    /// Directory of the miner's state, computekey, evaluation keys and fetched models.
    #[arg(long, global = true, env = "BASED_MINER_DATA", default_value = "miner-data")]
    pub data_dir: PathBuf,
    /// The miner's account.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Memorize this machine as a miner of the Brain, or update its entry; optionally stake.
    Register(Register),
    /// Serve encrypted prompts and redeem vouchers until stopped.
    Run(Run),
    /// Show what the chain and the state say about this miner.
    Status(Status),
}

/// Processor that does the work (R023).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Processor {
    /// Processor cores.
    Cpu,
    /// Graphics processor.
    Gpu,
}

impl From<Processor> for ResourceKind {
    fn from(processor: Processor) -> Self {
        match processor {
            Processor::Cpu => Self::Cpu,
            Processor::Gpu => Self::Gpu,
        }
    }
}

/// Settings of `register`.
#[derive(Debug, Args)]
pub struct Register {
    /// Address under which clients reach this miner.
    #[arg(long, value_name = "IP:PORT")]
    pub endpoint: SocketAddr,
    /// Processor dedicated to the Brain.
    #[arg(long, value_enum, default_value = "cpu")]
    pub processor: Processor,
    /// Disk that the miner will keep within, in MiB; it is recorded on chain and enforced by `run`.
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(256..))]
    pub storage_mib: u32,
    /// $BASED to stake to the Brain after joining.
    #[arg(long, value_name = "BASED", value_parser = money::parse)]
    pub stake: Option<Balance>,
}

/// Settings of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Address to listen on; clients reach it by the endpoint that was registered.
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:9955")]
    pub listen: SocketAddr,
    /// A model directory or a directory of them; may be given again. A model that is in none of them is fetched
    /// from the repository that the task names.
    #[arg(long, visible_alias = "models-dir", value_name = "DIR")]
    pub model_dir: Vec<PathBuf>,
    /// File of centroids to publish, as `zk-llm centroids` writes it: clients find this miner by the topic of their
    /// prompts.
    #[arg(long, value_name = "FILE")]
    pub centroids: Option<PathBuf>,
    /// Where to evaluate: `cpu`, `cuda` for the first NVIDIA device if the program was built with it, or `auto` for
    /// that device where there is one.
    #[arg(long, default_value = "auto")]
    pub device: Device,
    /// Threads that evaluate; by default one a core.
    #[arg(long)]
    pub threads: Option<usize>,
    /// Disk to keep within, in MiB, if less than what was declared at registration.
    #[arg(long)]
    pub storage_mib: Option<u32>,
    /// Redeem vouchers at the latest after so many blocks.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub redeem_blocks: BlockNumber,
    /// Redeem vouchers as soon as they promise so much.
    #[arg(long, value_name = "BASED", default_value = "10", value_parser = money::parse)]
    pub redeem_above: Balance,
    /// Port of the metrics page on loopback; 0 for none.
    #[arg(long, default_value_t = 9_616)]
    pub metrics_port: u16,
}

/// Settings of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}
