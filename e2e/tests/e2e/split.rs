//! An imported model from its checkpoint to an answer: the commands that a Brain's owner, a miner and a user give.

use std::path::Path;

use based_client::money;
use based_e2e::{
    network::{eventually, key, Network, PeerOptions, BRAIN, PATIENCE},
    process::run,
};
use serde_json::Value;

/// Tokens asked for: two sets after the prompt.
const TOKENS: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_model_is_served_asked_and_paid() -> anyhow::Result<()> {
    let models = tempfile::tempdir()?;
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zk-llm/fixtures/gpt2");
    let imported = models.path().join("gpt2");
    let args = [
        "--json",
        "model",
        "import",
        &checkpoint.display().to_string(),
        "--out",
        &imported.display().to_string(),
    ];
    let told: Value = serde_json::from_str(&run("based", &args.map(String::from)).await?)?;
    let manifest = told["manifest"].as_str().expect("the manifest's hash").to_owned();
    let hash: [u8; 32] = hex::decode(&manifest)?.try_into().expect("32 bytes");

    let network = Network::start_with_task(hash).await?;
    let miner = network
        .miner(PeerOptions {
            name: "miner",
            uri: "//Miner",
            brain: BRAIN,
            models: models.path(),
            run: &["--redeem-blocks", "1"],
            register: Some(&[]),
        })
        .await?;
    let (brain, most) = (BRAIN.to_string(), TOKENS.to_string());
    network
        .based("//User", &["spend", "open", "--deposit", "1"])
        .await?;
    let prompt = "the miner";
    let verify = imported.display().to_string();
    let args = [
        "--json",
        "ask",
        "--brain",
        &brain,
        "--max-tokens",
        &most,
        "--verify-local",
        &verify,
        prompt,
    ];
    let answer: Value = serde_json::from_str(&network.based("//User", &args).await?)?;
    let args = ["--json", "model", "try", "--tokens", &most, &verify, prompt];
    let clear: Value = serde_json::from_str(&run("based", &args.map(String::from)).await?)?;
    let found = answer["tokens"].as_array().expect("tokens");
    let wanted = clear["tokens"].as_array().expect("tokens");
    assert!(!found.is_empty());
    assert_eq!(found[..], wanted[..found.len()], "{answer}");
    assert_eq!(answer["equal"], true, "{answer}");
    assert_eq!(answer["task"], Value::String(manifest));
    assert!(answer["receipt_hash"].is_string(), "{answer}");

    let chain = network.chain().await?;
    let prices = chain
        .best()
        .await?
        .brain(BRAIN)
        .await?
        .and_then(|brain| brain.prices);
    let prices = prices.expect("the Brain has prices");
    let positions = answer["paid_positions"].as_u64().expect("a number") as u32;
    let shown = answer["prompt_positions"].as_u64().expect("a number") as u32;
    let price = prices.quote(shown, positions - shown).expect("a price");
    assert_eq!(answer["fee_paid"].as_str().map(money::parse), Some(Ok(price)));

    // The same prompt for people: text first, then what it took.
    let text = network
        .based("//User", &["ask", "--brain", &brain, "--max-tokens", "3", prompt])
        .await?;
    let few = clear["text"].as_str().expect("text");
    let begins = text.split("\n\n").next().unwrap_or_default();
    assert!(few.starts_with(begins), "{text}");

    let account = *chain
        .best()
        .await?
        .spending_accounts_of(&key("//User")?.account())
        .await?
        .keys()
        .next()
        .expect("an account");
    let redeemed = eventually("redemption", PATIENCE, || async {
        let view = chain.best().await?;
        let reservation = view.reservation(account, &key("//Miner")?.account()).await?;
        Ok(reservation
            .map(|found| found.redeemed)
            .filter(|redeemed| *redeemed >= price))
    });
    redeemed.await?;

    // A validator asks as users do, and checks every product.
    let validator = network
        .validator(PeerOptions {
            name: "validator",
            uri: "//Validator",
            brain: BRAIN,
            models: models.path(),
            run: &["--canary-uri", "//Canary0", "--canary-uri", "//Canary1"],
            register: Some(&["--stake", "1000"]),
        })
        .await?;
    eventually("a canary that passes", PATIENCE * 2, || async {
        let passed = validator
            .figure("based_validator_canaries_total{result=\"pass\"}")
            .await;
        Ok(passed.ok().filter(|passed| *passed >= 1.0))
    })
    .await?;
    let failed = validator
        .figure("based_validator_canaries_total{result=\"fail\"}")
        .await;
    assert_eq!(failed.unwrap_or(0.0), 0.0);

    // Nothing that was asked or answered is in any program's log or database.
    let logs = std::fs::read_dir(network.dir())?;
    for entry in logs.flatten().filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path())?;
        let found = bytes
            .windows(prompt.len())
            .any(|window| window == prompt.as_bytes());
        assert!(!found, "{} holds the prompt", entry.path().display());
    }
    drop((miner, validator));
    Ok(())
}
