//! Guessed tokens: the answer is the same, in fewer round trips, at a price that was agreed.

use std::sync::{
    atomic::{AtomicU32, Ordering},
    Arc, Mutex,
};

use based_client::session::{
    split::{Output, Plan, Settings, MAX_GUESSES},
    Event, SessionError,
};
use based_primitives::PriceList;
use tokio::sync::watch;
use zk_llm::import::{guesses, Chooser, Dynamic, Sampling};

use super::{ask, cost, gpt2, miner, prices, settings, Asked, User, PROMPT};
use crate::tests::harness::Miner;

/// Rounds of a pass of the model, whose head is its embedding: four a layer.
const ROUNDS: u64 = 4 * 2;

fn guessing(max_tokens: u32, speculate: u32) -> Settings {
    Settings {
        speculate,
        ..settings(max_tokens)
    }
}

async fn asked(user: &User, settings: Settings) -> Asked {
    let (_keep, stop) = watch::channel(false);
    ask(gpt2(), user, &PROMPT, settings, stop, |_| {}).await
}

/// Passes after the prompt's, and right guesses, of an answer that is known beforehand.
fn expected(answer: &[u32], speculate: usize) -> (u64, u32) {
    let (mut at, mut passes, mut right) = (1, 0, 0);
    while at < answer.len() {
        let seen = [&PROMPT[..], &answer[..at]].concat();
        let guessed = guesses(&seen, speculate.min(32 - seen.len()));
        let same = guessed.iter().zip(&answer[at..]).take_while(|(a, b)| a == b);
        let same = same.count().min(answer.len() - at);
        right += same;
        at += same + 1;
        passes += 1;
    }
    (passes, right as u32)
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_those_without_guesses_in_fewer_rounds() {
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, gpt2()).await;
    let clear = gpt2().oracle(&PROMPT, 28);
    assert_eq!(clear.len(), 28, "the answer fills the context");
    let mut promised = 0;
    for speculate in [2, 3] {
        let user = User {
            promised: Arc::new(Mutex::new(promised)),
            ..User::of(&miner)
        };
        let asked = asked(&user, guessing(28, speculate)).await;
        let made = asked.made.unwrap();
        let Output::Text { tokens, .. } = made.output else {
            panic!("no text");
        };
        assert_eq!(tokens, clear);
        let (passes, right) = expected(&clear, speculate as usize);
        assert!(
            passes < 24,
            "{passes} passes for 27 tokens save nothing worth testing"
        );
        assert_eq!(asked.rounds, ROUNDS * (1 + passes));
        assert_eq!(made.guesses.1, right);
        // Every pass takes all of its positions, whatever its guesses are worth.
        let (paid, served) = asked.positions;
        assert_eq!(u64::from(served), 8 + passes * (u64::from(speculate) + 1));
        assert!(
            paid >= served && paid - served < 16,
            "{paid} paid, {served} served"
        );
        assert_eq!(asked.receipt.unwrap().amount, cost(paid));
        promised += cost(paid);
        assert_eq!(user.promised(), promised);
        assert_eq!(miner.db.cumulative(super::ACCOUNT).unwrap(), promised);
    }
    miner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn draws_are_those_without_guesses() {
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, gpt2()).await;
    let sampling = Sampling {
        temperature: 1.5,
        top_p: 0.9,
        seed: 11,
    };
    let settings = Settings {
        sampling: Some(sampling),
        ..guessing(8, 2)
    };
    let asked = asked(&User::of(&miner), settings).await;
    let part = &gpt2().part;
    let mut linears = Dynamic::new(part, &gpt2().weights);
    let mut chooser = Chooser::of(Some(sampling)).unwrap();
    let drawn = part.continued(&mut linears, &PROMPT, 8, &mut chooser).unwrap();
    let kept = drawn.into_iter().take_while(|id| !part.tokens().is_special(*id));
    let Output::Text { tokens, .. } = asked.made.unwrap().output else {
        panic!("no text");
    };
    assert_eq!(tokens, kept.collect::<Vec<_>>());
    asked.receipt.unwrap();
    miner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_with_guesses_that_breaks_is_made_anew_and_not_paid_twice() {
    let dir = tempfile::tempdir().unwrap();
    let first = miner(&dir, gpt2()).await;
    let chain = first.chain.clone();
    let user = User::of(&first);
    let (_keep, stop) = watch::channel(false);
    let (broken, waiting) = tokio::sync::oneshot::channel();
    let broken = Mutex::new(Some(broken));
    let (restarted, resume) = std::sync::mpsc::channel::<()>();
    let (resume, passes) = (Mutex::new(resume), AtomicU32::new(0));
    let told = move |event| {
        // Before the last round of the second pass, the miner is restarted.
        let last = matches!(
            event,
            Event::Passing {
                done: 7,
                positions: 4,
                ..
            }
        );
        if last && passes.fetch_add(1, Ordering::SeqCst) == 1 {
            broken.lock().unwrap().take().unwrap().send(()).unwrap();
            resume.lock().unwrap().recv().unwrap();
        }
    };
    let asking = {
        let user = user.clone();
        tokio::spawn(async move { ask(gpt2(), &user, &PROMPT, guessing(20, 3), stop, told).await })
    };
    waiting.await.unwrap();
    first.stop().await;
    let second = Miner::start(dir.path(), gpt2().dir.path(), chain, true).await;
    *user.address.lock().unwrap() = second.address;
    restarted.send(()).unwrap();
    let asked = asking.await.unwrap();
    let Output::Text { tokens, .. } = asked.made.unwrap().output else {
        panic!("no text");
    };
    let clear = gpt2().oracle(&PROMPT, 20);
    assert_eq!(tokens, clear);
    let (paid, served) = asked.positions;
    assert_eq!(u64::from(served), 8 + 4 * expected(&clear, 3).0);
    assert!(paid - served < 16, "{paid} paid, {served} served");
    assert_eq!(user.promised(), cost(paid), "the broken pass is not paid again");
    assert_eq!(asked.receipt.unwrap().amount, cost(paid));
    second.stop().await;
}

#[test]
fn the_worst_case_is_agreed_and_no_token_is_lost_to_guesses() {
    let manifest = gpt2().part.manifest();
    let plan = |prices: &PriceList, settings| Plan::new(manifest, prices, PROMPT.len(), settings);
    let wide = plan(&prices(), guessing(10, 3)).unwrap();
    assert_eq!(wide.passes, [vec![8], vec![4; 9]].concat());
    assert_eq!(wide.most, cost(8 + 4 * 9));
    // Room for 20 positions after the prompt: nine tokens, three of which may be had with guesses.
    let tight = PriceList {
        context: 8 + 20,
        ..prices()
    };
    let some = plan(&tight, guessing(10, 3)).unwrap();
    assert_eq!(some.passes, [vec![8], vec![4; 3], vec![1; 6]].concat());
    assert_eq!((some.max_tokens, some.most), (10, cost(8 + 18)));
    let none = plan(&prices(), settings(10)).unwrap();
    assert_eq!(none.passes, [vec![8], vec![1; 9]].concat());

    let hidden = Settings {
        hide_length: true,
        ..guessing(10, 3)
    };
    for refused in [hidden, guessing(10, MAX_GUESSES + 1), guessing(10, u32::MAX)] {
        let refused = plan(&prices(), refused);
        assert!(matches!(refused, Err(SessionError::Refused(_))), "{refused:?}");
    }
}
