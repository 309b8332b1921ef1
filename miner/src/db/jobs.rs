//! Jobs: admission, progress through their states, ciphertexts, pruning.

use based_client::wire::JobTerms;
use based_primitives::{Balance, BrainId, JobId, SpendingAccountId};
use rusqlite::{params, Connection, OptionalExtension, Row};
use sp_core::H256;

use super::{
    account_column, account_value, amount_column, amount_value, hash_value, unix_now, Db, DbError, DbResult,
};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Waits for its turn, or was interrupted by a stop of the process.
    Queued = 0,
    /// Is being evaluated.
    Running = 1,
    /// Has an output that awaits its voucher.
    Done = 2,
    /// Was paid; the output can be collected again for a while.
    Paid = 3,
    /// Could not be evaluated; costs nothing.
    Failed = 4,
    /// Its output was not collected in time; costs nothing.
    Expired = 5,
}

impl JobState {
    /// Every state, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Done,
        Self::Paid,
        Self::Failed,
        Self::Expired,
    ];

    /// Name in metrics and `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

/// A job as stored, without its ciphertexts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Identifier drawn by the client.
    pub id: JobId,
    /// Spending account that pays.
    pub account: SpendingAccountId,
    /// Brain.
    pub brain: BrainId,
    /// Hash of the manifest that is run.
    pub task: H256,
    /// Hash of the evaluation key.
    pub key: H256,
    /// Hash of the input ciphertext.
    pub input: H256,
    /// Price agreed at admission.
    pub price: Balance,
    /// Where it stands.
    pub state: JobState,
    /// SCALE encoding of the receipt and its signature, once evaluated.
    pub receipt: Option<(Vec<u8>, Vec<u8>)>,
    /// Cumulative amount of the voucher that paid it.
    pub paid: Option<Balance>,
    /// Why it failed, for its client.
    pub reason: Option<String>,
    /// Whether its receipt commits to a trace.
    pub traced: bool,
}

impl Job {
    /// Whether these are the terms under which the job was admitted.
    pub fn has_terms(&self, terms: &JobTerms) -> bool {
        self.account == terms.account
            && self.brain == terms.brain
            && self.task == terms.task
            && self.key == terms.evaluation_key
            && self.input == terms.input
            && self.traced == terms.traced
    }
}

/// A job to be admitted.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Signed terms.
    pub terms: JobTerms,
    /// Price by the Brain's list, and by whether the job is traced.
    pub price: Balance,
    /// Input ciphertext.
    pub bytes: Vec<u8>,
}

/// Limits that admission enforces.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionLimits {
    /// Jobs that may wait or run, all accounts together.
    pub queue: u32,
    /// Traced jobs that may wait or run, beside the traces that are kept.
    pub traces: u32,
    /// Amount reserved on chain by the account for this miner.
    pub reserved: Balance,
    /// Amount already redeemed from that reservation.
    pub redeemed: Balance,
}

/// Outcome of an admission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Stored and to be evaluated.
    New(Job),
    /// Known already with the same terms.
    Known(Job),
}

/// Why a job is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Other terms under a known id.
    #[error("a job with this id and other contents exists; draw a new id")]
    OtherContents,
    /// The queue is full.
    #[error("the queue is full ({0} jobs); try again later or ask another miner")]
    QueueFull(u32),
    /// No more traces can be kept.
    #[error("the miner keeps as many traces as it can; ask again later, or without an audit")]
    Traces,
    /// The account has a job that is not paid.
    #[error("job {0} of this spending account is not paid yet; collect it with a voucher first")]
    Unpaid(String),
    /// The reservation does not cover the price.
    #[error(
        "the reservation of {reserved} does not cover {needed} (in units of 10^-18 BASED); reserve more for this miner"
    )]
    Reservation {
        /// Reserved on chain.
        reserved: Balance,
        /// Vouchers given and this price.
        needed: Balance,
    },
}

const COLUMNS: &str =
    "id, account, brain, task, key, input, price, state, receipt, signature, paid, reason, traced";

impl Db {
    /// Admits a job, or finds it; the whole decision is one transaction.
    ///
    /// One unpaid job per account bounds what the miner can lose to one price (F.3-3).
    ///
    /// # Errors
    /// The state's; a refusal is the inner error.
    pub fn admit(&self, job: NewJob, limits: AdmissionLimits) -> DbResult<Result<Admission, Refusal>> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        if let Some(known) = find(&transaction, &job.terms.job)? {
            if !known.has_terms(&job.terms) {
                return Ok(Err(Refusal::OtherContents));
            }
            if !matches!(known.state, JobState::Failed | JobState::Expired) {
                return Ok(Ok(Admission::Known(known)));
            }
        }
        if let Some(refusal) = refuse(&transaction, &job, limits)? {
            return Ok(Err(refusal));
        }
        let terms = &job.terms;
        transaction.execute("DELETE FROM jobs WHERE id = ?1", [&terms.job[..]])?;
        transaction.execute(
            "INSERT INTO jobs (id, account, brain, task, key, input, price, state, sequence, changed, traced)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,
                     (SELECT coalesce(max(sequence), 0) + 1 FROM jobs), ?9, ?10)",
            params![
                &terms.job[..],
                account_column(terms.account),
                terms.brain,
                &terms.task.0[..],
                &terms.evaluation_key.0[..],
                &terms.input.0[..],
                amount_column(job.price),
                JobState::Queued as u8,
                unix_now(),
                terms.traced,
            ],
        )?;
        transaction.execute(
            "INSERT INTO ciphertexts (job, input) VALUES (?1, ?2)",
            params![&terms.job[..], job.bytes],
        )?;
        let stored = find(&transaction, &terms.job)?.ok_or(DbError::Corrupt("jobs.id"))?;
        transaction.commit()?;
        Ok(Ok(Admission::New(stored)))
    }

    /// One job.
    pub fn job(&self, id: &JobId) -> DbResult<Option<Job>> {
        find(&self.lock(), id)
    }

    /// Jobs to evaluate in their order, those interrupted by a stop included.
    pub fn resumable(&self) -> DbResult<Vec<Job>> {
        let connection = self.lock();
        connection.execute(
            "UPDATE jobs SET state = ?1 WHERE state = ?2",
            params![JobState::Queued as u8, JobState::Running as u8],
        )?;
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE state = ?1 ORDER BY sequence");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([JobState::Queued as u8])?;
        let mut jobs = Vec::new();
        while let Some(row) = rows.next()? {
            jobs.push(read(row)?);
        }
        Ok(jobs)
    }

    /// Marks a job as being evaluated and gives its input.
    pub fn start(&self, id: &JobId) -> DbResult<Option<Vec<u8>>> {
        let connection = self.lock();
        set_state(&connection, id, JobState::Running, None)?;
        let input = connection
            .query_row("SELECT input FROM ciphertexts WHERE job = ?1", [&id[..]], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(input.flatten())
    }

    /// Puts a job whose evaluation was interrupted back into the queue.
    pub fn interrupt(&self, id: &JobId) -> DbResult<()> {
        set_state(&self.lock(), id, JobState::Queued, None)
    }

    /// Stores a job's output and receipt; its input is no longer kept.
    pub fn finish(&self, id: &JobId, output: &[u8], receipt: &[u8], signature: &[u8]) -> DbResult<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute(
            "UPDATE ciphertexts SET input = NULL, output = ?2 WHERE job = ?1",
            params![&id[..], output],
        )?;
        transaction.execute(
            "UPDATE jobs SET receipt = ?2, signature = ?3 WHERE id = ?1",
            params![&id[..], receipt, signature],
        )?;
        set_state(&transaction, id, JobState::Done, None)?;
        transaction.commit()?;
        Ok(())
    }

    /// Marks a job as failed; it costs nothing and may be submitted again.
    pub fn fail(&self, id: &JobId, reason: &str) -> DbResult<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM ciphertexts WHERE job = ?1", [&id[..]])?;
        set_state(&transaction, id, JobState::Failed, Some(reason))?;
        transaction.commit()?;
        Ok(())
    }

    /// Output of a job, if it is kept.
    pub fn output(&self, id: &JobId) -> DbResult<Option<Vec<u8>>> {
        let output = self
            .lock()
            .query_row(
                "SELECT output FROM ciphertexts WHERE job = ?1",
                [&id[..]],
                |row| row.get(0),
            )
            .optional()?;
        Ok(output.flatten())
    }

    /// Jobs by state.
    pub fn job_counts(&self) -> DbResult<Vec<(JobState, u64)>> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT count(*) FROM jobs WHERE state = ?1")?;
        let mut counts = Vec::with_capacity(JobState::ALL.len());
        for state in JobState::ALL {
            counts.push((state, statement.query_row([state as u8], |row| row.get(0))?));
        }
        Ok(counts)
    }

    /// Whether the job of an unfinished evaluation needs the key.
    pub fn key_in_use(&self, hash: &H256) -> DbResult<bool> {
        key_in_use(&self.lock(), hash)
    }

    /// Jobs whose traces have served, of those that ended within `kept` seconds: the account's own, others paid more
    /// than `open` seconds ago, and those that were not paid in time.
    pub fn served_traces(&self, account: SpendingAccountId, open: i64, kept: i64) -> DbResult<Vec<JobId>> {
        let connection = self.lock();
        let now = unix_now();
        let mut statement = connection.prepare(
            "SELECT id FROM jobs
             WHERE traced = 1 AND changed >= ?2
               AND ((state = ?1 AND (account = ?3 OR changed < ?4)) OR state = ?5)",
        )?;
        let mut rows = statement.query(params![
            JobState::Paid as u8,
            now.saturating_sub(kept),
            account_column(account),
            now.saturating_sub(open),
            JobState::Expired as u8
        ])?;
        let mut jobs: Vec<JobId> = Vec::new();
        while let Some(row) = rows.next()? {
            let id: Vec<u8> = row.get(0)?;
            jobs.push(id.try_into().map_err(|_| DbError::Corrupt("jobs.id"))?);
        }
        Ok(jobs)
    }

    /// Forgets outputs that nobody collected within `unpaid` seconds, or `unpaid_traced` if their jobs are traced, paid
    /// outputs after `paid` seconds, and jobs that ended more than `finished` seconds ago. Returns how many expired
    /// unpaid.
    pub fn prune(&self, unpaid: i64, unpaid_traced: i64, paid: i64, finished: i64) -> DbResult<u64> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let now = unix_now();
        let expired = transaction.execute(
            "UPDATE jobs SET state = ?1, receipt = NULL, signature = NULL, changed = ?5
             WHERE state = ?2 AND changed < CASE traced WHEN 1 THEN ?4 ELSE ?3 END",
            params![
                JobState::Expired as u8,
                JobState::Done as u8,
                now.saturating_sub(unpaid),
                now.saturating_sub(unpaid_traced),
                now
            ],
        )?;
        transaction.execute(
            "DELETE FROM ciphertexts WHERE job IN (
                SELECT id FROM jobs WHERE state = ?1 OR (state = ?2 AND changed < ?3))",
            params![
                JobState::Expired as u8,
                JobState::Paid as u8,
                now.saturating_sub(paid)
            ],
        )?;
        transaction.execute(
            "DELETE FROM jobs WHERE state IN (?1, ?2, ?3) AND changed < ?4",
            params![
                JobState::Expired as u8,
                JobState::Paid as u8,
                JobState::Failed as u8,
                now.saturating_sub(finished)
            ],
        )?;
        transaction.commit()?;
        connection.pragma_query(None, "incremental_vacuum", |_| Ok(()))?;
        Ok(expired as u64)
    }
}

fn refuse(connection: &Connection, job: &NewJob, limits: AdmissionLimits) -> DbResult<Option<Refusal>> {
    let account = account_column(job.terms.account);
    let unpaid: Option<Vec<u8>> = connection
        .query_row(
            "SELECT id FROM jobs WHERE account = ?1 AND state IN (?2, ?3, ?4) LIMIT 1",
            params![
                account,
                JobState::Queued as u8,
                JobState::Running as u8,
                JobState::Done as u8
            ],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(id) = unpaid {
        return Ok(Some(Refusal::Unpaid(hex::encode(id))));
    }
    let waiting: u32 = connection.query_row(
        "SELECT count(*) FROM jobs WHERE state IN (?1, ?2)",
        [JobState::Queued as u8, JobState::Running as u8],
        |row| row.get(0),
    )?;
    if waiting >= limits.queue {
        return Ok(Some(Refusal::QueueFull(limits.queue)));
    }
    if job.terms.traced && traced(connection)? >= limits.traces {
        return Ok(Some(Refusal::Traces));
    }
    let promised = super::vouchers::cumulative(connection, job.terms.account)?.max(limits.redeemed);
    match promised.checked_add(job.price) {
        Some(needed) if needed <= limits.reserved => Ok(None),
        beyond => Ok(Some(Refusal::Reservation {
            reserved: limits.reserved,
            needed: beyond.unwrap_or(Balance::MAX),
        })),
    }
}

/// Traced jobs that wait or run.
fn traced(connection: &Connection) -> DbResult<u32> {
    let count = connection.query_row(
        "SELECT count(*) FROM jobs WHERE traced = 1 AND state IN (?1, ?2)",
        [JobState::Queued as u8, JobState::Running as u8],
        |row| row.get(0),
    )?;
    Ok(count)
}

pub(super) fn key_in_use(connection: &Connection, hash: &H256) -> DbResult<bool> {
    let used = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM jobs WHERE key = ?1 AND state IN (?2, ?3))",
        params![&hash.0[..], JobState::Queued as u8, JobState::Running as u8],
        |row| row.get(0),
    )?;
    Ok(used)
}

pub(super) fn set_state(
    connection: &Connection,
    id: &JobId,
    state: JobState,
    reason: Option<&str>,
) -> DbResult<()> {
    connection.execute(
        "UPDATE jobs SET state = ?2, reason = ?3, changed = ?4 WHERE id = ?1",
        params![&id[..], state as u8, reason, unix_now()],
    )?;
    Ok(())
}

pub(super) fn find(connection: &Connection, id: &JobId) -> DbResult<Option<Job>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([&id[..]])?;
    let job = rows.next()?.map(read).transpose()?;
    Ok(job)
}

fn read(row: &Row<'_>) -> DbResult<Job> {
    let id: Vec<u8> = row.get(0)?;
    let state: u8 = row.get(7)?;
    let paid: Option<Vec<u8>> = row.get(10)?;
    let receipt: Option<Vec<u8>> = row.get(8)?;
    let signature: Option<Vec<u8>> = row.get(9)?;
    Ok(Job {
        id: id.try_into().map_err(|_| DbError::Corrupt("jobs.id"))?,
        account: account_value(row.get(1)?),
        brain: row.get(2)?,
        task: hash_value("jobs.task", &row.get::<_, Vec<u8>>(3)?)?,
        key: hash_value("jobs.key", &row.get::<_, Vec<u8>>(4)?)?,
        input: hash_value("jobs.input", &row.get::<_, Vec<u8>>(5)?)?,
        price: amount_value("jobs.price", &row.get::<_, Vec<u8>>(6)?)?,
        state: JobState::ALL
            .get(usize::from(state))
            .copied()
            .ok_or(DbError::Corrupt("jobs.state"))?,
        receipt: receipt.zip(signature),
        paid: paid.map(|bytes| amount_value("jobs.paid", &bytes)).transpose()?,
        reason: row.get(11)?,
        traced: row.get(12)?,
    })
}
