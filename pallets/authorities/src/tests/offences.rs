//! What an equivocation costs.

use based_primitives::{constants::PPB, traits::ProducerInspect};
use frame_support::{assert_noop, assert_ok, traits::Get};
use sp_staking::offence::{OffenceError, ReportOffence};

use crate::{mock::*, slash_part, Barred, Bootstrap, ChillReason, Error, Event, PendingSlashes};

#[test]
fn a_slash_grows_with_the_square_of_those_who_equivocate() {
    let table = [
        // Alone among many the least part, a third of all loses everything.
        (1, 100, 50_000_000),
        (10, 100, 90_000_000),
        (20, 100, 360_000_000),
        (33, 100, 980_100_000),
        (34, 100, PPB),
        (1, 3, PPB),
        (1, 4, 562_500_000),
        (u32::MAX, 1, PPB),
        (1, u32::MAX, 50_000_000),
        (u32::MAX, u32::MAX, PPB),
        (0, 0, 50_000_000),
    ];
    for (offenders, producers, part) in table {
        assert_eq!(
            slash_part(offenders, producers),
            part,
            "{offenders} of {producers}"
        );
    }
}

#[test]
fn an_equivocator_is_disabled_barred_and_slashed_in_the_next_block() {
    build_and_execute(|| {
        assert_ok!(opt_in(10));
        run_sessions(2, &[]);
        assert!(producers().contains(&10));
        let (issuance, stake) = (Balances::total_issuance(), 10 * MINIMUM);
        let treasury = Balances::free_balance(TREASURY);
        assert_ok!(report(10, session(), 4).map_err(|_| "refused"));
        assert_eq!(disabled(), [10]);
        System::assert_has_event(
            Event::Chilled {
                who: 10,
                reason: ChillReason::Equivocated,
            }
            .into(),
        );
        assert_eq!(held(10), BOND, "the slash follows");
        assert_noop!(withdraw_bond(10), Error::<Test>::StillExposed);
        run_blocks(1);
        let part = slash_part(1, 4);
        let bond = BOND / 16 * 9;
        System::assert_has_event(
            Event::Slashed {
                who: 10,
                bond,
                stake: stake / 16 * 9,
            }
            .into(),
        );
        assert_eq!(stake_slashes(), [(10, part, 2 * SESSION)]);
        assert_eq!(held(10), BOND - bond);
        assert_eq!(Balances::free_balance(TREASURY), treasury + bond);
        assert_eq!(
            Balances::total_issuance(),
            issuance,
            "slashed money goes to the treasury, all of it"
        );
        assert!(PendingSlashes::<Test>::get().is_empty());
        assert_noop!(opt_in(10), Error::<Test>::Barred);
        run_sessions(2, &[]);
        assert_eq!(producers(), GENESIS);
        assert!(Authorities::is_exposed(&10));
    });
}

#[test]
fn an_account_is_slashed_once() {
    build_and_execute(|| {
        assert_ok!(opt_in(10));
        run_sessions(2, &[]);
        assert_ok!(report(10, session(), 4).map_err(|_| "refused"));
        assert_eq!(report(10, session(), 4), Err(OffenceError::DuplicateReport));
        let known = <Authorities as ReportOffence<u64, (u64, ()), Equivocation>>::is_known_offence;
        assert!(known(&[(10, ())], &0));
        assert!(!known(&[(10, ()), (1, ())], &0));
        run_blocks(3);
        assert_eq!(stake_slashes().len(), 1);
    });
}

#[test]
fn equivocations_within_the_window_count_together_and_later_ones_alone() {
    build_and_execute(|| {
        for who in [10, 11, 12] {
            assert_ok!(opt_in(who));
        }
        run_sessions(1, &[]);
        assert_ok!(report(10, session(), 10).map_err(|_| "refused"));
        run_blocks(WINDOW / 2);
        assert_ok!(report(11, session(), 10).map_err(|_| "refused"));
        run_blocks(WINDOW + 1);
        assert_ok!(report(12, session(), 10).map_err(|_| "refused"));
        let part = |who: u64| Barred::<Test>::get(who).unwrap().part;
        assert_eq!(
            (part(10), part(11), part(12)),
            (90_000_000, 360_000_000, 90_000_000)
        );
    });
}

#[test]
fn an_offence_beyond_the_window_is_not_taken() {
    build_and_execute(|| {
        assert_ok!(opt_in(10));
        run_sessions(9, &[]);
        assert_eq!(report(10, 4, 4), Err(OffenceError::DuplicateReport));
        assert_ok!(report(10, 5, 4).map_err(|_| "refused"));
        run_blocks(1);
        assert_eq!(stake_slashes(), [(10, slash_part(1, 4), 5 * SESSION)]);
    });
}

#[test]
fn a_producer_of_genesis_that_equivocates_leaves_without_a_bond_to_take() {
    build_and_execute(|| {
        assert_ok!(report(2, 0, 3).map_err(|_| "refused"));
        assert_eq!(Bootstrap::<Test>::get().into_inner(), [1, 3]);
        run_sessions(2, &[]);
        assert_eq!(producers(), [1, 3]);
    });
}

#[test]
fn slashes_are_carried_out_one_in_each_block() {
    build_and_execute(|| {
        for who in [10, 11, 12] {
            assert_ok!(opt_in(who));
            assert_ok!(report(who, 0, 100).map_err(|_| "refused"));
        }
        for done in 1..=3 {
            run_blocks(1);
            assert_eq!(stake_slashes().len(), done);
        }
    });
}

#[test]
fn as_many_slashes_wait_as_a_session_has_producers() {
    build_and_execute(|| {
        let limit: u32 = <<Test as crate::Config>::MaxProducers as Get<u32>>::get();
        for (index, who) in VALIDATORS.into_iter().enumerate() {
            let taken = report(who, 0, 100).is_ok();
            assert_eq!(taken, index < limit as usize);
            assert_eq!(
                Barred::<Test>::contains_key(who),
                taken,
                "what is refused can be reported again"
            );
        }
    });
}
