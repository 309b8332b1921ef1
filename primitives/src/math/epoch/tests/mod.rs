//! Behaviour of the epoch; attacks and general properties have modules of their own.

use super::*;
use crate::constants::BASED;

mod attacks;
mod properties;

const NOW: BlockNumber = 10_000;

fn miner(uid: Uid) -> EpochPeer {
    EpochPeer {
        uid,
        role: Role::Miner,
        registered_at: 0,
    }
}

fn validator(uid: Uid, stake: Balance, edges: &[(Uid, u16)]) -> EpochValidator {
    let weights = Some(WeightRow {
        set_at: NOW - 10,
        edges: edges.to_vec(),
    });
    EpochValidator {
        uid,
        stake,
        weights,
        bonds: None,
        accuracy: 0,
    }
}

/// Validators keep the uids they state; `miners` follow them.
fn brain(validators: Vec<EpochValidator>, miners: core::ops::Range<Uid>) -> EpochInput {
    let mut peers: Vec<_> = validators
        .iter()
        .map(|v| EpochPeer {
            uid: v.uid,
            role: Role::Validator,
            registered_at: 0,
        })
        .chain(miners.map(miner))
        .collect();
    peers.sort_by_key(|peer| peer.uid);
    EpochInput {
        now: NOW,
        activity_cutoff: 5_000,
        beta: 0,
        peers,
        validators,
    }
}

fn score(output: &EpochOutput, uid: Uid) -> EpochScore {
    *output
        .scores
        .iter()
        .find(|score| score.uid == uid)
        .expect("a peer")
}

fn part(numerator: u128, denominator: u128) -> f64 {
    numerator as f64 / denominator as f64
}

#[test]
fn one_validator_decides_alone() {
    let output = brain(vec![validator(0, BASED, &[(1, 100), (2, 300)])], 1..4).run();
    assert!((part(score(&output, 1).incentive, ONE_Q96) - 0.25).abs() < 1e-15);
    assert!((part(score(&output, 2).incentive, ONE_Q96) - 0.75).abs() < 1e-15);
    assert_eq!(score(&output, 3).incentive, 0);
    assert_eq!(score(&output, 0).dividend, ONE_Q64 * u128::from(PPB));
    assert_eq!(score(&output, 1).trust, ONE_Q64);
    // All rank reached the consensus of everybody: sigmoid(5).
    assert_eq!(output.quality, 993_307_149);
    assert_eq!(output.bonds, vec![(0, vec![(1, 6_553), (2, 6_553)])]);
}

#[test]
fn a_minority_is_pressed_below_its_rank() {
    // 0.6 of stake ranks miner 2, 0.4 ranks miner 3.
    let validators = vec![
        validator(0, 60 * BASED, &[(2, 1)]),
        validator(1, 60 * BASED, &[(2, 1), (3, 2)]),
    ];
    let output = brain(validators, 2..4).run();
    let (trusted, doubted) = (score(&output, 2), score(&output, 3));
    assert!((part(trusted.rank, ONE_Q96) - 2.0 / 3.0).abs() < 1e-15);
    assert!((part(doubted.rank, ONE_Q96) - 1.0 / 3.0).abs() < 1e-15);
    assert_eq!(doubted.consensus, ONE_Q64 / 2);
    let expected = (2.0 / 3.0 * 0.993_307_149_075_715) / (2.0 / 3.0 * 0.993_307_149_075_715 + 1.0 / 6.0);
    assert!((part(trusted.incentive, ONE_Q96) - expected).abs() < 1e-14);
}

#[test]
fn below_the_percentile_weights_do_not_count() {
    // Of four stakes the third smallest is the bar: validators 2 and 3 are active.
    let stakes = [1, 2, 3, 4];
    let validators = (0..)
        .zip(stakes)
        .map(|(uid, stake)| validator(uid, stake * BASED, &[(uid + 4, 1)]))
        .collect();
    let output = brain(validators, 4..8).run();
    let ranked: Vec<_> = output
        .scores
        .iter()
        .filter(|score| score.rank > 0)
        .map(|score| score.uid)
        .collect();
    assert_eq!(ranked, vec![6, 7]);
    assert_eq!(
        output.bonds.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(),
        vec![2, 3]
    );
}

#[test]
fn a_silent_validator_still_raises_the_bar() {
    let mut silent = validator(3, 4 * BASED, &[]);
    silent.weights = None;
    let validators = vec![
        validator(0, BASED, &[(4, 1)]),
        validator(2, 3 * BASED, &[(5, 1)]),
        silent,
    ];
    // Nearest rank of three is the largest: only the silent one reaches it.
    assert!(brain(validators, 4..6)
        .run()
        .scores
        .iter()
        .all(|score| score.rank == 0));
}

#[test]
fn stale_weights_do_not_count() {
    let mut one = validator(0, BASED, &[(1, 1)]);
    for (age, counts) in [(5_000, true), (5_001, false)] {
        one.weights = Some(WeightRow {
            set_at: NOW - age,
            edges: vec![(1, 1)],
        });
        assert_eq!(
            score(&brain(vec![one.clone()], 1..2).run(), 1).rank > 0,
            counts,
            "age {age}"
        );
    }
}

#[test]
fn dust_neither_counts_nor_lowers_the_bar() {
    let dust = (10..200).map(|uid| validator(uid, BASED - 1, &[(300, 1)]));
    let validators = [
        validator(0, 9 * BASED, &[(301, 1)]),
        validator(1, 5 * BASED, &[(300, 1)]),
    ];
    let output = brain(validators.into_iter().chain(dust).collect(), 300..302).run();
    assert_eq!(score(&output, 300).rank, 0);
    assert!(score(&output, 301).rank > 0);
    let lone_dust = brain(vec![validator(0, BASED - 1, &[(1, 1)])], 1..2).run();
    assert_eq!(score(&lone_dust, 1).incentive, 0);
}

#[test]
fn self_weights_earn_nothing() {
    // C.11-T4: only a self edge equals an empty row.
    let others = [(2, 10), (3, 10)];
    let only_self = brain(
        vec![
            validator(0, 5 * BASED, &[(0, 7)]),
            validator(1, 5 * BASED, &others),
        ],
        2..4,
    )
    .run();
    let empty = brain(
        vec![validator(0, 5 * BASED, &[]), validator(1, 5 * BASED, &others)],
        2..4,
    )
    .run();
    assert_eq!(only_self, empty);
    assert_eq!(score(&only_self, 0).rank, 0);
    assert_eq!(score(&only_self, 0).dividend, 0);
}

#[test]
fn edges_and_bonds_to_an_earlier_holder_of_a_uid_are_dropped() {
    let mut one = validator(0, BASED, &[(1, 1), (2, 1)]);
    one.bonds = Some(BondRow {
        written_at: NOW - 1_000,
        age: 1,
        edges: vec![(1, 10_000), (2, 10_000)],
    });
    let mut input = brain(vec![one], 1..3);
    // Uid 2 was given away in the very block in which the weights were set.
    input.peers[2].registered_at = NOW - 10;
    let output = input.run();
    assert_eq!(score(&output, 2).rank, 0);
    assert_eq!(output.bonds, vec![(0, vec![(1, 9_000 + 6_553)])]);
}

#[test]
fn nobody_ranked_means_nobody_paid() {
    let nobody = brain(vec![], 0..3).run();
    assert_eq!((nobody.quality, nobody.bonds.len()), (0, 0));
    // Ranking only validators leaves the pools to the pot.
    let validators = vec![validator(0, BASED, &[(1, 1)]), validator(1, BASED, &[(0, 1)])];
    let output = brain(validators, 2..4).run();
    assert!(output
        .scores
        .iter()
        .all(|score| score.incentive == 0 && score.dividend == 0));
    assert!(score(&output, 0).rank > 0);
}

#[test]
fn disagreement_costs_dividends() {
    // Three agree, the fourth ranks a miner that nobody else knows.
    let mut validators: Vec<_> = (0..3)
        .map(|uid| validator(uid, BASED, &[(4, 1), (5, 1)]))
        .collect();
    validators.push(validator(3, BASED, &[(4, 1), (6, 99)]));
    let output = brain(validators, 4..7).run();
    let share = |uid| part(score(&output, uid).dividend, ONE_Q64 * u128::from(PPB));
    assert!((share(0) - share(1)).abs() < 1e-15);
    assert!(share(3) < share(0) / 1_000.0, "{}", share(3));
}

#[test]
fn accuracy_weighs_by_beta_and_stake() {
    let row = [(2, 1), (3, 1)];
    let mut input = brain(vec![validator(0, BASED, &row), validator(1, BASED, &row)], 2..4);
    input.validators[0].accuracy = PPB;
    input.validators[1].accuracy = PPB / 3;
    let share = |output: &EpochOutput| {
        let [one, other] = [0, 1].map(|uid| score(output, uid).dividend);
        part(one, one + other)
    };
    assert!((share(&input.run()) - 0.5).abs() < 1e-15);
    input.beta = PPB;
    assert!((share(&input.run()) - 0.625).abs() < 1e-9);
    input
        .validators
        .iter_mut()
        .for_each(|validator| validator.accuracy = 0);
    assert!((share(&input.run()) - 0.5).abs() < 1e-15);
}

#[test]
fn brain_directed_stake_counts_pro_rata() {
    assert_eq!(effective_validator_stakes(&[10, 30], 41), vec![20, 61]);
    assert_eq!(effective_validator_stakes(&[0, 0], 41), vec![0, 0]);
    assert_eq!(
        effective_validator_stakes(&[u128::MAX, 1], u128::MAX)[0],
        u128::MAX
    );
}
