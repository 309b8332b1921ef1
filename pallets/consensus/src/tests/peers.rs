use frame_support::assert_ok;

use crate::{mock::*, Credits, CrossEdge, CrossRows, LastEpoch, Rows, Validators};

#[test]
fn a_validator_that_leaves_is_forgotten() {
    build_and_execute(|| {
        add_validator(0, 1);
        add_miner(1, 0);
        add_miner_to(OTHER, 1, 0);
        set_weights(1, &[(0, &[(1, 1)])]);
        let edge = CrossEdge {
            brain: OTHER,
            uid: 1,
            weight: 1,
        };
        assert_ok!(Consensus::set_cross_edges(
            origin(0),
            BRAIN,
            vec![edge].try_into().unwrap()
        ));
        end_cycle(1 + DELAY);
        assert!(Rows::<Test>::contains_key(BRAIN, 0));
        assert_eq!(Credits::<Test>::get(BRAIN).len(), 1);
        remove(0);
        assert!(!Validators::<Test>::contains_key(BRAIN, 0));
        assert!(!Rows::<Test>::contains_key(BRAIN, 0));
        assert!(!CrossRows::<Test>::contains_key(BRAIN, 0));
        assert!(Credits::<Test>::get(BRAIN).is_empty());
        // Whoever gets the uid may commit at once.
        add_validator(0, 1);
        assert_ok!(commit(0, &[(1, 1)]));
    });
}

#[test]
fn a_successor_does_not_inherit_weights_or_bonds() {
    build_and_execute(|| {
        add_validator(0, 1);
        add_miner(1, 0);
        add_miner(2, 0);
        set_weights(1, &[(0, &[(1, 1), (2, 3)])]);
        assert_eq!(end_cycle(1 + DELAY).miners.len(), 2);
        // Uid 2 changes hands after the weights.
        let cycle = 2 + DELAY;
        remove(2);
        add_miner(2, start(cycle) + 3);
        let scores = end_cycle(cycle);
        let paid: Vec<_> = scores.miners.iter().map(|(account, _)| *account).collect();
        assert_eq!(paid, vec![MINERS + 1]);
        let record = LastEpoch::<Test>::get(BRAIN).unwrap();
        assert!(record.peers.iter().all(|peer| peer.uid != 2));
        let row = Rows::<Test>::get(BRAIN, 0).unwrap();
        assert!(row.entries().all(|entry| entry.uid != 2 || entry.bond == 0));
    });
}

#[test]
fn weights_count_for_peers_that_were_there_before_the_commitment() {
    build_and_execute(|| {
        add_validator(0, 1);
        // Registered in the block of the commitment, and between it and the reveal.
        add_miner(1, start(1) + 1);
        add_miner(2, start(1) + 2);
        add_miner(3, start(1));
        set_weights(1, &[(0, &[(1, 1), (2, 1), (3, 1)])]);
        let paid: Vec<_> = end_cycle(1 + DELAY)
            .miners
            .into_iter()
            .map(|(who, _)| who)
            .collect();
        assert_eq!(paid, vec![MINERS + 3]);
    });
}
