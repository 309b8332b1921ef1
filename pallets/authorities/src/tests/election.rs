//! Who is elected.

use frame_support::assert_ok;

use crate::{mock::*, Bootstrap, Operators};

/// A network past its start: these candidates have written blocks.
fn grown(candidates: &[u64], test: impl FnOnce()) {
    build_and_execute(|| {
        Bootstrap::<Test>::kill();
        for who in candidates {
            assert_ok!(opt_in(*who));
            prove(*who);
        }
        test();
    });
}

fn prove(who: u64) {
    Operators::<Test>::mutate(who, |operator| operator.as_mut().unwrap().proven = true);
}

#[test]
fn the_most_backed_are_elected_up_to_the_limit_and_listed_by_account() {
    grown(&VALIDATORS, || {
        assert_eq!(Authorities::elect(), [12, 13, 14, 15, 16, 17]);
        set_stake(10, 100 * MINIMUM);
        assert_eq!(Authorities::elect(), [10, 13, 14, 15, 16, 17]);
    });
}

#[test]
fn of_equal_backing_the_lower_account_is_elected() {
    grown(&VALIDATORS, || {
        for who in VALIDATORS {
            set_stake(who, 5 * MINIMUM);
        }
        assert_eq!(Authorities::elect(), [10, 11, 12, 13, 14, 15]);
        set_stake(17, 5 * MINIMUM + 1);
        assert_eq!(Authorities::elect(), [10, 11, 12, 13, 14, 17]);
    });
}

#[test]
fn who_lost_backing_keys_or_its_place_in_the_brain_is_passed_over() {
    grown(&[10, 11, 12, 13], || {
        set_stake(10, MINIMUM - 1);
        remove_keys(11);
        leave_brain(12);
        assert_eq!(Authorities::elect(), [13]);
        set_stake(10, MINIMUM);
        assert_eq!(Authorities::elect(), [10, 13]);
    });
}

#[test]
fn newcomers_stay_below_a_third_even_with_the_most_stake() {
    grown(&[10, 11, 12, 13, 14], || {
        for who in [15, 16, 17] {
            assert_ok!(opt_in(who));
        }
        // Six seats: one newcomer beside five that are proven.
        assert_eq!(Authorities::elect(), [10, 11, 12, 13, 14, 17]);
        prove(17);
        assert_eq!(Authorities::elect(), [11, 12, 13, 14, 16, 17]);
    });
}

#[test]
fn with_nobody_to_elect_the_last_set_goes_on() {
    grown(&[], || {
        run_sessions(3, &[]);
        assert_eq!(producers(), GENESIS);
    });
}

#[test]
fn the_window_keeps_its_sessions_and_no_more() {
    build_and_execute(|| {
        run_sessions(9, &[]);
        assert_eq!(forgotten(), 5);
        let mut kept: Vec<_> = crate::SessionStarts::<Test>::iter().collect();
        kept.sort_unstable();
        let expected: Vec<_> = (5..=9).map(|session| (session, session * SESSION)).collect();
        assert_eq!(kept, expected);
    });
}
