//! A template with one command: its network, asked by a user.

use std::path::Path;

use based_client::chain::Chain;
use based_e2e::{
    network::{eventually, BRAIN, PATIENCE},
    process::{finished, program, Process},
};
use serde_json::Value;

/// Runs `based` with client state of its own.
async fn based(home: &Path, args: &[&str]) -> anyhow::Result<String> {
    let output = tokio::process::Command::new(program("based")?)
        .args(args)
        .env("BASED_HOME", home)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    finished("based", args.iter().copied(), output)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_starts_a_template_and_its_brain_answers() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let home = dir.path();
    let model = dir.path().join("model").display().to_string();
    // What is not served is refused, by name and with the reason, and nothing is made.
    for (name, why) in [
        ("video", "diffusion"),
        ("native-llm", "checkpoint"),
        ("converter", "--source"),
    ] {
        let refused = based(home, &["template", "start", name, "--out", &model]).await;
        let error = refused.expect_err("it is refused").to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(!dir.path().join("model").exists());

    let shown: Value = serde_json::from_str(&based(home, &["--json", "template", "show", "generic"]).await?)?;
    let manifest = shown["model"]["manifest"].clone();
    let args = ["template", "start", "generic", "--out", &model];
    let mut network = Process::start("template", "based", args, &[], dir.path())?;
    let url = eventually("the network", PATIENCE * 2, || {
        let said = network.output();
        let checked = network.check();
        async move {
            checked?;
            let ready = said.contains("Ctrl-C stops everything.");
            let url = said.lines().find_map(|line| line.strip_prefix("alice"));
            let url = url.and_then(|line| line.split_whitespace().next());
            Ok(url.filter(|_| ready).map(str::to_owned))
        }
    })
    .await?;

    // The chain names the model by its manifest and the template by its number.
    let chain = Chain::connect(&url).await?;
    let view = chain.best().await?;
    let task = view.brain(BRAIN).await?.and_then(|brain| brain.task);
    assert_eq!(
        task.map(|task| hex::encode(task.manifest)),
        manifest.as_str().map(str::to_owned)
    );
    let (brain, prompt) = (BRAIN.to_string(), shown["ask"].as_str().expect("a prompt"));
    let told: Value =
        serde_json::from_str(&based(home, &["--node", &url, "--json", "brain", "show", &brain]).await?)?;
    assert_eq!(told["settings"]["template"], shown["id"], "{told}");

    let ask = [
        "--node",
        &url,
        "--uri",
        "//User",
        "--json",
        "ask",
        "--brain",
        &brain,
        "--deposit",
        "1",
        prompt,
    ];
    let answer: Value = serde_json::from_str(&based(home, &ask).await?)?;
    // 1 + 2 + 0 * 1 + 2 * 2
    assert_eq!(answer["logits"], serde_json::json!([7]), "{answer}");
    assert_eq!(answer["route"]["policy"], "random");
    network.stop()?;
    Ok(())
}
