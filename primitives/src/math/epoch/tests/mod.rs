//! Behaviour of the epoch; attacks and general properties have modules of their own.

use super::*;
use crate::constants::BASED;

mod attacks;
mod credits;
mod properties;
mod reference;

const NOW: BlockNumber = 10_000;

fn miner(uid: Uid) -> EpochPeer {
    EpochPeer {
        uid,
        role: Role::Miner,
        registered_at: 0,
    }
}

/// A validator and its row.
type Setting = (EpochValidator, Option<WeightRow>);

/// Entries without bonds.
fn row(set_at: BlockNumber, edges: &[(Uid, u16)]) -> WeightRow {
    WeightRow::reveal(None, set_at, edges)
}

fn validator(uid: Uid, stake: Balance, edges: &[(Uid, u16)]) -> Setting {
    let validator = EpochValidator {
        uid,
        stake,
        revealed_at: Some(NOW - 10),
        accuracy: 0,
        credits: 0,
    };
    (validator, Some(row(NOW - 10, edges)))
}

/// A Brain and the rows of its validators.
#[derive(Clone, Debug)]
struct Brain {
    input: EpochInput,
    rows: BTreeMap<Uid, WeightRow>,
}

impl Brain {
    fn run(&self) -> EpochOutput {
        self.run_with_bonds().0
    }

    /// The output, and each validator's bonds afterwards.
    fn run_with_bonds(&self) -> (EpochOutput, Vec<(Uid, Vec<(Uid, u16)>)>) {
        let mut rows = self.rows.clone();
        let output = self.input.run(&mut rows);
        assert!(rows.values().all(WeightRow::is_sound));
        let bonds = rows
            .iter()
            .filter(|(_, row)| row.bonded_at == self.input.now)
            .map(|(uid, row)| {
                let held = row.entries().filter(|entry| entry.bond > 0);
                (*uid, held.map(|entry| (entry.uid, entry.bond)).collect())
            })
            .collect();
        (output, bonds)
    }
}

/// Validators keep the uids they state; `miners` follow them.
fn brain(validators: Vec<Setting>, miners: core::ops::Range<Uid>) -> Brain {
    let mut peers: Vec<_> = validators
        .iter()
        .map(|(validator, _)| EpochPeer {
            uid: validator.uid,
            role: Role::Validator,
            registered_at: 0,
        })
        .chain(miners.map(miner))
        .collect();
    peers.sort_by_key(|peer| peer.uid);
    let (validators, rows): (Vec<_>, Vec<_>) = validators
        .into_iter()
        .map(|(validator, row)| (validator, row.map(|row| (validator.uid, row))))
        .unzip();
    let input = EpochInput {
        now: NOW,
        cycle_blocks: 1_000,
        activity_cutoff: 5_000,
        percentile: 70,
        beta: 0,
        peers,
        validators,
    };
    let rows = rows.into_iter().flatten().collect();
    Brain { input, rows }
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
    let (output, bonds) = brain(vec![validator(0, BASED, &[(1, 100), (2, 300)])], 1..4).run_with_bonds();
    assert!((part(score(&output, 1).incentive, ONE_Q96) - 0.25).abs() < 1e-15);
    assert!((part(score(&output, 2).incentive, ONE_Q96) - 0.75).abs() < 1e-15);
    assert_eq!(score(&output, 3).incentive, 0);
    assert_eq!(score(&output, 0).dividend, ONE_Q64 * u128::from(PPB));
    assert_eq!(score(&output, 1).trust, ONE_Q64);
    // All rank reached the consensus of everybody: sigmoid(5).
    assert_eq!(output.quality, 993_307_149);
    assert_eq!(bonds, vec![(0, vec![(1, 6_553), (2, 6_553)])]);
    assert_eq!(output.active, 1);
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
    let (output, bonds) = brain(validators, 4..8).run_with_bonds();
    let ranked: Vec<_> = output
        .scores
        .iter()
        .filter(|score| score.rank > 0)
        .map(|score| score.uid)
        .collect();
    assert_eq!(ranked, vec![6, 7]);
    assert_eq!(bonds.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(), vec![2, 3]);
}

#[test]
fn a_silent_validator_still_raises_the_bar() {
    let mut silent = validator(3, 4 * BASED, &[]);
    silent.0.revealed_at = None;
    silent.1 = None;
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
        one.0.revealed_at = Some(NOW - age);
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
    let held = [1, 2].map(|uid| Entry {
        uid,
        weight: 1,
        bond: 10_000,
    });
    one.1 = Some(WeightRow::of(NOW - 10, NOW - 1_000, &held));
    let mut brain = brain(vec![one], 1..3);
    // Uid 2 was given away in the very block in which the validator committed itself.
    brain.input.peers[2].registered_at = NOW - 10;
    let (output, bonds) = brain.run_with_bonds();
    assert_eq!(score(&output, 2).rank, 0);
    assert_eq!(bonds, vec![(0, vec![(1, 9_000 + 6_553)])]);
}

#[test]
fn nobody_ranked_means_nobody_paid() {
    let nobody = brain(vec![], 0..3).run();
    assert_eq!((nobody.quality, nobody.active), (0, 0));
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
    let mut brain = brain(vec![validator(0, BASED, &row), validator(1, BASED, &row)], 2..4);
    brain.input.validators[0].accuracy = PPB;
    brain.input.validators[1].accuracy = PPB / 3;
    let share = |output: &EpochOutput| {
        let [one, other] = [0, 1].map(|uid| score(output, uid).dividend);
        part(one, one + other)
    };
    assert!((share(&brain.run()) - 0.5).abs() < 1e-15);
    brain.input.beta = PPB;
    assert!((share(&brain.run()) - 0.625).abs() < 1e-9);
    brain
        .input
        .validators
        .iter_mut()
        .for_each(|validator| validator.accuracy = 0);
    assert!((share(&brain.run()) - 0.5).abs() < 1e-15);
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

#[test]
fn agreement_is_with_those_who_revealed_in_the_cycle() {
    // Validator 2 still counts, but its row is of an earlier cycle: the others are not judged by it.
    let agreeing = [(3, 1), (4, 1)];
    let mut old = validator(2, BASED, &[(5, 1)]);
    old.0.revealed_at = Some(NOW - 1_001);
    let dividend = |old: Setting| {
        let validators = vec![
            validator(0, BASED, &agreeing),
            validator(1, BASED, &agreeing),
            old,
        ];
        let output = brain(validators, 3..6).run();
        [0, 1, 2].map(|uid| part(score(&output, uid).dividend, ONE_Q64 * u128::from(PPB)))
    };
    let shares = dividend(old.clone());
    // In full agreement with each other; the old one overlaps with nobody.
    assert!((shares[0] - 0.5).abs() < 1e-12 && shares[2] == 0.0, "{shares:?}");
    // Alone in its cycle a validator agrees by definition.
    let validators = vec![validator(0, BASED, &agreeing), old];
    let output = brain(validators, 3..6).run();
    assert!(score(&output, 0).dividend > 0);
}

#[test]
fn bonds_fade_over_the_epochs_that_were_missed() {
    let bonds_after = |bonded_at| {
        let held = [
            Entry {
                uid: 1,
                weight: 0,
                bond: 10_000,
            },
            Entry {
                uid: 2,
                weight: 1,
                bond: 0,
            },
        ];
        let mut one = validator(0, BASED, &[]);
        one.1 = Some(WeightRow::of(NOW - 10, bonded_at, &held));
        brain(vec![one], 1..3).run_with_bonds().1
    };
    assert_eq!(bonds_after(NOW - 1_000), vec![(0, vec![(1, 9_000), (2, 6_553)])]);
    assert_eq!(bonds_after(NOW - 3_000), vec![(0, vec![(1, 7_289), (2, 6_553)])]);
    // A bond written in the block in which the peer registered is another's.
    assert_eq!(bonds_after(0), vec![(0, vec![(2, 6_553)])]);
}

#[test]
fn an_epoch_that_rests_after_every_step_ends_alike() {
    let validators = (0..9)
        .map(|uid| validator(uid, BASED, &[(9 + uid, 5), (12, 7), (30, 1)]))
        .collect();
    let brain = brain(validators, 9..20);
    let mut rows = brain.rows.clone();
    let expected = brain.input.run(&mut rows);
    let (mut run, mut resumed) = (EpochRun::start(&brain.input), brain.rows.clone());
    let mut steps = 0;
    while let Some((_, uid)) = run.next() {
        let stored = run.encode();
        assert!(stored.len() <= EpochRun::max_encoded_len());
        run = EpochRun::decode(&mut &stored[..]).expect("as encoded");
        run.step(resumed.get_mut(&uid).expect("set"), None);
        steps += 1;
    }
    assert_eq!(steps, 4 * 9);
    assert_eq!(run.next(), None);
    assert_eq!((run.finish(), resumed), (expected, rows));
}

#[test]
fn a_validator_that_leaves_between_steps_costs_the_others_nothing() {
    let edges = [(2, 1), (3, 1)];
    let brain = brain(
        vec![validator(0, BASED, &edges), validator(1, BASED, &edges)],
        2..4,
    );
    let (mut run, mut rows) = (EpochRun::start(&brain.input), brain.rows.clone());
    while let Some((pass, uid)) = run.next() {
        if pass == Pass::Bonds {
            rows.insert(1, WeightRow::default());
        }
        run.step(rows.get_mut(&uid).expect("set"), None);
    }
    let output = run.finish();
    assert_eq!(score(&output, 1).dividend, 0);
    assert_eq!(score(&output, 0).dividend, ONE_Q64 * u128::from(PPB));
}

#[test]
fn the_largest_state_fits_its_bound() {
    let validators = (0..MAX_VALIDATORS)
        .map(|uid| validator(uid, BASED, &[(300, 1)]))
        .collect();
    let run = EpochRun::start(&brain(validators, MAX_VALIDATORS..MAX_PEERS).input);
    assert!(
        run.encoded_size() <= EpochRun::max_encoded_len(),
        "{}",
        run.encoded_size()
    );
    assert!(run.encoded_size() > EpochRun::max_encoded_len() * 9 / 10);
}

#[test]
fn a_revealed_row_keeps_the_bonds_of_the_one_before() {
    let entry = |uid, weight, bond| Entry { uid, weight, bond };
    let old = WeightRow::of(1, 5, &[entry(1, 9, 0), entry(2, 9, 7), entry(4, 0, 3)]);
    let new = WeightRow::reveal(Some(&old), 8, &[(0, 0), (2, 4), (3, 6)]);
    assert_eq!(
        new,
        WeightRow::of(8, 5, &[entry(2, 4, 7), entry(3, 6, 0), entry(4, 0, 3)])
    );
    assert!(new.is_sound() && new.len() == 3);
}
