use based_primitives::{
    constants::{BASED, CREDIT_ONE, MOST_MIN_WEIGHTS, PPB},
    math::{ONE_Q64, ONE_Q96},
    traits::Epochs,
    Uid,
};
use frame_support::{assert_ok, weights::Weight};

use crate::{mock::*, Credits, Event, LastEpoch, MinWeights, Performance, Rows, Validators};

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

/// Cycle of the reveals of rows committed in the first.
const REVEALED: u32 = 1 + DELAY;

#[test]
fn an_epoch_scores_miners_and_validators_by_uid() {
    build_and_execute(|| {
        brain();
        set_weights(1, &[(0, &[(2, 1), (3, 3)]), (1, &[(2, 1), (3, 3)])]);
        let scores = end_cycle(REVEALED);
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
        assert_eq!(
            (record.at, record.active, record.uptime),
            (start(REVEALED + 1), 2, PPB)
        );
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
fn a_second_epoch_of_one_block_does_nothing() {
    build_and_execute(|| {
        brain();
        set_weights(1, &[(0, &[(2, 1)])]);
        let due = start(REVEALED + 1);
        assert!(!end_cycle(REVEALED).miners.is_empty());
        let (performance, row) = (Performance::<Test>::get(BRAIN), Rows::<Test>::get(BRAIN, 0));
        let again = Consensus::advance(BRAIN, due, Weight::MAX).scores.unwrap();
        assert!(again.miners.is_empty() && again.validators.is_empty());
        assert_eq!(Performance::<Test>::get(BRAIN), performance);
        assert_eq!(Rows::<Test>::get(BRAIN, 0), row);
    });
}

#[test]
fn performance_is_a_moving_average_of_uptime_times_quality() {
    build_and_execute(|| {
        add_validator(0, 30);
        add_validator(1, 10);
        // Idle, and therefore no matter, whatever its stake.
        add_validator(2, 1);
        add_miner(5, 0);
        go_to(start(1));
        assert_ok!(commit(0, &[(5, 1)]));
        assert_ok!(commit(1, &[(5, 1)]));
        go_to(start(REVEALED));
        assert_ok!(reveal(0, &[(5, 1)]));
        end_cycle(REVEALED);
        // Three quarters of the stake with a reveal due made it; all rank reached the consensus of everybody, sigmoid(5).
        let observation = 750_000_000 * 993_307_149 / PPB;
        assert_eq!(Performance::<Test>::get(BRAIN), observation / 10);
        System::assert_last_event(
            Event::EpochRun {
                brain: BRAIN,
                active: 1,
                uptime: 750_000_000,
                quality: 993_307_149,
                outside: PPB,
                loss: -493_307_149,
                performance: observation / 10,
            }
            .into(),
        );
        // In the next cycle nothing was due.
        end_cycle(REVEALED + 1);
        assert_eq!(LastEpoch::<Test>::get(BRAIN).unwrap().uptime, 0);
        assert_eq!(
            <Consensus as Epochs<u64>>::performance(BRAIN),
            observation / 10 * 9 / 10
        );
    });
}

#[test]
fn who_reveals_only_some_of_what_is_due_is_not_up() {
    build_and_execute(|| {
        add_validator(0, 10);
        add_miner(5, 0);
        add_miner(6, 0);
        go_to(start(1));
        assert_ok!(commit(0, &[(5, 1)]));
        go_to(start(1) + RATE_LIMIT);
        assert_ok!(commit(0, &[(6, 1)]));
        go_to(start(REVEALED));
        assert_ok!(reveal(0, &[(6, 1)]));
        end_cycle(REVEALED);
        assert_eq!(LastEpoch::<Test>::get(BRAIN).unwrap().uptime, 0);
    });
}

#[test]
fn commitments_whose_cycle_is_over_are_forgotten_and_others_kept() {
    build_and_execute(|| {
        brain();
        go_to(start(1));
        assert_ok!(commit(0, &[(2, 1)]));
        go_to(start(2));
        assert_ok!(commit(0, &[(2, 2)]));
        end_cycle(REVEALED);
        let pending = Validators::<Test>::get(BRAIN, 0).unwrap().commits;
        assert_eq!(
            pending.iter().map(|commit| commit.hash).collect::<Vec<_>>(),
            vec![hash(0, &[(2, 2)])]
        );
        assert_eq!(LastEpoch::<Test>::get(BRAIN).unwrap().uptime, 0);
    });
}

#[test]
fn a_validator_that_stops_earns_until_the_cutoff_and_no_longer() {
    build_and_execute(|| {
        brain();
        set_weights(1, &[(0, &[(2, 1)]), (1, &[(2, 1)])]);
        let last = start(REVEALED) + 2;
        for cycle in REVEALED..REVEALED + 9 {
            let due = start(cycle + 1);
            // The other one goes on.
            let mut record = Validators::<Test>::get(BRAIN, 1).unwrap();
            record.revealed_at = Some(due - 1);
            Validators::<Test>::insert(BRAIN, 1, record);
            let earning = end_cycle(cycle).validators;
            let expected = if due - last <= CUTOFF { 2 } else { 1 };
            assert_eq!(earning.len(), expected, "block {due}");
            assert!(earning.iter().any(|(who, _)| *who == VALIDATORS + 1));
        }
    });
}

#[test]
fn bonds_of_a_validator_that_was_away_have_faded() {
    build_and_execute(|| {
        brain();
        set_weights(1, &[(0, &[(2, 1)]), (1, &[(3, 1)])]);
        end_cycle(REVEALED);
        let bond = |uid, peer| {
            let row = Rows::<Test>::get(BRAIN, uid).unwrap();
            let entry = row.entries().find(|entry| entry.uid == peer);
            entry.map_or(0, |entry| entry.bond)
        };
        assert_eq!(bond(0, 2), 6_553);
        // Out of the percentile for two epochs, then back.
        Stakes::mutate(|stakes| stakes.insert(0, BASED));
        end_cycle(REVEALED + 1);
        end_cycle(REVEALED + 2);
        assert_eq!(
            Rows::<Test>::get(BRAIN, 0).unwrap().bonded_at,
            start(REVEALED + 1)
        );
        Stakes::mutate(|stakes| stakes.insert(0, 10 * BASED));
        end_cycle(REVEALED + 3);
        // Two missed epochs and this one: a tenth less each; and the new share.
        assert_eq!(bond(0, 2), ((6_553.0 * 0.81f64).floor() * 0.9 + 6_553.5) as u16);
        assert_eq!(
            bond(1, 3),
            (0..4).fold(0u32, |bond, _| (bond * 9 + 65_535) / 10) as u16
        );
    });
}

#[test]
fn brain_directed_stake_makes_validators_count_pro_rata() {
    build_and_execute(|| {
        add_validator(0, 0);
        add_validator(1, 0);
        add_miner(2, 0);
        Directed::set(100 * BASED);
        set_weights(1, &[(0, &[(2, 1)])]);
        assert!(end_cycle(REVEALED).validators.is_empty());
        // A little of its own gives the validator all of the Brain's.
        Stakes::mutate(|stakes| stakes.insert(0, 1));
        assert_eq!(end_cycle(REVEALED + 1).validators.len(), 1);
        assert_eq!(LastEpoch::<Test>::get(BRAIN).unwrap().active, 1);
    });
}

#[test]
fn without_validators_nobody_is_eligible_and_performance_is_nothing() {
    build_and_execute(|| {
        add_miner(2, 0);
        let scores = end_cycle(1);
        assert!(scores.miners.is_empty() && scores.validators.is_empty());
        assert_eq!(Performance::<Test>::get(BRAIN), 0);
        assert_eq!(LastEpoch::<Test>::get(BRAIN).unwrap().active, 0);
        assert_eq!(MinWeights::<Test>::get(BRAIN), 0);
    });
}

#[test]
fn while_most_rank_misses_consensus_rows_must_be_longer() {
    build_and_execute(|| {
        add_validator(0, 10);
        add_validator(1, 10);
        add_validator(2, 10);
        for uid in 3..9 {
            add_miner(uid, 0);
        }
        // Nobody agrees with anybody: T is a third everywhere.
        set_weights(1, &[(0, &[(3, 1)]), (1, &[(4, 1)]), (2, &[(5, 1)])]);
        for (cycle, asked) in [(REVEALED, 2), (REVEALED + 1, 4), (REVEALED + 2, 8)] {
            end_cycle(cycle);
            assert!(LastEpoch::<Test>::get(BRAIN).unwrap().loss >= 0);
            assert_eq!(MinWeights::<Test>::get(BRAIN), asked);
        }
        assert_eq!(Consensus::min_weights(BRAIN), 6);
        MinWeights::<Test>::insert(BRAIN, MOST_MIN_WEIGHTS);
        end_cycle(REVEALED + 3);
        assert_eq!(MinWeights::<Test>::get(BRAIN), MOST_MIN_WEIGHTS);
        // With agreement the demand falls again.
        MinWeights::<Test>::insert(BRAIN, 4);
        let row: &[(Uid, u16)] = &[(3, 1), (4, 1), (5, 1), (6, 1)];
        let cycle = REVEALED + 4;
        set_weights(cycle, &[(0, row), (1, row), (2, row)]);
        for (later, asked) in [(0, 2), (1, 0), (2, 0)] {
            end_cycle(cycle + DELAY + later);
            assert_eq!(MinWeights::<Test>::get(BRAIN), asked);
        }
    });
}

#[test]
fn credits_accumulate_and_lift_stake() {
    build_and_execute(|| {
        brain();
        set_weights(1, &[(0, &[(2, 1)]), (1, &[(2, 1), (3, 1)])]);
        end_cycle(REVEALED);
        let credits: Vec<_> = Credits::<Test>::get(BRAIN).into_inner();
        assert_eq!(credits[0], (0, CREDIT_ONE / 100));
        assert!(credits[1].1 < CREDIT_ONE / 100);
        let rank = |uid| {
            let record = LastEpoch::<Test>::get(BRAIN).unwrap();
            record.peers.iter().find(|peer| peer.uid == uid).unwrap().rank
        };
        assert!(rank(2).abs_diff(750_000_000) <= 1);
        end_cycle(REVEALED + 1);
        assert!(rank(2) > 750_000_000);
    });
}

#[test]
fn forecasts_weigh_as_the_schedule_says() {
    build_and_execute(|| {
        brain();
        set_weights(1, &[(0, &[(2, 1)]), (1, &[(2, 1)])]);
        Beta::set(PPB);
        Prophets::set(vec![1]);
        let scores = end_cycle(REVEALED).validators;
        // Half by consensus, half by accuracy: one quarter against three.
        let all: u128 = scores.iter().map(|(_, score)| score).sum();
        assert!(near(scores[0].1, all, 0.25) && near(scores[1].1, all, 0.75));
    });
}

#[test]
fn a_full_brain_runs_within_the_mandatory_weight() {
    use based_primitives::math::WeightRow;
    use frame_support::weights::constants::WEIGHT_REF_TIME_PER_MILLIS;

    build_and_execute(|| {
        for uid in 0..256 {
            add_validator(uid, u128::from(uid) + 1);
        }
        for uid in 256..2_048 {
            add_miner(uid, 0);
        }
        go_to(start(REVEALED));
        for own in 0..256u16 {
            let row: Vec<(Uid, u16)> = (0..2_048)
                .filter(|uid| *uid != own)
                .map(|uid| (uid, 9 + uid % (own + 2)))
                .collect();
            let row = WeightRow::reveal(None, start(1), &row);
            Rows::<Test>::insert(BRAIN, own, row);
            let mut record = Validators::<Test>::get(BRAIN, own).unwrap_or_default();
            record.revealed_at = Some(start(REVEALED));
            Validators::<Test>::insert(BRAIN, own, record);
        }
        let due = start(REVEALED + 1);
        go_to(due);
        let advance = Consensus::advance(BRAIN, due, Weight::MAX);
        let scores = advance.scores.unwrap();
        assert_eq!((scores.miners.len(), scores.validators.len()), (1_792, 77));
        let limit = 500 * WEIGHT_REF_TIME_PER_MILLIS;
        assert!(advance.weight.ref_time() < limit, "{}", advance.weight.ref_time());
    });
}
