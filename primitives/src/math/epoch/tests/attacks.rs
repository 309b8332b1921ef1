//! Attacks with their expected numbers (C.11).

use super::*;
use crate::math::apportion;

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
    let mut input = brain(validators.collect(), 0..0);
    // Everybody is active in that setting.
    input.input.percentile = 0;
    let total: Balance = stakes.iter().sum();
    let pay = |score: &EpochScore| {
        if consensus_counts {
            score.standing
        } else {
            score.rank
        }
    };
    let pays: Vec<u128> = input.run().scores.iter().map(pay).collect();
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
    idle.0.revealed_at = None;
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
    idle.0.revealed_at = Some(NOW - 1);
    idle.1 = Some(row(NOW - 1, &[(3, 1)]));
    assert!(brain(split(idle), 3..5).run().loss < 0);
}

/// Deterministic draws for the simulation below.
struct Draws(u64);

impl Draws {
    /// Uniform in [0, 1).
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Approximately normal with a standard deviation of one.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// Mean dividend of a validator that copies the ranks of `delay` epochs ago, relative to that of 19 honest noisy ones,
/// over 300 epochs in which each of 50 miners changes its quality with a chance of `churn`.
fn copier_to_honest(delay: usize, churn: f64, seed: u64) -> f64 {
    const HONEST: Uid = 19;
    const MINERS: Uid = 50;
    const EPOCHS: usize = 300;
    let mut draws = Draws(seed);
    let mut quality: Vec<f64> = (0..MINERS).map(|_| draws.next()).collect();
    let mut history: Vec<Vec<(Uid, u16)>> = Vec::new();
    let mut held: BTreeMap<Uid, WeightRow> = BTreeMap::new();
    let (mut copier, mut honest) = (0.0, 0.0);
    for epoch in 0..EPOCHS {
        for value in &mut quality {
            if draws.next() < churn {
                *value = draws.next();
            }
        }
        let to_row = |values: Vec<f64>| -> Vec<(Uid, u16)> {
            let first = HONEST + 1;
            (first..)
                .zip(
                    values
                        .into_iter()
                        .map(|value| (value.clamp(0.0, 1.0) * 60_000.0) as u16),
                )
                .collect()
        };
        let mut rows: Vec<Vec<(Uid, u16)>> = (0..HONEST)
            .map(|_| {
                to_row(
                    quality
                        .iter()
                        .map(|value| value + 0.02 * draws.normal())
                        .collect(),
                )
            })
            .collect();
        rows.push(
            epoch
                .checked_sub(delay)
                .map_or_else(|| rows[0].clone(), |past| history[past].clone()),
        );
        let validators: Vec<_> = (0..)
            .zip(&rows)
            .map(|(uid, row)| validator(uid, BASED, row))
            .collect();
        let mut input = brain(validators, HONEST + 1..HONEST + 1 + MINERS);
        for (uid, row) in (0..).zip(&rows) {
            input
                .rows
                .insert(uid, WeightRow::reveal(held.get(&uid), NOW - 10, row));
        }
        let output = input.input.run(&mut input.rows);
        // The next epoch is at the same block: these bonds are of the one before it.
        held = input.rows;
        held.values_mut()
            .for_each(|row| row.bonded_at = NOW - input.input.cycle_blocks);
        let dividend = |uid| part(score(&output, uid).dividend, ONE_Q64 * u128::from(PPB));
        if epoch >= EPOCHS / 5 {
            copier += dividend(HONEST);
            honest += (0..HONEST).map(dividend).sum::<f64>() / f64::from(HONEST);
        }
        history.push(to_row(
            output
                .scores
                .iter()
                .skip(20)
                .map(|score| part(score.rank, ONE_Q96) * 20.0)
                .collect(),
        ));
    }
    copier / honest
}

/// C.11-T5: who copies weights of three epochs ago or more earns less than those who measure.
#[test]
fn copying_old_weights_pays_less_than_measuring() {
    for (delay, churn, limit) in [(3, 0.05, 0.97), (10, 0.01, 0.97), (10, 0.05, 0.80)] {
        let seeds = 1..=4;
        let ratio = seeds
            .clone()
            .map(|seed| copier_to_honest(delay, churn, seed))
            .sum::<f64>()
            / 4.0;
        assert!(ratio < limit, "delay {delay}, churn {churn}: {ratio}");
    }
}
