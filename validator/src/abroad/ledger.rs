//! What a validator remembers of miners of other Brains.

use based_primitives::{Balance, BrainId};
use rusqlite::{params, OptionalExtension};

use crate::{
    score::{Outcome, Standing},
    store::{settle, Account, Store},
};

/// Rounds after which a miner that was not asked again is forgotten.
const KEPT_ROUNDS: u32 = 256;

/// Table of the standings.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS abroad (brain INTEGER NOT NULL, account BLOB NOT NULL, correctness REAL NOT NULL,
        latency REAL, samples INTEGER NOT NULL, probed_at INTEGER NOT NULL, PRIMARY KEY (brain, account));
";

/// What is known of a miner of another Brain.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// Its Brain.
    pub brain: BrainId,
    /// Its account.
    pub account: Account,
    /// How it answered.
    pub standing: Standing,
}

impl Store {
    /// What is known of a miner of another Brain, and the round of its last canary.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn standing_abroad(
        &self,
        brain: BrainId,
        miner: &Account,
    ) -> anyhow::Result<(Standing, Option<u32>)> {
        let row = self
            .db
            .query_row(
                "SELECT correctness, latency, samples, probed_at FROM abroad WHERE brain = ?1 AND account = ?2",
                params![brain, miner],
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

    /// Notes how a canary to a miner of another Brain went and what it really cost; updates the miner's standing in
    /// the same transaction.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn finish_abroad(
        &mut self,
        probe: i64,
        round: u32,
        brain: BrainId,
        miner: &Account,
        outcome: Outcome,
        spent: Balance,
    ) -> anyhow::Result<Standing> {
        let (mut standing, _) = self.standing_abroad(brain, miner)?;
        standing.observe(outcome);
        let transaction = self.db.transaction()?;
        settle(&transaction, probe, outcome, spent)?;
        transaction.execute(
            "INSERT OR REPLACE INTO abroad (brain, account, correctness, latency, samples, probed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                brain,
                miner,
                standing.correctness,
                standing.latency,
                standing.samples,
                round
            ],
        )?;
        transaction.execute(
            "DELETE FROM abroad WHERE probed_at + ?2 < ?1",
            [round, KEPT_ROUNDS],
        )?;
        transaction.commit()?;
        Ok(standing)
    }

    /// Miners of other Brains that were asked in a round or later, the last first.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn asked_abroad(&self, since: u32) -> anyhow::Result<Vec<Foreign>> {
        let mut rows = self.db.prepare_cached(
            "SELECT brain, account, correctness, latency, samples FROM abroad WHERE probed_at >= ?1
             ORDER BY probed_at DESC, brain, account",
        )?;
        let found = rows.query_map([since], |row| {
            Ok(Foreign {
                brain: row.get(0)?,
                account: row.get(1)?,
                standing: Standing {
                    correctness: row.get(2)?,
                    latency: row.get(3)?,
                    samples: row.get(4)?,
                },
            })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standings_abroad_survive_a_restart_and_share_the_budget() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let mut ask = |round, brain, miner: u8, outcome| {
            let probe = store.begin(round, &[miner; 32], 10).unwrap();
            store
                .finish_abroad(probe, round, brain, &[miner; 32], outcome, 7)
                .unwrap()
        };
        // One account may mine in two Brains.
        let first = ask(4, 9, 1, Outcome::Pass(3.0));
        let second = ask(5, 8, 1, Outcome::Fail);
        assert_eq!((first.correctness, second.correctness), (1.0, 0.0));
        let third = ask(6, 9, 1, Outcome::Fail);
        assert_eq!((third.samples, third.latency), (2, Some(3.0)));
        drop(store);

        let mut store = Store::open(dir.path()).unwrap();
        assert_eq!(store.standing_abroad(9, &[1; 32]).unwrap(), (third, Some(6)));
        assert_eq!(
            store.standing_abroad(7, &[1; 32]).unwrap(),
            (Standing::default(), None)
        );
        assert_eq!(
            store.standing(&[1; 32]).unwrap().1,
            None,
            "the own Brain's are others"
        );
        assert_eq!((store.spent(4).unwrap(), store.spent(6).unwrap()), (7, 7));
        let brains = |since| {
            let asked = store.asked_abroad(since).unwrap();
            asked.iter().map(|miner| miner.brain).collect::<Vec<_>>()
        };
        assert_eq!((brains(0), brains(6), brains(7)), (vec![9, 8], vec![9], vec![]));
        let probe = store.begin(400, &[2; 32], 10).unwrap();
        store
            .finish_abroad(probe, 400, 9, &[2; 32], Outcome::Fail, 1)
            .unwrap();
        assert_eq!(
            store.asked_abroad(0).unwrap().len(),
            1,
            "who was not asked for long is forgotten"
        );
    }
}
