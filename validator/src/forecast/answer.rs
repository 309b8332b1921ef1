//! What a validator forecasts: the model's quantiles of the next cycle, or persistence as long as there is no model.

use based_primitives::{
    constants::{FORECAST_TARGETS, MAX_FORECAST_BRAINS, PPB},
    forecasts::{BrainForecast, Forecast, Quantiles, TargetHistory},
    math::History,
    BrainId,
};
use based_tft::Forecaster;

use super::features::Built;

/// A performance of one, in fixed point.
const ONE: i64 = 1_000_000;
/// Brains that a forecast may name.
pub const BRAINS: usize = MAX_FORECAST_BRAINS as usize;

/// The chain's own baseline: the last value plus the quantiles of its last steps. `None` before the first cycle ended,
/// when nothing is known to persist.
pub fn persistence(history: &TargetHistory) -> Option<Quantiles> {
    let baseline = |values: &Vec<i64>| {
        let mut past = History::default();
        values.iter().for_each(|value| past.push(*value));
        past.baseline()
    };
    let quantiles: Vec<[i64; 3]> = history.iter().filter_map(baseline).collect();
    quantiles.try_into().ok()
}

/// The model's quantiles of the cycle that ends before block `end`; `None` if that is beyond its horizon.
///
/// # Errors
/// If the table does not fit the model.
pub fn model(forecaster: &Forecaster, built: &Built, end: u64) -> anyhow::Result<Option<Quantiles>> {
    let Some(ahead) = built
        .rows_to(end)
        .filter(|ahead| *ahead <= forecaster.sizes().horizon)
    else {
        return Ok(None);
    };
    let forecasts = forecaster.forecast(&built.table)?;
    let row = forecasts
        .first()
        .and_then(|forecast| forecast.quantiles.get(ahead - 1));
    let quantiles: Option<Quantiles> = row.and_then(|row| row.clone().try_into().ok());
    Ok(quantiles.map(possible))
}

/// The quantiles as far as figures can go: none is negative, and performance is at most one.
fn possible(mut quantiles: Quantiles) -> Quantiles {
    for (target, quantiles) in quantiles.iter_mut().enumerate() {
        let most = if target + 1 == FORECAST_TARGETS {
            ONE
        } else {
            i64::MAX
        };
        *quantiles = quantiles.map(|quantile| quantile.clamp(0, most));
    }
    quantiles
}

/// A forecast with the present performance of Brains as the median of their next.
pub fn forecast(quantiles: Quantiles, mut brains: Vec<(BrainId, u64)>) -> Forecast {
    brains.sort_unstable();
    brains.dedup_by_key(|(brain, _)| *brain);
    brains.truncate(BRAINS);
    let pairs: Vec<BrainForecast> = brains
        .into_iter()
        .map(|(brain, performance)| BrainForecast {
            brain,
            performance: u32::try_from(performance.min(PPB)).unwrap_or(u32::MAX),
        })
        .collect();
    Forecast {
        quantiles,
        brains: pairs.try_into().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use based_primitives::math::{pinball, skill};
    use based_tft::{Sizes, Training};

    use super::*;
    use crate::forecast::{
        archive::Tempo,
        features::{build, schema, HORIZON},
        series::{sample, Records},
    };

    #[test]
    fn persistence_is_the_chains_baseline() {
        let sums: Vec<i64> = (0..=10).map(|n| n * (n + 1) / 2).collect();
        let history = vec![sums; 6];
        assert_eq!(persistence(&history), Some([[56, 60, 64]; 6]));
        assert_eq!(persistence(&vec![vec![]; 6]), None, "nothing to persist");
        assert_eq!(persistence(&vec![]), None);
        // What the chain compares with has no skill, and costs none.
        let loss = pinball(70, &[56, 60, 64]);
        assert_eq!(skill(loss, loss), 0);
    }

    #[test]
    fn figures_stay_possible() {
        let quantiles = possible([[-5, 3, 2_000_000]; 6]);
        assert_eq!(quantiles[0], [0, 3, 2_000_000]);
        assert_eq!(quantiles[5], [0, 3, ONE]);
    }

    #[test]
    fn brains_ascend_and_are_at_most_64() {
        let many: Vec<_> = (0..100).rev().map(|brain| (brain, 2 * PPB)).collect();
        let forecast = forecast([[0; 3]; 6], many);
        assert_eq!(forecast.brains.len(), 64);
        assert!(forecast.has_valid_brains());
    }

    #[test]
    fn a_model_of_the_chains_table_answers_for_the_next_cycle() {
        let buckets = (0..120).map(|number| {
            let mut bucket = sample(number);
            bucket.transactions = 100 + u64::from(number % 8) * 50;
            bucket.fee = 1_000_000_000_000;
            bucket
        });
        let records = Records {
            tempo: Tempo { cycle: 20, reveal: 5 },
            buckets: buckets.collect(),
            realised: BTreeMap::new(),
            peers: BTreeMap::new(),
        };
        let built = build(&records).unwrap();
        let sizes = Sizes {
            width: 4,
            heads: 1,
            encoder: 16,
            horizon: HORIZON,
            dropout: 0.0,
        };
        let training = Training {
            steps: 4,
            batch: 4,
            validation: 0.4,
            ..Training::default()
        };
        let mut forecaster = Forecaster::new(schema(), sizes, 1).unwrap();
        forecaster
            .fine_tune(&built.table, training, None, &mut |_| {})
            .unwrap();
        let quantiles = model(&forecaster, &built, 640).unwrap().unwrap();
        assert!(forecast(quantiles, vec![]).is_monotone());
        // A cycle of these buckets has 400 to 1,800 transactions, and fees never change.
        assert!(
            (200_000_000..3_000_000_000).contains(&quantiles[0][1]),
            "{quantiles:?}"
        );
        assert_eq!(
            quantiles[4], [1_000_000; 3],
            "what is constant is forecast exactly"
        );
        assert_eq!(
            model(&forecaster, &built, 10_000).unwrap(),
            None,
            "beyond the horizon"
        );
    }
}
