//! A miner of split mode that says what no honest one does.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use futures::TryFutureExt;

use super::stub::{Script, Stub};
use crate::{
    session::{
        split::{Line, Opening, Waits},
        SessionError,
    },
    wire::proto::{split_down::Part, Paid, SignedReceipt, SplitHeader, SplitOpened},
};

fn opened() -> Part {
    Part::Opened(SplitOpened {
        session: vec![7; 32],
        prompt_price: 5u128.to_le_bytes().to_vec(),
        completion_price: 6u128.to_le_bytes().to_vec(),
        paid: 0,
        served: 0,
    })
}

async fn open(split: Vec<Part>, hints: Vec<Vec<u8>>) -> Result<(Line, Opening), SessionError> {
    let script = Script {
        split,
        hints,
        ..Script::default()
    };
    let (link, _, _) = Stub::link(script).await;
    Line::open(link.client, SplitHeader::default(), &[1; 100], Waits::default()).await
}

/// A session whose miner goes on with these words.
async fn line(words: Vec<Part>) -> Line {
    let split = std::iter::once(opened()).chain(words).collect();
    let (line, opening) = open(split, vec![]).await.unwrap();
    assert_eq!((opening.prompt_price, opening.completion_price), (5, 6));
    line
}

fn is_protocol<T: std::fmt::Debug>(result: Result<T, SessionError>) -> bool {
    matches!(result, Err(SessionError::Protocol(_)))
}

#[tokio::test]
async fn openings_that_are_none_are_refused() {
    let change = |change: fn(&mut SplitOpened)| match opened() {
        Part::Opened(mut opened) => {
            change(&mut opened);
            vec![Part::Opened(opened)]
        }
        _ => unreachable!(),
    };
    for split in [
        vec![Part::Paid(Paid { paid: 1 })],
        vec![Part::Data(vec![1])],
        change(|opened| opened.session.truncate(31)),
        change(|opened| opened.prompt_price.push(0)),
    ] {
        assert!(is_protocol(open(split, vec![]).await));
    }
}

#[tokio::test]
async fn outputs_of_another_length_are_refused() {
    let data = |size| Part::Data(vec![0; size]);
    for words in [
        vec![data(101)],
        vec![data(60), data(41)],
        vec![data(60), data(0)],
        vec![data(60), Part::Paid(Paid { paid: 1 })],
        vec![Part::Receipt(SignedReceipt::default())],
    ] {
        let answered = line(words).await.round(0, &[1, 2, 3], 100).await;
        assert!(is_protocol(answered));
    }
    let mut good = line(vec![data(60), data(40)]).await;
    assert_eq!(good.round(0, &[1, 2, 3], 100).await.unwrap(), [0; 100]);
    assert_eq!(good.bytes(), (3, 100));
}

#[tokio::test]
async fn vouchers_and_ends_need_their_answers() {
    assert!(is_protocol(
        line(vec![Part::Data(vec![1])]).await.pay(vec![1]).await
    ));
    assert!(is_protocol(line(vec![Part::Data(vec![1])]).await.finish().await));
    let mut paid = line(vec![Part::Paid(Paid { paid: 9 })]).await;
    assert_eq!(paid.pay(vec![1]).await.unwrap(), 9);
}

#[tokio::test]
async fn hints_come_whole_and_no_more_of_them() {
    let hints = |chunks: &[usize]| chunks.iter().map(|size| vec![7; *size]).collect::<Vec<_>>();
    for (chunks, good) in [
        (&[50, 70][..], true),
        (&[120][..], true),
        (&[50, 71][..], false),
        (&[50, 69][..], false),
        (&[50, 70, 1][..], false),
        (&[50, 0, 70][..], false),
        (&[][..], false),
    ] {
        let (line, _) = open(vec![opened()], hints(chunks)).await.unwrap();
        let mut offline = line.offline().clone();
        let whole = async {
            let mut hints = offline.prepare(8, vec![vec![0; 64]; 2]).await?;
            let got = (hints.next(20).await?, hints.next(100).await?);
            hints.end().await?;
            Ok::<_, SessionError>(got)
        };
        let got = whole.await;
        assert_eq!(got.is_ok(), good, "{chunks:?}: {got:?}");
    }
}

/// A session whose miner says these words and sends these hints, and then nothing any more.
async fn stalling(split: Vec<Part>, hints: Vec<Vec<u8>>) -> Result<Line, SessionError> {
    let script = Script {
        split,
        hints,
        stalls: true,
        ..Script::default()
    };
    let (link, _, _) = Stub::link(script).await;
    let waits = Waits {
        word: Duration::from_millis(500),
        hint: Duration::from_millis(700),
        ..Waits::default()
    };
    let opened = Line::open(link.client, SplitHeader::default(), &[1; 100], waits).await;
    opened.map(|(line, _)| line)
}

/// Holds that a wait ended in time, and that its error names what was not answered.
async fn gives_up<T: std::fmt::Debug>(
    waiting: impl Future<Output = Result<T, SessionError>>,
    unanswered: &str,
) {
    let began = Instant::now();
    let error = waiting.await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10), "{unanswered}");
    assert!(error.is_transient(), "{error}");
    let SessionError::MinerGone(why) = error else {
        panic!("{error}");
    };
    assert!(why.contains(&format!("no answer to {unanswered} in 0.")), "{why}");
}

#[tokio::test]
async fn a_miner_that_stops_answering_at_any_stage_is_given_up_in_time() {
    gives_up(stalling(vec![], vec![]), "the session's opening").await;
    for hints in [vec![], vec![vec![7; 20]], vec![vec![7; 50]], vec![vec![7; 120]]] {
        let line = stalling(vec![opened()], hints).await.unwrap();
        let whole = async {
            let mut hints = line.offline().clone().prepare(8, vec![vec![0; 64]; 2]).await?;
            hints.next(20).await?;
            hints.next(100).await?;
            hints.end().await
        };
        gives_up(whole.map_ok(drop), "a request for hints").await;
    }
    let line = || async { stalling(vec![opened()], vec![]).await.unwrap() };
    gives_up(line().await.pay(vec![1]), "a voucher").await;
    gives_up(line().await.round(0, &[1, 2, 3], 100), "a layer's inputs").await;
    gives_up(line().await.prompt_round(0, &[1, 2, 3], 100), "a layer's inputs").await;
    gives_up(line().await.finish(), "the end of the session").await;
    let half = vec![opened(), Part::Data(vec![0; 50])];
    let mut line = stalling(half, vec![]).await.unwrap();
    gives_up(line.round(0, &[1, 2, 3], 100), "a layer's inputs").await;
}
