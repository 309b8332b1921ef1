//! The newest voucher of each spending account, and what was last seen of its reservation.

use based_primitives::{payments::SignedVoucher, Balance, BlockNumber, SpendingAccountId};
use codec::{DecodeAll, Encode};
use rusqlite::{params, Connection, OptionalExtension};
use sp_runtime::AccountId32;

use super::{
    account_column, amount_column, amount_value,
    jobs::{find, set_state},
    Db, DbError, DbResult, JobState,
};

/// Where a voucher stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoucherState {
    /// Not known to be paid in a finalized block.
    Open = 0,
    /// Paid in a finalized block.
    Settled = 1,
    /// Can no longer be redeemed: it expired or the account is gone.
    Lost = 2,
}

/// The newest voucher of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherRow {
    /// The voucher.
    pub signed: SignedVoucher,
    /// Where it stands.
    pub state: VoucherState,
    /// What finalized blocks paid from the account to this miner.
    pub redeemed: Balance,
    /// Last block in which it can be redeemed, by its own expiry and its account's.
    pub deadline: BlockNumber,
    /// Block at which it was last submitted for redemption.
    pub submitted: Option<BlockNumber>,
}

/// What was last read from the chain about an account and its reservation for this miner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationSeen {
    /// Key that signs vouchers.
    pub spender: AccountId32,
    /// Reserved in all.
    pub reserved: Balance,
    /// Redeemed so far.
    pub redeemed: Balance,
    /// Last block in which the account pays.
    pub until: BlockNumber,
}

/// Outcome of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payment {
    /// Recorded now.
    New,
    /// Recorded before by the same voucher.
    Repeated,
}

/// Why a voucher does not pay for its job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// No such job of this account.
    #[error("no job with this id belongs to the spending account")]
    UnknownJob,
    /// The job has no output.
    #[error("the job has no result: it is {0}")]
    NoResult(&'static str),
    /// The amount does not cover what was promised before and the price.
    #[error(
        "the voucher's cumulative amount is {got} and must be at least {needed} (in units of 10^-18 BASED)"
    )]
    TooLittle {
        /// Amount of the voucher.
        got: Balance,
        /// Amount before and the price of the job.
        needed: Balance,
    },
    /// The job was paid by another voucher.
    #[error("the job was paid by another voucher, of {0} (in units of 10^-18 BASED); send that one")]
    OtherVoucher(Balance),
}

/// All that the account promised so far by vouchers to this miner.
pub(super) fn cumulative(connection: &Connection, account: SpendingAccountId) -> DbResult<Balance> {
    let known: Option<Vec<u8>> = connection
        .query_row(
            "SELECT cumulative FROM vouchers WHERE account = ?1",
            [account_column(account)],
            |row| row.get(0),
        )
        .optional()?;
    known.map_or(Ok(0), |bytes| amount_value("vouchers.cumulative", &bytes))
}

/// Records an account's newest voucher, if it covers what was promised before and `price`.
pub(super) fn record(
    connection: &Connection,
    signed: &SignedVoucher,
    terms: &ReservationSeen,
    price: Balance,
) -> DbResult<Result<(), PaymentError>> {
    let voucher = &signed.voucher;
    let promised = cumulative(connection, voucher.account)?.max(terms.redeemed);
    let needed = promised.checked_add(price);
    if needed.is_none_or(|needed| voucher.cumulative < needed) {
        return Ok(Err(PaymentError::TooLittle {
            got: voucher.cumulative,
            needed: needed.unwrap_or(Balance::MAX),
        }));
    }
    connection.execute(
        "INSERT INTO vouchers (account, cumulative, redeemed, bytes, deadline, state)
         VALUES (?1, ?2, ?6, ?3, ?4, ?5)
         ON CONFLICT (account) DO UPDATE SET cumulative = excluded.cumulative, bytes = excluded.bytes,
             deadline = excluded.deadline, state = excluded.state, submitted = NULL",
        params![
            account_column(voucher.account),
            amount_column(voucher.cumulative),
            signed.encode(),
            voucher.expiry.min(terms.until),
            VoucherState::Open as u8,
            amount_column(0),
        ],
    )?;
    Ok(Ok(()))
}

impl Db {
    /// Records a voucher as the payment of its job, in one transaction that is on disk when this returns.
    /// `terms` is what the chain says about the account: what it paid already counts as promised.
    ///
    /// # Errors
    /// The state's; a refusal is the inner error.
    pub fn pay(
        &self,
        signed: &SignedVoucher,
        terms: &ReservationSeen,
    ) -> DbResult<Result<Payment, PaymentError>> {
        let voucher = &signed.voucher;
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let job = match find(&transaction, &voucher.job)? {
            Some(job) if job.account == voucher.account => job,
            _ => return Ok(Err(PaymentError::UnknownJob)),
        };
        match (job.state, job.paid) {
            (JobState::Done, _) => {}
            (JobState::Paid, Some(paid)) if paid == voucher.cumulative => return Ok(Ok(Payment::Repeated)),
            (JobState::Paid, paid) => return Ok(Err(PaymentError::OtherVoucher(paid.unwrap_or_default()))),
            (state, _) => return Ok(Err(PaymentError::NoResult(state.name()))),
        }
        if let Err(error) = record(&transaction, signed, terms, job.price)? {
            return Ok(Err(error));
        }
        transaction.execute(
            "UPDATE jobs SET paid = ?2 WHERE id = ?1",
            params![&voucher.job[..], amount_column(voucher.cumulative)],
        )?;
        set_state(&transaction, &voucher.job, JobState::Paid, None)?;
        transaction.commit()?;
        Ok(Ok(Payment::New))
    }

    /// All that an account promised so far.
    pub fn cumulative(&self, account: SpendingAccountId) -> DbResult<Balance> {
        cumulative(&self.lock(), account)
    }

    /// Newest vouchers in a state, by account.
    pub fn vouchers(&self, state: VoucherState) -> DbResult<Vec<VoucherRow>> {
        let connection = self.lock();
        let mut statement = connection.prepare(
            "SELECT bytes, submitted, redeemed, deadline FROM vouchers WHERE state = ?1 ORDER BY account",
        )?;
        let mut rows = statement.query([state as u8])?;
        let mut vouchers = Vec::new();
        while let Some(row) = rows.next()? {
            let bytes: Vec<u8> = row.get(0)?;
            let signed =
                SignedVoucher::decode_all(&mut &bytes[..]).map_err(|_| DbError::Corrupt("vouchers.bytes"))?;
            let redeemed = amount_value("vouchers.redeemed", &row.get::<_, Vec<u8>>(2)?)?;
            vouchers.push(VoucherRow {
                signed,
                state,
                redeemed,
                deadline: row.get(3)?,
                submitted: row.get(1)?,
            });
        }
        Ok(vouchers)
    }

    /// Notes that the vouchers of these accounts were submitted at a block.
    pub fn mark_submitted(&self, accounts: &[SpendingAccountId], at: BlockNumber) -> DbResult<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        for account in accounts {
            transaction.execute(
                "UPDATE vouchers SET submitted = ?2 WHERE account = ?1",
                params![account_column(*account), at],
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Sets the last block in which an account's voucher can be redeemed, once the account ends sooner.
    pub fn set_deadline(&self, account: SpendingAccountId, deadline: BlockNumber) -> DbResult<()> {
        self.lock().execute(
            "UPDATE vouchers SET deadline = ?2 WHERE account = ?1",
            params![account_column(account), deadline],
        )?;
        Ok(())
    }

    /// Notes what finalized blocks paid from an account to this miner.
    pub fn note_redeemed(&self, account: SpendingAccountId, redeemed: Balance) -> DbResult<()> {
        self.lock().execute(
            "UPDATE vouchers SET redeemed = ?2 WHERE account = ?1",
            params![account_column(account), amount_column(redeemed)],
        )?;
        Ok(())
    }

    /// Settles or gives up an account's voucher, unless a newer one of a higher amount took its place.
    pub fn close_voucher(
        &self,
        account: SpendingAccountId,
        cumulative: Balance,
        state: VoucherState,
    ) -> DbResult<bool> {
        let changed = self.lock().execute(
            "UPDATE vouchers SET state = ?3 WHERE account = ?1 AND cumulative = ?2",
            params![account_column(account), amount_column(cumulative), state as u8],
        )?;
        Ok(changed > 0)
    }

    /// Remembers what the chain says about an account's reservation.
    pub fn see_reservation(&self, account: SpendingAccountId, seen: &ReservationSeen) -> DbResult<()> {
        self.lock().execute(
            "INSERT INTO reservations (account, spender, reserved, redeemed, until) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (account) DO UPDATE SET spender = excluded.spender, reserved = excluded.reserved,
                 redeemed = excluded.redeemed, until = excluded.until",
            params![
                account_column(account),
                AsRef::<[u8; 32]>::as_ref(&seen.spender).to_vec(),
                amount_column(seen.reserved),
                amount_column(seen.redeemed),
                seen.until,
            ],
        )?;
        Ok(())
    }

    /// What was last seen of an account's reservation.
    pub fn reservation(&self, account: SpendingAccountId) -> DbResult<Option<ReservationSeen>> {
        let row: Option<(Vec<u8>, Vec<u8>, Vec<u8>, BlockNumber)> = self
            .lock()
            .query_row(
                "SELECT spender, reserved, redeemed, until FROM reservations WHERE account = ?1",
                [account_column(account)],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .optional()?;
        let Some((spender, reserved, redeemed, until)) = row else {
            return Ok(None);
        };
        let spender: [u8; 32] = spender
            .try_into()
            .map_err(|_| DbError::Corrupt("reservations.spender"))?;
        Ok(Some(ReservationSeen {
            spender: AccountId32::new(spender),
            reserved: amount_value("reservations.reserved", &reserved)?,
            redeemed: amount_value("reservations.redeemed", &redeemed)?,
            until,
        }))
    }

    /// (redeemed in finalized blocks, promised and not redeemed yet, lost), over all accounts.
    pub fn income(&self) -> DbResult<(Balance, Balance, Balance)> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT cumulative, redeemed, state FROM vouchers")?;
        let mut rows = statement.query([])?;
        let (mut redeemed, mut open, mut lost) = (0u128, 0u128, 0u128);
        while let Some(row) = rows.next()? {
            let cumulative = amount_value("vouchers.cumulative", &row.get::<_, Vec<u8>>(0)?)?;
            let paid = amount_value("vouchers.redeemed", &row.get::<_, Vec<u8>>(1)?)?;
            let state: u8 = row.get(2)?;
            redeemed = redeemed.saturating_add(paid);
            let rest = cumulative.saturating_sub(paid);
            if state == VoucherState::Open as u8 {
                open = open.saturating_add(rest);
            } else if state == VoucherState::Lost as u8 {
                lost = lost.saturating_add(rest);
            }
        }
        Ok((redeemed, open, lost))
    }
}
