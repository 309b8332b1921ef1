//! The node's other commands, and a node that joins by warp sync.

use std::path::Path;

use anyhow::Context;
use based_client::chain::Chain;
use based_e2e::{
    network::{eventually, Network, BRAIN, PATIENCE},
    node::Node,
    process::run,
};
use serde_json::Value;

const CHAIN: &str = "dev-fast";

/// Runs a command of the node on a database.
async fn command(database: &Path, name: &str, more: &[&str]) -> anyhow::Result<String> {
    let mut args = vec![name.to_owned(), "--chain".into(), CHAIN.into()];
    args.extend(["--base-path".into(), database.display().to_string()]);
    args.extend(more.iter().map(|arg| (*arg).to_owned()));
    run("based-node", &args).await
}

async fn info(database: &Path) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(
        &command(database, "chain-info", &[]).await?,
    )?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_exported_imported_checked_and_removed() -> anyhow::Result<()> {
    let mut network = Network::start(CHAIN, &["alice"]).await?;
    let chain = network.chain().await?;
    eventually("six blocks", PATIENCE, || async {
        Ok((chain.best().await?.number() >= 6).then_some(()))
    })
    .await?;
    network.nodes[0].down()?;

    let (origin, copy) = (network.dir().join("alice"), network.dir().join("copy"));
    let written = info(&origin).await?;
    let best = written["best_number"].as_u64().context("no height")?;
    let file = network.dir().join("blocks").display().to_string();
    let to = best.to_string();
    command(&origin, "export-blocks", &["--binary", "--to", &to, &file]).await?;
    command(&copy, "import-blocks", &["--binary", &file]).await?;
    let read = info(&copy).await?;
    assert_eq!(read["best_hash"], written["best_hash"], "the same chain");
    assert_eq!(read["genesis_hash"], written["genesis_hash"]);

    command(&copy, "check-block", &[&to]).await?;
    assert!(
        command(&copy, "check-block", &[&(best + 1).to_string()])
            .await
            .is_err(),
        "a block that does not exist was found valid"
    );
    let spec: Value = serde_json::from_str(&command(&copy, "export-state", &[&to]).await?)?;
    assert!(spec["genesis"]["raw"]["top"]
        .as_object()
        .is_some_and(|top| top.len() > 20));

    command(&copy, "revert", &["2"]).await?;
    assert_eq!(info(&copy).await?["best_number"], best - 2);
    command(&copy, "purge-chain", &["-y"]).await?;
    assert_eq!(info(&copy).await?["best_number"], 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_joins_by_warp_sync_and_follows() -> anyhow::Result<()> {
    let network = Network::start(CHAIN, &["alice"]).await?;
    let chain = network.chain().await?;
    eventually("finality", PATIENCE, || async {
        Ok((chain.finalized().await?.number() >= 5).then_some(()))
    })
    .await?;
    let peers = [network.nodes[0].address().await?];
    let mut node = Node::start_with(network.dir(), "follower", CHAIN, &peers, &["--sync", "warp"]).await?;
    let joined = Chain::connect(&node.url()).await?;
    eventually("the follower's finality", PATIENCE, || async {
        Ok((joined.finalized().await?.number() >= 8).then_some(()))
    })
    .await?;
    let log = node.running()?.output();
    assert!(log.contains("Warp sync is complete"), "{log}");
    let brain = joined.best().await?.brain(BRAIN).await?;
    assert!(
        brain.is_some_and(|brain| brain.task.is_some()),
        "the state is there"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_shown_with_the_networks_address_prefix() -> anyhow::Result<()> {
    let args = ["key", "inspect", "--output-type", "json", "//Alice"].map(str::to_owned);
    let shown: Value = serde_json::from_str(&run("based-node", &args).await?)?;
    let alice = based_e2e::network::key("//Alice")?.account();
    let expected = based_client::wallet::format_account(&alice);
    assert_eq!(shown["ss58Address"], Value::String(expected));
    Ok(())
}
