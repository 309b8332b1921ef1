//! Forecasts that this validator committed itself to, with their salts, and what became of them.

use anyhow::Context;
use based_primitives::{
    forecasts::{Forecast, RoundRecord},
    math::{mean, pinball, skill},
    BlockNumber, Salt,
};
use codec::{Decode, Encode};
use rusqlite::{params, OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use sp_core::H256;

use crate::store::Store;

/// Rounds after which a forecast is forgotten.
const KEPT_ROUNDS: u32 = 1_000;

/// Table of the forecasts.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS forecasts (round INTEGER PRIMARY KEY, hash BLOB NOT NULL, forecast BLOB NOT NULL,
        salt BLOB NOT NULL, source TEXT NOT NULL, committed INTEGER, revealed INTEGER, missed INTEGER NOT NULL DEFAULT 0,
        score INTEGER);
";
const COLUMNS: &str = "round, hash, forecast, salt, source, committed, revealed, missed, score";

/// Where a forecast comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The chain's own baseline: there is no model yet.
    Persistence,
    /// The model.
    Model,
}

/// A forecast and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Its round.
    pub round: u32,
    /// Its hash: see [`based_primitives::forecasts::commitment`].
    pub hash: H256,
    /// The forecast.
    pub forecast: Forecast,
    /// Salt.
    pub salt: Salt,
    /// Where it comes from.
    pub source: Source,
    /// Block in which the chain took the commitment.
    pub committed: Option<BlockNumber>,
    /// Block in which it was revealed.
    pub revealed: Option<BlockNumber>,
    /// Whether the time to reveal it passed.
    pub missed: bool,
    /// Its score in ppb.
    pub score: Option<u64>,
}

impl Promise {
    /// A forecast that nobody heard of yet.
    pub fn new(round: u32, hash: H256, forecast: Forecast, salt: Salt, source: Source) -> Self {
        Self {
            round,
            hash,
            forecast,
            salt,
            source,
            committed: None,
            revealed: None,
            missed: false,
            score: None,
        }
    }
}

/// What the chain scores a forecast with, in ppb: the mean skill over the figures (D.5).
pub fn score(forecast: &Forecast, result: &RoundRecord) -> u64 {
    let skills: Vec<u64> = result
        .realised
        .iter()
        .zip(&result.baseline)
        .zip(&forecast.quantiles)
        .map(|((realised, baseline), quantiles)| skill(pinball(*realised, quantiles), *baseline))
        .collect();
    mean(&skills)
}

impl Store {
    /// Keeps a forecast and its salt, durably: to be called before the hash is sent.
    ///
    /// # Errors
    /// If there is one of that round already, and on failures of the database.
    pub fn promise(&self, promise: &Promise) -> anyhow::Result<()> {
        // Without it the deposit is lost: this write reaches the disk before the next step.
        self.db.pragma_update(None, "synchronous", "FULL")?;
        let kept = self.db.execute(
            "INSERT INTO forecasts (round, hash, forecast, salt, source) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                promise.round,
                promise.hash.0,
                promise.forecast.encode(),
                promise.salt,
                serde_json::to_string(&promise.source)?
            ],
        );
        self.db.pragma_update(None, "synchronous", "NORMAL")?;
        kept?;
        self.db.execute(
            "DELETE FROM forecasts WHERE round + ?2 < ?1",
            [promise.round, KEPT_ROUNDS],
        )?;
        Ok(())
    }

    /// The forecast of a round.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn promise_of(&self, round: u32) -> anyhow::Result<Option<Promise>> {
        let query = format!("SELECT {COLUMNS} FROM forecasts WHERE round = ?1");
        Ok(self.db.query_row(&query, [round], read).optional()?)
    }

    /// The newest forecasts, newest first.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn promises(&self, limit: u32) -> anyhow::Result<Vec<Promise>> {
        let query = format!("SELECT {COLUMNS} FROM forecasts ORDER BY round DESC LIMIT ?1");
        let mut query = self.db.prepare_cached(&query)?;
        let promises = query.query_map([limit], read)?;
        promises
            .collect::<Result<_, _>>()
            .context("a forecast in the database is damaged")
    }

    /// Notes in which block the chain took a commitment.
    ///
    /// # Errors
    /// On failures of the database; so for all below.
    pub fn promise_committed(&self, round: u32, block: BlockNumber) -> anyhow::Result<()> {
        self.note(
            "UPDATE forecasts SET committed = ?2 WHERE round = ?1",
            round,
            block,
        )
    }

    /// Notes in which block a forecast was revealed.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn promise_revealed(&self, round: u32, block: BlockNumber) -> anyhow::Result<()> {
        self.note(
            "UPDATE forecasts SET revealed = ?2, missed = 0 WHERE round = ?1",
            round,
            block,
        )
    }

    /// Notes that a forecast can be revealed no more; whether that is news.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn promise_missed(&self, round: u32) -> anyhow::Result<bool> {
        let changed = self.db.execute(
            "UPDATE forecasts SET missed = 1 WHERE round = ?1 AND missed = 0",
            [round],
        )?;
        Ok(changed > 0)
    }

    /// Notes the score of a round in ppb.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn promise_scored(&self, round: u32, score: u64) -> anyhow::Result<()> {
        self.note(
            "UPDATE forecasts SET score = ?2 WHERE round = ?1",
            round,
            u32::try_from(score)?,
        )
    }

    fn note(&self, update: &str, round: u32, value: u32) -> anyhow::Result<()> {
        self.db.prepare_cached(update)?.execute([round, value])?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Promise> {
    let damaged = |column, error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, error)
    };
    let forecast: Vec<u8> = row.get(2)?;
    let source: String = row.get(4)?;
    let score: Option<u32> = row.get(8)?;
    Ok(Promise {
        round: row.get(0)?,
        hash: H256(row.get(1)?),
        forecast: Decode::decode(&mut &forecast[..]).map_err(|error| damaged(2, Box::new(error)))?,
        salt: row.get(3)?,
        source: serde_json::from_str(&source).map_err(|error| damaged(4, Box::new(error)))?,
        committed: row.get(5)?,
        revealed: row.get(6)?,
        missed: row.get(7)?,
        score: score.map(u64::from),
    })
}

#[cfg(test)]
mod tests {
    use based_primitives::constants::PPB;

    use super::*;
    use crate::forecast::answer;

    fn promise(round: u32) -> Promise {
        let forecast = answer::forecast([[1, 2, 3]; 6], vec![(4, 5)]);
        Promise::new(round, H256([9; 32]), forecast, [7; 32], Source::Model)
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        (dir, store)
    }

    #[test]
    fn a_forecast_survives_a_restart_at_any_point() {
        let (dir, store) = store();
        store.promise(&promise(5)).unwrap();
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.promise_of(5).unwrap(), Some(promise(5)));
        assert_eq!(store.promise_of(4).unwrap(), None);
        store.promise_committed(5, 95).unwrap();
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        store.promise_revealed(5, 101).unwrap();
        store.promise_scored(5, PPB).unwrap();
        drop(store);
        let kept = Store::open(dir.path()).unwrap().promise_of(5).unwrap().unwrap();
        let expected = Promise {
            committed: Some(95),
            revealed: Some(101),
            score: Some(PPB),
            ..promise(5)
        };
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_round_has_one_forecast() {
        let (_dir, store) = store();
        store.promise(&promise(5)).unwrap();
        let other = Promise {
            salt: [8; 32],
            ..promise(5)
        };
        assert!(store.promise(&other).is_err());
        assert_eq!(store.promise_of(5).unwrap(), Some(promise(5)));
    }

    #[test]
    fn a_missed_reveal_is_news_once() {
        let (_dir, store) = store();
        store.promise(&promise(5)).unwrap();
        assert!(store.promise_missed(5).unwrap());
        assert!(!store.promise_missed(5).unwrap());
        assert!(!store.promise_missed(6).unwrap());
    }

    #[test]
    fn old_forecasts_are_forgotten() {
        let (_dir, store) = store();
        for round in [5, 1_005, 1_006] {
            store.promise(&promise(round)).unwrap();
        }
        let kept: Vec<u32> = store
            .promises(10)
            .unwrap()
            .iter()
            .map(|kept| kept.round)
            .collect();
        assert_eq!(kept, [1_006, 1_005]);
    }

    #[test]
    fn scores_are_the_chains() {
        let result = RoundRecord {
            realised: [2, 2, 2, 12, 12, 12],
            baseline: [10, 0, 40, 0, 1_000_000, 1],
            ..Default::default()
        };
        // The forecast 1, 2, 3 loses 2 of ten units at 2, and 11 + 50 + 81 at 12.
        let forecast = &promise(5).forecast;
        let skills = [PPB / 10 * 8, 0, PPB / 100 * 95, 0, PPB - 142_000, 0];
        assert_eq!(score(forecast, &result), skills.iter().sum::<u64>() / 6);
    }
}
