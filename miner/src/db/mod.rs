//! State on disk: jobs, evaluation keys, vouchers and reservations seen, in one SQLite file.
//!
//! Write-ahead logging with full synchronisation: what a method returned `Ok` for survives a crash.

mod jobs;
mod keys;
mod sessions;
mod vouchers;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use based_primitives::BlockNumber;
use rusqlite::{params, Connection, OptionalExtension};
use sp_core::H256;
use sp_runtime::AccountId32;

pub use jobs::{Admission, AdmissionLimits, Job, JobState, NewJob, Refusal};
pub use keys::{KeyRow, UploadQuota};
pub use sessions::SessionRow;
pub use vouchers::{Payment, PaymentError, ReservationSeen, VoucherRow, VoucherState};

/// The state's file name in the data directory.
pub const STATE_FILE: &str = "miner.sqlite";
/// Seconds that a statement waits for another process (`status` reads while `run` writes).
const BUSY: std::time::Duration = std::time::Duration::from_secs(5);

/// One entry for each version of the schema; the file's `user_version` counts those applied.
const MIGRATIONS: [&str; 3] = [
    r"
    CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE jobs (
        id BLOB PRIMARY KEY,
        account INTEGER NOT NULL,
        brain INTEGER NOT NULL,
        task BLOB NOT NULL,
        key BLOB NOT NULL,
        input BLOB NOT NULL,
        price BLOB NOT NULL,
        state INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        receipt BLOB,
        signature BLOB,
        paid BLOB,
        reason TEXT,
        changed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX jobs_by_account ON jobs (account, state);
    CREATE INDEX jobs_by_state ON jobs (state, sequence);
    CREATE TABLE ciphertexts (
        job BLOB PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
        input BLOB,
        output BLOB
    ) STRICT;
    CREATE TABLE keys (
        hash BLOB NOT NULL,
        account INTEGER NOT NULL,
        size INTEGER NOT NULL,
        used INTEGER NOT NULL,
        PRIMARY KEY (hash, account)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE key_uploads (account INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE INDEX key_uploads_by_account ON key_uploads (account, at);
    CREATE TABLE vouchers (
        account INTEGER PRIMARY KEY,
        cumulative BLOB NOT NULL,
        redeemed BLOB NOT NULL,
        bytes BLOB NOT NULL,
        deadline INTEGER NOT NULL,
        state INTEGER NOT NULL,
        submitted INTEGER
    ) STRICT;
    CREATE TABLE reservations (
        account INTEGER PRIMARY KEY,
        spender BLOB NOT NULL,
        reserved BLOB NOT NULL,
        redeemed BLOB NOT NULL,
        until INTEGER NOT NULL
    ) STRICT;
",
    r"
    CREATE TABLE sessions (
        job BLOB PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
        prompt INTEGER NOT NULL,
        paid INTEGER NOT NULL,
        served INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "ALTER TABLE jobs ADD COLUMN traced INTEGER NOT NULL DEFAULT 0;",
];

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// SQLite failed.
    #[error("state file: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A newer program wrote the file.
    #[error("the state file has version {found} and this program knows {known}; use the newer program")]
    Newer {
        /// Version in the file.
        found: usize,
        /// Newest version known.
        known: usize,
    },
    /// The file belongs to another chain, account or Brain.
    #[error(
        "this data directory belongs to another {0}; choose another --data-dir, or move this one away if that \
         network is gone"
    )]
    Foreign(&'static str),
    /// A stored value cannot be read.
    #[error("state file: column {0} cannot be read; restore the file from a copy")]
    Corrupt(&'static str),
    /// The thread that ran the statement died.
    #[error("state file: a statement was interrupted")]
    Interrupted,
}

/// Result of the state's operations.
pub type DbResult<T> = Result<T, DbError>;

/// The state; clones share one connection.
#[derive(Clone)]
pub struct Db {
    connection: Arc<Mutex<Connection>>,
}

impl Db {
    /// Opens or creates the state in `dir` and brings it to the newest version.
    ///
    /// # Errors
    /// If the file cannot be opened or comes from a newer program.
    pub fn open(dir: &Path) -> DbResult<Self> {
        let mut connection = Connection::open(dir.join(STATE_FILE))?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
        migrate(&mut connection)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Binds the state to a chain, a miner and a Brain at the first call and checks them at later ones.
    ///
    /// # Errors
    /// [`DbError::Foreign`] if the state was bound to others.
    pub fn bind(&self, genesis: &H256, miner: &AccountId32, brain: u16) -> DbResult<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let values: [(&'static str, Vec<u8>); 3] = [
            ("chain", genesis.0.to_vec()),
            ("miner account", AsRef::<[u8; 32]>::as_ref(miner).to_vec()),
            ("Brain", brain.to_le_bytes().to_vec()),
        ];
        for (name, value) in values {
            let known: Option<Vec<u8>> = transaction
                .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
                .optional()?;
            match known {
                Some(known) if known == value => {}
                Some(_) => return Err(DbError::Foreign(name)),
                None => {
                    transaction.execute(
                        "INSERT INTO meta (name, value) VALUES (?1, ?2)",
                        params![name, value],
                    )?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Raises the greatest height seen of the chain to `head`, and gives it.
    pub fn raise_head(&self, head: BlockNumber) -> DbResult<BlockNumber> {
        let connection = self.lock();
        connection.execute(
            "INSERT INTO meta (name, value) VALUES ('head', ?1)
             ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            [head.to_be_bytes().to_vec()],
        )?;
        let bytes: Vec<u8> =
            connection.query_row("SELECT value FROM meta WHERE name = 'head'", [], |row| row.get(0))?;
        bytes
            .try_into()
            .map(BlockNumber::from_be_bytes)
            .map_err(|_| DbError::Corrupt("meta.head"))
    }

    /// Runs a statement off the asynchronous threads.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> DbResult<T> + Send + 'static,
    ) -> DbResult<T> {
        let db = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&db)).await;
        done.unwrap_or(Err(DbError::Interrupted))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock is held leaves at most an open transaction, which its drop rolled back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn migrate(connection: &mut Connection) -> DbResult<()> {
    let found: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > MIGRATIONS.len() {
        return Err(DbError::Newer {
            found,
            known: MIGRATIONS.len(),
        });
    }
    for (version, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Seconds since the epoch.
pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// SQLite's integers are signed: account numbers keep their bits.
fn account_column(account: u64) -> i64 {
    i64::from_ne_bytes(account.to_ne_bytes())
}

fn account_value(column: i64) -> u64 {
    u64::from_ne_bytes(column.to_ne_bytes())
}

fn amount_column(amount: u128) -> Vec<u8> {
    amount.to_be_bytes().to_vec()
}

fn amount_value(column: &'static str, bytes: &[u8]) -> DbResult<u128> {
    bytes
        .try_into()
        .map(u128::from_be_bytes)
        .map_err(|_| DbError::Corrupt(column))
}

fn hash_value(column: &'static str, bytes: &[u8]) -> DbResult<H256> {
    bytes.try_into().map(H256).map_err(|_| DbError::Corrupt(column))
}
