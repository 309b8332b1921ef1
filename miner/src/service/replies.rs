//! Streams of replies.

use std::{path::Path, pin::Pin, sync::Arc};

use based_client::wire::proto::Chunk;
use futures::{Stream, StreamExt};
use tokio::{io::AsyncReadExt, sync::mpsc, task::JoinSet, time::timeout};
use tonic::Status;

use crate::limits;

/// A stream of replies.
pub(super) type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Replies made by a task of their own, two at most before the client reads them; dropped or unread for
/// [`limits::UNREAD`], they are made no more.
///
/// The transport asks a stream for more only while the client reads. Replies that took a turn which others wait for
/// would keep it for as long as their client likes.
pub(super) fn apart<T: Send + 'static>(
    replies: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> Replies<T> {
    let (made, read) = mpsc::channel(1);
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut replies = std::pin::pin!(replies);
        while let Some(reply) = replies.next().await {
            let taken = timeout(limits::UNREAD, made.send(reply)).await;
            if !matches!(taken, Ok(Ok(()))) {
                return;
            }
        }
    });
    Box::pin(futures::stream::unfold(
        (read, task),
        |(mut read, task)| async move {
            let reply = read.recv().await?;
            Some((reply, (read, task)))
        },
    ))
}

/// Bytes in chunks of a size.
pub(super) fn in_chunks(bytes: Arc<[u8]>, size: usize) -> Replies<Chunk> {
    let count = bytes.len().div_ceil(size);
    let chunk = move |at: usize| {
        let data = bytes.chunks(size).nth(at).unwrap_or_default().to_vec();
        Ok(Chunk { data })
    };
    Box::pin(futures::stream::iter((0..count).map(chunk)))
}

/// A file that is too large to be kept in memory.
pub(super) async fn from_disk(path: &Path) -> Result<Replies<Chunk>, Status> {
    let failed = |error: std::io::Error| {
        tracing::error!(%error, "a model's file cannot be read");
        Status::internal("the miner cannot read its model; try again later or ask another miner")
    };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    Ok(Box::pin(futures::stream::unfold(
        Some(file),
        move |file| async move {
            let mut file = file?;
            let mut data = Vec::with_capacity(limits::FILE_CHUNK);
            let mut part = (&mut file).take(limits::FILE_CHUNK as u64);
            match part.read_to_end(&mut data).await {
                Ok(0) => None,
                Ok(_) => Some((Ok(Chunk { data }), Some(file))),
                Err(error) => Some((Err(failed(error)), None)),
            }
        },
    )))
}
