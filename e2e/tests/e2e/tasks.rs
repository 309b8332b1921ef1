//! A Brain that changes its task.

use based_client::chain::calls;
use based_e2e::{
    model::small_model,
    network::{eventually, key, BRAIN, PATIENCE},
};
use based_primitives::Task;

use crate::support::{Fixture, FEW};

#[tokio::test(flavor = "multi_thread")]
async fn miner_and_validator_follow_a_change_of_task_unattended() -> anyhow::Result<()> {
    let fixture = Fixture::new(FEW)
        .await?
        .with_miner(&[])
        .await?
        .with_validator()
        .await?;
    fixture.open_account("//User").await?;
    let sentence = "my sister loved the strange movie";
    let first = fixture.ask("//User", sentence).await?;
    assert_eq!(first["logits"], fixture.oracle("first", sentence)?);

    let manifest = small_model(&fixture.models.path().join("second"), "second", FEW * 2)?;
    let task = Task {
        manifest: manifest.into(),
        repository: b"https://example.invalid/models"
            .to_vec()
            .try_into()
            .expect("short"),
        commit: [1; 20],
        zk: true,
    };
    fixture
        .chain
        .submit(&key("//Alice")?, &calls::set_task(BRAIN, task))
        .await?;
    let view = fixture.chain.best().await?;
    let brain = view.brain(BRAIN).await?.expect("exists");
    let (announced, effective_at) = brain.next_task.expect("announced with notice");
    assert_eq!(announced.manifest.0, manifest);
    assert!(effective_at > view.number());
    assert_ne!(brain.task.expect("still in force").manifest.0, manifest);

    eventually("an answer by the new model", PATIENCE, || async {
        let answer = fixture.ask("//User", sentence).await.ok();
        Ok(answer.filter(|answer| answer["bootstraps"] == FEW * 2))
    })
    .await
    .and_then(|answer| {
        assert_eq!(answer["logits"], fixture.oracle("second", sentence)?);
        Ok(())
    })?;
    assert!(fixture.chain.best().await?.number() >= effective_at);

    let validator = fixture.validator.as_ref().expect("started");
    let passed = validator
        .figure("based_validator_canaries_total{result=\"pass\"}")
        .await?;
    eventually("a canary by the new model", PATIENCE, || async {
        let now = validator
            .figure("based_validator_canaries_total{result=\"pass\"}")
            .await?;
        Ok((now > passed).then_some(()))
    })
    .await?;
    assert_eq!(
        validator
            .figure("based_validator_canaries_total{result=\"fail\"}")
            .await?,
        0.0
    );
    Ok(())
}
