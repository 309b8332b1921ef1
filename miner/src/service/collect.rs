//! Handing out an output for its voucher, and knowing the voucher that paid a job.

use std::sync::Arc;

use based_primitives::{payments::SignedVoucher, JobId};
use codec::DecodeAll;
use tonic::Status;

use super::{db_status, Shared};
use crate::{
    chain::Account,
    db::{Job, Payment, PaymentError, ReservationSeen},
    payments::{check_identity, check_value, Refused, VoucherContext},
};

/// Most bytes of an encoded voucher: fixed fields and the longest signature.
const MAX_VOUCHER: usize = 256;

/// Checks a voucher, stores it durably, then gives the output.
pub(super) async fn collect(shared: &Arc<Shared>, voucher: &[u8]) -> Result<Vec<u8>, Status> {
    let signed = decode(voucher)?;
    let (id, account) = (signed.voucher.job, signed.voucher.account);
    let job = named(shared, &signed).await?;
    // A paid job is given out again even when its account or the node is gone by now.
    let paid = job.paid == Some(signed.voucher.cumulative);
    let terms = if paid {
        seen(shared, account).await?
    } else {
        terms(shared, account).await?
    };
    let context = context(shared, &terms);
    check_identity(&signed, &context)?;
    if !paid {
        check_value(&signed, &context)?;
    }
    let cumulative = signed.voucher.cumulative;
    match shared
        .parts
        .db
        .run(move |db| db.pay(&signed, &terms))
        .await
        .map_err(db_status)??
    {
        Payment::New => {
            tracing::info!(job = %hex::encode(id), account, cumulative, "paid by voucher");
            if job.traced {
                renew_trace(shared, id).await;
            }
        }
        Payment::Repeated => tracing::debug!(job = %hex::encode(id), "collected again"),
    }
    let output = shared
        .parts
        .db
        .run(move |db| db.output(&id))
        .await
        .map_err(db_status)?;
    output.ok_or_else(|| Status::not_found("the output of this paid job is no longer kept"))
}

/// Counts the age of a trace from its job's payment, however late that was: the audit follows it.
async fn renew_trace(shared: &Shared, id: JobId) {
    let traces = shared.parts.traces.clone();
    let renewed = tokio::task::spawn_blocking(move || traces.renew(&id));
    // The job is paid all the same.
    if let Ok(Err(error)) = renewed.await {
        tracing::warn!(job = %hex::encode(id), %error, "cannot renew the trace of a paid job");
    }
}

/// The job that exactly this voucher paid; its account or the node may be gone by now.
pub(super) async fn paid(shared: &Arc<Shared>, voucher: &[u8]) -> Result<Job, Status> {
    let signed = decode(voucher)?;
    let job = named(shared, &signed).await?;
    let terms = seen(shared, job.account).await?;
    check_identity(&signed, &context(shared, &terms))?;
    match job.paid {
        Some(amount) if amount == signed.voucher.cumulative => Ok(job),
        Some(amount) => Err(PaymentError::OtherVoucher(amount).into()),
        None => Err(Status::failed_precondition(
            "the job is not paid yet; collect it with this voucher first",
        )),
    }
}

/// The job that a voucher names, which must be its account's.
async fn named(shared: &Shared, signed: &SignedVoucher) -> Result<Job, Status> {
    let (id, account) = (signed.voucher.job, signed.voucher.account);
    let job = shared.job(id).await?;
    job.filter(|job| job.account == account)
        .ok_or_else(|| PaymentError::UnknownJob.into())
}

/// What a voucher for this miner is held against.
fn context<'a>(shared: &'a Shared, terms: &'a ReservationSeen) -> VoucherContext<'a> {
    VoucherContext {
        genesis: shared.genesis,
        miner: &shared.miner,
        brain: shared.parts.brain,
        head: shared.head(),
        terms,
    }
}

fn decode(voucher: &[u8]) -> Result<SignedVoucher, Status> {
    let refused = "the voucher cannot be read; send the SCALE encoding of a signed one";
    if voucher.len() > MAX_VOUCHER {
        return Err(Status::invalid_argument(refused));
    }
    SignedVoucher::decode_all(&mut &voucher[..]).map_err(|_| Status::invalid_argument(refused))
}

/// A voucher that this miner can redeem, and what the chain says of its account. Whether it pays enough is up to the
/// state.
pub(super) async fn redeemable(
    shared: &Arc<Shared>,
    voucher: &[u8],
) -> Result<(SignedVoucher, ReservationSeen), Status> {
    let signed = decode(voucher)?;
    let terms = terms(shared, signed.voucher.account).await?;
    let context = context(shared, &terms);
    check_identity(&signed, &context)?;
    check_value(&signed, &context)?;
    Ok((signed, terms))
}

/// What the account has reserved: by the chain, or as last seen there while the node is silent.
async fn terms(shared: &Arc<Shared>, account: u64) -> Result<ReservationSeen, Status> {
    match shared.account(account).await {
        Ok(Some(Account {
            reservation: Some(_), ..
        }))
        | Err(_) => seen(shared, account).await,
        Ok(Some(_)) => Err(Refused::NoReservation.into()),
        Ok(None) => Err(Refused::NoAccount(account).into()),
    }
}

/// What was last seen of the account's reservation.
async fn seen(shared: &Arc<Shared>, account: u64) -> Result<ReservationSeen, Status> {
    let seen = shared
        .parts
        .db
        .run(move |db| db.reservation(account))
        .await
        .map_err(db_status)?;
    seen.ok_or_else(|| Refused::NoReservation.into())
}

impl From<PaymentError> for Status {
    fn from(error: PaymentError) -> Self {
        let message = error.to_string();
        match error {
            PaymentError::UnknownJob => Self::not_found(message),
            PaymentError::NoResult(_) | PaymentError::OtherVoucher(_) => Self::failed_precondition(message),
            PaymentError::TooLittle { .. } => Self::invalid_argument(message),
        }
    }
}
