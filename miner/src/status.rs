//! What the chain and the state say about this miner.

use based_client::{chain::Chain, money, tls::ComputeKeyPair, wallet::format_account};
use serde_json::{json, Value};

use crate::{
    args::{Common, Status},
    db::{Db, STATE_FILE},
    COMPUTEKEY_FILE,
};

/// Prints the miner's standing; the chain's part says so where the node does not answer.
///
/// # Errors
/// If the account is not named or the state cannot be read.
pub async fn status(common: &Common, args: &Status) -> anyhow::Result<()> {
    let account = common.key.account()?;
    let chain = match on_chain(common, &account).await {
        Ok(found) => found,
        Err(error) => json!({ "error": error.to_string() }),
    };
    let report = json!({
        "account": format_account(&account),
        "brain": common.brain,
        "chain": chain,
        "state": state(common)?,
        "cerberus_squeezing": true,
    });
    if args.json {
        println!("{report}");
    } else {
        print("", &report);
    }
    Ok(())
}

async fn on_chain(common: &Common, account: &based_client::chain::AccountId) -> anyhow::Result<Value> {
    let view = Chain::connect(&common.node).await?.best().await?;
    let balance = view.balance(account).await?;
    let (rewards, staker_rewards) = view.claimable(account).await?;
    let peer = view.peer(common.brain, account).await?;
    let brain = view.brain(common.brain).await?;
    let task = brain.as_ref().and_then(|brain| brain.task.as_ref());
    let next = brain.as_ref().and_then(|brain| brain.next_task.as_ref());
    let computekey = if common.data_dir.join(COMPUTEKEY_FILE).exists() {
        Some(ComputeKeyPair::load_or_create(&common.data_dir.join(COMPUTEKEY_FILE))?.public())
    } else {
        None
    };
    Ok(json!({
        "block": view.number(),
        "balance": money::format(balance.free),
        "claimable": money::format(rewards.saturating_add(staker_rewards)),
        "task": task.map(|task| hex::encode(task.manifest.0)),
        "next_task": next.map(|(task, at)| json!({ "task": hex::encode(task.manifest.0), "from_block": at })),
        "registration": peer.map(|peer| json!({
            "uid": peer.uid,
            "role": peer.role,
            "endpoint": based_client::tls::endpoint_address(&peer.endpoint).to_string(),
            "computekey": hex::encode(peer.computekey),
            "computekey_is_ours": Some(peer.computekey) == computekey,
            "processor": peer.resources.kind,
            "storage_mib": peer.resources.storage_mib,
        })),
    }))
}

fn state(common: &Common) -> anyhow::Result<Value> {
    if !common.data_dir.join(STATE_FILE).exists() {
        return Ok(Value::Null);
    }
    let db = Db::open(&common.data_dir)?;
    let (redeemed, promised, lost) = db.income()?;
    let jobs: serde_json::Map<String, Value> = db
        .job_counts()?
        .into_iter()
        .map(|(state, count)| (state.name().to_owned(), count.into()))
        .collect();
    Ok(json!({
        "jobs": jobs,
        "evaluation_keys": db.keys()?.len(),
        "evaluation_key_bytes": db.key_bytes()?,
        "stored_bytes": based_client::models::used(&common.data_dir)?,
        "redeemed": money::format(redeemed),
        "promised": money::format(promised),
        "lost": money::format(lost),
    }))
}

/// Prints nested objects as lines of `name: value`.
fn print(prefix: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('_', " ");
                let path = if prefix.is_empty() {
                    name
                } else {
                    format!("{prefix} {name}")
                };
                print(&path, field);
            }
        }
        Value::Null => println!("{prefix}: none"),
        Value::String(text) => println!("{prefix}: {text}"),
        other => println!("{prefix}: {other}"),
    }
}
