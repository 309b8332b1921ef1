//! Metrics of the chain and forecasts of it, as a [`View`] reads them.

use based_primitives::{
    constants::{FORECASTS_PER_PAGE, METRICS_PER_PAGE},
    forecasts::{ForecastStatus, MetricsBucket, RevealedForecast, TargetHistory},
    BrainId,
};

use super::{AccountId, ChainError, View};

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
}
