//! Protocol between clients and miners: generated messages, limits, signatures and chunked transfers.
//!
//! The messages are those of `proto/based.proto`. Nothing received is trusted: fixed-length fields go
//! through [`fixed`], streams through [`Reassembly`].

mod chunks;
mod headers;
pub mod split;
#[cfg(test)]
mod tests;

/// Messages, client and server generated from `proto/based.proto`.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod proto {
    tonic::include_proto!("based.v1");
}

pub use chunks::{chunks, fixed, ChunkError, Reassembly};
pub use headers::{sha256, HeaderError, JobTerms, KeyTerms};
pub use proto::{miner_client::MinerClient, miner_server};

use std::time::Duration;

use based_primitives::Balance;

/// Version of the protocol that this library speaks.
pub const VERSION: u32 = 1;
/// Most bytes of one chunk.
pub const MAX_CHUNK: usize = 1 << 20;
/// Most bytes of one gRPC message: a chunk and its framing.
pub const MAX_MESSAGE: usize = MAX_CHUNK + (64 << 10);
/// Most bytes that any evaluation key may have; the model's exact size is tighter.
pub const MAX_EVALUATION_KEY: u64 = 150_000_000;
/// Most bytes that any ciphertext may have; the model's exact size is tighter.
pub const MAX_CIPHERTEXT: u64 = 16 << 20;
/// Most bytes of a public model file in full mode; the manifest of a split model bounds its files.
pub const MAX_MODEL_FILE: u64 = 256 << 20;
/// Files that [`proto::miner_client::MinerClient::model_file`] serves in full mode.
pub const MODEL_FILES: [&str; 4] = [
    "manifest.json",
    "tokenizer.json",
    "embedding.safetensors",
    "graph.json",
];
/// What a miner publishes for routing (SPEC R168), fetched like a model's file whatever the mode.
pub const CENTROIDS_FILE: &str = "centroids.json";
/// Completion units of one full-mode job: its answer is one unit; its prompt is the model's whole context.
pub const FULL_COMPLETION_UNITS: u32 = 1;
/// How many times the price of a job a traced one costs: integers take about twice as long as floating point, and the trace
/// is kept.
const TRACED_PRICE: Balance = 2;
/// Most bootstraps that one [`proto::OpenRequest`] names.
pub const MAX_OPENINGS: usize = 128;
/// Longest silence of a miner during a transfer or an evaluation before a client gives up.
pub const SILENCE: Duration = Duration::from_secs(60);

/// What a full-mode job costs where a usual one costs `price`; none if no amount is as large.
pub fn job_price(price: Balance, traced: bool) -> Option<Balance> {
    if traced {
        price.checked_mul(TRACED_PRICE)
    } else {
        Some(price)
    }
}

/// A gRPC server with this protocol's limits: streams per connection, keep-alive, header and frame sizes.
///
/// Serve [`crate::tls::incoming`] with it.
pub fn server() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .max_concurrent_streams(16)
        .concurrency_limit_per_connection(16)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .http2_max_header_list_size(16 << 10)
        .initial_stream_window_size(2 << 20)
        .initial_connection_window_size(4 << 20)
}
