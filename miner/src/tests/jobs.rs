//! Jobs from strangers.

use based_client::wire::{proto::job_event::Event, sha256, JobTerms};
use based_primitives::constants::BASED;
use sp_core::H256;
use tonic::Code;

use super::{
    fake::{spending, GENESIS, PRICE},
    harness::{
        fixture, input, job_id, job_terms, key_terms, random, signed, verified, voucher, Miner, OTHER,
    },
};
use crate::db::{Admission, AdmissionLimits, Db, JobState, NewJob, Refusal};

#[tokio::test]
async fn a_job_is_answered_for_its_voucher_as_the_oracle_would() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let described = client
        .0
        .describe(based_client::wire::proto::DescribeRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(described.price, PRICE.to_le_bytes());
    assert_eq!(
        described.evaluation_key_bytes,
        fixture().evaluation_key.len() as u64
    );
    client
        .upload_key(&key_terms(), "User", &fixture().evaluation_key)
        .await
        .unwrap();

    for (values, expected, cumulative) in [
        ([1, -1, -1, 1], vec![1, 0], PRICE),
        ([-1, 0, 1, 1], vec![0, 1], 2 * PRICE),
    ] {
        let bytes = input(values);
        let terms = job_terms(job_id(), &bytes);
        let receipt = client.submit(&terms, "User", &bytes).await.unwrap();
        let receipt = verified(&receipt, &miner.computekey);
        assert_eq!(
            (
                receipt.genesis,
                receipt.job,
                receipt.task,
                receipt.evaluation_key,
                receipt.input,
                receipt.amount
            ),
            (
                GENESIS,
                terms.job,
                terms.task,
                terms.evaluation_key,
                terms.input,
                PRICE
            )
        );
        let paid = signed(voucher(terms.job, cumulative), "User");
        let output = client.collect(&paid).await.unwrap();
        assert_eq!(sha256(&output), receipt.output);
        assert_eq!(output.len() as u64, described.output_bytes);
        let interface = fixture().model.circuit().interface();
        assert_eq!(
            fixture().key.decrypt_values(interface, &output).unwrap(),
            expected,
            "{values:?}"
        );
    }
    miner.stop().await;
}

#[tokio::test]
async fn public_files_are_served_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let get = |name: &str| based_client::wire::proto::ModelFileRequest { name: name.into() };
    for name in based_client::wire::MODEL_FILES {
        let mut stream = client.0.model_file(get(name)).await.unwrap().into_inner();
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.message().await.unwrap() {
            bytes.extend(chunk.data);
        }
        assert_eq!(
            bytes,
            std::fs::read(fixture().model_dir.join(name)).unwrap(),
            "{name}"
        );
    }
    for name in ["weights.safetensors", "../../computekey.pem", "/etc/passwd", ""] {
        assert_eq!(
            client.0.model_file(get(name)).await.unwrap_err().code(),
            Code::NotFound,
            "{name}"
        );
    }
    miner.stop().await;
}

#[tokio::test]
async fn jobs_that_cannot_be_done_or_paid_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let bytes = input([0; 4]);
    let good = job_terms(job_id(), &bytes);

    let status = client.submit(&good, "User", &bytes).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().starts_with("evaluation key"), "{status:?}");
    client
        .upload_key(&key_terms(), "User", &fixture().evaluation_key)
        .await
        .unwrap();

    let noise = random(bytes.len());
    let longer = [&bytes[..], &[0]].concat();
    let cases: Vec<(&str, JobTerms, &[u8], &str, Code)> = vec![
        (
            "another signer",
            good.clone(),
            &bytes,
            "Alice",
            Code::Unauthenticated,
        ),
        (
            "another task",
            JobTerms {
                task: H256([1; 32]),
                ..good.clone()
            },
            &bytes,
            "User",
            Code::FailedPrecondition,
        ),
        (
            "another key",
            JobTerms {
                evaluation_key: H256([1; 32]),
                ..good.clone()
            },
            &bytes,
            "User",
            Code::FailedPrecondition,
        ),
        (
            "another Brain",
            JobTerms {
                brain: 8,
                ..good.clone()
            },
            &bytes,
            "User",
            Code::InvalidArgument,
        ),
        (
            "no account",
            JobTerms {
                account: OTHER,
                ..good.clone()
            },
            &bytes,
            "User",
            Code::FailedPrecondition,
        ),
        (
            "price too low",
            JobTerms {
                max_price: PRICE - 1,
                ..good.clone()
            },
            &bytes,
            "User",
            Code::FailedPrecondition,
        ),
        (
            "announced too large",
            JobTerms {
                size: u64::MAX,
                ..good.clone()
            },
            &bytes,
            "User",
            Code::InvalidArgument,
        ),
        (
            "truncated",
            good.clone(),
            &bytes[..bytes.len() - 1],
            "User",
            Code::DataLoss,
        ),
        ("nothing sent", good.clone(), &[], "User", Code::DataLoss),
        ("oversized", good.clone(), &longer, "User", Code::OutOfRange),
        ("other bytes", good.clone(), &noise, "User", Code::DataLoss),
        (
            "random",
            JobTerms {
                input: sha256(&noise),
                ..good.clone()
            },
            &noise,
            "User",
            Code::InvalidArgument,
        ),
    ];
    for (name, terms, bytes, signer, code) in cases {
        let status = client.submit(&terms, signer, bytes).await.unwrap_err();
        assert_eq!(status.code(), code, "{name}: {status:?}");
    }

    miner.chain.state().accounts.insert(1, spending(Some(PRICE - 1)));
    let status = client.submit(&good, "User", &bytes).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("reserve more"), "{status:?}");
    assert!(
        miner
            .db
            .job_counts()
            .unwrap()
            .iter()
            .all(|(_, count)| *count == 0),
        "no trace of refused jobs"
    );
    miner.stop().await;
}

#[tokio::test]
async fn a_job_submitted_again_attaches_and_costs_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    client
        .upload_key(&key_terms(), "User", &fixture().evaluation_key)
        .await
        .unwrap();
    let bytes = input([1, 1, 0, 0]);
    let terms = job_terms(job_id(), &bytes);
    let first = client.submit(&terms, "User", &bytes).await.unwrap();
    let again = client.submit(&terms, "User", &bytes).await.unwrap();
    assert_eq!(first, again, "the very same receipt");

    let other = input([0, 0, 1, 1]);
    let status = client
        .submit(&job_terms(terms.job, &other), "User", &other)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists, "{status:?}");
    let status = client.submit(&terms, "Alice", &bytes).await.unwrap_err();
    assert_eq!(
        status.code(),
        Code::Unauthenticated,
        "nobody else attaches: {status:?}"
    );

    let status = client
        .submit(&job_terms(job_id(), &other), "User", &other)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("not paid yet"), "{status:?}");

    client
        .collect(&signed(voucher(terms.job, PRICE), "User"))
        .await
        .unwrap();
    assert_eq!(
        client.submit(&terms, "User", &bytes).await.unwrap(),
        first,
        "also after its payment"
    );
    client
        .submit(&job_terms(job_id(), &other), "User", &other)
        .await
        .unwrap();
    assert_eq!(miner.db.cumulative(1).unwrap(), PRICE);
    miner.stop().await;
}

#[tokio::test]
async fn those_who_wait_are_told_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let chain = std::sync::Arc::new(super::fake::Fake::new(
        H256(fixture().model.manifest_hash()),
        [0; 32],
    ));
    chain.state().accounts.insert(OTHER, spending(Some(BASED)));
    let miner = Miner::start(dir.path(), &fixture().model_dir, chain, false).await;
    let mut client = miner.client().await;
    let bytes = input([1, 1, 0, 0]);
    for (account, place) in [(1, 0), (OTHER, 1)] {
        let key = based_client::wire::KeyTerms {
            account,
            ..key_terms()
        };
        client
            .upload_key(&key, "User", &fixture().evaluation_key)
            .await
            .unwrap();
        let terms = JobTerms {
            account,
            ..job_terms(job_id(), &bytes)
        };
        let events = client.events(&terms, "User", &bytes, 1).await.unwrap();
        assert!(
            matches!(&events[..], [Event::Queued(queued)] if queued.position == place),
            "{events:?}"
        );
    }
    let described = client
        .0
        .describe(based_client::wire::proto::DescribeRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(described.queue_depth, 2);
    miner.stop().await;
}

/// A job of three bytes that nobody evaluates.
pub fn new_job(account: u64) -> NewJob {
    let bytes = vec![1, 2, 3];
    let terms = JobTerms {
        job: job_id(),
        account,
        brain: 7,
        task: H256([1; 32]),
        evaluation_key: H256([2; 32]),
        input: sha256(&bytes),
        size: 3,
        max_price: PRICE,
        traced: false,
    };
    NewJob {
        terms,
        price: PRICE,
        bytes,
    }
}

#[test]
fn the_queue_is_bounded_and_failed_jobs_leave_it() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let limits = AdmissionLimits {
        queue: 3,
        traces: 0,
        reserved: BASED,
        redeemed: 0,
    };
    let jobs: Vec<NewJob> = (1..=4).map(new_job).collect();
    for job in &jobs[..3] {
        assert!(matches!(
            db.admit(job.clone(), limits).unwrap(),
            Ok(Admission::New(_))
        ));
    }
    assert_eq!(
        db.admit(jobs[3].clone(), limits).unwrap(),
        Err(Refusal::QueueFull(3))
    );
    assert!(
        matches!(
            db.admit(jobs[1].clone(), limits).unwrap(),
            Ok(Admission::Known(_))
        ),
        "a known one attaches"
    );
    db.fail(&jobs[0].terms.job, "broken").unwrap();
    assert!(matches!(
        db.admit(jobs[3].clone(), limits).unwrap(),
        Ok(Admission::New(_))
    ));
    assert_eq!(
        db.admit(jobs[0].clone(), limits).unwrap(),
        Err(Refusal::QueueFull(3))
    );
    db.start(&jobs[1].terms.job).unwrap();
    db.finish(&jobs[1].terms.job, b"output", b"receipt", b"signature")
        .unwrap();
    assert!(
        matches!(db.admit(jobs[0].clone(), limits).unwrap(), Ok(Admission::New(_))),
        "a failed one may come again"
    );
}

#[test]
fn a_reservation_covers_what_was_promised_and_redeemed() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let admit = |reserved, redeemed| {
        let job = new_job(1);
        let admitted = db
            .admit(
                job.clone(),
                AdmissionLimits {
                    queue: 9,
                    traces: 0,
                    reserved,
                    redeemed,
                },
            )
            .unwrap();
        db.fail(&job.terms.job, "next case").unwrap();
        admitted.is_ok()
    };
    assert!(admit(PRICE, 0));
    assert!(!admit(PRICE - 1, 0));
    assert!(!admit(PRICE + 4, 5), "redeemed before this state was made");
    assert!(admit(PRICE + 5, 5));
    assert!(!admit(u128::MAX, u128::MAX), "no overflow");
}

#[test]
fn outputs_are_kept_for_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let limits = AdmissionLimits {
        queue: 9,
        traces: 0,
        reserved: BASED,
        redeemed: 0,
    };
    let job = new_job(1);
    db.admit(job.clone(), limits).unwrap().unwrap();
    db.finish(&job.terms.job, b"output", b"receipt", b"signature")
        .unwrap();
    assert_eq!(db.prune(60, 60, 60, 60).unwrap(), 0);
    assert_eq!(db.output(&job.terms.job).unwrap().unwrap(), b"output");
    assert_eq!(db.prune(-60, 60, 60, 60).unwrap(), 1);
    assert_eq!(db.output(&job.terms.job).unwrap(), None);
    assert_eq!(db.job(&job.terms.job).unwrap().unwrap().state, JobState::Expired);
    assert!(
        db.admit(job.clone(), limits).unwrap().is_ok(),
        "an expired job may be submitted again"
    );
    db.fail(&job.terms.job, "broken").unwrap();
    db.prune(60, 60, 60, -60).unwrap();
    assert_eq!(db.job(&job.terms.job).unwrap(), None);
}
