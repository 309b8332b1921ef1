//! The way from an empty account to a place in a Brain, by the commands that people type (R022, R026, R185).

use std::path::Path;

use anyhow::Context;
use based_e2e::{
    network::{Network, BRAIN},
    process::{finished, free_port, program, Process},
};
use serde_json::Value;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../zk-llm/models");
const PASSWORD: (&str, &str) = ("BASED_PASSWORD", "correct horse");

/// A person with wallets in a directory of their own.
struct Person<'a> {
    network: &'a Network,
    home: &'a Path,
}

impl Person<'_> {
    async fn types(&self, binary: &str, args: &[&str]) -> anyhow::Result<String> {
        let output = tokio::process::Command::new(program(binary)?)
            .args(args)
            .env("BASED_HOME", self.home)
            .env("BASED_NODE", self.network.url())
            .env(PASSWORD.0, PASSWORD.1)
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        finished(binary, args.iter().copied(), output)
    }

    async fn json(&self, args: &[&str]) -> anyhow::Result<Value> {
        let text = self.types("based", &[&["--json"], args].concat()).await?;
        serde_json::from_str(text.trim()).with_context(|| format!("based {args:?} printed {text}"))
    }
}

/// Takes the six steps: a Brain, a wallet, a processor, storage, stake, and the start.
async fn joins(network: &Network, role: &str, more: &[&str]) -> anyhow::Result<Process> {
    let home = network.dir().join(format!("home-{role}"));
    let person = Person { network, home: &home };
    let binary = &format!("based-{role}");

    let brains = person.json(&["brain", "list"]).await?;
    let open = brains.as_array().context("no Brains")?;
    let chosen = open
        .iter()
        .find(|brain| brain["state"] == "Active" && !brain["task"].is_null());
    let brain = chosen.context("no Brain has a task")?["id"].to_string();
    assert_eq!(brain, BRAIN.to_string());

    let wallet = person.json(&["wallet", "new", role]).await?;
    let account = wallet["account"].as_str().context("no account")?;

    let data = network.dir().join(role).display().to_string();
    let endpoint = format!("127.0.0.1:{}", free_port()?);
    let common = ["--wallet", role, "--brain", &brain, "--data-dir", &data];
    let declared = ["--endpoint", &endpoint, "--storage-mib", "4096", "--stake", "5"];
    let register = [&["register"], &common[..], &declared, more].concat();
    let refused = person
        .types(binary, &register)
        .await
        .expect_err("an empty account joined")
        .to_string();
    assert!(
        refused.contains("fee of 100 BASED") && refused.contains("stake of 5 BASED"),
        "{refused}"
    );
    let missing = refused
        .split("Send ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let missing = missing.with_context(|| format!("it is not said how much is missing: {refused}"))?;

    // What a dry run tells is what happens, and nothing happens by it.
    let transfer = ["--uri", "//Alice", "transfer", account, missing];
    let dry = person.json(&[&["--dry-run"], &transfer[..]].concat()).await?;
    assert_eq!(dry["sent"], false);
    assert_eq!(dry["failure"], Value::Null);
    assert_ne!(dry["fee"], "0");
    let unfunded = ["--uri", "//Alice", "--dry-run", "transfer", account, "999999999"];
    let failure = person.json(&unfunded).await?["failure"].to_string();
    assert!(failure.contains("balance"), "{failure}");
    assert_eq!(person.json(&["balance", account]).await?["free"], "0");
    person.json(&transfer).await?;

    let told = person.types(binary, &register).await?;
    assert!(told.contains(&format!("memorized as {role}")), "{told}");
    assert!(told.contains("staked 5 BASED"), "{told}");

    let mut run = vec!["run"];
    run.extend(common);
    run.extend(["--model-dir", MODELS]);
    let metrics = free_port()?.to_string();
    run.extend(["--metrics-port", &metrics]);
    if role == "miner" {
        run.extend(["--listen", &endpoint]);
    } else {
        run.extend(["--canary-uri", "//Canary0", "--canary-uri", "//Canary1"]);
    }
    let (home, url) = (home.display().to_string(), network.url());
    let env = [("BASED_HOME", home.as_str()), ("BASED_NODE", &url), PASSWORD];
    Process::start(role, binary, run, &env, network.dir())
}

#[tokio::test(flavor = "multi_thread")]
async fn miners_and_validators_join_in_six_steps_and_the_brains_page_shows_them() -> anyhow::Result<()> {
    let network = Network::start("dev-fast", &["alice"]).await?;
    let mut miner = joins(&network, "miner", &["--processor", "gpu"]).await?;
    let mut validator = joins(&network, "validator", &[]).await?;
    let based = |args: &'static [&'static str]| {
        let network = &network;
        async move {
            let text = network.based("//Alice", args).await?;
            anyhow::Ok(serde_json::from_str::<Value>(text.trim())?)
        }
    };
    let page = based(&["--json", "brain", "show", "7"]).await?;
    assert_eq!((&page["miners"], &page["validators"]), (&1.into(), &1.into()));
    // Its number, its business, its capacity, who is in it, and what it may expect.
    assert_eq!(page["id"], BRAIN);
    assert!(page["task"]["manifest"].is_string() && page["task"]["repository"].is_string());
    assert_eq!(
        (&page["places"]["miners"], &page["places"]["validators"]),
        (&1_792.into(), &256.into())
    );
    assert_eq!(page["storage_mib"], 2 * 4_096);
    assert!(page["expected"].is_string());
    let shown = network.based("//Alice", &["brain", "show", "7"]).await?;
    for words in [
        "1 of 1792",
        "1 of 256",
        "1 with graphics processors, 1 without, 8 GiB",
        "expected a cycle",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }

    // Any call can be written; a place that is given up returns its deposit, and stake stays where it is.
    let home = network.dir().join("home-miner");
    let person = Person {
        network: &network,
        home: &home,
    };
    let called = person
        .json(&["--wallet", "miner", "call", "System.remark(0x6869)"])
        .await?;
    assert!(
        called["call"]
            .as_str()
            .is_some_and(|call| call.contains("remark")),
        "{called}"
    );
    let held = |balance: Value| balance["held"].as_str().map(str::to_owned);
    let before = held(person.json(&["--wallet", "miner", "balance"]).await?);
    person.json(&["--wallet", "miner", "leave", "7"]).await?;
    let after = held(person.json(&["--wallet", "miner", "balance"]).await?);
    assert_eq!((before.as_deref(), after.as_deref()), (Some("5.062"), Some("5")));
    assert_eq!(based(&["--json", "brain", "show", "7"]).await?["miners"], 0);
    miner.check()?;
    validator.check()
}
