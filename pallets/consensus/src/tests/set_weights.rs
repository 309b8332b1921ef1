use based_primitives::{constants::MAX_PEERS, Uid};
use codec::{Decode, Encode};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Edges, Error, Event, Weights, WeightsSetAt};

/// Validator 0, miners 1 to 5.
fn brain() {
    add_validator(0, 1);
    for uid in 1..6 {
        add_miner(uid, 0);
    }
}

#[test]
fn a_row_is_stored_with_its_block() {
    build_and_execute(|| {
        brain();
        assert_ok!(set_weights(0, &[(1, 10), (3, 0), (5, 65_535)]));
        assert_eq!(
            Weights::<Test>::get(BRAIN, 0).unwrap().into_inner(),
            vec![(1, 10), (3, 0), (5, 65_535)]
        );
        assert_eq!(WeightsSetAt::<Test>::get(BRAIN, 0), Some(1));
        System::assert_last_event(
            Event::WeightsSet {
                brain: BRAIN,
                uid: 0,
                peers: 3,
            }
            .into(),
        );
    });
}

#[test]
fn a_new_row_replaces_the_old_one_after_the_rate_limit() {
    build_and_execute(|| {
        brain();
        assert_ok!(set_weights(0, &[(1, 10)]));
        System::set_block_number((RATE_LIMIT).into());
        assert_noop!(set_weights(0, &[(2, 10)]), Error::<Test>::TooSoon);
        System::set_block_number((1 + RATE_LIMIT).into());
        assert_ok!(set_weights(0, &[(2, 10)]));
        assert_eq!(
            Weights::<Test>::get(BRAIN, 0).unwrap().into_inner(),
            vec![(2, 10)]
        );
    });
}

#[test]
fn malformed_rows_are_refused() {
    build_and_execute(|| {
        brain();
        assert_noop!(set_weights(0, &[(1, 1), (1, 1)]), Error::<Test>::NotAscending);
        assert_noop!(set_weights(0, &[(2, 1), (1, 1)]), Error::<Test>::NotAscending);
        assert_noop!(set_weights(0, &[(0, 1), (1, 1)]), Error::<Test>::SelfWeight);
        assert_noop!(set_weights(0, &[(1, 1), (6, 1)]), Error::<Test>::UnknownPeer);
        assert_noop!(set_weights(0, &[(1, 0), (2, 0)]), Error::<Test>::ZeroSum);
        assert_noop!(set_weights(0, &[]), Error::<Test>::ZeroSum);
    });
}

#[test]
fn a_row_of_more_than_all_peers_does_not_decode() {
    let row = |length: Uid| (0..length).map(|uid| (uid, 1u16)).collect::<Vec<_>>().encode();
    assert!(Edges::decode(&mut &row(MAX_PEERS)[..]).is_ok());
    assert!(Edges::decode(&mut &row(MAX_PEERS + 1)[..]).is_err());
}

#[test]
fn only_memorized_validators_of_open_brains_set_weights() {
    build_and_execute(|| {
        brain();
        let weights = || Edges::truncate_from(vec![(2, 1)]);
        let as_account = |who| Consensus::set_weights(RuntimeOrigin::signed(who), BRAIN, weights());
        assert_noop!(as_account(MINERS + 1), Error::<Test>::NotValidator);
        assert_noop!(as_account(77), Error::<Test>::NotMemorized);
        assert_noop!(
            Consensus::set_weights(RuntimeOrigin::signed(VALIDATORS), BRAIN + 1, weights()),
            Error::<Test>::BrainNotOpen
        );
    });
}
