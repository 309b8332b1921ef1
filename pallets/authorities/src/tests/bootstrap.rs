//! How a network passes from the producers of genesis to those whom stake elects (F.2-5).

use frame_support::assert_ok;

use crate::{mock::*, Bootstrap, Event};

#[test]
fn without_candidates_the_producers_of_genesis_go_on() {
    build_and_execute(|| {
        run_sessions(4, &[]);
        assert_eq!(producers(), GENESIS);
        let elections = System::events()
            .into_iter()
            .filter(|record| matches!(record.event, RuntimeEvent::Authorities(Event::Elected { .. })));
        assert_eq!(
            elections.count(),
            0,
            "an unchanged set is not announced to the engines"
        );
    });
}

#[test]
fn silent_producers_of_genesis_stay_since_nobody_could_replace_them() {
    build_and_execute(|| {
        run_sessions(6, &[2]);
        assert_eq!(producers(), GENESIS);
    });
}

#[test]
fn candidates_join_one_by_one_until_enough_have_written_blocks() {
    build_and_execute(|| {
        for who in [10, 11, 12] {
            assert_ok!(opt_in(who));
        }
        run_sessions(1, &[]);
        assert_eq!(
            producers(),
            GENESIS,
            "an election counts from the session after the next"
        );
        run_sessions(1, &[]);
        assert_eq!(
            producers(),
            [1, 2, 3, 12],
            "one newcomer beside three, the one with most stake"
        );
        run_sessions(2, &[]);
        assert_eq!(
            producers(),
            [1, 2, 3, 11, 12],
            "four have shown that they run: one newcomer more"
        );
        assert!(!Bootstrap::<Test>::get().is_empty());
        // With two proven candidates the producers of genesis leave; the third candidate's turn comes later.
        run_sessions(2, &[]);
        assert_eq!(producers(), [11, 12]);
        assert!(Bootstrap::<Test>::get().is_empty());
    });
}

#[test]
fn candidates_without_a_node_never_take_over() {
    build_and_execute(|| {
        let fakes = [10, 11, 12, 13, 14, 15];
        for who in fakes {
            assert_ok!(opt_in(who));
        }
        for _ in 0..20 {
            run_sessions(1, &fakes);
            let silent = producers().iter().filter(|who| fakes.contains(who)).count();
            assert!(
                silent * 3 < producers().len(),
                "{silent} of {}",
                producers().len()
            );
            assert!(GENESIS.iter().all(|who| producers().contains(who)));
        }
        assert!(!Bootstrap::<Test>::get().is_empty());
    });
}

#[test]
fn a_network_of_one_takes_no_newcomer_that_could_stop_it() {
    build_with(&[1], || {
        assert_ok!(opt_in(10));
        run_sessions(4, &[]);
        assert_eq!(producers(), [1]);
    });
}

#[test]
fn a_producer_of_genesis_that_is_a_candidate_is_counted_once() {
    build_with(&[1, 2, 10], || {
        assert_ok!(opt_in(10));
        assert_ok!(opt_in(11));
        run_sessions(2, &[]);
        assert_eq!(producers(), [1, 2, 10, 11]);
    });
}
