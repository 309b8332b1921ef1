use based_primitives::{constants::BASED, Balance};
use frame_support::{
    assert_noop, assert_ok,
    storage::with_storage_layer,
    traits::fungible::{Inspect, InspectHold},
};
use sp_runtime::TokenError;

use crate::{mock::*, Deposits, HoldReason};

fn held(who: u64) -> Balance {
    Balances::balance_on_hold(&HoldReason::Deposit.into(), &who)
}

fn allow(who: u64, account: u64, allowed: bool) -> sp_runtime::DispatchResult {
    Brains::set_allowed(RuntimeOrigin::signed(who), BURNED, account, allowed)
}

#[test]
fn stored_bytes_are_held_and_released_to_the_unit() {
    build_and_execute(|| {
        // The setting takes an item of five bytes, an account another of eight.
        let setting = PER_ITEM + 5 * PER_BYTE;
        let entry = PER_ITEM + 8 * PER_BYTE;
        assert_ok!(allow(ALICE, 77, true));
        assert_eq!(held(ALICE), setting + entry);
        assert_ok!(allow(ALICE, 78, true));
        assert_eq!(held(ALICE), setting + 2 * entry);
        assert_ok!(allow(ALICE, 77, false));
        assert_ok!(allow(ALICE, 78, false));
        assert_eq!(held(ALICE), 0);
        assert_eq!(Balances::balance(&ALICE), 1_000 * BASED);

        let bns = Some(b"abc".to_vec().try_into().unwrap());
        assert_ok!(Brains::set_domains(
            RuntimeOrigin::signed(ALICE),
            BURNED,
            bns,
            None
        ));
        // The profile: tag, length, three letters, no ENS name, no proof, no template. The index: length and letters.
        assert_eq!(held(ALICE), 2 * PER_ITEM + (8 + 4) * PER_BYTE);
    });
}

#[test]
fn names_terms_and_tasks_need_no_deposit() {
    build_and_execute(|| {
        let alice = || RuntimeOrigin::signed(ALICE);
        assert_ok!(Brains::set_task(alice(), BURNED, task(1)));
        assert_ok!(Brains::set_name(
            alice(),
            BURNED,
            b"x".to_vec().try_into().unwrap()
        ));
        assert_ok!(Brains::set_terms(alice(), BURNED, 1, 1));
        assert_eq!(held(ALICE), 0);
        assert!(!Deposits::<Test>::contains_key(BURNED));
    });
}

#[test]
fn the_deposit_passes_on_with_the_brain() {
    build_and_execute(|| {
        assert_ok!(allow(ALICE, 77, true));
        let deposit = held(ALICE);
        assert_ok!(Brains::transfer(RuntimeOrigin::signed(ALICE), BURNED, BOB));
        assert_eq!((held(ALICE), held(BOB)), (0, deposit));
        assert_ok!(allow(BOB, 77, false));
        assert_eq!(Balances::balance(&BOB), 1_000 * BASED + deposit);
    });
}

#[test]
fn an_account_that_does_not_exist_receives_no_brain_with_a_deposit() {
    build_and_execute(|| {
        assert_ok!(allow(ALICE, 77, true));
        let transfer = || Brains::transfer(RuntimeOrigin::signed(ALICE), BURNED, POOR);
        assert_noop!(with_storage_layer(transfer), TokenError::CannotCreateHold);
        assert_ok!(allow(ALICE, 77, false));
        assert_ok!(transfer());
    });
}

#[test]
fn who_cannot_pay_stores_nothing() {
    build_and_execute(|| {
        assert_ok!(Brains::transfer(RuntimeOrigin::signed(ALICE), BURNED, POOR));
        let outcome = || allow(POOR, 77, true);
        assert_noop!(with_storage_layer(outcome), TokenError::FundsUnavailable);
    });
}
