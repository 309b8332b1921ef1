//! Bytes that no client of ours sends: each is refused with a reason, and the miner lives on.

use std::time::Duration;

use based_client::{
    session::{
        split::{Line, Means, Waits},
        SessionError,
    },
    wire::{
        proto::split_up::Part,
        proto::Round,
        split::{batches, Way},
        MinerClient,
    },
};
use codec::Encode;
use tempfile::TempDir;
use tokio::sync::watch;
use tonic::transport::Channel;
use zk_llm::split::{Pending, SecretKey, PACKING_KEY_BYTES};

use super::{ask_waiting, cost, gpt2, header, miner, secret, settings, User};
use crate::tests::harness::{job_id, signed, voucher, Miner};

/// A session that a test drives by hand.
struct Driven {
    line: Line,
    user: User,
    miner: Miner,
    _dir: TempDir,
}

const PROMPT: u32 = 8;

impl Driven {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let miner = miner(&dir, gpt2()).await;
        let user = User::of(&miner);
        let key = secret().packing_key_bytes();
        let header = header(gpt2(), &user, key, PROMPT);
        let client: MinerClient<Channel> = user.client().await.unwrap();
        let (line, opening) = Line::open(client, header, key, Waits::default()).await.unwrap();
        assert_eq!((opening.paid, opening.served), (0, 0));
        Self {
            line,
            user,
            miner,
            _dir: dir,
        }
    }

    /// Requests of a prompt's set under a key.
    fn requests(key: &SecretKey, positions: usize) -> Vec<Vec<u8>> {
        Self::requests_of(key, positions, 1, Way::Answered)
    }

    fn requests_of(key: &SecretKey, positions: usize, passes: usize, way: Way) -> Vec<Vec<u8>> {
        let manifest = gpt2().part.manifest();
        let tokens = batches(manifest, positions, passes, way).unwrap();
        let drawn = manifest.linears.iter().zip(tokens);
        drawn
            .map(|(linear, tokens)| key.prepare(&linear.shape(), tokens).unwrap().request().to_vec())
            .collect()
    }

    /// Prepares the prompt as it should be.
    async fn prepare(&self) -> Vec<Option<Pending>> {
        let manifest = gpt2().part.manifest();
        let tokens = batches(manifest, PROMPT as usize, 1, Way::Answered).unwrap();
        let drawn = manifest.linears.iter().zip(tokens);
        let drawn: Vec<_> = drawn
            .map(|(linear, tokens)| secret().prepare(&linear.shape(), tokens).unwrap())
            .collect();
        let requests = drawn.iter().map(|pending| pending.request().to_vec()).collect();
        let mut offline = self.line.offline().clone();
        let hints = offline.prepare(PROMPT as usize, requests).await.unwrap();
        // A prompt has no hints.
        hints.end().await.unwrap();
        drawn.into_iter().map(Some).collect()
    }

    async fn pay(&mut self, positions: u32) {
        let voucher = self.user.promise(cost(positions)).unwrap();
        self.line.pay(voucher.encode()).await.unwrap();
    }

    /// A session whose prompt is prepared and paid.
    async fn paid() -> (Self, Vec<Option<Pending>>) {
        let mut driven = Self::open().await;
        let batches = driven.prepare().await;
        driven.pay(PROMPT).await;
        (driven, batches)
    }

    /// Why the preparation is refused.
    async fn refused_set(&self, positions: usize, requests: Vec<Vec<u8>>) -> String {
        let asked = self.line.offline().clone().prepare(positions, requests).await;
        refusal(asked.map(drop))
    }

    /// Why a round is refused.
    async fn refused_round(mut self, layer: usize, inputs: &[u8]) -> String {
        let answered = self.line.round(layer, inputs, 1).await;
        let why = refusal(answered.map(drop));
        self.alive().await;
        why
    }

    async fn alive(self) {
        self.miner.client().await;
        self.miner.stop().await;
    }
}

fn refusal(result: Result<(), SessionError>) -> String {
    match result {
        Err(SessionError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// Inputs of some positions of a prompt for a layer, and the size of their answer.
fn sealed(prompt: &mut [Option<Pending>], layer: usize, positions: usize) -> (Vec<u8>, u64) {
    let inputs = gpt2().part.manifest().linears[layer].columns as usize;
    let pending = prompt[layer].take().unwrap();
    let (bytes, sealed) = pending.seal(&vec![1; inputs * positions]).unwrap();
    (bytes, sealed.answer_bytes())
}

fn bodies(prompt: &mut [Option<Pending>], layer: usize, positions: usize) -> Vec<u8> {
    sealed(prompt, layer, positions).0
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_that_are_none_are_refused() {
    let driven = Driven::open().await;
    let good = || Driven::requests(secret(), 8);
    let other = SecretKey::generate().unwrap();
    let mut short = good();
    short[2].pop();
    let mut few = good();
    few.pop();
    let mut swapped = good();
    swapped.swap(0, 1);
    let mut noise = good();
    noise[0] = vec![0xFF; 64];
    for (positions, requests, why) in [
        (8, Driven::requests(&other, 8), "another packing key"),
        (8, short, "64"),
        (8, few, "8 linear layers"),
        (8, swapped, "layer"),
        (8, noise, "layer"),
        (8, Driven::requests(secret(), 16), "this set takes 8"),
        (4, Driven::requests(secret(), 4), "the prompt's next set has 8"),
        (0, good(), "the prompt's next set has 8"),
        (usize::from(u16::MAX), good(), "the prompt's next set has 8"),
    ] {
        let refused = driven.refused_set(positions, requests).await;
        assert!(refused.contains(why), "{why}: {refused}");
    }
    driven.prepare().await;
    let refused = driven.refused_set(8, good()).await;
    assert!(refused.contains("not paid"), "{refused}");
    let mut client = driven.user.client().await.unwrap();
    for session in [vec![], vec![0; 32], vec![1; 31]] {
        let request = based_client::wire::proto::PrepareRequest {
            session,
            positions: 8,
            requests: good(),
        };
        assert!(client.prepare(request).await.is_err());
    }
    driven.alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_before_their_payment_or_out_of_order_are_refused() {
    let driven = Driven::open().await;
    let mut batches = driven.prepare().await;
    let inputs = bodies(&mut batches, 0, 8);
    let refused = driven.refused_round(0, &inputs).await;
    assert!(refused.contains("not paid"), "{refused}");

    let (driven, mut batches) = Driven::paid().await;
    let inputs = bodies(&mut batches, 1, 8);
    let refused = driven.refused_round(1, &inputs).await;
    assert!(refused.contains("next one is layer 0"), "{refused}");

    let (mut driven, mut batches) = Driven::paid().await;
    let (first, size) = sealed(&mut batches, 0, 8);
    driven.line.round(0, &first, size).await.unwrap();
    let skipped = bodies(&mut batches, 2, 8);
    let refused = driven.refused_round(2, &skipped).await;
    assert!(refused.contains("next one is layer 1"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_multiplied_once_and_no_more_than_were_paid() {
    let (mut driven, mut batches) = Driven::paid().await;
    let manifest = gpt2().part.manifest();
    let mut first = Vec::new();
    for layer in 0..manifest.linears.len() {
        let positions = if layer < manifest.body() { 8 } else { 1 };
        let (inputs, size) = sealed(&mut batches, layer, positions);
        driven.line.round(layer, &inputs, size).await.unwrap();
        if layer == 0 {
            first = inputs;
        }
    }
    let refused = driven.refused_round(0, &first).await;
    assert!(refused.contains("multiplied once"), "{refused}");

    // A prompt goes in one pass: a part of it is no pass.
    let (driven, mut batches) = Driven::paid().await;
    let inputs = bodies(&mut batches, 0, 1);
    let refused = driven.refused_round(0, &inputs).await;
    assert!(refused.contains("one pass of 8"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_that_are_none_are_refused() {
    type Harm = fn(&mut Vec<u8>);
    let harms: [(Harm, &str); 5] = [
        (|bytes| bytes.truncate(bytes.len() - 1), "bytes"),
        (|bytes| bytes.push(0), "bytes"),
        (|bytes| bytes.truncate(10), "bytes"),
        (|bytes| bytes[20] ^= 1, "unknown batch"),
        (|bytes| bytes[0] ^= 1, "matrix"),
    ];
    for (harm, why) in harms {
        let (driven, mut batches) = Driven::paid().await;
        let mut inputs = bodies(&mut batches, 0, 8);
        harm(&mut inputs);
        let refused = driven.refused_round(0, &inputs).await;
        assert!(refused.contains(why), "{why}: {refused}");
    }
    let (driven, mut batches) = Driven::paid().await;
    let inputs = bodies(&mut batches, 0, 8);
    let refused = driven.refused_round(99, &inputs).await;
    assert!(refused.contains("no layer 99"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn announced_sizes_and_messages_out_of_place_are_refused() {
    for (parts, why) in [
        (vec![round(0, u64::MAX)], "at most"),
        (vec![round(0, 1_000), Part::Data(vec![0; 1_001])], "1000 bytes"),
        (vec![round(0, 1_000), round(0, 1_000)], "data is missing"),
        (vec![round(0, 1_000), Part::Data(vec![])], "1 to"),
        (vec![Part::Data(vec![1])], "neither"),
        (vec![Part::Voucher(vec![1; 10])], "no set waits"),
    ] {
        let mut driven = Driven::open().await;
        for part in parts {
            driven.line.send(part).await.unwrap();
        }
        let refused = refusal(driven.line.finish().await.map(drop));
        assert!(refused.contains(why), "{why}: {refused}");
        driven.alive().await;
    }
}

fn round(layer: u32, size: u64) -> Part {
    Part::Round(Round { layer, size })
}

#[tokio::test(flavor = "multi_thread")]
async fn vouchers_that_do_not_pay_the_set_are_refused() {
    let other = job_id();
    for (case, why) in [
        ("too little", "at least"),
        ("another job", "no job with this id"),
        ("another signer", "did not sign"),
        ("noise", "cannot be read"),
    ] {
        let mut driven = Driven::open().await;
        driven.prepare().await;
        let job = driven.user.job;
        let bytes = match case {
            "too little" => signed(voucher(job, cost(8) - 1), "User").encode(),
            "another job" => signed(voucher(other, cost(8)), "User").encode(),
            "another signer" => signed(voucher(job, cost(8)), "Mallory").encode(),
            _ => vec![7; 100],
        };
        let refused = refusal(driven.line.pay(bytes).await.map(drop));
        assert!(refused.contains(why), "{why}: {refused}");
        assert_eq!(driven.miner.db.cumulative(super::ACCOUNT).unwrap(), 0);
        driven.alive().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_agree_to_nothing_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, gpt2()).await;
    let user = User::of(&miner);
    let key = secret().packing_key_bytes();
    let open = |header, key: Vec<u8>| {
        let user = user.clone();
        async move {
            refusal(
                Line::open(user.client().await.unwrap(), header, &key, Waits::default())
                    .await
                    .map(drop),
            )
        }
    };
    for prompt in [0, 1, 7, 9, 64] {
        let refused = open(header(gpt2(), &user, key, prompt), key.to_vec()).await;
        assert!(refused.contains("power of two"), "{prompt}: {refused}");
    }
    let mut forged = header(gpt2(), &user, key, 8);
    forged.job.as_mut().unwrap().max_price = cost(61).to_le_bytes().to_vec();
    let refused = open(forged, key.to_vec()).await;
    assert!(refused.contains("did not sign"), "{refused}");
    let mut other = header(gpt2(), &user, key, 8);
    other.job.as_mut().unwrap().task[0] ^= 1;
    let refused = open(other, key.to_vec()).await;
    assert!(refused.contains("task is"), "{refused}");
    let mut traced = header(gpt2(), &user, key, 8);
    traced.job.as_mut().unwrap().traced = true;
    let refused = open(traced, key.to_vec()).await;
    assert!(refused.contains("cannot be traced"), "{refused}");
    let refused = open(header(gpt2(), &user, &key[1..], 8), key[1..].to_vec()).await;
    assert!(refused.contains("bytes"), "{refused}");
    let mut noise = key.to_vec();
    noise[5] ^= 0xFF;
    let refused = open(header(gpt2(), &user, &noise, 8), noise).await;
    assert!(refused.contains("packing key"), "{refused}");
    let refused = open(
        header(gpt2(), &user, &[0; PACKING_KEY_BYTES as usize], 8),
        key.to_vec(),
    )
    .await;
    assert!(refused.contains("SHA-256"), "{refused}");
    miner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_no_hints_holds_up_nobody() {
    let (driven, _prompt) = Driven::paid().await;
    let requests = Driven::requests_of(secret(), 8, 8, Way::Hinted);
    // More than a connection takes that is not read.
    let unread = driven.line.offline().clone().prepare(8, requests).await.unwrap();
    let other = User {
        job: job_id(),
        ..driven.user.clone()
    };
    let waits = Waits {
        word: Duration::from_secs(20),
        hint: Duration::from_secs(20),
        pauses: [Duration::ZERO; 3],
    };
    let (_keep, stop) = watch::channel(false);
    let asked = ask_waiting(
        (gpt2(), &other),
        &super::PROMPT,
        settings(4),
        (stop, waits),
        |_| {},
    )
    .await;
    asked.made.unwrap();
    drop(unread);
    driven.alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_full_mode_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, gpt2()).await;
    let mut client = miner.client().await;
    let key = vec![0; 70];
    let terms = based_client::wire::KeyTerms {
        account: super::ACCOUNT,
        brain: super::BRAIN,
        sha256: based_client::wire::sha256(&key),
        size: 70,
        expiry: 200,
    };
    let error = client.upload_key(&terms, "User", &key).await.unwrap_err();
    assert!(error.message().contains("split mode"), "{error}");
    miner.stop().await;
}
