//! A validator that scores another Brain than its own.

use anyhow::Context;
use based_client::chain::calls;
use based_e2e::{
    model::small_model,
    network::{eventually, key, PeerOptions, BRAIN, PATIENCE},
    process::{free_port, run},
};
use based_primitives::{BrainId, PriceList, Task};

use crate::support::{Fixture, FEW};

/// A Brain without task and peers at genesis, of the same owner as the other.
const OTHER: BrainId = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_tells_the_chain_which_miners_of_another_brain_answer() -> anyhow::Result<()> {
    let fixture = Fixture::new(FEW).await?;
    let (network, chain) = (&fixture.network, &fixture.chain);
    let owner = key("//Alice")?;
    let manifest = small_model(&fixture.models.path().join("other"), "other", FEW * 2)?;
    let task = Task {
        manifest: manifest.into(),
        repository: b"https://example.invalid/models"
            .to_vec()
            .try_into()
            .expect("short"),
        commit: [1; 20],
        zk: true,
    };
    let prices = PriceList {
        prompt: 1_000_000_000_000,
        completion: 1_000_000_000_000,
        context: 32,
    };
    chain.submit(&owner, &calls::set_task(OTHER, task)).await?;
    chain.submit(&owner, &calls::set_prices(OTHER, prices)).await?;

    let miner = |name, uri, register| PeerOptions {
        name,
        uri,
        brain: OTHER,
        models: fixture.models.path(),
        run: &[],
        register,
    };
    let _serving = network.miner(miner("serving", "//Miner", Some(&[]))).await?;
    // Another registers and never serves.
    let (node, endpoint) = (network.url(), format!("127.0.0.1:{}", free_port()?));
    let data_dir = network.dir().join("silent").display().to_string();
    let register = [
        "register",
        "--node",
        &node,
        "--uri",
        "//Bob",
        "--brain",
        &OTHER.to_string(),
        "--data-dir",
        &data_dir,
        "--endpoint",
        &endpoint,
    ];
    run("based-miner", &register.map(str::to_owned)).await?;
    let validator = network
        .validator(PeerOptions {
            name: "validator",
            uri: "//Validator",
            brain: BRAIN,
            models: fixture.models.path(),
            run: &["--canary-uri", "//Canary0", "--abroad", "1", "--no-forecast"],
            register: Some(&["--stake", "1000"]),
        })
        .await?;

    let account = key("//Validator")?.account();
    let uid = chain
        .best()
        .await?
        .uid(BRAIN, &account)
        .await?
        .context("the validator is a peer")?;
    let uid_of = |account| async move {
        let uid = chain.best().await?.uid(OTHER, &account).await?;
        uid.context("the miner is a peer")
    };
    let serving = uid_of(key("//Miner")?.account()).await?;
    let silent = uid_of(key("//Bob")?.account()).await?;
    // Scores of miners move with every canary; both had one when both are told apart.
    let row = eventually("edges to the miners of the other Brain", PATIENCE, || async {
        let row = chain.best().await?.cross_row(BRAIN, uid).await?;
        Ok(row.filter(|row| row.edges.len() == 2))
    })
    .await?;
    let weight = |uid| {
        let edge = row
            .edges
            .iter()
            .find(|edge| (edge.brain, edge.uid) == (OTHER, uid));
        edge.map(|edge| edge.weight).context("no edge")
    };
    let (serving, silent) = (weight(serving)?, weight(silent)?);
    assert!(serving > silent, "{serving} {silent}");
    let score = validator
        .figure(&format!("based_validator_score_abroad{{brain=\"{OTHER}\"}}"))
        .await?;
    assert!(0.0 < score && score < 1.0, "{score}");
    // One scorer is heard by nobody yet (four are), but counts.
    let performance = chain.best().await?.brain_performance(OTHER).await?;
    assert_eq!((performance.scorers, performance.outside), (1, None));
    let failures = validator
        .figure("based_validator_canaries_abroad_total{result=\"fail\"}")
        .await?;
    assert!(failures >= 1.0, "the silent miner failed");
    Ok(())
}
