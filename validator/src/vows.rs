//! Rows that this validator committed itself to, with the salts that hide them, until they are revealed; and the
//! public randomness of the round.

use anyhow::Context;
use based_primitives::{BlockNumber, Salt, Uid};
use codec::{Decode, Encode};
use rusqlite::{params, OptionalExtension};

use crate::store::Store;

/// Cycles after which a row is forgotten, revealed or not.
const KEPT_CYCLES: u32 = 1_000;

/// Table of the rows.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS vows (hash BLOB PRIMARY KEY, cycle INTEGER NOT NULL, weights BLOB NOT NULL,
        salt BLOB NOT NULL, block INTEGER);
    CREATE TABLE IF NOT EXISTS seeds (cycle INTEGER PRIMARY KEY, seed BLOB NOT NULL);
";

/// A row to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vow {
    /// Its hash: see [`based_primitives::weights_commitment`].
    pub hash: [u8; 32],
    /// Cycle of the commitment.
    pub cycle: u32,
    /// Weights by ascending uid.
    pub row: Vec<(Uid, u16)>,
    /// Salt.
    pub salt: Salt,
}

impl Store {
    /// Keeps a row and its salt, durably: to be called before the hash is sent.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn vow(&self, vow: &Vow) -> anyhow::Result<()> {
        let Vow {
            hash,
            cycle,
            row,
            salt,
        } = vow;
        // Without its row a commitment is worth less than nothing: this write reaches the disk before the next step.
        self.db.pragma_update(None, "synchronous", "FULL")?;
        let kept = self.db.execute(
            "INSERT INTO vows (hash, cycle, weights, salt) VALUES (?1, ?2, ?3, ?4)",
            params![hash, cycle, row.encode(), salt],
        );
        self.db.pragma_update(None, "synchronous", "NORMAL")?;
        kept?;
        self.db
            .execute("DELETE FROM vows WHERE cycle + ?2 < ?1", [*cycle, KEPT_CYCLES])?;
        Ok(())
    }

    /// Notes in which block and cycle the chain took a commitment.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn committed(&self, hash: &[u8; 32], cycle: u32, block: BlockNumber) -> anyhow::Result<()> {
        self.db.execute(
            "UPDATE vows SET cycle = ?2, block = ?3 WHERE hash = ?1",
            params![hash, cycle, block],
        )?;
        Ok(())
    }

    /// Keeps the public randomness of a cycle in place of older ones.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn keep_seed(&self, cycle: u32, seed: &[u8; 32]) -> anyhow::Result<()> {
        self.db.execute("DELETE FROM seeds WHERE cycle <> ?1", [cycle])?;
        self.db.execute(
            "INSERT OR REPLACE INTO seeds (cycle, seed) VALUES (?1, ?2)",
            params![cycle, seed],
        )?;
        Ok(())
    }

    /// The public randomness of a cycle, if it was kept.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn seed(&self, cycle: u32) -> anyhow::Result<Option<[u8; 32]>> {
        let mut rows = self
            .db
            .prepare_cached("SELECT seed FROM seeds WHERE cycle = ?1")?;
        Ok(rows.query_row([cycle], |row| row.get(0)).optional()?)
    }

    /// Whether the chain took a commitment in a cycle.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn has_committed(&self, cycle: u32) -> anyhow::Result<bool> {
        Ok(self
            .db
            .prepare_cached("SELECT 1 FROM vows WHERE cycle = ?1 AND block IS NOT NULL")?
            .exists([cycle])?)
    }

    /// The row of a hash, if this validator made it.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn vow_of(&self, hash: &[u8; 32]) -> anyhow::Result<Option<Vow>> {
        let found: Option<(u32, Vec<u8>, Salt)> = self
            .db
            .query_row(
                "SELECT cycle, weights, salt FROM vows WHERE hash = ?1",
                [hash],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((cycle, row, salt)) = found else {
            return Ok(None);
        };
        Ok(Some(Vow {
            hash: *hash,
            cycle,
            row: Decode::decode(&mut &row[..]).context("a row in the database is damaged")?,
            salt,
        }))
    }

    /// Notes that a row was revealed, and in which cycle.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn revealed(
        &mut self,
        hash: &[u8; 32],
        cycle: u32,
        block: BlockNumber,
        edges: usize,
    ) -> anyhow::Result<()> {
        let transaction = self.db.transaction()?;
        transaction.execute(
            "INSERT OR REPLACE INTO weights (round, block, edges) VALUES (?1, ?2, ?3)",
            params![cycle, block, edges as i64],
        )?;
        transaction.execute("DELETE FROM weights WHERE round + ?2 < ?1", [cycle, KEPT_CYCLES])?;
        // Salt and row are public now; that a commitment was made in its cycle stays.
        transaction.execute(
            "UPDATE vows SET weights = x'', salt = zeroblob(32) WHERE hash = ?1",
            [hash],
        )?;
        transaction.commit()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vow(byte: u8, cycle: u32) -> Vow {
        Vow {
            hash: [byte; 32],
            cycle,
            row: vec![(1, 2), (300, 65_535)],
            salt: [7; 32],
        }
    }

    #[test]
    fn rows_survive_a_restart_between_commitment_and_reveal() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.vow(&vow(1, 5)).unwrap();
        // Stopped before the chain answered: not counted as committed, but there to be revealed.
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert!(!store.has_committed(5).unwrap());
        assert_eq!(store.vow_of(&[1; 32]).unwrap(), Some(vow(1, 5)));
        assert_eq!(store.vow_of(&[2; 32]).unwrap(), None);
        // Taken by the first block of the next cycle.
        store.committed(&[1; 32], 6, 107).unwrap();
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert!(store.has_committed(6).unwrap() && !store.has_committed(5).unwrap());
        assert_eq!(store.vow_of(&[1; 32]).unwrap(), Some(vow(1, 6)));
    }

    #[test]
    fn what_was_revealed_is_noted_by_cycle() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        store.vow(&vow(1, 5)).unwrap();
        store.committed(&[1; 32], 5, 107).unwrap();
        store.revealed(&[1; 32], 8, 170, 2).unwrap();
        assert_eq!(store.totals().unwrap().weights, Some((8, 170)));
        assert!(store.has_committed(5).unwrap(), "the cycle has its commitment");
    }

    #[test]
    fn the_seed_of_a_round_survives_a_restart_and_not_the_round() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.keep_seed(5, &[1; 32]).unwrap();
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.seed(5).unwrap(), Some([1; 32]));
        store.keep_seed(6, &[2; 32]).unwrap();
        assert_eq!(
            (store.seed(5).unwrap(), store.seed(6).unwrap()),
            (None, Some([2; 32]))
        );
    }

    #[test]
    fn old_rows_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.vow(&vow(1, 5)).unwrap();
        store.vow(&vow(2, 1_005)).unwrap();
        assert!(store.vow_of(&[1; 32]).unwrap().is_some());
        store.vow(&vow(3, 1_006)).unwrap();
        assert!(store.vow_of(&[1; 32]).unwrap().is_none());
        assert!(store.vow(&vow(3, 1_006)).is_err(), "a hash is used once");
    }
}
