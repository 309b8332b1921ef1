//! What owners of Brains do.

mod args;
mod session;
mod shown;
#[cfg(test)]
mod tests;

pub use args::{in_pepecoin, share};
pub use shown::settings;

use based_client::{
    chain::{calls, AccountId},
    money,
    wallet::format_account,
};
use based_primitives::{BrainId, BrainName, Domain, PriceList, TemplateId, Url};
use clap::{Subcommand, ValueEnum};

use self::{
    args::{bytes, domain, name, pepecoin, url},
    session::{announced, Session},
    shown::price,
};
use crate::{account, amount, Context, Report};

/// How Pepecoin is given for a Brain.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Method {
    /// Burnt: the Brain is permanent and can be transferred.
    Burn,
    /// Staked: the Brain cannot be transferred, earns its owner nothing for 90 days, and returns the stake when it is
    /// deactivated after them.
    Stake,
}

/// Who may join a Brain.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Admission {
    /// Everyone.
    Everyone,
    /// Accounts on the Brain's list.
    Listed,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Switch {
    /// Enable it.
    On,
    /// Disable it.
    Off,
}

#[derive(Debug, Subcommand)]
pub enum Owner {
    /// Show what the next Brain costs, and the Pepecoin that went into Brains.
    Price,
    /// Buy a Brain for Pepecoin.
    Buy {
        /// Whether the Pepecoin is burnt or staked.
        #[arg(value_enum)]
        method: Method,
        /// Number of the Brain; the lowest free one by default.
        #[arg(long, value_name = "BRAIN")]
        number: Option<BrainId>,
        /// Most Pepecoin to pay; the price of this moment by default.
        #[arg(long, value_parser = pepecoin, value_name = "PEPECOIN")]
        max_price: Option<u128>,
    },
    /// Close a staked Brain after its 90 days; the Pepecoin returns and the peers stop.
    Deactivate {
        /// Brain.
        brain: BrainId,
    },
    /// Give a burned Brain to another account.
    Transfer {
        /// Brain.
        brain: BrainId,
        /// New owner.
        #[arg(value_parser = account)]
        to: AccountId,
    },
    /// Announce the task of a Brain; peers change to it after the notice period.
    SetTask {
        /// Brain.
        brain: BrainId,
        /// SHA-256 of the model's manifest, in hexadecimal: `zk-llm inspect DIR` prints it.
        #[arg(long, value_parser = bytes::<32>, value_name = "HASH")]
        manifest: [u8; 32],
        /// Repository with the task's code, for audits.
        #[arg(long, value_parser = url, value_name = "URL")]
        repository: Url,
        /// Commit of that repository, in hexadecimal.
        #[arg(long, value_parser = bytes::<20>, value_name = "HASH")]
        commit: [u8; 20],
        /// Take prompts in the clear: miners and whoever watches them can read what users ask.
        #[arg(long)]
        no_encryption: bool,
    },
    /// Name a Brain; an empty name removes it.
    SetName {
        /// Brain.
        brain: BrainId,
        /// Name.
        #[arg(value_parser = name)]
        name: BrainName,
    },
    /// Set the domain names of a Brain; what is not mentioned stays.
    SetDomains {
        /// Brain.
        brain: BrainId,
        /// Name in the network's own name service, without a dot; no two Brains have the same.
        #[arg(long, value_parser = domain, value_name = "NAME", conflicts_with = "no_bns")]
        bns: Option<Domain>,
        /// Name in the Ethereum Name Service, such as brain.eth.
        #[arg(long, value_parser = domain, value_name = "NAME", conflicts_with = "no_ens")]
        ens: Option<Domain>,
        /// Remove the BNS name.
        #[arg(long)]
        no_bns: bool,
        /// Remove the ENS name.
        #[arg(long)]
        no_ens: bool,
    },
    /// Set the account that receives the owner's income.
    SetRewardAccount {
        /// Brain.
        brain: BrainId,
        /// Account; the owner by default.
        #[arg(value_parser = account)]
        account: Option<AccountId>,
    },
    /// Say which template the task was made from.
    SetTemplate {
        /// Brain.
        brain: BrainId,
        /// Template; none by default.
        template: Option<TemplateId>,
    },
    /// Announce how a Brain's rewards are shared, from a later cycle on.
    SetTerms {
        /// Brain.
        brain: BrainId,
        /// Percentage of the node pool for miners; validators have the rest.
        #[arg(long, value_parser = share, value_name = "PERCENT")]
        miner_share: u64,
        /// Percentage that the owner keeps of what stake directed to the Brain earns.
        #[arg(long, value_parser = share, value_name = "PERCENT")]
        commission: u64,
    },
    /// Announce parts of the owner's income for peers, from the next cycle on.
    Redistribute {
        /// Brain.
        brain: BrainId,
        /// Percentage for miners.
        #[arg(long, value_parser = share, value_name = "PERCENT", default_value = "0")]
        miners: u64,
        /// Percentage for validators.
        #[arg(long, value_parser = share, value_name = "PERCENT", default_value = "0")]
        validators: u64,
    },
    /// Say who may join a Brain; peers that are there stay.
    SetAdmission {
        /// Brain.
        brain: BrainId,
        /// Who may join.
        #[arg(value_enum)]
        admission: Admission,
    },
    /// Put an account on a Brain's list of those who may join.
    Allow {
        /// Brain.
        brain: BrainId,
        /// Account.
        #[arg(value_parser = account)]
        account: AccountId,
    },
    /// Take an account from a Brain's list.
    Disallow {
        /// Brain.
        brain: BrainId,
        /// Account.
        #[arg(value_parser = account)]
        account: AccountId,
    },
    /// Set the registration fee of a Brain, for those who come later.
    SetFee {
        /// Brain.
        brain: BrainId,
        /// Fee in $BASED; 0 asks for none.
        #[arg(value_parser = amount)]
        fee: u128,
    },
    /// Let newcomers take the places of those who earn least once a Brain is full, or end that.
    SetPruning {
        /// Brain.
        brain: BrainId,
        /// Whether they do.
        #[arg(value_enum)]
        pruning: Switch,
    },
    /// Set the prices of a Brain.
    SetPrices {
        /// Brain.
        brain: BrainId,
        /// $BASED for 1,000 prompt units.
        #[arg(long, value_parser = amount, value_name = "AMOUNT")]
        prompt: u128,
        /// $BASED for 1,000 completion units.
        #[arg(long, value_parser = amount, value_name = "AMOUNT")]
        completion: u128,
        /// Most units, prompt and completion together, of one operation.
        #[arg(long, value_name = "UNITS")]
        context: u32,
    },
}

impl Owner {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        if let Self::Price = self {
            return price(context).await;
        }
        let signer = context.key.signer()?;
        let chain = context.chain().await?;
        let owner = Session {
            chain: &chain,
            signer: &signer,
        };
        match self {
            Self::Price => anyhow::bail!("shown above"),
            Self::Buy {
                method,
                number,
                max_price,
            } => owner.buy(method, number, max_price).await,
            Self::SetDomains {
                brain,
                bns,
                ens,
                no_bns,
                no_ens,
            } => owner.set_domains(brain, (bns, no_bns), (ens, no_ens)).await,
            Self::Deactivate { brain } => {
                let done = format!("Closed Brain {brain}; its Pepecoin is yours again.");
                owner.send(brain, &calls::deactivate_brain(brain), &done).await
            }
            Self::Transfer { brain, to } => {
                let done = format!("Gave Brain {brain} to {}.", format_account(&to));
                owner.send(brain, &calls::transfer_brain(brain, to), &done).await
            }
            Self::SetTask {
                brain,
                manifest,
                repository,
                commit,
                no_encryption,
            } => {
                let task = announced(manifest, repository, commit, no_encryption);
                let done = format!("Announced the task of Brain {brain}: see `based brain show {brain}`.");
                owner.send(brain, &calls::set_task(brain, task), &done).await
            }
            Self::SetName { brain, name } => {
                let done = format!("Named Brain {brain}.");
                owner
                    .send(brain, &calls::set_brain_name(brain, name), &done)
                    .await
            }
            Self::SetRewardAccount { brain, account } => {
                let to = account
                    .as_ref()
                    .map_or_else(|| "its owner".into(), format_account);
                let done = format!("Income of Brain {brain} goes to {to}.");
                owner
                    .send(brain, &calls::set_reward_account(brain, account), &done)
                    .await
            }
            Self::SetTemplate { brain, template } => {
                let done = format!("Set the template of Brain {brain}.");
                owner
                    .send(brain, &calls::set_template(brain, template), &done)
                    .await
            }
            Self::SetTerms {
                brain,
                miner_share,
                commission,
            } => {
                let done = format!("Announced the terms of Brain {brain}.");
                owner
                    .send(brain, &calls::set_terms(brain, miner_share, commission), &done)
                    .await
            }
            Self::Redistribute {
                brain,
                miners,
                validators,
            } => {
                let done = format!("From the next cycle on peers of Brain {brain} have these parts.");
                owner
                    .send(
                        brain,
                        &calls::set_redistribution(brain, miners, validators),
                        &done,
                    )
                    .await
            }
            Self::SetAdmission { brain, admission } => {
                let restricted = matches!(admission, Admission::Listed);
                let who = if restricted {
                    "only accounts on its list"
                } else {
                    "everyone"
                };
                let done = format!("Brain {brain} admits {who}.");
                owner
                    .send(brain, &calls::set_admission(brain, restricted), &done)
                    .await
            }
            Self::Allow { brain, account } => {
                let done = format!("{} may join Brain {brain}.", format_account(&account));
                owner
                    .send(brain, &calls::set_allowed(brain, account, true), &done)
                    .await
            }
            Self::Disallow { brain, account } => {
                let done = format!(
                    "{} is on the list of Brain {brain} no more.",
                    format_account(&account)
                );
                owner
                    .send(brain, &calls::set_allowed(brain, account, false), &done)
                    .await
            }
            Self::SetFee { brain, fee } => {
                let done = format!(
                    "Who joins Brain {brain} from now on pays {}.",
                    money::with_symbol(fee)
                );
                owner.send(brain, &calls::set_fee(brain, fee), &done).await
            }
            Self::SetPruning { brain, pruning } => {
                let enabled = matches!(pruning, Switch::On);
                let how = if enabled { "makes room" } else { "makes no room" };
                let done = format!("When Brain {brain} is full it {how} for newcomers.");
                owner
                    .send(brain, &calls::set_pruning(brain, enabled), &done)
                    .await
            }
            Self::SetPrices {
                brain,
                prompt,
                completion,
                context,
            } => {
                let prices = PriceList {
                    prompt,
                    completion,
                    context,
                };
                let done = format!("Set the prices of Brain {brain}.");
                owner.send(brain, &calls::set_prices(brain, prices), &done).await
            }
        }
    }
}
