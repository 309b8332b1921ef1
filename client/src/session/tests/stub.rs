//! A miner that does as it is told, and notes what it was sent.

use std::{
    collections::HashSet,
    pin::Pin,
    sync::{Arc, Mutex},
};

use based_primitives::{payments::Receipt, Endpoint, IpAddress, PeerInfo, ResourceKind, Resources, Role};
use codec::Encode;
use sp_core::H256;
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};
use zk_llm::manifest::GRAPH_FILE;

use super::receipts;
use crate::{
    chain::AccountId,
    session::link::{Link, Terms},
    tls::{incoming, ComputeKeyPair, Limits},
    wire::{self, miner_server, proto, KeyTerms},
};

pub const MINER: AccountId = AccountId::new([3; 32]);
pub const OUTPUT: [u8; 70] = [8; 70];

/// What the miner does.
#[derive(Clone, Default)]
pub struct Script {
    /// Changes what it says about itself.
    pub describe: Option<fn(&mut proto::DescribeReply)>,
    /// Breaks off so many submissions after their first progress.
    pub broken_submissions: usize,
    /// Refuses submissions with this.
    pub refuse: Option<Status>,
    /// Output it gives in place of the receipted one.
    pub output: Option<Vec<u8>>,
    /// Root of the trace to which its receipts commit.
    pub root: Option<H256>,
    /// Graph of its model.
    pub graph: Option<Vec<u8>>,
    /// What it sends when traces are to be opened; nothing is a refusal.
    pub openings: Vec<Vec<u8>>,
    /// Breaks off so many openings.
    pub broken_openings: usize,
    /// Account it says it has; else [`MINER`].
    pub account: Option<AccountId>,
    /// What it publishes for routing.
    pub centroids: Option<Vec<u8>>,
    /// Jobs that wait, and how many may.
    pub queue: (u32, u32),
    /// What it says in a session of split mode, whatever it hears.
    pub split: Vec<proto::split_down::Part>,
    /// What it sends as hints.
    pub hints: Vec<Vec<u8>>,
    /// Whether hints do not end: it says no more.
    pub stalls: bool,
}

/// What the miner was sent.
#[derive(Default)]
pub struct Seen {
    pub keys: HashSet<H256>,
    pub key_bytes: usize,
    pub jobs: Vec<(proto::JobHeader, Vec<u8>)>,
    pub vouchers: Vec<Vec<u8>>,
    /// Bootstraps that were to be opened.
    pub opened: Vec<Vec<u32>>,
    /// Every call by its name and the bytes of its first message, in order.
    pub calls: Vec<(&'static str, Vec<u8>)>,
}

pub struct Stub {
    key: ComputeKeyPair,
    script: Script,
    pub seen: Arc<Mutex<Seen>>,
}

type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

pub fn terms() -> Terms {
    Terms {
        genesis: H256([1; 32]),
        brain: 7,
        task: H256([3; 32]),
    }
}

/// Receipt for a job's header, with [`OUTPUT`]'s hash.
fn receipt_for(header: &proto::JobHeader, trace: Option<H256>) -> Receipt {
    Receipt {
        job: header.job.clone().try_into().unwrap(),
        evaluation_key: H256::from_slice(&header.evaluation_key),
        input: H256::from_slice(&header.input),
        output: wire::sha256(&OUTPUT),
        trace,
        ..receipts::receipt()
    }
}

impl Stub {
    /// Starts a miner and returns its registry entry, key and notes.
    pub async fn start(script: Script) -> (PeerInfo<AccountId>, ComputeKeyPair, Arc<Mutex<Seen>>) {
        let key = ComputeKeyPair::generate();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<Seen>>::default();
        let account = script.account.clone().unwrap_or(MINER);
        let stub = Self {
            key: key.clone(),
            script,
            seen: seen.clone(),
        };
        let service = miner_server::MinerServer::new(stub).max_decoding_message_size(wire::MAX_MESSAGE);
        let connections = incoming(listener, key.server_config().unwrap(), Limits::default());
        tokio::spawn(
            wire::server()
                .add_service(service)
                .serve_with_incoming(connections),
        );
        let peer = PeerInfo {
            uid: 0,
            account,
            role: Role::Miner,
            endpoint: Endpoint {
                ip: IpAddress::V4([127, 0, 0, 1]),
                port,
            },
            computekey: key.public(),
            resources: Resources {
                kind: ResourceKind::Cpu,
                storage_mib: 1,
            },
            registered_at: 0,
        };
        (peer, key, seen)
    }

    /// As [`Stub::start`], connected.
    pub async fn link(script: Script) -> (Link, ComputeKeyPair, Arc<Mutex<Seen>>) {
        let (peer, key, seen) = Self::start(script).await;
        (Link::open(&peer, &terms()).await.unwrap(), key, seen)
    }
}

impl Stub {
    fn note(&self, call: &'static str, message: &impl prost::Message) {
        let bytes = message.encode_to_vec();
        self.seen.lock().unwrap().calls.push((call, bytes));
    }
}

#[tonic::async_trait]
impl miner_server::Miner for Stub {
    type ModelFileStream = Events<proto::Chunk>;
    type SubmitStream = Events<proto::JobEvent>;
    type CollectStream = Events<proto::Chunk>;
    type OpenStream = Events<proto::Chunk>;
    type SplitStream = Events<proto::SplitDown>;
    type PrepareStream = Events<proto::Chunk>;

    async fn describe(
        &self,
        request: Request<proto::DescribeRequest>,
    ) -> Result<Response<proto::DescribeReply>, Status> {
        self.note("describe", request.get_ref());
        let account = self.script.account.clone().unwrap_or(MINER);
        let mut reply = proto::DescribeReply {
            versions: vec![1],
            genesis: vec![1; 32],
            brain: 7,
            miner: AsRef::<[u8; 32]>::as_ref(&account).to_vec(),
            queue_depth: self.script.queue.0,
            queue_limit: self.script.queue.1,
            task: vec![3; 32],
            output_bytes: OUTPUT.len() as u64,
            price: 1_000u128.to_le_bytes().to_vec(),
            ..Default::default()
        };
        if let Some(change) = self.script.describe {
            change(&mut reply);
        }
        Ok(Response::new(reply))
    }

    async fn model_file(
        &self,
        request: Request<proto::ModelFileRequest>,
    ) -> Result<Response<Self::ModelFileStream>, Status> {
        self.note("model_file", request.get_ref());
        let name = request.into_inner().name;
        let data = match (name == wire::CENTROIDS_FILE, &self.script.centroids) {
            (true, None) => return Err(Status::not_found("this miner publishes no centroids")),
            (true, Some(published)) => published.clone(),
            (false, _) if name == GRAPH_FILE => self.script.graph.clone().unwrap_or_default(),
            (false, _) => name.into_bytes(),
        };
        let chunks: Vec<_> = wire::chunks(&data)
            .map(|data| Ok(proto::Chunk { data }))
            .collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }

    async fn upload_key(
        &self,
        request: Request<Streaming<proto::KeyUpload>>,
    ) -> Result<Response<proto::KeyReply>, Status> {
        let mut parts = request.into_inner();
        let Some(proto::KeyUpload {
            part: Some(proto::key_upload::Part::Header(header)),
        }) = parts.message().await?
        else {
            return Err(Status::invalid_argument("no header"));
        };
        self.note("upload_key", &header);
        let (terms, _) = KeyTerms::parse(&header)?;
        let mut key = wire::Reassembly::new(terms.size, wire::MAX_EVALUATION_KEY)?;
        while let Some(proto::KeyUpload {
            part: Some(proto::key_upload::Part::Data(data)),
        }) = parts.message().await?
        {
            self.seen.lock().unwrap().key_bytes += data.len();
            key.push(&data)?;
        }
        let known = self.seen.lock().unwrap().keys.contains(&terms.sha256);
        let stored = known || key.received() > 0 && key.finish(&terms.sha256).is_ok();
        if stored {
            self.seen.lock().unwrap().keys.insert(terms.sha256);
        }
        Ok(Response::new(proto::KeyReply { stored }))
    }

    async fn submit(
        &self,
        request: Request<Streaming<proto::JobUpload>>,
    ) -> Result<Response<Self::SubmitStream>, Status> {
        let parts: Vec<_> = request.into_inner().collect::<Result<_, _>>().await?;
        let mut parts = parts.into_iter().filter_map(|upload| upload.part);
        let Some(proto::job_upload::Part::Header(header)) = parts.next() else {
            return Err(Status::invalid_argument("no header"));
        };
        self.note("submit", &header);
        let input = parts
            .flat_map(|part| match part {
                proto::job_upload::Part::Data(data) => data,
                proto::job_upload::Part::Header(_) => Vec::new(),
            })
            .collect();
        let submissions = {
            let mut seen = self.seen.lock().unwrap();
            seen.jobs.push((header.clone(), input));
            seen.jobs.len()
        };
        if let Some(status) = &self.script.refuse {
            return Err(status.clone());
        }
        let event = |event| Ok(proto::JobEvent { event: Some(event) });
        let mut events = vec![
            event(proto::job_event::Event::Queued(proto::Queued { position: 2 })),
            event(proto::job_event::Event::Progress(proto::Progress {
                done: 9,
                total: 4,
                layer: "va\x1b[2Jlues".into(),
            })),
        ];
        if submissions <= self.script.broken_submissions {
            events.push(Err(Status::unavailable("killed")));
        } else {
            let signed = receipts::signed(&self.key, &receipt_for(&header, self.script.root));
            events.push(event(proto::job_event::Event::Receipt(signed)));
        }
        Ok(Response::new(Box::pin(tokio_stream::iter(events))))
    }

    async fn collect(
        &self,
        request: Request<proto::CollectRequest>,
    ) -> Result<Response<Self::CollectStream>, Status> {
        self.seen
            .lock()
            .unwrap()
            .vouchers
            .push(request.into_inner().voucher.encode());
        let output = self.script.output.clone().unwrap_or(OUTPUT.to_vec());
        let chunks: Vec<_> = output
            .chunks(32)
            .map(|data| Ok(proto::Chunk { data: data.to_vec() }))
            .collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }

    async fn open(&self, request: Request<proto::OpenRequest>) -> Result<Response<Self::OpenStream>, Status> {
        let asked = {
            let mut seen = self.seen.lock().unwrap();
            seen.opened.push(request.into_inner().tables);
            seen.opened.len()
        };
        if asked <= self.script.broken_openings {
            return Err(Status::resource_exhausted("other traces are being opened"));
        }
        if self.script.openings.is_empty() {
            return Err(Status::not_found("the trace is no longer kept"));
        }
        let openings = self.script.openings.clone().into_iter();
        let chunks = openings.map(|data| Ok(proto::Chunk { data }));
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }

    async fn split(
        &self,
        request: Request<Streaming<proto::SplitUp>>,
    ) -> Result<Response<Self::SplitStream>, Status> {
        let parts = self.script.split.clone().into_iter();
        let said = parts.map(|part| Ok(proto::SplitDown { part: Some(part) }));
        // The stream is heard to its end, after all was said.
        let heard = request.into_inner().filter_map(|_| None);
        Ok(Response::new(Box::pin(tokio_stream::iter(said).chain(heard))))
    }

    async fn prepare(
        &self,
        _: Request<proto::PrepareRequest>,
    ) -> Result<Response<Self::PrepareStream>, Status> {
        let hints = self.script.hints.clone().into_iter();
        let chunks = tokio_stream::iter(hints.map(|data| Ok(proto::Chunk { data })));
        Ok(Response::new(match self.script.stalls {
            true => Box::pin(chunks.chain(tokio_stream::pending())),
            false => Box::pin(chunks),
        }))
    }
}
