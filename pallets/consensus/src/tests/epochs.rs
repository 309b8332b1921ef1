use based_primitives::{
    constants::{BASED, PPB},
    math::{ONE_Q64, ONE_Q96},
    traits::Epochs,
};
use frame_support::assert_ok;

use crate::{mock::*, Bonds, Event, LastEpoch, Performance};

/// Validators 0 and 1 of equal stake, miners 2 to 4.
fn brain() {
    add_validator(0, 10);
    add_validator(1, 10);
    for uid in 2..5 {
        add_miner(uid, 0);
    }
}

fn near(part: u128, whole: u128, expected: f64) -> bool {
    (part as f64 / whole as f64 - expected).abs() < 1e-9
}

#[test]
fn an_epoch_scores_miners_and_validators_by_uid() {
    build_and_execute(|| {
        brain();
        assert_ok!(set_weights(0, &[(2, 1), (3, 3)]));
        assert_ok!(set_weights(1, &[(2, 1), (3, 3)]));
        let scores = epoch(7);
        let [(first, one), (second, three)] = scores.miners[..] else {
            panic!("two miners")
        };
        assert_eq!((first, second), (MINERS + 2, MINERS + 3));
        assert!(near(one, ONE_Q96, 0.25) && near(three, ONE_Q96, 0.75));
        let [(first, one), (second, other)] = scores.validators[..] else {
            panic!("two validators")
        };
        assert_eq!((first, second), (VALIDATORS, VALIDATORS + 1));
        assert!(near(one, ONE_Q64 * u128::from(PPB), 0.5));
        assert_eq!(one, other);

        let record = LastEpoch::<Test>::get(BRAIN).unwrap();
        assert_eq!((record.at, record.active, record.uptime), (7, 2, PPB));
        let peers: Vec<_> = record
            .peers
            .iter()
            .map(|peer| (peer.uid, peer.incentive, peer.dividend, peer.trust))
            .collect();
        let half = 500_000_000;
        assert_eq!(
            peers,
            vec![
                (0, 0, half, half),
                (1, 0, half, half),
                (2, 250_000_000, 0, 1_000_000_000),
                (3, 750_000_000, 0, 1_000_000_000),
            ]
        );
    });
}

#[test]
fn a_second_epoch_in_one_block_does_nothing() {
    build_and_execute(|| {
        brain();
        assert_ok!(set_weights(0, &[(2, 1)]));
        assert!(!epoch(7).miners.is_empty());
        let (performance, bonds) = (Performance::<Test>::get(BRAIN), Bonds::<Test>::get(BRAIN, 0));
        let again = epoch(7);
        assert!(again.miners.is_empty() && again.validators.is_empty());
        assert_eq!(Performance::<Test>::get(BRAIN), performance);
        assert_eq!(Bonds::<Test>::get(BRAIN, 0), bonds);
    });
}

#[test]
fn performance_is_a_moving_average_of_uptime_times_quality() {
    build_and_execute(|| {
        add_validator(0, 30);
        add_validator(1, 10);
        add_miner(2, 0);
        assert_ok!(set_weights(0, &[(2, 1)]));
        epoch(7);
        // Three quarters of stake were up; all rank reached the consensus of everybody, sigmoid(5).
        let observation = 750_000_000 * 993_307_149 / PPB;
        assert_eq!(Performance::<Test>::get(BRAIN), observation / 10);
        System::assert_last_event(
            Event::EpochRun {
                brain: BRAIN,
                active: 1,
                uptime: 750_000_000,
                quality: 993_307_149,
                loss: -493_307_149,
                performance: observation / 10,
            }
            .into(),
        );
        // Weights of block 1 are not of the cycle that ends in block 27.
        epoch(27);
        assert_eq!(LastEpoch::<Test>::get(BRAIN).unwrap().uptime, 0);
        assert_eq!(
            <Consensus as Epochs<u64>>::performance(BRAIN),
            observation / 10 * 9 / 10
        );
    });
}

#[test]
fn a_validator_that_stops_earns_until_the_cutoff_and_no_longer() {
    build_and_execute(|| {
        brain();
        assert_ok!(set_weights(0, &[(2, 1)]));
        assert_ok!(set_weights(1, &[(2, 1)]));
        for block in [27, 47, 67, 87] {
            assert_eq!(epoch(block).validators.len(), 2);
            assert_ok!(set_weights(1, &[(2, 1)]));
        }
        // Validator 0 set its weights in block 1: 101 is the last epoch in which they count.
        assert_eq!(epoch(101).validators.len(), 2);
        let scores = epoch(102);
        assert_eq!(scores.validators.len(), 1);
        assert_eq!(scores.validators[0].0, VALIDATORS + 1);
    });
}

#[test]
fn bonds_of_a_validator_that_was_away_have_faded() {
    build_and_execute(|| {
        brain();
        assert_ok!(set_weights(0, &[(2, 1)]));
        assert_ok!(set_weights(1, &[(3, 1)]));
        epoch(27);
        let before = Bonds::<Test>::get(BRAIN, 0).unwrap().edges[0].1;
        // Out of the percentile for two epochs, then back with other weights.
        Stakes::mutate(|stakes| stakes.insert(0, BASED));
        epoch(47);
        epoch(67);
        assert_eq!(Bonds::<Test>::get(BRAIN, 0).unwrap().written_at, 27);
        Stakes::mutate(|stakes| stakes.insert(0, 10 * BASED));
        assert_ok!(set_weights(0, &[(4, 1)]));
        epoch(87);
        let edges = Bonds::<Test>::get(BRAIN, 0).unwrap().edges;
        // Two missed epochs and this one: a tenth less each.
        let expected = (0..3).fold(before, |bond, _| bond / 10 * 9 + bond % 10 * 9 / 10);
        assert_eq!(edges[0], (2, expected));
        assert_eq!(edges[1].0, 4);
    });
}

#[test]
fn brain_directed_stake_makes_validators_count_pro_rata() {
    build_and_execute(|| {
        add_validator(0, 0);
        add_validator(1, 0);
        add_miner(2, 0);
        Directed::set(100 * BASED);
        assert_ok!(set_weights(0, &[(2, 1)]));
        assert!(epoch(7).validators.is_empty());
        // A little of its own gives the validator all of the Brain's.
        Stakes::mutate(|stakes| stakes.insert(0, 1));
        assert_eq!(epoch(27).validators.len(), 1);
        assert_eq!(LastEpoch::<Test>::get(BRAIN).unwrap().active, 1);
    });
}

#[test]
fn without_validators_nobody_is_eligible_and_performance_is_nothing() {
    build_and_execute(|| {
        add_miner(2, 0);
        let scores = epoch(7);
        assert!(scores.miners.is_empty() && scores.validators.is_empty());
        assert_eq!(Performance::<Test>::get(BRAIN), 0);
        assert_eq!(LastEpoch::<Test>::get(BRAIN).unwrap().active, 0);
    });
}

#[test]
fn a_full_brain_runs_within_the_mandatory_weight() {
    use based_primitives::Uid;
    use frame_support::weights::constants::WEIGHT_REF_TIME_PER_MILLIS;

    build_and_execute(|| {
        for uid in 0..256 {
            add_validator(uid, u128::from(uid) + 1);
        }
        for uid in 256..2_048 {
            add_miner(uid, 0);
        }
        let row: Vec<(Uid, u16)> = (256..2_048).map(|uid| (uid, uid)).collect();
        for uid in 0..256u16 {
            crate::Weights::<Test>::insert(BRAIN, uid, crate::Edges::truncate_from(row.clone()));
            crate::WeightsSetAt::<Test>::insert(BRAIN, uid, 1);
        }
        let scores = epoch(7);
        assert_eq!((scores.miners.len(), scores.validators.len()), (1_792, 77));
        assert!(
            scores.weight.ref_time() < 500 * WEIGHT_REF_TIME_PER_MILLIS,
            "{}",
            scores.weight.ref_time()
        );
    });
}
