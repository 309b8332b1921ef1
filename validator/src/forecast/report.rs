//! How forecasts stand, for `status`.

use std::path::Path;

use based_client::chain::{AccountId, View};
use based_primitives::constants::PPB;
use based_tft::store as versions;
use serde::Serialize;

use super::{
    archive::Archive,
    features::FEATURE_SET,
    promises::{Promise, Source},
    trainer::{Model, Record, MIN_ROWS},
};
use crate::store::Store;

/// Rounds whose scores are shown.
const SHOWN_ROUNDS: u32 = 64;
/// Buckets whose transactions are shown.
const SHOWN_BUCKETS: u32 = 64;

/// Forecasts, dataset and training.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Round that takes commitments.
    pub round: u32,
    /// Blocks until the next cycle.
    pub blocks_left: u32,
    /// What this validator's forecast of the round is: `committed` or `waits`.
    pub state: &'static str,
    /// What became of the forecast of the round before.
    pub before: &'static str,
    /// Version of the features that the network asks for.
    pub feature_set: u32,
    /// Whether this program makes them; otherwise it makes no forecasts.
    pub feature_set_known: bool,
    /// Accuracy of this validator, 0 to 1.
    pub accuracy: f64,
    /// Weight of forecasts in force, 0 to 1.
    pub beta: f64,
    /// The last scored forecast.
    pub last: Option<Scored>,
    /// Scores of the newest rounds, oldest first; none for rounds without.
    pub scores: Vec<f64>,
    /// Version of the model in use; none while persistence forecasts.
    pub model: Option<String>,
    /// Buckets in the archive.
    pub rows: u32,
    /// Rows from which on a model is trained.
    pub rows_needed: usize,
    /// Missing buckets: first and last of each gap.
    pub gaps: Vec<(u32, u32)>,
    /// The last training, or the one under way.
    pub training: Option<Record>,
    /// Transactions in the newest buckets, oldest first.
    pub transactions: Vec<u64>,
}

/// A forecast and its score.
#[derive(Clone, Debug, Serialize)]
pub struct Scored {
    /// Its round.
    pub round: u32,
    /// Its score, 0 to 1.
    pub score: f64,
    /// What made it.
    pub source: Source,
}

impl Report {
    /// Asks chain, databases and model store.
    ///
    /// # Errors
    /// If one of them does not answer.
    pub async fn read(
        view: &View,
        store: &Store,
        data_dir: &Path,
        account: &AccountId,
    ) -> anyhow::Result<Self> {
        let status = view.forecast_status().await?;
        let accuracy = view.accuracy(account).await?;
        let committed = view.forecast_commitment(status.round, account).await?.is_some();
        let archive = Archive::open(data_dir)?;
        let promises = store.promises(SHOWN_ROUNDS)?;
        let before = status.round.checked_sub(1);
        let before = promises.iter().find(|promise| Some(promise.round) == before);
        let scored = |promise: &Promise| {
            Some(Scored {
                round: promise.round,
                score: ratio(promise.score?),
                source: promise.source,
            })
        };
        let newest = archive.buckets(archive.next_bucket()?.saturating_sub(SHOWN_BUCKETS))?;
        Ok(Self {
            round: status.round,
            blocks_left: status.next_cycle.saturating_sub(view.number()),
            state: if committed { "committed" } else { "waits" },
            before: before.map_or("none", became),
            feature_set: status.parameters.feature_set,
            feature_set_known: status.parameters.feature_set == FEATURE_SET,
            accuracy: ratio(accuracy),
            beta: ratio(status.beta),
            last: promises.iter().find_map(scored),
            scores: promises
                .iter()
                .rev()
                .filter_map(|promise| promise.score.map(ratio))
                .collect(),
            model: versions::current(&Model::directory(data_dir)).ok(),
            rows: archive.size()?,
            rows_needed: MIN_ROWS,
            gaps: archive.gaps()?,
            training: Record::read(&archive)?,
            transactions: newest.iter().map(|bucket| bucket.transactions).collect(),
        })
    }

    /// Lines for people: name and value.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            (
                "forecast",
                format!(
                    "round {} {}, {} blocks left; the one before: {}",
                    self.round, self.state, self.blocks_left, self.before
                ),
            ),
            (
                "accuracy",
                format!("{:.3}, forecasts weigh {:.3}", self.accuracy, self.beta),
            ),
        ];
        if !self.feature_set_known {
            lines.push((
                "paused",
                format!(
                    "the network asks for features {}; update this program",
                    self.feature_set
                ),
            ));
        }
        if let Some(last) = &self.last {
            lines.push((
                "last score",
                format!("{:.3} in round {} by {:?}", last.score, last.round, last.source),
            ));
        }
        let gaps = match self.gaps.len() {
            0 => String::new(),
            gaps => format!(", {gaps} gaps"),
        };
        let needed = match &self.model {
            Some(model) => format!("model {}", model.get(..16).unwrap_or(model)),
            None if (self.rows as usize) < self.rows_needed => {
                format!("no model yet: it takes {} rows", self.rows_needed)
            }
            None => "no model yet: the first training has not ended".into(),
        };
        lines.push(("dataset", format!("{} buckets{gaps}; {needed}", self.rows)));
        if let Some(training) = &self.training {
            lines.push(("training", told(training)));
        }
        lines
    }
}

fn ratio(ppb: u64) -> f64 {
    ppb as f64 / PPB as f64
}

fn became(promise: &Promise) -> &'static str {
    match promise {
        Promise { missed: true, .. } => "missed",
        Promise {
            revealed: Some(_), ..
        } => "revealed",
        Promise {
            committed: Some(_), ..
        } => "committed",
        _ => "not committed",
    }
}

fn told(training: &Record) -> String {
    let loss = |loss: Option<f64>| loss.map_or("-".into(), |loss| format!("{loss:.4}"));
    let Record {
        rows, step, steps, ..
    } = training;
    match training {
        Record {
            error: Some(error), ..
        } => format!("failed: {error}"),
        Record { running: true, .. } => {
            format!(
                "step {step} of at most {steps} on {rows} rows, loss {}",
                loss(training.loss)
            )
        }
        _ => format!(
            "loss {} before, {} after, {step} steps on {rows} rows in {:.0} s",
            loss(training.loss_before),
            loss(training.loss),
            training.seconds
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trainings_are_told_in_words() {
        let mut training = Record {
            running: true,
            rows: 900,
            step: 50,
            steps: 1_000,
            loss: Some(0.25),
            ..Record::default()
        };
        assert_eq!(
            told(&training),
            "step 50 of at most 1000 on 900 rows, loss 0.2500"
        );
        training.running = false;
        training.loss_before = Some(0.5);
        assert_eq!(
            told(&training),
            "loss 0.5000 before, 0.2500 after, 50 steps on 900 rows in 0 s"
        );
        training.error = Some("no disk".into());
        assert_eq!(told(&training), "failed: no disk");
    }
}
