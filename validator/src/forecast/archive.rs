//! What finalized blocks said about the chain, in SQLite: buckets of metrics, realised figures and the forecasts that
//! peers revealed. Nothing in it is ever changed.
//!
//! It is a file of its own beside the validator's database: it holds public data alone, grows, is written while
//! canaries run, and may be copied to another machine or removed without touching salts.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{ensure, Context};
use based_client::chain::AccountId;
use based_primitives::{
    forecasts::{Figures, MetricsBucket, Quantiles, RevealedForecast, TargetHistory},
    BlockNumber,
};
use codec::{Decode, Encode};
use rusqlite::{params, Connection, OptionalExtension, Row};
use serde::{de::DeserializeOwned, Serialize};
use sp_core::H256;

/// Name of the file in the data directory.
pub const FILE: &str = "metrics.sqlite";
// Records are SCALE, as the chain gave them: no figure loses a digit.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS buckets (number INTEGER PRIMARY KEY, record BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS realised (cycle INTEGER PRIMARY KEY, figures BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS rounds (round INTEGER PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS revealed (round INTEGER NOT NULL, account BLOB NOT NULL, stake TEXT NOT NULL,
        accuracy INTEGER NOT NULL, quantiles BLOB NOT NULL, PRIMARY KEY (round, account));
";

/// The archive.
pub struct Archive {
    db: Connection,
}

/// Lengths by which the chain counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Tempo {
    /// Blocks of a cycle.
    pub cycle: BlockNumber,
    /// Blocks at the beginning of a cycle in which forecasts are revealed.
    pub reveal: BlockNumber,
}

/// Locks a shared archive.
pub fn locked(archive: &Mutex<Archive>) -> MutexGuard<'_, Archive> {
    archive.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Archive {
    /// Opens or makes the archive in a data directory.
    ///
    /// # Errors
    /// If the file cannot be opened or is no archive.
    pub fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(FILE);
        let db = Connection::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        db.busy_timeout(Duration::from_secs(10))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.execute_batch(SCHEMA)
            .with_context(|| format!("{} is not an archive of metrics; remove it", path.display()))?;
        Ok(Self { db })
    }

    /// Ties the archive to a chain, the first time, and to its lengths.
    ///
    /// # Errors
    /// If it holds another chain's records.
    pub fn bind(&self, genesis: H256, tempo: Tempo) -> anyhow::Result<()> {
        let known: Option<H256> = self.fact("genesis")?;
        ensure!(
            known.is_none_or(|known| known == genesis),
            "{FILE} in the data directory holds the metrics of another chain; remove it or give another --data-dir"
        );
        if known.is_none() {
            self.set_fact("genesis", &genesis)?;
        }
        if self.tempo()? != Some(tempo) {
            self.set_fact("tempo", &tempo)?;
        }
        Ok(())
    }

    /// The chain's lengths, once it was seen.
    ///
    /// # Errors
    /// On failures of the database; so for everything below.
    pub fn tempo(&self) -> anyhow::Result<Option<Tempo>> {
        self.fact("tempo")
    }

    /// A remembered fact.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn fact<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let text: Option<String> = self
            .db
            .prepare_cached("SELECT value FROM facts WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        text.map(|text| serde_json::from_str(&text))
            .transpose()
            .with_context(|| format!("the fact {name} in {FILE} is damaged; remove the file"))
    }

    /// Remembers a fact.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn set_fact<T: Serialize>(&self, name: &str, value: &T) -> anyhow::Result<()> {
        self.db.execute(
            "INSERT OR REPLACE INTO facts (name, value) VALUES (?1, ?2)",
            params![name, serde_json::to_string(value)?],
        )?;
        Ok(())
    }

    /// Number of the bucket from which on none is stored.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn next_bucket(&self) -> anyhow::Result<u32> {
        self.above("SELECT MAX(number) FROM buckets")
    }

    /// Cycle from which on no realised figures are stored.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn next_cycle(&self) -> anyhow::Result<u32> {
        self.above("SELECT MAX(cycle) FROM realised")
    }

    fn above(&self, query: &str) -> anyhow::Result<u32> {
        let highest: Option<u32> = self.db.query_row(query, [], |row| row.get(0))?;
        Ok(highest.map_or(0, |highest| highest.saturating_add(1)))
    }

    /// Stores finished buckets of finalized blocks; those known already are left as they are.
    ///
    /// # Errors
    /// On failures of the database; then none is stored.
    pub fn add_buckets(&mut self, buckets: &[MetricsBucket]) -> anyhow::Result<()> {
        let transaction = self.db.transaction()?;
        for bucket in buckets {
            transaction.execute(
                "INSERT OR IGNORE INTO buckets (number, record) VALUES (?1, ?2)",
                params![bucket.index, bucket.encode()],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Stores the realised figures of the newest cycles, the last of which is the one before `open`.
    ///
    /// # Errors
    /// On failures of the database; then none is stored.
    pub fn add_realised(&mut self, open: u32, history: &TargetHistory) -> anyhow::Result<()> {
        let transaction = self.db.transaction()?;
        let known = history.iter().map(Vec::len).min().unwrap_or(0);
        for back in 1..=known {
            let figure = |values: &Vec<i64>| values.get(values.len() - back).copied();
            let figures: Option<Vec<i64>> = history.iter().map(figure).collect();
            let figures: Option<Figures> = figures.and_then(|figures| figures.try_into().ok());
            let cycle = u32::try_from(back).ok().and_then(|back| open.checked_sub(back));
            let (Some(figures), Some(cycle)) = (figures, cycle) else {
                break;
            };
            transaction.execute(
                "INSERT OR IGNORE INTO realised (cycle, figures) VALUES (?1, ?2)",
                params![cycle, figures.encode()],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Stores all that was revealed of a round whose time for it is over.
    ///
    /// # Errors
    /// On failures of the database; then nothing is stored.
    pub fn add_round(&mut self, round: u32, forecasts: &[RevealedForecast<AccountId>]) -> anyhow::Result<()> {
        let transaction = self.db.transaction()?;
        transaction.execute("INSERT OR IGNORE INTO rounds (round) VALUES (?1)", [round])?;
        for forecast in forecasts {
            let account: &[u8; 32] = forecast.account.as_ref();
            transaction.execute(
                "INSERT OR IGNORE INTO revealed (round, account, stake, accuracy, quantiles)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    round,
                    account,
                    forecast.stake.to_string(),
                    i64::try_from(forecast.accuracy)?,
                    forecast.quantiles.encode()
                ],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Whether the forecasts of a round are stored, should there be any.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn knows_round(&self, round: u32) -> anyhow::Result<bool> {
        Ok(self
            .db
            .prepare_cached("SELECT 1 FROM rounds WHERE round = ?1")?
            .exists([round])?)
    }

    /// Buckets from a number on, ascending.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn buckets(&self, from: u32) -> anyhow::Result<Vec<MetricsBucket>> {
        let mut query = self
            .db
            .prepare_cached("SELECT record FROM buckets WHERE number >= ?1 ORDER BY number")?;
        let records = query.query_map([from], |row| decoded(row, 0))?;
        Ok(records.collect::<Result<_, _>>()?)
    }

    /// Number of buckets.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn size(&self) -> anyhow::Result<u32> {
        Ok(self
            .db
            .query_row("SELECT COUNT(*) FROM buckets", [], |row| row.get(0))?)
    }

    /// Missing buckets between stored ones: first and last of each gap.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn gaps(&self) -> anyhow::Result<Vec<(u32, u32)>> {
        let mut query = self.db.prepare_cached(
            "SELECT before + 1, number - 1 FROM
                (SELECT number, LAG(number) OVER (ORDER BY number) AS before FROM buckets)
             WHERE number > before + 1",
        )?;
        let gaps = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(gaps.collect::<Result<_, _>>()?)
    }

    /// Realised figures by cycle.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn realised(&self) -> anyhow::Result<BTreeMap<u32, Figures>> {
        let mut query = self.db.prepare_cached("SELECT cycle, figures FROM realised")?;
        let figures = query.query_map([], |row| Ok((row.get(0)?, decoded(row, 1)?)))?;
        Ok(figures.collect::<Result<_, _>>()?)
    }

    /// Forecasts that others than `own` revealed, by round.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn peers(&self, own: &AccountId) -> anyhow::Result<BTreeMap<u32, Vec<RevealedForecast<AccountId>>>> {
        let own: &[u8; 32] = own.as_ref();
        let mut query = self.db.prepare_cached(
            "SELECT round, account, stake, accuracy, quantiles FROM revealed WHERE account <> ?1
             ORDER BY round, account",
        )?;
        let mut rows = query.query([own])?;
        let mut rounds: BTreeMap<u32, Vec<RevealedForecast<AccountId>>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let account: [u8; 32] = row.get(1)?;
            let quantiles: Quantiles = decoded(row, 4)?;
            rounds.entry(row.get(0)?).or_default().push(RevealedForecast {
                account: account.into(),
                stake: row.get::<_, String>(2)?.parse()?,
                accuracy: u64::try_from(row.get::<_, i64>(3)?)?,
                quantiles,
            });
        }
        Ok(rounds)
    }
}

/// A SCALE record in a column.
fn decoded<T: Decode>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let bytes: Vec<u8> = row.get(column)?;
    T::decode(&mut &bytes[..]).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::series::sample;

    fn archive() -> (tempfile::TempDir, Archive) {
        let dir = tempfile::tempdir().unwrap();
        let archive = Archive::open(dir.path()).unwrap();
        (dir, archive)
    }

    #[test]
    fn reading_goes_on_where_it_was_and_repeats_nothing() {
        let (dir, mut archive) = archive();
        assert_eq!(archive.next_bucket().unwrap(), 0);
        let buckets: Vec<_> = (5..9).map(sample).collect();
        archive.add_buckets(&buckets[..2]).unwrap();
        assert_eq!(archive.next_bucket().unwrap(), 7);
        drop(archive);
        let mut archive = Archive::open(dir.path()).unwrap();
        let mut other = buckets.clone();
        other[0].transactions = 1_000_000;
        archive.add_buckets(&other).unwrap();
        assert_eq!(archive.buckets(0).unwrap(), buckets, "what was finalized stays");
        assert_eq!(archive.size().unwrap(), 4);
    }

    #[test]
    fn gaps_are_told() {
        let (_dir, mut archive) = archive();
        let buckets: Vec<_> = [3, 4, 8, 9, 11].map(sample).to_vec();
        archive.add_buckets(&buckets).unwrap();
        assert_eq!(archive.gaps().unwrap(), [(5, 7), (10, 10)]);
    }

    #[test]
    fn realised_figures_belong_to_the_cycles_before_the_open_one() {
        let (_dir, mut archive) = archive();
        archive.add_realised(0, &vec![vec![]; 6]).unwrap();
        assert_eq!(archive.next_cycle().unwrap(), 0);
        archive.add_realised(9, &vec![vec![6, 7, 8]; 6]).unwrap();
        archive.add_realised(10, &vec![vec![7, 8, 9]; 6]).unwrap();
        let realised = archive.realised().unwrap();
        assert_eq!(
            realised.into_iter().collect::<Vec<_>>(),
            [(6, [6; 6]), (7, [7; 6]), (8, [8; 6]), (9, [9; 6])]
        );
        assert_eq!(archive.next_cycle().unwrap(), 10);
    }

    #[test]
    fn forecasts_of_others_are_kept_by_round() {
        let (_dir, mut archive) = archive();
        let forecast = |account: u8| RevealedForecast {
            account: AccountId::new([account; 32]),
            stake: u128::from(u64::MAX) * 3,
            accuracy: 5,
            quantiles: [[i64::from(account), 2, 3]; 6],
        };
        assert!(!archive.knows_round(4).unwrap());
        archive.add_round(4, &[forecast(1), forecast(2)]).unwrap();
        archive.add_round(5, &[]).unwrap();
        assert!(archive.knows_round(4).unwrap() && archive.knows_round(5).unwrap());
        let peers = archive.peers(&AccountId::new([1; 32])).unwrap();
        assert_eq!(peers.into_iter().collect::<Vec<_>>(), [(4, vec![forecast(2)])]);
    }

    #[test]
    fn an_archive_serves_one_chain() {
        let (_dir, archive) = archive();
        let tempo = Tempo { cycle: 20, reveal: 5 };
        archive.bind(H256([1; 32]), tempo).unwrap();
        archive.bind(H256([1; 32]), tempo).unwrap();
        assert_eq!(archive.tempo().unwrap(), Some(tempo));
        let error = archive.bind(H256([2; 32]), tempo).unwrap_err().to_string();
        assert!(error.contains("another chain"), "{error}");
    }
}
