//! Producing blocks: session keys, elections, the bond.

use based_client::{
    chain::{calls, AccountId, View},
    money,
};
use based_primitives::BrainId;
use clap::Subcommand;
use serde_json::json;

use crate::{account, forecasts::percent, report, Context, Report};

#[derive(Debug, Subcommand)]
pub enum Authority {
    /// Make session keys on the node that is to produce blocks, and register them. A dry run makes none and cannot tell
    /// what registering them would do.
    Keys,
    /// Stand for election as a validator of a Brain; holds the bond.
    OptIn {
        /// Brain.
        brain: BrainId,
    },
    /// Stand for election no more; a producer serves for up to two sessions.
    OptOut,
    /// Take the bond back, once nothing can be reported of the account any more.
    Withdraw,
    /// Show how an account stands as a producer of blocks.
    Status {
        /// Account; the wallet's own by default.
        #[arg(value_parser = account)]
        account: Option<AccountId>,
    },
}

impl Authority {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        if let Self::Status { account } = self {
            let account = context.account(account)?;
            return status(&context.chain().await?.best().await?, &account).await;
        }
        let signer = context.key.signer()?;
        let chain = context.chain().await?;
        match self {
            Self::Keys => {
                let (keys, proof) = chain.rotate_session_keys(&signer.account()).await?;
                let included = chain
                    .submit(&signer, &calls::set_session_keys(keys, proof))
                    .await?;
                let keys = hex::encode(keys);
                let done = format!("{} holds the session keys {keys}.", chain.url());
                Ok(Report::included(&done, &included, json!({ "keys": keys })))
            }
            Self::OptIn { brain } => {
                let included = chain.submit(&signer, &calls::opt_in(brain)).await?;
                let done = format!("Stands for election as a validator of Brain {brain}.");
                Ok(Report::included(&done, &included, json!({ "brain": brain })))
            }
            Self::OptOut => {
                let included = chain.submit(&signer, &calls::opt_out()).await?;
                let done = "Stands for election no more; let the node run until it is no producer: \
                            based authority status";
                Ok(Report::included(done, &included, json!({})))
            }
            Self::Withdraw => {
                let included = chain.submit(&signer, &calls::withdraw_bond()).await?;
                Ok(Report::included("Took the bond back.", &included, json!({})))
            }
            Self::Status { .. } => anyhow::bail!("shown above"),
        }
    }
}

async fn status(view: &View, account: &AccountId) -> anyhow::Result<Report> {
    let operator = view.operator(account).await?;
    let bar = view.bar(account).await?;
    let backing = view.backing(account).await?;
    let keys = view.session_keys(account).await?.map(hex::encode);
    let producing = view.producers().await?.contains(account);
    let json = json!({
        "account": report::account(account),
        "producing": producing,
        "running": operator.as_ref().is_some_and(|operator| operator.running),
        "proven": operator.as_ref().is_some_and(|operator| operator.proven),
        "barred": bar.as_ref().map(|bar| json!({ "block": bar.reported_at, "part": bar.part })),
        "brain": operator.as_ref().and_then(|operator| operator.brain),
        "bond": report::amount(operator.as_ref().map_or(0, |operator| operator.bond)),
        "stake": report::amount(backing),
        "idle": operator.as_ref().map(|operator| operator.idle),
        "answers_until": operator.as_ref().map(|operator| operator.exposed_until),
        "keys": keys,
    });
    let yes = |is| if is { "yes" } else { "no" }.to_owned();
    let mut fields = vec![
        ("produces blocks", yes(producing)),
        ("stake behind it", money::with_symbol(backing)),
        (
            "session keys",
            keys.unwrap_or_else(|| "none; make them: based authority keys".into()),
        ),
    ];
    if let Some(operator) = &operator {
        let election = match operator.brain {
            Some(brain) if operator.running => format!("yes, as a validator of Brain {brain}"),
            _ => "no".into(),
        };
        fields.push(("stands for election", election));
        fields.push(("bond", money::with_symbol(operator.bond)));
        fields.push(("wrote a block since", yes(operator.proven)));
        fields.push(("blocks since it last did", operator.idle.to_string()));
        fields.push(("answers until block", operator.exposed_until.to_string()));
    } else {
        fields.push(("stands for election", "no".into()));
    }
    if let Some(bar) = bar {
        let cost = format!(
            "since block {}, for signing twice; it costs {}",
            bar.reported_at,
            percent(bar.part)
        );
        fields.push(("barred", cost));
    }
    Ok(Report::fields(json, &fields))
}
