//! What passes (R157, B.21, F.2-4), and what becomes of deposits.

use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event, HoldReason, Open, Proposals};

#[test]
fn in_the_first_year_based_labs_proposals_pass_in_silence() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        let id = labs_propose();
        run_and_close(id);
        assert_eq!(
            last_event(),
            Event::Passed {
                id,
                enacted_at: now() + ROOT.enactment
            }
        );
        assert!(Proposals::<Test>::iter().next().is_none() && Open::<Test>::get().is_empty());
    });
}

#[test]
fn without_an_eligible_gigabrain_nothing_passes_by_default() {
    build_and_execute(|| {
        let id = labs_propose();
        assert!(proposal(id).by_default && proposal(id).eligible == 0);
        run_and_close(id);
        assert_eq!(last_event(), Event::Rejected { id, forfeited: 0 });
        assert_eq!(held(HoldReason::Proposal, LABS), 0);
    });
}

#[test]
fn what_others_propose_does_not_pass_in_silence() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        let id = brain_propose(ALICE, 10);
        run_and_close(id);
        assert_eq!(last_event(), Event::Rejected { id, forfeited: 0 });
    });
}

#[test]
fn the_default_ends_with_the_first_year() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        // The last round of voting that lies in the first year, and the first that does not.
        skip_to(YEAR - ROOT.voting + 1);
        let last = labs_propose();
        assert_eq!(proposal(last).ends_at, YEAR);
        assert!(proposal(last).by_default);
        skip_to(YEAR - ROOT.voting + 2);
        let late = labs_propose();
        assert!(!proposal(late).by_default);
        skip_to(YEAR + 2);
        assert_ok!(close(last));
        assert!(matches!(last_event(), Event::Passed { .. }));
        assert_ok!(close(late));
        assert!(matches!(last_event(), Event::Rejected { .. }));
    });
}

#[test]
fn after_the_first_year_a_majority_passes_it() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB, CAROL]);
        skip_to(YEAR + 1);
        let id = brain_propose(ALICE, 10);
        assert_ok!(vote(ALICE, id, 10, true));
        assert_ok!(vote(BOB, id, 11, false));
        assert_ok!(vote(CAROL, id, 12, true));
        skip_to(proposal(id).ends_at + 1);
        assert_ok!(close(id));
        assert!(matches!(last_event(), Event::Passed { .. }));
        assert_eq!(held(HoldReason::Proposal, ALICE), 0);
    });
}

#[test]
fn who_is_voted_down_loses_the_deposit_to_the_treasury() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB, CAROL]);
        let id = labs_propose();
        assert_ok!(vote(ALICE, id, 10, false));
        assert_ok!(vote(BOB, id, 11, false));
        run_and_close(id);
        assert_eq!(
            last_event(),
            Event::Rejected {
                id,
                forfeited: DEPOSIT
            }
        );
        assert_eq!(Balances::free_balance(TREASURY), DEPOSIT);
        assert_eq!(Balances::free_balance(LABS), FUNDS - DEPOSIT);
        assert_eq!(held(HoldReason::Proposal, LABS), 0);
    });
}

#[test]
fn who_fails_without_being_voted_down_keeps_the_deposit() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB, CAROL, CAROL]);
        let id = brain_propose(ALICE, 10);
        assert_ok!(vote(BOB, id, 11, false));
        assert_ok!(vote(CAROL, id, 12, false));
        run_and_close(id);
        assert_eq!(last_event(), Event::Rejected { id, forfeited: 0 });
        assert_eq!(Balances::free_balance(ALICE), FUNDS);
    });
}

#[test]
fn closing_needs_a_proposal() {
    build_and_execute(|| {
        assert_noop!(close(0), Error::<Test>::NoProposal);
        assert_noop!(close(u32::MAX), Error::<Test>::NoProposal);
    });
}
