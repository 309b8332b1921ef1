//! What is paid, and what is lost when something breaks.

use std::sync::{
    atomic::{AtomicU32, Ordering},
    Arc, Mutex,
};

use based_client::session::{split::Output, Event, SessionError};
use tokio::sync::watch;

use super::{answer, ask, cost, gpt2, miner, settings, User, PROMPT};
use crate::{db::SessionRow, tests::harness::Miner};

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_answer_costs_what_had_begun() {
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, gpt2()).await;
    let user = User::of(&miner);
    let (stopper, stop) = watch::channel(false);
    let told = move |event| {
        if matches!(event, Event::Text { tokens: 2.., .. }) {
            stopper.send_replace(true);
        }
    };
    let asked = ask(gpt2(), &user, &PROMPT, settings(24), stop, told).await;
    let made = asked.made.unwrap();
    let Output::Text { tokens, .. } = &made.output else {
        panic!("no text");
    };
    assert!(made.stopped && tokens.len() < 20, "{made:?}");
    assert_eq!(*tokens, gpt2().oracle(&PROMPT, 24)[..tokens.len()]);
    // The prompt, and the set of sixteen that had begun.
    assert_eq!(asked.receipt.unwrap().amount, cost(8 + 16));
    assert_eq!(user.promised(), cost(8 + 16));
    miner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_breaks_goes_on_and_nothing_is_paid_twice() {
    let dir = tempfile::tempdir().unwrap();
    let chain = {
        let miner = miner(&dir, gpt2()).await;
        let chain = miner.chain.clone();
        miner.stop().await;
        chain
    };
    let start = || Miner::start(dir.path(), gpt2().dir.path(), chain.clone(), true);
    let first = start().await;
    let user = User::of(&first);
    let passes = Arc::new(AtomicU32::new(0));
    let (_keep, stop) = watch::channel(false);
    let (broken, waiting) = tokio::sync::oneshot::channel();
    let broken = Mutex::new(Some(broken));
    let (restarted, resume) = std::sync::mpsc::channel::<()>();
    let (resume, counted) = (Mutex::new(resume), passes.clone());
    let told = move |event| {
        // In the middle of the third token, the miner is restarted.
        if matches!(
            event,
            Event::Passing {
                done: 3,
                positions: 1,
                ..
            }
        ) && counted.fetch_add(1, Ordering::SeqCst) == 2
        {
            broken.lock().unwrap().take().unwrap().send(()).unwrap();
            resume.lock().unwrap().recv().unwrap();
        }
    };
    let asking = {
        let user = user.clone();
        tokio::spawn(async move { ask(gpt2(), &user, &PROMPT, settings(8), stop, told).await })
    };
    waiting.await.unwrap();
    first.stop().await;
    let second = start().await;
    *user.address.lock().unwrap() = second.address;
    restarted.send(()).unwrap();
    let asked = asking.await.unwrap();
    let Output::Text { tokens, .. } = asked.made.unwrap().output else {
        panic!("no text");
    };
    assert_eq!(tokens, gpt2().oracle(&PROMPT, 8));
    assert_eq!(asked.positions, (8 + 7, 8 + 7));
    assert_eq!(user.promised(), cost(8 + 7), "the broken set is not paid again");
    asked.receipt.unwrap();
    let row = second.db.session(&user.job).unwrap().unwrap();
    assert_eq!((row.prompt, row.paid), (8, 15));
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_stays_away_is_named_and_gets_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let first = miner(&dir, gpt2()).await;
    let user = User::of(&first);
    let (_keep, stop) = watch::channel(false);
    let (broken, waiting) = tokio::sync::oneshot::channel();
    let broken = Mutex::new(Some(broken));
    let (stopped, resume) = std::sync::mpsc::channel::<()>();
    let resume = Mutex::new(resume);
    let told = move |event| {
        if matches!(
            event,
            Event::Passing {
                done: 2,
                positions: 1,
                ..
            }
        ) {
            if let Some(broken) = broken.lock().unwrap().take() {
                broken.send(()).unwrap();
                resume.lock().unwrap().recv().unwrap();
            }
        }
    };
    let asking = {
        let user = user.clone();
        tokio::spawn(async move { ask(gpt2(), &user, &PROMPT, settings(8), stop, told).await })
    };
    waiting.await.unwrap();
    let db = first.db.clone();
    first.stop().await;
    stopped.send(()).unwrap();
    let asked = asking.await.unwrap();
    let error = asked.made.unwrap_err();
    assert!(
        matches!(error, SessionError::MinerGone(_) | SessionError::Connect(_)),
        "{error}"
    );
    assert_eq!(user.promised(), cost(8 + 7));
    let row = db.session(&user.job).unwrap().unwrap();
    assert!(matches!(
        row,
        SessionRow {
            prompt: 8,
            paid: 15,
            ..
        }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_that_does_not_cover_what_was_agreed_opens_no_session() {
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, gpt2()).await;
    for (reserved, agreed) in [(cost(8 + 4) - 1, false), (cost(8 + 4), true)] {
        let mut state = miner.chain.state();
        let account = state.accounts.get_mut(&super::ACCOUNT).unwrap();
        account.reservation.as_mut().unwrap().reserved = reserved;
        drop(state);
        let user = User::of(&miner);
        let asked = answer(gpt2(), &user, &PROMPT, 5).await;
        assert_eq!(asked.made.is_ok(), agreed, "{:?}", asked.made);
        if !agreed {
            assert_eq!(user.promised(), 0);
        }
    }
    miner.stop().await;
}
