use super::*;
use crate::{constants::BASED, math::apportion};
use proptest::prelude::*;

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
    let expected = (2.0 / 3.0 * 0.993_307_149_075_715_1) / (2.0 / 3.0 * 0.993_307_149_075_715_1 + 1.0 / 6.0);
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

/// Shares of pay in a network where only validators rank one another, as in the source's section 10.
fn cabal_share(stakes: &[Balance], honest: usize, consensus_counts: bool, beta: u64) -> Vec<u128> {
    let uniform = |uid: usize| {
        let group = if uid < honest {
            0..honest
        } else {
            honest..stakes.len()
        };
        group
            .filter(|other| *other != uid)
            .map(|other| (other as Uid, 1))
            .collect::<Vec<_>>()
    };
    let validators = stakes
        .iter()
        .enumerate()
        .map(|(uid, stake)| validator(uid as Uid, *stake, &uniform(uid)));
    let input = brain(validators.collect(), 0..0);
    // Everybody is active in that setting.
    let mut columns = Columns::new(&input.peers);
    let total: Balance = stakes.iter().sum();
    for one in &input.validators {
        let weights = one.weights.as_ref().expect("set");
        let row = columns.effective_row(one.uid, weights);
        let stake = mul_div(one.stake, ONE_Q96, total).expect("fits");
        let row_sum = row.len() as u128;
        columns.vote(&Active {
            validator: one,
            stake,
            row,
            row_sum,
        });
    }
    columns.judge();
    let pay = |score: &EpochScore| {
        if consensus_counts {
            score.standing
        } else {
            score.rank
        }
    };
    let pays: Vec<u128> = columns.scores_mut().map(|(_, score)| pay(score)).collect();
    let all: u128 = pays.iter().sum();
    let blended = |(pay, stake): (u128, &Balance)| {
        blend(
            mul_div(pay, ONE_Q64, all).expect("fits"),
            mul_div(*stake, ONE_Q64, total).expect("fits"),
            beta,
        )
    };
    pays.into_iter().zip(stakes).map(blended).collect()
}

fn run_cabal(consensus_counts: bool, beta: u64) -> Vec<f64> {
    const TOTAL: Balance = BASED * 1_000_000;
    let mut stakes = vec![TOTAL * 51 / 1_200; 12];
    stakes.extend(vec![TOTAL * 49 / 800; 8]);
    let mut sizes = Vec::new();
    for _ in 0..100 {
        let minted = stakes.iter().sum::<Balance>() / 10;
        let pays =
            apportion(minted, &cabal_share(&stakes, 12, consensus_counts, beta)).expect("somebody earns");
        stakes.iter_mut().zip(pays).for_each(|(stake, pay)| *stake += pay);
        sizes.push(part(stakes[12..].iter().sum(), stakes.iter().sum()));
    }
    sizes
}

/// C.11-T1 with the full matrix.
#[test]
fn a_cabal_of_eight_against_twelve_shrinks_as_printed() {
    let sizes = run_cabal(true, 0);
    let printed = [
        0.4877323388820201,
        0.4849535784321247,
        0.4815511535094221,
        0.477389901500398,
        0.4723093486843246,
    ];
    for (size, expected) in sizes.iter().zip(printed) {
        assert!((size - expected).abs() < 1e-12, "{size} is not {expected}");
    }
}

/// C.11-T2: the forecast term slows the decay.
#[test]
fn the_forecast_term_slows_the_decay_of_a_cabal() {
    for (beta, expected) in [
        (0, 1.2e-4),
        (450_000_000, 2.4e-3),
        (900_000_000, 1.1e-2),
        (PPB, 1.4e-2),
    ] {
        let size = run_cabal(true, beta)[99];
        assert!(
            (size / expected - 1.0).abs() < 0.05,
            "beta {beta}: {size} is not {expected}"
        );
    }
}

/// C.11-T3: the control.
#[test]
fn without_consensus_a_cabal_keeps_its_size() {
    assert!((run_cabal(false, 0)[99] - 0.49).abs() < 1e-12);
}

/// C.11-T6: 0.3 honest against 0.4 cabal of all stake is 0.43 against 0.57 of the active: the loss tells.
#[test]
fn a_majority_of_active_stake_wins_and_the_loss_shows_disagreement() {
    let mut idle = validator(0, 30 * BASED, &[]);
    idle.weights = None;
    let split = |idle| {
        vec![
            idle,
            validator(1, 30 * BASED, &[(3, 1)]),
            validator(2, 30 * BASED, &[(4, 1)]),
        ]
    };
    let output = brain(split(idle.clone()), 3..5).run();
    assert_eq!(score(&output, 3).consensus, ONE_Q64 / 2);
    assert!(output.loss >= 0);
    idle.weights = Some(WeightRow {
        set_at: NOW - 1,
        edges: vec![(3, 1)],
    });
    assert!(brain(split(idle), 3..5).run().loss < 0);
}

fn inputs() -> impl Strategy<Value = EpochInput> {
    let rows = proptest::collection::vec(proptest::collection::vec(0u16..50, 12), 1..6);
    let stakes = proptest::collection::vec(1u128..1_000_000, 6);
    (rows, stakes, 0..=PPB).prop_map(|(rows, stakes, beta)| {
        let validators: Vec<_> = (0u16..)
            .zip(rows)
            .zip(stakes)
            .map(|((uid, row), stake)| {
                let edges: Vec<_> = (0u16..).zip(row).collect();
                let mut validator = validator(uid, stake * BASED, &edges);
                validator.accuracy = stake as u64 * 1_000;
                validator
            })
            .collect();
        let first = validators.len() as Uid;
        EpochInput {
            beta,
            ..brain(validators, first..12)
        }
    })
}

proptest! {
    /// C.9-5.
    #[test]
    fn shares_sum_to_one_up_to_a_unit_each(input in inputs()) {
        let output = input.run();
        let incentives: u128 = output.scores.iter().map(|score| score.incentive).sum();
        prop_assert!(incentives == 0 || ONE_Q96 - incentives <= 12);
        let ranks: u128 = output.scores.iter().map(|score| score.rank).sum();
        prop_assert!(ranks <= ONE_Q96);
        prop_assert!(output.scores.iter().all(|score| score.trust <= ONE_Q64));
    }

    /// C.9-7.
    #[test]
    fn names_do_not_matter(input in inputs()) {
        let mirror = |uid: Uid| 40 - uid;
        let flip = |row: &Row| row.iter().rev().map(|(uid, value)| (mirror(*uid), *value)).collect::<Row>();
        let mut other = input.clone();
        other.peers.iter_mut().for_each(|peer| peer.uid = mirror(peer.uid));
        other.peers.reverse();
        other.validators.iter_mut().for_each(|validator| {
            validator.uid = mirror(validator.uid);
            let weights = validator.weights.as_mut().expect("set");
            weights.edges = flip(&weights.edges);
        });
        let (one, other) = (input.run(), other.run());
        for score in one.scores {
            let same = other.scores.iter().find(|other| other.uid == mirror(score.uid)).expect("a peer");
            prop_assert_eq!(EpochScore { uid: score.uid, ..*same }, score);
        }
    }

    /// C.9-8.
    #[test]
    fn the_unit_of_stake_does_not_matter(input in inputs(), factor in 1u128..1_000_000) {
        let mut scaled = input.clone();
        scaled.validators.iter_mut().for_each(|validator| validator.stake *= factor);
        prop_assert_eq!(input.run(), scaled.run());
    }

    /// C.9-9.
    #[test]
    fn an_unranked_peer_changes_nobody(input in inputs()) {
        let mut more = input.clone();
        more.peers.push(miner(500));
        let (before, mut after) = (input.run(), more.run());
        let added = after.scores.pop().expect("the new peer");
        prop_assert_eq!((added.uid, added.incentive), (500, 0));
        prop_assert_eq!(before, after);
    }

    /// R017: a higher rank, all else equal, is not paid less.
    #[test]
    fn more_weight_is_not_less_pay(weights in proptest::collection::vec(1u16..1_000, 5), rise in 0u16..1_000) {
        let row = |weights: &[u16]| (1..).zip(weights.iter().copied()).collect::<Row>();
        let pay = |weights: &[u16]| {
            score(&brain(vec![validator(0, BASED, &row(weights))], 1..6).run(), 3).incentive
        };
        let mut more = weights.clone();
        more[2] += rise;
        prop_assert!(pay(&more) >= pay(&weights));
    }

    #[test]
    fn hostile_input_never_panics(
        stake: u128, other: u128, set_at: u32, age: u32, cutoff: u32, beta: u64, accuracy: u64,
        edges in proptest::collection::vec((0u16..2_048, any::<u16>()), 0..40),
    ) {
        let mut one = validator(0, stake, &edges);
        one.weights = Some(WeightRow { set_at, edges: edges.clone() });
        one.bonds = Some(BondRow { written_at: set_at, age, edges });
        one.accuracy = accuracy;
        let mut input = brain(vec![one.clone(), EpochValidator { uid: 1, stake: other, ..one }], 2..2_048);
        (input.activity_cutoff, input.beta) = (cutoff, beta);
        let output = input.run();
        prop_assert_eq!(output.scores.len(), 2_048);
    }
}
