//! One GigaBrain, one vote (R155).

use based_primitives::constants::BASED;
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event};

type E = Error<Test>;

fn tally(id: u32) -> (u32, u32) {
    (proposal(id).ayes, proposal(id).nays)
}

#[test]
fn a_vote_is_one_however_large_the_stake() {
    build_and_execute(|| {
        brain(10, ALICE, 9_000 * BASED);
        brain(11, BOB, 900 * BASED);
        brain(12, CAROL, 100 * BASED);
        run_cycles();
        let id = labs_propose();
        assert_ok!(vote(ALICE, id, 10, true));
        assert_eq!(
            last_event(),
            Event::Voted {
                id,
                brain: 10,
                aye: true
            }
        );
        assert_ok!(vote(BOB, id, 11, false));
        assert_ok!(vote(CAROL, id, 12, false));
        assert_eq!(tally(id), (1, 2));
    });
}

#[test]
fn an_owner_of_several_votes_for_each() {
    build_and_execute(|| {
        giga_brains(&[ALICE, ALICE, BOB]);
        let id = labs_propose();
        assert_ok!(vote(ALICE, id, 10, false));
        assert_ok!(vote(ALICE, id, 11, true));
        assert_eq!(tally(id), (1, 1));
    });
}

#[test]
fn a_vote_can_be_changed_and_not_repeated() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        let id = labs_propose();
        assert_ok!(vote(ALICE, id, 10, true));
        assert_noop!(vote(ALICE, id, 10, true), E::SameVote);
        assert_ok!(vote(ALICE, id, 10, false));
        assert_eq!(tally(id), (0, 1));
        assert_ok!(vote(ALICE, id, 10, true));
        assert_eq!(tally(id), (1, 0));
    });
}

#[test]
fn only_the_owner_votes_and_a_new_owner_may_change_it() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        let id = labs_propose();
        assert_noop!(vote(BOB, id, 10, true), E::NotBrainOwner);
        assert_ok!(vote(ALICE, id, 10, true));
        brain(10, CAROL, BASED);
        assert_noop!(vote(ALICE, id, 10, false), E::NotBrainOwner);
        assert_ok!(vote(CAROL, id, 10, false));
        assert_eq!(tally(id), (0, 1), "the Brain has one vote");
    });
}

#[test]
fn who_may_vote_is_settled_when_voting_opens() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        brain(12, CAROL, BASED);
        run_to(now() + 7 * CYCLE);
        let id = labs_propose();
        assert_eq!(proposal(id).eligible, 2);
        brain(10, ALICE, 0);
        run_to(now() + CYCLE);
        assert!(crate::GigaBrains::<Test>::get().contains(&12));
        assert_noop!(vote(CAROL, id, 12, true), E::NotEligible);
        assert_ok!(vote(ALICE, id, 10, true));
    });
}

#[test]
fn administrative_brains_do_not_vote_on_what_opens_in_the_first_year() {
    build_and_execute(|| {
        brain(2, LABS, BASED);
        brain(10, ALICE, BASED);
        run_cycles();
        let id = labs_propose();
        assert_eq!(proposal(id).eligible, 1);
        assert_noop!(vote(LABS, id, 2, true), E::NotEligible);
        skip_to(YEAR + 1);
        let id = brain_propose(ALICE, 10);
        assert_eq!(proposal(id).eligible, 2);
        assert_ok!(vote(LABS, id, 2, true));
    });
}

#[test]
fn votes_are_taken_up_to_and_including_the_last_block() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        let opened = now();
        let id = labs_propose();
        assert_noop!(vote(ALICE, id + 1, 10, true), E::NoProposal);
        skip_to(opened + ROOT.voting - 1);
        assert_noop!(close(id), E::VotingOpen);
        assert_ok!(vote(ALICE, id, 10, true));
        assert_ok!(vote_with_pepecoin(ALICE, id, true, PEPE));
        skip_to(opened + ROOT.voting);
        assert_noop!(vote(BOB, id, 11, true), E::VotingOver);
        assert_noop!(vote_with_pepecoin(BOB, id, true, PEPE), E::VotingOver);
        assert_ok!(close(id));
        assert_noop!(close(id), E::NoProposal);
        assert_noop!(vote(BOB, id, 11, true), E::NoProposal);
    });
}
