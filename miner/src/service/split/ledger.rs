//! What a session may ask for next: sets, passes, positions and what they cost. Pure; the sentences are for clients.

use std::{collections::VecDeque, sync::Arc};

use based_client::wire::split::{self, Transcript, Way, MAX_SETS};
use based_primitives::Balance;
use zk_llm::split::{batch, Positions, Tokens};

use crate::tasks::Split;

/// Why a request is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refused {
    /// The request is malformed, or not what the session's state allows.
    #[error("{0}")]
    Request(String),
    /// Sets are to be paid first.
    #[error("{0}")]
    Unpaid(&'static str),
    /// The session would cost more than was agreed.
    #[error("the set raises the price to {needed} and the session's header agreed to {agreed} (in units of 10^-18 BASED)")]
    Beyond {
        /// Price of the job with the set.
        needed: Balance,
        /// Most that is paid.
        agreed: Balance,
    },
}

fn refuse<T>(what: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Request(what.into()))
}

/// What was agreed when the session was opened.
#[derive(Clone, Copy, Debug)]
pub struct Agreed {
    /// Price of 1,000 positions of the prompt.
    pub prompt_price: Balance,
    /// Price of 1,000 others.
    pub completion_price: Balance,
    /// Positions of the prompt.
    pub prompt: u32,
    /// Most positions of a job by the Brain's price list.
    pub context: u32,
    /// Most that the job costs.
    pub most: Balance,
}

impl Agreed {
    /// Price of the first `paid` positions of the job.
    pub fn price(&self, paid: u32) -> Balance {
        // Prices whose product overflows are paid by nobody.
        split::price(self.prompt_price, self.completion_price, self.prompt, paid).unwrap_or(Balance::MAX)
    }
}

/// Positions prepared together.
#[derive(Debug)]
struct Set {
    /// Name and size of each layer's batch.
    batches: Vec<([u8; 16], Tokens)>,
    positions: usize,
    /// Most passes.
    passes: usize,
    /// Positions of each layer that were multiplied.
    used: Vec<usize>,
    ready: bool,
    paid: bool,
    /// Its requests and hints.
    preparation: Transcript,
    /// A prompt's requests: no hints are made of them, inputs are answered in one step.
    sealed: Option<Vec<Vec<u8>>>,
}

/// Positions on their way through the layers.
#[derive(Clone, Copy, Debug)]
struct Pass {
    count: usize,
    /// Layer that comes next.
    next: usize,
}

/// The account of one session.
#[derive(Debug)]
pub struct Ledger {
    model: Arc<Split>,
    agreed: Agreed,
    paid: u32,
    served: u32,
    sets: VecDeque<Set>,
    pass: Option<Pass>,
    /// Preparation of sets that were used.
    offline: Transcript,
    /// Inputs and outputs of rounds.
    online: Transcript,
    /// Whether the job was opened again elsewhere.
    closed: bool,
}

impl Ledger {
    /// A session of a job of which `paid` positions are paid and `served` served.
    pub fn new(model: Arc<Split>, agreed: Agreed, paid: u32, served: u32) -> Self {
        Self {
            model,
            agreed,
            paid,
            served,
            sets: VecDeque::new(),
            pass: None,
            offline: Transcript::default(),
            online: Transcript::default(),
            closed: false,
        }
    }

    /// Ends the session's rights: its job is opened again. Gives positions paid and served.
    pub fn close(&mut self) -> (u32, u32) {
        self.closed = true;
        (self.paid, self.served)
    }

    /// That the job was not opened again.
    ///
    /// # Errors
    /// [`Refused::Request`] if it was.
    pub fn check_open(&self) -> Result<(), Refused> {
        match self.closed {
            true => refuse("the job was opened again; go on there"),
            false => Ok(()),
        }
    }

    /// Positions of the job that are paid.
    pub fn paid(&self) -> u32 {
        self.paid
    }

    /// Positions of the job that were served; those of a pass count once another begins.
    pub fn served(&self) -> u32 {
        self.served
    }

    /// Price of what is paid.
    pub fn charged(&self) -> Balance {
        self.agreed.price(self.paid)
    }

    /// Admits the preparation of a set, whose place it takes. Says whether its hints follow, then [`Ledger::ready`];
    /// a prompt's set is ready at once.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn prepare(
        &mut self,
        positions: usize,
        requests: &[Vec<u8>],
        key: &zk_llm::split::PackingKey,
    ) -> Result<bool, Refused> {
        self.check_open()?;
        if self.sets.iter().any(|set| !set.ready) {
            return refuse("a set is being prepared; wait for its hints, or open the job again");
        }
        if self.sets.iter().any(|set| !set.paid) {
            return Err(Refused::Unpaid(
                "a prepared set is not paid; send a voucher for it before another is prepared",
            ));
        }
        self.retire();
        if self.sets.len() >= MAX_SETS {
            return refuse(format!("{MAX_SETS} sets are prepared; use one first"));
        }
        let granted = self.granted();
        let left = (self.agreed.prompt.saturating_sub(granted)) as usize;
        let widest = self.model.widest();
        let passes = match left {
            0 if (1..=widest).contains(&positions) => positions,
            0 => return refuse(format!("{positions} positions; a set has 1 to {widest}")),
            // A prompt goes in passes as wide as possible.
            left if positions == left.min(widest) => 1,
            left => {
                return refuse(format!(
                    "{positions} positions; the prompt's next set has {}",
                    left.min(widest)
                ))
            }
        };
        let whole = self.needed(granted, positions);
        if whole > self.agreed.context {
            return refuse(format!(
                "{whole} positions; the Brain's prices allow {}",
                self.agreed.context
            ));
        }
        let needed = self.agreed.price(whole);
        if needed > self.agreed.most {
            return Err(Refused::Beyond {
                needed,
                agreed: self.agreed.most,
            });
        }
        let manifest = self.model.manifest();
        let way = if left > 0 { Way::Answered } else { Way::Hinted };
        let Some(tokens) = split::batches(manifest, positions, passes, way) else {
            return refuse("no batch of so many positions fits the limits; prepare fewer");
        };
        if requests.len() != tokens.len() {
            return refuse(format!(
                "{} requests; the model has {} linear layers",
                requests.len(),
                tokens.len()
            ));
        }
        let mut batches = Vec::with_capacity(tokens.len());
        for ((request, linear), expected) in requests.iter().zip(&manifest.linears).zip(tokens) {
            match batch(request, &linear.shape(), key) {
                Ok((name, tokens)) if tokens == expected => batches.push((name, tokens)),
                Ok((_, tokens)) => {
                    return refuse(format!(
                        "a batch of {} positions for layer {}; this set takes {}",
                        tokens.count(),
                        linear.name,
                        expected.count()
                    ))
                }
                Err(error) => return refuse(format!("layer {}: {error}", linear.name)),
            }
        }
        let mut preparation = Transcript::default();
        let sealed = (left > 0).then(|| requests.to_vec());
        sealed
            .iter()
            .flatten()
            .for_each(|request| preparation.sent(request));
        let hinted = sealed.is_none();
        self.sets.push_back(Set {
            used: vec![0; batches.len()],
            batches,
            positions,
            passes,
            ready: false,
            paid: false,
            preparation,
            sealed,
        });
        if !hinted {
            self.ready();
        }
        Ok(hinted)
    }

    /// A hint of the newest set was made.
    pub fn hinted(&mut self, request: &[u8], hint: &[u8]) {
        if let Some(set) = self.sets.back_mut() {
            set.preparation.sent(request);
            set.preparation.got(hint);
        }
    }

    /// The newest set can be used. A set that earlier payments cover is paid already.
    pub fn ready(&mut self) {
        let granted = self.granted();
        let Some(positions) = self.sets.back().map(|set| set.positions) else {
            return;
        };
        let covered = self.needed(granted, positions) <= self.paid;
        if let Some(set) = self.sets.back_mut() {
            set.ready = true;
            set.paid = covered;
        }
    }

    /// Positions of the job that will be paid once the prepared set is, and what they raise the price by.
    ///
    /// # Errors
    /// [`Refused`] if no set waits for its payment.
    pub fn due(&self) -> Result<(u32, Balance), Refused> {
        self.check_open()?;
        let Some(set) = self.sets.iter().find(|set| set.ready && !set.paid) else {
            return refuse("no set waits for a voucher; prepare one");
        };
        let paid = self.needed(self.granted(), set.positions);
        Ok((paid, self.agreed.price(paid).saturating_sub(self.charged())))
    }

    /// The set that waited is paid.
    pub fn pay(&mut self, paid: u32) {
        self.paid = self.paid.max(paid);
        if let Some(set) = self.sets.iter_mut().find(|set| set.ready && !set.paid) {
            set.paid = true;
        }
    }

    /// Admits a round: its positions are used, whatever becomes of the outputs. Gives the request of a prompt's layer,
    /// whose inputs are answered in one step.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn round(&mut self, layer: usize, asked: &Positions) -> Result<Option<Vec<u8>>, Refused> {
        self.check_open()?;
        let layers = self.model.matrices().len();
        let body = self.model.manifest().body();
        // A pass may end after the body, when nobody wants what comes after it.
        let open = self.pass.filter(|pass| pass.next < layers);
        match (layer, open) {
            (0, None) => {}
            (0, Some(pass)) if pass.next >= body => {}
            (0, Some(pass)) => {
                return refuse(format!(
                    "layer 0 while a pass is at layer {}; finish it first",
                    pass.next
                ))
            }
            (_, Some(pass)) if pass.next == layer => {
                let fits = if layer < body {
                    asked.count == pass.count
                } else {
                    asked.count <= pass.count
                };
                if !fits {
                    return refuse(format!("{} positions in a pass of {}", asked.count, pass.count));
                }
            }
            (_, open) => {
                let next = open.map_or(0, |pass| pass.next);
                return refuse(format!("layer {layer}; the next one is layer {next}"));
            }
        }
        if layer == 0 {
            self.turn_to(&asked.batch)?;
        }
        let Some(set) = self.sets.front_mut() else {
            return refuse("no set is prepared");
        };
        let (Some((name, tokens)), Some(used)) = (set.batches.get(layer), set.used.get_mut(layer)) else {
            return refuse(format!("there is no layer {layer}"));
        };
        if *name != asked.batch {
            return refuse("the inputs are of an unknown batch; prepare it in this session first");
        }
        if !set.paid {
            return Err(Refused::Unpaid(
                "the set is not paid; send a voucher for it first",
            ));
        }
        if asked.first != *used {
            return refuse(format!(
                "positions from {}; the batch's next one is {used}, and each is multiplied once",
                asked.first
            ));
        }
        let most = if layer < body { set.positions } else { set.passes };
        let end = used.saturating_add(asked.count);
        if end > most.min(tokens.count()) {
            return refuse(format!("{end} positions; the set has {most} for this layer"));
        }
        if layer == 0 && set.passes == 1 && asked.count != set.positions {
            return refuse(format!(
                "{} positions; this set goes in one pass of {}",
                asked.count, set.positions
            ));
        }
        if layer == 0 && *used == 0 {
            self.offline.absorb(&set.preparation);
        }
        *used = end;
        let request = set.sealed.as_ref().and_then(|all| all.get(layer)).cloned();
        if layer == 0 {
            self.settle();
            self.pass = Some(Pass {
                count: asked.count,
                next: 1,
            });
        } else if let Some(pass) = self.pass.as_mut() {
            pass.next = layer.saturating_add(1);
        }
        Ok(request)
    }

    /// A round was computed.
    pub fn rounded(&mut self, inputs: &[u8], outputs: &[u8]) {
        self.online.sent(inputs);
        self.online.got(outputs);
    }

    /// Ends the session: the last pass counts as served if it went through the body. Gives input and output hash.
    pub fn finish(&mut self) -> (sp_core::H256, sp_core::H256) {
        if self
            .pass
            .is_some_and(|pass| pass.next >= self.model.manifest().body())
        {
            self.settle();
        }
        split::transcript(&self.offline, &self.online, self.paid, self.served)
    }

    /// Counts the pass before.
    fn settle(&mut self) {
        let count = self.pass.take().map_or(0, |pass| pass.count);
        self.served = self.served.saturating_add(narrow(count));
    }

    /// Moves on to the set that has the batch, if the one in use gives way to it.
    fn turn_to(&mut self, name: &[u8; 16]) -> Result<(), Refused> {
        let of = |set: &Set| set.batches.first().map(|(name, _)| *name);
        if self.sets.iter().skip(1).any(|set| of(set) == Some(*name)) {
            while self.sets.front().is_some_and(|set| of(set) != Some(*name)) {
                self.sets.pop_front();
            }
        }
        match self.sets.front() {
            Some(set) if of(set) == Some(*name) => Ok(()),
            _ => refuse("the inputs are of an unknown batch; prepare it in this session first"),
        }
    }

    /// Drops sets whose positions all went through the body, and which no pass uses.
    fn retire(&mut self) {
        let body = self.model.manifest().body();
        let under_way = self
            .pass
            .is_some_and(|pass| pass.next < self.model.matrices().len());
        let spent = |set: &Set| set.used.iter().take(body).all(|used| *used >= set.positions);
        while self.sets.len() > 1 && self.sets.front().is_some_and(spent) && !under_way {
            self.sets.pop_front();
        }
    }

    /// Positions served, on their way, or in paid sets.
    fn granted(&self) -> u32 {
        let on_their_way = self.pass.map_or(0, |pass| pass.count);
        let paid = self.sets.iter().filter(|set| set.paid);
        let left = paid.map(|set| {
            set.positions
                .saturating_sub(set.used.first().copied().unwrap_or(0))
        });
        let left = left.fold(on_their_way, usize::saturating_add);
        self.served.saturating_add(narrow(left))
    }

    /// Positions of the job that must be paid for `positions` beyond those granted.
    fn needed(&self, granted: u32, positions: usize) -> u32 {
        granted.saturating_add(narrow(positions)).max(self.paid)
    }
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
