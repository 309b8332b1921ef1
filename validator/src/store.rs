//! What a validator remembers across restarts, in SQLite: standings, canary results, spending, the deck of sentences.
//!
//! No sentence, answer or key is ever written.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::Context;
use based_primitives::{Balance, BlockNumber};
use rusqlite::{params, Connection, OptionalExtension};

use crate::{
    abroad,
    canary::Deck,
    forecast::promises,
    score::{Outcome, Standing},
    vows,
};

/// Account id in bytes.
pub type Account = [u8; 32];

/// Canary results kept; older ones go first.
const KEPT_PROBES: u32 = 10_000;
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS deck (id INTEGER PRIMARY KEY CHECK (id = 0), seed BLOB NOT NULL, drawn TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS miners (account BLOB PRIMARY KEY, correctness REAL NOT NULL, latency REAL,
        samples INTEGER NOT NULL, probed_at INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS probes (id INTEGER PRIMARY KEY, round INTEGER NOT NULL, account BLOB NOT NULL,
        result TEXT NOT NULL, seconds REAL, spent TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS probes_of_round ON probes (round);
    CREATE TABLE IF NOT EXISTS weights (round INTEGER PRIMARY KEY, block INTEGER NOT NULL, edges INTEGER NOT NULL);
";

/// The validator's database.
pub struct Store {
    pub(crate) db: Connection,
}

/// Totals for `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Totals {
    /// Canaries answered correctly.
    pub passed: u64,
    /// Canaries answered wrongly or not at all.
    pub failed: u64,
    /// Canaries that could not be judged because of this side: node down, no funds, interrupted.
    pub void: u64,
    /// Last cycle in which weights were revealed, and the block in which they were.
    pub weights: Option<(u32, BlockNumber)>,
}

impl Store {
    /// Opens or makes the database in a data directory.
    ///
    /// # Errors
    /// If the file cannot be opened or is no database of this program.
    pub fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join("validator.sqlite");
        let db = Connection::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        db.busy_timeout(Duration::from_secs(10))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.execute_batch(&[SCHEMA, vows::SCHEMA, abroad::SCHEMA, promises::SCHEMA].concat())
            .with_context(|| format!("{} is not a validator's database", path.display()))?;
        Ok(Self { db })
    }

    /// The deck of sentences, shuffled anew the first time.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn deck(&self) -> anyhow::Result<Deck> {
        let row: Option<([u8; 32], String)> = self
            .db
            .query_row("SELECT seed, drawn FROM deck", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((seed, drawn)) = row else {
            let deck = Deck::shuffle();
            self.keep_deck(&deck)?;
            return Ok(deck);
        };
        Ok(Deck::restore(seed, &serde_json::from_str::<Vec<u64>>(&drawn)?))
    }

    /// Keeps the deck's position; to be called before a drawn sentence is used.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn keep_deck(&self, deck: &Deck) -> anyhow::Result<()> {
        self.db.execute(
            "INSERT OR REPLACE INTO deck (id, seed, drawn) VALUES (0, ?1, ?2)",
            params![deck.seed(), serde_json::to_string(deck.drawn())?],
        )?;
        Ok(())
    }

    /// What is known of a miner, and the round of its last canary.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn standing(&self, miner: &Account) -> anyhow::Result<(Standing, Option<u32>)> {
        let row = self
            .db
            .query_row(
                "SELECT correctness, latency, samples, probed_at FROM miners WHERE account = ?1",
                [miner],
                |row| {
                    let standing = Standing {
                        correctness: row.get(0)?,
                        latency: row.get(1)?,
                        samples: row.get(2)?,
                    };
                    Ok((standing, Some(row.get(3)?)))
                },
            )
            .optional()?;
        Ok(row.unwrap_or_default())
    }

    /// Notes that a canary to `miner` begins and may cost `spent`, before anything is sent. Returns its number.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn begin(&self, round: u32, miner: &Account, spent: Balance) -> anyhow::Result<i64> {
        self.db.execute(
            "INSERT INTO probes (round, account, result, spent) VALUES (?1, ?2, 'void', ?3)",
            params![round, miner, spent.to_string()],
        )?;
        let id = self.db.last_insert_rowid();
        self.db
            .execute("DELETE FROM probes WHERE id <= ?1", [id - i64::from(KEPT_PROBES)])?;
        Ok(id)
    }

    /// Notes how a canary went and what it really cost; updates the miner's standing in the same transaction.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn finish(
        &mut self,
        probe: i64,
        round: u32,
        miner: &Account,
        outcome: Outcome,
        spent: Balance,
    ) -> anyhow::Result<Standing> {
        let (mut standing, _) = self.standing(miner)?;
        standing.observe(outcome);
        let transaction = self.db.transaction()?;
        settle(&transaction, probe, outcome, spent)?;
        transaction.execute(
            "INSERT OR REPLACE INTO miners (account, correctness, latency, samples, probed_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                miner,
                standing.correctness,
                standing.latency,
                standing.samples,
                round
            ],
        )?;
        transaction.commit()?;
        Ok(standing)
    }

    /// What canaries of a round have cost, in units of 10^-18 BASED.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn spent(&self, round: u32) -> anyhow::Result<Balance> {
        let mut rows = self
            .db
            .prepare_cached("SELECT spent FROM probes WHERE round = ?1")?;
        let costs = rows.query_map([round], |row| row.get::<_, String>(0))?;
        let mut sum: Balance = 0;
        for cost in costs {
            sum = sum.saturating_add(cost?.parse()?);
        }
        Ok(sum)
    }

    /// Canaries of a round that were judged, by miner.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn judged(&self, round: u32) -> anyhow::Result<HashMap<Account, u32>> {
        let mut rows = self.db.prepare_cached(
            "SELECT account, COUNT(*) FROM probes WHERE round = ?1 AND result != 'void' GROUP BY account",
        )?;
        let counts = rows.query_map([round], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(counts.collect::<Result<_, _>>()?)
    }

    /// Forgets miners that are not memorized any more, so that a returning account starts anew.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn retain_miners(&mut self, memorized: &[Account]) -> anyhow::Result<()> {
        let known: Vec<Account> = {
            let mut rows = self.db.prepare_cached("SELECT account FROM miners")?;
            let accounts = rows.query_map([], |row| row.get(0))?;
            accounts.collect::<Result<_, _>>()?
        };
        for gone in known.iter().filter(|account| !memorized.contains(account)) {
            self.db.execute("DELETE FROM miners WHERE account = ?1", [gone])?;
        }
        Ok(())
    }

    /// Totals for `status`.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn totals(&self) -> anyhow::Result<Totals> {
        let count = |result: &str| -> anyhow::Result<u64> {
            Ok(self
                .db
                .query_row("SELECT COUNT(*) FROM probes WHERE result = ?1", [result], |row| {
                    row.get(0)
                })?)
        };
        let weights = self
            .db
            .query_row(
                "SELECT round, block FROM weights ORDER BY round DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        Ok(Totals {
            passed: count("pass")?,
            failed: count("fail")?,
            void: count("void")?,
            weights,
        })
    }

    /// Gives disk back: keeps only the newest canary results and empties the write-ahead log.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn shrink(&self) -> anyhow::Result<()> {
        self.db.execute(
            "DELETE FROM probes WHERE id <= (SELECT COALESCE(MAX(id), 0) FROM probes) - ?1",
            [KEPT_PROBES / 20],
        )?;
        self.db
            .execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(())
    }
}

/// Notes how a canary went and what it really cost.
pub(crate) fn settle(db: &Connection, probe: i64, outcome: Outcome, spent: Balance) -> anyhow::Result<()> {
    let (result, seconds) = match outcome {
        Outcome::Pass(seconds) => ("pass", Some(seconds)),
        Outcome::Untimed => ("pass", None),
        Outcome::Fail => ("fail", None),
    };
    db.execute(
        "UPDATE probes SET result = ?2, seconds = ?3, spent = ?4 WHERE id = ?1",
        params![probe, result, seconds, spent.to_string()],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        (dir, store)
    }

    #[test]
    fn standings_and_the_deck_survive_a_restart() {
        let (dir, mut store) = store();
        let mut deck = store.deck().unwrap();
        let first = deck.draw(&mut rand::thread_rng()).unwrap();
        store.keep_deck(&deck).unwrap();
        let probe = store.begin(4, &[1; 32], 10).unwrap();
        let standing = store.finish(probe, 4, &[1; 32], Outcome::Pass(3.0), 7).unwrap();
        drop(store);

        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.standing(&[1; 32]).unwrap(), (standing, Some(4)));
        assert_eq!(store.standing(&[2; 32]).unwrap(), (Standing::default(), None));
        let kept = store.deck().unwrap();
        assert_eq!(kept, deck);
        assert!(!kept.drawn().iter().all(|n| *n == 0), "{first} would come again");
    }

    #[test]
    fn a_canary_counts_against_the_budget_from_its_beginning() {
        let (_dir, mut store) = store();
        let huge = u128::from(u64::MAX) * 4;
        store.begin(9, &[1; 32], huge).unwrap();
        assert_eq!(
            store.spent(9).unwrap(),
            huge,
            "an interrupted canary counts in full"
        );
        let probe = store.begin(9, &[2; 32], 100).unwrap();
        store.finish(probe, 9, &[2; 32], Outcome::Fail, 40).unwrap();
        assert_eq!(store.spent(9).unwrap(), huge + 40);
        assert_eq!(store.spent(10).unwrap(), 0);
        let totals = store.totals().unwrap();
        assert_eq!((totals.passed, totals.failed, totals.void), (0, 1, 1));
        assert_eq!(store.judged(9).unwrap(), HashMap::from([([2; 32], 1)]));
        assert_eq!(store.judged(10).unwrap(), HashMap::new());
    }

    #[test]
    fn a_miner_that_left_starts_anew() {
        let (_dir, mut store) = store();
        for miner in [[1; 32], [2; 32]] {
            let probe = store.begin(1, &miner, 1).unwrap();
            store.finish(probe, 1, &miner, Outcome::Pass(1.0), 1).unwrap();
        }
        store.retain_miners(&[[2; 32]]).unwrap();
        assert_eq!(store.standing(&[1; 32]).unwrap().1, None);
        assert_eq!(store.standing(&[2; 32]).unwrap().1, Some(1));
    }

    #[test]
    fn shrinking_keeps_standings() {
        let (_dir, mut store) = store();
        for round in 0..600 {
            let probe = store.begin(round, &[1; 32], 1).unwrap();
            store
                .finish(probe, round, &[1; 32], Outcome::Pass(1.0), 1)
                .unwrap();
        }
        store.shrink().unwrap();
        assert_eq!(store.totals().unwrap().passed, u64::from(KEPT_PROBES / 20));
        assert_eq!(store.standing(&[1; 32]).unwrap().0.samples, 600);
    }
}
