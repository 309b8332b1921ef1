//! Reads the chain into the archive, as of finalized blocks alone: what a reorganisation may undo is never stored.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use based_client::chain::{Chain, View};
use based_primitives::constants::METRICS_PER_PAGE;
use futures::StreamExt;

use super::{
    archive::{locked, Archive, Tempo},
    figures::Figures,
};

/// Wait after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// Keeps the archive up to date, forever. A failure that waiting does not cure is told once.
pub async fn keep(chain: Chain, archive: Arc<Mutex<Archive>>, figures: Figures) {
    let mut blocks = chain.follow(true);
    let mut told = false;
    while let Some(view) = blocks.next().await {
        match sync(&chain, &view, &archive).await {
            Ok(()) => told = false,
            Err(error) => {
                if !told {
                    tracing::warn!("metrics of the chain cannot be kept: {error:#}");
                }
                told = true;
                tokio::time::sleep(RETRY).await;
            }
        }
        if let Ok(rows) = locked(&archive).size() {
            figures.rows.set(rows.into());
        }
    }
}

/// Brings the archive up to the state at a finalized block.
///
/// # Errors
/// If the node does not answer, or the archive is another chain's or cannot be written.
pub async fn sync(chain: &Chain, view: &View, archive: &Mutex<Archive>) -> anyhow::Result<()> {
    let status = view.forecast_status().await?;
    let tempo = Tempo {
        cycle: view.cycle_blocks().await?.max(1),
        reveal: status.reveal_blocks,
    };
    locked(archive).bind(chain.genesis(), tempo)?;
    loop {
        let from = locked(archive).next_bucket()?;
        let page = view.metrics(from).await?;
        let complete = page.len() < usize::from(METRICS_PER_PAGE);
        if from > 0 && page.first().is_some_and(|first| first.index > from) {
            tracing::warn!(
                from,
                to = page[0].index - 1,
                "buckets of metrics are missing: the chain keeps a week of them"
            );
        }
        locked(archive).add_buckets(&page)?;
        if complete {
            break;
        }
    }
    // A cycle is closed at the end of its last block.
    let open = view.number().saturating_add(1) / tempo.cycle;
    if open > 0 && locked(archive).next_cycle()? < open {
        let history = view.target_history().await?;
        locked(archive).add_realised(open, &history)?;
    }
    if let Some(round) = revealed_round(view.number(), tempo) {
        if !locked(archive).knows_round(round)? {
            let forecasts = view.revealed_forecasts(round).await?;
            locked(archive).add_round(round, &forecasts)?;
        }
    }
    Ok(())
}

/// The round whose forecasts are all revealed and none of them scored after block `number`.
fn revealed_round(number: u32, tempo: Tempo) -> Option<u32> {
    let complete = (number % tempo.cycle).saturating_add(1) >= tempo.reveal;
    (number / tempo.cycle).checked_sub(1).filter(|_| complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounds_forecasts_are_read_between_reveal_and_score() {
        let tempo = Tempo { cycle: 20, reveal: 5 };
        assert_eq!(revealed_round(19, tempo), None);
        assert_eq!(revealed_round(23, tempo), None, "one more block may reveal");
        assert_eq!(revealed_round(24, tempo), Some(0));
        assert_eq!(revealed_round(39, tempo), Some(0));
        assert_eq!(revealed_round(40, tempo), None, "being scored");
        assert_eq!(revealed_round(45, tempo), Some(1));
    }
}
