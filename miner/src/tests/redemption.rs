//! Redemption against a chain that fails, forgets and comes back.

use std::sync::Arc;

use based_primitives::{constants::BASED, payments::Voucher};
use sp_core::H256;

use super::{
    fake::{account_of, spending, Fake, PRICE},
    harness::{job_id, signed, voucher},
};
use crate::{
    db::{AdmissionLimits, Db, NewJob, ReservationSeen, VoucherState},
    redeem::{Policy, Redeemer},
};
use based_client::wire::JobTerms;

struct Setup {
    _dir: tempfile::TempDir,
    db: Db,
    chain: Arc<Fake>,
    redeemer: Redeemer,
}

fn setup(blocks: u32, amount: u128) -> Setup {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let chain = Arc::new(Fake::new(H256::zero(), [0; 32]));
    let redeemer = Redeemer::new(db.clone(), chain.clone(), Policy { blocks, amount });
    Setup {
        _dir: dir,
        db,
        chain,
        redeemer,
    }
}

/// Lets an account pay for a job, up to the cumulative amount.
fn pay(setup: &Setup, account: u64, cumulative: u128, expiry: u32) {
    setup
        .chain
        .state()
        .accounts
        .entry(account)
        .or_insert_with(|| spending(Some(BASED)));
    let job = job_id();
    let terms = JobTerms {
        job,
        account,
        brain: 7,
        task: H256::zero(),
        evaluation_key: H256::zero(),
        input: H256::zero(),
        size: 0,
        max_price: PRICE,
        traced: false,
    };
    let limits = AdmissionLimits {
        queue: 1_000,
        traces: 0,
        reserved: u128::MAX,
        redeemed: 0,
    };
    setup
        .db
        .admit(
            NewJob {
                terms,
                price: 0,
                bytes: vec![],
            },
            limits,
        )
        .unwrap()
        .unwrap();
    setup.db.finish(&job, b"", b"", b"").unwrap();
    let signed = signed(
        Voucher {
            account,
            expiry,
            ..voucher(job, cumulative)
        },
        "User",
    );
    let terms = ReservationSeen {
        spender: account_of("User"),
        reserved: BASED,
        redeemed: 0,
        until: 10_000,
    };
    setup.db.pay(&signed, &terms).unwrap().unwrap();
}

fn batches(setup: &Setup) -> Vec<usize> {
    setup.chain.state().redeemed.iter().map(Vec::len).collect()
}

#[tokio::test]
async fn the_newest_voucher_of_each_account_goes_in_batches() {
    let mut setup = setup(50, u128::MAX);
    for account in 1..=70 {
        pay(&setup, account, PRICE, 1_000);
    }
    pay(&setup, 70, 2 * PRICE, 1_000);
    setup.redeemer.round(100).await.unwrap();
    assert_eq!(batches(&setup), [64, 6]);
    assert_eq!(setup.chain.state().redeemed[1][5].voucher.cumulative, 2 * PRICE);
}

#[tokio::test]
async fn vouchers_left_by_an_earlier_run_are_redeemed_at_once() {
    let mut setup = setup(50, u128::MAX);
    pay(&setup, 1, PRICE, 1_000);
    setup.redeemer.round(100).await.unwrap();
    assert_eq!(batches(&setup), [1]);
}

#[tokio::test]
async fn vouchers_wait_for_their_turn_their_amount_or_their_deadline() {
    let mut setup = setup(50, 10 * PRICE);
    setup.redeemer.round(100).await.unwrap();
    pay(&setup, 2, PRICE, 1_000);
    setup.redeemer.round(149).await.unwrap();
    assert_eq!(batches(&setup).len(), 0, "not yet");
    setup.redeemer.round(150).await.unwrap();
    assert_eq!(batches(&setup).len(), 1, "its turn");
    pay(&setup, 3, 10 * PRICE, 1_000);
    setup.redeemer.round(151).await.unwrap();
    assert_eq!(batches(&setup).len(), 2, "a large amount goes at once");
    pay(&setup, 4, PRICE, 200);
    setup.redeemer.round(152).await.unwrap();
    assert_eq!(batches(&setup).len(), 3, "one that expires soon goes at once");
}

#[tokio::test]
async fn the_voucher_of_an_account_that_closes_is_redeemed_in_its_grace() {
    let mut setup = setup(100_000, u128::MAX);
    setup.redeemer.round(100).await.unwrap();
    pay(&setup, 1, PRICE, 9_000);
    setup.redeemer.round(110).await.unwrap();
    assert_eq!(batches(&setup).len(), 0);
    if let Some(account) = setup.chain.state().accounts.get_mut(&1) {
        account.spending.closing = Some(140);
    }
    setup.redeemer.round(118).await.unwrap();
    assert_eq!(batches(&setup), [1]);
}

#[tokio::test]
async fn a_voucher_is_settled_by_finality_alone() {
    let mut setup = setup(10, u128::MAX);
    pay(&setup, 1, PRICE, 1_000);
    setup.redeemer.round(100).await.unwrap();
    setup.redeemer.round(101).await.unwrap();
    assert_eq!(batches(&setup), [1], "waits for finality");
    assert_eq!(setup.db.vouchers(VoucherState::Open).unwrap().len(), 1);

    // The block with the transaction is retracted.
    setup.chain.state().accounts.insert(1, spending(Some(BASED)));
    setup.redeemer.round(116).await.unwrap();
    assert_eq!(batches(&setup), [1, 1], "submitted again");
    setup.chain.finalize();
    setup.redeemer.round(117).await.unwrap();
    assert!(setup.db.vouchers(VoucherState::Open).unwrap().is_empty());
    assert_eq!(setup.db.income().unwrap(), (PRICE, 0, 0));

    pay(&setup, 1, 3 * PRICE, 1_000);
    assert_eq!(setup.db.income().unwrap(), (PRICE, 2 * PRICE, 0));
    setup.redeemer.round(130).await.unwrap();
    setup.chain.finalize();
    setup.redeemer.round(131).await.unwrap();
    assert_eq!(setup.db.income().unwrap(), (3 * PRICE, 0, 0));
}

#[tokio::test]
async fn a_node_that_is_away_loses_no_voucher() {
    let mut setup = setup(10, u128::MAX);
    pay(&setup, 1, PRICE, 1_000);
    setup.chain.state().down = true;
    for head in 100..105 {
        setup.redeemer.round(head).await.unwrap_err();
    }
    assert_eq!(setup.db.vouchers(VoucherState::Open).unwrap().len(), 1);
    setup.chain.state().down = false;
    setup.redeemer.round(105).await.unwrap();
    setup.chain.finalize();
    setup.redeemer.round(106).await.unwrap();
    assert_eq!(setup.db.income().unwrap(), (PRICE, 0, 0));
}

#[tokio::test]
async fn a_refused_batch_is_not_sent_in_every_block() {
    let mut setup = setup(1, u128::MAX);
    pay(&setup, 1, PRICE, 1_000);
    setup.chain.state().refuse = true;
    for head in 100..120 {
        setup.redeemer.round(head).await.unwrap();
    }
    assert_eq!(batches(&setup).len(), 2);
    assert_eq!(
        setup.db.vouchers(VoucherState::Open).unwrap().len(),
        1,
        "kept all the same"
    );
}

#[tokio::test]
async fn vouchers_beyond_redemption_are_told_apart() {
    let mut setup = setup(10, u128::MAX);
    pay(&setup, 1, PRICE, 150);
    pay(&setup, 2, PRICE, 1_000);
    setup.chain.finalize();
    setup.chain.state().refuse = true;
    setup.redeemer.round(100).await.unwrap();
    setup.redeemer.round(151).await.unwrap();
    assert_eq!(
        setup.db.vouchers(VoucherState::Open).unwrap().len(),
        2,
        "finality may still show it paid"
    );
    setup.chain.state().accounts.remove(&2);
    setup.chain.finalize();
    setup.redeemer.round(500).await.unwrap();
    assert_eq!(setup.db.vouchers(VoucherState::Lost).unwrap().len(), 2);
    assert_eq!(setup.db.income().unwrap(), (0, 0, 2 * PRICE));
}

#[tokio::test]
async fn a_node_that_syncs_anew_makes_no_voucher_lost() {
    let mut setup = setup(10, u128::MAX);
    pay(&setup, 1, PRICE, 9_000);
    setup.redeemer.round(1_000).await.unwrap();
    let known = {
        let mut state = setup.chain.state();
        state.finalized.clear();
        std::mem::take(&mut state.accounts)
    };
    let policy = Policy {
        blocks: 10,
        amount: u128::MAX,
    };
    let mut restarted = Redeemer::new(setup.db.clone(), setup.chain.clone(), policy);
    for head in [3, 500, 900] {
        setup.redeemer.round(head).await.unwrap();
        restarted.round(head).await.unwrap();
    }
    assert!(setup.db.vouchers(VoucherState::Lost).unwrap().is_empty());
    setup.chain.state().accounts = known;
    restarted.round(1_020).await.unwrap();
    setup.chain.finalize();
    restarted.round(1_021).await.unwrap();
    assert_eq!(setup.db.income().unwrap(), (PRICE, 0, 0));
}
