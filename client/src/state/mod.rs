//! What a client must not forget: promises made to miners, and jobs that are not finished.
//!
//! SQLite, readable by its owner only. A job's row is written before its first byte leaves, so that a (key, seed)
//! pair never encrypts twice (F.4-1) and a retry resends identical bytes; it holds the job's secret key and is
//! erased, contents included, when the answer is there. The text itself is never stored.

mod tables;
#[cfg(test)]
mod tests;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use based_primitives::{payments::SignedVoucher, Balance, BrainId, JobId, SpendingAccountId};
use codec::{Decode, Encode};
use rand::RngCore;
use rusqlite::{params, Connection, OptionalExtension, TransactionBehavior};
use sha2::{Digest, Sha256};
use sp_core::H256;
use zeroize::Zeroizing;

use crate::{chain::AccountId, files};
use tables::MIGRATIONS;

/// How long an unfinished job is kept: afterwards its seed expires (F.4-1).
pub const JOB_LIFETIME: Duration = Duration::from_secs(24 * 3_600);

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The database failed.
    #[error("client state: {0}")]
    Database(#[from] rusqlite::Error),
    /// The directory cannot be made.
    #[error("client state: {0}")]
    Io(#[from] std::io::Error),
    /// The tables were written by a later version.
    #[error("the client's state was written by a later version ({0}) of this program; update it")]
    Version(i64),
    /// A stored value cannot be read.
    #[error("client state: a stored {0} is damaged; move the file away to start afresh")]
    Damaged(&'static str),
}

/// The state.
#[derive(Debug)]
pub struct State {
    connection: Mutex<Connection>,
    dir: PathBuf,
}

/// While it is held, no other session of this state pays the miner from the account; the system frees it with its
/// holder, however that ends.
#[derive(Debug)]
pub struct PaymentLock {
    _file: File,
}

/// An unfinished job.
#[derive(Clone)]
pub struct Job {
    /// Identifier.
    pub id: JobId,
    /// Brain.
    pub brain: BrainId,
    /// Spending account that pays.
    pub account: SpendingAccountId,
    /// Miner.
    pub miner: AccountId,
    /// SHA-256 of the manifest.
    pub task: H256,
    /// Most that the client pays.
    pub max_price: Balance,
    /// Whether the miner has to commit to a trace.
    pub traced: bool,
    /// Secret key, serialised.
    pub secret_key: Zeroizing<Vec<u8>>,
    /// Evaluation key, serialised.
    pub evaluation_key: Vec<u8>,
    /// Input ciphertext.
    pub input: Vec<u8>,
    /// Signature of the job's header, SCALE encoded.
    pub signature: Vec<u8>,
    /// Voucher given for it, if any.
    pub voucher: Option<SignedVoucher>,
}

impl Job {
    /// To whom the job promises.
    pub fn payee(&self) -> Payee<'_> {
        Payee {
            job: self.id,
            account: self.account,
            miner: &self.miner,
        }
    }
}

/// Who is promised something, from which account and for which job.
#[derive(Clone, Copy, Debug)]
pub struct Payee<'a> {
    /// Job.
    pub job: JobId,
    /// Spending account that pays.
    pub account: SpendingAccountId,
    /// Miner.
    pub miner: &'a AccountId,
}

/// What is opened of a traced job: drawn once, when the miner had committed to all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Draw {
    /// Bootstraps that are computed again.
    pub count: u32,
    /// Seed that they are drawn from.
    pub seed: [u8; 32],
    /// SHA-256 of the output that the receipt names.
    pub output: H256,
    /// Root of the trace that it names.
    pub root: H256,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("id", &hex::encode(self.id))
            .finish_non_exhaustive()
    }
}

impl State {
    /// Opens `client.sqlite` in a directory, both made if missing.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open(dir: &Path) -> Result<Self, StateError> {
        files::create_private_dir(dir)?;
        let path = dir.join("client.sqlite");
        match files::create_private(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => Self::prepare(Connection::open(path)?, dir),
        }
    }

    fn prepare(mut connection: Connection, dir: &Path) -> Result<Self, StateError> {
        connection.busy_timeout(Duration::from_secs(30))?;
        connection.pragma_update(None, "journal_mode", "DELETE")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = transaction.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?;
        let applied = usize::try_from(found).map_err(|_| StateError::Version(found))?;
        if applied > MIGRATIONS.len() {
            return Err(StateError::Version(found));
        }
        for (before, sql) in MIGRATIONS.iter().enumerate().skip(applied) {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "user_version", before as i64 + 1)?;
        }
        let oldest = now() - JOB_LIFETIME.as_secs() as i64;
        transaction.execute("DELETE FROM jobs WHERE created < ?1", [oldest])?;
        transaction.commit()?;
        Ok(Self {
            connection: Mutex::new(connection),
            dir: dir.to_owned(),
        })
    }

    /// Locks payments from an account to a miner, whose vouchers name cumulative amounts: of two sessions at once, one
    /// would find its voucher overtaken. None if another session has the lock.
    ///
    /// # Errors
    /// [`StateError`] if the lock's file cannot be made.
    pub fn lock_payments(
        &self,
        genesis: &H256,
        account: SpendingAccountId,
        miner: &AccountId,
    ) -> Result<Option<PaymentLock>, StateError> {
        let chain = genesis
            .0
            .iter()
            .take(4)
            .fold(0u32, |all, byte| all << 8 | u32::from(*byte));
        let name = format!("{chain:08x}-{account}-{}", hex::encode(miner));
        let locks = self.dir.join("locks");
        files::create_private_dir(&locks)?;
        let path = locks.join(name);
        let file = match files::create_private(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => File::open(&path)?,
            made => made?,
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(PaymentLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// All that was promised to a miner from an account so far.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn promised(
        &self,
        genesis: &H256,
        account: SpendingAccountId,
        miner: &AccountId,
    ) -> Result<Balance, StateError> {
        promised(&self.lock(), genesis, account, miner)
    }

    /// Writes a job down before its first byte leaves.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn begin(&self, genesis: &H256, text: &str, job: &Job) -> Result<(), StateError> {
        let mut salt = [0u8; 32];
        rand::rngs::OsRng.fill_bytes(&mut salt);
        self.lock().execute(
            "INSERT INTO jobs (genesis, id, brain, account, miner, task, max_price, secret_key, evaluation_key, \
             input, signature, salt, text, created, traced) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            params![
                genesis.0.as_slice(),
                job.id.as_slice(),
                job.brain,
                job.account as i64,
                bytes(&job.miner),
                job.task.0.as_slice(),
                job.max_price.to_le_bytes().as_slice(),
                job.secret_key.as_slice(),
                job.evaluation_key,
                job.input,
                job.signature,
                salt.as_slice(),
                fingerprint(&salt, text).as_slice(),
                now(),
                job.traced,
            ],
        )?;
        Ok(())
    }

    /// The newest unfinished job of a Brain and task for the same text, paid by one of `accounts`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn unfinished(
        &self,
        genesis: &H256,
        brain: BrainId,
        task: &H256,
        text: &str,
        accounts: &[SpendingAccountId],
    ) -> Result<Option<Job>, StateError> {
        let connection = self.lock();
        let mut statement = connection.prepare(
            "SELECT id, account, salt, text FROM jobs WHERE genesis = ?1 AND brain = ?2 AND task = ?3 \
             ORDER BY created DESC, rowid DESC",
        )?;
        let rows = statement.query_map(params![genesis.0.as_slice(), brain, task.0.as_slice()], |row| {
            Ok((
                row.get::<_, Vec<u8>>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, Vec<u8>>(2)?,
                row.get::<_, Vec<u8>>(3)?,
            ))
        })?;
        for row in rows {
            let (id, account, salt, known) = row?;
            if accounts.contains(&(account as u64)) && fingerprint(&salt, text).as_slice() == known {
                return read_job(&connection, &id);
            }
        }
        Ok(None)
    }

    /// Raises what is promised to a job's miner by `amount`, and stores the voucher that `sign` makes of the cumulative
    /// amount, all or nothing. A stored job has one voucher, which is given again; others are promised to anew.
    ///
    /// `floor` is what the chain says was redeemed: the promise is never below it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn promise(
        &self,
        genesis: &H256,
        payee: &Payee<'_>,
        floor: Balance,
        amount: Balance,
        sign: impl FnOnce(Balance) -> SignedVoucher,
    ) -> Result<SignedVoucher, StateError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known: Option<Option<Vec<u8>>> = transaction
            .query_row(
                "SELECT voucher FROM jobs WHERE id = ?1",
                [payee.job.as_slice()],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(Some(voucher)) = known {
            return SignedVoucher::decode(&mut &voucher[..]).map_err(|_| StateError::Damaged("voucher"));
        }
        let before = promised(&transaction, genesis, payee.account, payee.miner)?.max(floor);
        let cumulative = before.checked_add(amount).ok_or(StateError::Damaged("promise"))?;
        let voucher = sign(cumulative);
        transaction.execute(
            "UPDATE jobs SET voucher = ?2 WHERE id = ?1",
            params![payee.job.as_slice(), voucher.encode()],
        )?;
        transaction.execute(
            "INSERT INTO promises (genesis, account, miner, cumulative) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (genesis, account, miner) DO UPDATE SET cumulative = excluded.cumulative",
            params![
                genesis.0.as_slice(),
                payee.account as i64,
                bytes(payee.miner),
                cumulative.to_le_bytes().as_slice()
            ],
        )?;
        transaction.commit()?;
        Ok(voucher)
    }

    /// What is opened of an unfinished job: what was stored before, else `new`, which is stored. A miner that hangs up when it
    /// learns what was drawn is asked for the same again, by another process, too.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn draw(&self, job: &JobId, new: Draw) -> Result<Draw, StateError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known: Option<Option<Vec<u8>>> = transaction
            .query_row("SELECT draw FROM jobs WHERE id = ?1", [job.as_slice()], |row| {
                row.get(0)
            })
            .optional()?;
        if let Some(Some(known)) = known {
            return Draw::decode(&mut &known[..]).map_err(|_| StateError::Damaged("draw"));
        }
        transaction.execute(
            "UPDATE jobs SET draw = ?2 WHERE id = ?1",
            params![job.as_slice(), new.encode()],
        )?;
        transaction.commit()?;
        Ok(new)
    }

    /// Whether it was drawn what is opened of a job.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn is_drawn(&self, job: &JobId) -> Result<bool, StateError> {
        let drawn = self.lock().query_row(
            "SELECT EXISTS (SELECT 1 FROM jobs WHERE id = ?1 AND draw IS NOT NULL)",
            [job.as_slice()],
            |row| row.get(0),
        )?;
        Ok(drawn)
    }

    /// Erases every unfinished job, for clients that never resume one. Promises stay.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn abandon_all(&self) -> Result<(), StateError> {
        self.lock().execute("DELETE FROM jobs", [])?;
        Ok(())
    }

    /// Erases a finished or abandoned job.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn finish(&self, job: &JobId) -> Result<(), StateError> {
        self.lock()
            .execute("DELETE FROM jobs WHERE id = ?1", [job.as_slice()])?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn promised(
    connection: &Connection,
    genesis: &H256,
    account: SpendingAccountId,
    miner: &AccountId,
) -> Result<Balance, StateError> {
    let stored: Option<Vec<u8>> = connection
        .query_row(
            "SELECT cumulative FROM promises WHERE genesis = ?1 AND account = ?2 AND miner = ?3",
            params![genesis.0.as_slice(), account as i64, bytes(miner)],
            |row| row.get(0),
        )
        .optional()?;
    stored.map_or(Ok(0), |stored| balance(&stored))
}

fn read_job(connection: &Connection, id: &[u8]) -> Result<Option<Job>, StateError> {
    type Row = (
        i64,
        i64,
        Vec<u8>,
        Vec<u8>,
        Vec<u8>,
        Vec<u8>,
        Vec<u8>,
        Vec<u8>,
        Vec<u8>,
        Option<Vec<u8>>,
        bool,
    );
    let row: Option<Row> = connection
        .query_row(
            "SELECT brain, account, miner, task, max_price, secret_key, evaluation_key, input, signature, voucher, \
             traced FROM jobs WHERE id = ?1",
            [id],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                    row.get(7)?,
                    row.get(8)?,
                    row.get(9)?,
                    row.get(10)?,
                ))
            },
        )
        .optional()?;
    let Some((
        brain,
        account,
        miner,
        task,
        max_price,
        secret_key,
        evaluation_key,
        input,
        signature,
        voucher,
        traced,
    )) = row
    else {
        return Ok(None);
    };
    let voucher = voucher
        .map(|voucher| SignedVoucher::decode(&mut &voucher[..]).map_err(|_| StateError::Damaged("voucher")))
        .transpose()?;
    Ok(Some(Job {
        id: array(id, "job")?,
        brain: brain.try_into().map_err(|_| StateError::Damaged("Brain"))?,
        account: account as u64,
        miner: AccountId::new(array(&miner, "miner")?),
        task: H256(array(&task, "task")?),
        max_price: balance(&max_price)?,
        traced,
        secret_key: Zeroizing::new(secret_key),
        evaluation_key,
        input,
        signature,
        voucher,
    }))
}

fn array<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], StateError> {
    bytes.try_into().map_err(|_| StateError::Damaged(what))
}

fn balance(bytes: &[u8]) -> Result<Balance, StateError> {
    array(bytes, "amount").map(Balance::from_le_bytes)
}

fn bytes(account: &AccountId) -> &[u8] {
    account.as_ref()
}

/// By which a rerun with the same text is known, without the text.
fn fingerprint(salt: &[u8], text: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(text.as_bytes())
        .finalize()
        .into()
}

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs() as i64)
}
