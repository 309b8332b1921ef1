//! Forecasts of the chain: where they stand, who is accurate, and the metrics they are made of.

use based_client::{chain::AccountId, money};
use based_primitives::{
    constants::PPB,
    forecasts::{ForecastStatus, MetricsBucket, RoundRecord},
};
use clap::Subcommand;
use serde_json::json;

use crate::{report, Context, Report};

#[derive(Debug, Subcommand)]
pub enum Forecasts {
    /// Show the round, the weight of forecasts and the last result.
    Status,
    /// Show how accurate an account's forecasts are.
    Accuracy {
        /// Account; the wallet's own by default.
        #[arg(value_parser = crate::account)]
        account: Option<AccountId>,
    },
    /// List metrics of the chain, in buckets of ten minutes.
    Metrics {
        /// First bucket; the oldest that the chain keeps by default. At most 256 are listed.
        #[arg(long, default_value_t = 0)]
        from: u32,
    },
}

impl Forecasts {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        match self {
            Self::Status => {
                let status = context.chain().await?.best().await?.forecast_status().await?;
                Ok(Report::fields(json!(status), &describe(&status)))
            }
            Self::Accuracy { account } => {
                let account = context.account(account)?;
                let accuracy = context.chain().await?.best().await?.accuracy(&account).await?;
                let json = json!({ "account": report::account(&account), "accuracy": accuracy });
                Ok(Report::fields(json, &[("accuracy", percent(accuracy))]))
            }
            Self::Metrics { from } => {
                let buckets = context.chain().await?.best().await?.metrics(from).await?;
                let columns = [
                    "bucket",
                    "transactions",
                    "accounts",
                    "bytes",
                    "block ms",
                    "longest",
                    "fee",
                    "stake",
                    "validators",
                    "joins",
                    "leaves",
                    "performance",
                ];
                let rows = buckets.iter().map(row).collect();
                Ok(Report::table(
                    json!(buckets),
                    &columns,
                    rows,
                    "There are no metrics there yet.",
                ))
            }
        }
    }
}

/// A ratio in ppb as people read it.
pub fn percent(ppb: u64) -> String {
    let hundredths = ppb.saturating_mul(10_000) / PPB;
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn describe(status: &ForecastStatus) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("round", status.round.to_string()),
        ("committed", status.committed.to_string()),
        (
            "revealed in blocks",
            format!(
                "{} to {}",
                status.next_cycle,
                status
                    .next_cycle
                    .saturating_add(status.reveal_blocks)
                    .saturating_sub(1)
            ),
        ),
        ("deposit", money::with_symbol(status.deposit)),
        ("weight of forecasts", percent(status.beta)),
        ("feature set", status.parameters.feature_set.to_string()),
    ];
    if let Some(model) = status.parameters.model {
        fields.push(("model", hex::encode(model)));
    }
    if let Some(last) = &status.last {
        fields.push(("last round", last_round(last)));
    }
    fields
}

fn last_round(last: &RoundRecord) -> String {
    let score = last.scores.checked_div(last.revealed.into()).unwrap_or(0);
    let score = percent(u64::try_from(score).unwrap_or(PPB));
    format!(
        "{}: {} revealed, {} silent, mean score {score}",
        last.round, last.revealed, last.silent
    )
}

fn row(bucket: &MetricsBucket) -> Vec<String> {
    vec![
        bucket.index.to_string(),
        bucket.transactions.to_string(),
        bucket.active_accounts.to_string(),
        bucket.bytes.to_string(),
        bucket.block_time.to_string(),
        bucket.block_time_max.to_string(),
        money::format(bucket.fee),
        money::format(bucket.stake),
        bucket.validators.to_string(),
        bucket.joins.to_string(),
        bucket.leaves.to_string(),
        percent(bucket.performance.into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_shown_as_percent() {
        assert_eq!(percent(0), "0.00%");
        assert_eq!(percent(PPB), "100.00%");
        assert_eq!(percent(123_456_789), "12.34%");
        assert_eq!(percent(u64::MAX), "184467440.73%");
    }

    #[test]
    fn a_round_without_forecasts_has_no_score() {
        let none = last_round(&RoundRecord::default());
        assert_eq!(none, "0: 0 revealed, 0 silent, mean score 0.00%");
        let two = RoundRecord {
            revealed: 2,
            scores: u128::from(PPB),
            ..Default::default()
        };
        assert!(last_round(&two).ends_with("mean score 50.00%"));
    }
}
