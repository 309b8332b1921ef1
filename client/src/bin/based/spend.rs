//! Spending accounts.

use based_client::{
    chain::{calls, AccountId, SpendingAccount, View},
    money,
    session::AccountOpened,
    wallet::format_account,
};
use based_primitives::{constants::EMISSION_YEAR, BlockNumber, BrainId, Purpose, SpendingAccountId};
use clap::{Subcommand, ValueEnum};
use serde_json::{json, Value};

use crate::{account, amount, report, Context, Report};

/// What a spending account is for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PurposeArg {
    /// Prompts.
    Prompt,
    /// Training.
    Training,
    /// Other tasks.
    Task,
}

#[derive(Debug, Subcommand)]
pub enum Spend {
    /// Open a spending account.
    Open {
        /// $BASED to put into it.
        #[arg(long, value_parser = amount, value_name = "AMOUNT")]
        deposit: u128,
        /// Most that may ever be spent; the deposit by default.
        #[arg(long, value_parser = amount, value_name = "AMOUNT")]
        cap: Option<u128>,
        /// Account that may spend from it; the wallet's own by default.
        #[arg(long, value_parser = account, value_name = "ACCOUNT")]
        spender: Option<AccountId>,
        /// What it may be used for.
        #[arg(long, value_enum, default_value = "prompt")]
        purpose: PurposeArg,
        /// Blocks for which it can be used; a year by default.
        #[arg(long, default_value_t = EMISSION_YEAR, value_name = "BLOCKS")]
        blocks: BlockNumber,
    },
    /// Add $BASED to a spending account.
    TopUp {
        /// Spending account.
        id: SpendingAccountId,
        /// Amount in $BASED.
        #[arg(value_parser = amount)]
        amount: u128,
    },
    /// Reserve part of a spending account for one miner; `ask` does this by itself.
    Reserve {
        /// Spending account.
        id: SpendingAccountId,
        /// Brain.
        #[arg(long)]
        brain: BrainId,
        /// Miner.
        #[arg(long, value_parser = account, value_name = "ACCOUNT")]
        miner: AccountId,
        /// Amount in $BASED.
        #[arg(value_parser = amount)]
        amount: u128,
    },
    /// Start to close a spending account; miners may redeem for a grace period.
    Close {
        /// Spending account.
        id: SpendingAccountId,
    },
    /// End a closing after its grace period: the rest is free again.
    Finish {
        /// Spending account.
        id: SpendingAccountId,
    },
    /// Show a spending account, or all that the wallet owns or may spend from.
    Show {
        /// Spending account.
        id: Option<SpendingAccountId>,
    },
}

impl Spend {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        if let Self::Show { id } = self {
            return show(context, id).await;
        }
        let signer = context.key.signer()?;
        let chain = context.chain().await?;
        let (done, included, more) = match self {
            Self::Open {
                deposit,
                cap,
                spender,
                purpose,
                blocks,
            } => {
                let expiry = chain.best().await?.number().saturating_add(blocks);
                let spender = spender.unwrap_or_else(|| signer.account());
                let purpose = match purpose {
                    PurposeArg::Prompt => Purpose::Prompt,
                    PurposeArg::Training => Purpose::Training,
                    PurposeArg::Task => Purpose::Task,
                };
                let call = calls::open_account(spender, purpose, deposit, cap.unwrap_or(deposit), expiry);
                let included = chain.submit(&signer, &call).await?;
                let opened = included.event::<AccountOpened>()?;
                let id = opened
                    .ok_or_else(|| anyhow::anyhow!("the account's number is missing"))?
                    .id;
                let done = format!(
                    "Opened spending account {id} with {}.",
                    money::with_symbol(deposit)
                );
                (
                    done,
                    included,
                    json!({ "id": id, "deposit": report::amount(deposit) }),
                )
            }
            Self::TopUp { id, amount } => {
                let done = format!("Added {} to spending account {id}.", money::with_symbol(amount));
                let included = chain.submit(&signer, &calls::top_up(id, amount)).await?;
                (
                    done,
                    included,
                    json!({ "id": id, "added": report::amount(amount) }),
                )
            }
            Self::Reserve {
                id,
                brain,
                miner,
                amount,
            } => {
                let done = format!(
                    "Reserved {} for {}.",
                    money::with_symbol(amount),
                    format_account(&miner)
                );
                let included = chain
                    .submit(&signer, &calls::reserve(id, brain, miner, amount))
                    .await?;
                (
                    done,
                    included,
                    json!({ "id": id, "reserved": report::amount(amount) }),
                )
            }
            Self::Close { id } => {
                let included = chain.submit(&signer, &calls::close_account(id)).await?;
                let closing = chain
                    .best()
                    .await?
                    .spending_account(id)
                    .await?
                    .and_then(|entry| entry.closing);
                let until = closing.unwrap_or_default();
                let done =
                    format!("Closing spending account {id}; after block {until}: based spend finish {id}");
                (done, included, json!({ "id": id, "until": until }))
            }
            Self::Finish { id } => {
                let included = chain.submit(&signer, &calls::finish_close(id)).await?;
                (
                    format!("Closed spending account {id}."),
                    included,
                    json!({ "id": id }),
                )
            }
            Self::Show { .. } => anyhow::bail!("shown above"),
        };
        Ok(Report::included(&done, &included, more))
    }
}

async fn show(context: &Context, id: Option<SpendingAccountId>) -> anyhow::Result<Report> {
    let view = context.chain().await?.best().await?;
    if let Some(id) = id {
        let Some(entry) = view.spending_account(id).await? else {
            anyhow::bail!("there is no spending account {id}");
        };
        let (json, lines) = describe(&view, id, &entry).await?;
        return Ok(Report::new(json, lines));
    }
    let accounts = view.spending_accounts_of(&context.key.account()?).await?;
    let mut list = Vec::new();
    let mut text = Vec::new();
    for (id, entry) in &accounts {
        let (json, lines) = describe(&view, *id, entry).await?;
        list.push(json);
        text.push(lines);
    }
    if text.is_empty() {
        text.push("No spending accounts yet: based spend open --deposit 1".into());
    }
    Ok(Report::new(Value::Array(list), text.join("\n\n")))
}

async fn describe(
    view: &View,
    id: SpendingAccountId,
    entry: &SpendingAccount,
) -> anyhow::Result<(Value, String)> {
    let mut text = format!(
        "spending account {id}\n  owner     {}\n  spender   {}\n  purpose   {:?}\n  free      {}\n  reserved  {}\n  spent     {} of {}\n  expires   block {}",
        format_account(&entry.owner.0),
        format_account(&entry.spender.0),
        entry.purpose.0,
        money::with_symbol(entry.balance),
        money::with_symbol(entry.reserved),
        money::with_symbol(entry.spent),
        money::with_symbol(entry.cap),
        entry.expiry,
    );
    if let Some(until) = entry.closing {
        text += &format!("\n  closing   until block {until}");
    }
    let mut list = Vec::new();
    for (miner, reservation) in view.reservations(id).await? {
        text += &format!(
            "\n  reserved for {} in Brain {}: {}, redeemed {}",
            format_account(&miner),
            reservation.brain,
            money::with_symbol(reservation.reserved),
            money::with_symbol(reservation.redeemed)
        );
        list.push(json!({
            "miner": report::account(&miner),
            "brain": reservation.brain,
            "reserved": report::amount(reservation.reserved),
            "redeemed": report::amount(reservation.redeemed),
        }));
    }
    let json = json!({
        "id": id,
        "owner": report::account(&entry.owner.0),
        "spender": report::account(&entry.spender.0),
        "purpose": entry.purpose.0,
        "balance": report::amount(entry.balance),
        "reserved": report::amount(entry.reserved),
        "cap": report::amount(entry.cap),
        "spent": report::amount(entry.spent),
        "expiry": entry.expiry,
        "closing": entry.closing,
        "reservations": list,
    });
    Ok((json, text))
}
