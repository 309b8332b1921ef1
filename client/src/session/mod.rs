//! The way of one private prompt: reservation, key and input upload, evaluation, receipt, voucher, output (F.3-3), and its
//! audit if one is wanted.
//!
//! Users and validators' canaries go through the same [`Session`], so that a miner sees the same sizes, calls and
//! keys from both. What either side can lose is one job's price.

mod audit;
mod error;
mod fetch;
mod job;
mod link;
mod payment;
mod reach;
mod receipt;
pub mod route;
pub mod split;
#[cfg(test)]
mod tests;
mod types;

pub use audit::USUAL_AUDIT;
pub use error::SessionError;
pub use payment::AccountOpened;
pub use reach::{open, Opened};
pub use receipt::Expected;
pub use types::{Answer, Audited, Event, Options};

use std::time::{Duration, Instant};

use based_primitives::{
    payments::{Receipt, VoucherSignature},
    Balance, BrainId, JobId,
};
use codec::Encode;
use rand::RngCore;
use zeroize::Zeroizing;
use zk_llm::{ClientKey, ClientModel, Logits, Prompt};

use crate::{
    chain::{AccountId, Chain, Signer},
    state::{Job, State},
    wire,
};
use audit::{Auditor, Paid};
use job::Hashes;
use link::{Link, Terms};
use payment::{Cover, Payer};

/// Times a broken connection to the miner is made again within one prompt, and the pause before each.
const RETRIES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(6),
];
/// Blocks for which a signed key header is valid.
const KEY_HEADER_LIFETIME: u32 = 64;

/// A user's dealings with one Brain under one key.
#[derive(Debug)]
pub struct Session {
    payer: Payer,
    terms: Terms,
    quote: Balance,
    model: ClientModel,
    state: State,
    link: Link,
    auditor: Auditor,
    /// Whether the user named the miner.
    named: bool,
    keys: Option<Keys>,
}

/// What a miner gave for its price.
struct Given {
    receipt: Receipt,
    output: Vec<u8>,
    /// When the output was there.
    at: Instant,
    audit: Option<Audited>,
}

/// Keys of a session.
struct Keys {
    secret: ClientKey,
    evaluation: Vec<u8>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Session {
    /// Opens a session with a Brain whose model runs in full mode; [`open`] takes either mode.
    ///
    /// # Errors
    /// As [`open`]; [`SessionError::SplitMode`] if the model runs in split mode.
    pub async fn open(
        chain: Chain,
        signer: Signer,
        brain: BrainId,
        options: Options,
    ) -> Result<Self, SessionError> {
        match open(chain, signer, brain, options).await? {
            Opened::Full(session) => Ok(*session),
            Opened::Split(_) => Err(SessionError::SplitMode(brain)),
        }
    }

    /// Model of the Brain's task.
    pub fn model(&self) -> &ClientModel {
        &self.model
    }

    /// Account of the chosen miner.
    pub fn miner(&self) -> &AccountId {
        &self.link.miner
    }

    /// Price of one job by the chosen miner, with its audit if answers are audited.
    pub fn price(&self) -> Balance {
        let usual = self.link.price.min(self.quote);
        wire::job_price(usual, self.auditor.is_on()).unwrap_or(Balance::MAX)
    }

    /// Asks one prompt.
    ///
    /// A prompt whose earlier job is unfinished, also by a process that died, goes on with the identical bytes.
    ///
    /// # Errors
    /// [`SessionError`]; it says whether anything was paid and what to do.
    pub async fn ask(
        &mut self,
        text: &str,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Answer, SessionError> {
        let prompt = self.model.prepare(text)?;
        // Before anything is reserved or paid: what it takes to audit has to be here.
        if self.auditor.is_on() {
            self.auditor
                .circuit(&mut self.link, self.model.manifest())
                .await?;
        }
        let (job, key, cover) = match self.resume(text, on_event).await? {
            Some(resumed) => resumed,
            None => self.begin(text, &prompt, on_event).await?,
        };
        if job.traced {
            self.auditor
                .circuit(&mut self.link, self.model.manifest())
                .await?;
        }
        let started = Instant::now();
        let hashes = Hashes::of(&job);
        let mut retries = RETRIES.iter();
        let given = loop {
            let error = match self.run(&job, &hashes, &cover, on_event).await {
                Ok(done) => break done,
                Err(error) if self.state.is_drawn(&job.id)? => error.once_drawn(),
                Err(error) => error,
            };
            if !error.is_transient() {
                // A refusal before the voucher ends the job: the next attempt encrypts with a fresh seed.
                if !error.may_be_resumed() {
                    self.state.finish(&job.id)?;
                }
                return Err(error);
            }
            let Some(pause) = retries.next() else {
                return Err(error);
            };
            on_event(Event::Reconnecting {
                cause: error.to_string(),
            });
            tokio::time::sleep(*pause).await;
            // A connection that cannot be made leaves the old one, whose next use fails and is retried.
            if let Err(error) = self.reach(&job.miner).await {
                tracing::debug!(%error, "the miner is still away");
            }
        };
        let elapsed = given.at.duration_since(started);
        // Lengths and header are checked before anything is decrypted (F.4-4), and nothing is sent afterwards.
        let logits = key.decrypt(self.model.manifest(), &given.output)?;
        self.state.finish(&job.id)?;
        Ok(self.answer(prompt, logits, &job, &given, elapsed))
    }

    async fn run(
        &mut self,
        job: &Job,
        hashes: &Hashes,
        cover: &Cover,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Given, SessionError> {
        let expected = Expected {
            genesis: self.terms.genesis,
            job: job.id,
            brain: job.brain,
            task: job.task,
            evaluation_key: hashes.evaluation_key,
            input: hashes.input,
            max_price: job.max_price,
            traced: job.traced,
            computekey: self.link.computekey,
        };
        let expiry = self
            .payer
            .chain
            .best()
            .await?
            .number()
            .saturating_add(KEY_HEADER_LIFETIME);
        let Payer { signer, .. } = &self.payer;
        job::upload_key(
            &mut self.link,
            &self.terms.genesis,
            signer,
            expiry,
            (job, hashes),
            on_event,
        )
        .await?;
        let receipt = job::submit(&mut self.link, job, hashes, &expected, on_event).await?;
        on_event(Event::Paying {
            amount: receipt.amount,
        });
        let voucher = self
            .payer
            .voucher(&job.payee(), cover, receipt.amount, &self.state)?;
        let output = match self.link.collect(voucher.encode(), &receipt.output).await {
            Err(SessionError::MinerGone(cause)) => Err(SessionError::OutputMissing {
                cause,
                promised: receipt.amount,
            }),
            done => done,
        }?;
        let at = Instant::now();
        let audit = if job.traced {
            let paid = Paid {
                manifest: self.model.manifest(),
                opening_bytes: self.model.limits().opening_bytes,
                job,
                hashes,
                voucher: &voucher,
                receipt: &receipt,
                output: &output,
            };
            let checked = self.auditor.check(&mut self.link, paid, &self.state, on_event);
            Some(checked.await?)
        } else {
            None
        };
        Ok(Given {
            receipt,
            output,
            at,
            audit,
        })
    }

    /// The unfinished job for this text, if its miner can be reached.
    async fn resume(
        &mut self,
        text: &str,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Option<(Job, ClientKey, Cover)>, SessionError> {
        let accounts = self.payer.accounts().await?;
        let numbers: Vec<_> = accounts.keys().copied().collect();
        let Terms { genesis, brain, task } = self.terms.clone();
        let Some(job) = self.state.unfinished(&genesis, brain, &task, text, &numbers)? else {
            return Ok(None);
        };
        let Some(entry) = accounts.get(&job.account) else {
            return Ok(None);
        };
        if self.named && job.miner != self.link.miner && self.state.is_drawn(&job.id)? {
            // Its miner did not open its trace, and the user names another.
            self.state.finish(&job.id)?;
            return Ok(None);
        }
        if job.miner != self.link.miner {
            if let Err(error) = self.reach(&job.miner).await {
                if job.voucher.is_some() {
                    return Err(error);
                }
                // Nothing was promised: another miner gets fresh bytes.
                self.state.finish(&job.id)?;
                return Ok(None);
            }
        }
        let reservation = self
            .payer
            .chain
            .best()
            .await?
            .reservation(job.account, &job.miner)
            .await?;
        let lock = self.state.lock_payments(&genesis, job.account, &job.miner)?;
        let cover = Cover {
            account: job.account,
            expiry: entry.expiry,
            redeemed: reservation.map_or(0, |found| found.redeemed),
            _lock: lock.ok_or(SessionError::AccountBusy(job.account))?,
        };
        let key = ClientKey::from_bytes(&job.secret_key)?;
        if key.parameter_set() != self.model.parameter_set() {
            return Ok(None);
        }
        on_event(Event::Resuming { job: job.id });
        Ok(Some((job, key, cover)))
    }

    /// Reserves, makes keys, encrypts, and writes the job down before anything leaves.
    async fn begin(
        &mut self,
        text: &str,
        prompt: &Prompt,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(Job, ClientKey, Cover), SessionError> {
        let price = self.price();
        let cover = self
            .payer
            .cover(&self.link.miner, price, &self.state, on_event)
            .await?;
        if self.keys.is_none() {
            on_event(Event::GeneratingKey);
            let set = *self.model.parameter_set();
            let made = tokio::task::spawn_blocking(move || {
                let secret = ClientKey::generate(&set)?;
                let evaluation = secret.evaluation_key_bytes()?;
                Ok::<_, zk_llm::Error>(Keys { secret, evaluation })
            });
            self.keys = Some(made.await.map_err(|e| SessionError::Internal(e.to_string()))??);
        }
        let keys = self
            .keys
            .as_ref()
            .ok_or_else(|| SessionError::Internal("no key was made".into()))?;
        let mut id: JobId = [0; 32];
        rand::rngs::OsRng.fill_bytes(&mut id);
        let mut job = Job {
            id,
            brain: self.terms.brain,
            account: cover.account,
            miner: self.link.miner.clone(),
            task: self.terms.task,
            max_price: price,
            traced: self.auditor.is_on(),
            secret_key: Zeroizing::new(keys.secret.to_bytes()),
            evaluation_key: keys.evaluation.clone(),
            input: keys.secret.encrypt(self.model.manifest(), prompt)?,
            signature: Vec::new(),
            voucher: None,
        };
        let terms = job::terms(&job, &Hashes::of(&job));
        let bytes = terms.signing_bytes(&self.terms.genesis, &job.miner);
        job.signature = VoucherSignature::Sr25519(self.payer.signer.sign(&bytes)).encode();
        self.state.begin(&self.terms.genesis, text, &job)?;
        Ok((job, keys.secret.clone(), cover))
    }

    /// Connects to a miner by its entry in the registry as it is now.
    async fn reach(&mut self, miner: &AccountId) -> Result<(), SessionError> {
        let peer = self
            .payer
            .chain
            .best()
            .await?
            .peer(self.terms.brain, miner)
            .await?;
        let peer = peer.ok_or_else(|| SessionError::UnknownMiner(miner.clone(), self.terms.brain))?;
        self.link = Link::open(&peer, &self.terms).await?;
        Ok(())
    }

    fn answer(&self, prompt: Prompt, logits: Logits, job: &Job, given: &Given, elapsed: Duration) -> Answer {
        let manifest = self.model.manifest();
        Answer {
            answer: logits.label(manifest).unwrap_or_default().to_owned(),
            probabilities: manifest
                .labels
                .iter()
                .cloned()
                .zip(logits.probabilities(manifest))
                .collect(),
            logits,
            prompt,
            task: job.task,
            tables: manifest.bootstraps.squeezed,
            tables_unsqueezed: manifest.bootstraps.unsqueezed,
            elapsed,
            ciphertext_up_bytes: job.input.len() as u64,
            ciphertext_down_bytes: given.output.len() as u64,
            evaluation_key_bytes: job.evaluation_key.len() as u64,
            fee_paid: given.receipt.amount,
            job: job.id,
            miner: job.miner.clone(),
            account: job.account,
            receipt_hash: wire::sha256(&given.receipt.encode()),
            audit: given.audit,
        }
    }
}
