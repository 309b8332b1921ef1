//! Nodes and miners that go away.

use based_e2e::network::{eventually, PeerOptions, BRAIN, PATIENCE};

use crate::support::{pause, Fixture, FEW};

/// Bootstraps of a model that takes long enough to be interrupted.
const MANY: usize = 600;

#[tokio::test(flavor = "multi_thread")]
async fn miner_and_validator_wait_for_their_node_at_the_start_and_in_the_middle() -> anyhow::Result<()> {
    let mut fixture = Fixture::new(FEW)
        .await?
        .with_miner(&[])
        .await?
        .with_validator()
        .await?;
    fixture.open_account("//User").await?;
    fixture.miner().down()?;
    fixture.validator().down()?;
    fixture.network.nodes[0].down()?;

    let error = fixture.ask("//User", "hello").await.unwrap_err().to_string();
    assert!(error.contains("is based-node running?"), "{error}");
    fixture.miner().up()?;
    fixture.validator().up()?;
    pause(2.0).await;
    fixture.miner().running()?.check()?;
    fixture.validator().running()?.check()?;

    fixture.network.nodes[0].up().await?;
    let answer = eventually("an answer after the node came up", PATIENCE, || async {
        Ok(fixture.ask("//User", "hello happy keys").await.ok())
    })
    .await?;
    assert_eq!(answer["logits"], fixture.oracle("first", "hello happy keys")?);

    fixture.network.nodes[0].down()?;
    pause(3.0).await;
    fixture.miner().running()?.check()?;
    fixture.validator().running()?.check()?;
    let passed = fixture
        .validator()
        .figure("based_validator_canaries_total{result=\"pass\"}")
        .await?;
    fixture.network.nodes[0].up().await?;
    eventually("an answer after the node came back", PATIENCE, || async {
        Ok(fixture.ask("//User", "hello furious sister").await.ok())
    })
    .await?;
    let validator = fixture.validator.as_ref().expect("started");
    eventually("canaries after the node came back", PATIENCE, || async {
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
        0.0,
        "a node that is away is not the miner's fault"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_killed_in_the_middle_of_a_job_costs_nothing_and_a_restarted_one_finishes_it(
) -> anyhow::Result<()> {
    let mut fixture = Fixture::new(MANY)
        .await?
        .with_miner(&["--redeem-blocks", "1000000"])
        .await?;
    let account = fixture.open_account("//User").await?;
    let before = fixture.chain.best().await?;

    let sentence = "we lost the happy game";
    {
        let mut miner = fixture.miner.take().expect("started");
        let asking = fixture.ask("//User", sentence);
        let killing = async {
            eventually("a running job", PATIENCE, || async {
                Ok((miner.figure("based_miner_queue_length").await? > 0.0).then_some(()))
            })
            .await?;
            pause(0.5).await;
            miner.crash()
        };
        let (answer, killed) = tokio::join!(asking, killing);
        killed?;
        let error = answer.unwrap_err().to_string();
        assert!(
            error.contains("not charged") || error.contains("no miner"),
            "{error}"
        );
        fixture.miner = Some(miner);
    }
    assert_eq!(fixture.redeemed(account).await?, 0);
    let held = |entry: Option<based_client::chain::SpendingAccount>| entry.map(|entry| entry.spent);
    let spent = held(fixture.chain.best().await?.spending_account(account).await?);
    assert_eq!(
        spent,
        held(before.spending_account(account).await?),
        "the user is not charged"
    );

    fixture.miner().up()?;
    fixture.miner().answering().await?;
    let answer = fixture.ask("//User", sentence).await?;
    assert_eq!(answer["logits"], fixture.oracle("first", sentence)?);
    assert_eq!(fixture.redeemed(account).await?, 0, "the miner waits for a batch");

    // The voucher is all that the miner has of its work: it must outlive a crash.
    fixture.miner().crash()?;
    let models = fixture.models.path().to_owned();
    let options = PeerOptions {
        name: "miner",
        uri: "//Miner",
        brain: BRAIN,
        models: &models,
        run: &["--redeem-blocks", "1"],
        register: None,
    };
    let restarted = fixture.network.miner(options).await?;
    assert_eq!(
        fixture.redemption(account).await?,
        fixture.price().await?,
        "paid once, exactly"
    );
    drop(restarted);
    Ok(())
}
