//! Tasks change and the miner follows by itself (R062).

use std::sync::Arc;

use based_client::wire::proto::DescribeRequest;
use tonic::Code;

use super::{
    fake::{task, Fake, PRICE},
    harness::{fixture, input, job_id, job_terms, key_terms, signed, voucher, write_model, Miner},
};

#[tokio::test]
async fn a_new_task_is_served_from_its_block_on_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let models = dir.path().join("shelf");
    let first = write_model(&models.join("first"), "first");
    let second = write_model(&models.join("second"), "second");
    assert_ne!(first, second);
    let chain = Arc::new(Fake::new(first, [0; 32]));
    let miner = Miner::start(&dir.path().join("data"), &models, chain, true).await;
    let mut client = miner.client().await;
    client
        .upload_key(&key_terms(), "User", &fixture().evaluation_key)
        .await
        .unwrap();
    let bytes = input([1, 1, 1, 1]);
    let old = based_client::wire::JobTerms {
        task: first,
        ..job_terms(job_id(), &bytes)
    };
    client.submit(&old, "User", &bytes).await.unwrap();

    miner.chain.state().brain.next_task = Some((task(second), 150));
    miner.watcher.look().await.unwrap();
    assert_eq!(
        client
            .0
            .describe(DescribeRequest {})
            .await
            .unwrap()
            .into_inner()
            .task,
        first.0,
        "only announced"
    );

    {
        let mut state = miner.chain.state();
        state.head = 150;
        state.brain.task = Some(task(second));
        state.brain.next_task = None;
    }
    miner.watcher.look().await.unwrap();
    assert_eq!(
        client
            .0
            .describe(DescribeRequest {})
            .await
            .unwrap()
            .into_inner()
            .task,
        second.0
    );

    client
        .collect(&signed(voucher(old.job, PRICE), "User"))
        .await
        .unwrap();
    let late = based_client::wire::JobTerms { job: job_id(), ..old };
    assert_eq!(
        client.submit(&late, "User", &bytes).await.unwrap_err().code(),
        Code::FailedPrecondition
    );
    let new = based_client::wire::JobTerms { task: second, ..late };
    client.submit(&new, "User", &bytes).await.unwrap();
    miner.stop().await;
}

#[tokio::test]
async fn without_the_tasks_model_no_job_is_accepted_until_it_appears() {
    let dir = tempfile::tempdir().unwrap();
    let models = dir.path().join("shelf");
    std::fs::create_dir_all(&models).unwrap();
    let elsewhere = dir.path().join("elsewhere");
    let hash = write_model(&elsewhere, "late");
    let miner = Miner::start(
        &dir.path().join("data"),
        &models,
        Arc::new(Fake::new(hash, [0; 32])),
        true,
    )
    .await;
    let mut client = miner.client().await;
    let status = client.0.describe(DescribeRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("model"), "{status:?}");
    std::fs::rename(elsewhere, models.join("late")).unwrap();
    miner.watcher.look().await.unwrap();
    assert_eq!(
        client
            .0
            .describe(DescribeRequest {})
            .await
            .unwrap()
            .into_inner()
            .task,
        hash.0
    );
    miner.stop().await;
}

#[tokio::test]
async fn no_job_is_accepted_while_the_registration_is_not_this_machines() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    client.0.describe(DescribeRequest {}).await.unwrap();
    if let Some(peer) = miner.chain.state().peer.as_mut() {
        peer.computekey = [1; 32];
    }
    miner.watcher.look().await.unwrap();
    let status = client.0.describe(DescribeRequest {}).await.unwrap_err();
    assert!(status.message().contains("another computekey"), "{status:?}");
    miner.chain.state().peer = None;
    miner.watcher.look().await.unwrap();
    let status = client.0.describe(DescribeRequest {}).await.unwrap_err();
    assert!(status.message().contains("register"), "{status:?}");
    miner.stop().await;
}
