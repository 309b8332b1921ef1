use based_primitives::{constants::FREE_ROW_ENTRIES, Balance, Uid};
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use sp_runtime::TokenError;

use crate::{mock::*, HoldReason, Validators};

const WHO: u64 = VALIDATORS;

fn held() -> Balance {
    Balances::balance_on_hold(&HoldReason::WeightRow.into(), &WHO)
}

fn row(length: Uid) -> Vec<(Uid, u16)> {
    (1..=length).map(|uid| (uid, 1 + uid)).collect()
}

fn brain() {
    add_validator(0, 1);
    for uid in 1..2_048 {
        add_miner(uid, 0);
    }
}

/// Commits to rows of these lengths and reveals them one after the other.
fn reveal_all(lengths: &[Uid], after: impl Fn(Uid)) {
    for (index, length) in (0..).zip(lengths) {
        go_to(start(1) + index * RATE_LIMIT);
        assert_ok!(commit(0, &row(*length)));
    }
    go_to(start(1 + DELAY));
    for length in lengths {
        assert_ok!(reveal(0, &row(*length)));
        after(*length);
    }
}

#[test]
fn entries_beyond_the_free_size_hold_a_deposit_until_the_row_is_replaced() {
    build_and_execute(|| {
        brain();
        reveal_all(&[256, 257, 2_047, 300], |length| {
            let beyond = Balance::from(length) - Balance::from(FREE_ROW_ENTRIES);
            assert_eq!(held(), beyond * 6 * PER_BYTE, "{length} entries");
            assert_eq!(Validators::<Test>::get(BRAIN, 0).unwrap().deposit, held());
        });
    });
}

#[test]
fn the_deposit_returns_when_the_validator_leaves() {
    build_and_execute(|| {
        brain();
        reveal_all(&[300], |_| ());
        assert!(held() > 0);
        remove(0);
        assert_eq!(held(), 0);
        assert_eq!(Balances::free_balance(WHO), FUNDS);
    });
}

#[test]
fn without_the_deposit_nothing_is_revealed() {
    build_and_execute(|| {
        brain();
        go_to(start(1));
        assert_ok!(commit(0, &row(2_047)));
        Balances::force_set_balance(RuntimeOrigin::root(), WHO, PER_BYTE).unwrap();
        go_to(start(1 + DELAY));
        assert_noop!(reveal(0, &row(2_047)), TokenError::FundsUnavailable);
    });
}
