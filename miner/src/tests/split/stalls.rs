//! A miner that stops answering, its connection left open.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use based_client::session::{
    split::{Output, Waits},
    Event, SessionError,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        tcp::{OwnedReadHalf, OwnedWriteHalf},
        TcpListener, TcpStream,
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use super::{ask_waiting, cost, gpt2, miner, settings, Asked, User, ACCOUNT, PROMPT};

const WAITS: Waits = Waits {
    word: Duration::from_secs(8),
    hint: Duration::from_secs(8),
    pauses: [Duration::from_millis(10); 3],
};

/// Connections to a miner: those that are open once it stalls stay open until the relay is aborted, and nothing passes.
async fn relay(to: SocketAddr, stalled: watch::Receiver<bool>, back: bool) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let relay = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let later = *stalled.borrow();
            if later && !back {
                continue;
            }
            let far = TcpStream::connect(to).await.unwrap();
            let stalled = (!later).then(|| stalled.clone());
            connections.spawn(async move {
                let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
                tokio::join!(
                    pass(from_near, to_far, stalled.clone()),
                    pass(from_far, to_near, stalled)
                );
            });
        }
    });
    (address, relay)
}

/// Passes on what comes until the miner stalls.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, stalled: Option<watch::Receiver<bool>>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        // Looked at once it came, so that nothing passes that was sent after the stall.
        if stalled.as_ref().is_some_and(|stalled| *stalled.borrow()) {
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// What becomes of eight tokens if the miner stalls at an event, what it was paid, and the time from the stall to the
/// end. `back` says whether it answers new connections then.
async fn stalled(at: fn(&Event) -> bool, back: bool) -> (Asked, User, u128, Duration) {
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, gpt2()).await;
    let user = User::of(&miner);
    let (stall, stalls) = watch::channel(false);
    let (address, relay) = relay(miner.address, stalls, back).await;
    *user.address.lock().unwrap() = address;
    let began = Arc::new(OnceLock::new());
    let stalling = began.clone();
    let told = move |event| {
        if at(&event) {
            stall.send_replace(true);
            stalling.get_or_init(Instant::now);
        }
    };
    let (_keep, stop) = watch::channel(false);
    let asked = ask_waiting((gpt2(), &user), &PROMPT, settings(8), (stop, WAITS), told).await;
    let took = began.get().map_or(Duration::MAX, Instant::elapsed);
    let paid = miner.db.cumulative(ACCOUNT).unwrap();
    relay.abort();
    miner.stop().await;
    (asked, user, paid, took)
}

const PROMPTS_ROUND: fn(&Event) -> bool = |event| {
    matches!(
        event,
        Event::Passing {
            done: 3,
            positions: 8,
            ..
        }
    )
};
const PRODUCT: fn(&Event) -> bool = |event| {
    matches!(
        event,
        Event::Passing {
            done: 3,
            positions: 1,
            ..
        }
    )
};
const VOUCHER: fn(&Event) -> bool = |event| matches!(event, Event::PayingSet { positions: 15, .. });

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_stops_answering_is_given_up_in_time_and_gets_no_more() {
    for (at, promised, paid) in [
        (PROMPTS_ROUND, 8, 8),
        (PRODUCT, 8 + 7, 8 + 7),
        (VOUCHER, 8 + 7, 8),
    ] {
        let (asked, user, got, took) = stalled(at, false).await;
        let error = asked.made.unwrap_err();
        let gone = matches!(error, SessionError::MinerGone(_) | SessionError::Connect(_));
        assert!(gone, "{error}");
        assert!(took < Duration::from_secs(60), "{took:?}");
        assert_eq!(user.promised(), cost(promised));
        assert_eq!(got, cost(paid));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_stalls_once_is_asked_again_and_nothing_is_paid_twice() {
    for at in [PROMPTS_ROUND, PRODUCT, VOUCHER] {
        let (asked, user, paid, _) = stalled(at, true).await;
        let Output::Text { tokens, .. } = asked.made.unwrap().output else {
            panic!("no text");
        };
        assert_eq!(tokens, gpt2().oracle(&PROMPT, 8));
        assert_eq!(user.promised(), cost(8 + 7));
        assert_eq!(paid, cost(8 + 7));
        asked.receipt.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_stands_without_the_receipt_that_does_not_come() {
    let last = |event: &Event| matches!(event, Event::Text { tokens: 8, .. });
    let (asked, user, paid, took) = stalled(last, true).await;
    let Output::Text { tokens, .. } = asked.made.unwrap().output else {
        panic!("no text");
    };
    assert_eq!(tokens.len(), 8);
    let error = asked.receipt.unwrap_err();
    assert!(
        matches!(&error, SessionError::MinerGone(why) if why.contains("the end of the session")),
        "{error}"
    );
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert_eq!((user.promised(), paid), (cost(8 + 7), cost(8 + 7)));
}
