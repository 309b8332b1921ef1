//! Evaluation keys known by hash and account, and each account's quota of uploads.

use based_primitives::SpendingAccountId;
use rusqlite::{params, OptionalExtension};
use sp_core::H256;

use super::{account_column, account_value, hash_value, jobs::key_in_use, unix_now, Db, DbResult, JobState};

/// An evaluation key held for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// SHA-256 of the key.
    pub hash: H256,
    /// Spending account that uploaded it.
    pub account: SpendingAccountId,
    /// Size in bytes.
    pub size: u64,
}

/// Quota of an account: uploads within a window, each paid job of that window earning one more (F.4-2).
#[derive(Clone, Copy, Debug)]
pub struct UploadQuota {
    /// Uploads without any paid job.
    pub uploads: u64,
    /// Length of the window in seconds.
    pub window: i64,
}

impl Db {
    /// Whether the account uploaded this key; marks it as used now.
    pub fn touch_key(&self, hash: &H256, account: SpendingAccountId) -> DbResult<bool> {
        let touched = self.lock().execute(
            "UPDATE keys SET used = max(?3, (SELECT max(used) + 1 FROM keys)) WHERE hash = ?1 AND account = ?2",
            params![&hash.0[..], account_column(account), unix_now()],
        )?;
        Ok(touched > 0)
    }

    /// Counts an upload that begins, whatever becomes of it; `false` if the account's quota is used up.
    pub fn take_upload(&self, account: SpendingAccountId, quota: UploadQuota) -> DbResult<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let now = unix_now();
        let since = now.saturating_sub(quota.window);
        let account = account_column(account);
        transaction.execute("DELETE FROM key_uploads WHERE at < ?1", [since])?;
        let uploads: u64 = transaction.query_row(
            "SELECT count(*) FROM key_uploads WHERE account = ?1",
            [account],
            |row| row.get(0),
        )?;
        let paid: u64 = transaction.query_row(
            "SELECT count(*) FROM jobs WHERE account = ?1 AND state = ?2 AND changed >= ?3",
            params![account, JobState::Paid as u8, since],
            |row| row.get(0),
        )?;
        let allowed = uploads < quota.uploads.saturating_add(paid);
        if allowed {
            transaction.execute(
                "INSERT INTO key_uploads (account, at) VALUES (?1, ?2)",
                params![account, now],
            )?;
        }
        transaction.commit()?;
        Ok(allowed)
    }

    /// Records a stored key.
    pub fn insert_key(&self, key: &KeyRow) -> DbResult<()> {
        self.lock().execute(
            "INSERT OR REPLACE INTO keys (hash, account, size, used)
             VALUES (?1, ?2, ?3, max(?4, (SELECT coalesce(max(used), 0) + 1 FROM keys)))",
            params![&key.hash.0[..], account_column(key.account), key.size, unix_now()],
        )?;
        Ok(())
    }

    /// Forgets a key for all accounts.
    pub fn remove_key(&self, hash: &H256) -> DbResult<()> {
        self.lock()
            .execute("DELETE FROM keys WHERE hash = ?1", [&hash.0[..]])?;
        Ok(())
    }

    /// Every key, least recently used first.
    pub fn keys(&self) -> DbResult<Vec<KeyRow>> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT hash, account, size FROM keys ORDER BY used")?;
        let mut rows = statement.query([])?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next()? {
            keys.push(KeyRow {
                hash: hash_value("keys.hash", &row.get::<_, Vec<u8>>(0)?)?,
                account: account_value(row.get(1)?),
                size: row.get(2)?,
            });
        }
        Ok(keys)
    }

    /// Bytes of all stored keys.
    pub fn key_bytes(&self) -> DbResult<u64> {
        let bytes: Option<u64> = self
            .lock()
            .query_row(
                "SELECT sum(size) FROM (SELECT DISTINCT hash, size FROM keys)",
                [],
                |row| row.get(0),
            )
            .optional()?
            .flatten();
        Ok(bytes.unwrap_or_default())
    }

    /// Removes the least recently used key that no waiting job needs; `account` narrows the choice.
    pub fn evict_key(&self, account: Option<SpendingAccountId>) -> DbResult<Option<KeyRow>> {
        for key in self.keys()? {
            if account.is_some_and(|account| account != key.account) {
                continue;
            }
            let connection = self.lock();
            if !key_in_use(&connection, &key.hash)? {
                connection.execute("DELETE FROM keys WHERE hash = ?1", [&key.hash.0[..]])?;
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}
