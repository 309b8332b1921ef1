//! Producers of blocks: whoever has the stake joins them, whoever signs twice is found out.

use std::path::Path;

use anyhow::Context;
use based_client::{
    chain::{calls, Chain},
    wallet::format_account,
};
use based_e2e::{
    network::{eventually, key, Network, BRAIN, PATIENCE},
    node::Node,
    process::run,
};
use based_primitives::{Balance, Endpoint, IpAddress, ResourceKind, Resources, Role};
use serde_json::{json, Value};

const CHAIN: &str = "local-fast";
const PRODUCERS: [&str; 3] = ["alice", "bob", "charlie"];

/// Runs `based authority` on a node and returns what it prints.
async fn authority(node: &str, uri: &str, args: &[&str]) -> anyhow::Result<Value> {
    let mut all = vec!["--node", node, "--uri", uri, "--json", "authority"];
    all.extend(args);
    let all: Vec<_> = all.into_iter().map(str::to_owned).collect();
    Ok(serde_json::from_str(&run("based", &all).await?)?)
}

/// Keys in the store of a node that runs in this directory.
fn stored_keys(base: &Path) -> anyhow::Result<usize> {
    let mut keys = 0;
    for chain in base.join("chains").read_dir()? {
        keys += chain?.path().join("keystore").read_dir()?.count();
    }
    Ok(keys)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_stands_for_election_by_commands_and_writes_blocks() -> anyhow::Result<()> {
    let network = Network::start(CHAIN, &PRODUCERS).await?;
    let peers = [network.nodes[0].address().await?];
    let node = Node::start_with(network.dir(), "producer", CHAIN, &peers, &["--validator"]).await?;
    let chain = Chain::connect(&node.url()).await?;
    // A pool that has seen no block since its node caught up judges transactions by an old one.
    let others = network.chain().await?;
    let height = eventually("the height of the others", PATIENCE, || async {
        let (own, all) = tokio::join!(chain.best(), others.best());
        let (own, all) = (own?.number(), all?.number());
        Ok((own >= all.max(1)).then_some(own))
    })
    .await?;
    eventually("news for its pool", PATIENCE, || async {
        Ok((chain.best().await?.number() >= height + 2).then_some(()))
    })
    .await?;

    let dave = key("//Dave")?;
    let endpoint = Endpoint {
        ip: IpAddress::V4([127, 0, 0, 1]),
        port: 7_000,
    };
    let resources = Resources {
        kind: ResourceKind::Cpu,
        storage_mib: 1,
    };
    let memorize = calls::memorize(BRAIN, Role::Validator, endpoint, [5; 32], resources, Balance::MAX);
    chain.submit(&dave, &memorize).await?;
    let (account, brain) = (format_account(&dave.account()), BRAIN.to_string());
    let stake = ["stake", "add", &brain, "--validator", &account, "1000"];
    network.based("//Dave", &stake).await?;
    let refused = authority(&node.url(), "//Dave", &["opt-in", &brain]).await;
    let words = refused.err().context("taken without keys")?.to_string();
    assert!(words.contains("NoSessionKeys"), "{words}");

    let base = network.dir().join("producer");
    let before = stored_keys(&base)?;
    let dry = authority(&node.url(), "//Dave", &["keys", "--dry-run"]).await;
    let words = dry.err().context("a dry run made keys")?.to_string();
    assert!(words.contains("no keys were made"), "{words}");
    assert_eq!(stored_keys(&base)?, before);
    let keys = authority(&node.url(), "//Dave", &["keys"]).await?;
    assert!(stored_keys(&base)? > before);
    authority(&node.url(), "//Dave", &["opt-in", &brain]).await?;
    // Another fork may become the best one, on which this comes a block later.
    let status = eventually("its candidacy", PATIENCE, || async {
        let status = authority(&node.url(), "//Dave", &["status"]).await?;
        Ok((status["running"] == true).then_some(status))
    })
    .await?;
    assert_eq!(status["keys"], keys["keys"]);
    assert_eq!(status["bond"], "100");
    // Two sessions until the new set begins, and one in which it writes.
    eventually("a block of the new producer", PATIENCE, || async {
        let status = authority(&node.url(), "//Dave", &["status"]).await?;
        Ok((status["producing"] == true && status["proven"] == true).then_some(()))
    })
    .await?;

    let refused = authority(&node.url(), "//Dave", &["withdraw"]).await;
    let words = refused
        .err()
        .context("the bond of a producer is free")?
        .to_string();
    assert!(words.contains("StillRunning"), "{words}");
    authority(&node.url(), "//Dave", &["opt-out"]).await?;
    eventually("the end of its service", PATIENCE, || async {
        Ok((!chain.best().await?.producers().await?.contains(&dave.account())).then_some(()))
    })
    .await
}

/// Waits until Charlie, who signs twice, is barred and produces no more, and the others finalize on.
async fn charlie_is_replaced(network: &Network) -> anyhow::Result<()> {
    let chain = network.chain().await?;
    let charlie = key("//Charlie")?.account();
    let bar = eventually("a report", PATIENCE, || async {
        chain.best().await?.bar(&charlie).await.map_err(Into::into)
    })
    .await?;
    assert_eq!(bar.part, 1_000_000_000, "one of three is a third");
    eventually("the session without the offender", PATIENCE, || async {
        Ok((!chain.best().await?.producers().await?.contains(&charlie)).then_some(()))
    })
    .await?;
    let height = chain.best().await?.number();
    eventually("finality among the rest", PATIENCE, || async {
        Ok((chain.finalized().await?.number() > height).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_with_one_set_of_keys_are_reported_and_replaced() -> anyhow::Result<()> {
    let network = Network::start(CHAIN, &PRODUCERS).await?;
    let peers = [network.nodes[0].address().await?];
    let _second = Node::start_with(network.dir(), "charlie-again", CHAIN, &peers, &["--charlie"]).await?;
    charlie_is_replaced(&network).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_blocks_for_one_slot_are_reported_by_nodes_and_proven() -> anyhow::Result<()> {
    let network = Network::start(CHAIN, &PRODUCERS).await?;
    let peers = [network.nodes[0].address().await?];
    let second = Node::start_with(network.dir(), "charlie-again", CHAIN, &peers, &["--validator"]).await?;
    // Charlie's key of blocks alone: nobody votes twice.
    let public = format!(
        "0x{}",
        hex::encode(AsRef::<[u8]>::as_ref(&key("//Charlie")?.account()))
    );
    let inserted = second
        .request("author_insertKey", json!(["babe", "//Charlie", public]))
        .await?;
    anyhow::ensure!(inserted["error"].is_null(), "{inserted}");
    charlie_is_replaced(&network).await
}
