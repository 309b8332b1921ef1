use based_primitives::constants::MAX_COMMITS;
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event, MinWeights, Validators};

/// Validator 0, miners 1 to 5.
fn brain() {
    add_validator(0, 1);
    for uid in 1..6 {
        add_miner(uid, 0);
    }
}

#[test]
fn a_commitment_is_kept_with_its_block() {
    build_and_execute(|| {
        brain();
        go_to(9);
        assert_ok!(commit(0, &[(1, 1)]));
        let record = Validators::<Test>::get(BRAIN, 0).unwrap();
        let [pending] = record.commits[..] else {
            panic!("one")
        };
        assert_eq!(
            (pending.hash, pending.at, pending.min_weights),
            (hash(0, &[(1, 1)]), 9, 1)
        );
        System::assert_last_event(
            Event::WeightsCommitted {
                brain: BRAIN,
                uid: 0,
                hash: hash(0, &[(1, 1)]),
            }
            .into(),
        );
    });
}

#[test]
fn commitments_wait_out_the_rate_limit() {
    build_and_execute(|| {
        brain();
        assert_ok!(commit(0, &[(1, 1)]));
        go_to(RATE_LIMIT);
        assert_noop!(commit(0, &[(1, 2)]), Error::<Test>::TooSoon);
        go_to(1 + RATE_LIMIT);
        assert_ok!(commit(0, &[(1, 2)]));
    });
}

#[test]
fn a_hash_is_committed_once() {
    build_and_execute(|| {
        brain();
        assert_ok!(commit(0, &[(1, 1)]));
        go_to(20);
        assert_noop!(commit(0, &[(1, 1)]), Error::<Test>::AlreadyCommitted);
    });
}

#[test]
fn four_commitments_and_more_may_be_pending_but_not_any_number() {
    build_and_execute(|| {
        brain();
        for index in 0..MAX_COMMITS as u16 {
            go_to(u32::from(index) * RATE_LIMIT + 1);
            assert_ok!(commit(0, &[(1, index + 1)]));
        }
        go_to(MAX_COMMITS * RATE_LIMIT + 1);
        assert_noop!(commit(0, &[(1, 99)]), Error::<Test>::TooManyCommits);
        assert!(MAX_COMMITS >= 4);
        // Those of the first cycle have lapsed here, and make room.
        go_to(start(DELAY + 1));
        assert_ok!(commit(0, &[(1, 99)]));
    });
}

#[test]
fn only_memorized_validators_of_open_brains_commit() {
    build_and_execute(|| {
        brain();
        let commit =
            |who, brain| Consensus::commit_weights(RuntimeOrigin::signed(who), brain, Default::default());
        assert_noop!(commit(MINERS + 1, BRAIN), Error::<Test>::NotValidator);
        assert_noop!(commit(77, BRAIN), Error::<Test>::NotMemorized);
        assert_noop!(commit(VALIDATORS, OTHER), Error::<Test>::NotMemorized);
        assert_noop!(commit(VALIDATORS, 99), Error::<Test>::BrainNotOpen);
    });
}

#[test]
fn a_row_must_have_as_many_weights_as_were_asked_when_it_was_committed() {
    build_and_execute(|| {
        brain();
        MinWeights::<Test>::insert(BRAIN, 3);
        go_to(start(1));
        assert_ok!(commit(0, &[(1, 1), (2, 0), (3, 1)]));
        go_to(start(1) + RATE_LIMIT);
        assert_ok!(commit(0, &[(1, 1), (2, 1), (3, 1)]));
        // What is asked now does not matter any more.
        MinWeights::<Test>::insert(BRAIN, 5);
        go_to(start(1 + DELAY));
        assert_noop!(reveal(0, &[(1, 1), (2, 0), (3, 1)]), Error::<Test>::TooFewWeights);
        assert_ok!(reveal(0, &[(1, 1), (2, 1), (3, 1)]));
        // And never more than there are miners.
        MinWeights::<Test>::insert(BRAIN, 100);
        assert_eq!(Consensus::min_weights(BRAIN), 5);
    });
}
