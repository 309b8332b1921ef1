//! Forecast rounds: commits this validator to a forecast in every cycle and reveals it in the next.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{bail, Context};
use based_client::{
    chain::{calls, Chain, ChainError, Signer, View},
    money,
};
use based_primitives::{
    constants::PPB,
    forecasts::{commitment, ForecastStatus, Quantiles},
    BrainId, ComputeKey, Salt,
};
use rand::{rngs::OsRng, RngCore};
use sp_core::H256;

use super::{
    answer,
    archive::{locked, Archive},
    features::{build, FEATURE_SET},
    figures::Figures,
    promises::{score, Promise, Source},
    rounds::{step, Clock, Standing, Step},
    series::Records,
    trainer::Model,
};
use crate::{
    situation::{Latest, Situation},
    store::Store,
};

/// Name of the fact which reference model of governance's was looked for last.
const REFERENCE: &str = "reference";

/// Forecasts.
pub struct Teller {
    /// Connection to the chain.
    pub chain: Chain,
    /// The validator's key.
    pub signer: Signer,
    /// Brain in which it is a validator, whose stake stands behind its forecasts.
    pub brain: BrainId,
    /// The validator's database.
    pub store: Arc<Mutex<Store>>,
    /// What the chain measured.
    pub archive: Arc<Mutex<Archive>>,
    /// The model.
    pub model: Arc<Model>,
    /// Figures.
    pub figures: Figures,
}

/// What was tried or said already.
#[derive(Default)]
struct Memory {
    /// Round in which a commitment has no hope.
    refused: Option<u32>,
    /// Round whose revelation has no hope.
    silent: Option<u32>,
    /// Unknown version of the features that was told.
    features: Option<u32>,
    /// Whether it was told that the deposit is missing.
    poor: bool,
    /// Last result that was looked at.
    scored: Option<u32>,
    /// Whether nothing can be read, which is told once.
    blind: bool,
}

impl Memory {
    /// Whether this program makes the features of this version; a version that it does not make is told once.
    fn knows_features(&mut self, version: u32) -> bool {
        let known = version == FEATURE_SET;
        if !known && self.features != Some(version) {
            tracing::warn!(
                version,
                own = FEATURE_SET,
                "the network trains on features that this program does not know; it makes no forecasts until it is updated"
            );
        }
        self.features = (!known).then_some(version);
        known
    }
}

impl Teller {
    /// Watches blocks, commits and reveals, forever.
    pub async fn work(self, mut latest: Latest) {
        let mut memory = Memory::default();
        while latest.changed().await.is_ok() {
            let Some(situation) = latest.borrow_and_update().clone() else {
                continue;
            };
            if !situation.fresh {
                continue;
            }
            match self.turn(&situation, &mut memory).await {
                Ok(()) => memory.blind = false,
                Err(error) => {
                    if !memory.blind {
                        tracing::warn!("forecasts wait: {error:#}");
                    }
                    memory.blind = true;
                }
            }
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn(&self, situation: &Situation, memory: &mut Memory) -> anyhow::Result<()> {
        let view = self.chain.best().await?;
        let status = view.forecast_status().await?;
        let clock = Clock {
            next: view.number().saturating_add(1),
            cycle: view.cycle_blocks().await?,
            reveal: status.reveal_blocks,
        };
        self.observe(&view, &status, memory).await?;
        self.follow_reference(status.parameters.model)?;
        let standing = self.standing(&view, clock).await?;
        match step(clock, standing) {
            Step::Wait => {}
            Step::Missed(round) => {
                if self.store().promise_missed(round)? {
                    self.figures.missed.inc();
                    tracing::warn!(
                        round,
                        "the forecast was not revealed in time; its deposit is lost"
                    );
                }
            }
            Step::Foreign(round) => {
                if memory.silent.replace(round) != Some(round) {
                    tracing::warn!(
                        round,
                        "the chain holds a forecast of this account that is not in this database; it cannot be revealed"
                    );
                }
            }
            Step::Reveal(round) => self.reveal(&view, round, memory).await,
            Step::Commit(round) => {
                let own = situation.own.as_ref().map(|own| own.computekey);
                let known = memory.knows_features(status.parameters.feature_set);
                if let Some(computekey) = own.filter(|_| known && memory.refused != Some(round)) {
                    self.commit(&view, &status, clock, computekey, memory).await;
                }
            }
        }
        Ok(())
    }

    /// What chain and database hold; notes what the chain took without this program having heard of it.
    async fn standing(&self, view: &View, clock: Clock) -> anyhow::Result<Standing> {
        let account = self.signer.account();
        let round = clock.round();
        let committed = view.forecast_commitment(round, &account).await?;
        let own = self.store().promise_of(round)?;
        if own.is_some_and(|own| own.committed.is_none() && committed == Some(own.hash)) {
            self.store().promise_committed(round, view.number())?;
        }
        let Some(before) = round.checked_sub(1) else {
            return Ok(Standing {
                committed,
                ..Standing::default()
            });
        };
        let pending = view.forecast_commitment(before, &account).await?;
        let promise = self.store().promise_of(before)?;
        let unsure = promise.as_ref().is_some_and(|promise| {
            promise.committed.is_some() && promise.revealed.is_none() && !promise.missed
        });
        if unsure && pending.is_none() {
            let revealed = view.revealed_forecasts(before).await?;
            if revealed.iter().any(|forecast| forecast.account == account) {
                self.store().promise_revealed(before, view.number())?;
                self.figures.revealed.set(before.into());
            }
        }
        Ok(Standing {
            pending,
            promised: promise.map(|promise| promise.hash),
            committed,
        })
    }

    /// Accuracy, weight and the last score.
    async fn observe(&self, view: &View, status: &ForecastStatus, memory: &mut Memory) -> anyhow::Result<()> {
        let ratio = |ppb: u64| ppb as f64 / PPB as f64;
        self.figures.beta.set(ratio(status.beta));
        self.figures.model.set(self.model.get().is_some().into());
        let last = status.last.filter(|last| memory.scored != Some(last.round));
        let Some(last) = last else {
            return Ok(());
        };
        let accuracy = view.accuracy(&self.signer.account()).await?;
        self.figures.accuracy.set(ratio(accuracy));
        let promise = self.store().promise_of(last.round)?;
        if let Some(promise) = promise.filter(|promise| promise.revealed.is_some()) {
            let score = score(&promise.forecast, &last);
            self.figures.score.set(ratio(score));
            if promise.score.is_none() {
                self.store().promise_scored(last.round, score)?;
                tracing::info!(
                    round = last.round,
                    score = ratio(score),
                    accuracy = ratio(accuracy),
                    "the forecast was scored"
                );
            }
        }
        memory.scored = Some(last.round);
        Ok(())
    }

    /// Takes the model into use that governance names anew, if it is among the stored versions.
    fn follow_reference(&self, model: Option<H256>) -> anyhow::Result<()> {
        let Some(model) = model else {
            return Ok(());
        };
        let archive = locked(&self.archive);
        if archive.fact::<H256>(REFERENCE)? == Some(model) {
            return Ok(());
        }
        let version = hex::encode(model);
        match self.model.adopt(&version) {
            Ok(()) => tracing::info!(model = version, "the reference model is in use"),
            Err(error) => tracing::warn!(
                model = version,
                "the reference model cannot be used: {error:#}; this validator goes on with its own"
            ),
        }
        archive.set_fact(REFERENCE, &model)
    }

    async fn commit(
        &self,
        view: &View,
        status: &ForecastStatus,
        clock: Clock,
        computekey: ComputeKey,
        memory: &mut Memory,
    ) {
        let round = clock.round();
        match self.try_commit(view, status, clock, computekey).await {
            Ok(Some((block, source))) => {
                memory.poor = false;
                self.figures.round.set(round.into());
                tracing::info!(round, block, ?source, "a forecast is committed");
            }
            // Nothing persists before the first cycle ended.
            Ok(None) => memory.refused = Some(round),
            Err(error) => {
                if !is_worth_another_try(&error) {
                    memory.refused = Some(round);
                }
                let poor = error.is::<Poor>();
                if !(poor && memory.poor) {
                    tracing::warn!(round, "cannot commit a forecast: {error:#}");
                }
                memory.poor = poor;
            }
        }
    }

    async fn try_commit(
        &self,
        view: &View,
        status: &ForecastStatus,
        clock: Clock,
        computekey: ComputeKey,
    ) -> anyhow::Result<Option<(u32, Source)>> {
        let account = self.signer.account();
        let balance = view.balance(&account).await?;
        if balance.free.saturating_sub(balance.frozen) <= status.deposit {
            bail!(Poor(money::format(status.deposit)));
        }
        let round = clock.round();
        let hash = |forecast: &_, salt: &_| commitment(round, &account, &computekey, salt, forecast);
        // A forecast whose commitment was lost is committed again; another would be a second one.
        let kept = self.store().promise_of(round)?;
        let promise = match kept {
            Some(kept) => kept,
            None => {
                let Some((quantiles, source)) = self.quantiles(view, clock).await? else {
                    return Ok(None);
                };
                let forecast = answer::forecast(quantiles, self.brains(view).await?);
                let mut salt: Salt = [0; 32];
                OsRng.fill_bytes(&mut salt);
                let promise = Promise::new(round, hash(&forecast, &salt), forecast, salt, source);
                self.store()
                    .promise(&promise)
                    .context("the forecast cannot be kept; nothing was sent")?;
                promise
            }
        };
        if promise.hash != hash(&promise.forecast, &promise.salt) {
            bail!("the computekey changed since the forecast of this round was made");
        }
        let call = calls::commit_forecast(self.brain, promise.hash);
        let included = self.chain.submit(&self.signer, &call).await?;
        let block = self.block_of(view, included.block).await;
        self.store()
            .promise_committed(round, block)
            .context("a forecast is committed, but that cannot be noted")?;
        Ok(Some((block, promise.source)))
    }

    /// What is forecast, and by what. `None` before anything was realised.
    async fn quantiles(&self, view: &View, clock: Clock) -> anyhow::Result<Option<(Quantiles, Source)>> {
        if let Some(forecaster) = self.model.get() {
            let (archive, own) = (self.archive.clone(), self.signer.account());
            let answer = tokio::task::spawn_blocking(move || {
                let records = Records::read(&locked(&archive), &own, None)?;
                match build(&records) {
                    Some(built) => answer::model(&forecaster, &built, clock.target_end()),
                    None => Ok(None),
                }
            });
            match answer.await.context("the model failed").and_then(|answer| answer) {
                Ok(Some(quantiles)) => return Ok(Some((quantiles, Source::Model))),
                Ok(None) => tracing::warn!("metrics are too old for the model; persistence forecasts"),
                Err(error) => tracing::warn!("the model cannot forecast, persistence does: {error:#}"),
            }
        }
        let quantiles = answer::persistence(&view.target_history().await?);
        Ok(quantiles.map(|quantiles| (quantiles, Source::Persistence)))
    }

    /// Performance of the Brains with the most stake in which this account is no member.
    async fn brains(&self, view: &View) -> anyhow::Result<Vec<(BrainId, u64)>> {
        let performances: BTreeMap<BrainId, u64> = view.performances().await?;
        let mut brains = view.brains().await?;
        brains.sort_by_key(|brain| (std::cmp::Reverse(brain.stake), brain.id));
        let mut pairs = Vec::new();
        for brain in brains {
            let performance = performances.get(&brain.id).filter(|value| **value > 0);
            let Some(performance) = performance else {
                continue;
            };
            if view.uid(brain.id, &self.signer.account()).await?.is_none() {
                pairs.push((brain.id, *performance));
            }
            if pairs.len() == answer::BRAINS {
                break;
            }
        }
        Ok(pairs)
    }

    async fn reveal(&self, view: &View, round: u32, memory: &mut Memory) {
        if memory.silent == Some(round) {
            return;
        }
        match self.try_reveal(view, round).await {
            Ok(block) => {
                self.figures.revealed.set(round.into());
                tracing::info!(round, block, "the forecast is revealed");
            }
            Err(error) => {
                if !is_worth_another_try(&error) {
                    memory.silent = Some(round);
                }
                tracing::warn!(round, "cannot reveal the forecast: {error:#}");
            }
        }
    }

    async fn try_reveal(&self, view: &View, round: u32) -> anyhow::Result<u32> {
        let promise = self.store().promise_of(round)?;
        let promise = promise.context("the forecast is not in this database")?;
        let call = calls::reveal_forecast(promise.forecast, promise.salt);
        let included = self.chain.submit(&self.signer, &call).await?;
        let block = self.block_of(view, included.block).await;
        self.store()
            .promise_revealed(round, block)
            .context("the forecast is revealed, but that cannot be noted")?;
        Ok(block)
    }

    async fn block_of(&self, before: &View, hash: H256) -> u32 {
        let view = self.chain.view(hash).await;
        view.map_or(before.number().saturating_add(1), |view| view.number())
    }
}

/// The balance does not suffice for a deposit of so much.
#[derive(Debug, thiserror::Error)]
#[error("a commitment holds {0} BASED until it is revealed; send this account more")]
struct Poor(String);

/// Whether the next block may bring what this one did not. What the chain refused once it refuses again, for a fee.
fn is_worth_another_try(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<ChainError>() {
        Some(ChainError::Dispatch { .. }) => false,
        Some(_) => true,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forecasts_pause_while_the_network_asks_for_unknown_features() {
        let mut memory = Memory::default();
        assert!(memory.knows_features(FEATURE_SET));
        assert!(!memory.knows_features(FEATURE_SET + 1));
        assert_eq!(memory.features, Some(FEATURE_SET + 1), "told once");
        assert!(!memory.knows_features(FEATURE_SET + 1));
        assert!(memory.knows_features(FEATURE_SET), "governance may return");
        assert_eq!(memory.features, None);
    }

    #[test]
    fn what_the_chain_refused_is_not_tried_again() {
        let refused = ChainError::Dispatch {
            pallet: "Forecasts".into(),
            name: "AlreadyCommitted".into(),
            docs: String::new(),
        };
        assert!(!is_worth_another_try(&refused.into()));
        assert!(!is_worth_another_try(&Poor("1".into()).into()));
        let unsure = ChainError::Uncertain("0x00".into());
        assert!(is_worth_another_try(
            &anyhow::Error::from(unsure).context("while sending")
        ));
    }
}
