//! Canaries to miners of other Brains (R128), by which those Brains are scored from outside (F.2-2).
//!
//! In each round a validator visits some other Brains: it loads the model of their task within a part of its declared
//! storage, and sends one canary to each of a few miners, from the purse and the budget of its own Brain's. What it
//! found in the last rounds becomes its cross edges.

mod choice;
mod edges;
mod ledger;

pub use edges::Teller;
pub use ledger::Foreign;
pub(crate) use ledger::SCHEMA;

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use based_client::{
    chain::AccountId,
    models::{Models, Quota},
};
use based_primitives::{BrainId, BrainInfo, BrainState, PeerInfo, Role};
use rand::{rngs::OsRng, Rng};
use tokio::time::{sleep, Instant};

use crate::{
    oracle::Oracle,
    probe::{presence, settling, Begun, Hold, Means, Probe, Verdict},
    prober::LONGEST_PAUSE,
    score::Outcome,
    situation::{Latest, Situation},
};

/// Pause while canaries cannot be judged.
const IDLE: Duration = Duration::from_secs(1);
/// Pause after the chain could not be read, or had no Brain left to visit in this round.
const RETRY: Duration = Duration::from_secs(10);
/// Models of other Brains may take this part (one over it) of the declared storage.
const SHARE: u64 = 4;
/// Directory of what belongs to other Brains, in the data directory and in each payer's.
const DIR: &str = "abroad";

/// Visits other Brains.
pub struct Abroad {
    /// What canaries are sent with.
    pub means: Arc<Means>,
    /// The validator's own Brain.
    pub brain: BrainId,
    /// The validator's account.
    pub account: AccountId,
    /// Directories in which models are looked for.
    pub model_dirs: Vec<PathBuf>,
    /// Brains visited in a round.
    pub count: u8,
}

impl Abroad {
    /// Visits other Brains in every round, one after another, forever.
    pub async fn work(self, latest: Latest) {
        let (mut round, mut visited) = (None, HashSet::new());
        loop {
            let situation = latest.borrow().clone();
            let Some(situation) = situation.filter(|now| is_fit(now)) else {
                sleep(IDLE).await;
                continue;
            };
            if round != Some(situation.round()) {
                round = Some(situation.round());
                visited.clear();
            }
            match self.next(&situation, &visited).await {
                Ok(Some(next)) => {
                    visited.insert(next.id);
                    if let Err(error) = self.visit(&latest, &next, visited.len()).await {
                        tracing::warn!(brain = next.id, "cannot score this Brain: {error:#}");
                    }
                }
                Ok(None) => sleep(RETRY).await,
                Err(error) => {
                    tracing::debug!("cannot choose other Brains: {error:#}");
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// The next Brain to visit in this round.
    async fn next(
        &self,
        situation: &Situation,
        visited: &HashSet<BrainId>,
    ) -> anyhow::Result<Option<BrainInfo<AccountId>>> {
        if visited.len() >= usize::from(self.count) {
            return Ok(None);
        }
        let secret = self.means.store().deck()?.seed();
        let mut brains = self.means.chain.best().await?.brains().await?;
        brains.retain(|info| self.may_visit(info));
        let eligible = brains.iter().map(|info| info.id).collect();
        let chosen = choice::brains(&secret, situation.round(), eligible, self.count.into());
        let next = chosen.into_iter().find(|brain| !visited.contains(brain));
        Ok(next.and_then(|next| brains.into_iter().find(|info| info.id == next)))
    }

    /// Whether a Brain has what it takes to be asked, and this validator's word on it counts as one from outside.
    fn may_visit(&self, info: &BrainInfo<AccountId>) -> bool {
        info.id != self.brain
            && info.owner != self.account
            && info.state != BrainState::Reserved
            && info.task.is_some()
            && info.prices.is_some()
            && info.miners > 0
    }

    /// Sends a canary to each of the chosen miners that had none in this round. `place` counts the round's visits.
    async fn visit(&self, latest: &Latest, info: &BrainInfo<AccountId>, place: usize) -> anyhow::Result<()> {
        let Some(situation) = latest.borrow().clone() else {
            return Ok(());
        };
        let (Some(task), Some(own)) = (&info.task, &situation.own) else {
            return Ok(());
        };
        let round = situation.round();
        let miners = self.miners(info.id, round).await?;
        if miners.is_empty() {
            return Ok(());
        }
        let quota = Quota::from_mib(own.resources.storage_mib);
        self.make_room(quota)?;
        let home = self.means.data_dir.join(DIR);
        let part = Quota::from_mib(own.resources.storage_mib / SHARE as u32);
        let models = Models::new(self.model_dirs.clone(), &home, part);
        let dir = models.obtain(task).await?;
        let manifest = task.manifest;
        let oracle = tokio::task::spawn_blocking(move || Oracle::load(&dir, manifest)).await??;
        let mut canaries = miners.len() + choice::MINERS * usize::from(self.count).saturating_sub(place);
        for miner in &miners {
            // Miners of that Brain may have heard of the task only when this side did.
            let least = settling(&situation);
            sleep(pause(&situation, canaries).max(least.saturating_sub(oracle.since().elapsed()))).await;
            canaries = canaries.saturating_sub(1);
            let now = latest.borrow().clone();
            if !now.is_some_and(|now| is_fit(&now) && now.round() == round) {
                return Ok(());
            }
            if let Err(hold) = self.send(latest, info, miner, &oracle, round, quota).await? {
                tracing::debug!(brain = info.id, ?hold, "no canaries abroad");
                return Ok(());
            }
        }
        Ok(())
    }

    /// The miners to ask in a Brain: none if this validator is one of its peers.
    async fn miners(&self, brain: BrainId, round: u32) -> anyhow::Result<Vec<PeerInfo<AccountId>>> {
        let mut peers = self.means.chain.best().await?.peers(brain).await?;
        if peers.iter().any(|peer| peer.account == self.account) {
            return Ok(Vec::new());
        }
        peers.retain(|peer| peer.role == Role::Miner);
        let store = self.means.store();
        let accounts = peers
            .iter()
            .map(|peer| <[u8; 32]>::from(peer.account.clone()))
            .collect();
        let mut chosen = choice::miners(&store.deck()?.seed(), brain, accounts);
        for place in (0..chosen.len()).rev() {
            if store.standing_abroad(brain, &chosen[place])?.1 == Some(round) {
                chosen.remove(place);
            }
        }
        peers.retain(|peer| {
            chosen
                .iter()
                .any(|account| account == AsRef::<[u8; 32]>::as_ref(&peer.account))
        });
        Ok(peers)
    }

    /// Sends one canary, unless something holds it.
    async fn send(
        &self,
        latest: &Latest,
        info: &BrainInfo<AccountId>,
        miner: &PeerInfo<AccountId>,
        oracle: &Oracle,
        round: u32,
        quota: Quota,
    ) -> anyhow::Result<Result<(), Hold>> {
        if self.task(info.id).await? != Some(oracle.task()) {
            return Ok(Err(Hold::Idle));
        }
        let payer = self.means.purse.payer_of(&miner.account).await;
        let begun = self
            .means
            .begin(round, (&payer.signer, &miner.account), info.prices, oracle, quota)?;
        let Begun { id, price, question } = match begun {
            Ok(begun) => begun,
            Err(hold) => return Ok(Err(hold)),
        };
        let home = payer.state_dir.join(DIR);
        let began = Instant::now();
        let verdict = self
            .means
            .ask(&payer.signer, &home, info.id, miner, question)
            .await;
        drop(payer);
        let verdict = match verdict {
            Verdict::Judged(Outcome::Fail, _) => match self.excuse(latest, info.id, oracle, began).await {
                Some(cause) => Verdict::Void(cause.into()),
                None => verdict,
            },
            verdict => verdict,
        };
        let probe = Probe {
            id,
            round,
            abroad: Some(info.id),
            miner,
            price,
        };
        self.means.note(&probe, verdict).await;
        Ok(Ok(()))
    }

    /// Why a failed canary does not count against its miner.
    async fn excuse(
        &self,
        latest: &Latest,
        brain: BrainId,
        oracle: &Oracle,
        began: Instant,
    ) -> Option<&'static str> {
        if let Err(cause) = presence(latest.clone(), began).await {
            return Some(cause);
        }
        match self.task(brain).await {
            Ok(task) if task == Some(oracle.task()) => None,
            Ok(_) => Some("the task changed meanwhile"),
            Err(_) => Some("the node was away meanwhile"),
        }
    }

    /// Task of a Brain now.
    async fn task(&self, brain: BrainId) -> anyhow::Result<Option<sp_core::H256>> {
        let info = self.means.chain.best().await?.brain(brain).await?;
        Ok(info.and_then(|info| info.task).map(|task| task.manifest))
    }

    /// Removes models of other Brains when they take up their share, or when half of the declared storage is in use:
    /// the own Brain goes first. They come again when they are needed.
    fn make_room(&self, quota: Quota) -> io::Result<()> {
        let kept = self.means.data_dir.join(DIR);
        let tight = quota.left(&self.means.data_dir)? < quota.bytes() / 2;
        if tight || based_client::models::used(&kept)? >= quota.bytes() / SHARE / 2 {
            clear(&self.means.data_dir)?;
        }
        Ok(())
    }
}

/// Whether canaries can be judged now.
fn is_fit(situation: &Situation) -> bool {
    situation.fresh && situation.own.is_some() && situation.block_time.is_some()
}

/// A random pause, on average such that so many canaries spread over what is left of the round.
fn pause(situation: &Situation, canaries: usize) -> Duration {
    let left = situation
        .block_time
        .unwrap_or_default()
        .saturating_mul(situation.until_due());
    let share = left / u32::try_from(canaries).unwrap_or(u32::MAX).saturating_add(1);
    share.mul_f64(OsRng.gen_range(0.0..1.0)).min(LONGEST_PAUSE)
}

/// Removes models of other Brains from a data directory. Payers' promises stay: their vouchers build on them.
fn clear(data_dir: &Path) -> io::Result<()> {
    remove(&data_dir.join(DIR).join("models"))?;
    let payers = match fs::read_dir(data_dir.join("canaries")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        payers => payers?,
    };
    for payer in payers {
        remove(&payer?.path().join(DIR).join("models"))?;
    }
    Ok(())
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearing_keeps_what_belongs_to_the_own_brain_and_what_was_promised() {
        let dir = tempfile::tempdir().unwrap();
        let gone = ["abroad/models/aa", "canaries/01/abroad/models/aa"];
        let stays = ["models/bb", "canaries/01/models/bb", "canaries/01/abroad/state"];
        for path in gone.iter().chain(&stays) {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        for _ in 0..2 {
            clear(dir.path()).unwrap();
            assert!(gone.iter().all(|path| !dir.path().join(path).exists()));
            assert!(stays.iter().all(|path| dir.path().join(path).exists()));
        }
        clear(&dir.path().join("missing")).unwrap();
    }
}
