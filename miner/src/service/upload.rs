//! Reading an upload within its limits of size and time.

use std::time::Duration;

use based_client::wire::Reassembly;
use sp_core::H256;
use tokio::time::{timeout, timeout_at, Instant};
use tonic::{Status, Streaming};

use crate::limits;

/// The next message, if it comes in time.
pub(super) async fn next<T>(stream: &mut Streaming<T>) -> Result<Option<T>, Status> {
    timeout(limits::NEXT_MESSAGE, stream.message())
        .await
        .map_err(|_| slow(limits::NEXT_MESSAGE))?
}

/// An upload whose first bytes came, of exactly `size` bytes with the hash `expected`.
///
/// `data` takes the bytes out of a message; it is `None` for a second header.
pub(super) async fn body<T>(
    stream: &mut Streaming<T>,
    first: T,
    size: u64,
    expected: &H256,
    data: impl Fn(T) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, Status> {
    let mut upload = Reassembly::new(size, size)?;
    let allowed = limits::upload_time(size);
    let deadline = Instant::now() + allowed;
    let mut message = Some(first);
    while let Some(part) = message {
        let bytes = data(part).ok_or_else(|| Status::invalid_argument("the header comes first and once"))?;
        upload.push(&bytes)?;
        message = timeout_at(deadline, next(stream))
            .await
            .map_err(|_| slow(allowed))??;
    }
    Ok(upload.finish(expected)?)
}

/// Exactly `size` bytes of a stream that goes on afterwards, whose first message of them came.
pub(super) async fn exact<T>(
    stream: &mut Streaming<T>,
    first: T,
    size: u64,
    data: impl Fn(T) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, Status> {
    let mut upload = Reassembly::new(size, size)?;
    let allowed = limits::upload_time(size);
    let deadline = Instant::now() + allowed;
    let mut message = first;
    loop {
        let bytes =
            data(message).ok_or_else(|| Status::invalid_argument("data is missing before this message"))?;
        upload.push(&bytes)?;
        if upload.received() == size {
            return Ok(upload.finish_unchecked()?.0);
        }
        let next = timeout_at(deadline, next(stream))
            .await
            .map_err(|_| slow(allowed))??;
        message = next.ok_or_else(|| Status::data_loss("the transfer broke off; send it again"))?;
    }
}

fn slow(allowed: Duration) -> Status {
    Status::deadline_exceeded(format!(
        "nothing more came within {} s; send it again",
        allowed.as_secs()
    ))
}
