use based_primitives::{constants::BASED, traits::SweepBrain, Balance, Role};
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold, weights::Weight};
use sp_runtime::TokenError;

use crate::{mock::*, Deposits, HoldReason};

fn held(who: u64) -> Balance {
    Balances::balance_on_hold(&HoldReason::Peer.into(), &who)
}

#[test]
fn a_deposit_is_held_until_the_peer_leaves_and_the_fee_is_not_returned() {
    build_and_execute(false, || {
        PeerDeposit::set(3 * BASED);
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        assert_eq!((free(ALICE), held(ALICE)), (897 * BASED, 3 * BASED));
        Registry::do_try_state().unwrap();
        // What it was, not what it would be now.
        PeerDeposit::set(9 * BASED);
        assert_ok!(memorize(ALICE, OTHER, Role::Validator));
        assert_eq!(held(ALICE), 12 * BASED);
        assert_ok!(Registry::leave(RuntimeOrigin::signed(ALICE), BRAIN));
        assert_eq!((free(ALICE), held(ALICE)), (791 * BASED, 9 * BASED));
        assert_ok!(Registry::leave(RuntimeOrigin::signed(ALICE), OTHER));
        assert_eq!((free(ALICE), held(ALICE)), (800 * BASED, 0));
        assert_eq!(Deposits::<Test>::iter().count(), 0);
    });
}

#[test]
fn who_cannot_afford_fee_and_deposit_does_not_join() {
    build_and_execute(false, || {
        PeerDeposit::set(900 * BASED);
        assert_noop!(memorize(ALICE, BRAIN, Role::Miner), TokenError::FundsUnavailable);
        PeerDeposit::set(900 * BASED - DEPOSIT);
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        assert_eq!(free(ALICE), DEPOSIT, "the existential deposit stays free");
    });
}

#[test]
fn peers_of_a_closed_brain_get_their_deposits_back() {
    build_and_execute(false, || {
        PeerDeposit::set(3 * BASED);
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        assert_ok!(memorize(BOB, BRAIN, Role::Validator));
        assert!(Registry::sweep(BRAIN, Weight::MAX).1);
        assert_eq!([held(ALICE), held(BOB)], [0, 0]);
        assert_eq!([free(ALICE), free(BOB)], [900 * BASED; 2]);
    });
}
