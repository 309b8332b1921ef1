use based_primitives::{constants::BASED, Purpose};
use frame_support::{assert_noop, assert_ok};
use sp_core::Pair;
use sp_runtime::{AccountId32, TokenError};

use crate::{mock::*, Accounts, Error, Event, Reservations, MAX_RESERVATIONS};

#[test]
fn opening_holds_the_deposit_on_the_owner() {
    build_and_execute(|| {
        let id = open(10 * BASED, 100 * BASED);
        assert_eq!(free(&owner()), FUNDS - 10 * BASED);
        let account = Accounts::<Test>::get(id).unwrap();
        assert_eq!(
            (account.balance, account.reserved, account.spent),
            (10 * BASED, 0, 0)
        );
        let spender = AccountId32::from(spender().public());
        System::assert_last_event(
            Event::AccountOpened {
                id,
                owner: owner(),
                spender,
            }
            .into(),
        );
        assert_ne!(open(BASED, BASED), id);
    });
}

#[test]
fn accounts_need_a_deposit_a_cap_and_a_future() {
    build_and_execute(|| {
        let open = |deposit, cap, expiry| {
            Compute::open(
                RuntimeOrigin::signed(owner()),
                stranger(),
                Purpose::Task,
                deposit,
                cap,
                expiry,
            )
        };
        assert_noop!(open(MINIMUM - 1, BASED, 10), Error::<Test>::DepositTooSmall);
        assert_noop!(open(MINIMUM, 0, 10), Error::<Test>::ZeroAmount);
        assert_noop!(open(MINIMUM, BASED, 1), Error::<Test>::InvalidExpiry);
        assert_noop!(open(FUNDS + BASED, BASED, 10), TokenError::FundsUnavailable);
        assert_ok!(open(MINIMUM, BASED, 2));
    });
}

#[test]
fn only_the_owner_tops_up() {
    build_and_execute(|| {
        let id = open(BASED, BASED);
        assert_ok!(Compute::top_up(RuntimeOrigin::signed(owner()), id, BASED));
        assert_eq!(Accounts::<Test>::get(id).unwrap().balance, 2 * BASED);
        assert_eq!(free(&owner()), FUNDS - 2 * BASED);
        let top_up = |who, id, amount| Compute::top_up(RuntimeOrigin::signed(who), id, amount);
        assert_noop!(top_up(stranger(), id, BASED), Error::<Test>::NotOwner);
        assert_noop!(top_up(owner(), id, 0), Error::<Test>::ZeroAmount);
        assert_noop!(top_up(owner(), 99, BASED), Error::<Test>::NoAccount);
        System::set_block_number((EXPIRY + 1).into());
        assert_noop!(top_up(owner(), id, BASED), Error::<Test>::AccountClosed);
    });
}

#[test]
fn owner_and_spender_reserve_from_what_is_left() {
    build_and_execute(|| {
        let id = open(10 * BASED, 100 * BASED);
        assert_ok!(reserve(id, miner(0), 4 * BASED));
        let by_spender = RuntimeOrigin::signed(spender().public().into());
        assert_ok!(Compute::reserve(by_spender, id, BRAIN, miner(0), BASED));
        System::assert_last_event(
            Event::Reserved {
                id,
                miner: miner(0),
                brain: BRAIN,
                amount: BASED,
                total: 5 * BASED,
            }
            .into(),
        );
        let account = Accounts::<Test>::get(id).unwrap();
        assert_eq!(
            (account.balance, account.reserved, account.reservations),
            (5 * BASED, 5 * BASED, 1)
        );
        assert_noop!(
            reserve(id, miner(1), 5 * BASED + 1),
            Error::<Test>::InsufficientBalance
        );
        assert_ok!(reserve(id, miner(1), 5 * BASED));
        assert_eq!(free(&owner()), FUNDS - 10 * BASED);
    });
}

#[test]
fn strangers_do_not_reserve() {
    build_and_execute(|| {
        let id = open(BASED, BASED);
        assert_noop!(
            Compute::reserve(RuntimeOrigin::signed(stranger()), id, BRAIN, miner(0), 1),
            Error::<Test>::NotSpender
        );
        assert_noop!(reserve(id, miner(0), 0), Error::<Test>::ZeroAmount);
        assert_noop!(reserve(99, miner(0), 1), Error::<Test>::NoAccount);
    });
}

#[test]
fn only_miners_of_the_brain_are_reserved_for() {
    build_and_execute(|| {
        let id = open(BASED, BASED);
        // A validator, and nobody at all.
        assert_noop!(reserve(id, stranger(), 1), Error::<Test>::NotMiner);
        assert_noop!(
            reserve(id, AccountId32::new([200; 32]), 1),
            Error::<Test>::NotMiner
        );
        assert_ok!(reserve(id, miner(0), 1));
        assert_noop!(
            Compute::reserve(RuntimeOrigin::signed(owner()), id, OTHER_BRAIN, miner(0), 1),
            Error::<Test>::BrainMismatch
        );
    });
}

#[test]
fn the_cap_binds_spent_and_reserved_together() {
    build_and_execute(|| {
        let id = open(10 * BASED, 3 * BASED);
        assert_noop!(reserve(id, miner(0), 3 * BASED + 1), Error::<Test>::CapExceeded);
        assert_ok!(reserve(id, miner(0), 2 * BASED));
        assert_ok!(redeem(miner(0), vec![sign(voucher(id, 2 * BASED))]));
        assert_noop!(reserve(id, miner(0), BASED + 1), Error::<Test>::CapExceeded);
        assert_ok!(reserve(id, miner(0), BASED));
    });
}

#[test]
fn the_33rd_reservation_is_refused() {
    build_and_execute(|| {
        let id = open(BASED, BASED);
        for number in 0..MAX_RESERVATIONS as u8 {
            assert_ok!(reserve(id, miner(number), 1));
        }
        assert_noop!(reserve(id, miner(32), 1), Error::<Test>::TooManyReservations);
        assert_ok!(reserve(id, miner(5), 1));
        assert_eq!(Reservations::<Test>::get(id, miner(5)).unwrap().reserved, 2);
    });
}

#[test]
fn an_expired_account_reserves_nothing() {
    build_and_execute(|| {
        let id = open(BASED, BASED);
        System::set_block_number(EXPIRY.into());
        assert_ok!(reserve(id, miner(0), 1));
        System::set_block_number((EXPIRY + 1).into());
        assert_noop!(reserve(id, miner(0), 1), Error::<Test>::AccountClosed);
    });
}
