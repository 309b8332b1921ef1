//! One job's way over the wire: key, input, progress, receipt.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    time::Duration,
};

use based_primitives::{
    payments::{Receipt, VoucherSignature},
    BlockNumber,
};
use codec::Decode;
use futures::stream;
use sp_core::H256;
use tokio::time::Instant;

use super::{
    link::{protocol, refused, timely_message, Link},
    receipt::Expected,
    Event, SessionError,
};
use crate::{
    chain::Signer,
    state::Job,
    wire::{self, proto, JobTerms, KeyTerms},
};

/// How often an upload's progress is told.
const TICK: Duration = Duration::from_millis(200);

/// Hashes of a job's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hashes {
    pub evaluation_key: H256,
    pub input: H256,
}

impl Hashes {
    pub fn of(job: &Job) -> Self {
        Self {
            evaluation_key: wire::sha256(&job.evaluation_key),
            input: wire::sha256(&job.input),
        }
    }
}

/// Terms that a job's header states.
pub(super) fn terms(job: &Job, hashes: &Hashes) -> JobTerms {
    JobTerms {
        job: job.id,
        account: job.account,
        brain: job.brain,
        task: job.task,
        evaluation_key: hashes.evaluation_key,
        input: hashes.input,
        size: job.input.len() as u64,
        max_price: job.max_price,
        traced: job.traced,
    }
}

/// Uploads a job's evaluation key, unless the miner has it. The header is valid up to block `expiry`.
pub(super) async fn upload_key(
    link: &mut Link,
    genesis: &H256,
    signer: &Signer,
    expiry: BlockNumber,
    (job, hashes): (&Job, &Hashes),
    on_event: &mut (dyn FnMut(Event) + Send),
) -> Result<(), SessionError> {
    let terms = KeyTerms {
        account: job.account,
        brain: job.brain,
        sha256: hashes.evaluation_key,
        size: job.evaluation_key.len() as u64,
        expiry,
    };
    let signature = VoucherSignature::Sr25519(signer.sign(&terms.signing_bytes(genesis, &link.miner)));
    let header = proto::KeyUpload {
        part: Some(proto::key_upload::Part::Header(terms.header(&signature))),
    };
    let asked = tokio::time::timeout(
        wire::SILENCE,
        link.client.upload_key(stream::iter([header.clone()])),
    );
    let asked = asked
        .await
        .map_err(|_| silent())?
        .map_err(|status| refused(&status))?;
    if asked.into_inner().stored {
        return Ok(());
    }

    let key = Arc::new(job.evaluation_key.clone());
    let total = key.len() as u64;
    let sent = Arc::new(AtomicU64::new(0));
    let count = sent.clone();
    let parts = (0..key.len().div_ceil(wire::MAX_CHUNK)).map(move |index| {
        let from = index * wire::MAX_CHUNK;
        let data = key
            .get(from..key.len().min(from + wire::MAX_CHUNK))
            .unwrap_or_default()
            .to_vec();
        count.fetch_add(data.len() as u64, Ordering::Relaxed);
        proto::KeyUpload {
            part: Some(proto::key_upload::Part::Data(data)),
        }
    });
    let upload = link
        .client
        .upload_key(stream::iter(std::iter::once(header).chain(parts)));
    tokio::pin!(upload);
    let mut last = (0, Instant::now());
    let reply = loop {
        tokio::select! {
            reply = &mut upload => break reply.map_err(|status| refused(&status))?.into_inner(),
            () = tokio::time::sleep(TICK) => {
                let sent = sent.load(Ordering::Relaxed);
                on_event(Event::UploadingKey { sent, total });
                if sent != last.0 {
                    last = (sent, Instant::now());
                } else if last.1.elapsed() > wire::SILENCE {
                    return Err(silent());
                }
            },
        }
    };
    on_event(Event::UploadingKey { sent: total, total });
    if reply.stored {
        Ok(())
    } else {
        Err(protocol("it did not store the evaluation key"))
    }
}

/// Submits a job, or attaches to it again, and waits for its receipt.
pub(super) async fn submit(
    link: &mut Link,
    job: &Job,
    hashes: &Hashes,
    expected: &Expected,
    on_event: &mut (dyn FnMut(Event) + Send),
) -> Result<Receipt, SessionError> {
    let signature = VoucherSignature::decode(&mut &job.signature[..])
        .map_err(|_| SessionError::Internal("the job's stored signature is damaged".into()))?;
    let header = terms(job, hashes).header(&signature);
    let header = proto::JobUpload {
        part: Some(proto::job_upload::Part::Header(header)),
    };
    let data: Vec<_> = wire::chunks(&job.input)
        .map(|data| proto::JobUpload {
            part: Some(proto::job_upload::Part::Data(data)),
        })
        .collect();
    let upload = stream::iter(std::iter::once(header).chain(data));
    let submitted = tokio::time::timeout(wire::SILENCE, link.client.submit(upload)).await;
    let mut events = submitted
        .map_err(|_| silent())?
        .map_err(|status| refused(&status))?
        .into_inner();
    loop {
        let event = timely_message(&mut events)
            .await?
            .and_then(|message| message.event);
        match event {
            Some(proto::job_event::Event::Queued(queued)) => on_event(Event::Queued {
                position: queued.position,
            }),
            Some(proto::job_event::Event::Progress(progress)) => on_event(Event::Progress {
                done: progress.done.min(progress.total),
                total: progress.total,
                layer: progress
                    .layer
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(40)
                    .collect(),
            }),
            Some(proto::job_event::Event::Receipt(signed)) => return expected.check(&signed),
            None => {
                return Err(SessionError::MinerGone(
                    "it ended the job without a receipt".into(),
                ))
            }
        }
    }
}

fn silent() -> SessionError {
    SessionError::MinerGone(format!("silent for {} s", wire::SILENCE.as_secs()))
}
