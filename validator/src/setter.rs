//! Sets weights once a round, shortly before the Brain's epoch.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use based_client::chain::{calls, Chain, Signer};
use based_primitives::BrainId;

use crate::{
    metrics::Metrics,
    score::{scores, weights},
    situation::{Latest, Situation},
    store::{Account, Store},
};

/// Sets this validator's weights.
pub struct Setter {
    /// Connection to the chain.
    pub chain: Chain,
    /// The validator's key.
    pub signer: Signer,
    /// The Brain.
    pub brain: BrainId,
    /// Database.
    pub store: Arc<Mutex<Store>>,
    /// Figures.
    pub metrics: Metrics,
}

impl Setter {
    /// Watches blocks and sets weights in each round, forever.
    pub async fn work(self, mut latest: Latest) {
        let mut refused = None;
        while latest.changed().await.is_ok() {
            let Some(situation) = latest.borrow_and_update().clone() else {
                continue;
            };
            let round = situation.round();
            let done = self
                .store
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .has_weights(round);
            if situation.until_due() > 0 || situation.own.is_none() || done.unwrap_or(true) {
                continue;
            }
            match self.set(&situation).await {
                Ok(0) if refused != Some(round) => {
                    refused = Some(round);
                    tracing::warn!(round, "no miner has a score yet; weights stay as they are");
                }
                Ok(0) => {}
                Ok(edges) => tracing::info!(round, block = situation.block, edges, "weights are set"),
                Err(error) if refused != Some(round) => {
                    refused = Some(round);
                    tracing::warn!(round, "cannot set weights, trying again: {error:#}");
                }
                Err(_) => {}
            }
        }
    }

    /// Sets weights by the scores known now; returns how many miners got one.
    async fn set(&self, situation: &Situation) -> anyhow::Result<usize> {
        let round = situation.round();
        let seed = self.chain.block_hash(situation.rounds.seed_block(round)).await?;
        let scored = self.scored(situation)?;
        let row = weights(scored, &seed.0, self.signer.account().as_ref());
        if row.is_empty() {
            return Ok(0);
        }
        let edges = row.len();
        let included = self
            .chain
            .submit(&self.signer, &calls::set_weights(self.brain, row))
            .await?;
        let block = self
            .chain
            .view(included.block)
            .await
            .map_or(situation.block, |view| view.number());
        self.metrics.weights_block.set(block.into());
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store
            .weights_set(round, block, edges)
            .context("weights are set, but that cannot be noted")?;
        Ok(edges)
    }

    /// Scores of all memorized miners, which also become figures.
    fn scored(&self, situation: &Situation) -> anyhow::Result<Vec<(u16, f64)>> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts: Vec<Account> = situation
            .miners
            .iter()
            .map(|miner| *AsRef::<Account>::as_ref(&miner.account))
            .collect();
        store.retain_miners(&accounts)?;
        let mut standings = Vec::with_capacity(accounts.len());
        for account in &accounts {
            standings.push(store.standing(account)?.0);
        }
        let scored: Vec<_> = situation
            .miners
            .iter()
            .map(|miner| miner.uid)
            .zip(scores(&standings))
            .collect();
        self.metrics.score.reset();
        for (uid, score) in &scored {
            self.metrics
                .score
                .with_label_values(&[&uid.to_string()])
                .set(*score);
        }
        Ok(scored)
    }
}
