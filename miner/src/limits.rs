//! Bounds on what peers may cause, each with its reason.

use std::time::Duration;

use based_client::wire::split::IDLE;

use crate::db::UploadQuota;

/// Connections in all: with their flow-control windows they stay under 256 MiB.
pub const CONNECTIONS: usize = 64;
/// Connections from one address.
pub const CONNECTIONS_PER_PEER: usize = 8;
/// Requests that one connection may have under way.
pub const STREAMS_PER_CONNECTION: u32 = 8;
/// Time for a TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Age at which a connection is asked to close, so that idle ones do not hold their places for ever.
pub const CONNECTION_AGE: Duration = Duration::from_secs(1_800);
/// Time for the next message of an upload.
pub const NEXT_MESSAGE: Duration = Duration::from_secs(20);
/// Slowest upload that is tolerated, in bytes a second.
pub const UPLOAD_BYTES_PER_SECOND: u64 = 64 << 10;
/// Keys being received at once, each in memory.
pub const KEY_UPLOADS: usize = 8;
/// Keys being checked at once: that takes all cores and a few times a key's size.
pub const KEY_CHECKS: usize = 1;
/// Inputs being received at once.
pub const JOB_UPLOADS: usize = 16;
/// Questions to the node under way at once on behalf of clients.
pub const CHAIN_READS: usize = 8;
/// Evaluation keys of one spending account on disk; its least recently used gives way (F.4-2).
pub const KEYS_PER_ACCOUNT: usize = 2;
/// Keys that one account may upload in a day without paying for any job.
pub const UPLOAD_QUOTA: UploadQuota = UploadQuota {
    uploads: 8,
    window: 86_400,
};
/// Expanded keys in memory, about 120 MB each.
pub const KEYS_IN_MEMORY: usize = 4;
/// Jobs that may wait or run.
pub const QUEUE: u32 = 32;
/// Seconds that an output waits for its voucher.
pub const UNPAID_OUTPUT: i64 = 86_400;
/// Seconds that a paid output can be collected again.
pub const PAID_OUTPUT: i64 = 86_400;
/// Seconds that a finished job is remembered, so that its id stays idempotent.
pub const FINISHED_JOB: i64 = 30 * 86_400;
/// Traces that are kept or to be written: one takes half a minute to make, so that more fit than are made in
/// [`TRACE_OPEN`].
pub const TRACES_KEPT: u32 = 32;
/// Seconds from its payment for which a trace gives way to none but its own account's next, before which that account
/// audits: who audits a job does it as soon as it is paid. Seconds, too, for which a traced job waits to be paid.
pub const TRACE_OPEN: i64 = 600;
/// Seconds that a trace is kept at most, anew from its payment; an unpaid job expires before, so that nobody pays for a
/// trace that is gone.
pub const TRACE_KEPT: i64 = 3_600;
/// Traces being opened at once: each reads all over a large file, for up to 2 MB of openings in memory.
pub const OPENINGS: usize = 2;
/// Longest wait for one's turn to have a trace opened, so that audits at the same time do not fail.
pub const OPENING_WAIT: Duration = Duration::from_secs(5);
/// Bytes of a public model file sent at once.
pub const FILE_CHUNK: usize = 256 << 10;
/// Largest public model file kept in memory to be served.
pub const PUBLIC_FILE: u64 = 64 << 20;

/// Sessions of split mode that are open at once: with a round of [`based_client::wire::split::MAX_ROUND`] and a hint of
/// [`based_client::wire::split::MAX_HINT`] each, under 1 GiB.
pub const SESSIONS: usize = 16;
/// Of one spending account.
pub const SESSIONS_PER_ACCOUNT: usize = 2;

/// Time for which a reply waits to be read before its stream ends: twice as long as a silent client is waited for.
pub const UNREAD: Duration = IDLE.saturating_mul(2);

/// Time allowed for an upload of `size` bytes.
pub fn upload_time(size: u64) -> Duration {
    NEXT_MESSAGE.saturating_add(Duration::from_secs(size / UPLOAD_BYTES_PER_SECOND))
}
