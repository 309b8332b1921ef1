//! Split mode's sessions; [`based_client::wire::split`] says how one goes.
//!
//! What a session may do next is decided by its [`Ledger`]. Work of all sessions is shared fairly: hints and products
//! are computed one at a time, each kind in the order in which it was asked for, a layer being the unit. A session holds
//! one expanded packing key (6 MB) and the bytes of one round and one hint at most; nothing of it is on disk but what was
//! paid and served. Only sizes and times are measured.

mod ledger;
mod offline;
mod rounds;

use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc, Mutex, MutexGuard, PoisonError,
    },
    time::{Duration, Instant},
};

use based_client::wire::{
    fixed,
    proto::{split_up::Part, SplitDown, SplitHeader, SplitUp},
    split::{self, SESSION_BYTES},
    JobTerms,
};
use based_primitives::{JobId, PriceList};
use futures::Stream;
use rand::{rngs::OsRng, RngCore};
use rayon::{ThreadPool, ThreadPoolBuilder};
use sp_core::H256;
use tokio::sync::Semaphore;
use tonic::{Status, Streaming};
use zk_llm::split::{PackingKey, PACKING_KEY_BYTES};

pub(super) use offline::prepare;

use self::ledger::{Agreed, Ledger, Refused};
use super::{db_status, stopping, upload, Shared};
use crate::{
    db::Refusal,
    limits,
    tasks::{Offer, Served, Split},
};

/// Secret name of a session.
type Name = [u8; SESSION_BYTES];

/// Sessions that are open, and the turns of their work.
pub(super) struct Sessions {
    open: Mutex<HashMap<Name, Arc<Live>>>,
    hints: Turn,
    products: Turn,
}

/// One piece of work at a time, in the order of asking, on threads of its own.
struct Turn {
    one: Arc<Semaphore>,
    threads: Option<Arc<ThreadPool>>,
}

impl Turn {
    fn new(threads: usize) -> Self {
        // Without threads of its own, work goes to those that the program shares.
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        Self {
            one: Arc::new(Semaphore::new(1)),
            threads: pool
                .inspect_err(|error| tracing::warn!(%error, "no threads of their own for split mode"))
                .ok()
                .map(Arc::new),
        }
    }

    /// Waits for the turn, then works off the asynchronous threads.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Status> {
        let turn = self.one.clone().acquire_owned().await.map_err(|_| stopping())?;
        let threads = self.threads.clone();
        let work = tokio::task::spawn_blocking(move || {
            // Held by the work itself, which goes on when the client leaves.
            let _turn = turn;
            match threads {
                Some(threads) => threads.install(work),
                None => work(),
            }
        });
        work.await.map_err(|_| {
            tracing::error!("a computation of split mode panicked");
            Status::internal("the miner's computation failed; open the job again, or ask another miner")
        })
    }
}

/// An open session.
struct Live {
    terms: JobTerms,
    prompt: u32,
    model: Arc<Split>,
    key: PackingKey,
    ledger: Mutex<Ledger>,
    /// Hints and products under way: a client that waits for them is not idle.
    working: AtomicUsize,
    /// When something was last asked, made or taken in it.
    touched: Mutex<Instant>,
}

impl Live {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Work on a hint or a product, until it is dropped.
    fn work(self: &Arc<Self>) -> Work {
        self.working.fetch_add(1, Ordering::AcqRel);
        Work(self.clone())
    }

    /// Whether nothing happened for so long, as when a client does not read its answers.
    fn is_idle(&self, time: Duration) -> bool {
        // In this order: work that ends in between has touched it.
        let idle = self.working.load(Ordering::Acquire) == 0;
        let touched = *self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        idle && touched.elapsed() > time
    }
}

/// Work of a session under way.
struct Work(Arc<Live>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.touch();
        self.0.working.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Sessions {
    /// No sessions; each kind of work has so many threads, so that long hints do not hold up short products.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            open: Mutex::default(),
            hints: Turn::new(threads),
            products: Turn::new(threads),
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Name, Arc<Live>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sessions that are open.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.open().len()).unwrap_or(u32::MAX)
    }

    /// The session of a name that a client gives.
    fn find(&self, name: &[u8]) -> Result<Arc<Live>, Status> {
        let name: Name = fixed("session", name)?;
        self.open().get(&name).cloned().ok_or_else(|| {
            Status::not_found("there is no such session; it ended with its stream: open the job again")
        })
    }

    /// Ends an open session of a job that its spender opens again. Gives positions paid and served.
    fn displace(&self, job: &JobId) -> Option<(u32, u32)> {
        let mut open = self.open();
        let name = open.iter().find(|(_, live)| live.terms.job == *job)?.0;
        let name = *name;
        let old = open.remove(&name)?;
        let row = old.ledger().close();
        Some(row)
    }

    /// Checks that there is room for one session more of an account; gives the sessions, so that nobody takes it.
    fn room(&self, account: u64) -> Result<MutexGuard<'_, HashMap<Name, Arc<Live>>>, Status> {
        let mut open = self.open();
        open.retain(|_, live| {
            // Its place goes to others.
            let stale = live.is_idle(limits::UNREAD);
            if stale {
                live.ledger().close();
            }
            !stale
        });
        let own = open.values().filter(|live| live.terms.account == account).count();
        if own >= limits::SESSIONS_PER_ACCOUNT || open.len() >= limits::SESSIONS {
            return Err(Status::resource_exhausted(
                "as many sessions as are allowed are open; try again in a minute or ask another miner",
            ));
        }
        Ok(open)
    }

    fn enter(&self, name: Name, live: Arc<Live>) -> Result<(), Status> {
        // Others may have come since room was found.
        let mut open = self.room(live.terms.account)?;
        if open.values().any(|other| other.terms.job == live.terms.job) {
            return Err(Status::aborted("the job was opened twice at once; open it again"));
        }
        open.insert(name, live);
        Ok(())
    }
}

/// Opens a session; what the miner says in it follows.
pub(super) async fn open(
    shared: &Arc<Shared>,
    mut stream: Streaming<SplitUp>,
) -> Result<impl Stream<Item = Result<SplitDown, Status>> + Send, Status> {
    let first = upload::next(&mut stream).await?.and_then(|message| message.part);
    let Some(Part::Header(header)) = first else {
        return Err(Status::invalid_argument("send the session's header first"));
    };
    let (served, prices) = offer(shared)?;
    let (terms, agreed, row) = admit(shared, &served, &prices, &header).await?;
    let key = packing_key(shared, &mut stream, &terms).await?;
    let model = served.split()?.clone();
    let (paid, done) = row;
    let live = Arc::new(Live {
        ledger: Mutex::new(Ledger::new(model.clone(), agreed, paid, done)),
        working: AtomicUsize::new(0),
        touched: Mutex::new(Instant::now()),
        prompt: agreed.prompt,
        model,
        key,
        terms,
    });
    let mut name: Name = [0; SESSION_BYTES];
    OsRng.fill_bytes(&mut name);
    shared.sessions.enter(name, live.clone())?;
    let job = hex::encode(live.terms.job);
    tracing::info!(
        job,
        account = live.terms.account,
        paid,
        "session of split mode opened"
    );
    Ok(rounds::conversation(
        shared.clone(),
        name,
        live,
        stream,
        rounds::opened(&name, &agreed, row),
    ))
}

fn offer(shared: &Shared) -> Result<(Arc<Served>, PriceList), Status> {
    match &shared.parts.situation.borrow().offer {
        Offer::Open { served, prices, .. } => Ok((served.clone(), *prices)),
        Offer::Closed(reason) => Err(Status::unavailable(format!(
            "this miner accepts no jobs: {reason}"
        ))),
    }
}

/// Checks a header against the Brain, the account, its reservation and its quota. Gives the job's positions that were
/// paid and served before.
async fn admit(
    shared: &Arc<Shared>,
    served: &Served,
    prices: &PriceList,
    header: &SplitHeader,
) -> Result<(JobTerms, Agreed, (u32, u32)), Status> {
    let job = header.job.as_ref();
    let job = job.ok_or_else(|| Status::invalid_argument("the header has no job"))?;
    let (terms, signature) = JobTerms::parse(job)?;
    shared.check_brain(terms.brain)?;
    if terms.traced {
        return Err(Status::invalid_argument(
            "a session of split mode cannot be traced; open it without an audit",
        ));
    }
    if terms.task != served.task {
        return Err(Status::failed_precondition(format!(
            "the Brain's task is {}, not {}; fetch the model again",
            hex::encode(served.task.0),
            hex::encode(terms.task.0)
        )));
    }
    let model = served.split()?;
    if terms.size != PACKING_KEY_BYTES || terms.input != H256::zero() {
        return Err(Status::invalid_argument(format!(
            "a session's key has {PACKING_KEY_BYTES} bytes, and its input hash is zero"
        )));
    }
    let network = &model.manifest().network;
    if header.prompt != split::bucket(header.prompt as usize, network.context) {
        return Err(Status::invalid_argument(format!(
            "a prompt of {} positions; pad it to a power of two of at least {}, or to the context of {}",
            header.prompt,
            split::MIN_PROMPT,
            network.context
        )));
    }
    let agreed = Agreed {
        prompt_price: prices.prompt,
        completion_price: prices.completion,
        prompt: header.prompt,
        context: prices.context,
        most: terms.max_price,
    };
    if agreed.price(header.prompt) > terms.max_price {
        return Err(Status::failed_precondition(format!(
            "the prompt costs {} and you pay at most {} (in units of 10^-18 BASED)",
            agreed.price(header.prompt),
            terms.max_price
        )));
    }
    let (spender, reservation) = shared.customer(terms.account, 0).await?;
    terms.verify(&signature, &shared.genesis, &shared.miner, &spender)?;
    let id = terms.job;
    let displaced = shared.sessions.displace(&id);
    drop(shared.sessions.room(terms.account)?);
    let known = shared.parts.db.run(move |db| {
        if let Some((_, served)) = displaced {
            db.note_served(&id, served)?;
        }
        Ok((db.job(&id)?, db.session(&id)?))
    });
    let row = match known.await.map_err(db_status)? {
        (None, _) => (0, 0),
        (Some(job), Some(row))
            if job.account == terms.account
                && job.brain == terms.brain
                && job.task == terms.task
                && job.receipt.is_none()
                && row.prompt == header.prompt =>
        {
            // The client's word counts against itself.
            (row.paid, row.served.max(header.served).min(row.paid))
        }
        _ => return Err(Refusal::OtherContents.into()),
    };
    let account = terms.account;
    let promised = shared.parts.db.run(move |db| db.cumulative(account));
    let promised = promised.await.map_err(db_status)?.max(reservation.redeemed);
    let left = terms.max_price.saturating_sub(agreed.price(row.0));
    let needed = promised.saturating_add(left);
    if needed > reservation.reserved {
        return Err(Refusal::Reservation {
            reserved: reservation.reserved,
            needed,
        }
        .into());
    }
    Ok((terms, agreed, row))
}

/// Reads and expands the packing key; uploads count against the account's quota (F.4-2).
async fn packing_key(
    shared: &Arc<Shared>,
    stream: &mut Streaming<SplitUp>,
    terms: &JobTerms,
) -> Result<PackingKey, Status> {
    let account = terms.account;
    let quota = limits::UPLOAD_QUOTA;
    let allowed = shared.parts.db.run(move |db| db.take_upload(account, quota));
    if !allowed.await.map_err(db_status)? {
        return Err(Status::resource_exhausted(
            "this spending account opened its quota of sessions for today; try again tomorrow (each paid job earns one \
             more)",
        ));
    }
    let Ok(_turn) = shared.key_uploads.try_acquire() else {
        return Err(Status::resource_exhausted(
            "other keys are being uploaded; try again in a minute",
        ));
    };
    let first = upload::next(stream).await?;
    let first = first.ok_or_else(|| Status::data_loss("the packing key did not come"))?;
    let bytes = upload::exact(stream, first, terms.size, rounds::data).await?;
    if based_client::wire::sha256(&bytes) != terms.evaluation_key {
        return Err(based_client::wire::ChunkError::Hash.into());
    }
    let expand = move || PackingKey::from_bytes(&bytes);
    let key = shared.sessions.hints.run(expand).await?;
    key.map_err(|error| Status::invalid_argument(error.to_string()))
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        match refused {
            Refused::Request(_) => Self::invalid_argument(message),
            Refused::Unpaid(_) | Refused::Beyond { .. } => Self::failed_precondition(message),
        }
    }
}
