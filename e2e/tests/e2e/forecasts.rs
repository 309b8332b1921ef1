//! A forecast round through the real programs.

use anyhow::Context;
use based_e2e::{
    network::{eventually, key, BRAIN, PATIENCE},
    process::run,
};
use based_primitives::constants::PPB;
use serde_json::Value;

use crate::support::{Fixture, FEW};

/// Runs a command of the validator that prints JSON.
async fn json(fixture: &mut Fixture, command: &[&str]) -> anyhow::Result<Value> {
    let mut args: Vec<String> = command.iter().map(|arg| (*arg).to_owned()).collect();
    let url = fixture.network.url();
    let data_dir = fixture.validator().data_dir().display().to_string();
    let brain = BRAIN.to_string();
    for (name, value) in [
        ("--node", url.as_str()),
        ("--uri", "//Validator"),
        ("--brain", &brain),
        ("--data-dir", &data_dir),
    ] {
        args.extend([name.to_owned(), value.to_owned()]);
    }
    Ok(serde_json::from_str(&run("based-validator", &args).await?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forecast_survives_a_crash_between_commitment_and_reveal_and_is_scored() -> anyhow::Result<()> {
    let mut fixture = Fixture::new(FEW).await?.with_validator().await?;
    let account = key("//Validator")?.account();
    let chain = fixture.chain.clone();

    let round = eventually("a commitment", PATIENCE, || async {
        let view = chain.best().await?;
        let round = view.forecast_status().await?.round;
        let commitment = view.forecast_commitment(round, &account).await?;
        Ok(commitment.map(|_| round))
    })
    .await?;
    fixture.validator().crash()?;
    fixture.validator().up()?;
    fixture.validator().answering().await?;

    let forecast = eventually("its reveal", PATIENCE, || async {
        let revealed = chain.best().await?.revealed_forecasts(round).await?;
        Ok(revealed.into_iter().find(|forecast| forecast.account == account))
    })
    .await?;
    assert!(forecast.stake > 0, "its stake stands behind it");
    let held = chain.best().await?.forecast_commitment(round, &account).await?;
    assert_eq!(held, None, "the deposit is free again");

    let last = eventually("its score", PATIENCE, || async {
        let last = chain.best().await?.forecast_status().await?.last;
        Ok(last.filter(|last| last.round >= round))
    })
    .await?;
    assert_eq!((last.round, last.revealed, last.silent), (round, 1, 0));
    // No Brain performs yet: what never changes is forecast exactly.
    let accuracy = chain.best().await?.accuracy(&account).await?;
    assert!(accuracy > 0, "{last:?}");

    let validator = fixture.validator.as_ref().context("started")?;
    eventually("Accuracy among the figures", PATIENCE, || async {
        let figure = validator.figure("based_validator_accuracy").await?;
        Ok((figure > 0.0).then_some(()))
    })
    .await?;
    let status = json(&mut fixture, &["status", "--json"]).await?;
    let scored = &status["forecast"]["last"];
    assert!(scored["round"].as_u64() >= Some(round.into()), "{status}");
    assert_eq!(
        scored["source"], "persistence",
        "there are too few rows for a model"
    );
    if scored["round"].as_u64() == Some(round.into()) {
        // Accuracy is a tenth of the first score.
        let score = scored["score"].as_f64().context("no score")?;
        assert!(
            (score / 10.0 - accuracy as f64 / PPB as f64).abs() < 1e-8,
            "{status}"
        );
    }

    // The dataset is the same whenever it is written, but for what came to it.
    let out = fixture.network.dir().join("dataset").display().to_string();
    let dataset = json(&mut fixture, &["dataset", "--json", "--out", &out]).await?;
    assert!(dataset["rows"].as_u64() >= Some(5), "{dataset}");
    assert_eq!(
        dataset["gaps"],
        Value::Array(vec![]),
        "a validator that was away reads on"
    );
    Ok(())
}
