//! Openings of a paid job's trace, which its client recomputes.

use std::sync::Arc;

use based_client::wire::{proto::OpenRequest, MAX_OPENINGS};
use tokio::time::timeout;
use tonic::Status;
use zk_llm::trace::openings;

use super::{collect, stopping, Shared};
use crate::{
    db::Job,
    limits,
    tasks::{Library, TaskError},
    traces::TraceStore,
};

/// Checks what is asked and the voucher that paid the job, then reads the openings.
pub(super) async fn open(shared: &Arc<Shared>, request: OpenRequest) -> Result<Vec<u8>, Status> {
    let tables = request.tables;
    check(&tables)?;
    let job = collect::paid(shared, &request.voucher).await?;
    if !job.traced {
        return Err(Status::failed_precondition(
            "the job was not traced; ask for that when you submit one",
        ));
    }
    let turn = match timeout(limits::OPENING_WAIT, shared.openings.clone().acquire_owned()).await {
        Ok(turn) => turn.map_err(|_| stopping())?,
        Err(_) => {
            return Err(Status::resource_exhausted(
                "other traces are being opened; try again in a minute",
            ))
        }
    };
    let (library, traces) = (shared.parts.library.clone(), shared.parts.traces.clone());
    let opened = tokio::task::spawn_blocking(move || {
        // Held by the work itself, which goes on when the client leaves.
        let _turn = turn;
        read(&library, &traces, &job, &tables)
    });
    opened.await.map_err(|_| stopping())?
}

/// Whether the numbers can be those of some circuit's bootstraps.
fn check(tables: &[u32]) -> Result<(), Status> {
    if tables.is_empty() || tables.len() > MAX_OPENINGS {
        return Err(Status::invalid_argument(format!(
            "{} bootstraps are named; name 1 to {MAX_OPENINGS}",
            tables.len()
        )));
    }
    if !tables.is_sorted_by(|before, after| before < after) {
        return Err(Status::invalid_argument(
            "name bootstraps in ascending order, each once",
        ));
    }
    Ok(())
}

/// Reads openings of a job's trace. Blocks.
fn read(library: &Library, traces: &TraceStore, job: &Job, tables: &[u32]) -> Result<Vec<u8>, Status> {
    let served = library.find(job.task).map_err(no_model)?;
    let circuit = served.full()?.model.circuit();
    let count = circuit.bootstraps();
    if tables.iter().any(|table| u64::from(*table) >= count) {
        return Err(Status::invalid_argument(format!(
            "the model has {count} bootstraps, which are numbered from 0"
        )));
    }
    let mut trace = traces
        .find(&job.id)
        .map_err(unreadable)?
        .ok_or_else(|| Status::not_found("the trace of this job is no longer kept"))?;
    openings(&mut trace, circuit, tables).map_err(unreadable)
}

fn no_model(error: TaskError) -> Status {
    tracing::error!(%error, "the model of a trace cannot be read");
    Status::unavailable("the model of this job is no longer available")
}

fn unreadable(error: impl std::error::Error) -> Status {
    tracing::error!(%error, "a trace cannot be read");
    Status::unavailable("the miner cannot read the trace of this job; try again later")
}
