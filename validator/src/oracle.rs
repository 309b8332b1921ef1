//! The model of the Brain's task in clear: it answers canaries before they are sent.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use based_client::models::Models;
use based_primitives::Task;
use rand::rngs::OsRng;
use sp_core::H256;
use tokio::{sync::watch, time::Instant};
use zk_llm::{ClientModel, Logits, Model};

use crate::{canary::Deck, metrics::Metrics, situation::Latest};

/// Wait before a model that was not found is looked for again.
const RETRY: Duration = Duration::from_secs(15);
/// Sentences tried until one fits the model's context.
const ATTEMPTS: usize = 64;

/// A model that is ready to judge.
pub struct Oracle {
    model: Model,
    client: ClientModel,
    since: Instant,
}

/// A canary's sentence and the only right answer to it.
pub struct Question {
    /// What is asked.
    pub sentence: String,
    /// Integer logits of the exact answer.
    pub answer: Logits,
}

/// The newest oracle; none while the task's model is missing.
pub type Ready = watch::Receiver<Option<Arc<Oracle>>>;

impl Oracle {
    /// Loads a model directory and checks that it is the task's model.
    ///
    /// # Errors
    /// If files are missing or damaged, or the manifest is another one.
    pub fn load(dir: &std::path::Path, task: H256) -> anyhow::Result<Self> {
        let model =
            Model::load(dir).with_context(|| format!("cannot load the model in {}", dir.display()))?;
        anyhow::ensure!(
            model.manifest_hash() == task.0,
            "{} changed while it was read",
            dir.display()
        );
        Ok(Self {
            client: ClientModel::load(dir)?,
            model,
            since: Instant::now(),
        })
    }

    /// Manifest hash of the model.
    pub fn task(&self) -> H256 {
        H256(self.model.manifest_hash())
    }

    /// When it was loaded.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Bytes of an evaluation key of the model.
    pub fn evaluation_key_bytes(&self) -> u64 {
        self.model.limits().evaluation_key_bytes
    }

    /// Units of a prompt: always the whole context, so that its length is hidden.
    pub fn prompt_units(&self) -> u32 {
        self.model.manifest().context
    }

    /// Draws a sentence that fits the context and answers it.
    ///
    /// # Errors
    /// If the deck is exhausted or no sentence fits.
    pub fn question(&self, deck: &mut Deck) -> anyhow::Result<Question> {
        for _ in 0..ATTEMPTS {
            let sentence = deck.draw(&mut OsRng)?;
            match self.client.prepare(&sentence) {
                Ok(prompt) => {
                    let answer = zk_llm::exec_clear::run(self.model.circuit(), &prompt)?;
                    return Ok(Question { sentence, answer });
                }
                Err(zk_llm::Error::ContextExceeded { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        anyhow::bail!(
            "the model's context of {} tokens is too short for any canary",
            self.prompt_units()
        )
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
                            let name = &oracle.model.manifest().name;
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
