//! One canary, in the own Brain or in another: what it may cost, how it is asked and paid, and what it says.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use based_client::{
    chain::{calls, AccountId, Chain, Signer},
    models::Quota,
    session::{self, Opened, Options, SessionError},
    state::State,
};
use based_primitives::{constants::BASED, Balance, BrainId, PeerInfo, PriceList};
use rand::rngs::OsRng;
use tokio::time::{sleep, timeout, Instant};

use crate::{
    forecast::trainer::now,
    metrics::Metrics,
    oracle::{audits, Asking, Oracle, Question, Right},
    purse::Purse,
    score::{Outcome, Standing},
    situation::{Latest, Situation, SILENCE},
    store::Store,
};

/// Pause after a canary that could not be judged.
pub const AFTER_VOID: Duration = Duration::from_secs(5);
/// Disk that a canary takes beside its key or model while it runs.
const OVERHEAD: u64 = 4 << 20;
/// Time at least that miners have to load the model of a task that took effect.
const SETTLING: Duration = Duration::from_secs(10);

/// What canaries are sent with: one purse and one budget for those at home and abroad.
pub struct Means {
    /// Connection to the chain.
    pub chain: Chain,
    /// Accounts that pay.
    pub purse: Purse,
    /// Database.
    pub store: Arc<Mutex<Store>>,
    /// Most that the canaries of a round may cost.
    pub budget: Balance,
    /// Deposit of each payer's spending accounts, and their refill.
    pub deposit: Balance,
    /// Time after which an answer counts as missing.
    pub patience: Duration,
    /// Directory that the quota limits.
    pub data_dir: PathBuf,
    /// Figures.
    pub metrics: Metrics,
}

/// A canary under way.
pub struct Probe<'a> {
    /// Its number in the database.
    pub id: i64,
    /// Round of the own Brain to whose budget it belongs.
    pub round: u32,
    /// Its Brain, if that is not the own.
    pub abroad: Option<BrainId>,
    /// Who answers.
    pub miner: &'a PeerInfo<AccountId>,
    /// Most that it costs.
    pub price: Balance,
}

/// A canary whose cost is on disk.
pub struct Begun {
    /// Its number in the database.
    pub id: i64,
    /// Most that it costs.
    pub price: Balance,
    /// What is asked.
    pub question: Question,
}

/// How a canary ended.
pub enum Verdict {
    /// Judged; with what it cost, if that is known.
    Judged(Outcome, Option<Balance>),
    /// This side's trouble; says nothing about the miner.
    Void(String),
}

/// Why no canary is sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// There is nothing to do, or it cannot be judged now.
    Idle,
    /// The round's budget is spent.
    Budget,
    /// The declared storage is used up.
    Disk,
}

impl Means {
    /// The database.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How most users ask, and what is left of a round's budget, if prices, budget and disk allow one canary more.
    ///
    /// # Errors
    /// [`Hold`] saying which does not.
    pub fn allow(
        &self,
        store: &Store,
        round: u32,
        prices: Option<PriceList>,
        oracle: &Oracle,
        quota: Quota,
    ) -> Result<(Asking, Balance), Hold> {
        let usual = prices
            .and_then(|prices| oracle.usual(&prices))
            .ok_or(Hold::Idle)?;
        let spent = store.spent(round).unwrap_or(Balance::MAX);
        self.metrics.spent.set(spent as f64 / BASED as f64);
        let left = self.budget.checked_sub(spent).ok_or(Hold::Budget)?;
        if usual.price > left {
            return Err(Hold::Budget);
        }
        let needed = oracle.canary_bytes() + OVERHEAD;
        let enough = |left: std::io::Result<u64>| left.is_ok_and(|left| left >= needed);
        if enough(quota.left(&self.data_dir)) {
            return Ok((usual, left));
        }
        if let Err(error) = store.shrink() {
            tracing::warn!("cannot shrink the database: {error:#}");
        }
        match enough(quota.left(&self.data_dir)) {
            true => Ok((usual, left)),
            false => Err(Hold::Disk),
        }
    }

    /// Draws a canary, if one is allowed, and puts its cost and the deck's position on disk before anything leaves. Those
    /// who begin one at the same time see each other's costs.
    ///
    /// # Errors
    /// If the database fails or the deck has nothing for this model.
    pub fn begin(
        &self,
        round: u32,
        (payer, miner): (&Signer, &AccountId),
        prices: Option<PriceList>,
        oracle: &Oracle,
        quota: Quota,
    ) -> anyhow::Result<Result<Begun, Hold>> {
        let store = self.store();
        let (usual, left) = match self.allow(&store, round, prices, oracle, quota) {
            Ok(allowed) => allowed,
            Err(hold) => return Ok(Err(hold)),
        };
        // What is left at a budget's end is not for the shortest canaries alone.
        let affordable = |asking: &Asking| asking.price <= left;
        let mut deck = store.deck()?;
        let audits = audits(&deck.seed(), &payer.account(), now());
        let drawn = prices.and_then(|prices| oracle.draw(&prices, audits, &mut OsRng));
        let asking = match drawn {
            Some(drawn) if affordable(&drawn) => drawn,
            // An account that audits does so for all its answers.
            Some(drawn) if drawn.audit > 0 => return Ok(Err(Hold::Budget)),
            _ => usual,
        };
        let question = oracle.question(&mut deck, &asking, &mut OsRng)?;
        store.keep_deck(&deck)?;
        let id = store.begin(round, miner.as_ref(), asking.price)?;
        Ok(Ok(Begun {
            id,
            price: asking.price,
            question,
        }))
    }

    /// Asks a miner of a Brain as a user would, with client state in `home`, and compares.
    pub async fn ask(
        &self,
        payer: &Signer,
        home: &Path,
        brain: BrainId,
        miner: &PeerInfo<AccountId>,
        question: Question,
    ) -> Verdict {
        let audit = match &question.answer {
            Right::Logits(_, audit) => *audit,
            Right::Split(..) => 0,
        };
        let options = Options {
            account: None,
            miner: Some(miner.account.clone()),
            choice: None,
            deposit: Some(self.deposit),
            audit,
            home: home.into(),
        };
        let asked = async {
            let opened = session::open(self.chain.clone(), payer.clone(), brain, options).await?;
            match (opened, question.answer) {
                (Opened::Full(mut session), Right::Logits(right, _)) => {
                    let answer = session.ask(&question.sentence, &mut |_| {}).await?;
                    let outcome = judged(answer.logits == right, audit, answer.elapsed);
                    Ok((outcome, answer.fee_paid))
                }
                (Opened::Split(session), Right::Split(oracle, settings)) => {
                    oracle.judge(*session, &question.sentence, settings).await
                }
                _ => Err(SessionError::Internal("the Brain's task changed its mode".into())),
            }
        };
        let verdict = match timeout(patience(self.patience, audit), asked).await {
            Ok(Ok((outcome, cost))) => Verdict::Judged(outcome, Some(cost)),
            Ok(Err(error)) if is_miners_fault(&error) => {
                tracing::debug!(uid = miner.uid, %error, "the miner failed");
                Verdict::Judged(Outcome::Fail, None)
            }
            Ok(Err(SessionError::Insufficient { account, .. })) => {
                let call = calls::top_up(account, self.deposit);
                match self.chain.submit(payer, &call).await {
                    Ok(_) => Verdict::Void("its spending account was empty and is refilled".into()),
                    Err(error) => Verdict::Void(format!("its spending account is empty: {error}")),
                }
            }
            Ok(Err(error)) => Verdict::Void(error.to_string()),
            Err(_) => Verdict::Judged(Outcome::Fail, None),
        };
        // A canary is never resumed; what is left of a failed one would only take disk.
        if let Err(error) = State::open(home).and_then(|state| state.abandon_all()) {
            tracing::warn!(%error, "cannot clear a canary account's state");
        }
        verdict
    }

    /// Notes how a canary ended; gives the miner's new standing if it was judged.
    pub async fn note(&self, probe: &Probe<'_>, verdict: Verdict) -> Option<Standing> {
        let (uid, brain) = (probe.miner.uid, probe.abroad);
        let canaries = match brain {
            None => &self.metrics.canaries,
            Some(_) => &self.metrics.canaries_abroad,
        };
        let (outcome, cost) = match verdict {
            Verdict::Judged(outcome, cost) => (outcome, cost.unwrap_or(probe.price)),
            Verdict::Void(cause) => {
                tracing::warn!(brain, uid, result = "void", cause, "canary");
                canaries.with_label_values(&["void"]).inc();
                sleep(AFTER_VOID).await;
                return None;
            }
        };
        let miner = probe.miner.account.as_ref();
        let kept = match brain {
            None => self.store().finish(probe.id, probe.round, miner, outcome, cost),
            Some(brain) => self
                .store()
                .finish_abroad(probe.id, probe.round, brain, miner, outcome, cost),
        };
        let (result, latency) = match outcome {
            Outcome::Pass(seconds) => ("pass", Some(format!("{seconds:.2} s"))),
            Outcome::Untimed => ("pass", None),
            Outcome::Fail => ("fail", None),
        };
        canaries.with_label_values(&[result]).inc();
        tracing::info!(brain, uid, result, latency, "canary");
        kept.inspect_err(|error| tracing::error!("cannot keep a score: {error:#}"))
            .ok()
    }
}

/// What an answer of full mode shows. The time of one that was audited is not that which most users wait.
fn judged(right: bool, audit: u32, time: Duration) -> Outcome {
    match (right, audit) {
        (false, _) => Outcome::Fail,
        (true, 0) => Outcome::Pass(time.as_secs_f64()),
        (true, _) => Outcome::Untimed,
    }
}

/// Time after which an answer counts as missing: a traced one takes about twice as long.
fn patience(usual: Duration, audit: u32) -> Duration {
    match audit {
        0 => usual,
        _ => usual.saturating_mul(2),
    }
}

/// Waits for the next block, because only that tells whether the node was away since a canary began.
///
/// # Errors
/// That it was, which excuses whoever did not answer.
pub async fn presence(mut latest: Latest, began: Instant) -> Result<Arc<Situation>, &'static str> {
    latest.borrow_and_update();
    let answers = timeout(SILENCE, latest.changed()).await;
    let situation = latest.borrow().clone();
    let present = situation.filter(|now| now.fresh && matches!(answers, Ok(Ok(()))));
    present
        .filter(|now| now.gap.is_none_or(|gap| gap < began))
        .ok_or("the node was away meanwhile")
}

/// Time that miners have after this side loaded the model of a task, before what they fail counts.
pub fn settling(situation: &Situation) -> Duration {
    let margin = situation
        .block_time
        .unwrap_or_default()
        .saturating_mul(situation.rounds.margin());
    margin.max(SETTLING)
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
        | SessionError::NotOpened(_)
        | SessionError::Refused(_)
        | SessionError::Receipt(_)
        | SessionError::Output
        | SessionError::Products(_)
        | SessionError::Audit(_)
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
            SessionError::Products("products"),
            SessionError::Audit("the miner refused to open its trace".into()),
            SessionError::NotOpened("silent".into()),
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
            SessionError::NotAuditable(7),
            SessionError::Internal("x".into()),
        ] {
            assert!(!is_miners_fault(&error), "{error}");
        }
    }

    #[test]
    fn an_audited_answer_has_more_time_which_says_nothing() {
        let time = Duration::from_secs(9);
        assert_eq!(judged(true, 0, time), Outcome::Pass(9.0));
        assert_eq!(judged(true, 16, time), Outcome::Untimed);
        for audit in [0, 16] {
            assert_eq!(judged(false, audit, time), Outcome::Fail);
        }
        assert_eq!((patience(time, 0), patience(time, 16)), (time, 2 * time));
    }
}
