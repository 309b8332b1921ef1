use super::{table, training, TINY};
use crate::explain::explain;
use crate::generate::{generate, Kind, Request};
use crate::linear::Linear;
use crate::plot::svg;
use crate::{Forecaster, Sizes, Tally, Training};

/// Chain metrics with known structure: better than persistence by a fifth and better than linear regression.
#[test]
fn structure_is_learnt_better_than_by_linear_regression() {
    let request = Request {
        kind: Kind::Chain,
        rows: 3000,
        ahead: 4,
        series: 1,
        seed: 3,
        day: 24,
    };
    let (schema, table) = generate(request);
    let sizes = Sizes {
        width: 16,
        encoder: 24,
        ..TINY
    };
    let mut forecaster = Forecaster::new(schema, sizes, 1).unwrap();
    let training = Training {
        steps: 600,
        batch: 32,
        rate: 5e-3,
        validate_every: 100,
        ..Training::default()
    };
    let train = table.series[0].observed_until(2400);
    let outcome = forecaster
        .fine_tune(&crate::Table { series: vec![train] }, training, None, &mut |_| {})
        .unwrap();
    assert!(
        outcome.validation < 0.6 * outcome.initial_validation,
        "{outcome:?}"
    );
    let accuracy = forecaster.accuracy(&table, 0.8..1.0, 1).unwrap();
    let linear = Linear::fit(forecaster.schema(), sizes, &table, 0.0..0.8, 1).unwrap();
    let mut tally = Tally::new(6);
    for present in 2400..3000 - sizes.horizon + 1 {
        for (target, quantiles) in linear.forecast(&table.series[0], present).iter().enumerate() {
            tally.add(target, &table.series[0].observed[target], present, 1, quantiles);
        }
    }
    let linear = tally.accuracy();
    assert_eq!(accuracy.rounds, linear.rounds);
    assert!(
        accuracy.mean > 0.2 && accuracy.mean > linear.mean,
        "{accuracy:?}, linear {linear:?}"
    );
}

/// Where persistence is the best forecast the model answers persistence, and its accuracy is exactly zero.
#[test]
fn nothing_is_claimed_about_white_noise_steps() {
    let (schema, table) = table(Kind::Walk, 400);
    let mut forecaster = Forecaster::new(schema, TINY, 1).unwrap();
    forecaster
        .fine_tune(&table, training(60), None, &mut |_| {})
        .unwrap();
    let accuracy = forecaster.accuracy(&table, 0.8..1.0, 1).unwrap();
    assert_eq!((accuracy.mean, accuracy.pooled), (0.0, 0.0), "{accuracy:?}");
    assert_eq!(forecaster.persistent_targets().count(), 6);
}

#[test]
fn forecasts_are_fixed_point_in_order_and_near_the_truth() {
    let (schema, table) = table(Kind::Seasonal, 400);
    let mut forecaster = Forecaster::new(schema, TINY, 1).unwrap();
    forecaster
        .fine_tune(&table, training(100), None, &mut |_| {})
        .unwrap();
    let cut = |series: &crate::Series| series.observed_until(396);
    let past = crate::Table {
        series: table.series.iter().map(cut).collect(),
    };
    let forecasts = forecaster.forecast(&past).unwrap();
    for (series, forecast) in table.series.iter().zip(&forecasts) {
        assert_eq!(forecast.quantiles.len(), TINY.horizon);
        for row in &forecast.quantiles {
            let [low, middle, high] = row[0];
            assert!(low <= middle && middle <= high);
            let mean = series.observed[0].iter().sum::<f64>() / 400.0;
            assert!((middle as f64 / 1e6 - mean).abs() < 6.0, "{middle} around {mean}");
        }
    }
}

#[test]
fn explanations_name_every_variable_and_plot() {
    let (schema, table) = table(Kind::Chain, 120);
    let mut forecaster = Forecaster::new(schema, TINY, 1).unwrap();
    forecaster
        .fine_tune(&table, training(10), None, &mut |_| {})
        .unwrap();
    let explanation = explain(&forecaster, &table, 0.5, 20).unwrap();
    assert_eq!(
        (
            explanation.windows,
            explanation.past.len(),
            explanation.known.len()
        ),
        (20, 12, 4)
    );
    for weights in [&explanation.statics, &explanation.past, &explanation.known] {
        assert!((weights.iter().map(|variable| variable.weight).sum::<f64>() - 1.0).abs() < 1e-5);
    }
    for row in &explanation.attention {
        assert_eq!(row.len(), TINY.window());
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-5);
    }
    let plot = svg(&explanation);
    assert!(
        plot.starts_with("<svg") && plot.trim_end().ends_with("</svg>") && plot.contains("peer_forecast")
    );
}
