//! Skill against persistence as the chain pays for it (D.5), with linear regression beside it.

use based_tft::generate::{generate, Kind, Request};
use based_tft::linear::Linear;
use based_tft::{Accuracy, Forecaster, Sizes, Table, Tally, Training};

use super::Figure;
use crate::output::bar;

/// Rounds forecast the next bucket.
const LAG: usize = 1;
/// Share of the rows that training sees; the rest are rounds.
const TRAINED: f64 = 0.8;
const ROWS: usize = 6000;
const SEEDS: u64 = 3;
const SIZES: Sizes = Sizes {
    width: 16,
    heads: 4,
    encoder: 48,
    horizon: 4,
    dropout: 0.1,
};

/// Skill on chain metrics with known structure, on random walks and on white noise: means over seeds.
pub fn measure() -> anyhow::Result<Vec<Figure>> {
    let (structured, linear) = mean_skill(Kind::Chain)?;
    let (walk, walk_linear) = mean_skill(Kind::Walk)?;
    let (white, white_linear) = mean_skill(Kind::White)?;
    let figure = |key: &str, ours: Accuracy, linear: Accuracy| {
        let peer = "linear regression with quantiles of its residuals";
        Figure::plain(key, ours.mean, "skill").beside(peer, linear.mean, ours.mean / linear.mean.max(1e-9))
    };
    Ok(vec![
        figure("accuracy_structured", structured, linear).at_least(0.2),
        Figure::plain(
            "accuracy_structured_over_linear",
            structured.mean - linear.mean,
            "skill",
        )
        .at_least(0.0),
        Figure::plain("accuracy_structured_pooled", structured.pooled, "skill"),
        // White-noise steps: persistence itself is the best forecast, so an honest forecaster has no skill.
        figure("accuracy_noise", walk, walk_linear).at_most(0.05),
        // White noise around a level: whoever knows the level beats persistence by 1 - 1/sqrt(2).
        figure("accuracy_white_level", white, white_linear).at_least(0.0),
        Figure::plain("accuracy_white_level_pooled", white.pooled, "skill"),
    ])
}

fn mean_skill(kind: Kind) -> anyhow::Result<(Accuracy, Accuracy)> {
    let runs = (1..=SEEDS)
        .map(|seed| skill(kind, seed))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mean = |of: &dyn Fn(&(Accuracy, Accuracy)) -> Accuracy| {
        let all: Vec<Accuracy> = runs.iter().map(of).collect();
        let average =
            |value: &dyn Fn(&Accuracy) -> f64| all.iter().map(value).sum::<f64>() / all.len() as f64;
        Accuracy {
            mean: average(&|accuracy| accuracy.mean),
            pooled: average(&|accuracy| accuracy.pooled),
            rounds: all.iter().map(|accuracy| accuracy.rounds).sum(),
        }
    };
    Ok((mean(&|run| run.0), mean(&|run| run.1)))
}

/// Skill of the transformer and of linear regression over the rounds after training.
fn skill(kind: Kind, seed: u64) -> anyhow::Result<(Accuracy, Accuracy)> {
    let request = Request {
        kind,
        rows: ROWS,
        ahead: SIZES.horizon,
        series: 1,
        seed,
        day: SIZES.encoder,
    };
    let (schema, table) = generate(request);
    let rows = (ROWS as f64 * TRAINED).round() as usize;
    let seen = Table {
        series: table
            .series
            .iter()
            .map(|series| series.observed_until(rows))
            .collect(),
    };
    let training = Training {
        steps: 1500,
        rate: 4e-3,
        seed,
        validate_every: 100,
        ..Training::default()
    };
    let mut forecaster = Forecaster::new(schema, SIZES, seed)?;
    let bar = bar(training.steps as u64)?;
    forecaster.fine_tune(&seen, training, None, &mut |progress| {
        bar.set_position(progress.step as u64);
        bar.set_message(format!(
            "{kind:?} seed {seed}: validation {:.4}",
            progress.validation
        ));
    })?;
    bar.finish_and_clear();
    let ours = forecaster.accuracy(&table, TRAINED..1.0, LAG)?;
    let linear = Linear::fit(forecaster.schema(), SIZES, &table, 0.0..TRAINED, LAG)?;
    let mut tally = Tally::new(forecaster.schema().targets.len());
    let series = &table.series[0];
    for present in rows..=ROWS - SIZES.horizon {
        let forecasts = linear.forecast(series, present);
        for ((target, column), quantiles) in forecaster
            .schema()
            .target_columns()
            .iter()
            .enumerate()
            .zip(&forecasts)
        {
            tally.add(target, &series.observed[*column], present, LAG, quantiles);
        }
    }
    Ok((ours, tally.accuracy()))
}
