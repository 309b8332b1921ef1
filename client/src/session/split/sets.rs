//! Preparing positions: masks here, hints from the miner, both before anything is encrypted.

use std::sync::Arc;

use zk_llm::{
    import::ClientPart,
    split::{hint_bytes, Batch, Pending, SecretKey},
};

use super::{line::Offline, Audit};
use crate::{
    session::{link::protocol, SessionError},
    wire::split::{batches, Transcript, Way},
};

/// Positions that are ready to be encrypted, by layer.
pub(super) struct Set {
    pub batches: Vec<Layer>,
    /// Positions of each layer of the body.
    pub positions: usize,
    /// Passes that can begin.
    pub passes: usize,
    /// Its requests and hints.
    pub preparation: Transcript,
}

/// Positions of one layer.
pub(super) enum Layer {
    /// Their hint is here.
    Hinted(Box<Batch>),
    /// A prompt's, which are answered in one step, once.
    Sealed(Option<Box<Pending>>),
}

/// Prepares a set for `passes` passes over `positions` positions in all, `last` of which may go through the layers after
/// the body. A seed is drawn for each layer; what is left of a set that fails is never used.
pub(super) async fn prepare(
    part: Arc<ClientPart>,
    (secret, audit): (Arc<SecretKey>, Option<Arc<dyn Audit>>),
    mut offline: Offline,
    (positions, passes, last): (usize, usize, usize),
    prompt: bool,
    tell: impl Fn(u64, u64),
) -> Result<Set, SessionError> {
    let manifest = part.manifest();
    let way = if prompt { Way::Answered } else { Way::Hinted };
    let tokens = batches(manifest, positions, last, way)
        .ok_or_else(|| protocol(format!("no batches of {positions} positions fit this model")))?;
    let shapes: Vec<_> = manifest.linears.iter().map(|linear| linear.shape()).collect();
    let total = shapes.len() as u64;
    let (masks, sizes) = (secret.clone(), shapes.clone());
    let drawn = blocking(move || {
        let all = sizes.iter().zip(&tokens);
        all.map(|(shape, tokens)| Ok((masks.prepare(shape, *tokens)?, hint_bytes(shape, *tokens))))
            .collect::<zk_llm::Result<Vec<_>>>()
    });
    let drawn = drawn.await??;
    let requests = drawn.iter().map(|(pending, _)| pending.request().to_vec());
    let mut hints = offline.prepare(positions, requests.collect()).await?;
    let mut batches = Vec::with_capacity(drawn.len());
    for (done, (pending, size)) in drawn.into_iter().enumerate() {
        if prompt {
            batches.push(Layer::Sealed(Some(Box::new(pending))));
            continue;
        }
        tell(done as u64, total);
        let hint = hints.next(size).await?;
        let (secret, audit) = (secret.clone(), audit.clone());
        let complete = move || {
            let (key, request) = (secret.packing_key_bytes(), pending.request());
            if audit.is_some_and(|audit| !audit.hint(done, key, request, &hint)) {
                return Err(SessionError::Products("hints"));
            }
            let batch = secret.complete(pending, &hint).map_err(protocol)?;
            Ok(Layer::Hinted(Box::new(batch)))
        };
        batches.push(blocking(complete).await??);
    }
    let preparation = hints.end().await?;
    tell(total, total);
    Ok(Set {
        batches,
        positions,
        passes,
        preparation,
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SessionError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| SessionError::Internal(error.to_string()))
}
