//! Vouchers that pay, and those that do not.

use based_primitives::{
    constants::BASED,
    payments::{SignedVoucher, Voucher},
};
use codec::Encode;
use sp_core::H256;
use tonic::Code;

use super::{
    fake::{account_of, spending, ACCOUNT, PRICE},
    harness::{fixture, input, job_id, job_terms, random, signed, voucher, Miner, OTHER},
};
use crate::{
    db::{JobState, VoucherState},
    payments::MIN_LIFETIME,
};

#[tokio::test]
async fn vouchers_that_cannot_be_redeemed_release_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    miner.chain.state().accounts.insert(OTHER, spending(Some(BASED)));
    let job = miner.finished_job([1; 4]).await;
    let mut client = miner.client().await;
    let good = voucher(job, PRICE);
    let head = miner.chain.state().head;
    let cases: Vec<(&str, Voucher, &str, Code)> = vec![
        (
            "overspent",
            Voucher {
                cumulative: BASED + 1,
                ..good.clone()
            },
            "User",
            Code::ResourceExhausted,
        ),
        (
            "too little",
            Voucher {
                cumulative: PRICE - 1,
                ..good.clone()
            },
            "User",
            Code::InvalidArgument,
        ),
        (
            "expired",
            Voucher {
                expiry: head - 1,
                ..good.clone()
            },
            "User",
            Code::InvalidArgument,
        ),
        (
            "too short",
            Voucher {
                expiry: head + MIN_LIFETIME - 1,
                ..good.clone()
            },
            "User",
            Code::InvalidArgument,
        ),
        (
            "another miner",
            Voucher {
                miner: account_of("Bob"),
                ..good.clone()
            },
            "User",
            Code::InvalidArgument,
        ),
        (
            "another chain",
            Voucher {
                genesis: H256([1; 32]),
                ..good.clone()
            },
            "User",
            Code::InvalidArgument,
        ),
        (
            "another Brain",
            Voucher {
                brain: 8,
                ..good.clone()
            },
            "User",
            Code::InvalidArgument,
        ),
        (
            "another version",
            Voucher {
                version: 2,
                ..good.clone()
            },
            "User",
            Code::InvalidArgument,
        ),
        (
            "another account",
            Voucher {
                account: OTHER,
                ..good.clone()
            },
            "User",
            Code::NotFound,
        ),
        (
            "unknown job",
            Voucher {
                job: job_id(),
                ..good.clone()
            },
            "User",
            Code::NotFound,
        ),
        ("bad signature", good.clone(), "Alice", Code::Unauthenticated),
    ];
    for (name, voucher, signer, code) in cases {
        let status = client.collect(&signed(voucher, signer)).await.unwrap_err();
        assert_eq!(status.code(), code, "{name}: {status:?}");
    }
    let swapped = SignedVoucher {
        voucher: good.clone(),
        ..signed(voucher(job, 2 * PRICE), "User")
    };
    assert_eq!(
        client.collect(&swapped).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    for bytes in [
        vec![],
        random(100),
        random(5_000),
        signed(good.clone(), "User").encode()[1..].to_vec(),
    ] {
        assert_eq!(
            client.collect_bytes(bytes).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
    assert_eq!(miner.db.job(&job).unwrap().unwrap().state, JobState::Done);
    assert!(miner.db.vouchers(VoucherState::Open).unwrap().is_empty());

    client.collect(&signed(good, "User")).await.unwrap();
    miner.stop().await;
}

#[tokio::test]
async fn a_voucher_pays_once_and_gives_its_output_again() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let first = miner.finished_job([1; 4]).await;
    let mut client = miner.client().await;
    let paid = signed(voucher(first, PRICE), "User");
    let output = client.collect(&paid).await.unwrap();
    assert_eq!(client.collect(&paid).await.unwrap(), output, "idempotent");

    let status = client
        .collect(&signed(voucher(first, 2 * PRICE), "User"))
        .await
        .unwrap_err();
    assert_eq!(
        status.code(),
        Code::FailedPrecondition,
        "a paid job takes no second voucher: {status:?}"
    );
    let status = client
        .collect(&signed(voucher(first, PRICE), "Alice"))
        .await
        .unwrap_err();
    assert_eq!(
        status.code(),
        Code::Unauthenticated,
        "nobody else collects: {status:?}"
    );

    let second = miner.finished_job([0; 4]).await;
    let status = client
        .collect(&signed(voucher(second, PRICE), "User"))
        .await
        .unwrap_err();
    assert_eq!(
        status.code(),
        Code::InvalidArgument,
        "the old amount pays nothing new: {status:?}"
    );
    client
        .collect(&signed(voucher(second, 2 * PRICE), "User"))
        .await
        .unwrap();
    let open = miner.db.vouchers(VoucherState::Open).unwrap();
    assert_eq!(open.len(), 1, "the newest alone is kept");
    assert_eq!(open[0].signed.voucher.cumulative, 2 * PRICE);

    miner.chain.state().accounts.remove(&ACCOUNT);
    assert_eq!(
        client.collect(&paid).await.unwrap(),
        output,
        "also when the account is gone"
    );
    miner.stop().await;
}

#[tokio::test]
async fn a_silent_node_does_not_keep_back_a_result() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let job = miner.finished_job([1; 4]).await;
    miner.chain.state().down = true;
    let mut client = miner.client().await;
    let overspent = signed(voucher(job, BASED + 1), "User");
    assert_eq!(
        client.collect(&overspent).await.unwrap_err().code(),
        Code::ResourceExhausted
    );
    let output = client
        .collect(&signed(voucher(job, PRICE), "User"))
        .await
        .unwrap();
    assert_eq!(output.len() as u64, fixture().model.limits().output_bytes);
    miner.stop().await;
}

#[tokio::test]
async fn what_the_chain_redeemed_already_counts_as_promised() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    // As after the loss of the miner's state: the chain knows of earlier vouchers.
    if let Some(account) = miner.chain.state().accounts.get_mut(&ACCOUNT) {
        account.reservation.as_mut().unwrap().redeemed = BASED / 2;
    }
    let job = miner.finished_job([1; 4]).await;
    let mut client = miner.client().await;
    let status = client
        .collect(&signed(voucher(job, PRICE), "User"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    client
        .collect(&signed(voucher(job, BASED / 2 + PRICE), "User"))
        .await
        .unwrap();
    let bytes = input([0; 4]);
    client
        .submit(&job_terms(job_id(), &bytes), "User", &bytes)
        .await
        .unwrap();
    miner.stop().await;
}
