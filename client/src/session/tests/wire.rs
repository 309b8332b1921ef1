//! Dealings with honest, broken and hostile miners.

use based_primitives::payments::VoucherSignature;
use codec::Encode;
use sp_core::{sr25519, Pair, H256};
use tonic::Status;
use zeroize::Zeroizing;

use super::{
    receipts,
    stub::{terms, Script, Stub, MINER, OUTPUT},
};
use crate::{
    chain::Signer,
    session::{job, job::Hashes, link::Link, Event, Expected, SessionError},
    state::Job,
    tls::ComputeKeyPair,
    wire::{self, proto},
};

fn signer() -> Signer {
    Signer::new(sr25519::Pair::from_seed(&[4; 32]))
}

fn a_job() -> (Job, Hashes) {
    let mut job = Job {
        id: [2; 32],
        brain: 7,
        account: 5,
        miner: MINER,
        task: H256([3; 32]),
        max_price: 1_000,
        traced: false,
        secret_key: Zeroizing::new(vec![]),
        evaluation_key: vec![6; 3 * wire::MAX_CHUNK + 17],
        input: vec![7; 2_076],
        signature: vec![],
        voucher: None,
    };
    let hashes = Hashes::of(&job);
    let bytes = job::terms(&job, &hashes).signing_bytes(&terms().genesis, &MINER);
    job.signature = VoucherSignature::Sr25519(signer().sign(&bytes)).encode();
    (job, hashes)
}

fn expected(key: &ComputeKeyPair, hashes: &Hashes) -> Expected {
    Expected {
        evaluation_key: hashes.evaluation_key,
        input: hashes.input,
        ..receipts::expected(key)
    }
}

async fn upload(link: &mut Link, events: &mut Vec<Event>) -> Result<(), SessionError> {
    let (job, hashes) = a_job();
    let mut note = |event| events.push(event);
    job::upload_key(link, &terms().genesis, &signer(), 64, (&job, &hashes), &mut note).await
}

#[tokio::test]
async fn an_honest_miner_answers_and_the_key_is_sent_once() {
    let (mut link, key, seen) = Stub::link(Script::default()).await;
    let (job, hashes) = a_job();
    let mut events = Vec::new();
    upload(&mut link, &mut events).await.unwrap();
    let total = job.evaluation_key.len() as u64;
    assert_eq!(events.last(), Some(&Event::UploadingKey { sent: total, total }));
    events.clear();
    upload(&mut link, &mut events).await.unwrap();
    assert_eq!(
        (events.len(), seen.lock().unwrap().key_bytes),
        (0, job.evaluation_key.len())
    );

    let mut note = |event| events.push(event);
    let receipt = job::submit(&mut link, &job, &hashes, &expected(&key, &hashes), &mut note)
        .await
        .unwrap();
    assert_eq!(events[0], Event::Queued { position: 2 });
    // What a stranger says of its progress is kept within bounds and off the terminal's controls.
    assert_eq!(
        events[1],
        Event::Progress {
            done: 4,
            total: 4,
            layer: "va[2Jlues".into()
        }
    );
    assert_eq!(
        link.collect(vec![1, 2, 3], &receipt.output).await.unwrap(),
        OUTPUT
    );
    assert_eq!(seen.lock().unwrap().vouchers.len(), 1);
}

#[tokio::test]
async fn a_miner_lost_in_the_middle_is_not_paid_and_gets_identical_bytes_again() {
    let (mut link, key, seen) = Stub::link(Script {
        broken_submissions: 1,
        ..Script::default()
    })
    .await;
    let (job, hashes) = a_job();
    let expected = expected(&key, &hashes);
    let error = job::submit(&mut link, &job, &hashes, &expected, &mut |_| {})
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(error
        .to_string()
        .contains("you were not charged; run again: the same bytes are resent"));
    assert!(seen.lock().unwrap().vouchers.is_empty());
    job::submit(&mut link, &job, &hashes, &expected, &mut |_| {})
        .await
        .unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.jobs.len(), 2);
    assert_eq!(seen.jobs[0], seen.jobs[1]);
    assert_eq!(seen.jobs[0].1, job.input);
}

#[tokio::test]
async fn a_miner_that_disagrees_with_the_chain_is_refused_before_anything_is_sent() {
    let wrong: [fn(&mut proto::DescribeReply); 7] = [
        |reply| reply.versions = vec![2],
        |reply| reply.genesis = vec![9; 32],
        |reply| reply.brain = 8,
        |reply| reply.miner = vec![9; 32],
        |reply| reply.task = vec![9; 32],
        |reply| reply.task = vec![3; 31],
        |reply| reply.price = vec![],
    ];
    for describe in wrong {
        let (peer, _, seen) = Stub::start(Script {
            describe: Some(describe),
            ..Script::default()
        })
        .await;
        let error = Link::open(&peer, &terms()).await.unwrap_err();
        assert!(
            matches!(error, SessionError::Refused(_) | SessionError::Protocol(_)),
            "{error}"
        );
        assert!(seen.lock().unwrap().jobs.is_empty());
    }
}

#[tokio::test]
async fn only_the_receipted_output_is_accepted() {
    let receipted = wire::sha256(&OUTPUT);
    let mut other = OUTPUT.to_vec();
    other[69] ^= 1;
    let collect = |output: Vec<u8>| async {
        let (mut link, _, _) = Stub::link(Script {
            output: Some(output),
            ..Script::default()
        })
        .await;
        link.collect(vec![1], &receipted).await
    };
    assert!(matches!(collect(other).await, Err(SessionError::Output)));
    assert!(matches!(
        collect(OUTPUT[..69].to_vec()).await,
        Err(SessionError::MinerGone(_))
    ));
    assert!(matches!(
        collect([OUTPUT.as_slice(), &[8]].concat()).await,
        Err(SessionError::Protocol(_))
    ));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_miners_words_without_control_characters() {
    let refuse = Some(Status::resource_exhausted("queue full\x1b[31m; try later"));
    let (mut link, key, _) = Stub::link(Script {
        refuse,
        ..Script::default()
    })
    .await;
    let (job, hashes) = a_job();
    let error = job::submit(&mut link, &job, &hashes, &expected(&key, &hashes), &mut |_| {})
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the miner refused: queue full [31m; try later");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_model_that_is_not_the_brains_is_refused_and_not_kept() {
    let (mut link, _, _) = Stub::link(Script::default()).await;
    let cache = tempfile::tempdir().unwrap();
    let error = link.model(&H256([3; 32]), cache.path()).await.unwrap_err();
    assert!(matches!(error, SessionError::Protocol(_)), "{error}");
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
}
