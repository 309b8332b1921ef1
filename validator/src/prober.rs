//! Sends canaries: one to every miner in every round, at random times, through the very code that users run.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use based_client::{
    chain::{calls, AccountId, Chain},
    models::Quota,
    session::{Options, Session, SessionError},
    state::State,
    wire::FULL_COMPLETION_UNITS,
};
use based_primitives::{constants::BASED, Balance, BrainId, PeerInfo};
use rand::{rngs::OsRng, seq::SliceRandom, Rng};
use tokio::time::{sleep, timeout, Instant};

use crate::{
    canary::Deck,
    metrics::Metrics,
    oracle::{Oracle, Question, Ready},
    purse::{Payer, Purse},
    score::Outcome,
    situation::{Latest, Situation, SILENCE},
    store::Store,
};

/// Pause of a worker that has nothing to do.
const IDLE: Duration = Duration::from_millis(500);
/// Longest pause between two canaries of a worker.
const LONGEST_PAUSE: Duration = Duration::from_secs(1800);
/// Pause after a canary that could not be judged.
const AFTER_VOID: Duration = Duration::from_secs(5);
/// Time at least that miners have to load the model of a task that took effect.
const SETTLING: Duration = Duration::from_secs(10);
/// Disk that a canary takes beside its evaluation key while it runs.
const OVERHEAD: u64 = 4 << 20;

/// What the workers share.
pub struct Prober {
    /// Connection to the chain.
    pub chain: Chain,
    /// The Brain.
    pub brain: BrainId,
    /// Accounts that pay.
    pub purse: Purse,
    /// Database.
    pub store: Arc<Mutex<Store>>,
    /// Most that canaries of a round may cost.
    pub budget: Balance,
    /// Deposit of each payer's spending account, and its refill.
    pub deposit: Balance,
    /// Time after which an answer counts as missing.
    pub patience: Duration,
    /// Directory that the quota limits.
    pub data_dir: PathBuf,
    /// Figures.
    pub metrics: Metrics,
    /// Miners with a canary under way.
    pub busy: Mutex<HashSet<AccountId>>,
}

/// How a canary ended.
enum Verdict {
    /// Judged; with what it cost, if that is known.
    Judged(Outcome, Option<Balance>),
    /// This side's trouble; says nothing about the miner.
    Void(String),
}

/// Why no canary is sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    Idle,
    Budget,
    Disk,
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
                Ok((miner, price)) => {
                    told = Hold::Idle;
                    sleep(self.pause(&situation)).await;
                    self.send(&latest, &ready, &miner, price).await;
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

    /// Chooses a miner that had no canary in this round and reserves it for the caller.
    fn next(&self, situation: &Situation, oracle: &Oracle) -> Result<(PeerInfo<AccountId>, Balance), Hold> {
        let paid = situation
            .brain
            .prices
            .and_then(|p| p.quote(oracle.prompt_units(), FULL_COMPLETION_UNITS));
        let (Some(price), Some(own)) = (paid, &situation.own) else {
            return Err(Hold::Idle);
        };
        if !situation.fresh || situation.task() != Some(oracle.task()) || situation.block_time.is_none() {
            return Err(Hold::Idle);
        }
        let round = situation.round();
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting: Vec<_> = situation
            .miners
            .iter()
            .filter(|miner| !busy.contains(&miner.account))
            .filter(|miner| {
                let probed = store.standing(miner.account.as_ref()).map(|(_, probed)| probed);
                probed.is_ok_and(|probed| probed != Some(round))
            })
            .collect();
        let Some(miner) = waiting.choose(&mut OsRng) else {
            return Err(Hold::Idle);
        };
        let spent = store.spent(round).unwrap_or(Balance::MAX);
        self.metrics.spent.set(spent as f64 / BASED as f64);
        if spent.saturating_add(price) > self.budget {
            return Err(Hold::Budget);
        }
        let quota = Quota::from_mib(own.resources.storage_mib);
        // The key lies in the payer's client state, and in its write-ahead log.
        let needed = 2 * oracle.evaluation_key_bytes() + OVERHEAD;
        let enough = |left: std::io::Result<u64>| left.is_ok_and(|left| left >= needed);
        if !enough(quota.left(&self.data_dir)) {
            if let Err(error) = store.shrink() {
                tracing::warn!("cannot shrink the database: {error:#}");
            }
            if !enough(quota.left(&self.data_dir)) {
                return Err(Hold::Disk);
            }
        }
        busy.insert(miner.account.clone());
        Ok(((*miner).clone(), price))
    }

    fn release(&self, miner: &AccountId) {
        self.busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(miner);
    }

    /// A random pause, on average such that the round's canaries spread evenly over what is left of it.
    fn pause(&self, situation: &Situation) -> Duration {
        let Some(block_time) = situation.block_time else {
            return IDLE;
        };
        let left = block_time.saturating_mul(situation.until_due());
        let share = left
            / u32::try_from(situation.miners.len())
                .unwrap_or(u32::MAX)
                .saturating_add(1);
        share.mul_f64(OsRng.gen_range(0.0..1.0)).min(LONGEST_PAUSE)
    }

    async fn send(&self, latest: &Latest, ready: &Ready, miner: &PeerInfo<AccountId>, price: Balance) {
        // The pause may have taken it into another round or task.
        let (Some(situation), Some(oracle)) = (latest.borrow().clone(), ready.borrow().clone()) else {
            return;
        };
        let payer = self.purse.payer_of(&miner.account).await;
        let round = situation.round();
        let begun = self.begin(round, miner, price, &oracle);
        let (probe, question) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                tracing::error!("cannot prepare a canary: {error:#}");
                sleep(AFTER_VOID).await;
                return;
            }
        };
        let began = Instant::now();
        let verdict = self.ask(&payer, miner, question).await;
        drop(payer);
        let verdict = match verdict {
            Verdict::Judged(Outcome::Fail, _) => match excuse(latest.clone(), ready, &oracle, began).await {
                Some(cause) => Verdict::Void(cause.into()),
                None => verdict,
            },
            verdict => verdict,
        };
        self.note(probe, round, miner, price, verdict).await;
    }

    /// Draws a question, and puts its cost and the deck's position on disk before anything leaves.
    fn begin(
        &self,
        round: u32,
        miner: &PeerInfo<AccountId>,
        price: Balance,
        oracle: &Oracle,
    ) -> anyhow::Result<(i64, Question)> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut deck: Deck = store.deck()?;
        let question = oracle.question(&mut deck)?;
        store.keep_deck(&deck)?;
        Ok((store.begin(round, miner.account.as_ref(), price)?, question))
    }

    async fn ask(&self, payer: &Payer, miner: &PeerInfo<AccountId>, question: Question) -> Verdict {
        let options = Options {
            account: None,
            miner: Some(miner.account.clone()),
            deposit: Some(self.deposit),
            home: payer.state_dir.clone(),
        };
        let asked = async {
            let mut session =
                Session::open(self.chain.clone(), payer.signer.clone(), self.brain, options).await?;
            session.ask(&question.sentence, &mut |_| {}).await
        };
        let verdict = match timeout(self.patience, asked).await {
            Ok(Ok(answer)) if answer.logits == question.answer => {
                Verdict::Judged(Outcome::Pass(answer.elapsed.as_secs_f64()), Some(answer.fee_paid))
            }
            Ok(Ok(answer)) => Verdict::Judged(Outcome::Fail, Some(answer.fee_paid)),
            Ok(Err(error)) if is_miners_fault(&error) => {
                tracing::debug!(uid = miner.uid, %error, "the miner failed");
                Verdict::Judged(Outcome::Fail, None)
            }
            Ok(Err(SessionError::Insufficient { account, .. })) => {
                let call = calls::top_up(account, self.deposit);
                match self.chain.submit(&payer.signer, &call).await {
                    Ok(_) => Verdict::Void("its spending account was empty and is refilled".into()),
                    Err(error) => Verdict::Void(format!("its spending account is empty: {error}")),
                }
            }
            Ok(Err(error)) => Verdict::Void(error.to_string()),
            Err(_) => Verdict::Judged(Outcome::Fail, None),
        };
        // A canary is never resumed; what is left of a failed one would only take disk.
        if let Err(error) = State::open(&payer.state_dir).and_then(|state| state.abandon_all()) {
            tracing::warn!(%error, "cannot clear a canary account's state");
        }
        verdict
    }

    async fn note(
        &self,
        probe: i64,
        round: u32,
        miner: &PeerInfo<AccountId>,
        price: Balance,
        verdict: Verdict,
    ) {
        let (uid, label) = (miner.uid, miner.uid.to_string());
        match verdict {
            Verdict::Judged(outcome, cost) => {
                let standing = {
                    let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
                    store.finish(
                        probe,
                        round,
                        miner.account.as_ref(),
                        outcome,
                        cost.unwrap_or(price),
                    )
                };
                match outcome {
                    Outcome::Pass(seconds) => {
                        tracing::info!(
                            uid,
                            result = "pass",
                            latency = format!("{seconds:.2} s"),
                            "canary"
                        );
                    }
                    Outcome::Fail => tracing::info!(uid, result = "fail", "canary"),
                }
                let result = if outcome == Outcome::Fail { "fail" } else { "pass" };
                self.metrics.canaries.with_label_values(&[result]).inc();
                match standing {
                    Ok(standing) => {
                        let latency = standing.latency.unwrap_or(0.0);
                        self.metrics.latency.with_label_values(&[&label]).set(latency);
                    }
                    Err(error) => tracing::error!("cannot keep a score: {error:#}"),
                }
            }
            Verdict::Void(cause) => {
                tracing::warn!(uid, result = "void", cause, "canary");
                self.metrics.canaries.with_label_values(&["void"]).inc();
                sleep(AFTER_VOID).await;
            }
        }
    }
}

/// Why a failed canary does not count against its miner: the node was away, or the task has just changed. The next
/// block is waited for, because only that tells whether the node was away.
async fn excuse(mut latest: Latest, ready: &Ready, oracle: &Oracle, began: Instant) -> Option<&'static str> {
    latest.borrow_and_update();
    let answers = timeout(SILENCE, latest.changed()).await;
    let situation = latest.borrow().clone();
    let present = situation.filter(|now| now.fresh && matches!(answers, Ok(Ok(()))));
    let Some(situation) = present.filter(|now| now.gap.is_none_or(|gap| gap < began)) else {
        return Some("the node was away meanwhile");
    };
    let judged_by_it = |now: &Arc<Oracle>| now.task() == oracle.task();
    if !ready.borrow().as_ref().is_some_and(judged_by_it) || situation.task() != Some(oracle.task()) {
        return Some("the task changed meanwhile");
    }
    let settling = situation
        .block_time
        .unwrap_or_default()
        .saturating_mul(situation.rounds.margin());
    let settling = settling.max(SETTLING);
    (began < oracle.since() + settling).then_some("the task has just changed")
}

/// Whether a session failed by what the miner did or did not do.
fn is_miners_fault(error: &SessionError) -> bool {
    match error {
        // The sentence is known to fit, so the model's complaint is about what the miner sent.
        SessionError::Model(_)
        | SessionError::NoUsableMiner { .. }
        | SessionError::Connect(_)
        | SessionError::MinerGone(_)
        | SessionError::OutputMissing { .. }
        | SessionError::Refused(_)
        | SessionError::Receipt(_)
        | SessionError::Output
        | SessionError::Protocol(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_miners_doings_count_against_it() {
        for error in [
            SessionError::MinerGone("silent".into()),
            SessionError::OutputMissing {
                cause: "gone".into(),
                promised: 1,
            },
            SessionError::Receipt("it names another model"),
            SessionError::Refused("queue full".into()),
            SessionError::NoUsableMiner {
                brain: 7,
                reasons: vec![],
            },
            SessionError::Output,
        ] {
            assert!(is_miners_fault(&error), "{error}");
        }
        for error in [
            SessionError::NoAccount,
            SessionError::Insufficient {
                account: 1,
                left: 0,
                price: 1,
            },
            SessionError::Chain(based_client::chain::ChainError::Lost {
                url: "ws://127.0.0.1".into(),
            }),
            SessionError::NoMiners(7),
            SessionError::Internal("x".into()),
        ] {
            assert!(!is_miners_fault(&error), "{error}");
        }
    }
}
