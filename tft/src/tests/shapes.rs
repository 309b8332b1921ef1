use super::{table, TINY};
use crate::dataset::{scales, Dataset};
use crate::generate::Kind;
use crate::model::Model;
use crate::{Feature, Schema, Sizes};

#[test]
fn output_has_one_value_per_window_row_target_and_quantile() {
    let (schema, table) = table(Kind::Chain, 60);
    let dataset = Dataset::new(&schema, TINY, &table, &scales(&table, 1.0)).unwrap();
    let model = Model::new(&schema, TINY, 1).unwrap();
    let windows = &dataset.windows(0.0..1.0)[..5];
    let output = model.forward(&dataset.batch(windows).unwrap(), None).unwrap();
    assert_eq!(output.quantiles.dims(), [5, 4, 6, 3]);
    assert_eq!(output.attention.dims(), [5, 4, 16]);
    assert_eq!(dataset.targets(windows).unwrap().dims(), [5, 4, 6]);
}

#[test]
fn selection_weights_and_attention_sum_to_one() {
    let (mut schema, mut table) = table(Kind::Chain, 60);
    schema.known.push(Feature::categorical("hour", 12));
    for series in &mut table.series {
        series
            .known
            .push((0..64).map(|row| f64::from(row % 12)).collect());
    }
    let dataset = Dataset::new(&schema, TINY, &table, &scales(&table, 1.0)).unwrap();
    let model = Model::new(&schema, TINY, 1).unwrap();
    let output = model
        .forward(&dataset.batch(&dataset.windows(0.0..1.0)).unwrap(), None)
        .unwrap();
    let attention = output.attention.flatten_to(1).unwrap();
    for weights in [
        &output.static_weights,
        &output.past_weights,
        &output.future_weights,
        &attention,
    ] {
        for row in weights.to_vec2::<f32>().unwrap() {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(row.iter().all(|weight| *weight >= 0.0));
        }
    }
}

#[test]
fn windows_of_training_and_validation_share_no_forecast_row() {
    let (schema, table) = table(Kind::Seasonal, 100);
    let dataset = Dataset::new(&schema, TINY, &table, &scales(&table, 1.0)).unwrap();
    let row = |start: usize| start + TINY.encoder;
    let train = dataset.windows(0.0..0.8);
    let last = train
        .iter()
        .map(|window| row(window.start) + TINY.horizon)
        .max()
        .unwrap();
    let validation = dataset.windows(0.8..1.0);
    let first = validation.iter().map(|window| row(window.start)).min().unwrap();
    assert_eq!((last, first), (80, 80));
    assert_eq!(
        validation
            .iter()
            .map(|window| row(window.start) + TINY.horizon)
            .max(),
        Some(100)
    );
    assert_eq!(train.len(), 3 * (80 - 16 + 1));
}

/// The schema of D.4: 12 observed, 4 known, 2 static, 6 targets.
fn chain_schema() -> Schema {
    let reals = |prefix: &str, count| {
        (0..count)
            .map(|at| Feature::real(format!("{prefix}{at}")))
            .collect()
    };
    Schema {
        version: 1,
        targets: (0..6).map(|at| format!("observed{at}")).collect(),
        statics: vec![
            Feature::categorical("class", 4),
            Feature::categorical("template", 8),
        ],
        observed: reals("observed", 12),
        known: reals("known", 4),
    }
}

#[test]
fn presets_have_the_sizes_of_the_design() {
    let size = |sizes: Sizes| Model::new(&chain_schema(), sizes, 1).unwrap().size();
    assert!(
        (150_000..200_000).contains(&size(Sizes::STANDARD)),
        "{}",
        size(Sizes::STANDARD)
    );
    assert!(
        (40_000..60_000).contains(&size(Sizes::SMALL)),
        "{}",
        size(Sizes::SMALL)
    );
}
