//! The gRPC service. Every byte it reads comes from strangers.

mod collect;
mod jobs;
mod keys;
mod open;
mod replies;
mod split;
mod upload;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use based_client::{
    tls::ComputeKeyPair,
    wire::{
        self,
        proto::{
            miner_server::Miner, Chunk, CollectRequest, DescribeReply, DescribeRequest, JobEvent, JobUpload,
            KeyReply, KeyUpload, ModelFileRequest, OpenRequest, PrepareRequest, SplitDown, SplitUp,
        },
        CENTROIDS_FILE, MAX_CHUNK,
    },
};
use based_primitives::{Balance, BrainId, JobId, SpendingAccountId};
use sp_core::H256;
use sp_runtime::AccountId32;
use tokio::sync::{watch, Semaphore};
use tonic::{Request, Response, Status, Streaming};
use zk_llm::split::PACKING_KEY_BYTES;

use self::replies::{apart, from_disk, in_chunks, Replies};
use crate::{
    chain::{Account, Chain, ChainError, Reservation},
    db::{Db, DbError, Job, ReservationSeen},
    evalkeys::{KeyStore, KeyStoreError},
    limits,
    metrics::Metrics,
    payments,
    queue::Queue,
    stop::Stop,
    tasks::{Library, Offer, Public, Served, Situation, TaskError, Work},
    traces::TraceStore,
};

/// What the service works with.
pub struct Parts {
    /// State.
    pub db: Db,
    /// Evaluation keys.
    pub keys: KeyStore,
    /// Traces.
    pub traces: TraceStore,
    /// Models.
    pub library: Arc<Library>,
    /// Jobs.
    pub queue: Queue,
    /// Chain.
    pub chain: Arc<dyn Chain>,
    /// Last look at the chain.
    pub situation: watch::Receiver<Situation>,
    /// Brain that is served.
    pub brain: BrainId,
    /// Signs receipts.
    pub computekey: ComputeKeyPair,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Threads that evaluate.
    pub threads: usize,
    /// What is published for routing (R168), if anything.
    pub centroids: Option<Arc<[u8]>>,
    /// End of the program.
    pub stop: Stop,
}

/// The miner's service; clones share it.
#[derive(Clone)]
pub struct Service(Arc<Shared>);

struct Shared {
    parts: Parts,
    genesis: H256,
    miner: AccountId32,
    chain_reads: Semaphore,
    key_uploads: Semaphore,
    key_checks: Semaphore,
    uploading: Mutex<HashSet<SpendingAccountId>>,
    job_uploads: Semaphore,
    openings: Arc<Semaphore>,
    sessions: split::Sessions,
}

impl Service {
    /// A service over its parts.
    pub fn new(parts: Parts) -> Self {
        let (genesis, miner) = (parts.chain.genesis(), parts.chain.miner());
        let sessions = split::Sessions::new(parts.threads);
        Self(Arc::new(Shared {
            parts,
            genesis,
            miner,
            chain_reads: Semaphore::new(limits::CHAIN_READS),
            key_uploads: Semaphore::new(limits::KEY_UPLOADS),
            key_checks: Semaphore::new(limits::KEY_CHECKS),
            uploading: Mutex::default(),
            job_uploads: Semaphore::new(limits::JOB_UPLOADS),
            openings: Arc::new(Semaphore::new(limits::OPENINGS)),
            sessions,
        }))
    }
}

impl Shared {
    /// The model in force and the price of a job.
    fn offer(&self) -> Result<(Arc<Served>, Balance), Status> {
        match &self.parts.situation.borrow().offer {
            Offer::Open { served, price, .. } => Ok((served.clone(), *price)),
            Offer::Closed(reason) => Err(Status::unavailable(format!(
                "this miner accepts no jobs: {reason}"
            ))),
        }
    }

    /// What is known of a job.
    async fn job(&self, id: JobId) -> Result<Option<Job>, Status> {
        self.parts.db.run(move |db| db.job(&id)).await.map_err(db_status)
    }

    /// Accounts that upload a key now.
    fn uploading(&self) -> MutexGuard<'_, HashSet<SpendingAccountId>> {
        self.uploading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn head(&self) -> u32 {
        self.parts.situation.borrow().head
    }

    fn check_brain(&self, brain: BrainId) -> Result<(), Status> {
        if brain == self.parts.brain {
            Ok(())
        } else {
            Err(Status::invalid_argument(format!(
                "this miner serves Brain {}, not {brain}",
                self.parts.brain
            )))
        }
    }

    async fn account(&self, id: SpendingAccountId) -> Result<Option<Account>, Status> {
        if !self.parts.situation.borrow().reachable {
            return Err(chain_status(ChainError::Unreachable(
                "no answer to the last question".into(),
            )));
        }
        let _turn = self.chain_reads.acquire().await.map_err(|_| stopping())?;
        let account = self.parts.chain.account(id).await.map_err(chain_status)?;
        if let Some(Account {
            spending,
            reservation: Some(reservation),
        }) = &account
        {
            let seen = ReservationSeen {
                spender: spending.spender.clone(),
                reserved: reservation.reserved,
                redeemed: reservation.redeemed,
                until: spending.until(),
            };
            self.parts
                .db
                .run(move |db| db.see_reservation(id, &seen))
                .await
                .map_err(db_status)?;
        }
        Ok(account)
    }

    /// Spender and reservation of an account that may order work for `price`.
    async fn customer(
        &self,
        id: SpendingAccountId,
        price: Balance,
    ) -> Result<(AccountId32, Reservation), Status> {
        let account = self.account(id).await?;
        let brain = self.parts.brain;
        Ok(payments::reservation_for(id, account, brain, self.head(), price)?)
    }
}

#[tonic::async_trait]
impl Miner for Service {
    type ModelFileStream = Replies<Chunk>;
    type SubmitStream = Replies<JobEvent>;
    type CollectStream = Replies<Chunk>;
    type OpenStream = Replies<Chunk>;
    type SplitStream = Replies<SplitDown>;
    type PrepareStream = Replies<Chunk>;

    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeReply>, Status> {
        let shared = &self.0;
        let (served, price) = shared.offer()?;
        // Keys of split mode are the same for every model; its rounds have no one size.
        let (sizes, depth, limit) = match &served.work {
            Work::Full(full) => {
                let limits = full.model.limits();
                let sizes = (
                    limits.evaluation_key_bytes,
                    limits.input_bytes,
                    limits.output_bytes,
                );
                (sizes, shared.parts.queue.depth(), limits::QUEUE)
            }
            Work::Split(_) => {
                let limit = u32::try_from(limits::SESSIONS).unwrap_or(u32::MAX);
                ((PACKING_KEY_BYTES, 0, 0), shared.sessions.count(), limit)
            }
        };
        Ok(Response::new(DescribeReply {
            versions: vec![wire::VERSION],
            software: concat!("based-miner ", env!("CARGO_PKG_VERSION")).into(),
            genesis: shared.genesis.0.to_vec(),
            brain: shared.parts.brain.into(),
            miner: AsRef::<[u8; 32]>::as_ref(&shared.miner).to_vec(),
            task: served.task.0.to_vec(),
            evaluation_key_bytes: sizes.0,
            input_bytes: sizes.1,
            output_bytes: sizes.2,
            queue_depth: depth,
            queue_limit: limit,
            threads: u32::try_from(shared.parts.threads).unwrap_or(u32::MAX),
            price: price.to_le_bytes().to_vec(),
        }))
    }

    async fn model_file(
        &self,
        request: Request<ModelFileRequest>,
    ) -> Result<Response<Self::ModelFileStream>, Status> {
        let name = request.into_inner().name;
        if name == CENTROIDS_FILE {
            let published = self.0.parts.centroids.clone();
            let published =
                published.ok_or_else(|| Status::not_found("this miner publishes no centroids"))?;
            return Ok(Response::new(in_chunks(published, limits::FILE_CHUNK)));
        }
        let (served, _) = self.0.offer()?;
        let file = served.public.get(name.as_str()).cloned().ok_or_else(|| {
            let mut names: Vec<_> = served.public.keys().copied().collect();
            names.sort_unstable();
            Status::not_found(format!("no such public file; there are {}", names.join(", ")))
        })?;
        match file {
            Public::Memory(bytes) => Ok(Response::new(in_chunks(bytes, limits::FILE_CHUNK))),
            Public::Disk(path) => Ok(Response::new(from_disk(&path).await?)),
        }
    }

    async fn upload_key(&self, request: Request<Streaming<KeyUpload>>) -> Result<Response<KeyReply>, Status> {
        keys::upload(&self.0, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn submit(
        &self,
        request: Request<Streaming<JobUpload>>,
    ) -> Result<Response<Self::SubmitStream>, Status> {
        let id = jobs::submit(&self.0, request.into_inner()).await?;
        Ok(Response::new(Box::pin(jobs::events(self.0.clone(), id))))
    }

    async fn collect(
        &self,
        request: Request<CollectRequest>,
    ) -> Result<Response<Self::CollectStream>, Status> {
        let output = collect::collect(&self.0, &request.into_inner().voucher).await?;
        Ok(Response::new(in_chunks(output.into(), MAX_CHUNK)))
    }

    async fn open(&self, request: Request<OpenRequest>) -> Result<Response<Self::OpenStream>, Status> {
        let openings = open::open(&self.0, request.into_inner()).await?;
        Ok(Response::new(in_chunks(openings.into(), MAX_CHUNK)))
    }

    async fn split(
        &self,
        request: Request<Streaming<SplitUp>>,
    ) -> Result<Response<Self::SplitStream>, Status> {
        let replies = split::open(&self.0, request.into_inner()).await?;
        Ok(Response::new(apart(replies)))
    }

    async fn prepare(
        &self,
        request: Request<PrepareRequest>,
    ) -> Result<Response<Self::PrepareStream>, Status> {
        let hints = split::prepare(&self.0, request.into_inner())?;
        Ok(Response::new(apart(hints)))
    }
}

impl From<TaskError> for Status {
    fn from(error: TaskError) -> Self {
        tracing::debug!(%error, "a call for another model");
        Self::failed_precondition(error.to_string())
    }
}

fn stopping() -> Status {
    Status::unavailable("the miner is stopping; try again later")
}

fn chain_status(error: ChainError) -> Status {
    tracing::warn!(%error, "cannot read the chain for a client");
    Status::unavailable("the miner cannot reach its node now; try again later or ask another miner")
}

fn db_status(error: DbError) -> Status {
    tracing::error!(%error, "the state failed");
    Status::internal("the miner's own state failed; try again later or ask another miner")
}

fn key_status(error: KeyStoreError) -> Status {
    let message = error.to_string();
    match error {
        KeyStoreError::Full { .. } | KeyStoreError::Busy(_) => Status::resource_exhausted(message),
        KeyStoreError::Key(_) => Status::invalid_argument(message),
        KeyStoreError::Db(error) => db_status(error),
        KeyStoreError::Io(_) | KeyStoreError::Interrupted => {
            tracing::error!(%error, "key storage failed");
            Status::internal("the miner's key storage failed; try again later or ask another miner")
        }
    }
}
