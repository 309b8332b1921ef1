//! The house of Pepecoin: what votes is frozen, and a majority against sends a proposal back once (R156, B.21, F.2-3).

use frame_support::{assert_noop, assert_ok, traits::tokens::fungible::Mutate, traits::tokens::Preservation};

use crate::{mock::*, Ballots, Error, Event, HoldReason};

type E = Error<Test>;

fn tally(id: u32) -> (u128, u128) {
    (proposal(id).pepecoin_ayes, proposal(id).pepecoin_nays)
}

fn send(from: u64, to: u64, amount: u128) -> bool {
    <Pepecoin as Mutate<u64>>::transfer(&from, &to, amount, Preservation::Expendable).is_ok()
}

#[test]
fn pepecoin_that_votes_is_frozen_until_the_proposal_closes() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let id = labs_propose();
        assert_ok!(vote_with_pepecoin(BOB, id, true, 9_000 * PEPE));
        assert_eq!(frozen(BOB), 9_000 * PEPE);
        assert_eq!(held(HoldReason::Ballots, BOB), BALLOT_DEPOSIT);
        assert!(!send(BOB, STRANGER, 1_001 * PEPE), "it could vote twice");
        assert!(send(BOB, STRANGER, 999 * PEPE));
        assert_noop!(release(BOB), E::NothingToRelease);
        run_to(proposal(id).ends_at + 1);
        assert_noop!(release(BOB), E::NothingToRelease);
        assert_ok!(close(id));
        assert_eq!(frozen(BOB), 9_000 * PEPE);
        assert_ok!(release(BOB));
        assert_eq!(
            last_event(),
            Event::Released {
                account: BOB,
                frozen: 0
            }
        );
        assert_eq!((frozen(BOB), held(HoldReason::Ballots, BOB)), (0, 0));
        assert!(!Ballots::<Test>::contains_key(BOB));
        assert!(send(BOB, STRANGER, 9_001 * PEPE));
        assert_noop!(release(BOB), E::NothingToRelease);
    });
}

#[test]
fn the_same_pepecoin_counts_once_for_each_proposal() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let (first, second) = (labs_propose(), labs_propose());
        assert_ok!(vote_with_pepecoin(BOB, first, true, 7 * PEPE));
        assert_ok!(vote_with_pepecoin(BOB, second, false, 5 * PEPE));
        assert_eq!(frozen(BOB), 7 * PEPE);
        assert_eq!((tally(first), tally(second)), ((7 * PEPE, 0), (0, 5 * PEPE)));
        assert_eq!(held(HoldReason::Ballots, BOB), BALLOT_DEPOSIT);
        run_to(proposal(first).ends_at + 1);
        assert_ok!(close(first));
        assert_ok!(release(BOB));
        assert_eq!(frozen(BOB), 5 * PEPE, "the other is open");
    });
}

#[test]
fn a_ballot_can_be_changed_in_side_and_size() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let id = labs_propose();
        assert_ok!(vote_with_pepecoin(BOB, id, true, 10 * PEPE));
        assert_ok!(vote_with_pepecoin(CAROL, id, true, 3 * PEPE));
        assert_noop!(vote_with_pepecoin(BOB, id, true, 10 * PEPE), E::SameVote);
        assert_ok!(vote_with_pepecoin(BOB, id, false, 10 * PEPE));
        assert_eq!(tally(id), (3 * PEPE, 10 * PEPE));
        assert_ok!(vote_with_pepecoin(BOB, id, false, 4 * PEPE));
        assert_eq!(tally(id), (3 * PEPE, 4 * PEPE));
        assert_eq!(frozen(BOB), 4 * PEPE);
        assert_ok!(vote_with_pepecoin(BOB, id, false, 40 * PEPE));
        assert_eq!((tally(id), frozen(BOB)), ((3 * PEPE, 40 * PEPE), 40 * PEPE));
    });
}

#[test]
fn amounts_are_refused_below_the_minimum_and_above_the_balance() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let id = labs_propose();
        for amount in [0, 1, PEPE - 1] {
            assert_noop!(vote_with_pepecoin(BOB, id, true, amount), E::BallotTooSmall);
        }
        for amount in [FUNDS + 1, u128::MAX - 1, u128::MAX] {
            assert_noop!(vote_with_pepecoin(BOB, id, true, amount), E::InsufficientPepecoin);
        }
        assert_noop!(vote_with_pepecoin(1_000, id, true, PEPE), E::InsufficientPepecoin);
        assert_ok!(vote_with_pepecoin(BOB, id, true, PEPE));
        assert_ok!(vote_with_pepecoin(BOB, id, true, FUNDS));
    });
}

#[test]
fn a_ballot_without_its_deposit_is_refused() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let id = labs_propose();
        assert!(send(BOB, 1_000, 10 * PEPE));
        let root = || sp_io::storage::root(sp_runtime::StateVersion::V1);
        let before = root();
        let refused = frame_support::storage::with_storage_layer(|| {
            Governance::vote_with_pepecoin(RuntimeOrigin::signed(1_000), id, true, PEPE)
        });
        assert!(refused.is_err());
        assert_eq!(root(), before);
    });
}

#[test]
fn a_majority_against_sends_a_proposal_back_once() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        let id = labs_propose();
        assert_ok!(vote(ALICE, id, 10, true));
        assert_ok!(vote_with_pepecoin(CAROL, id, true, 5 * PEPE));
        assert_ok!(vote_with_pepecoin(STRANGER, id, false, 5 * PEPE + 1));
        run_and_close(id);
        assert_eq!(
            last_event(),
            Event::SentBack {
                id,
                by_default: true,
                eligible: 2,
                ends_at: now() + ROOT.voting - 1
            }
        );
        let second = proposal(id);
        assert_eq!((second.ayes, second.nays), (0, 0), "GigaBrains vote anew");
        assert_eq!(held(HoldReason::Proposal, LABS), DEPOSIT);
        // What voted stays frozen, and has no further say.
        assert_noop!(release(STRANGER), E::NothingToRelease);
        assert_noop!(vote_with_pepecoin(CAROL, id, true, 9 * PEPE), E::AlreadySentBack);
        assert_noop!(close(id), E::VotingOpen);
        run_and_close(id);
        assert!(matches!(last_event(), Event::Passed { .. }));
        assert_ok!(release(STRANGER));
        assert_eq!(frozen(STRANGER), 0);
    });
}

#[test]
fn a_tie_of_pepecoin_sends_nothing_back() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let id = labs_propose();
        assert_ok!(vote_with_pepecoin(CAROL, id, true, 5 * PEPE));
        assert_ok!(vote_with_pepecoin(STRANGER, id, false, 5 * PEPE));
        run_and_close(id);
        assert!(matches!(last_event(), Event::Passed { .. }));
    });
}

#[test]
fn pepecoin_saves_nothing_that_gigabrains_reject() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let id = labs_propose();
        assert_ok!(vote(ALICE, id, 10, false));
        assert_ok!(vote_with_pepecoin(CAROL, id, true, FUNDS));
        run_and_close(id);
        assert!(matches!(last_event(), Event::Rejected { .. }));
    });
}

#[test]
fn the_second_vote_has_a_new_electorate_and_the_rule_of_its_time() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        skip_to(YEAR - ROOT.voting + 1);
        let id = labs_propose();
        assert_ok!(vote_with_pepecoin(CAROL, id, false, PEPE));
        skip_to(YEAR + 1);
        brain(11, BOB, BASED_STAKE);
        run_cycles();
        assert_ok!(close(id));
        let second = proposal(id);
        assert!(second.sent_back && !second.by_default);
        assert_eq!(second.eligible, 2);
        assert_ok!(vote(BOB, id, 11, true));
        run_and_close(id);
        assert!(matches!(last_event(), Event::Passed { .. }));
    });
}

const BASED_STAKE: u128 = based_primitives::constants::BASED;

#[test]
fn ballots_on_closed_proposals_make_room_for_others() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        for _ in 0..5 {
            for _ in 0..4 {
                let id = labs_propose();
                assert_ok!(vote_with_pepecoin(BOB, id, true, PEPE));
            }
            let open: Vec<u32> = crate::Open::<Test>::get().iter().map(|(id, _)| *id).collect();
            run_to(proposal(open[3]).ends_at + 1);
            for id in open {
                assert_ok!(close(id));
            }
        }
        assert_eq!(Ballots::<Test>::get(BOB).len(), 4);
    });
}
