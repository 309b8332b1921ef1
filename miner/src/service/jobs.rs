//! Submission of jobs and the events of their evaluation.

use std::{sync::Arc, time::Duration};

use based_client::wire::{
    job_price,
    proto::{job_event::Event, job_upload::Part, JobEvent, JobUpload, Progress, Queued, SignedReceipt},
    JobTerms,
};
use based_primitives::{Balance, JobId};
use futures::Stream;
use tokio::{sync::watch, time::timeout};
use tonic::{Status, Streaming};

use super::{db_status, key_status, stopping, upload, Shared};
use crate::{
    db::{Admission, AdmissionLimits, Job, JobState, NewJob, Refusal},
    evalkeys::KeyStoreError,
    limits,
    queue::Stage,
};

/// Least time between two events of progress.
const PACE: Duration = Duration::from_millis(250);
/// Most time between two events, so that clients know the miner lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Admits a job or finds it again; its events follow from [`events`].
pub(super) async fn submit(shared: &Arc<Shared>, mut stream: Streaming<JobUpload>) -> Result<JobId, Status> {
    let first = upload::next(&mut stream).await?.and_then(|message| message.part);
    let Some(Part::Header(header)) = first else {
        return Err(Status::invalid_argument("send the job's header first"));
    };
    let (terms, signature) = JobTerms::parse(&header)?;
    let id = terms.job;
    shared.check_brain(terms.brain)?;

    let known = shared.job(id).await?;
    if let Some(job) = known.filter(|job| !matches!(job.state, JobState::Failed | JobState::Expired)) {
        return attach(shared, &job, &terms, &signature).await;
    }

    let (served, offered) = shared.offer()?;
    let price = cost(offered, terms.traced)?;
    if terms.task != served.task {
        return Err(Status::failed_precondition(format!(
            "the Brain's task is {}, not {}; fetch the model again",
            hex::encode(served.task.0),
            hex::encode(terms.task.0)
        )));
    }
    let model = &served.full()?.model;
    let size = model.limits().input_bytes;
    if terms.size != size {
        return Err(Status::invalid_argument(format!(
            "an input of this model has {size} bytes, not {}",
            terms.size
        )));
    }
    if terms.max_price < price {
        return Err(Status::failed_precondition(format!(
            "a job costs {price} and you pay at most {} (in units of 10^-18 BASED)",
            terms.max_price
        )));
    }
    let (spender, reservation) = shared.customer(terms.account, price).await?;
    terms.verify(&signature, &shared.genesis, &shared.miner, &spender)?;
    let (key, account) = (terms.evaluation_key, terms.account);
    if !shared
        .parts
        .db
        .run(move |db| db.touch_key(&key, account))
        .await
        .map_err(db_status)?
    {
        return Err(Status::failed_precondition(
            "evaluation key not stored for this spending account; upload it and submit the job again",
        ));
    }

    let Ok(_turn) = shared.job_uploads.try_acquire() else {
        return Err(Status::resource_exhausted(
            "other jobs are being uploaded; try again in a minute",
        ));
    };
    let data = |message: JobUpload| match message.part {
        Some(Part::Data(data)) => Some(data),
        _ => None,
    };
    let first = upload::next(&mut stream).await?;
    let first = first.ok_or_else(|| Status::data_loss("the input did not come; submit the job again"))?;
    let bytes = upload::body(&mut stream, first, size, &terms.input, data).await?;
    model
        .check_input(&bytes)
        .map_err(|error| Status::invalid_argument(error.to_string()))?;
    admit(
        shared,
        NewJob { terms, price, bytes },
        reservation.reserved,
        reservation.redeemed,
    )
    .await?;
    Ok(id)
}

/// What a job costs.
fn cost(offered: Balance, traced: bool) -> Result<Balance, Status> {
    job_price(offered, traced).ok_or_else(|| {
        Status::failed_precondition("no amount is as large as the price of this job; ask without an audit")
    })
}

async fn admit(shared: &Arc<Shared>, job: NewJob, reserved: u128, redeemed: u128) -> Result<(), Status> {
    let sizes = shared.offer()?.0.full()?.model.limits();
    let trace = if job.terms.traced { sizes.trace_bytes } else { 0 };
    let needed = sizes
        .output_bytes
        .saturating_add(trace)
        .saturating_add(job.bytes.len() as u64);
    let served = served_traces(shared, &job.terms).await?;
    let (keys, queue) = (shared.parts.keys.clone(), shared.parts.queue.clone());
    let traces = shared.parts.traces.clone();
    let room = tokio::task::spawn_blocking(move || {
        for job in &served {
            traces.remove(job)?;
        }
        keys.fits(needed)?;
        Ok::<_, KeyStoreError>(traces.count()?)
    });
    // A trace that becomes whole from here on is not counted: one at most, as one job runs at a time.
    let kept = room.await.map_err(|_| stopping())?.map_err(key_status)?;
    let limits = AdmissionLimits {
        queue: limits::QUEUE,
        traces: limits::TRACES_KEPT.saturating_sub(kept),
        reserved,
        redeemed,
    };
    let admitted = shared.parts.db.run(move |db| {
        let admitted = db.admit(job, limits)?;
        if let Ok(Admission::New(job)) = &admitted {
            queue.push(job.clone());
        }
        Ok(admitted)
    });
    match admitted.await.map_err(db_status)? {
        Ok(Admission::New(job)) => {
            tracing::info!(job = %hex::encode(job.id), account = job.account, "queued");
            Ok(())
        }
        Ok(Admission::Known(_)) => Ok(()),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Jobs whose traces give way to that of a job with these terms.
async fn served_traces(shared: &Shared, terms: &JobTerms) -> Result<Vec<JobId>, Status> {
    if !terms.traced {
        return Ok(Vec::new());
    }
    let account = terms.account;
    shared
        .parts
        .db
        .run(move |db| db.served_traces(account, limits::TRACE_OPEN, limits::TRACE_KEPT))
        .await
        .map_err(db_status)
}

/// A known job is attached to by its spender only, with the terms it had.
async fn attach(
    shared: &Arc<Shared>,
    job: &Job,
    terms: &JobTerms,
    signature: &based_primitives::payments::VoucherSignature,
) -> Result<JobId, Status> {
    if !job.has_terms(terms) {
        return Err(Refusal::OtherContents.into());
    }
    let account = job.account;
    let seen = shared
        .parts
        .db
        .run(move |db| db.reservation(account))
        .await
        .map_err(db_status)?;
    let spender = seen.map(|seen| seen.spender).ok_or_else(stopping)?;
    terms.verify(signature, &shared.genesis, &shared.miner, &spender)?;
    Ok(job.id)
}

enum Follow {
    Wait(watch::Receiver<Stage>, Option<Stage>),
    End,
}

/// Events of a job until its receipt, or the reason of its failure.
pub(super) fn events(shared: Arc<Shared>, id: JobId) -> impl Stream<Item = Result<JobEvent, Status>> + Send {
    let start = match shared.parts.queue.stage(&id) {
        Some(stage) => Follow::Wait(stage, None),
        None => Follow::Wait(watch::channel(Stage::Ended).1, None),
    };
    futures::stream::unfold((shared, start), move |(shared, follow)| async move {
        let Follow::Wait(mut stages, told) = follow else {
            return None;
        };
        let stage = match changed(&shared, &mut stages, told).await {
            Some(stage) => stage,
            None => return Some((Err(stopping()), (shared, Follow::End))),
        };
        let event = match &stage {
            Stage::Queued(position) => Event::Queued(Queued { position: *position }),
            Stage::Running(done, total, layer) => Event::Progress(Progress {
                done: *done,
                total: *total,
                layer: layer.to_string(),
            }),
            Stage::Ended => return Some((ended(&shared, id).await, (shared, Follow::End))),
        };
        Some((
            Ok(JobEvent { event: Some(event) }),
            (shared, Follow::Wait(stages, Some(stage))),
        ))
    })
}

/// The next stage to tell; the last one again as a sign of life. `None` when the program ends.
async fn changed(shared: &Shared, stages: &mut watch::Receiver<Stage>, told: Option<Stage>) -> Option<Stage> {
    if told.is_some() {
        if stages.borrow().clone() != Stage::Ended {
            tokio::time::sleep(PACE).await;
        }
        let news = async {
            // An error means that no further stage comes: the last one stands.
            stages.wait_for(|stage| Some(stage) != told.as_ref()).await.ok();
        };
        tokio::select! {
            _ = timeout(HEARTBEAT, news) => {},
            () = shared.parts.stop.asked() => return None,
        }
    }
    let stage = stages.borrow_and_update().clone();
    Some(stage)
}

async fn ended(shared: &Shared, id: JobId) -> Result<JobEvent, Status> {
    let job = shared.job(id).await?;
    let job = job.ok_or_else(|| Status::not_found("the job is no longer known; submit a new one"))?;
    match (job.state, job.receipt) {
        (JobState::Done | JobState::Paid, Some((receipt, signature))) => Ok(JobEvent {
            event: Some(Event::Receipt(SignedReceipt { receipt, signature })),
        }),
        (JobState::Failed, _) => Err(Status::internal(format!(
            "the job failed and costs nothing: {}",
            job.reason.unwrap_or_default()
        ))),
        (JobState::Expired, _) => Err(Status::not_found("the job's output was not collected in time")),
        _ => Err(Status::unavailable(
            "the miner stopped before the job ended; submit it again, it is not charged twice",
        )),
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::OtherContents => Self::already_exists(message),
            Refusal::QueueFull(_) | Refusal::Traces => Self::resource_exhausted(message),
            Refusal::Unpaid(_) | Refusal::Reservation { .. } => Self::failed_precondition(message),
        }
    }
}
