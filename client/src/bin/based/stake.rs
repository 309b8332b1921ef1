//! Stakes and rewards.

use based_client::{
    chain::{calls, AccountId, Chain, ChainError, Included, Signer, TakeSet},
    money,
    wallet::format_account,
};
use based_primitives::BrainId;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{account, amount, forecasts::percent, owner, report, Context, Report};

/// What stake is directed to.
#[derive(Debug, Args)]
pub struct Target {
    /// Brain.
    brain: BrainId,
    /// Validator of the Brain; else the Brain as such.
    #[arg(long, value_parser = account, value_name = "ACCOUNT")]
    validator: Option<AccountId>,
}

impl Target {
    fn name(&self) -> String {
        name(self.brain, self.validator.as_ref())
    }
}

fn name(brain: BrainId, validator: Option<&AccountId>) -> String {
    match validator {
        Some(validator) => format!("validator {} of Brain {brain}", format_account(validator)),
        None => format!("Brain {brain}"),
    }
}

#[derive(Debug, Subcommand)]
pub enum Stake {
    /// Stake to a Brain or to one of its validators.
    Add {
        #[command(flatten)]
        target: Target,
        /// Amount in $BASED.
        #[arg(value_parser = amount)]
        amount: u128,
    },
    /// Unstake; the amount can be withdrawn from the next cycle on, from a producer of blocks a week later.
    Remove {
        #[command(flatten)]
        target: Target,
        /// Amount in $BASED.
        #[arg(value_parser = amount)]
        amount: u128,
    },
    /// Withdraw all that was unstaked and is free.
    Withdraw,
    /// Claim what a stake earned.
    Claim {
        #[command(flatten)]
        target: Target,
    },
    /// Set the share that you, a validator, keep of what your stakers earn; at most 18%. A raise holds a month later.
    SetTake {
        /// Brain.
        brain: BrainId,
        /// Percentage.
        #[arg(value_parser = owner::share, value_name = "PERCENT")]
        take: u64,
    },
    /// Make a staker pay its part of a slash of the validator it staked to, which else happens when it next moves its
    /// stake; anyone may do this.
    Settle {
        /// Staker.
        #[arg(value_parser = account)]
        staker: AccountId,
        /// Brain.
        brain: BrainId,
        /// Validator.
        #[arg(value_parser = account)]
        validator: AccountId,
    },
    /// Show an account's stakes.
    Show {
        /// Account; the wallet's own by default.
        #[arg(value_parser = account)]
        account: Option<AccountId>,
    },
}

impl Stake {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        if let Self::Show { account } = self {
            return show(context, context.account(account)?).await;
        }
        let signer = context.key.signer()?;
        let chain = context.chain().await?;
        let (done, included, more) = match self {
            Self::Add { target, amount } => {
                let done = format!("Staked {} to {}.", money::with_symbol(amount), target.name());
                let call = calls::stake(target.brain, target.validator, amount);
                (
                    done,
                    chain.submit(&signer, &call).await?,
                    json!({ "staked": report::amount(amount) }),
                )
            }
            Self::Remove { target, amount } => {
                let done = format!(
                    "Unstaked {} from {}; see from when on it is free: based stake show",
                    money::with_symbol(amount),
                    target.name()
                );
                let call = calls::unstake(target.brain, target.validator, amount);
                (
                    done,
                    chain.submit(&signer, &call).await?,
                    json!({ "unstaked": report::amount(amount) }),
                )
            }
            Self::Withdraw => (
                "Withdrew.".to_owned(),
                withdraw(&chain, &signer).await?,
                json!({}),
            ),
            Self::Claim { target } => {
                let done = format!("Claimed what {} earned you.", target.name());
                let call = calls::claim_stake_reward(target.brain, target.validator);
                (done, chain.submit(&signer, &call).await?, json!({}))
            }
            Self::SetTake { brain, take } => {
                let included = chain.submit(&signer, &calls::set_take(brain, take)).await?;
                let missing = || anyhow::anyhow!("the node does not say from when on the share holds");
                let TakeSet { effective_at, .. } = included.event()?.ok_or_else(missing)?;
                let done = format!(
                    "Keeps {} of what stakers of Brain {brain} earn, from block {effective_at} on.",
                    percent(take)
                );
                (
                    done,
                    included,
                    json!({ "brain": brain, "effective_at": effective_at }),
                )
            }
            Self::Settle {
                staker,
                brain,
                validator,
            } => {
                let call = calls::settle_slash(staker.clone(), brain, validator);
                let done = format!("{} owes nothing any more.", format_account(&staker));
                (done, chain.submit(&signer, &call).await?, json!({}))
            }
            Self::Show { .. } => anyhow::bail!("shown above"),
        };
        Ok(Report::included(&done, &included, more))
    }
}

/// Withdraws what is free, also of what left producers of blocks, each of which takes a transaction; returns the last.
async fn withdraw(chain: &Chain, signer: &Signer) -> Result<Included, ChainError> {
    let view = chain.best().await?;
    let leaving = view.leaving_stake(&signer.account()).await?;
    let mut included = None;
    for stake in leaving.into_iter().filter(|stake| stake.until <= view.number()) {
        let call = calls::withdraw_leaving(stake.validator, stake.cycle);
        included = Some(chain.submit(signer, &call).await?);
    }
    match included {
        Some(included) if view.unstaking(&signer.account()).await?.withdrawable == 0 => Ok(included),
        // Where nothing is free, the chain says so.
        _ => chain.submit(signer, &calls::withdraw_stake()).await,
    }
}

async fn show(context: &Context, account: AccountId) -> anyhow::Result<Report> {
    let view = context.chain().await?.best().await?;
    let stakes = view.stakes(&account).await?;
    let unstaking = view.unstaking(&account).await?;
    let leaving = view.leaving_stake(&account).await?;
    let list: Vec<_> = stakes
        .iter()
        .map(|stake| {
            json!({
                "brain": stake.brain,
                "validator": stake.validator.as_ref().map(report::account),
                "amount": report::amount(stake.amount),
            })
        })
        .collect();
    let json = json!({
        "account": report::account(&account),
        "stakes": list,
        "withdrawable": report::amount(unstaking.withdrawable),
        "unstaking": report::amount(unstaking.pending),
        "leaving": leaving.iter().map(|stake| json!({
            "validator": report::account(&stake.validator),
            "amount": report::amount(stake.amount),
            "until": stake.until,
        })).collect::<Vec<_>>(),
    });
    let mut lines: Vec<_> = stakes
        .iter()
        .map(|stake| {
            format!(
                "{} on {}",
                money::with_symbol(stake.amount),
                name(stake.brain, stake.validator.as_ref())
            )
        })
        .collect();
    if lines.is_empty() {
        lines.push("Nothing is staked.".into());
    }
    if unstaking.withdrawable > 0 {
        lines.push(format!(
            "{} can be withdrawn: based stake withdraw",
            money::with_symbol(unstaking.withdrawable)
        ));
    }
    if unstaking.pending > 0 {
        let (amount, from) = (money::with_symbol(unstaking.pending), unstaking.pending_until);
        lines.push(format!("{amount} can be withdrawn from block {from} on"));
    }
    lines.extend(leaving.iter().map(|stake| {
        let (amount, validator) = (money::with_symbol(stake.amount), format_account(&stake.validator));
        format!(
            "{amount} of producer {validator} can be withdrawn from block {} on",
            stake.until
        )
    }));
    Ok(Report::new(json, lines.join("\n")))
}

#[derive(Debug, Subcommand)]
pub enum Rewards {
    /// Show what an account can claim.
    Show {
        /// Account; the wallet's own by default.
        #[arg(value_parser = account)]
        account: Option<AccountId>,
    },
    /// Pay out what an account earned as a peer or owner; anyone may do this for it.
    Claim {
        /// Account; the wallet's own by default.
        #[arg(value_parser = account)]
        account: Option<AccountId>,
    },
}

impl Rewards {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        match self {
            Self::Show { account } => {
                let account = context.account(account)?;
                let (work, stake) = context.chain().await?.best().await?.claimable(&account).await?;
                let json = json!({
                    "account": report::account(&account),
                    "work": report::amount(work),
                    "stake": report::amount(stake),
                });
                let fields = [
                    ("as miner, validator or owner", money::with_symbol(work)),
                    ("as staker", money::with_symbol(stake)),
                ];
                Ok(Report::fields(json, &fields))
            }
            Self::Claim { account } => {
                let signer = context.key.signer()?;
                let account = account.unwrap_or_else(|| signer.account());
                let chain = context.chain().await?;
                let included = chain
                    .submit(&signer, &calls::claim_reward(account.clone()))
                    .await?;
                let done = format!("Paid out the rewards of {}.", format_account(&account));
                Ok(Report::included(
                    &done,
                    &included,
                    json!({ "account": report::account(&account) }),
                ))
            }
        }
    }
}
