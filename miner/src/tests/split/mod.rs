//! Split mode: the client's own code against a running miner with tiny imported models.

mod answers;
mod hostile;
mod payments;
mod speculation;
mod stalls;

use std::{
    path::Path,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use based_client::{
    session::{
        split::{make, Deal, Made, Means, Plan, Remote, Settings, Waits},
        Event, SessionError,
    },
    tls,
    wire::{proto, sha256, JobTerms, MinerClient},
};
use based_primitives::{
    payments::{Receipt, SignedVoucher, VoucherSignature},
    Balance, JobId, PriceList,
};
use sp_core::H256;
use tempfile::TempDir;
use tokio::{runtime::Handle, sync::watch};
use tonic::transport::Channel;
use zk_llm::{
    import::{import, ClientPart, Dynamic, Hub, Location, Weights},
    split::SecretKey,
};

use super::{
    fake::{account_of, Fake, ACCOUNT, BRAIN, GENESIS, PER_THOUSAND},
    harness::{job_id, sign, signed, voucher, Miner},
};

/// An imported model.
pub struct Imported {
    pub dir: TempDir,
    pub part: Arc<ClientPart>,
    pub weights: Weights,
}

impl Imported {
    pub fn new(name: &str) -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zk-llm/fixtures");
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::new("http://127.0.0.1:9", None).unwrap();
        let from = Location::Folder(fixtures.join(name));
        import(&from, dir.path(), &hub, 1 << 30, &mut |_| {}).unwrap();
        Self {
            part: Arc::new(ClientPart::load(dir.path()).unwrap()),
            weights: Weights::load(dir.path()).unwrap(),
            dir,
        }
    }

    pub fn task(&self) -> H256 {
        H256(self.part.manifest_hash())
    }

    /// The tokens that the model generates in clear.
    pub fn oracle(&self, ids: &[u32], count: usize) -> Vec<u32> {
        let mut linears = Dynamic::new(&self.part, &self.weights);
        let tokens = self.part.greedy(&mut linears, ids, count).unwrap();
        let kept = tokens
            .iter()
            .take_while(|id| !self.part.tokens().is_special(**id));
        kept.copied().collect()
    }
}

/// Prompt of the tests: five tokens, so that its bucket shows eight.
pub const PROMPT: [u32; 5] = [7, 12, 31, 9, 22];

pub fn gpt2() -> &'static Imported {
    static MODEL: OnceLock<Imported> = OnceLock::new();
    MODEL.get_or_init(|| Imported::new("gpt2"))
}

/// A miner of a model in a fresh directory.
pub async fn miner(dir: &TempDir, model: &Imported) -> Miner {
    let chain = Arc::new(Fake::new(model.task(), [0; 32]));
    Miner::start(dir.path(), model.dir.path(), chain, true).await
}

/// What the user promised so far, and where its miner is.
#[derive(Clone)]
pub struct User {
    pub address: Arc<Mutex<std::net::SocketAddr>>,
    pub computekey: [u8; 32],
    pub promised: Arc<Mutex<Balance>>,
    pub job: JobId,
}

impl User {
    pub fn of(miner: &Miner) -> Self {
        Self {
            address: Arc::new(Mutex::new(miner.address)),
            computekey: miner.computekey.public(),
            promised: Arc::default(),
            job: job_id(),
        }
    }

    pub fn promised(&self) -> Balance {
        *self.promised.lock().unwrap()
    }

    pub async fn client(&self) -> Result<MinerClient<Channel>, SessionError> {
        let address = *self.address.lock().unwrap();
        let channel = tls::connect(address, self.computekey, Duration::from_secs(5)).await?;
        Ok(MinerClient::new(channel))
    }
}

#[tonic::async_trait]
impl Means for User {
    async fn connect(&mut self) -> Result<MinerClient<Channel>, SessionError> {
        self.client().await
    }

    fn sign(&self, bytes: &[u8]) -> VoucherSignature {
        sign("User", bytes)
    }

    fn promise(&mut self, amount: Balance) -> Result<SignedVoucher, SessionError> {
        let mut promised = self.promised.lock().unwrap();
        *promised += amount;
        Ok(signed(voucher(self.job, *promised), "User"))
    }
}

pub fn prices() -> PriceList {
    PriceList {
        prompt: PER_THOUSAND,
        completion: PER_THOUSAND,
        context: 100,
    }
}

/// Price of so many positions.
pub fn cost(positions: u32) -> Balance {
    PER_THOUSAND / 1_000 * Balance::from(positions)
}

pub fn settings(max_tokens: u32) -> Settings {
    Settings {
        max_tokens,
        hide_length: false,
        sampling: None,
        speculate: 0,
    }
}

pub fn deal(model: &Imported, user: &User, plan: &Plan) -> Deal {
    Deal {
        genesis: GENESIS,
        brain: BRAIN,
        task: model.task(),
        account: ACCOUNT,
        miner: account_of("Miner"),
        computekey: user.computekey,
        job: user.job,
        prices: prices(),
        prompt: plan.prompt,
        passes: plan.passes.clone(),
        most: plan.most,
    }
}

/// What a question led to.
pub struct Asked {
    pub made: Result<Made, SessionError>,
    pub receipt: Result<Receipt, SessionError>,
    pub positions: (u32, u32),
    /// Round trips.
    pub rounds: u64,
}

/// Asks as a user does; `on_event` runs on the thread that asks.
pub async fn ask(
    model: &'static Imported,
    user: &User,
    ids: &[u32],
    settings: Settings,
    stop: watch::Receiver<bool>,
    on_event: impl Fn(Event) + Send + Sync + 'static,
) -> Asked {
    ask_waiting((model, user), ids, settings, (stop, Waits::default()), on_event).await
}

/// As [`ask`], with other waits for the miner.
pub async fn ask_waiting(
    (model, user): (&'static Imported, &User),
    ids: &[u32],
    settings: Settings,
    (stop, waits): (watch::Receiver<bool>, Waits),
    on_event: impl Fn(Event) + Send + Sync + 'static,
) -> Asked {
    let plan = Plan::new(model.part.manifest(), &prices(), ids.len(), settings).unwrap();
    let (deal, means, ids) = (deal(model, user, &plan), Box::new(user.clone()), ids.to_vec());
    let tell: based_client::session::split::Tell = Arc::new(on_event);
    let handle = Handle::current();
    let work = move || {
        let remote = Remote::new(handle, model.part.clone(), means, deal, tell.clone(), stop);
        let mut remote = remote.waiting(waits);
        let made = make(&mut remote, &model.part, &ids, &plan, &tell);
        let receipt = remote.finish();
        let positions = remote.positions();
        Asked {
            made,
            receipt,
            positions,
            rounds: remote.figures().rounds,
        }
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// As [`ask`], without interruption.
pub async fn answer(model: &'static Imported, user: &User, ids: &[u32], max_tokens: u32) -> Asked {
    let (_keep, stop) = watch::channel(false);
    ask(model, user, ids, settings(max_tokens), stop, |_| {}).await
}

/// A signed header of a session with this key.
pub fn header(model: &Imported, user: &User, key: &[u8], prompt: u32) -> proto::SplitHeader {
    let terms = JobTerms {
        job: user.job,
        account: ACCOUNT,
        brain: BRAIN,
        task: model.task(),
        evaluation_key: sha256(key),
        input: H256::zero(),
        size: key.len() as u64,
        max_price: cost(60),
        traced: false,
    };
    let signature = sign("User", &terms.signing_bytes(&GENESIS, &account_of("Miner")));
    proto::SplitHeader {
        job: Some(terms.header(&signature)),
        prompt,
        served: 0,
    }
}

pub fn secret() -> &'static SecretKey {
    static SECRET: OnceLock<SecretKey> = OnceLock::new();
    SECRET.get_or_init(|| SecretKey::generate().unwrap())
}
