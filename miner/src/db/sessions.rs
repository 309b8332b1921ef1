//! Sessions of split mode: jobs that are paid set by set, and what of it was served.

use based_client::wire::JobTerms;
use based_primitives::{payments::SignedVoucher, Balance, JobId};
use rusqlite::{params, OptionalExtension};

use super::{
    account_column, amount_column, unix_now,
    vouchers::{record, PaymentError, ReservationSeen},
    Db, DbResult, JobState,
};

/// Where a session's job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Positions that cost the prompt's price.
    pub prompt: u32,
    /// Positions that are paid.
    pub paid: u32,
    /// Positions that were served.
    pub served: u32,
}

impl Db {
    /// The session of a job, once something was paid.
    pub fn session(&self, job: &JobId) -> DbResult<Option<SessionRow>> {
        let row = self.lock().query_row(
            "SELECT prompt, paid, served FROM sessions WHERE job = ?1",
            [&job[..]],
            |row| {
                Ok(SessionRow {
                    prompt: row.get(0)?,
                    paid: row.get(1)?,
                    served: row.get(2)?,
                })
            },
        );
        Ok(row.optional()?)
    }

    /// Records a voucher that pays `due` more for a session's job, which stands at `row` and `charged` then, in one
    /// transaction that is on disk when this returns.
    ///
    /// # Errors
    /// The state's; a refusal is the inner error.
    pub fn pay_session(
        &self,
        (signed, terms): (&SignedVoucher, &ReservationSeen),
        job: &JobTerms,
        row: SessionRow,
        (due, charged): (Balance, Balance),
    ) -> DbResult<Result<(), PaymentError>> {
        let voucher = &signed.voucher;
        if voucher.job != job.job || voucher.account != job.account {
            return Ok(Err(PaymentError::UnknownJob));
        }
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        if let Err(error) = record(&transaction, signed, terms, due)? {
            return Ok(Err(error));
        }
        transaction.execute(
            "INSERT INTO jobs (id, account, brain, task, key, input, price, state, sequence, paid, changed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,
                     (SELECT coalesce(max(sequence), 0) + 1 FROM jobs), ?9, ?10)
             ON CONFLICT (id) DO UPDATE SET key = excluded.key, price = excluded.price, paid = excluded.paid,
                 changed = excluded.changed",
            params![
                &job.job[..],
                account_column(job.account),
                job.brain,
                &job.task.0[..],
                &job.evaluation_key.0[..],
                &job.input.0[..],
                amount_column(charged),
                JobState::Paid as u8,
                amount_column(voucher.cumulative),
                unix_now(),
            ],
        )?;
        transaction.execute(
            "INSERT INTO sessions (job, prompt, paid, served) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (job) DO UPDATE SET paid = excluded.paid, served = excluded.served",
            params![&job.job[..], row.prompt, row.paid, row.served],
        )?;
        transaction.commit()?;
        Ok(Ok(()))
    }

    /// Notes what a session served, so that the rest can be had in another one.
    pub fn note_served(&self, job: &JobId, served: u32) -> DbResult<()> {
        self.lock().execute(
            "UPDATE sessions SET served = max(served, ?2) WHERE job = ?1",
            params![&job[..], served],
        )?;
        Ok(())
    }

    /// Stores the receipt of a session that was paid.
    pub fn close_session(&self, job: &JobId, receipt: &[u8], signature: &[u8]) -> DbResult<()> {
        self.lock().execute(
            "UPDATE jobs SET receipt = ?2, signature = ?3 WHERE id = ?1",
            params![&job[..], receipt, signature],
        )?;
        Ok(())
    }
}
