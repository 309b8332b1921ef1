//! A generator of full mode: a sentence is gone on with, a job for each word.

use std::path::Path;

use based_client::money;
use based_e2e::network::{Network, PeerOptions, BRAIN};
use serde_json::Value;
use zk_llm::{exec_clear, import::Chooser, ClientModel, Model};

#[tokio::test(flavor = "multi_thread")]
async fn a_generator_of_full_mode_goes_on_with_a_sentence_word_by_word() -> anyhow::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zk-llm/models/words");
    let (model, client) = (Model::load(&dir)?, ClientModel::load(&dir)?);
    let network = Network::start_with_task(model.manifest_hash()).await?;
    let _miner = network
        .miner(PeerOptions {
            name: "miner",
            uri: "//Miner",
            brain: BRAIN,
            models: &dir,
            run: &[],
            register: Some(&[]),
        })
        .await?;
    let (brain, local) = (BRAIN.to_string(), dir.display().to_string());
    let ask = |most: &'static str, rest: &'static [&'static str]| {
        let args = [
            &[
                "--json",
                "ask",
                "--brain",
                &brain,
                "--deposit",
                "1",
                "--verify-local",
                &local,
            ][..],
            rest,
        ]
        .concat();
        let args = [&args[..], &["--max-tokens", most, "i am"]].concat();
        let network = &network;
        async move {
            let told = network.based("//User", &args).await?;
            anyhow::Ok(serde_json::from_str::<Value>(&told)?)
        }
    };

    // The words that the oracle says, each after those before it.
    let mut text = String::from("i am");
    for _ in 0..2 {
        let scores = exec_clear::run(model.circuit(), &client.prepare(&text)?)?;
        let word = client.next_word(&scores, &mut Chooser::greedy()).expect("a word");
        text = format!("{text} {word}");
    }
    let answer = ask("2", &[]).await?;
    assert_eq!(format!("i am {}", answer["answer"].as_str().expect("text")), text);
    assert_eq!((&answer["tokens"], &answer["equal"]), (&2.into(), &true.into()));
    assert_eq!(answer["bootstraps"], 2 * model.circuit().bootstraps());
    let jobs = answer["jobs"].as_array().expect("jobs");
    assert!(jobs.len() == 2 && jobs[0] != jobs[1], "{answer}");
    let paid =
        |answer: &Value| money::parse(answer["fee_paid"].as_str().expect("an amount")).expect("an amount");
    let one = ask("1", &["--temperature", "0.7", "--seed", "5"]).await?;
    assert_eq!((&one["tokens"], &one["seed"]), (&1.into(), &5.into()));
    assert!(
        paid(&one) > 0 && paid(&answer) == 2 * paid(&one),
        "{answer} {one}"
    );
    let refused = ask("1", &["--speculate", "2"]).await.expect_err("it is refused");
    assert!(refused.to_string().contains("--speculate"), "{refused}");
    Ok(())
}
