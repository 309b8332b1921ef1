//! Brains, peers and weights.

use based_client::{chain::AccountId, money, tls, wallet::format_account};
use based_primitives::{
    constants::{MAX_MINERS, MAX_VALIDATORS, MIN_SCORERS},
    BrainId, BrainInfo, BrainPerformance, PeerInfo, ResourceKind, Task,
};
use clap::Subcommand;
use serde_json::{json, Value};

use crate::{
    forecasts::percent,
    owner::{self, Owner},
    report, Context, Report,
};

#[derive(Debug, Subcommand)]
pub enum Brain {
    /// List Brains.
    List,
    /// Show one Brain.
    Show {
        /// Brain.
        brain: BrainId,
    },
    #[command(flatten)]
    Own(Owner),
}

impl Brain {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        let brain = match self {
            Self::Own(owner) => return owner.run(context).await,
            Self::List => None,
            Self::Show { brain } => Some(brain),
        };
        let view = context.chain().await?.best().await?;
        match brain {
            None => {
                let brains = view.brains().await?;
                let json = brains.iter().map(to_json).collect();
                let rows = brains.iter().map(|brain| {
                    let price = brain
                        .prices
                        .map_or_else(|| "-".into(), |prices| money::format(prices.prompt));
                    vec![
                        brain.id.to_string(),
                        text(&brain.name),
                        format!("{:?}", brain.state).to_lowercase(),
                        brain.miners.to_string(),
                        brain.validators.to_string(),
                        money::format(brain.stake),
                        price,
                    ]
                });
                let columns = [
                    "Brain",
                    "name",
                    "state",
                    "miners",
                    "validators",
                    "stake",
                    "BASED per 1k prompt units",
                ];
                Ok(Report::table(
                    json,
                    &columns,
                    rows.collect(),
                    "There are no Brains.",
                ))
            }
            Some(brain) => {
                let Some(info) = view.brain(brain).await? else {
                    anyhow::bail!("there is no Brain {brain}; see `based brain list`");
                };
                let peers = view.peers(brain).await?;
                let mut fields = vec![
                    ("Brain", info.id.to_string()),
                    ("name", text(&info.name)),
                    ("kind", format!("{:?}", info.kind).to_lowercase()),
                    ("state", format!("{:?}", info.state).to_lowercase()),
                    ("owner", format_account(&info.owner)),
                    ("stake", money::with_symbol(info.stake)),
                    ("miners", format!("{} of {MAX_MINERS}", info.miners)),
                    ("validators", format!("{} of {MAX_VALIDATORS}", info.validators)),
                    ("declared", declared(&peers)),
                    ("registration fee", money::with_symbol(info.fee)),
                ];
                if let Some(task) = &info.task {
                    fields.push(("model", hex::encode(task.manifest)));
                    fields.push((
                        "code",
                        format!("{} at {}", text(&task.repository), hex::encode(task.commit)),
                    ));
                    fields.push(("encrypted", if task.zk { "yes" } else { "no" }.into()));
                }
                if let Some((task, block)) = &info.next_task {
                    fields.push((
                        "next model",
                        format!("{} from block {block}", hex::encode(task.manifest)),
                    ));
                }
                if let Some(prices) = &info.prices {
                    let both = format!(
                        "{} for 1,000 prompt units, {} for 1,000 completion units; at most {} units at once",
                        money::with_symbol(prices.prompt),
                        money::with_symbol(prices.completion),
                        prices.context
                    );
                    fields.push(("prices", both));
                }
                let expected = view.expected_emission(brain).await?;
                fields.push((
                    "expected a cycle",
                    format!(
                        "{}, as stakes and performances stand",
                        money::with_symbol(expected)
                    ),
                ));
                let how = view.brain_performance(brain).await?;
                fields.push(("performance", percent(how.performance)));
                let last = format!("uptime {}, quality {}", percent(how.uptime), percent(how.quality));
                fields.push(("last epoch", last));
                fields.push(("score from outside", outside(&how)));
                let (more, settings) = owner::settings(&view, brain).await?;
                fields.extend(more);
                let mut json = to_json(&info);
                json["performance"] = json!(how);
                json["expected"] = report::amount(expected);
                json["places"] = json!({ "miners": MAX_MINERS, "validators": MAX_VALIDATORS });
                json["storage_mib"] = json!(storage_mib(&peers));
                json["settings"] = settings;
                Ok(Report::fields(json, &fields))
            }
        }
    }
}

/// Processors and storage that peers declare, in words.
fn declared(peers: &[PeerInfo<AccountId>]) -> String {
    let of = |kind| peers.iter().filter(|peer| peer.resources.kind == kind).count();
    format!(
        "{} with graphics processors, {} without, {} GiB of storage",
        of(ResourceKind::Gpu),
        of(ResourceKind::Cpu),
        storage_mib(peers) / 1_024
    )
}

fn storage_mib(peers: &[PeerInfo<AccountId>]) -> u64 {
    peers
        .iter()
        .map(|peer| u64::from(peer.resources.storage_mib))
        .sum()
}

pub async fn peers(context: &Context, brain: BrainId) -> anyhow::Result<Report> {
    let peers = context.chain().await?.best().await?.peers(brain).await?;
    let mut rows = Vec::new();
    let mut list = Vec::new();
    for peer in &peers {
        let role = format!("{:?}", peer.role).to_lowercase();
        let endpoint = tls::endpoint_address(&peer.endpoint).to_string();
        list.push(json!({
            "uid": peer.uid,
            "role": role,
            "account": report::account(&peer.account),
            "endpoint": endpoint,
            "computekey": hex::encode(peer.computekey),
            "resources": peer.resources,
            "registered_at": peer.registered_at,
        }));
        rows.push(vec![
            peer.uid.to_string(),
            role,
            format_account(&peer.account),
            endpoint,
            peer.registered_at.to_string(),
        ]);
    }
    let columns = ["uid", "role", "account", "endpoint", "since block"];
    Ok(Report::table(
        Value::Array(list),
        &columns,
        rows,
        &format!("Brain {brain} has no peers."),
    ))
}

pub async fn weights(context: &Context, brain: BrainId) -> anyhow::Result<Report> {
    let weights = context.chain().await?.best().await?.weights(brain).await?;
    let mut rows = Vec::new();
    let mut list = Vec::new();
    for (validator, row) in &weights {
        let total: u64 = row.iter().map(|(_, weight)| u64::from(*weight)).sum();
        for (peer, weight) in row {
            let share = *weight as f64 * 100.0 / total.max(1) as f64;
            rows.push(vec![
                validator.to_string(),
                peer.to_string(),
                weight.to_string(),
                format!("{share:.1} %"),
            ]);
            list.push(json!({ "validator": validator, "peer": peer, "weight": weight }));
        }
    }
    let columns = ["validator", "peer", "weight", "share"];
    Ok(Report::table(
        Value::Array(list),
        &columns,
        rows,
        &format!("No validator of Brain {brain} revealed weights yet."),
    ))
}

fn to_json(info: &BrainInfo<AccountId>) -> Value {
    let task = |task: &Task| {
        json!({
            "manifest": hex::encode(task.manifest),
            "repository": text(&task.repository),
            "commit": hex::encode(task.commit),
            "zk": task.zk,
        })
    };
    json!({
        "id": info.id,
        "name": text(&info.name),
        "kind": info.kind,
        "state": info.state,
        "owner": report::account(&info.owner),
        "task": info.task.as_ref().map(task),
        "next_task": info.next_task.as_ref().map(|(next, block)| json!({ "task": task(next), "block": block })),
        "fee": report::amount(info.fee),
        "prices": info.prices.map(|prices| json!({
            "prompt": report::amount(prices.prompt),
            "completion": report::amount(prices.completion),
            "context": prices.context,
        })),
        "miners": info.miners,
        "validators": info.validators,
        "stake": report::amount(info.stake),
    })
}

/// What validators of other Brains say of one.
fn outside(how: &BrainPerformance) -> String {
    match how.outside {
        Some(score) => format!("{}, of {} validators", percent(score), how.scorers),
        None => format!(
            "none: {} of at least {MIN_SCORERS} validators score it",
            how.scorers
        ),
    }
}

/// A stranger's text, made harmless for a terminal.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
