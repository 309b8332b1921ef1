//! The offline part: hints, made before the client encrypts anything. A prompt's set has none.

use std::{sync::Arc, time::Instant};

use based_client::wire::{
    proto::{Chunk, PrepareRequest},
    MAX_CHUNK,
};
use futures::Stream;
use tonic::Status;
use zk_llm::split::hint;

use super::{Live, Shared};
use crate::limits;

/// The making of a set's hints.
struct Making {
    shared: Arc<Shared>,
    live: Arc<Live>,
    requests: Vec<Vec<u8>>,
    /// Layer that comes next.
    layer: usize,
    /// Hint that is being sent, and how much of it was.
    hint: Vec<u8>,
    sent: usize,
}

/// Admits a set; its hints follow, layer after layer.
pub(in crate::service) fn prepare(
    shared: &Arc<Shared>,
    request: PrepareRequest,
) -> Result<impl Stream<Item = Result<Chunk, Status>> + Send, Status> {
    let live = shared.sessions.find(&request.session)?;
    let positions = request.positions as usize;
    let hinted = live.ledger().prepare(positions, &request.requests, &live.key)?;
    let making = Making {
        shared: shared.clone(),
        live,
        requests: if hinted { request.requests } else { Vec::new() },
        layer: 0,
        hint: Vec::new(),
        sent: 0,
    };
    Ok(futures::stream::unfold(Some(making), |making| async move {
        let mut making = making?;
        match making.chunk().await {
            Ok(Some(data)) => Some((Ok(Chunk { data }), Some(making))),
            Ok(None) => None,
            Err(status) => Some((Err(status), None)),
        }
    }))
}

impl Making {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Status> {
        // A client that takes long hints slowly is not idle.
        self.live.touch();
        if self.sent == self.hint.len() && !self.next().await? {
            return Ok(None);
        }
        let end = self
            .sent
            .saturating_add(MAX_CHUNK.min(limits::FILE_CHUNK))
            .min(self.hint.len());
        let chunk = self.hint.get(self.sent..end).unwrap_or_default().to_vec();
        self.sent = end;
        Ok(Some(chunk))
    }

    /// Makes the next hint; `false` if there was none left to make.
    async fn next(&mut self) -> Result<bool, Status> {
        let Some(request) = self.requests.get(self.layer).cloned() else {
            return Ok(false);
        };
        // A job that was opened again wants no more hints here.
        self.live.ledger().check_open()?;
        let _work = self.live.work();
        let (live, layer) = (self.live.clone(), self.layer);
        let metrics = self.shared.parts.metrics.clone();
        let make = move || {
            let started = Instant::now();
            let matrix = live.model.matrices().get(layer)?;
            let made = hint(matrix, &live.key, &request);
            metrics.hinted(started.elapsed());
            Some(made.map(|hint| (request, hint)))
        };
        let made = self.shared.sessions.hints.run(make).await?;
        let made = made.ok_or_else(|| Status::internal("the model changed its layers"))?;
        let (request, hint) = made.map_err(|error| Status::invalid_argument(error.to_string()))?;
        self.layer = self.layer.saturating_add(1);
        let mut ledger = self.live.ledger();
        ledger.hinted(&request, &hint);
        if self.layer == self.requests.len() {
            ledger.ready();
        }
        (self.hint, self.sent) = (hint, 0);
        Ok(true)
    }
}
