//! Weights by commit and reveal: commits to a row once a round, shortly before the Brain's epoch, and reveals each row
//! in the cycle in which it is due.
//!
//! A row and its salt are on disk before their hash leaves this machine, and what the chain still holds of them decides
//! what is to be revealed: a validator that was stopped at any point goes on where it was.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use based_client::chain::{calls, Chain, ChainError, Signer};
use based_primitives::{weights_commitment, BrainId, Salt};
use rand::{rngs::OsRng, RngCore};
use sp_core::H256;

use crate::{
    metrics::Metrics,
    score::{admissible, audit, scores, seed, weights},
    situation::{Latest, Situation},
    store::{Account, Store},
    vows::Vow,
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
    /// Watches blocks, commits in each cycle and reveals what is due, forever.
    pub async fn work(self, mut latest: Latest) {
        let mut refused = None;
        let mut hopeless = HashSet::new();
        while latest.changed().await.is_ok() {
            let Some(situation) = latest.borrow_and_update().clone() else {
                continue;
            };
            if situation.own.is_none() {
                continue;
            }
            self.reveal_due(&situation, &mut hopeless).await;
            self.take_seed(&situation).await;
            let cycle = situation.next_cycle();
            if situation.until_due() > 0 || refused == Some(cycle) || self.has_committed(&situation) {
                continue;
            }
            match self.commit(&situation).await {
                Ok(0) => {
                    refused = Some(cycle);
                    tracing::warn!(cycle, "no miner has a score yet; weights stay as they are");
                }
                Ok(edges) => tracing::info!(cycle, block = situation.block, edges, "weights are committed"),
                Err(error) => {
                    if !is_worth_another_try(&error) {
                        refused = Some(cycle);
                    }
                    tracing::warn!(cycle, "cannot commit weights: {error:#}");
                }
            }
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the chain or the database knows of a commitment of the coming block's cycle. One that was written down
    /// but never reached the chain does not count.
    fn has_committed(&self, situation: &Situation) -> bool {
        let cycle = situation.next_cycle();
        let mut pending = situation.commitments.iter();
        pending.any(|commitment| situation.rounds.cycle(commitment.at) == cycle)
            || self.store().has_committed(cycle).unwrap_or(true)
    }

    /// Commits to a row by the scores known now; returns how many miners it weights.
    async fn commit(&self, situation: &Situation) -> anyhow::Result<usize> {
        let seed = self.seed(situation).await?;
        let scored = self.scored(situation)?;
        let row = weights(scored, &seed, self.signer.account().as_ref());
        if row.is_empty() {
            return Ok(0);
        }
        let miners: Vec<_> = situation.miners.iter().map(|miner| miner.uid).collect();
        let row = admissible(row, &miners, &situation.terms);
        let edges = row.len();
        let mut salt: Salt = [0; 32];
        OsRng.fill_bytes(&mut salt);
        let genesis = self.chain.genesis();
        let hash = weights_commitment(&genesis, self.brain, &self.signer.account(), &row, &salt);
        let vow = Vow {
            hash: hash.0,
            cycle: situation.next_cycle(),
            row,
            salt,
        };
        self.store()
            .vow(&vow)
            .context("the row cannot be kept; nothing was sent")?;
        let included = self
            .chain
            .submit(&self.signer, &calls::commit_weights(self.brain, hash))
            .await?;
        let block = self.block_of(situation, included.block).await;
        self.store()
            .committed(&vow.hash, situation.rounds.cycle(block), block)
            .context("weights are committed, but that cannot be noted")?;
        Ok(edges)
    }

    /// Takes the seed of the round that has begun, once its block is settled: nodes forget what the state was then
    /// before weights are due.
    async fn take_seed(&self, situation: &Situation) {
        let cycle = situation.next_cycle();
        let block = situation.rounds.seed_block(cycle);
        let settled = situation.block >= block.saturating_add(situation.rounds.margin());
        if !settled || self.store().seed(cycle).is_ok_and(|seed| seed.is_some()) {
            return;
        }
        let taken = async {
            let hash = self.chain.block_hash(block).await?;
            let last = self.chain.view(hash).await?.forecast_status().await?.last;
            self.store().keep_seed(cycle, &seed(hash, last.as_ref()))
        };
        if let Err(error) = taken.await {
            tracing::debug!(cycle, "cannot take the seed of the round: {error:#}");
        }
    }

    /// The seed of the round; of its block alone if the node has forgotten what forecasts were then.
    async fn seed(&self, situation: &Situation) -> anyhow::Result<[u8; 32]> {
        let cycle = situation.next_cycle();
        if let Some(seed) = self.store().seed(cycle)? {
            return Ok(seed);
        }
        tracing::warn!(
            cycle,
            "the node has forgotten how this round began; its block alone seeds the weights"
        );
        let hash = self.chain.block_hash(situation.rounds.seed_block(cycle)).await?;
        Ok(seed(hash, None))
    }

    /// Reveals the rows whose cycle the next block belongs to.
    async fn reveal_due(&self, situation: &Situation, hopeless: &mut HashSet<H256>) {
        let cycle = situation.next_cycle();
        for commitment in &situation.commitments {
            let hash = commitment.hash.0;
            let due = situation
                .rounds
                .cycle(commitment.at)
                .saturating_add(situation.terms.reveal_delay);
            if due != cycle || hopeless.contains(&hash) {
                continue;
            }
            match self.reveal(situation, hash).await {
                Ok(edges) => tracing::info!(cycle, block = situation.block, edges, "weights are revealed"),
                Err(error) => {
                    if !is_worth_another_try(&error) {
                        hopeless.insert(hash);
                    }
                    tracing::warn!(cycle, "cannot reveal weights: {error:#}");
                }
            }
        }
    }

    async fn reveal(&self, situation: &Situation, hash: H256) -> anyhow::Result<usize> {
        let vow = self.store().vow_of(&hash.0)?;
        let vow = vow.with_context(|| format!("the row of {hash:?} is not in this database"))?;
        let edges = vow.row.len();
        let included = self
            .chain
            .submit(
                &self.signer,
                &calls::reveal_weights(self.brain, vow.row, vow.salt),
            )
            .await?;
        let block = self.block_of(situation, included.block).await;
        self.metrics.weights_block.set(block.into());
        self.store()
            .revealed(&vow.hash, situation.rounds.cycle(block), block, edges)
            .context("weights are revealed, but that cannot be noted")?;
        Ok(edges)
    }

    async fn block_of(&self, situation: &Situation, hash: H256) -> u32 {
        let view = self.chain.view(hash).await;
        view.map_or(situation.block.saturating_add(1), |view| view.number())
    }

    /// Scores of all memorized miners, which also become figures.
    fn scored(&self, situation: &Situation) -> anyhow::Result<Vec<(u16, f64)>> {
        let mut store = self.store();
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
        self.metrics.audit.set(audit(&standings, None));
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

/// Whether the next block may bring what this one did not. What the chain refused once it refuses again, for a fee,
/// but for an epoch that was under way or a commitment of a moment ago.
fn is_worth_another_try(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<ChainError>() {
        Some(chain @ ChainError::Dispatch { .. }) => chain.is_dispatch("Consensus", "EpochUnderWay"),
        Some(_) => true,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str) -> anyhow::Error {
        let error = ChainError::Dispatch {
            pallet: "Consensus".into(),
            name: name.into(),
            docs: String::new(),
        };
        anyhow::Error::from(error).context("while revealing")
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        assert!(is_worth_another_try(&refusal("EpochUnderWay")));
        assert!(!is_worth_another_try(&refusal("CopyOfConsensus")));
        let lost = ChainError::Lost {
            url: "ws://node".into(),
        };
        assert!(is_worth_another_try(&lost.into()));
        assert!(!is_worth_another_try(&anyhow::anyhow!(
            "the row is not in this database"
        )));
    }
}
