//! The model of the Brain's task in clear: it answers canaries before they are sent.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use based_client::{
    chain::AccountId,
    models::Models,
    session::{split::Settings, USUAL_AUDIT},
    wire::{job_price, FULL_COMPLETION_UNITS},
};
use based_primitives::{Balance, PriceList, Task};
use rand::Rng;
use sha2::{Digest, Sha256};
use sp_core::H256;
use tokio::{sync::watch, time::Instant};
use zk_llm::{ClientModel, Logits, Model};

use crate::{canary::Deck, metrics::Metrics, situation::Latest, split::SplitOracle};

/// Wait before a model that was not found is looked for again.
const RETRY: Duration = Duration::from_secs(15);
/// Sentences tried until one fits the model's context.
const ATTEMPTS: usize = 64;
/// One account in so many has its answers of full mode audited for a day, so that cheating on such jobs alone is found,
/// too. As users do: all of an account's or none.
const AUDITED: u8 = 16;
/// Seconds for which an account keeps to that.
const HABIT: u64 = 86_400;

/// A model that is ready to judge.
pub struct Oracle {
    whole: Whole,
    since: Instant,
}

/// A model by its mode.
enum Whole {
    Full(Box<(Model, ClientModel)>),
    Split(Arc<SplitOracle>),
}

/// A canary's sentence and what the only right answer to it is.
pub struct Question {
    /// What is asked.
    pub sentence: String,
    /// What is right.
    pub answer: Right,
}

/// How a canary is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    /// Settings of a session of split mode.
    pub settings: Settings,
    /// Bootstraps that are computed again of an answer of full mode; 0 for a job without a trace.
    pub audit: u32,
    /// Most that it costs.
    pub price: Balance,
}

impl Asking {
    /// The same with an audit, for which a job is traced at a higher price.
    fn audited(self) -> Self {
        Self {
            audit: USUAL_AUDIT,
            price: job_price(self.price, true).unwrap_or(Balance::MAX),
            ..self
        }
    }
}

/// Whether an account has its answers audited at a time, in seconds: a function of the validator's secret seed, as a
/// miner could tell canaries by a rule that it knows.
pub fn audits(seed: &[u8; 32], account: &AccountId, now: u64) -> bool {
    let hash = Sha256::new()
        .chain_update(b"based/audits/1")
        .chain_update(seed)
        .chain_update(AsRef::<[u8; 32]>::as_ref(account))
        .chain_update((now / HABIT).to_le_bytes())
        .finalize();
    hash[0] % AUDITED == 0
}

/// What a canary's answer is held against.
pub enum Right {
    /// Integer logits of the exact answer, and how many bootstraps are computed again.
    Logits(Logits, u32),
    /// The model, which computes the answer and audits what leads to it, and how it is asked.
    Split(Arc<SplitOracle>, Settings),
}

/// The newest oracle; none while the task's model is missing.
pub type Ready = watch::Receiver<Option<Arc<Oracle>>>;

impl Oracle {
    /// Loads a model directory and checks that it is the task's model.
    ///
    /// # Errors
    /// If files are missing or damaged, or the manifest is another one.
    pub fn load(dir: &std::path::Path, task: H256) -> anyhow::Result<Self> {
        let whole = match SplitOracle::load(dir)? {
            Some(split) => Whole::Split(Arc::new(split)),
            None => {
                let model = Model::load(dir)
                    .with_context(|| format!("cannot load the model in {}", dir.display()))?;
                Whole::Full(Box::new((model, ClientModel::load(dir)?)))
            }
        };
        let oracle = Self {
            whole,
            since: Instant::now(),
        };
        anyhow::ensure!(
            oracle.task() == task,
            "{} changed while it was read",
            dir.display()
        );
        Ok(oracle)
    }

    /// Manifest hash of the model.
    pub fn task(&self) -> H256 {
        H256(match &self.whole {
            Whole::Full(full) => full.0.manifest_hash(),
            Whole::Split(split) => split.part().manifest_hash(),
        })
    }

    /// Name of the model.
    pub fn name(&self) -> &str {
        match &self.whole {
            Whole::Full(full) => &full.0.manifest().name,
            Whole::Split(split) => &split.part().manifest().name,
        }
    }

    /// When it was loaded.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Bytes that a canary takes on disk while it runs: in full mode its key, in the payer's client state and in that
    /// one's write-ahead log; in split mode the payer's copy of the model's public files.
    pub fn canary_bytes(&self) -> u64 {
        match &self.whole {
            Whole::Full(full) => 2 * full.0.limits().evaluation_key_bytes,
            Whole::Split(split) => split.public_bytes(),
        }
    }

    /// How most users ask, by a Brain's prices; none if they do not allow a canary's length.
    pub fn usual(&self, prices: &PriceList) -> Option<Asking> {
        let settings = Settings::default();
        let price = match &self.whole {
            // A prompt is always the whole context, so that its length is hidden.
            Whole::Full(full) => prices.quote(full.0.manifest().context, FULL_COMPLETION_UNITS),
            Whole::Split(split) => split.price(prices, settings),
        };
        Some(Asking {
            settings,
            audit: 0,
            price: price?,
        })
    }

    /// Draws one of the ways in which users ask; `audits` is what [`audits`] says of the account.
    pub fn draw(&self, prices: &PriceList, audits: bool, rng: &mut impl Rng) -> Option<Asking> {
        let usual = self.usual(prices);
        match &self.whole {
            Whole::Full(_) if audits => usual.map(Asking::audited),
            Whole::Full(_) => usual,
            Whole::Split(split) => split.draw(prices, rng).or(usual),
        }
    }

    /// Draws a sentence that fits the context and answers it, to be asked in the way given.
    ///
    /// # Errors
    /// If the deck is exhausted or no sentence fits.
    pub fn question(&self, deck: &mut Deck, asking: &Asking, rng: &mut impl Rng) -> anyhow::Result<Question> {
        for _ in 0..ATTEMPTS {
            let numbers = match &self.whole {
                Whole::Full(full) => full.1.numbers(rng),
                Whole::Split(_) => None,
            };
            let sentence = numbers.map_or_else(|| deck.draw(rng), Ok)?;
            match &self.whole {
                Whole::Full(full) => match full.1.prepare(&sentence) {
                    Ok(prompt) => {
                        let logits = zk_llm::exec_clear::run(full.0.circuit(), &prompt)?;
                        let answer = Right::Logits(logits, asking.audit);
                        return Ok(Question { sentence, answer });
                    }
                    Err(zk_llm::Error::ContextExceeded { .. }) => {}
                    Err(error) => return Err(error.into()),
                },
                Whole::Split(split) if split.takes(&sentence) => {
                    let answer = Right::Split(split.clone(), asking.settings);
                    return Ok(Question { sentence, answer });
                }
                Whole::Split(_) => {}
            }
        }
        anyhow::bail!("the model's context is too short for any canary")
    }
}

/// Keeps the oracle of the task in force loaded: switches by itself when the task changes, and brings an announced
/// task's model here before it takes effect (R062).
pub async fn keep(
    models: Models,
    mut latest: Latest,
    publish: watch::Sender<Option<Arc<Oracle>>>,
    metrics: Metrics,
) {
    let mut announced: Option<H256> = None;
    loop {
        let situation = latest.borrow_and_update().clone();
        let mut wait = Duration::MAX;
        if let Some(situation) = situation {
            let loaded = publish.borrow().as_ref().map(|oracle| oracle.task());
            match &situation.brain.task {
                Some(task) if loaded != Some(task.manifest) => {
                    publish.send_replace(None);
                    metrics.ready.set(0);
                    match load(&models, task).await {
                        Ok(oracle) => {
                            let name = oracle.name();
                            tracing::info!(task = %hex::encode(task.manifest), model = %name, "judging by the model of the task");
                            publish.send_replace(Some(Arc::new(oracle)));
                            metrics.ready.set(1);
                        }
                        Err(error) => {
                            tracing::error!("the model of the task is not here: {error:#}");
                            wait = RETRY;
                        }
                    }
                }
                Some(_) => {}
                None => {
                    publish.send_replace(None);
                    metrics.ready.set(0);
                }
            }
            if let Some((task, effective_at)) = &situation.brain.next_task {
                if announced != Some(task.manifest) {
                    announced = Some(task.manifest);
                    tracing::info!(task = %hex::encode(task.manifest), effective_at, "a new task is announced");
                    if let Err(error) = models.obtain(task).await {
                        tracing::error!("the model of the announced task is not here yet: {error:#}");
                    }
                }
            }
        }
        let changed = async {
            if latest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        if wait == Duration::MAX {
            changed.await;
        } else {
            tokio::time::sleep(wait).await;
        }
    }
}

async fn load(models: &Models, task: &Task) -> anyhow::Result<Oracle> {
    let dir = models.obtain(task).await?;
    let manifest = task.manifest;
    tokio::task::spawn_blocking(move || Oracle::load(&dir, manifest)).await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn one_account_in_sixteen_audits_for_a_day_which_only_the_seed_tells() {
        let account = |at: u32| {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&at.to_le_bytes());
            AccountId::new(bytes)
        };
        let count = |seed: u8, day: u64| {
            (0..1_600)
                .filter(|at| audits(&[seed; 32], &account(*at), day * HABIT))
                .count()
        };
        for (seed, day) in [(1, 0), (1, 1), (2, 0)] {
            assert!((50..160).contains(&count(seed, day)), "{}", count(seed, day));
        }
        let both = (0..1_600).filter(|at| (1..3).all(|seed| audits(&[seed; 32], &account(*at), 0)));
        assert!(both.count() < 30, "it depends on the seed");
        for at in 0..100 {
            let all_day: Vec<bool> = [0, 1, HABIT - 1]
                .map(|now| audits(&[1; 32], &account(at), now))
                .into();
            assert!(all_day.iter().all(|audits| *audits == all_day[0]));
        }
    }

    #[test]
    fn an_audit_is_paid_as_a_traced_job() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zk-llm/models/emotion");
        let task = H256(Model::load(&dir).unwrap().manifest_hash());
        let oracle = Oracle::load(&dir, task).unwrap();
        let prices = PriceList {
            prompt: 3_000,
            completion: 50_000,
            context: 512,
        };
        let mut rng = rand::thread_rng();
        let usual = oracle.usual(&prices).unwrap();
        assert_eq!(usual.audit, 0);
        let plain = oracle.draw(&prices, false, &mut rng).unwrap();
        assert_eq!((plain.audit, plain.price), (0, usual.price));
        let audited = oracle.draw(&prices, true, &mut rng).unwrap();
        assert_eq!((audited.audit, audited.price), (USUAL_AUDIT, 2 * usual.price));
        // The way of asking goes with the question.
        let mut deck = Deck::restore([1; 32], &[]);
        for asking in [usual, usual.audited()] {
            let question = oracle.question(&mut deck, &asking, &mut rng).unwrap();
            assert!(matches!(question.answer, Right::Logits(_, audit) if audit == asking.audit));
        }
        let short = PriceList { context: 4, ..prices };
        assert!(oracle.draw(&short, true, &mut rng).is_none());
    }
}
