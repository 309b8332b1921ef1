use based_primitives::constants::BASED;
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Accounts, Error, Event, Reservations};

fn close(id: u64) {
    assert_ok!(Compute::close(RuntimeOrigin::signed(owner()), id));
}

fn finish(id: u64) -> sp_runtime::DispatchResult {
    Compute::finish_close(RuntimeOrigin::signed(stranger()), id)
}

#[test]
fn a_closed_account_returns_what_nobody_redeemed() {
    build_and_execute(|| {
        let id = open(10 * BASED, 10 * BASED);
        assert_ok!(reserve(id, miner(0), 4 * BASED));
        assert_ok!(redeem(miner(0), vec![sign(voucher(id, BASED))]));
        close(id);
        System::assert_last_event(Event::Closing { id, until: 1 + GRACE }.into());
        System::set_block_number((2 + GRACE).into());
        assert_ok!(finish(id));
        System::assert_last_event(
            Event::Closed {
                id,
                returned: 9 * BASED,
            }
            .into(),
        );
        assert_eq!(free(&owner()), FUNDS - BASED);
        assert_eq!(Accounts::<Test>::get(id), None);
        assert_eq!(Reservations::<Test>::iter().count(), 0);
        assert_noop!(finish(id), Error::<Test>::NoAccount);
    });
}

#[test]
fn miners_redeem_until_the_grace_period_ends() {
    build_and_execute(|| {
        let id = open(10 * BASED, 10 * BASED);
        assert_ok!(reserve(id, miner(0), 4 * BASED));
        close(id);
        System::set_block_number((1 + GRACE).into());
        assert_noop!(finish(id), Error::<Test>::GraceNotOver);
        assert_ok!(redeem(miner(0), vec![sign(voucher(id, BASED))]));
        System::set_block_number((2 + GRACE).into());
        assert_noop!(
            redeem(miner(0), vec![sign(voucher(id, 2 * BASED))]),
            Error::<Test>::VoucherNoAccount
        );
    });
}

#[test]
fn a_closing_account_takes_no_new_commitments() {
    build_and_execute(|| {
        let id = open(BASED, BASED);
        assert_ok!(reserve(id, miner(0), 1));
        close(id);
        assert_noop!(reserve(id, miner(0), 1), Error::<Test>::AccountClosed);
        let owner = RuntimeOrigin::signed(owner());
        assert_noop!(
            Compute::top_up(owner.clone(), id, 1),
            Error::<Test>::AccountClosed
        );
        assert_noop!(Compute::close(owner, id), Error::<Test>::AlreadyClosing);
    });
}

#[test]
fn only_the_owner_closes_and_only_after_closing_it_ends() {
    build_and_execute(|| {
        let id = open(BASED, BASED);
        assert_noop!(
            Compute::close(RuntimeOrigin::signed(stranger()), id),
            Error::<Test>::NotOwner
        );
        System::set_block_number(5_000);
        assert_noop!(finish(id), Error::<Test>::GraceNotOver);
        // An expired account can still be closed.
        close(id);
    });
}

#[test]
fn closing_one_account_leaves_the_owners_others_alone() {
    build_and_execute(|| {
        let (first, second) = (open(3 * BASED, BASED), open(2 * BASED, BASED));
        close(first);
        System::set_block_number((2 + GRACE).into());
        assert_ok!(finish(first));
        assert_eq!(free(&owner()), FUNDS - 2 * BASED);
        assert!(Accounts::<Test>::contains_key(second));
    });
}
