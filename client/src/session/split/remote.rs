//! The linear layers, computed by a miner on ciphertexts: sets ahead of their use, payment, reconnection.

use std::sync::Arc;

use based_primitives::{
    payments::{Receipt, SignedVoucher},
    Balance,
};
use codec::Encode;
use sp_core::H256;
use tokio::{runtime::Handle, sync::watch, task::JoinHandle};
use zk_llm::{
    import::{ClientPart, Products},
    split::{products_bytes, SecretKey},
};

use super::{
    deal::{Audit, Deal, Figures, Means, Tell},
    line::{Line, Waits},
    sets::{self, Layer, Set},
};
use crate::{
    session::{link::protocol, Event, Expected, SessionError},
    wire::{
        self, proto,
        split::{batches, price, widest, Way},
        JobTerms,
    },
};

/// Positions that are prepared together once the prompt is through, at most: what either side risks.
pub(super) const SET: usize = 16;

/// Where the job's payment stands.
#[derive(Default)]
struct Bill {
    paid: u32,
    served: u32,
    /// Promised for the job in all, and the newest voucher.
    promised: Balance,
    voucher: Option<SignedVoucher>,
}

/// The miner's part of a model, at the other end of a session. Used on a thread that may block.
pub struct Remote {
    handle: Handle,
    part: Arc<ClientPart>,
    means: Box<dyn Means>,
    deal: Deal,
    tell: Tell,
    stop: watch::Receiver<bool>,
    audit: Option<Arc<dyn Audit>>,
    waits: Waits,
    secret: Option<Arc<SecretKey>>,
    line: Option<Line>,
    set: Option<Set>,
    next: Option<JoinHandle<Result<Set, SessionError>>>,
    /// Passes that are done, and those for which sets are prepared.
    done: usize,
    prepared: usize,
    bill: Bill,
    figures: Figures,
    failure: Option<SessionError>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if let Some(next) = self.next.take() {
            next.abort();
        }
    }
}

impl Remote {
    /// A session that is not open yet. `handle` is of the runtime that does the waiting; `stop` turns true, or its
    /// sender goes, when nobody wants the rest.
    pub fn new(
        handle: Handle,
        part: Arc<ClientPart>,
        means: Box<dyn Means>,
        deal: Deal,
        tell: Tell,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            secret: None,
            handle,
            part,
            means,
            deal,
            tell,
            stop,
            audit: None,
            waits: Waits::default(),
            line: None,
            set: None,
            next: None,
            done: 0,
            prepared: 0,
            bill: Bill::default(),
            figures: Figures::default(),
            failure: None,
        }
    }

    /// The same with an audit of every round, and of hints.
    pub fn audited(mut self, audit: Option<Arc<dyn Audit>>) -> Self {
        self.audit = audit;
        self
    }

    /// The same with other waits for the miner.
    pub fn waiting(mut self, waits: Waits) -> Self {
        self.waits = waits;
        self
    }

    /// Makes the next pass: `run` takes its positions through the layers once, or anew if the session broke and was
    /// opened again.
    ///
    /// # Errors
    /// [`SessionError::Stopped`] if that was asked before it began; what broke it, if it stays broken.
    pub fn pass<T>(
        &mut self,
        mut run: impl FnMut(&mut Self) -> zk_llm::Result<T>,
    ) -> Result<T, SessionError> {
        let mut pauses = self.waits.pauses.into_iter();
        loop {
            let made = match self.begin() {
                Ok(()) => match run(self) {
                    Ok(made) => Ok(made),
                    Err(error) => Err(self.failure.take().unwrap_or(SessionError::Model(error))),
                },
                Err(error) => Err(error),
            };
            let error = match made {
                Ok(made) => {
                    self.bill.served = self.bill.served.saturating_add(narrow(self.width()));
                    self.done += 1;
                    return Ok(made);
                }
                Err(error) => error,
            };
            // A session that is merely not wanted any more is finished in order.
            if matches!(error, SessionError::Stopped) {
                return Err(error);
            }
            self.hang_up();
            let Some(pause) = pauses.next().filter(|_| error.is_transient()) else {
                return Err(error);
            };
            (self.tell)(Event::Reconnecting {
                cause: error.to_string(),
            });
            std::thread::sleep(pause);
        }
    }

    /// Whether a stop was asked for.
    pub fn stopped(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    /// Ends the session and checks the miner's receipt over all of it.
    ///
    /// # Errors
    /// [`SessionError::Receipt`] if it does not state what happened; that the miner is gone.
    pub fn finish(&mut self) -> Result<Receipt, SessionError> {
        if let Some(next) = self.next.take() {
            next.abort();
        }
        let handle = self.handle.clone();
        let key = self
            .secret
            .as_ref()
            .map(|secret| wire::sha256(secret.packing_key_bytes()));
        let line = self.line.as_mut().ok_or_else(|| gone("the session is closed"))?;
        let signed = handle.block_on(line.finish())?;
        let (input, output) = line.transcript(self.bill.paid, self.bill.served);
        let expected = Expected {
            genesis: self.deal.genesis,
            job: self.deal.job,
            brain: self.deal.brain,
            task: self.deal.task,
            evaluation_key: key.unwrap_or_default(),
            input,
            max_price: self.price(self.bill.paid)?,
            traced: false,
            computekey: self.deal.computekey,
        };
        let receipt = expected.check(&signed)?;
        if receipt.output != output {
            return Err(SessionError::Receipt("it names other outputs"));
        }
        self.hang_up();
        Ok(receipt)
    }

    /// Promised to the miner for the job.
    pub fn promised(&self) -> Balance {
        self.bill.promised
    }

    /// Positions that are paid, and those that went through the model.
    pub fn positions(&self) -> (u32, u32) {
        (self.bill.paid, self.bill.served)
    }

    /// What the job took so far.
    pub fn figures(&self) -> Figures {
        let (up, down) = self.line.as_ref().map_or((0, 0), Line::bytes);
        Figures {
            rounds: self.figures.rounds,
            up: self.figures.up + up,
            down: self.figures.down + down,
        }
    }

    /// Positions of the pass under way, or of the next one.
    pub(super) fn width(&self) -> usize {
        self.deal.passes.get(self.done).copied().unwrap_or(1)
    }

    /// Makes sure that a paid set has room for the next pass.
    fn begin(&mut self) -> Result<(), SessionError> {
        if self.stopped() {
            return Err(SessionError::Stopped);
        }
        if self.set.as_ref().is_some_and(|set| set.passes > 0) {
            return self.take_pass();
        }
        let handle = self.handle.clone();
        handle.block_on(async {
            if self.line.is_none() {
                self.open().await?;
            }
            let prepared = match self.next.take() {
                Some(next) => next.await.map_err(|e| SessionError::Internal(e.to_string()))?,
                None => {
                    let tell = self.tell.clone();
                    let told = move |done, total| tell(Event::Preparing { done, total });
                    let preparing = self.preparing(told)?;
                    let mut stop = self.stop.clone();
                    tokio::select! {
                        set = preparing => set,
                        _ = stop.wait_for(|stop| *stop) => Err(SessionError::Stopped),
                    }
                }
            };
            let set = prepared?;
            self.pay(set.positions).await?;
            if let Some(line) = self.line.as_mut() {
                line.take_up(&set.preparation);
            }
            self.set = Some(set);
            if self.prepared < self.deal.passes.len() {
                let preparing = self.preparing(|_, _| {})?;
                self.next = Some(tokio::spawn(preparing));
            }
            Ok::<_, SessionError>(())
        })?;
        self.take_pass()
    }

    fn take_pass(&mut self) -> Result<(), SessionError> {
        let set = self.set.as_mut().ok_or_else(|| gone("no set is prepared"))?;
        set.passes = set.passes.saturating_sub(1);
        Ok(())
    }

    /// Opens a session of the job, under a fresh key: nothing of an earlier one is used again.
    async fn open(&mut self) -> Result<(), SessionError> {
        let secret = self.secret.insert(Arc::new(SecretKey::generate()?)).clone();
        let key = secret.packing_key_bytes();
        let deal = &self.deal;
        let terms = JobTerms {
            job: deal.job,
            account: deal.account,
            brain: deal.brain,
            task: deal.task,
            evaluation_key: wire::sha256(key),
            input: H256::zero(),
            size: key.len() as u64,
            max_price: deal.most,
            traced: false,
        };
        let signature = self.means.sign(&terms.signing_bytes(&deal.genesis, &deal.miner));
        let header = proto::SplitHeader {
            job: Some(terms.header(&signature)),
            prompt: deal.prompt,
            served: self.bill.served,
        };
        let client = self.means.connect().await?;
        let (line, opening) = Line::open(client, header, key, self.waits).await?;
        let prices = &deal.prices;
        if opening.prompt_price > prices.prompt || opening.completion_price > prices.completion {
            return Err(SessionError::Refused(
                "it asks more than the Brain's price list allows".into(),
            ));
        }
        if opening.served != self.bill.served || opening.paid < opening.served {
            return Err(protocol("it counts other positions than were served"));
        }
        (self.deal.prices.prompt, self.deal.prices.completion) =
            (opening.prompt_price, opening.completion_price);
        self.bill.paid = opening.paid;
        self.line = Some(line);
        self.prepared = self.done;
        Ok(())
    }

    /// Closes the stream and drops everything under its key.
    fn hang_up(&mut self) {
        if let Some(next) = self.next.take() {
            next.abort();
        }
        self.set = None;
        if let Some(line) = self.line.take() {
            let (up, down) = line.bytes();
            self.figures.up += up;
            self.figures.down += down;
        }
    }

    /// The preparation of the set that comes next, whose passes count as prepared.
    fn preparing(
        &mut self,
        tell: impl Fn(u64, u64) + Send + 'static,
    ) -> Result<impl std::future::Future<Output = Result<Set, SessionError>> + Send + 'static, SessionError>
    {
        let rest = self.deal.passes.get(self.prepared..).unwrap_or_default();
        let manifest = self.part.manifest();
        let prompt = self.deal.passes.iter().take(self.prepared).sum::<usize>() < self.deal.prompt as usize;
        let (positions, passes) = match rest.first() {
            None => return Err(SessionError::Internal("no pass is left to prepare".into())),
            Some(first) if prompt => (*first, 1),
            Some(_) => {
                let mut count = rest.len().min(SET);
                let widest = widest(manifest);
                let positions = |count: usize| rest.iter().take(count).sum::<usize>();
                // Large vocabularies take large hints.
                let fits = |count: usize| {
                    let positions = positions(count);
                    positions <= SET.min(widest)
                        && batches(manifest, positions, positions, Way::Hinted).is_some()
                };
                while count > 1 && !fits(count) {
                    count -= 1;
                }
                (positions(count), count)
            }
        };
        // Layers after the body may be asked for every position of a pass but a prompt's, of which one is wanted.
        let last = if prompt { 1 } else { positions };
        let line = self.line.as_ref().ok_or_else(|| gone("the session is closed"))?;
        let offline = line.offline().clone();
        self.prepared += passes;
        let secret = self.secret.clone().ok_or_else(|| gone("the session is closed"))?;
        let part = self.part.clone();
        let audit = self.audit.clone();
        Ok(sets::prepare(
            part,
            (secret, audit),
            offline,
            (positions, passes, last),
            prompt,
            tell,
        ))
    }

    /// Pays for a set of so many positions, unless earlier payments cover it.
    async fn pay(&mut self, positions: usize) -> Result<(), SessionError> {
        let needed = self.bill.served.saturating_add(narrow(positions));
        if needed <= self.bill.paid {
            return Ok(());
        }
        let total = self.price(needed)?;
        if total > self.deal.most {
            return Err(SessionError::Internal(
                "the session exceeds what was agreed".into(),
            ));
        }
        // A voucher that got lost is sent again, not made again.
        let voucher = match self.bill.voucher.clone().filter(|_| total <= self.bill.promised) {
            Some(voucher) => voucher,
            None => {
                let amount = total.saturating_sub(self.bill.promised);
                (self.tell)(Event::PayingSet {
                    amount,
                    positions: needed,
                });
                let voucher = self.means.promise(amount)?;
                self.bill.promised = total;
                self.bill.voucher = Some(voucher.clone());
                voucher
            }
        };
        let line = self.line.as_mut().ok_or_else(|| gone("the session is closed"))?;
        if line.pay(voucher.encode()).await? != needed {
            return Err(protocol("it counts other positions than were paid"));
        }
        self.bill.paid = needed;
        self.bill.promised = total;
        Ok(())
    }

    fn price(&self, paid: u32) -> Result<Balance, SessionError> {
        let prices = &self.deal.prices;
        price(prices.prompt, prices.completion, self.deal.prompt, paid)
            .ok_or_else(|| protocol("its prices are out of range"))
    }

    /// One round. Positions that the text does not have are zeros, so that the prompt's length is hidden.
    fn round(&mut self, layer: usize, steps: &[i8]) -> Result<Vec<i32>, SessionError> {
        let body = self.part.manifest().body();
        let linear = self.part.manifest().linears.get(layer);
        let shape = linear.ok_or_else(|| protocol("no such layer"))?.shape();
        let (inputs, rows) = (shape.inputs as usize, shape.outputs as usize);
        let given = steps.len() / inputs;
        // All positions of a pass with guesses go through all layers, so that their number never tells anything.
        let prompt = (self.bill.served as usize) < self.deal.prompt as usize;
        let sent = match layer < body || !prompt {
            true => self.width(),
            false => given,
        };
        if given > sent {
            return Err(SessionError::Internal("more positions than the pass has".into()));
        }
        let mut padded = steps.to_vec();
        padded.resize(sent * inputs, 0);
        let handle = self.handle.clone();
        let set = self.set.as_mut().ok_or_else(|| gone("no set is prepared"))?;
        let prepared = set
            .batches
            .get_mut(layer)
            .ok_or_else(|| protocol("no such layer"))?;
        let line = self.line.as_mut().ok_or_else(|| gone("the session is closed"))?;
        let (sums, right) = match prepared {
            Layer::Hinted(batch) => {
                let (bodies, opening) = batch.encrypt(&padded)?;
                let answered = line.round(layer, &bodies, products_bytes(&shape, sent));
                let products = handle.block_on(answered)?;
                let sums = opening.decrypt(&products).map_err(protocol)?;
                let check = |audit: &Arc<dyn Audit>| audit.round(layer, &bodies, &products);
                (sums, self.audit.as_ref().is_none_or(check))
            }
            Layer::Sealed(pending) => {
                let pending = pending.take().ok_or_else(|| gone("the prompt was sent"))?;
                let secret = self.secret.clone().ok_or_else(|| gone("the session is closed"))?;
                let request = pending.request().to_vec();
                let (bodies, sealed) = pending.seal(&padded)?;
                let answered = line.prompt_round(layer, &bodies, sealed.answer_bytes());
                let answer = handle.block_on(answered)?;
                let sums = secret.unseal(&sealed, &answer).map_err(protocol)?;
                let key = secret.packing_key_bytes();
                let check = |audit: &Arc<dyn Audit>| audit.answer(layer, key, &request, &bodies, &answer);
                (sums, self.audit.as_ref().is_none_or(check))
            }
        };
        // It looks at what the miner knows alone, so that the verdict tells it nothing of what is held there.
        if !right {
            return Err(SessionError::Products("products"));
        }
        self.figures.rounds += 1;
        // Nothing may depend on whether decrypted values make sense (F.4-4): those that cannot be are cut, silently.
        let most = i64::from(i32::MAX);
        let bound = i64::try_from(shape.bound()).map_or(most, |bound| bound.min(most));
        let sums = sums.into_iter().take(given * rows);
        Ok(sums.map(|sum| sum.clamp(-bound, bound) as i32).collect())
    }
}

impl Products for &mut Remote {
    fn product(&mut self, layer: usize, steps: &[i8]) -> zk_llm::Result<Vec<i32>> {
        let layers = self.part.manifest().linears.len() as u64;
        (self.tell)(Event::Passing {
            done: layer as u64,
            total: layers,
            positions: narrow(self.width()),
        });
        self.round(layer, steps).map_err(|error| {
            self.failure = Some(error);
            zk_llm::Error::Cancelled
        })
    }
}

fn gone(what: &str) -> SessionError {
    SessionError::MinerGone(what.into())
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
