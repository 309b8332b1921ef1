//! Sends canaries: some to every miner in every round, at random times, through the very code that users run.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use based_client::{chain::AccountId, models::Quota};
use based_primitives::{BrainId, PeerInfo};
use rand::{rngs::OsRng, seq::SliceRandom, Rng};
use tokio::time::{sleep, Instant};

use crate::{
    oracle::{Oracle, Ready},
    probe::{presence, settling, Begun, Hold, Means, Probe, Verdict, AFTER_VOID},
    score::Outcome,
    situation::{Latest, Situation},
    store::Account,
};

/// Pause of a worker that has nothing to do.
const IDLE: Duration = Duration::from_millis(500);
/// Longest pause between two canaries of a worker.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(1800);

/// What the workers share.
pub struct Prober {
    /// What canaries are sent with.
    pub means: Arc<Means>,
    /// The Brain.
    pub brain: BrainId,
    /// Time between two canaries to a miner, on average.
    pub every: Duration,
    /// Miners with a canary under way.
    pub busy: Mutex<HashSet<AccountId>>,
}

impl Prober {
    /// One worker: sends canaries one after another, forever.
    pub async fn work(self: Arc<Self>, latest: Latest, ready: Ready) {
        let mut told = Hold::Idle;
        loop {
            let situation = latest.borrow().clone();
            let oracle = ready.borrow().clone();
            let (Some(situation), Some(oracle)) = (situation, oracle) else {
                sleep(IDLE).await;
                continue;
            };
            let next = self.next(&situation, &oracle);
            match next {
                Ok(miner) => {
                    told = Hold::Idle;
                    sleep(self.pause(&situation)).await;
                    self.send(&latest, &ready, &miner).await;
                    self.release(&miner.account);
                }
                Err(hold) => {
                    if hold != told {
                        told = hold;
                        match hold {
                            Hold::Idle => {},
                            Hold::Budget => tracing::warn!(
                                round = situation.round(),
                                "the budget of this round is spent; canaries go on in the next"
                            ),
                            Hold::Disk => tracing::error!(
                                "the declared storage is used up; no canaries until files under the data directory \
                                 are removed or the validator joins again with more"
                            ),
                        }
                    }
                    sleep(IDLE).await;
                }
            }
        }
    }

    /// Chooses a miner that has had fewer canaries in this round than it is to get and reserves it for the caller.
    fn next(&self, situation: &Situation, oracle: &Oracle) -> Result<PeerInfo<AccountId>, Hold> {
        let Some(own) = &situation.own else {
            return Err(Hold::Idle);
        };
        let Some(round_time) = situation.round_time() else {
            return Err(Hold::Idle);
        };
        if !situation.fresh || situation.task() != Some(oracle.task()) {
            return Err(Hold::Idle);
        }
        let round = situation.round();
        let store = self.means.store();
        // A database that fails now would not keep the result either.
        let Ok(judged) = store.judged(round) else {
            return Err(Hold::Idle);
        };
        let wanted = per_round(round_time, self.every);
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting: Vec<_> = situation
            .miners
            .iter()
            .filter(|miner| !busy.contains(&miner.account))
            .filter(|miner| {
                let account: &Account = miner.account.as_ref();
                judged.get(account).is_none_or(|had| *had < wanted)
            })
            .collect();
        let Some(miner) = waiting.choose(&mut OsRng) else {
            return Err(Hold::Idle);
        };
        let quota = Quota::from_mib(own.resources.storage_mib);
        self.means
            .allow(&store, round, situation.brain.prices, oracle, quota)?;
        busy.insert(miner.account.clone());
        Ok((*miner).clone())
    }

    fn release(&self, miner: &AccountId) {
        self.busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(miner);
    }

    /// A random pause, on average such that the round's canaries spread evenly over what is left of it.
    fn pause(&self, situation: &Situation) -> Duration {
        let (Some(block_time), Some(round_time)) = (situation.block_time, situation.round_time()) else {
            return IDLE;
        };
        let left = block_time.saturating_mul(situation.until_due());
        let miners = u32::try_from(situation.miners.len()).unwrap_or(u32::MAX);
        let canaries = miners.saturating_mul(per_round(round_time, self.every));
        let share = left / canaries.saturating_add(1);
        share.mul_f64(OsRng.gen_range(0.0..1.0)).min(LONGEST_PAUSE)
    }

    async fn send(&self, latest: &Latest, ready: &Ready, miner: &PeerInfo<AccountId>) {
        let payer = self.means.purse.payer_of(&miner.account).await;
        // The pause may have taken it into another round or task, or to other prices.
        let (Some(situation), Some(oracle)) = (latest.borrow().clone(), ready.borrow().clone()) else {
            return;
        };
        let (Some(own), prices) = (&situation.own, situation.brain.prices) else {
            return;
        };
        let (round, quota) = (situation.round(), Quota::from_mib(own.resources.storage_mib));
        let begun = self
            .means
            .begin(round, (&payer.signer, &miner.account), prices, &oracle, quota);
        let Begun { id, price, question } = match begun {
            Ok(Ok(begun)) => begun,
            Ok(Err(_)) => return,
            Err(error) => {
                tracing::error!("cannot prepare a canary: {error:#}");
                sleep(AFTER_VOID).await;
                return;
            }
        };
        let began = Instant::now();
        let verdict = self
            .means
            .ask(&payer.signer, &payer.state_dir, self.brain, miner, question)
            .await;
        drop(payer);
        let verdict = match verdict {
            Verdict::Judged(Outcome::Fail, _) => match excuse(latest.clone(), ready, &oracle, began).await {
                Some(cause) => Verdict::Void(cause.into()),
                None => verdict,
            },
            verdict => verdict,
        };
        let probe = Probe {
            id,
            round,
            abroad: None,
            miner,
            price,
        };
        if let Some(standing) = self.means.note(&probe, verdict).await {
            let latency = self
                .means
                .metrics
                .latency
                .with_label_values(&[&miner.uid.to_string()]);
            // None says that no answer of it was timed.
            standing
                .latency
                .into_iter()
                .for_each(|seconds| latency.set(seconds));
        }
    }
}

/// Canaries to each miner in a round: so that they come `every` so often, and at least one.
pub(crate) fn per_round(round: Duration, every: Duration) -> u32 {
    let fit = round.as_secs_f64() / every.as_secs_f64().max(1.0);
    (fit.round() as u32).max(1)
}

/// Why a failed canary does not count against its miner: the node was away, or the task has just changed.
async fn excuse(latest: Latest, ready: &Ready, oracle: &Oracle, began: Instant) -> Option<&'static str> {
    let situation = match presence(latest, began).await {
        Ok(situation) => situation,
        Err(cause) => return Some(cause),
    };
    let judged_by_it = |now: &Arc<Oracle>| now.task() == oracle.task();
    if !ready.borrow().as_ref().is_some_and(judged_by_it) || situation.task() != Some(oracle.task()) {
        return Some("the task changed meanwhile");
    }
    (began < oracle.since() + settling(&situation)).then_some("the task has just changed")
}
