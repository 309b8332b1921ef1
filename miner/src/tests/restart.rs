//! The miner stops, by order or not, and starts again.

use std::sync::Arc;

use sp_core::H256;
use tonic::Code;

use super::{
    fake::{Fake, PRICE},
    harness::{fixture, input, job_id, job_terms, key_terms, signed, verified, voucher, Miner},
};
use crate::db::JobState;

#[tokio::test]
async fn a_queued_job_resumes_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Arc::new(Fake::new(H256(fixture().model.manifest_hash()), [0; 32]));
    let miner = Miner::start(dir.path(), &fixture().model_dir, chain.clone(), false).await;
    let mut client = miner.client().await;
    client
        .upload_key(&key_terms(), "User", &fixture().evaluation_key)
        .await
        .unwrap();
    let bytes = input([-1, -1, 0, 1]);
    let terms = job_terms(job_id(), &bytes);
    client.events(&terms, "User", &bytes, 1).await.unwrap();
    // As a kill in the middle of the evaluation leaves it.
    miner.db.start(&terms.job).unwrap();
    let key = miner.computekey.public();
    miner.stop().await;

    let miner = Miner::start(dir.path(), &fixture().model_dir, chain, true).await;
    assert_eq!(miner.computekey.public(), key, "the computekey stays");
    let mut client = miner.client().await;
    let receipt = client.submit(&terms, "User", &bytes).await.unwrap();
    assert_eq!(verified(&receipt, &miner.computekey).amount, PRICE);
    let output = client
        .collect(&signed(voucher(terms.job, PRICE), "User"))
        .await
        .unwrap();
    let interface = fixture().model.circuit().interface();
    assert_eq!(fixture().key.decrypt_values(interface, &output).unwrap(), [0, 0]);
    miner.stop().await;
}

#[tokio::test]
async fn clients_of_a_stopping_miner_get_a_clear_error_and_are_not_charged() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Arc::new(Fake::new(H256(fixture().model.manifest_hash()), [0; 32]));
    let miner = Miner::start(dir.path(), &fixture().model_dir, chain, false).await;
    let mut client = miner.client().await;
    client
        .upload_key(&key_terms(), "User", &fixture().evaluation_key)
        .await
        .unwrap();
    let bytes = input([0; 4]);
    let terms = job_terms(job_id(), &bytes);
    let mut waiting = miner.client().await;
    let (waiting_terms, waiting_bytes) = (terms.clone(), bytes.clone());
    let waits = tokio::spawn(async move { waiting.submit(&waiting_terms, "User", &waiting_bytes).await });
    while miner.db.job(&terms.job).unwrap().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let db = miner.db.clone();
    drop(client);
    miner.stop().await;
    let status = waits.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let job = db.job(&terms.job).unwrap().unwrap();
    assert_eq!((job.state, job.paid), (JobState::Queued, None));
}

#[tokio::test]
async fn a_job_whose_key_is_gone_fails_without_a_price_and_may_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Arc::new(Fake::new(H256(fixture().model.manifest_hash()), [0; 32]));
    let miner = Miner::start(dir.path(), &fixture().model_dir, chain.clone(), false).await;
    let mut client = miner.client().await;
    client
        .upload_key(&key_terms(), "User", &fixture().evaluation_key)
        .await
        .unwrap();
    let bytes = input([1; 4]);
    let terms = job_terms(job_id(), &bytes);
    client.events(&terms, "User", &bytes, 1).await.unwrap();
    miner.stop().await;
    for key in std::fs::read_dir(dir.path().join("keys")).unwrap() {
        std::fs::remove_file(key.unwrap().path()).unwrap();
    }

    let miner = Miner::start(dir.path(), &fixture().model_dir, chain, true).await;
    while miner.db.job(&terms.job).unwrap().unwrap().state != JobState::Failed {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let reason = miner.db.job(&terms.job).unwrap().unwrap().reason.unwrap();
    assert!(reason.contains("upload it"), "{reason}");
    let mut client = miner.client().await;
    let status = client
        .collect(&signed(voucher(terms.job, PRICE), "User"))
        .await
        .unwrap_err();
    assert_eq!(
        status.code(),
        Code::FailedPrecondition,
        "nothing to pay for: {status:?}"
    );
    client
        .upload_key(&key_terms(), "User", &fixture().evaluation_key)
        .await
        .unwrap();
    client.submit(&terms, "User", &bytes).await.unwrap();
    miner.stop().await;
}
