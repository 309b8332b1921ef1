//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use based_client::wallet::KeyArgs;
use based_primitives::{Balance, BrainId};
use based_tft::Sizes;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Checks the miners of a Brain by canary prompts, sets their weights and forecasts the network.
#[derive(Debug, Parser)]
#[command(name = "based-validator", version, about)]
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
    /// Directory of the validator's database, keys and models.
    #[arg(
        long,
        global = true,
        env = "BASED_VALIDATOR_DATA",
        default_value = "validator-data"
    )]
    pub data_dir: PathBuf,
    /// The validator's account.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Memorize this machine as a validator of the Brain, or update its entry; optionally stake.
    Register(Register),
    /// Send canaries, set weights and forecast until stopped.
    Run(Run),
    /// Write the dataset that forecasts are learnt from, for based-tft: metrics of the chain as of its last finalized
    /// block, and what is kept of earlier ones.
    Dataset(Dataset),
    /// Show what the chain and the database say about this validator.
    Status(Status),
}

/// Settings of `register`.
#[derive(Debug, Args)]
pub struct Register {
    /// Address under which this validator is entered in the registry.
    #[arg(long, value_name = "IP:PORT")]
    pub endpoint: SocketAddr,
    /// Disk that the validator will keep within, in MiB.
    #[arg(long, default_value_t = 2_048)]
    pub storage_mib: u32,
    /// $BASED to stake to this validator itself; without stake its weights do not count.
    #[arg(long, value_name = "BASED", value_parser = based_client::money::parse)]
    pub stake: Option<Balance>,
}

/// Settings of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// A model directory or a directory of them; may be given again. A model that is in none of them is fetched
    /// from the repository that the task names.
    #[arg(long, value_name = "DIR")]
    pub model_dir: Vec<PathBuf>,
    /// File with secret URIs or seeds of the accounts that pay for canaries, one a line.
    #[arg(long, value_name = "FILE")]
    pub canary_file: Option<PathBuf>,
    /// Secret URI of an account that pays for canaries; for development only, since other users of the machine can
    /// read a command line. May be given again.
    #[arg(long, value_name = "URI")]
    pub canary_uri: Vec<String>,
    /// Most that the canaries of one round (the time between two epochs of the Brain) may cost.
    #[arg(long, value_name = "BASED", default_value = "10", value_parser = based_client::money::parse)]
    pub budget: Balance,
    /// Deposit of each canary account's spending account, and its refill when that is used up. Users choose such sums
    /// too: take one that is common in the Brain.
    #[arg(long, value_name = "BASED", default_value = "1", value_parser = based_client::money::parse)]
    pub canary_deposit: Balance,
    /// Other Brains visited in a round: a few of their miners get canaries too, from the same accounts and budget, and
    /// what they answer becomes this validator's cross edges; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=16))]
    pub abroad: u8,
    /// Time between two canaries to a miner of the own Brain, on average, such as 30m: as many fit into a round, but at
    /// least one.
    #[arg(long, value_name = "TIME", default_value = CANARY_EVERY, value_parser = span)]
    pub canary_every: Duration,
    /// Canaries under way at the same time.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub parallel: u8,
    /// Seconds after which an answer counts as missing; twice as many for a canary that is audited.
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub patience: Duration,
    /// Port of this machine alone on which /metrics is served; 0 for none.
    #[arg(long, default_value_t = 9_617)]
    pub metrics_port: u16,
    /// Neither collect metrics nor train nor forecast, on machines that are too small for it. Forecasts gain influence
    /// over the years.
    #[arg(long)]
    pub no_forecast: bool,
    /// Size of the forecasting model: `standard` takes about three times as long to train.
    #[arg(long, value_name = "SIZE", value_enum, default_value_t)]
    pub model_size: ModelSize,
    /// Time between the beginnings of two trainings of the forecasting model, such as 24h or 90m. They run on all
    /// cores, but only when nothing else wants them.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = span)]
    pub train_every: Duration,
}

/// Enough that a day's canaries find a miner that cheats on a tenth of its answers with a chance of 99%.
pub const CANARY_EVERY: &str = "30m";

/// Size of the forecasting model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ModelSize {
    /// Width 16.
    #[default]
    Small,
    /// Width 32.
    Standard,
}

impl ModelSize {
    /// The model's sizes.
    pub fn sizes(self) -> Sizes {
        match self {
            Self::Small => Sizes::SMALL,
            Self::Standard => Sizes::STANDARD,
        }
    }
}

/// Settings of `dataset`.
#[derive(Debug, Args)]
pub struct Dataset {
    /// Directory in which schema.json and series.csv are written.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Print what was written as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Settings of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Draw a page that renews itself every few seconds, until Ctrl-C.
    #[arg(long, conflicts_with = "json")]
    pub watch: bool,
}

/// A time such as 90s, 30m, 24h or 7d.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "give a time from 1m to 365d, such as 90m, 24h or 7d".to_string();
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match number.checked_mul(unit) {
        Some(seconds @ 60..=31_536_000) => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("give a number of seconds from 1 to 86400".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn common_settings_may_follow_the_command() {
        let cli = Cli::try_parse_from([
            "based-validator",
            "run",
            "--node",
            "ws://127.0.0.1:1",
            "--uri",
            "//Validator",
            "--brain",
            "9",
            "--canary-uri",
            "//Canary0",
            "--patience",
            "30",
        ])
        .unwrap();
        assert_eq!(cli.common.brain, 9);
        let Command::Run(run) = cli.command else {
            panic!("not run")
        };
        assert_eq!((run.patience, run.abroad), (Duration::from_secs(30), 2));
        assert_eq!(run.train_every, Duration::from_secs(86_400));
        assert_eq!((run.model_size, run.no_forecast), (ModelSize::Small, false));
        for bad in [
            ["run", "--parallel", "0"],
            ["run", "--patience", "0"],
            ["run", "--budget", "-1"],
            ["run", "--abroad", "17"],
            ["run", "--train-every", "24"],
            ["run", "--train-every", "1s"],
            ["run", "--train-every", "99999999999999999999d"],
        ] {
            assert!(
                Cli::try_parse_from(std::iter::once("based-validator").chain(bad)).is_err(),
                "{bad:?}"
            );
        }
    }
}
