//! Answers equal those in clear.

use std::sync::{Arc, Mutex};

use based_client::{
    session::{split::Output, Event},
    wire::{proto::ModelFileRequest, CENTROIDS_FILE, MODEL_FILES},
};
use tokio::sync::watch;
use zk_llm::{
    import::{Chooser, Dynamic, Sampling, PUBLIC_FILES},
    routing::Centroids,
};

use super::{answer, ask, cost, gpt2, miner, settings, Imported, User, PROMPT};

fn tokens(output: &Output) -> Vec<u32> {
    match output {
        Output::Text { tokens, .. } => tokens.clone(),
        other => panic!("no text but {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_tokens_are_those_in_clear_and_what_came_is_paid() {
    let dir = tempfile::tempdir().unwrap();
    let (model, miner) = (gpt2(), miner(&dir, gpt2()).await);
    let user = User::of(&miner);
    let texts = Arc::new(Mutex::new(String::new()));
    let kept = texts.clone();
    let (_keep, stop) = watch::channel(false);
    let told = move |event| {
        if let Event::Text { text, .. } = event {
            kept.lock().unwrap().push_str(&text);
        }
    };
    let asked = ask(model, &user, &PROMPT, settings(20), stop, told).await;
    let made = asked.made.unwrap();
    let clear = model.oracle(&PROMPT, 20);
    assert_eq!(tokens(&made.output), clear);
    let text = model.part.tokens().decode(&clear).unwrap();
    assert_eq!(*texts.lock().unwrap(), text, "the text comes as it is made");

    let receipt = asked.receipt.unwrap();
    let (paid, served) = asked.positions;
    assert_eq!((receipt.amount, user.promised()), (cost(paid), cost(paid)));
    assert!(served <= paid && paid <= 8 + 19, "{paid}");
    assert_eq!(miner.db.cumulative(super::ACCOUNT).unwrap(), cost(paid));
    let job = miner.db.job(&user.job).unwrap().unwrap();
    assert!(job.receipt.is_some() && job.price == cost(paid));
    miner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn llama_generates_what_it_does_in_clear() {
    let model: &'static Imported = Box::leak(Box::new(Imported::new("llama")));
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, model).await;
    let asked = answer(model, &User::of(&miner), &PROMPT, 5).await;
    assert_eq!(tokens(&asked.made.unwrap().output), model.oracle(&PROMPT, 5));
    asked.receipt.unwrap();
    miner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classifier_and_an_embedding_answer_in_one_pass() {
    for name in ["bert-classifier", "bert-embedding"] {
        let model: &'static Imported = Box::leak(Box::new(Imported::new(name)));
        let dir = tempfile::tempdir().unwrap();
        let miner = miner(&dir, model).await;
        let user = User::of(&miner);
        let ids = [2, 5, 3, 7, 4];
        let asked = answer(model, &user, &ids, 5).await;
        let made = asked.made.unwrap();
        let clear = model
            .part
            .run(&mut Dynamic::new(&model.part, &model.weights), &ids)
            .unwrap();
        match made.output {
            Output::Numbers(numbers) => assert_eq!(numbers, clear),
            Output::Classes(classes) => {
                let most = clear.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let total: f32 = clear.iter().map(|x| (x - most).exp()).sum();
                let wanted = clear.iter().map(|x| (x - most).exp() / total);
                assert!(classes.iter().map(|(_, p)| *p).eq(wanted), "{classes:?}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((asked.positions, user.promised()), ((8, 8), cost(8)), "{name}");
        assert_eq!(asked.receipt.unwrap().amount, cost(8));
        miner.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_sessions_go_on_beside_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, gpt2()).await;
    let (one, two) = (User::of(&miner), User::of(&miner));
    // Vouchers of one account add up.
    let two = User {
        promised: one.promised.clone(),
        ..two
    };
    let other = [40, 3];
    let (first, second) = tokio::join!(answer(gpt2(), &one, &PROMPT, 3), answer(gpt2(), &two, &other, 3));
    let found = [first, second].map(|asked| asked.made.map(|made| tokens(&made.output)));
    for (found, wanted) in found.into_iter().zip([&PROMPT[..], &other[..]]) {
        // Of two vouchers that cross, the lower one is refused; nobody pays for it.
        if let Ok(found) = found {
            assert_eq!(found, gpt2().oracle(wanted, 3));
        }
    }
    miner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drawn_tokens_are_those_that_the_seed_draws_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, gpt2()).await;
    let user = User::of(&miner);
    let (_keep, stop) = watch::channel(false);
    let sampling = Sampling {
        temperature: 1.5,
        top_p: 0.9,
        seed: 11,
    };
    let mut drawing = settings(6);
    drawing.sampling = Some(sampling);
    // All are computed, whichever ends the text.
    drawing.hide_length = true;
    let asked = ask(gpt2(), &user, &PROMPT, drawing, stop, |_| {}).await;
    let part = &gpt2().part;
    let mut linears = Dynamic::new(part, &gpt2().weights);
    let mut chooser = Chooser::of(Some(sampling)).unwrap();
    let drawn = part.continued(&mut linears, &PROMPT, 6, &mut chooser).unwrap();
    let drawn: Vec<u32> = drawn
        .into_iter()
        .take_while(|id| !part.tokens().is_special(*id))
        .collect();
    assert_eq!(tokens(&asked.made.unwrap().output), drawn);
    assert_ne!(drawn, gpt2().oracle(&PROMPT, 6));
    miner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_lengths_take_all_passes() {
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, gpt2()).await;
    let user = User::of(&miner);
    let (_keep, stop) = watch::channel(false);
    let mut hidden = settings(6);
    hidden.hide_length = true;
    let asked = ask(gpt2(), &user, &PROMPT, hidden, stop, |_| {}).await;
    assert_eq!(tokens(&asked.made.unwrap().output), gpt2().oracle(&PROMPT, 6));
    assert_eq!(asked.positions, (8 + 5, 8 + 5));
    miner.stop().await;
}

#[tokio::test]
async fn centroids_are_served_beside_the_models_files_and_a_miner_without_any_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let request = || ModelFileRequest {
        name: CENTROIDS_FILE.into(),
    };
    let silent = miner(&dir, gpt2()).await;
    let mut client = silent.client().await;
    let error = client.0.model_file(request()).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::NotFound);
    silent.stop().await;

    let vectors: Vec<Vec<f32>> = (0..64)
        .map(|at| (0..1_024).map(|x| if x % 64 == at { 1.0 } else { 0.3 }).collect())
        .collect();
    let published = Centroids::of(&[1; 32], &vectors, 64).unwrap().to_json().unwrap();
    assert!(published.len() > 256 << 10, "more than one chunk");
    std::fs::write(dir.path().join(CENTROIDS_FILE), &published).unwrap();
    let miner = miner(&dir, gpt2()).await;
    // Published whether or not jobs are accepted now: it is no part of the model.
    let mut stream = miner
        .client()
        .await
        .0
        .model_file(request())
        .await
        .unwrap()
        .into_inner();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.message().await.unwrap() {
        bytes.extend(chunk.data);
    }
    assert_eq!(Centroids::from_json(&bytes).unwrap().vectors().count(), 64);
    assert_eq!(bytes, published);
    miner.stop().await;
}

#[tokio::test]
async fn the_clients_files_are_published_and_the_weights_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, gpt2()).await;
    let mut client = miner.client().await;
    for name in PUBLIC_FILES {
        let request = ModelFileRequest { name: name.into() };
        let mut stream = client.0.model_file(request).await.unwrap().into_inner();
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.message().await.unwrap() {
            bytes.extend(chunk.data);
        }
        assert_eq!(
            bytes,
            std::fs::read(gpt2().dir.path().join(name)).unwrap(),
            "{name}"
        );
    }
    for name in ["weights.safetensors", MODEL_FILES[2], "../computekey.pem"] {
        let request = ModelFileRequest { name: name.into() };
        let error = client.0.model_file(request).await.unwrap_err();
        assert_eq!(error.code(), tonic::Code::NotFound, "{name}");
    }
    miner.stop().await;
}
