//! Producers that write nothing are replaced (F.2-5).

use frame_support::assert_ok;

use crate::{mock::*, Bootstrap, ChillReason, Event, Operators};

fn four_producers(test: impl FnOnce()) {
    build_and_execute(|| {
        Bootstrap::<Test>::kill();
        for who in [10, 11, 12, 13] {
            assert_ok!(opt_in(who));
            Operators::<Test>::mutate(who, |operator| operator.as_mut().unwrap().proven = true);
        }
        run_sessions(2, &[]);
        assert_eq!(producers(), [10, 11, 12, 13]);
        test();
    });
}

#[test]
fn a_producer_silent_for_sixteen_expected_blocks_is_replaced() {
    four_producers(|| {
        run_sessions(1, &[12]);
        System::assert_has_event(
            Event::Chilled {
                who: 12,
                reason: ChillReason::Silent,
            }
            .into(),
        );
        assert_eq!(queued(), [10, 11, 13]);
        run_sessions(1, &[12]);
        assert_eq!(producers(), [10, 11, 13]);
        assert_eq!(held(12), BOND, "silence costs the place, not the bond");
    });
}

#[test]
fn one_block_ends_the_count() {
    four_producers(|| {
        run_blocks(SESSION / 2);
        <Authorities as pallet_authorship::EventHandler<u64, u64>>::note_author(12);
        run_sessions(1, &[12]);
        assert_eq!(Operators::<Test>::get(12).unwrap().idle, 0);
        assert!(Operators::<Test>::get(12).unwrap().running);
    });
}

#[test]
fn whoever_comes_back_is_a_newcomer_again() {
    four_producers(|| {
        run_sessions(3, &[12]);
        assert_ok!(opt_in(12));
        let operator = Operators::<Test>::get(12).unwrap();
        assert!(operator.running && !operator.proven && operator.idle == 0);
        run_sessions(2, &[]);
        assert_eq!(producers(), [10, 11, 12, 13]);
        run_sessions(1, &[]);
        assert!(Operators::<Test>::get(12).unwrap().proven);
    });
}
