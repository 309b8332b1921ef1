//! The online part: vouchers, rounds and the receipt, as the client sends them.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use based_client::wire::{
    proto::{split_down, split_up::Part, Paid, Round, SignedReceipt, SplitDown, SplitOpened, SplitUp},
    split::{IDLE, MAX_ROUND},
    MAX_CHUNK,
};
use based_primitives::payments::{Receipt, PAYMENT_VERSION};
use codec::Encode;
use futures::Stream;
use tokio::time::timeout;
use tonic::{Status, Streaming};
use zk_llm::split::{answer, most_bodies_bytes, product, Positions};

use super::{ledger::Agreed, Live, Name, Shared};
use crate::{
    db::SessionRow,
    service::{collect, db_status, stopping, upload},
};

/// A session's exchange; the session ends when this is dropped.
struct Conversation {
    shared: Arc<Shared>,
    name: Name,
    live: Arc<Live>,
    stream: Streaming<SplitUp>,
    replies: VecDeque<SplitDown>,
    ended: bool,
}

/// The bytes of a message of data.
pub(super) fn data(message: SplitUp) -> Option<Vec<u8>> {
    match message.part {
        Some(Part::Data(data)) => Some(data),
        _ => None,
    }
}

/// What a session begins with.
pub(super) fn opened(name: &Name, agreed: &Agreed, (paid, served): (u32, u32)) -> SplitDown {
    reply(split_down::Part::Opened(SplitOpened {
        session: name.to_vec(),
        prompt_price: agreed.prompt_price.to_le_bytes().to_vec(),
        completion_price: agreed.completion_price.to_le_bytes().to_vec(),
        paid,
        served,
    }))
}

fn reply(part: split_down::Part) -> SplitDown {
    SplitDown { part: Some(part) }
}

/// What the miner says in a session.
pub(super) fn conversation(
    shared: Arc<Shared>,
    name: Name,
    live: Arc<Live>,
    stream: Streaming<SplitUp>,
    first: SplitDown,
) -> impl Stream<Item = Result<SplitDown, Status>> + Send {
    shared.parts.metrics.session(true);
    let start = Conversation {
        shared,
        name,
        live,
        stream,
        replies: VecDeque::from([first]),
        ended: false,
    };
    futures::stream::unfold(start, |mut conversation| async move {
        let said = conversation.next().await?;
        Some((said, conversation))
    })
}

impl Conversation {
    async fn next(&mut self) -> Option<Result<SplitDown, Status>> {
        // A client that takes long answers slowly is not idle.
        self.live.touch();
        while self.replies.is_empty() && !self.ended {
            if let Err(status) = self.step().await {
                self.ended = true;
                return Some(Err(status));
            }
        }
        self.replies.pop_front().map(Ok)
    }

    /// Reads one message and does what it asks.
    async fn step(&mut self) -> Result<(), Status> {
        let stop = self.shared.parts.stop.clone();
        let message = tokio::select! {
            message = self.message() => message?,
            () = stop.asked() => return Err(stopping()),
        };
        let Some(message) = message else {
            self.ended = true;
            return Ok(());
        };
        self.live.touch();
        match message.part {
            Some(Part::Voucher(voucher)) => self.pay(&voucher).await,
            Some(Part::Round(round)) => self.round(&round).await,
            Some(Part::Finish(_)) => self.finish().await,
            _ => Err(Status::invalid_argument(
                "neither a voucher nor a round nor the end of the session",
            )),
        }
    }

    /// The next message. A client that waits for hints may be silent for as long as they take.
    async fn message(&mut self) -> Result<Option<SplitUp>, Status> {
        loop {
            match timeout(IDLE, self.stream.message()).await {
                Ok(message) => return message,
                Err(_) if !self.live.is_idle(IDLE) => {}
                Err(_) => {
                    return Err(Status::deadline_exceeded(format!(
                        "nothing came for {} s; open the job again to go on",
                        IDLE.as_secs()
                    )))
                }
            }
        }
    }

    async fn pay(&mut self, voucher: &[u8]) -> Result<(), Status> {
        let (paid, due) = self.live.ledger().due()?;
        let (signed, terms) = collect::redeemable(&self.shared, voucher).await?;
        let (job, prompt) = (self.live.terms.clone(), self.live.prompt);
        let (charged, served) = {
            let ledger = self.live.ledger();
            (ledger.charged().saturating_add(due), ledger.served())
        };
        let row = SessionRow { prompt, paid, served };
        let recorded = self
            .shared
            .parts
            .db
            .run(move |db| db.pay_session((&signed, &terms), &job, row, (due, charged)));
        recorded.await.map_err(db_status)??;
        self.live.ledger().pay(paid);
        let job = hex::encode(self.live.terms.job);
        tracing::info!(
            job,
            account = self.live.terms.account,
            paid,
            due,
            "positions paid by voucher"
        );
        self.replies
            .push_back(reply(split_down::Part::Paid(Paid { paid })));
        Ok(())
    }

    async fn round(&mut self, round: &Round) -> Result<(), Status> {
        let layer = round.layer as usize;
        let shape = match self.live.model.matrices().get(layer) {
            Some(matrix) => *matrix.shape(),
            None => return Err(Status::invalid_argument(format!("there is no layer {layer}"))),
        };
        if round.size > MAX_ROUND.min(most_bodies_bytes(&shape)) {
            return Err(Status::out_of_range(format!(
                "inputs of {} bytes; a round has at most {MAX_ROUND}",
                round.size
            )));
        }
        // Inputs may be long in coming, and the turn too.
        let _work = self.live.work();
        let first = upload::next(&mut self.stream).await?;
        let first = first.ok_or_else(|| Status::data_loss("the round's inputs did not come"))?;
        let inputs = upload::exact(&mut self.stream, first, round.size, data).await?;
        let asked = Positions::of_bodies(&inputs, &shape)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let request = self.live.ledger().round(layer, &asked)?;
        let (live, metrics) = (self.live.clone(), self.shared.parts.metrics.clone());
        // An answer takes as long as a hint, and waits with them.
        let turn = match &request {
            Some(_) => &self.shared.sessions.hints,
            None => &self.shared.sessions.products,
        };
        let multiply = move || {
            let matrix = live.model.matrices().get(layer)?;
            let started = Instant::now();
            let outputs = match &request {
                Some(request) => answer(matrix, &live.key, request, &inputs),
                None => product(matrix, &inputs),
            };
            let began = if layer == 0 { asked.count as u64 } else { 0 };
            metrics.multiplied(began, started.elapsed());
            Some(outputs.map(|outputs| (inputs, outputs)))
        };
        let multiplied = turn.run(multiply).await?;
        let multiplied = multiplied.ok_or_else(|| Status::internal("the model changed its layers"))?;
        let (inputs, outputs) = multiplied.map_err(|error| Status::invalid_argument(error.to_string()))?;
        self.live.ledger().rounded(&inputs, &outputs);
        let chunks = outputs.chunks(MAX_CHUNK);
        self.replies
            .extend(chunks.map(|chunk| reply(split_down::Part::Data(chunk.to_vec()))));
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Status> {
        let terms = &self.live.terms;
        let (hashes, amount, paid) = {
            let mut ledger = self.live.ledger();
            (ledger.finish(), ledger.charged(), ledger.paid())
        };
        let receipt = Receipt {
            version: PAYMENT_VERSION,
            genesis: self.shared.genesis,
            job: terms.job,
            brain: terms.brain,
            task: terms.task,
            evaluation_key: terms.evaluation_key,
            input: hashes.0,
            output: hashes.1,
            trace: None,
            amount,
        };
        let signature = self.shared.parts.computekey.sign_receipt(&receipt).to_vec();
        let receipt = receipt.encode();
        let (id, stored, by) = (terms.job, receipt.clone(), signature.clone());
        let close = self
            .shared
            .parts
            .db
            .run(move |db| db.close_session(&id, &stored, &by));
        close.await.map_err(db_status)?;
        tracing::info!(job = %hex::encode(id), paid, amount, "session of split mode finished");
        let signed = SignedReceipt { receipt, signature };
        self.replies.push_back(reply(split_down::Part::Receipt(signed)));
        self.ended = true;
        Ok(())
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.shared.sessions.open().remove(&self.name);
        self.shared.parts.metrics.session(false);
        // Hints are made no more.
        let (job, (_, served)) = (self.live.terms.job, self.live.ledger().close());
        let db = self.shared.parts.db.clone();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = db.run(move |db| db.note_served(&job, served)).await {
                tracing::error!(%error, "cannot note what a session served");
            }
        });
    }
}
