//! Opting in and out, and the bond.

use based_primitives::constants::BASED;
use based_primitives::traits::ProducerInspect;
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Candidates, ChillReason, Error, Event, Operators};

#[test]
fn a_candidate_is_a_validator_with_keys_backing_and_a_bond() {
    build_and_execute(|| {
        assert_noop!(opt_in(100), Error::<Test>::NotValidator);
        assert_noop!(opt_in(5), Error::<Test>::NotValidator);
        remove_keys(10);
        assert_noop!(opt_in(10), Error::<Test>::NoSessionKeys);
        set_stake(11, MINIMUM - 1);
        assert_noop!(opt_in(11), Error::<Test>::BackingTooSmall);
        set_stake(11, MINIMUM);
        assert_ok!(opt_in(11));
        System::assert_last_event(Event::OptedIn { who: 11, bond: BOND }.into());
        assert_eq!(held(11), BOND);
        assert_noop!(opt_in(11), Error::<Test>::AlreadyRunning);
        assert_ok!(Balances::transfer_allow_death(
            RuntimeOrigin::signed(12),
            1,
            1_000 * BASED - BOND + 1
        ));
        assert!(opt_in(12).is_err(), "the bond must be there");
        assert_eq!(Candidates::<Test>::get().into_inner(), [11]);
    });
}

#[test]
fn whoever_was_never_elected_leaves_with_its_bond_at_once() {
    build_and_execute(|| {
        assert_ok!(opt_in(10));
        assert_noop!(withdraw_bond(10), Error::<Test>::StillRunning);
        assert_ok!(opt_out(10));
        System::assert_last_event(
            Event::Chilled {
                who: 10,
                reason: ChillReason::OptedOut,
            }
            .into(),
        );
        assert_noop!(opt_out(10), Error::<Test>::NotRunning);
        assert_ok!(withdraw_bond(10));
        assert_eq!((held(10), Balances::free_balance(10)), (0, 1_000 * BASED));
        assert_noop!(withdraw_bond(10), Error::<Test>::NoOperator);
    });
}

#[test]
fn a_producer_leaves_once_its_offences_can_no_longer_be_reported() {
    build_and_execute(|| {
        assert_ok!(opt_in(10));
        assert!(!Authorities::is_exposed(&10));
        run_sessions(3, &[]);
        assert!(producers().contains(&10) && Authorities::is_exposed(&10));
        assert_ok!(opt_out(10));
        run_sessions(2, &[]);
        assert!(!producers().contains(&10), "the set that had it has ended");
        let until = Operators::<Test>::get(10).unwrap().exposed_until;
        assert_eq!(until, now() + WINDOW);
        run_blocks(WINDOW - 1);
        assert_noop!(withdraw_bond(10), Error::<Test>::StillExposed);
        assert!(Authorities::is_exposed(&10));
        run_blocks(1);
        assert!(!Authorities::is_exposed(&10));
        assert_ok!(withdraw_bond(10));
        assert_eq!(held(10), 0);
    });
}

#[test]
fn opting_in_again_needs_no_second_bond() {
    build_and_execute(|| {
        assert_ok!(opt_in(10));
        assert_ok!(opt_out(10));
        assert_ok!(opt_in(10));
        assert_eq!(held(10), BOND);
    });
}

#[test]
fn a_full_list_gives_way_to_more_stake_only() {
    build_and_execute(|| {
        for who in VALIDATORS {
            assert_ok!(opt_in(who));
        }
        set_stake(20, 10 * MINIMUM);
        assert_noop!(opt_in(20), Error::<Test>::CandidatesFull);
        set_stake(20, 10 * MINIMUM + 1);
        assert_ok!(opt_in(20));
        System::assert_has_event(
            Event::Chilled {
                who: 10,
                reason: ChillReason::Displaced,
            }
            .into(),
        );
        assert_eq!(
            Candidates::<Test>::get().into_inner(),
            [11, 12, 13, 14, 15, 16, 17, 20]
        );
        assert_ok!(withdraw_bond(10));
    });
}
