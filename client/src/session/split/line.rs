//! One session's connection: what is sent and got, with its transcript. It knows no keys and no plaintext.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    time::Duration,
};

use based_primitives::Balance;
use sp_core::H256;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::{
    session::{
        link::{protocol, refused},
        SessionError,
    },
    wire::{
        self, fixed,
        proto::{self, split_down, split_up},
        split::{transcript, Transcript},
        MinerClient, Reassembly,
    },
};

/// Messages that wait to be sent: a header and a packing key fit.
const WAITING: usize = 8;

/// What hints answer.
const HINTS: &str = "a request for hints";

/// How long a miner is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// For the next piece of what it has at hand, or computes at once.
    pub word: Duration,
    /// For the next piece of a hint, or of a prompt's answer: the miner works for others, too.
    pub hint: Duration,
    /// Before a broken session is opened again: each is one attempt.
    pub pauses: [Duration; 3],
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            word: wire::SILENCE,
            hint: Duration::from_secs(300),
            pauses: [1, 3, 6].map(Duration::from_secs),
        }
    }
}

/// What the miner says when a session is opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Price of 1,000 positions of the prompt.
    pub prompt_price: Balance,
    /// Price of 1,000 others.
    pub completion_price: Balance,
    /// Positions of the job that were paid in earlier sessions.
    pub paid: u32,
    /// Those of them that were served.
    pub served: u32,
}

/// The stream of a session.
#[derive(Debug)]
pub struct Line {
    up: mpsc::Sender<proto::SplitUp>,
    down: tonic::Streaming<proto::SplitDown>,
    offline: Offline,
    used: Transcript,
    online: Transcript,
    sizes: (u64, u64),
    waits: Waits,
}

/// The offline part of a session, beside its stream.
#[derive(Clone, Debug)]
pub struct Offline {
    client: MinerClient<Channel>,
    session: Vec<u8>,
    bytes: Arc<AtomicU64>,
    waits: Waits,
}

/// The hints of a set, layer after layer.
#[derive(Debug)]
pub struct Hints {
    stream: tonic::Streaming<proto::Chunk>,
    ahead: Vec<u8>,
    preparation: Transcript,
    bytes: Arc<AtomicU64>,
    waits: Waits,
}

impl Line {
    /// Opens a session with its signed header and packing key.
    ///
    /// # Errors
    /// [`SessionError::Refused`] or [`SessionError::MinerGone`]; [`SessionError::Protocol`] if the answer is malformed.
    pub async fn open(
        mut client: MinerClient<Channel>,
        header: proto::SplitHeader,
        key: &[u8],
        waits: Waits,
    ) -> Result<(Self, Opening), SessionError> {
        let (up, messages) = mpsc::channel(WAITING);
        let asked = client.split(ReceiverStream::new(messages));
        let send = async {
            let parts = wire::chunks(key).map(split_up::Part::Data);
            for part in std::iter::once(split_up::Part::Header(header)).chain(parts) {
                // A stream that broke says so by its answer.
                let _ = up.send(proto::SplitUp { part: Some(part) }).await;
            }
        };
        let answer = tokio::time::timeout(waits.word, async { tokio::join!(asked, send).0 }).await;
        let mut down = answer
            .map_err(|_| silent("the session's opening", waits.word))?
            .map_err(|status| refused(&status))?
            .into_inner();
        let Some(split_down::Part::Opened(opened)) =
            next(&mut down, "the session's opening", waits.word).await?
        else {
            return Err(protocol("a session that does not begin with its opening"));
        };
        let opening = Opening {
            prompt_price: amount(&opened.prompt_price)?,
            completion_price: amount(&opened.completion_price)?,
            paid: opened.paid,
            served: opened.served,
        };
        let session: [u8; wire::split::SESSION_BYTES] =
            fixed("session", &opened.session).map_err(protocol)?;
        let line = Self {
            up,
            down,
            offline: Offline {
                client,
                session: session.to_vec(),
                bytes: Arc::default(),
                waits,
            },
            used: Transcript::default(),
            online: Transcript::default(),
            sizes: (0, 0),
            waits,
        };
        Ok((line, opening))
    }

    /// The offline part.
    pub fn offline(&self) -> &Offline {
        &self.offline
    }

    /// Takes a set into use, whose rounds follow.
    pub fn take_up(&mut self, preparation: &Transcript) {
        self.used.absorb(preparation);
    }

    /// Pays for the set that was prepared last; gives the positions of the job that are paid then.
    ///
    /// # Errors
    /// As [`Line::open`].
    pub async fn pay(&mut self, voucher: Vec<u8>) -> Result<u32, SessionError> {
        self.send(split_up::Part::Voucher(voucher)).await?;
        match next(&mut self.down, "a voucher", self.waits.word).await? {
            Some(split_down::Part::Paid(paid)) => Ok(paid.paid),
            _ => Err(protocol("a voucher that is not answered")),
        }
    }

    /// Sends a layer's inputs and gives its outputs, which have `expected` bytes.
    ///
    /// # Errors
    /// As [`Line::open`].
    pub async fn round(
        &mut self,
        layer: usize,
        inputs: &[u8],
        expected: u64,
    ) -> Result<Vec<u8>, SessionError> {
        self.exchange(layer, inputs, expected, self.waits.word).await
    }

    /// As [`Line::round`], for a prompt, whose answers take longer.
    ///
    /// # Errors
    /// As [`Line::open`].
    pub async fn prompt_round(
        &mut self,
        layer: usize,
        inputs: &[u8],
        expected: u64,
    ) -> Result<Vec<u8>, SessionError> {
        self.exchange(layer, inputs, expected, self.waits.hint).await
    }

    async fn exchange(
        &mut self,
        layer: usize,
        inputs: &[u8],
        expected: u64,
        wait: Duration,
    ) -> Result<Vec<u8>, SessionError> {
        let layer = u32::try_from(layer).map_err(protocol)?;
        let round = proto::Round {
            layer,
            size: inputs.len() as u64,
        };
        self.send(split_up::Part::Round(round)).await?;
        for chunk in wire::chunks(inputs) {
            self.send(split_up::Part::Data(chunk)).await?;
        }
        let mut outputs = Reassembly::new(expected, wire::split::MAX_ROUND).map_err(protocol)?;
        while outputs.received() < expected {
            match next(&mut self.down, "a layer's inputs", wait).await? {
                Some(split_down::Part::Data(data)) => outputs.push(&data).map_err(protocol)?,
                _ => return Err(protocol("a round that is not answered by its outputs")),
            }
        }
        let (outputs, _) = outputs.finish_unchecked().map_err(protocol)?;
        self.online.sent(inputs);
        self.online.got(&outputs);
        self.sizes.0 += inputs.len() as u64;
        self.sizes.1 += outputs.len() as u64;
        Ok(outputs)
    }

    /// Ends the session; gives the receipt, unchecked.
    ///
    /// # Errors
    /// As [`Line::open`].
    pub async fn finish(&mut self) -> Result<proto::SignedReceipt, SessionError> {
        self.send(split_up::Part::Finish(proto::Finish {})).await?;
        match next(&mut self.down, "the end of the session", self.waits.word).await? {
            Some(split_down::Part::Receipt(receipt)) => Ok(receipt),
            _ => Err(protocol("an end without a receipt")),
        }
    }

    /// Input and output hash that the receipt must state.
    pub fn transcript(&self, paid: u32, served: u32) -> (H256, H256) {
        transcript(&self.used, &self.online, paid, served)
    }

    /// Bytes of inputs sent, and of outputs and hints got.
    pub fn bytes(&self) -> (u64, u64) {
        let hints = self.offline.bytes.load(Ordering::Relaxed);
        (self.sizes.0, self.sizes.1 + hints)
    }

    /// Sends one message as it is.
    ///
    /// # Errors
    /// What the miner said when it ended the stream, or that it is gone.
    pub async fn send(&mut self, part: split_up::Part) -> Result<(), SessionError> {
        let message = proto::SplitUp { part: Some(part) };
        match tokio::time::timeout(self.waits.word, self.up.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => {
                next(&mut self.down, "what it was sent", self.waits.word).await?;
                Err(SessionError::MinerGone("it ended the session".into()))
            }
            Err(_) => Err(silent("what it was sent", self.waits.word)),
        }
    }
}

impl Offline {
    /// Asks for the hints of a set of positions; `requests` has one for each layer.
    ///
    /// # Errors
    /// As [`Line::open`].
    pub async fn prepare(&mut self, positions: usize, requests: Vec<Vec<u8>>) -> Result<Hints, SessionError> {
        let request = proto::PrepareRequest {
            session: self.session.clone(),
            positions: u32::try_from(positions).map_err(protocol)?,
            requests: requests.clone(),
        };
        let asked = tokio::time::timeout(self.waits.hint, self.client.prepare(request)).await;
        let stream = asked
            .map_err(|_| silent(HINTS, self.waits.hint))?
            .map_err(|status| match status.code() {
                // The session is gone, as after a restart: the job can be opened again.
                tonic::Code::NotFound => SessionError::MinerGone("it forgot the session".into()),
                _ => refused(&status),
            })?
            .into_inner();
        let mut preparation = Transcript::default();
        requests.iter().for_each(|request| preparation.sent(request));
        Ok(Hints {
            stream,
            ahead: Vec::new(),
            preparation,
            bytes: self.bytes.clone(),
            waits: self.waits,
        })
    }
}

impl Hints {
    /// The next layer's hint, which has `size` bytes.
    ///
    /// # Errors
    /// As [`Line::open`].
    pub async fn next(&mut self, size: u64) -> Result<Vec<u8>, SessionError> {
        let size = usize::try_from(size.min(wire::split::MAX_HINT)).map_err(protocol)?;
        while self.ahead.len() < size {
            let message = message(&mut self.stream, HINTS, self.waits.hint).await?;
            let Some(proto::Chunk { data }) = message else {
                return Err(SessionError::MinerGone("its hints broke off".into()));
            };
            if data.is_empty() || data.len() > wire::MAX_CHUNK {
                return Err(protocol(wire::ChunkError::ChunkSize(data.len())));
            }
            self.ahead.extend(data);
        }
        let rest = self.ahead.split_off(size);
        let hint = std::mem::replace(&mut self.ahead, rest);
        self.preparation.got(&hint);
        self.bytes.fetch_add(hint.len() as u64, Ordering::Relaxed);
        Ok(hint)
    }

    /// Waits for the end of the hints: the miner admits rounds then. Gives what was sent and got.
    ///
    /// # Errors
    /// As [`Line::open`]; [`SessionError::Protocol`] if more comes.
    pub async fn end(mut self) -> Result<Transcript, SessionError> {
        match message(&mut self.stream, HINTS, self.waits.word).await? {
            None if self.ahead.is_empty() => Ok(self.preparation),
            _ => Err(protocol("more hints than were asked for")),
        }
    }
}

async fn next(
    down: &mut tonic::Streaming<proto::SplitDown>,
    to: &str,
    wait: Duration,
) -> Result<Option<split_down::Part>, SessionError> {
    match message(down, to, wait).await? {
        Some(message) => Ok(message.part),
        None => Err(SessionError::MinerGone("it ended the session".into())),
    }
}

/// The next message of a stream that answers `to` something.
async fn message<T>(
    stream: &mut tonic::Streaming<T>,
    to: &str,
    wait: Duration,
) -> Result<Option<T>, SessionError> {
    let message = tokio::time::timeout(wait, stream.message()).await;
    message
        .map_err(|_| silent(to, wait))?
        .map_err(|status| refused(&status))
}

fn amount(bytes: &[u8]) -> Result<Balance, SessionError> {
    fixed("price", bytes)
        .map(Balance::from_le_bytes)
        .map_err(protocol)
}

fn silent(to: &str, wait: Duration) -> SessionError {
    SessionError::MinerGone(format!("no answer to {to} in {} s", wait.as_secs_f64()))
}
