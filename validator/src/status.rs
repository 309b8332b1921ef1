//! Shows how a validator stands.

use based_client::{chain::Chain, money};
use serde::Serialize;

use crate::{
    args::{Common, Status},
    store::{Store, Totals},
};

#[derive(Serialize)]
struct Report {
    account: String,
    brain: u16,
    block: u32,
    uid: Option<u16>,
    storage_mib: Option<u32>,
    claimable_as_peer: String,
    claimable_as_staker: String,
    task: Option<String>,
    miners: Vec<Miner>,
    totals: Totals,
}

#[derive(Serialize)]
struct Miner {
    uid: u16,
    canaries: u64,
    correctness: f64,
    latency_seconds: Option<f64>,
}

/// Prints the validator's entry, rewards, the scores of its miners and the totals of its canaries.
///
/// # Errors
/// If the node is away or there is no data directory.
pub async fn status(common: &Common, args: &Status) -> anyhow::Result<()> {
    if !common.data_dir.is_dir() {
        anyhow::bail!(
            "{} does not exist; register first or give --data-dir",
            common.data_dir.display()
        );
    }
    let account = common.key.account()?;
    let store = Store::open(&common.data_dir)?;
    let view = Chain::connect(&common.node).await?.best().await?;
    let peers = view.peers(common.brain).await?;
    let own = peers.iter().find(|peer| peer.account == account);
    let (as_peer, as_staker) = view.claimable(&account).await?;
    let mut miners = Vec::new();
    for peer in &peers {
        let (standing, probed) = store.standing(peer.account.as_ref())?;
        if probed.is_some() {
            miners.push(Miner {
                uid: peer.uid,
                canaries: standing.samples,
                correctness: standing.correctness,
                latency_seconds: standing.latency,
            });
        }
    }
    let report = Report {
        account: account.to_string(),
        brain: common.brain,
        block: view.number(),
        uid: own.map(|peer| peer.uid),
        storage_mib: own.map(|peer| peer.resources.storage_mib),
        claimable_as_peer: money::format(as_peer),
        claimable_as_staker: money::format(as_staker),
        task: view
            .brain(common.brain)
            .await?
            .and_then(|b| b.task)
            .map(|task| hex::encode(task.manifest)),
        miners,
        totals: store.totals()?,
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(report: &Report) {
    println!("account      {}", report.account);
    match report.uid {
        Some(uid) => println!(
            "validator    {uid} of Brain {} at block {}",
            report.brain, report.block
        ),
        None => println!(
            "validator    not memorized in Brain {}; run `based-validator register`",
            report.brain
        ),
    }
    println!("task         {}", report.task.as_deref().unwrap_or("none"));
    println!(
        "claimable    {} BASED, as staker {} BASED",
        report.claimable_as_peer, report.claimable_as_staker
    );
    let Totals {
        passed,
        failed,
        void,
        weights,
    } = &report.totals;
    println!("canaries     {passed} passed, {failed} failed, {void} void");
    match weights {
        Some((round, block)) => println!("weights      cycle {round}, block {block}"),
        None => println!("weights      never revealed"),
    }
    for miner in &report.miners {
        let latency = miner
            .latency_seconds
            .map_or("-".into(), |seconds| format!("{seconds:.2} s"));
        println!(
            "miner {:<6} correctness {:.3}, latency {latency}, {} canaries",
            miner.uid, miner.correctness, miner.canaries
        );
    }
}
