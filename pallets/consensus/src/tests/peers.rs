use frame_support::assert_ok;

use crate::{mock::*, Bonds, LastEpoch, Weights, WeightsSetAt};

#[test]
fn a_validator_that_leaves_is_forgotten() {
    build_and_execute(|| {
        add_validator(0, 1);
        add_miner(1, 0);
        assert_ok!(set_weights(0, &[(1, 1)]));
        epoch(7);
        assert!(Bonds::<Test>::contains_key(BRAIN, 0));
        remove(0);
        assert!(!Weights::<Test>::contains_key(BRAIN, 0));
        assert!(!WeightsSetAt::<Test>::contains_key(BRAIN, 0));
        assert!(!Bonds::<Test>::contains_key(BRAIN, 0));
        // Whoever gets the uid may set weights at once.
        add_validator(0, 1);
        assert_ok!(set_weights(0, &[(1, 1)]));
    });
}

#[test]
fn a_successor_does_not_inherit_weights_or_bonds() {
    build_and_execute(|| {
        add_validator(0, 1);
        add_miner(1, 0);
        add_miner(2, 0);
        assert_ok!(set_weights(0, &[(1, 1), (2, 3)]));
        assert_eq!(epoch(7).miners.len(), 2);
        // Uid 2 changes hands after the weights.
        System::set_block_number(10);
        remove(2);
        add_miner(2, 10);
        let scores = epoch(27);
        assert_eq!(
            scores
                .miners
                .iter()
                .map(|(account, _)| *account)
                .collect::<Vec<_>>(),
            vec![MINERS + 1]
        );
        let record = LastEpoch::<Test>::get(BRAIN).unwrap();
        assert!(record.peers.iter().all(|peer| peer.uid != 2));
        assert!(Bonds::<Test>::get(BRAIN, 0)
            .unwrap()
            .edges
            .iter()
            .all(|(uid, _)| *uid != 2));
    });
}

#[test]
fn weights_of_the_block_of_registration_do_not_count_yet() {
    build_and_execute(|| {
        add_validator(0, 1);
        add_miner(1, 1);
        assert_ok!(set_weights(0, &[(1, 1)]));
        assert!(epoch(7).miners.is_empty());
        assert_ok!(set_weights(0, &[(1, 1)]));
        assert_eq!(epoch(27).miners.len(), 1);
    });
}
