//! A running miner with a tiny model, and a client of it.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use based_client::{
    models::{Models, Quota},
    tls::{self, ComputeKeyPair},
    wire::{
        chunks,
        proto::{
            job_event::Event, job_upload, key_upload, Chunk, CollectRequest, JobUpload, KeyReply, KeyUpload,
            OpenRequest, SignedReceipt,
        },
        sha256, JobTerms, KeyTerms, MinerClient, CENTROIDS_FILE,
    },
};
use based_primitives::{
    payments::{Receipt, SignedVoucher, Voucher, VoucherSignature, PAYMENT_VERSION},
    Balance, JobId, SpendingAccountId,
};
use codec::{Decode, Encode};
use rand::RngCore;
use sp_core::{Pair, H256};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tonic::{transport::Channel, Status, Streaming};
use zk_llm::{
    ir::{GraphBuilder, Lut, Row},
    manifest::{EMBEDDING_FILE, GRAPH_FILE, TOKENIZER_FILE},
    ClientKey, Device, Manifest, Model, ParameterSet,
};

use super::fake::{account_of, pair, Fake, ACCOUNT, BRAIN, GENESIS, PRICE};
use crate::{
    db::Db,
    evalkeys::KeyStore,
    metrics::Metrics,
    queue::{Queue, Worker},
    run,
    service::{Parts, Service},
    stop::{self, Stopper},
    tasks::{Library, Situation},
    traces::TraceStore,
    watcher::Watcher,
};

/// What every test shares: making keys takes seconds.
pub struct Fixture {
    /// Client's secret key.
    pub key: ClientKey,
    /// Its evaluation key.
    pub evaluation_key: Vec<u8>,
    /// Directory with the tiny model.
    pub model_dir: PathBuf,
    /// The tiny model.
    pub model: Model,
    _dir: TempDir,
}

pub fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let model_dir = dir.path().join("tiny");
        write_model(&model_dir, "tiny");
        let key = ClientKey::generate(&ParameterSet::default()).unwrap();
        let evaluation_key = key.evaluation_key_bytes().unwrap();
        let model = Model::load(&model_dir).unwrap();
        Fixture {
            key,
            evaluation_key,
            model,
            model_dir,
            _dir: dir,
        }
    })
}

/// Writes a model of 16 inputs that looks at four: is x0 + x1 >= 0, is x2 - x3 >= 0. Returns the hash of its manifest.
pub fn write_model(dir: &Path, name: &str) -> H256 {
    let mut graph = GraphBuilder::new(16, -1, 1);
    let sign = graph.lut(Lut::new(-2..=2, |x| i32::from(x >= 0)));
    let rows = vec![Row::new(0, [(0, 1), (1, 1)]), Row::new(0, [(2, 1), (3, -1)])];
    let logits = graph.table_layer("signs", Some(0), sign, rows);
    let graph = graph.finish(logits).unwrap();
    let circuit = graph.compile(&ParameterSet::default()).unwrap();
    let files = [
        (GRAPH_FILE, graph.to_json().unwrap()),
        (TOKENIZER_FILE, b"{}".to_vec()),
        (EMBEDDING_FILE, vec![7; 600_000]),
    ];
    let mut manifest = Manifest::unmeasured(name, "two signs", &["first", "second"], &circuit);
    manifest.write(dir, &files).unwrap().into()
}

/// Bytes from the operating system's randomness.
pub fn random(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    rand::rngs::OsRng.fill_bytes(&mut bytes);
    bytes
}

/// A fresh job id.
pub fn job_id() -> JobId {
    random(32).try_into().unwrap()
}

/// An encrypted input of the tiny model.
pub fn input(values: [i32; 4]) -> Vec<u8> {
    let fixture = fixture();
    let mut all = [0; 16];
    all[..4].copy_from_slice(&values);
    fixture
        .key
        .encrypt_values(fixture.model.circuit().interface(), &all)
        .unwrap()
}

/// Signature of //User, or of whom else.
pub fn sign(name: &str, bytes: &[u8]) -> VoucherSignature {
    VoucherSignature::Sr25519(pair(name).sign(bytes))
}

/// A miner that serves on loopback; stops when dropped.
pub struct Miner {
    pub chain: Arc<Fake>,
    pub db: Db,
    pub traces: TraceStore,
    pub watcher: Arc<Watcher>,
    pub address: SocketAddr,
    pub computekey: ComputeKeyPair,
    pub stopper: Stopper,
    parts: JoinSet<()>,
}

impl Miner {
    /// Starts in `data_dir`, looking for models in `models`; `evaluates` false leaves jobs queued.
    pub async fn start(data_dir: &Path, models: &Path, chain: Arc<Fake>, evaluates: bool) -> Self {
        let computekey = ComputeKeyPair::load_or_create(&data_dir.join("computekey.pem")).unwrap();
        if let Some(peer) = chain.state().peer.as_mut() {
            peer.computekey = computekey.public();
        }
        let quota = Quota::from_mib(1_024);
        let db = Db::open(data_dir).unwrap();
        db.bind(&GENESIS, &account_of("Miner"), BRAIN).unwrap();
        let traces = TraceStore::open(data_dir).unwrap();
        let keys = KeyStore::open(data_dir, db.clone(), quota, Device::cores()).unwrap();
        let library = Arc::new(Library::new(
            Models::new(vec![models.into()], data_dir, quota),
            Device::cores(),
        ));
        let (publish, situation) = watch::channel(Situation::default());
        let watcher = Arc::new(Watcher::new(
            chain.clone(),
            BRAIN,
            &computekey,
            library.clone(),
            publish,
        ));
        watcher.look().await.unwrap();
        let (stopper, stop) = stop::channel();
        let queue = Queue::default();
        db.resumable()
            .unwrap()
            .into_iter()
            .for_each(|job| queue.push(job));
        let metrics = Arc::new(Metrics::new().unwrap());
        let worker = Arc::new(Worker {
            db: db.clone(),
            keys: keys.clone(),
            traces: traces.clone(),
            library: library.clone(),
            computekey: computekey.clone(),
            genesis: GENESIS,
            threads: 1,
            metrics: metrics.clone(),
        });
        let mut parts = JoinSet::new();
        if evaluates {
            let (queue, stop) = (queue.clone(), stop.clone());
            parts.spawn(async move { queue.work(worker, stop).await });
        }
        let service = Service::new(Parts {
            db: db.clone(),
            keys,
            traces: traces.clone(),
            library,
            queue,
            chain: chain.clone(),
            situation,
            brain: BRAIN,
            computekey: computekey.clone(),
            metrics,
            threads: 1,
            centroids: fs::read(data_dir.join(CENTROIDS_FILE)).ok().map(Into::into),
            stop: stop.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = run::listen(listener, computekey.clone(), service, stop);
        parts.spawn(async move { serving.await.unwrap() });
        Self {
            chain,
            db,
            traces,
            watcher,
            address,
            computekey,
            stopper,
            parts,
        }
    }

    /// A miner of the tiny model in a fresh directory.
    pub async fn fresh(dir: &TempDir) -> Self {
        let fixture = fixture();
        let chain = Arc::new(Fake::new(H256(fixture.model.manifest_hash()), [0; 32]));
        Self::start(dir.path(), &fixture.model_dir, chain, true).await
    }

    /// Stops and waits for every part.
    pub async fn stop(mut self) {
        self.stopper.stop();
        while let Some(ended) = self.parts.join_next().await {
            ended.unwrap();
        }
    }

    pub async fn client(&self) -> Client {
        let channel = tls::connect(self.address, self.computekey.public(), Duration::from_secs(10))
            .await
            .unwrap();
        Client(MinerClient::new(channel))
    }

    /// Submits a prepared job and waits for its receipt.
    pub async fn finished_job(&self, values: [i32; 4]) -> JobId {
        let mut client = self.client().await;
        client
            .upload_key(&key_terms(), "User", &fixture().evaluation_key)
            .await
            .unwrap();
        let bytes = input(values);
        let terms = job_terms(job_id(), &bytes);
        client.submit(&terms, "User", &bytes).await.unwrap();
        terms.job
    }
}

/// Terms of the fixture's key for account 1.
pub fn key_terms() -> KeyTerms {
    let key = &fixture().evaluation_key;
    KeyTerms {
        account: ACCOUNT,
        brain: BRAIN,
        sha256: sha256(key),
        size: key.len() as u64,
        expiry: 200,
    }
}

/// Terms of a job of account 1 for the tiny model.
pub fn job_terms(job: JobId, input: &[u8]) -> JobTerms {
    let fixture = fixture();
    JobTerms {
        job,
        account: ACCOUNT,
        brain: BRAIN,
        task: H256(fixture.model.manifest_hash()),
        evaluation_key: sha256(&fixture.evaluation_key),
        input: sha256(input),
        size: input.len() as u64,
        max_price: PRICE,
        traced: false,
    }
}

/// A voucher of account 1 for a job.
pub fn voucher(job: JobId, cumulative: Balance) -> Voucher {
    Voucher {
        version: PAYMENT_VERSION,
        genesis: GENESIS,
        account: ACCOUNT,
        miner: account_of("Miner"),
        brain: BRAIN,
        job,
        cumulative,
        expiry: 1_000,
    }
}

/// The voucher signed by someone.
pub fn signed(voucher: Voucher, name: &str) -> SignedVoucher {
    let signature = sign(name, &voucher.signing_bytes());
    SignedVoucher { voucher, signature }
}

/// A client that can be made to misbehave.
pub struct Client(pub MinerClient<Channel>);

impl Client {
    pub async fn upload_key(
        &mut self,
        terms: &KeyTerms,
        signer: &str,
        bytes: &[u8],
    ) -> Result<KeyReply, Status> {
        let signature = sign(signer, &terms.signing_bytes(&GENESIS, &account_of("Miner")));
        let header = KeyUpload {
            part: Some(key_upload::Part::Header(terms.header(&signature))),
        };
        let data = |data| KeyUpload {
            part: Some(key_upload::Part::Data(data)),
        };
        let parts: Vec<_> = std::iter::once(header).chain(chunks(bytes).map(data)).collect();
        Ok(self
            .0
            .upload_key(futures::stream::iter(parts))
            .await?
            .into_inner())
    }

    /// Submits and follows the events to the receipt.
    pub async fn submit(
        &mut self,
        terms: &JobTerms,
        signer: &str,
        bytes: &[u8],
    ) -> Result<SignedReceipt, Status> {
        self.events(terms, signer, bytes, usize::MAX).await?.pop_receipt()
    }

    /// The first `most` events of a job.
    pub async fn events(
        &mut self,
        terms: &JobTerms,
        signer: &str,
        bytes: &[u8],
        most: usize,
    ) -> Result<Vec<Event>, Status> {
        let signature = sign(signer, &terms.signing_bytes(&GENESIS, &account_of("Miner")));
        let header = JobUpload {
            part: Some(job_upload::Part::Header(terms.header(&signature))),
        };
        let data = |data| JobUpload {
            part: Some(job_upload::Part::Data(data)),
        };
        let parts: Vec<_> = std::iter::once(header).chain(chunks(bytes).map(data)).collect();
        let mut stream = self.0.submit(futures::stream::iter(parts)).await?.into_inner();
        let mut events = Vec::new();
        while events.len() < most {
            match stream.message().await? {
                Some(event) => events.push(event.event.unwrap()),
                None => break,
            }
        }
        Ok(events)
    }

    pub async fn collect(&mut self, voucher: &SignedVoucher) -> Result<Vec<u8>, Status> {
        self.collect_bytes(voucher.encode()).await
    }

    pub async fn collect_bytes(&mut self, voucher: Vec<u8>) -> Result<Vec<u8>, Status> {
        joined(self.0.collect(CollectRequest { voucher }).await?.into_inner()).await
    }

    /// Openings of bootstraps of a paid job's trace.
    pub async fn open(&mut self, voucher: &SignedVoucher, tables: &[u32]) -> Result<Vec<u8>, Status> {
        let request = OpenRequest {
            voucher: voucher.encode(),
            tables: tables.to_vec(),
        };
        joined(self.0.open(request).await?.into_inner()).await
    }
}

async fn joined(mut stream: Streaming<Chunk>) -> Result<Vec<u8>, Status> {
    let mut bytes = Vec::new();
    while let Some(Chunk { data }) = stream.message().await? {
        bytes.extend(data);
    }
    Ok(bytes)
}

/// Reads the last event as the receipt.
pub trait PopReceipt {
    fn pop_receipt(self) -> Result<SignedReceipt, Status>;
}

impl PopReceipt for Vec<Event> {
    fn pop_receipt(mut self) -> Result<SignedReceipt, Status> {
        match self.pop() {
            Some(Event::Receipt(receipt)) => Ok(receipt),
            other => panic!("no receipt but {other:?}"),
        }
    }
}

/// The receipt, whose signature must be the computekey's.
pub fn verified(receipt: &SignedReceipt, computekey: &ComputeKeyPair) -> Receipt {
    let statement = Receipt::decode(&mut &receipt.receipt[..]).unwrap();
    let signature = receipt.signature.clone().try_into().unwrap();
    assert!(
        statement.verify(&signature, &computekey.public()),
        "signature of the receipt"
    );
    statement
}

/// Account that a test opens besides account 1.
pub const OTHER: SpendingAccountId = 2;
