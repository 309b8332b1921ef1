//! Shows how a validator stands.

use based_client::{chain::Chain, money};
use serde::Serialize;

use crate::{
    args::{Common, Status},
    forecast::report,
    store::{Store, Totals},
    watch::watch,
};

/// What chain and databases say.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) account: String,
    brain: u16,
    pub(crate) block: u32,
    uid: Option<u16>,
    storage_mib: Option<u32>,
    claimable_as_peer: String,
    claimable_as_staker: String,
    task: Option<String>,
    miners: Vec<Miner>,
    totals: Totals,
    weights_pending: usize,
    pub(crate) forecast: report::Report,
}

#[derive(Serialize)]
struct Miner {
    uid: u16,
    canaries: u64,
    correctness: f64,
    latency_seconds: Option<f64>,
}

/// Prints the validator's entry, rewards, the scores of its miners, the totals of its canaries and its forecasts, once
/// or again and again.
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
    let store = Store::open(&common.data_dir)?;
    if args.watch {
        return watch(common, &store).await;
    }
    let chain = Chain::connect(&common.node).await?;
    let report = gather(common, &chain, &store).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.lines().iter().for_each(|line| println!("{line}"));
    }
    Ok(())
}

/// Asks chain and databases.
pub(crate) async fn gather(common: &Common, chain: &Chain, store: &Store) -> anyhow::Result<Report> {
    let account = common.key.account()?;
    let view = chain.best().await?;
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
    let weights_pending = match own {
        Some(own) => view.commitments(common.brain, own.uid).await?.len(),
        None => 0,
    };
    Ok(Report {
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
        weights_pending,
        forecast: report::Report::read(&view, store, &common.data_dir, &account).await?,
    })
}

impl Report {
    /// Lines for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = |name: &str, value: String| lines.push(format!("{name:<12} {value}"));
        line("account", self.account.clone());
        line(
            "validator",
            match self.uid {
                Some(uid) => format!("{uid} of Brain {} at block {}", self.brain, self.block),
                None => format!(
                    "not memorized in Brain {}; run `based-validator register`",
                    self.brain
                ),
            },
        );
        line("task", self.task.clone().unwrap_or_else(|| "none".into()));
        line(
            "claimable",
            format!(
                "{} BASED, as staker {} BASED",
                self.claimable_as_peer, self.claimable_as_staker
            ),
        );
        let Totals {
            passed,
            failed,
            void,
            weights,
        } = &self.totals;
        line(
            "canaries",
            format!("{passed} passed, {failed} failed, {void} void"),
        );
        let revealed = match weights {
            Some((round, block)) => format!("cycle {round}, block {block}"),
            None => "never revealed".into(),
        };
        line(
            "weights",
            format!("{revealed}; {} commitments pending", self.weights_pending),
        );
        for miner in &self.miners {
            let latency = miner
                .latency_seconds
                .map_or("-".into(), |seconds| format!("{seconds:.2} s"));
            line(
                &format!("miner {}", miner.uid),
                format!(
                    "correctness {:.3}, latency {latency}, {} canaries",
                    miner.correctness, miner.canaries
                ),
            );
        }
        for (name, value) in self.forecast.lines() {
            line(name, value);
        }
        lines
    }
}
