//! Nodes alone: finality among three, memory of one.

use std::time::Duration;

use anyhow::Context;
use based_e2e::network::{eventually, Network, BRAIN, PATIENCE};

/// Most blocks that finality may lag behind the best block.
const LAG: u32 = 3;
/// Most memory of a node on an empty chain.
const MEMORY: u64 = 150_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn three_authorities_finalize_within_three_blocks() -> anyhow::Result<()> {
    let network = Network::start("local", &["alice", "bob", "charlie"]).await?;
    let chain = network.chain().await?;
    eventually("finality", PATIENCE, || async {
        Ok((chain.finalized().await?.number() >= 2).then_some(()))
    })
    .await?;
    let mut worst = 0;
    // Three slots and more.
    for _ in 0..140 {
        let (best, finalized) = tokio::join!(chain.best(), chain.finalized());
        worst = worst.max(best?.number().saturating_sub(finalized?.number()));
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    println!("finality lag of three authorities: at most {worst} blocks");
    assert!(worst <= LAG, "finality lags {worst} blocks");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_an_empty_chain_is_small_and_its_brain_runs_the_published_model() -> anyhow::Result<()> {
    let mut network = Network::start("dev", &["alice"]).await?;
    let chain = network.chain().await?;
    let brain = chain
        .best()
        .await?
        .brain(BRAIN)
        .await?
        .context("no demonstration Brain")?;
    let published = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../zk-llm/models/emotion/manifest.json"
    );
    let manifest = zk_llm::manifest::sha256(&std::fs::read(published)?);
    let task = brain.task.context("the demonstration Brain has no task")?;
    assert_eq!(
        hex::encode(task.manifest),
        hex::encode(manifest),
        "the genesis names another model"
    );
    eventually("blocks", PATIENCE, || async {
        Ok((chain.best().await?.number() >= 1).then_some(()))
    })
    .await?;
    // What compiling the runtime took goes back to the system within a quarter of a minute, later where that is busy.
    let process = network.nodes[0].running()?;
    let (resident, peak) = eventually("a small node", PATIENCE, || async {
        let (resident, peak) = process.memory()?;
        Ok((resident < MEMORY).then_some((resident, peak)))
    })
    .await?;
    println!("memory of a node on an empty chain: {resident} bytes resident, {peak} at the peak");
    Ok(())
}
