//! Metrics of the chain and forecasts of it, as a [`View`] reads them.

use std::collections::BTreeMap;

use based_primitives::{
    constants::{FORECASTS_PER_PAGE, METRICS_PER_PAGE},
    forecasts::{ForecastStatus, MetricsBucket, RevealedForecast, TargetHistory},
    BrainId, Uid,
};
use sp_core::H256;

use super::{records::Promise, AccountId, ChainError, View};

impl View {
    /// Finished buckets of metrics with number `from` or above, ascending, at most 256: whoever exports them goes on
    /// from one above the last. The chain keeps a week of them.
    ///
    /// # Errors
    /// [`ChainError`] if the node does not answer or cannot be understood; so for every reader below.
    pub async fn metrics(&self, from: u32) -> Result<Vec<MetricsBucket>, ChainError> {
        self.api("ForecastsApi_metrics", &(from, METRICS_PER_PAGE)).await
    }

    /// Realised values of the targets over the newest cycles, oldest first, up to 65 each.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn target_history(&self) -> Result<TargetHistory, ChainError> {
        self.api("ForecastsApi_target_history", &()).await
    }

    /// Round, weight of forecasts, governed parameters and the last result.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn forecast_status(&self) -> Result<ForecastStatus, ChainError> {
        self.api("ForecastsApi_forecast_status", &()).await
    }

    /// All forecasts revealed for a round and not scored yet, in no particular order.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn revealed_forecasts(
        &self,
        round: u32,
    ) -> Result<Vec<RevealedForecast<AccountId>>, ChainError> {
        let mut forecasts: Vec<RevealedForecast<AccountId>> = Vec::new();
        loop {
            let after = forecasts.last().map(|last| last.account.clone());
            let page: Vec<RevealedForecast<AccountId>> = self
                .api(
                    "ForecastsApi_revealed_forecasts",
                    &(round, after, FORECASTS_PER_PAGE),
                )
                .await?;
            let complete = page.len() < usize::from(FORECASTS_PER_PAGE);
            forecasts.extend(page);
            if complete {
                return Ok(forecasts);
            }
        }
    }

    /// Accuracy of an account's forecasts, in ppb.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn accuracy(&self, account: &AccountId) -> Result<u64, ChainError> {
        self.api("ForecastsApi_accuracy", account).await
    }

    /// Forecast of a Brain's next performance in ppb, where at least eight forecasters cover it.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn brain_forecast(&self, brain: BrainId) -> Result<Option<u64>, ChainError> {
        self.api("ForecastsApi_brain_forecast", &brain).await
    }

    /// Hash of the forecast that an account committed itself to in a round and has not revealed.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn forecast_commitment(
        &self,
        round: u32,
        account: &AccountId,
    ) -> Result<Option<H256>, ChainError> {
        let account: [u8; 32] = *account.as_ref();
        let promise: Option<Promise> = self.map("Forecasts", "Commitments", (round, account)).await?;
        Ok(promise.map(|promise| promise.hash.0))
    }

    /// Present performance of the Brains that perform, in ppb.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn performances(&self) -> Result<BTreeMap<BrainId, u64>, ChainError> {
        let all: Vec<((BrainId,), u64)> = self.walk("Consensus", "Performance", ()).await?;
        Ok(all.into_iter().map(|((brain,), value)| (brain, value)).collect())
    }

    /// Number of an account among the peers of a Brain, if it is one.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn uid(&self, brain: BrainId, account: &AccountId) -> Result<Option<Uid>, ChainError> {
        let account: [u8; 32] = *account.as_ref();
        self.map("Registry", "Uids", (brain, account)).await
    }
}
