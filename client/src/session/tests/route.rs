//! Choices by topic among several miners, honest and hostile; and what each of them gets to see.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
};

use based_primitives::PeerInfo;
use prost::Message;
use zk_llm::{
    import::{import, ClientPart, Dynamic, Hub, Location, Weights},
    routing::{Centroids, Policy, DEFAULT_EPSILON, MAX_PUBLISHED_BYTES},
};

use super::stub::{terms, Script, Seen, Stub};
use crate::{
    chain::AccountId,
    session::{
        route::{among, embedding_model, Choice, Compared, Published, Route, DRAWS, MAX_FREE},
        SessionError,
    },
    wire::{proto, MAX_CHUNK},
};

const MODEL: [u8; 32] = [5; 32];
const PRIVATE: Policy = Policy::Randomised {
    epsilon: DEFAULT_EPSILON,
};

type Notes = Arc<Mutex<Seen>>;

/// A miner by its number.
async fn miner(number: u8, script: Script) -> (PeerInfo<AccountId>, Notes) {
    let account = Some(AccountId::new([number; 32]));
    let (peer, _, seen) = Stub::start(Script { account, ..script }).await;
    (peer, seen)
}

fn published(model: &[u8; 32], vectors: &[Vec<f32>]) -> Vec<u8> {
    let centroids = Centroids::of(model, vectors, vectors.len()).unwrap();
    centroids.to_json().unwrap()
}

/// Publishes one axis of three; room for so many jobs.
fn axis(at: usize, free: u32) -> Script {
    let mut vector = vec![0.0; 3];
    vector[at] = 1.0;
    Script {
        centroids: Some(published(&MODEL, &[vector])),
        queue: (0, free),
        ..Script::default()
    }
}

fn near(axis: usize) -> Vec<f32> {
    let mut vector = vec![0.1; 3];
    vector[axis] = 0.9;
    vector
}

fn of(choice: &Choice, number: u8) -> &Compared {
    let account = AccountId::new([number; 32]);
    choice
        .compared
        .iter()
        .find(|compared| compared.miner == account)
        .unwrap()
}

async fn choose(
    peers: &[PeerInfo<AccountId>],
    embedding: Vec<f32>,
    policy: Policy,
) -> Result<Choice, SessionError> {
    among(peers.to_vec(), &terms(), &Route::new(MODEL, embedding, policy)).await
}

/// Three miners, each with an axis of its own.
async fn three() -> (Vec<PeerInfo<AccountId>>, Vec<Notes>) {
    let mut all = vec![];
    for number in 0..3u8 {
        all.push(miner(number + 1, axis(usize::from(number), 4)).await);
    }
    all.into_iter().unzip()
}

#[tokio::test]
async fn the_nearest_miner_is_chosen_if_the_user_asks_for_it() {
    let (peers, _) = three().await;
    for axis in 0..3u8 {
        let choice = choose(&peers, near(axis.into()), Policy::Nearest).await.unwrap();
        assert_eq!(choice.chosen(), Some(&AccountId::new([axis + 1; 32])));
        assert_eq!(of(&choice, axis + 1).chance, 1.0);
        assert_eq!((choice.informed(), choice.order.len()), (3, 3));
    }
}

#[tokio::test]
async fn by_default_near_miners_come_more_often_and_none_always() {
    let (peers, _) = three().await;
    let mut counts = BTreeMap::new();
    let mut last = None;
    for _ in 0..200 {
        let choice = choose(&peers, near(0), Policy::default()).await.unwrap();
        *counts.entry(choice.chosen().unwrap().clone()).or_insert(0u32) += 1;
        last = Some(choice);
    }
    let choice = last.unwrap();
    assert_eq!(choice.policy, PRIVATE);
    let total: f64 = choice.compared.iter().map(|compared| compared.chance).sum();
    assert!((total - 1.0).abs() < 1e-9);
    assert!(of(&choice, 1).chance > of(&choice, 2).chance);
    assert!(of(&choice, 1).radius < of(&choice, 2).radius);
    // No prompt makes a choice more than e^epsilon times as likely as another prompt does.
    let other = choose(&peers, near(1), PRIVATE).await.unwrap();
    for number in 1..=3 {
        let ratio = of(&choice, number).chance / of(&other, number).chance;
        assert!(ratio.ln().abs() <= DEFAULT_EPSILON, "{ratio}");
    }
    for compared in &choice.compared {
        let count = f64::from(counts.get(&compared.miner).copied().unwrap_or_default());
        let (mean, deviation) = (
            200.0 * compared.chance,
            (200.0 * compared.chance * (1.0 - compared.chance)).sqrt(),
        );
        assert!((count - mean).abs() < 5.0 * deviation, "{count} of {mean}");
    }
}

#[tokio::test]
async fn miners_without_room_are_not_drawn_and_no_claim_of_room_counts_beyond_the_bound() {
    let full = Script {
        queue: (9, 4),
        ..axis(0, 4)
    };
    let (one, _) = miner(1, full).await;
    let (two, _) = miner(2, axis(1, u32::MAX)).await;
    let choice = choose(&[one.clone(), two], near(0), Policy::Nearest)
        .await
        .unwrap();
    assert_eq!(choice.chosen(), Some(&AccountId::new([2; 32])));
    assert_eq!((of(&choice, 1).free, of(&choice, 2).free), (0, MAX_FREE));
    let error = choose(&[one], near(0), PRIVATE).await.unwrap_err();
    assert!(error.to_string().contains("busy"), "{error}");
}

#[tokio::test]
async fn hostile_centroids_are_refused_and_spoil_no_choice() {
    let deep = "[".repeat(100_000);
    let with = |vectors: &str| format!(r#"{{"model":"{}","vectors":{vectors}}}"#, hex::encode(MODEL));
    let hostile = [
        vec![],
        b"no JSON".to_vec(),
        vec![0xff; 4_096],
        deep.into_bytes(),
        with("[[2.0,0.0,0.0]]").into_bytes(),
        with("[[1e39,0.0,0.0]]").into_bytes(),
        with("[[null,0.0,0.0]]").into_bytes(),
        with("[]").into_bytes(),
        with("[[1.0,0.0,0.0],[1.0,0.0]]").into_bytes(),
        with(&format!("[{}]", vec!["[1.0,0.0,0.0]"; 65].join(","))).into_bytes(),
        // Well formed, but of another width or model.
        published(&MODEL, &[vec![1.0, 0.0]]),
        published(&[6; 32], &[vec![1.0, 0.0, 0.0]]),
    ];
    let (honest, _) = three().await;
    let alone = choose(&honest, near(0), PRIVATE).await.unwrap();
    let mut peers = honest;
    for (at, bytes) in (10u8..).zip(&hostile) {
        let script = Script {
            centroids: Some(bytes.clone()),
            queue: (0, 4),
            ..Script::default()
        };
        peers.push(miner(at, script).await.0);
    }
    // Too large, and never ending: not even compared.
    let huge = Script {
        centroids: Some(vec![b' '; MAX_PUBLISHED_BYTES + MAX_CHUNK]),
        queue: (0, 4),
        ..Script::default()
    };
    peers.push(miner(99, huge).await.0);
    let choice = choose(&peers, near(0), PRIVATE).await.unwrap();
    for at in (10u8..).take(hostile.len()) {
        let compared = of(&choice, at);
        assert!(
            matches!(&compared.published, Published::Refused(why) if !why.is_empty() && !why.contains('\u{1b}')),
            "{at}: {compared:?}"
        );
        assert_eq!(compared.radius, None);
    }
    for number in 1..=3 {
        assert_eq!(of(&choice, number).radius, of(&alone, number).radius);
    }
    assert_eq!((choice.informed(), choice.absent.len()), (3, 1));
    let (absent, why) = &choice.absent[0];
    assert_eq!(absent, &AccountId::new([99; 32]));
    assert!(why.contains("too large"), "{why}");
    let nearest = choose(&peers, near(2), Policy::Nearest).await.unwrap();
    assert_eq!(nearest.chosen(), Some(&AccountId::new([3; 32])));
}

#[tokio::test]
async fn a_miner_that_publishes_nothing_counts_as_farthest() {
    let (mut peers, _) = three().await;
    let silent = Script {
        queue: (0, 4),
        ..Script::default()
    };
    peers.push(miner(9, silent).await.0);
    let choice = choose(&peers, near(0), PRIVATE).await.unwrap();
    let silent = of(&choice, 9);
    assert_eq!((&silent.published, silent.radius), (&Published::Nothing, None));
    assert!((1..=3).all(|number| of(&choice, number).chance >= silent.chance));
    assert!(silent.chance > 0.0);
}

#[tokio::test]
async fn every_miner_gets_the_same_two_questions_whatever_the_prompt() {
    let file = proto::ModelFileRequest {
        name: "centroids.json".into(),
    };
    let asked = vec![("describe", vec![]), ("model_file", file.encode_to_vec())];
    for policy in [PRIVATE, Policy::Nearest] {
        for embedding in [near(0), near(1), vec![-0.7, 0.1, 0.7]] {
            let (peers, notes) = three().await;
            let choice = choose(&peers, embedding, policy).await.unwrap();
            for seen in &notes {
                assert_eq!(seen.lock().unwrap().calls, asked, "to the byte");
            }
            // Asking goes to the chosen one alone; the others hear no more.
            let (peer, link) = choice.order[0].clone();
            let mut link = link.unwrap();
            let file = proto::ModelFileRequest {
                name: "manifest.json".into(),
            };
            link.client.model_file(file).await.unwrap();
            for (other, seen) in peers.iter().zip(&notes) {
                let more = usize::from(other.account == peer.account);
                assert_eq!(seen.lock().unwrap().calls.len(), asked.len() + more);
            }
        }
    }
}

#[tokio::test]
async fn only_the_drawn_keep_a_connection_and_the_rest_is_tried_in_an_order_without_the_prompt() {
    let mut peers = vec![];
    for number in 1..=6u8 {
        peers.push(miner(number, axis(usize::from(number % 3), 4)).await.0);
    }
    let mut lasts = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let choice = choose(&peers, near(0), Policy::Nearest).await.unwrap();
        let linked: Vec<bool> = choice.order.iter().map(|(_, link)| link.is_some()).collect();
        assert_eq!(linked, [true, true, true, false, false, false]);
        assert_eq!(DRAWS, 3);
        // The nearest two by identity, then the least of the equally far.
        let drawn: Vec<_> = choice.order[..2].iter().map(|(peer, _)| &peer.account).collect();
        assert_eq!(drawn, [&AccountId::new([3; 32]), &AccountId::new([6; 32])]);
        lasts.insert(choice.order[5].0.account.clone());
    }
    assert!(lasts.len() > 1, "the rest has no fixed order");
}

#[test]
fn a_prompt_is_embedded_here_as_the_model_does_and_shown_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zk-llm/fixtures");
    let hub = Hub::new("http://127.0.0.1:9", None).unwrap();
    for name in ["bert-classifier", "bert-embedding"] {
        let from = Location::Folder(fixture.join(name));
        import(&from, &dir.path().join(name), &hub, 1 << 30, &mut |_| {}).unwrap();
    }
    // Of the folders the one that embeds; a task's cache has no weights and does not count.
    let found = embedding_model(dir.path()).unwrap();
    assert_eq!(found, dir.path().join("bert-embedding"));
    let (part, weights) = (ClientPart::load(&found).unwrap(), Weights::load(&found).unwrap());
    let route = Route::of(&found, "the miner", PRIVATE).unwrap();
    let ids = part.encode("the miner").unwrap();
    let clear = part.run(&mut Dynamic::new(&part, &weights), &ids).unwrap();
    assert_eq!(*route.embedding, clear);
    assert_eq!(route.model(), &part.manifest_hash());
    let shown = format!("{route:?}");
    assert!(
        clear.iter().all(|x| !shown.contains(&format!("{x:?}"))),
        "{shown}"
    );
    // A text beyond the context is represented by its beginning.
    let long = "the miner ".repeat(2_000);
    Route::of(&found, &long, PRIVATE).unwrap();
    let error = Route::of(&dir.path().join("bert-classifier"), "x", PRIVATE).unwrap_err();
    assert!(error.to_string().contains("gives no embeddings"), "{error}");
    std::fs::remove_file(found.join("weights.safetensors")).unwrap();
    assert_eq!(embedding_model(dir.path()), None);
}
