//! Split mode: the miner runs a model's linear layers on ciphertexts, the client the rest.
//!
//! [`crate::wire::split`] describes a session. [`SplitSession`] is a user's way through one; its parts serve validators
//! and tests, too: [`Line`] is a session's connection, [`Remote`] the linear layers behind it.
//!
//! What the miner learns is when and for how many positions it multiplied. The key lives as long as the session's
//! stream and is never stored; when a stream breaks, the job is opened again under a fresh key and the pass that broke
//! is made anew, so that no (key, seed) pair encrypts twice (SPEC F.4-1). Keys and values of tokens stay here.

mod answer;
mod deal;
mod line;
mod remote;
mod sets;

pub use answer::{make, probabilities, Made, Output, Plan, Settings, MAX_GUESSES};
pub use deal::{Audit, Deal, Figures, Means, Tell};
pub use line::{Hints, Line, Offline, Opening, Waits};
pub use remote::Remote;

use std::{sync::Arc, time::Duration};

use based_primitives::{
    payments::{Receipt, SignedVoucher, VoucherSignature},
    Balance, JobId, PriceList, SpendingAccountId,
};
use codec::Encode;
use rand::RngCore;
use sp_core::H256;
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};
use tonic::transport::Channel;
use zk_llm::import::ClientPart;

use super::{
    link::{Link, Terms},
    payment::{Cover, Payer},
    Event, SessionError,
};
use crate::{
    chain::AccountId,
    state::{Payee, State},
    wire::{self, MinerClient},
};

/// A user's dealings with a Brain whose model runs in split mode.
#[derive(Debug)]
pub struct SplitSession {
    payer: Payer,
    terms: Terms,
    prices: PriceList,
    part: Arc<ClientPart>,
    state: Arc<State>,
    link: Link,
    audit: Auditor,
}

/// What audits the miner, if anything.
#[derive(Clone, Default)]
struct Auditor(Option<Arc<dyn Audit>>);

impl std::fmt::Debug for Auditor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Auditor").field(&self.0.is_some()).finish()
    }
}

/// An answer and what it took.
#[derive(Clone, Debug)]
pub struct SplitAnswer {
    /// What the model says.
    pub output: Output,
    /// Whether it was broken off by the caller.
    pub stopped: bool,
    /// Tokens of the text.
    pub prompt_tokens: u32,
    /// Positions that the miner saw for them.
    pub prompt_positions: u32,
    /// Positions that were paid, the prompt's included.
    pub paid_positions: u32,
    /// Until the prompt was through, preparation included.
    pub prefill: Duration,
    /// For the tokens after the first.
    pub decode: Duration,
    /// Round trips and bytes.
    pub figures: Figures,
    /// Guesses that were checked, and those that were right.
    pub guesses: (u32, u32),
    /// Promised to the miner.
    pub fee_paid: Balance,
    /// Most that was agreed.
    pub agreed: Balance,
    /// SHA-256 of the model's manifest.
    pub task: H256,
    /// Job.
    pub job: JobId,
    /// Who answered.
    pub miner: AccountId,
    /// Spending account that pays.
    pub account: SpendingAccountId,
    /// The miner's statement; none if it was gone at the end, or its statement was wrong.
    pub receipt: Option<Receipt>,
}

impl SplitAnswer {
    /// SHA-256 of the receipt's encoding.
    pub fn receipt_hash(&self) -> Option<H256> {
        self.receipt
            .as_ref()
            .map(|receipt| wire::sha256(&receipt.encode()))
    }
}

impl SplitSession {
    pub(super) fn new(
        payer: Payer,
        terms: Terms,
        prices: PriceList,
        part: ClientPart,
        state: State,
        link: Link,
    ) -> Self {
        Self {
            payer,
            terms,
            prices,
            part: Arc::new(part),
            state: Arc::new(state),
            link,
            audit: Auditor::default(),
        }
    }

    /// The same, with the miner's work audited: a failure is [`SessionError::Products`].
    pub fn audited(mut self, audit: Arc<dyn Audit>) -> Self {
        self.audit = Auditor(Some(audit));
        self
    }

    /// The client's part of the model.
    pub fn part(&self) -> &ClientPart {
        &self.part
    }

    /// Account of the chosen miner.
    pub fn miner(&self) -> &AccountId {
        &self.link.miner
    }

    /// Asks one text. `stop` turning true ends the answer in order: what had begun is paid, and the receipt fetched.
    ///
    /// # Errors
    /// [`SessionError`], saying what to do. What is paid before a failure is at most one set of positions beyond those
    /// that were served.
    pub async fn ask(
        &mut self,
        text: &str,
        settings: Settings,
        mut stop: watch::Receiver<bool>,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<SplitAnswer, SessionError> {
        let ids = self.part.encode(text)?;
        let plan = Plan::new(self.part.manifest(), &self.prices, ids.len(), settings)?;
        let cover = self
            .payer
            .cover(&self.link.miner, plan.most, &self.state, on_event)
            .await?;
        let mut job: JobId = [0; 32];
        rand::rngs::OsRng.fill_bytes(&mut job);
        let account = cover.account;
        let deal = Deal {
            genesis: self.terms.genesis,
            brain: self.terms.brain,
            task: self.terms.task,
            account,
            miner: self.link.miner.clone(),
            computekey: self.link.computekey,
            job,
            prices: self.prices,
            prompt: plan.prompt,
            passes: plan.passes.clone(),
            most: plan.most,
        };
        let means = Wallet {
            payer: self.payer.clone(),
            terms: self.terms.clone(),
            state: self.state.clone(),
            cover,
            miner: self.link.miner.clone(),
            job,
            link: Some(self.link.clone()),
        };
        let (events, mut told) = mpsc::unbounded_channel();
        let tell: Tell = Arc::new(move |event| {
            // Nobody listens any more once the answer is not wanted.
            events.send(event).ok();
        });
        // Dropped with this future, which stops the thread.
        let (halt, halted) = watch::channel(false);
        let (part, told_too, handle) = (self.part.clone(), tell.clone(), Handle::current());
        let (most, prompt, length) = (plan.most, plan.prompt, ids.len());
        let Auditor(audit) = self.audit.clone();
        let working = tokio::task::spawn_blocking(move || {
            let remote = Remote::new(handle, part.clone(), Box::new(means), deal, told_too, halted);
            let mut remote = remote.audited(audit);
            let made = make(&mut remote, &part, &ids, &plan, &tell)?;
            let receipt = remote.finish();
            Ok::<_, SessionError>((
                made,
                receipt,
                remote.positions(),
                remote.figures(),
                remote.promised(),
            ))
        });
        tokio::pin!(working);
        let mut wanted = true;
        let done = loop {
            tokio::select! {
                done = &mut working => break done,
                Some(event) = told.recv() => on_event(event),
                asked = stop.wait_for(|stop| *stop), if wanted => {
                    // Without a sender nobody will ever ask.
                    wanted = false;
                    if asked.is_ok() {
                        halt.send_replace(true);
                    }
                }
            }
        };
        while let Ok(event) = told.try_recv() {
            on_event(event);
        }
        let (made, receipt, (paid, _), figures, fee) =
            done.map_err(|error| SessionError::Internal(error.to_string()))??;
        let receipt = receipt
            .inspect_err(|error| tracing::warn!(%error, "no receipt of the miner"))
            .ok();
        Ok(SplitAnswer {
            output: made.output,
            stopped: made.stopped,
            prompt_tokens: u32::try_from(length).unwrap_or(u32::MAX),
            prompt_positions: prompt,
            paid_positions: paid,
            prefill: made.first,
            decode: made.rest,
            figures,
            guesses: made.guesses,
            fee_paid: fee,
            agreed: most,
            task: self.terms.task,
            job,
            miner: self.link.miner.clone(),
            account,
            receipt,
        })
    }
}

/// The chain and the state behind a session.
struct Wallet {
    payer: Payer,
    terms: Terms,
    state: Arc<State>,
    cover: Cover,
    miner: AccountId,
    job: JobId,
    /// The connection with which the miner was chosen, for the first session.
    link: Option<Link>,
}

#[tonic::async_trait]
impl Means for Wallet {
    async fn connect(&mut self) -> Result<MinerClient<Channel>, SessionError> {
        if let Some(link) = self.link.take() {
            return Ok(link.client);
        }
        let view = self.payer.chain.best().await?;
        let peer = view.peer(self.terms.brain, &self.miner).await?;
        let peer = peer.ok_or_else(|| SessionError::UnknownMiner(self.miner.clone(), self.terms.brain))?;
        Ok(Link::open(&peer, &self.terms).await?.client)
    }

    fn sign(&self, bytes: &[u8]) -> VoucherSignature {
        VoucherSignature::Sr25519(self.payer.signer.sign(bytes))
    }

    fn promise(&mut self, amount: Balance) -> Result<SignedVoucher, SessionError> {
        let payee = Payee {
            job: self.job,
            account: self.cover.account,
            miner: &self.miner,
        };
        self.payer.voucher(&payee, &self.cover, amount, &self.state)
    }
}
