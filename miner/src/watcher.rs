//! Follows the chain: height, registration, task, prices. A task change needs no hand (R062).

use std::{sync::Arc, time::Duration};

use based_client::tls::ComputeKeyPair;
use based_primitives::{BrainId, BrainInfo, Role, Task};
use sp_core::H256;
use sp_runtime::AccountId32;
use tokio::sync::watch;

use crate::{
    chain::{Chain, ChainResult},
    stop::Stop,
    tasks::{Library, Offer, Situation},
};

/// Time between two looks at the chain.
const INTERVAL: Duration = Duration::from_millis(1_500);
/// Longest pause while the node gives no answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Reads the chain and publishes the situation.
pub struct Watcher {
    chain: Arc<dyn Chain>,
    brain: BrainId,
    computekey: [u8; 32],
    library: Arc<Library>,
    publish: watch::Sender<Situation>,
}

impl Watcher {
    /// A watcher that publishes into `publish`.
    pub fn new(
        chain: Arc<dyn Chain>,
        brain: BrainId,
        computekey: &ComputeKeyPair,
        library: Arc<Library>,
        publish: watch::Sender<Situation>,
    ) -> Self {
        Self {
            chain,
            brain,
            computekey: computekey.public(),
            library,
            publish,
        }
    }

    /// Looks until told to stop; while the node is silent the last offer stays and pauses grow.
    pub async fn run(self, stop: Stop) {
        let mut pause = INTERVAL;
        loop {
            let looked = tokio::select! {
                looked = self.look() => looked,
                () = stop.asked() => return,
            };
            match looked {
                Ok(()) => pause = INTERVAL,
                Err(error) => {
                    if self.publish.borrow().reachable || pause == INTERVAL {
                        tracing::warn!(%error, "the node gives no answer; trying again");
                    }
                    self.publish.send_modify(|situation| situation.reachable = false);
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {},
                () = stop.asked() => return,
            }
        }
    }

    /// Reads the chain once.
    ///
    /// # Errors
    /// If the node gives no answer.
    pub async fn look(&self) -> ChainResult<()> {
        let head = self.chain.head().await?;
        let brain = self.chain.brain(self.brain).await?;
        let peer = self.chain.peer(self.brain).await?;
        let registered = match peer {
            None => Err(format!(
                "this account is not memorized in Brain {}; run `based-miner register`",
                self.brain
            )),
            Some(peer) if peer.role != Role::Miner => Err(format!(
                "this account is a validator of Brain {}; use another one to mine",
                self.brain
            )),
            Some(peer) if peer.computekey != self.computekey => Err(
                "the chain names another computekey; run `based-miner register` again to update it"
                    .to_owned(),
            ),
            Some(_) => Ok(()),
        };
        let next = brain.as_ref().and_then(|brain| brain.next_task.clone());
        let offer = match registered {
            Err(reason) => Offer::Closed(reason),
            Ok(()) => self.offer(brain).await,
        };
        self.announce(next.as_ref(), &offer).await;
        let situation = Situation {
            head,
            reachable: true,
            offer,
            next,
        };
        self.publish.send_replace(situation);
        Ok(())
    }

    async fn offer(&self, brain: Option<BrainInfo<AccountId32>>) -> Offer {
        let closed = |reason: String| Offer::Closed(reason);
        let Some(brain) = brain else {
            return closed(format!("Brain {} does not exist", self.brain));
        };
        let Some(task) = brain.task else {
            return closed(format!(
                "Brain {} has no task yet; its owner sets one",
                self.brain
            ));
        };
        let Some(prices) = brain.prices else {
            return closed(format!(
                "Brain {} has no prices yet; its owner sets them",
                self.brain
            ));
        };
        if !self.has(task.manifest).await {
            return closed(format!("the Brain has a task and {}", self.library.fetch(&task)));
        }
        let library = self.library.clone();
        let found = tokio::task::spawn_blocking(move || library.find(task.manifest)).await;
        match found {
            Ok(Ok(served)) => match served.price(&prices) {
                Some(price) => Offer::Open {
                    served,
                    price,
                    prices,
                },
                None => closed("the model's context exceeds that of the Brain's price list".into()),
            },
            Ok(Err(error)) => closed(error.to_string()),
            Err(_) => closed("loading the model was interrupted".into()),
        }
    }

    /// Logs what changed since the last look, and gets an announced model ahead of its block.
    async fn announce(&self, next: Option<&(Task, u32)>, offer: &Offer) {
        let last = self.publish.borrow().clone();
        if let Some((task, at)) = next {
            if last.next.as_ref().map(|(task, _)| task.manifest) != Some(task.manifest) {
                tracing::info!(task = %hex::encode(task.manifest.0), at, "the Brain's task changes at this block");
            }
            if !self.has(task.manifest).await {
                self.library.fetch(task);
            }
        }
        match (&last.offer, offer) {
            (Offer::Open { served: old, .. }, Offer::Open { served: new, .. }) if old.task == new.task => {}
            (Offer::Closed(old), Offer::Closed(new)) if old == new => {}
            (_, Offer::Open { served, price, .. }) => {
                tracing::info!(task = %hex::encode(served.task.0), price, "accepting jobs");
            }
            (_, Offer::Closed(reason)) => tracing::warn!(reason, "accepting no jobs"),
        }
    }

    async fn has(&self, task: H256) -> bool {
        let library = self.library.clone();
        tokio::task::spawn_blocking(move || library.has(task))
            .await
            .unwrap_or_default()
    }
}
