//! `based`: the command line of BasedAI.

mod ask;
mod authority;
mod brains;
mod call;
mod evm;
mod forecasts;
mod governance;
mod model;
mod owner;
mod report;
mod spend;
mod stake;
mod template;
mod wallets;

use std::process::ExitCode;

use based_client::{
    chain::{AccountId, Chain},
    wallet::KeyArgs,
};
use based_primitives::BrainId;
use clap::{CommandFactory, Parser, Subcommand};
use report::Report;

/// Ask models privately, and take part in BasedAI.
#[derive(Debug, Parser)]
#[command(name = "based", version, propagate_version = true)]
struct Cli {
    /// Node to connect to.
    #[arg(
        long,
        env = "BASED_NODE",
        default_value = "ws://127.0.0.1:9944",
        global = true,
        value_name = "URL"
    )]
    node: String,
    /// Print one line of JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Send nothing: say what the first transaction of the command would cost, and whether it would succeed now; for
    /// `ask`, how a miner would be chosen.
    #[arg(long, global = true)]
    dry_run: bool,
    #[command(flatten)]
    key: KeyArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask a prompt; the miner sees ciphertexts alone.
    Ask(ask::Ask),
    /// Make and look at wallets.
    #[command(subcommand)]
    Wallet(wallets::Wallet),
    /// Show an account's balances.
    Balance {
        /// Account; the wallet's own by default.
        #[arg(value_parser = account)]
        account: Option<AccountId>,
    },
    /// Send $BASED, or Pepecoin.
    Transfer {
        /// Receiver.
        #[arg(value_parser = account)]
        to: AccountId,
        /// Amount.
        #[arg(value_parser = amount)]
        amount: u128,
        /// Send Pepecoin.
        #[arg(long)]
        pepecoin: bool,
    },
    /// Look at Brains, and buy and manage one's own.
    #[command(subcommand)]
    Brain(brains::Brain),
    /// List the miners and validators of a Brain.
    Peers {
        /// Brain.
        brain: BrainId,
    },
    /// Give up one's place as a miner or validator of a Brain; the deposit returns.
    Leave {
        /// Brain.
        brain: BrainId,
    },
    /// Show the weights that validators give in a Brain.
    Weights {
        /// Brain.
        brain: BrainId,
    },
    /// Stake to Brains and validators.
    #[command(subcommand)]
    Stake(stake::Stake),
    /// Show and claim rewards of peers and owners.
    #[command(subcommand)]
    Rewards(stake::Rewards),
    /// Produce blocks: keys, elections and the bond.
    #[command(subcommand)]
    Authority(authority::Authority),
    /// Look at metrics of the chain and at forecasts of it.
    #[command(subcommand)]
    Forecasts(forecasts::Forecasts),
    /// Look at proposals, propose and vote, as a GigaBrain's owner or with Pepecoin.
    #[command(subcommand)]
    Governance(governance::Governance),
    /// Import models from Hugging Face, look at them and try them.
    #[command(subcommand)]
    Model(model::Model),
    /// Look at templates of tasks, and start one on a network of this machine.
    #[command(subcommand)]
    Template(template::Template),
    /// Manage spending accounts, from which prompts are paid.
    #[command(subcommand)]
    Spend(spend::Spend),
    /// Use Ethereum wallets and tools with this network.
    #[command(subcommand)]
    Evm(evm::Evm),
    /// Send any call of the chain, such as "Balances.burn { value: 1000, keep_alive: true }". Amounts are in units of
    /// 10^-18; a wallet's bytes, 0x…, do as well.
    Call {
        /// Call.
        call: String,
    },
    /// Print a completion script for a shell.
    Completions {
        /// Shell.
        shell: clap_complete::Shell,
    },
}

/// What every command may need.
struct Context {
    node: String,
    key: KeyArgs,
    json: bool,
    dry_run: bool,
}

impl Context {
    async fn chain(&self) -> anyhow::Result<Chain> {
        let chain = Chain::connect(&self.node).await?;
        Ok(if self.dry_run { chain.dry_run() } else { chain })
    }

    /// The account named, else the wallet's own.
    fn account(&self, named: Option<AccountId>) -> anyhow::Result<AccountId> {
        named.map_or_else(|| Ok(self.key.account()?), Ok)
    }
}

fn account(text: &str) -> Result<AccountId, String> {
    based_client::wallet::parse_account(text).map_err(|error| error.to_string())
}

fn amount(text: &str) -> Result<u128, String> {
    based_client::money::parse(text)
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let context = Context {
        node: cli.node,
        key: cli.key,
        json: cli.json,
        dry_run: cli.dry_run,
    };
    let outcome = run(&context, cli.command).await;
    match outcome.or_else(report::estimate) {
        Ok(report) => match report.print(context.json) {
            Ok(()) => ExitCode::SUCCESS,
            // The reader went away, as `head` does.
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            if context.json {
                println!("{}", serde_json::json!({ "error": format!("{error:#}") }));
            } else {
                eprintln!("based: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(context: &Context, command: Command) -> anyhow::Result<Report> {
    match command {
        Command::Ask(ask) => ask.run(context).await,
        Command::Wallet(wallet) => wallet.run(context),
        Command::Balance { account } => wallets::balance(context, account).await,
        Command::Transfer { to, amount, pepecoin } => wallets::transfer(context, to, amount, pepecoin).await,
        Command::Brain(brain) => brain.run(context).await,
        Command::Peers { brain } => brains::peers(context, brain).await,
        Command::Leave { brain } => call::leave(context, brain).await,
        Command::Weights { brain } => brains::weights(context, brain).await,
        Command::Stake(stake) => stake.run(context).await,
        Command::Rewards(rewards) => rewards.run(context).await,
        Command::Authority(authority) => authority.run(context).await,
        Command::Forecasts(forecasts) => forecasts.run(context).await,
        Command::Governance(governance) => governance.run(context).await,
        Command::Model(model) => model.run(context),
        Command::Template(template) => template.run(context),
        Command::Spend(spend) => spend.run(context).await,
        Command::Evm(evm) => evm.run(context).await,
        Command::Call { call } => call::send(context, &call).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "based", &mut script);
            Ok(Report::raw(String::from_utf8_lossy(&script).into_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
