//! Reaching a miner: its promises about itself are compared with the chain before anything is sent.

use std::time::Duration;

use based_primitives::{Balance, BrainId, ComputeKey, PeerInfo};
use futures::TryFutureExt;
use sp_core::H256;
use tonic::transport::Channel;

use super::{route::MAX_FREE, SessionError};
use crate::{
    chain::AccountId,
    tls,
    wire::{self, fixed, proto, MinerClient, Reassembly},
};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for a short answer.
const ANSWER: Duration = Duration::from_secs(20);

/// What a miner must agree to.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub genesis: H256,
    pub brain: BrainId,
    pub task: H256,
}

/// A connection to a miner that agrees with the chain.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub client: MinerClient<Channel>,
    pub miner: AccountId,
    pub computekey: ComputeKey,
    /// Price of a job by the miner's own word.
    pub price: Balance,
    pub limits: (u64, u64, u64),
    /// Jobs or sessions that it has room for, by the miner's own word; at most [`MAX_FREE`].
    pub free: u32,
}

impl Link {
    /// Connects to a registered miner and compares what it says with the chain.
    pub async fn open(peer: &PeerInfo<AccountId>, terms: &Terms) -> Result<Self, SessionError> {
        let address = tls::endpoint_address(&peer.endpoint);
        let channel = tls::connect(address, peer.computekey, CONNECT).await?;
        let mut client = MinerClient::new(channel)
            .max_decoding_message_size(wire::MAX_MESSAGE)
            .max_encoding_message_size(wire::MAX_MESSAGE);
        let reply = timely(client.describe(proto::DescribeRequest {})).await?;
        let refuse = |what: &str| Err(SessionError::Refused(what.to_owned()));
        if !reply.versions.contains(&wire::VERSION) {
            return refuse("it speaks other versions of the protocol; update the older program");
        }
        let genesis: [u8; 32] = field("genesis", &reply.genesis)?;
        let task: [u8; 32] = field("task", &reply.task)?;
        let miner: [u8; 32] = field("miner", &reply.miner)?;
        if genesis != terms.genesis.0 || reply.brain != u32::from(terms.brain) {
            return refuse("it works for another chain or Brain");
        }
        if miner != *AsRef::<[u8; 32]>::as_ref(&peer.account) {
            return refuse("it names another account than the registry");
        }
        if task != terms.task.0 {
            return refuse("it does not run the Brain's task yet; try again later");
        }
        Ok(Self {
            client,
            miner: peer.account.clone(),
            computekey: peer.computekey,
            price: Balance::from_le_bytes(field("price", &reply.price)?),
            limits: (reply.evaluation_key_bytes, reply.input_bytes, reply.output_bytes),
            free: reply.queue_limit.saturating_sub(reply.queue_depth).min(MAX_FREE),
        })
    }

    /// Collects the output of a finished job for a voucher.
    pub async fn collect(&mut self, voucher: Vec<u8>, output: &H256) -> Result<Vec<u8>, SessionError> {
        let mut stream = timely(self.client.collect(proto::CollectRequest { voucher })).await?;
        let (_, _, size) = self.limits;
        let mut whole = Reassembly::new(size, wire::MAX_CIPHERTEXT).map_err(protocol)?;
        while let Some(chunk) = timely_message(&mut stream).await? {
            whole.push(&chunk.data).map_err(protocol)?;
        }
        match whole.finish(output) {
            Err(wire::ChunkError::Truncated { .. }) => {
                Err(SessionError::MinerGone("its answer broke off".into()))
            }
            other => other.map_err(|_| SessionError::Output),
        }
    }

    /// Has bootstraps of a paid job's trace opened, one after another; an opening has `size` bytes.
    pub async fn openings(
        &mut self,
        voucher: &[u8],
        tables: &[u32],
        size: u64,
    ) -> Result<Vec<u8>, SessionError> {
        let mut all = Vec::new();
        for portion in tables.chunks(wire::MAX_OPENINGS) {
            let request = proto::OpenRequest {
                voucher: voucher.to_vec(),
                tables: portion.to_vec(),
            };
            let mut stream = timely(self.client.open(request).map_err(busy)).await?;
            let expected = size.saturating_mul(portion.len() as u64);
            let mut whole = Reassembly::new(expected, expected).map_err(protocol)?;
            while let Some(chunk) = timely_message(&mut stream).await? {
                whole.push(&chunk.data).map_err(protocol)?;
            }
            let (openings, _) = whole.finish_unchecked().map_err(protocol)?;
            all.extend(openings);
        }
        Ok(all)
    }
}

/// A miner that opens other traces just now refuses nothing.
fn busy(status: tonic::Status) -> tonic::Status {
    match status.code() {
        tonic::Code::ResourceExhausted => tonic::Status::unavailable(status.message()),
        _ => status,
    }
}

fn field<const N: usize>(name: &'static str, bytes: &[u8]) -> Result<[u8; N], SessionError> {
    fixed(name, bytes).map_err(protocol)
}

pub(super) fn protocol(error: impl std::fmt::Display) -> SessionError {
    SessionError::Protocol(error.to_string())
}

/// Waits for a short answer.
pub(super) async fn timely<T>(
    answer: impl std::future::Future<Output = Result<tonic::Response<T>, tonic::Status>>,
) -> Result<T, SessionError> {
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(answer) => answer
            .map(tonic::Response::into_inner)
            .map_err(|status| refused(&status)),
        Err(_) => Err(SessionError::MinerGone(format!(
            "no answer in {} s",
            ANSWER.as_secs()
        ))),
    }
}

/// Waits for the next message of a stream.
pub(super) async fn timely_message<T>(stream: &mut tonic::Streaming<T>) -> Result<Option<T>, SessionError> {
    match tokio::time::timeout(wire::SILENCE, stream.message()).await {
        Ok(message) => message.map_err(|status| refused(&status)),
        Err(_) => Err(SessionError::MinerGone(format!(
            "silent for {} s",
            wire::SILENCE.as_secs()
        ))),
    }
}

/// What a status means to a client.
pub(super) fn refused(status: &tonic::Status) -> SessionError {
    use tonic::Code;
    let message = printable(status.message());
    match status.code() {
        Code::Unavailable | Code::Cancelled | Code::Aborted | Code::DeadlineExceeded | Code::Unknown => {
            SessionError::MinerGone(message)
        }
        _ => SessionError::Refused(message),
    }
}

/// A stranger's words, made harmless for a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect()
}
