//! More than half of the GigaBrains pull the brake.

use based_primitives::constants::BASED;
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, BrakeCalls, Error, Event};

type E = Error<Test>;

#[test]
fn more_than_half_within_the_window_pull_it() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB, CAROL, CAROL]);
        assert_ok!(pull_brake(ALICE, 10));
        assert_ok!(pull_brake(BOB, 11));
        assert_eq!(
            last_event(),
            Event::BrakeCalled {
                brain: 11,
                calls: 2,
                eligible: 4
            }
        );
        assert_eq!(Pulled::get(), 0, "half is not enough");
        skip_to(now() + WINDOW);
        assert_ok!(pull_brake(CAROL, 12));
        assert_eq!((Pulled::get(), last_event()), (1, Event::BrakePulled));
        assert!(!BrakeCalls::<Test>::exists());
        // It can be pulled again, by as many.
        assert_ok!(pull_brake(ALICE, 10));
        assert_eq!(Pulled::get(), 1);
    });
}

#[test]
fn calls_lapse_with_the_window() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB, CAROL]);
        assert_ok!(pull_brake(ALICE, 10));
        skip_to(now() + WINDOW + 1);
        assert_ok!(pull_brake(BOB, 11));
        assert_eq!(Pulled::get(), 0);
        assert_ok!(pull_brake(ALICE, 10));
        assert_eq!(Pulled::get(), 1);
    });
}

#[test]
fn only_owners_of_gigabrains_call_and_once() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB, CAROL]);
        brain(20, STRANGER, 0);
        assert_noop!(pull_brake(STRANGER, 10), E::NotBrainOwner);
        assert_noop!(pull_brake(STRANGER, 20), E::NotGigaBrain);
        assert_noop!(pull_brake(STRANGER, 21), E::NotBrainOwner);
        assert_ok!(pull_brake(ALICE, 10));
        assert_noop!(pull_brake(ALICE, 10), E::AlreadyCalled);
    });
}

#[test]
fn who_is_no_gigabrain_any_more_does_not_count() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB, CAROL]);
        let eligible = crate::GigaBrains::<Test>::get();
        assert_ok!(pull_brake(ALICE, 10));
        crate::GigaBrains::<Test>::mutate(|brains| brains.retain(|brain| *brain != 10));
        assert_ok!(pull_brake(BOB, 11));
        assert_eq!(
            last_event(),
            Event::BrakeCalled {
                brain: 11,
                calls: 1,
                eligible: 2
            }
        );
        crate::GigaBrains::<Test>::put(eligible);
    });
}

#[test]
fn administrative_brains_do_not_brake_in_the_first_year() {
    build_and_execute(|| {
        brain(2, LABS, BASED);
        brain(10, ALICE, BASED);
        run_cycles();
        assert_noop!(pull_brake(LABS, 2), E::NotGigaBrain);
        assert_ok!(pull_brake(ALICE, 10));
        assert_eq!(Pulled::get(), 1, "one of one is more than half");
    });
}

#[test]
fn a_brake_that_fails_leaves_the_calls_as_they_were() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        BrakeWorks::set(false);
        let pulled = frame_support::storage::with_storage_layer(|| pull_brake(ALICE, 10));
        assert!(pulled.is_err());
        BrakeWorks::set(true);
        assert_ok!(pull_brake(ALICE, 10));
    });
}
