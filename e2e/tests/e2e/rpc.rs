//! The node's `based` methods: what they answer, and what they refuse.

use anyhow::Context;
use based_client::{chain::calls, wallet::format_account};
use based_e2e::{
    network::{eventually, key, Network, BRAIN, PATIENCE},
    node::Node,
};
use based_primitives::{constants::BASED, Endpoint, IpAddress, ResourceKind, Resources, Role};
use serde_json::{json, Value};

const CHAIN: &str = "dev-fast";
const INVALID_PARAMS: i64 = -32602;

/// Result of a request that must succeed.
async fn ask(node: &Node, method: &str, params: Value) -> anyhow::Result<Value> {
    let mut answer = node.request(method, params.clone()).await?;
    anyhow::ensure!(answer["error"].is_null(), "{method} {params}: {answer}");
    Ok(answer["result"].take())
}

/// Code and message of a request that must fail.
async fn refusal(node: &Node, method: &str, params: Value) -> anyhow::Result<(i64, String)> {
    let answer = node.request(method, params.clone()).await?;
    let code = answer["error"]["code"].as_i64();
    let code = code.with_context(|| format!("{method} {params} was answered: {answer}"))?;
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    let data = answer["error"]["data"].as_str().unwrap_or_default();
    Ok((code, format!("{message} {data}")))
}

fn address(uri: &str) -> anyhow::Result<String> {
    Ok(format_account(&key(uri)?.account()))
}

/// Bytes of `Balances.transfer_keep_alive` of one unit to an account.
fn transfer_call(uri: &str) -> anyhow::Result<String> {
    let to: [u8; 32] = key(uri)?.account().into();
    Ok(format!("0x040300{}04", hex::encode(to)))
}

/// One authority whose demonstration Brain has a miner and a validator with stake.
async fn network() -> anyhow::Result<Network> {
    let network = Network::start(CHAIN, &["alice"]).await?;
    let chain = network.chain().await?;
    for (uri, role, last) in [("//Miner", Role::Miner, 1), ("//Validator", Role::Validator, 2)] {
        let endpoint = Endpoint {
            ip: IpAddress::V4([127, 0, 0, last]),
            port: 4_000,
        };
        let resources = Resources {
            kind: ResourceKind::Gpu,
            storage_mib: 64,
        };
        let call = calls::memorize(BRAIN, role, endpoint, [last; 32], resources, 100 * BASED);
        chain.submit(&key(uri)?, &call).await?;
    }
    let validator = key("//Validator")?.account();
    let stake = calls::stake(BRAIN, Some(validator), 250 * BASED);
    chain.submit(&key("//Bob")?, &stake).await?;
    let stake = calls::stake(BRAIN, None, BASED / 2);
    chain.submit(&key("//Bob")?, &stake).await?;
    Ok(network)
}

/// Hash of a block, once there is one of that height.
async fn block(node: &Node, height: u32) -> anyhow::Result<Value> {
    eventually("a block", PATIENCE, || async {
        let hash = ask(node, "chain_getBlockHash", json!([height])).await?;
        Ok((!hash.is_null()).then_some(hash))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_based_methods_tell_brains_peers_emission_stake_and_prices() -> anyhow::Result<()> {
    let network = network().await?;
    let node = &network.nodes[0];
    let units = |amount: u128| amount.to_string();

    // Brains, whole and in pages of four.
    let whole = ask(node, "based_brains", json!([])).await?;
    let brains = whole["brains"].as_array().context("no Brains")?;
    assert_eq!(brains.len(), 9);
    assert_eq!(whole["next"], Value::Null);
    let (mut paged, mut start) = (Vec::new(), json!(0));
    while !start.is_null() {
        let page = ask(node, "based_brains", json!([start, 4, whole["at"]])).await?;
        assert_eq!(page["at"], whole["at"]);
        paged.extend(page["brains"].as_array().context("no Brains")?.clone());
        start = page["next"].clone();
    }
    assert_eq!(&paged, brains);

    let brain = ask(node, "based_brain", json!([BRAIN])).await?;
    assert_eq!(brain["id"], BRAIN);
    assert_eq!(brain["name"], "Emotions");
    assert_eq!(brain["owner"], address("//Alice")?);
    assert_eq!(brain["kind"], "burned");
    assert_eq!(brain["state"], "active");
    assert_eq!((&brain["miners"], &brain["validators"]), (&json!(1), &json!(1)));
    assert_eq!(brain["registrationFee"], units(100 * BASED));
    assert_eq!(brain["stake"], units(250 * BASED + BASED / 2));
    assert_eq!(brain["prices"]["context"], 32_000);
    assert_eq!(brain["prices"]["prompt"], units(2_778 * BASED / 1_000_000));
    assert_eq!(brain["task"]["zk"], true);
    assert!(brain["performance"]["performance"].is_u64());

    // Peers, whole and one at a time.
    let whole = ask(node, "based_metagraph", json!([BRAIN])).await?;
    let peers = whole["peers"].as_array().context("no peers")?;
    assert_eq!(peers.len(), 2);
    assert_eq!(whole["next"], Value::Null);
    assert_eq!(
        (&peers[0]["role"], &peers[1]["role"]),
        (&json!("miner"), &json!("validator"))
    );
    assert_eq!(peers[0]["account"], address("//Miner")?);
    assert_eq!(peers[0]["endpoint"], "127.0.0.1:4000");
    assert_eq!(peers[0]["computekey"], format!("0x{}", "01".repeat(32)));
    assert_eq!(peers[0]["resources"], json!({ "kind": "gpu", "storageMib": 64 }));
    assert_eq!(peers[0]["stake"], Value::Null, "miners have no stake");
    assert_eq!(peers[1]["stake"], units(250 * BASED));
    let first = ask(node, "based_metagraph", json!([BRAIN, 0, 1, whole["at"]])).await?;
    assert_eq!((&first["peers"][0], &first["next"]), (&peers[0], &json!(1)));
    let second = ask(node, "based_metagraph", json!([BRAIN, 1, 1, whole["at"]])).await?;
    assert_eq!((&second["peers"][0], &second["next"]), (&peers[1], &Value::Null));
    let genesis = ask(node, "chain_getBlockHash", json!([0])).await?;
    let before = ask(node, "based_metagraph", json!([BRAIN, null, null, genesis])).await?;
    assert_eq!(before["peers"], json!([]), "nobody was there in the first block");

    // Emission of one block: every block of the first year earns the same.
    let hash = block(node, 5).await?;
    let emission = ask(node, "based_emission", json!([hash])).await?;
    assert_eq!(emission["blockReward"], units(10 * BASED));
    assert_eq!(emission["minted"], units(50 * BASED));
    assert_eq!(emission["carry"], units(50 * BASED));
    assert_eq!(emission["nextDivision"], 19);
    assert_eq!(emission["nextHalving"], 3_153_601);
    // No Brain performs, so the division at the end of the cycle gives nothing away.
    let hash = block(node, 21).await?;
    let emission = ask(node, "based_emission", json!([hash])).await?;
    assert_eq!(emission["budgets"], json!([]));
    assert_eq!(emission["carry"], units(210 * BASED));
    assert_eq!(emission["nextDivision"], 39);

    // Stake, by the account's address and named parameters.
    let stake = ask(node, "based_stake", json!({ "account": address("//Bob")? })).await?;
    assert_eq!(stake["staked"], units(250 * BASED + BASED / 2));
    let positions = stake["positions"].as_array().context("no positions")?;
    assert_eq!(positions.len(), 2);
    assert_eq!(
        (&positions[0]["validator"], &positions[0]["amount"]),
        (&Value::Null, &json!(units(BASED / 2)))
    );
    assert_eq!(positions[1]["validator"], address("//Validator")?);
    assert_eq!(
        (&stake["pending"], &stake["pendingUntil"]),
        (&json!("0"), &Value::Null)
    );

    // Prices: 16 prompt units and one completion unit, and the fee of a transfer.
    let quote = ask(node, "based_quote", json!([BRAIN, 16, 1])).await?;
    assert_eq!(
        quote["price"],
        units((16 * 2_778 + 8_333) * BASED / 1_000_000_000)
    );
    let fee = ask(node, "based_fee", json!([transfer_call("//Bob")?])).await?;
    let fee: u128 = fee["fee"].as_str().context("no fee")?.parse()?;
    let included = network
        .chain()
        .await?
        .submit(&key("//Ferdie")?, &calls::transfer(key("//Bob")?.account(), 1))
        .await?;
    let free = network.chain().await?.view(included.block).await?;
    let left = free.balance(&key("//Ferdie")?.account()).await?.free;
    let paid = 10_000 * BASED - 1 - left;
    assert!(paid <= fee && paid > fee / 10 * 9, "quoted {fee}, paid {paid}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_of_the_based_methods_are_told_what_to_do() -> anyhow::Result<()> {
    let network = Network::start(CHAIN, &["alice"]).await?;
    let node = &network.nodes[0];
    let nowhere = format!("0x{}", "11".repeat(32));
    let account = address("//Bob")?;
    let long = format!("0x{}", "00".repeat(64 * 1024 + 1));
    let cases = [
        ("based_brain", json!([8]), 12_004, "based_brains lists"),
        ("based_brain", json!([65_535]), 12_004, "there is no Brain 65535"),
        ("based_metagraph", json!([8]), 12_004, "there is no Brain 8"),
        ("based_quote", json!([8, 1, 1]), 12_004, "there is no Brain 8"),
        ("based_quote", json!([0, 1, 1]), 12_005, "no prices"),
        (
            "based_quote",
            json!([BRAIN, 32_000, 1]),
            12_006,
            "at most 32000 units",
        ),
        (
            "based_quote",
            json!([BRAIN, u32::MAX, u32::MAX]),
            12_006,
            "at most 32000 units",
        ),
        ("based_brains", json!([0, 0]), INVALID_PARAMS, "1 to 128"),
        ("based_brains", json!([0, 129]), INVALID_PARAMS, "1 to 128"),
        (
            "based_metagraph",
            json!([BRAIN, 0, 2_049]),
            INVALID_PARAMS,
            "1 to 2048",
        ),
        (
            "based_stake",
            json!(["nobody"]),
            INVALID_PARAMS,
            "give its address",
        ),
        (
            "based_fee",
            json!(["0xffff"]),
            INVALID_PARAMS,
            "no call of this chain",
        ),
        ("based_fee", json!([long]), INVALID_PARAMS, "at most 64 KiB"),
        ("based_brain", json!([-1]), INVALID_PARAMS, "u16"),
        ("based_brain", json!([65_536]), INVALID_PARAMS, "u16"),
        ("based_brain", json!([]), INVALID_PARAMS, ""),
        ("based_brain", json!([BRAIN, "0x12"]), INVALID_PARAMS, ""),
        ("based_brain", json!([BRAIN, nowhere]), 12_001, "no block 0x1111"),
        (
            "based_brains",
            json!([null, null, nowhere]),
            12_001,
            "leave it out",
        ),
        (
            "based_metagraph",
            json!([BRAIN, null, null, nowhere]),
            12_001,
            "leave it out",
        ),
        ("based_emission", json!([nowhere]), 12_001, "leave it out"),
        ("based_stake", json!([account, nowhere]), 12_001, "leave it out"),
        (
            "based_quote",
            json!([BRAIN, 1, 1, nowhere]),
            12_001,
            "leave it out",
        ),
        (
            "based_fee",
            json!([transfer_call("//Bob")?, nowhere]),
            12_001,
            "leave it out",
        ),
    ];
    for (method, params, code, says) in cases {
        let shown = params.to_string();
        let (found, message) = refusal(node, method, params).await?;
        assert_eq!(
            found,
            code,
            "{method} {}: {message}",
            &shown[..shown.len().min(80)]
        );
        assert!(
            message.contains(says),
            "{method}: {message:?} does not say {says:?}"
        );
    }
    // Beyond the last Brain and the last peer there is an empty page.
    let page = ask(node, "based_brains", json!([65_535])).await?;
    assert_eq!((&page["brains"], &page["next"]), (&json!([]), &Value::Null));
    let page = ask(node, "based_metagraph", json!([BRAIN, 65_535])).await?;
    assert_eq!((&page["peers"], &page["next"]), (&json!([]), &Value::Null));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_whose_state_was_dropped_is_named_so() -> anyhow::Result<()> {
    let mut network = Network::start(CHAIN, &[]).await?;
    let node = Node::start_with(
        network.dir(),
        "pruning",
        CHAIN,
        &[],
        &["--alice", "--state-pruning", "4"],
    )
    .await?;
    network.nodes.push(node);
    let node = &network.nodes[0];
    let refused = eventually("pruning", PATIENCE, || async {
        let first = ask(node, "chain_getBlockHash", json!([1])).await?;
        if first.is_null() {
            return Ok(None);
        }
        let answer = node.request("based_brain", json!([BRAIN, first])).await?;
        Ok(Some(answer["error"].clone()).filter(|error| !error.is_null()))
    })
    .await?;
    assert_eq!(refused["code"], 12_002);
    let message = refused["message"].as_str().context("no message")?;
    assert!(message.contains("--state-pruning archive"), "{message}");
    Ok(())
}
