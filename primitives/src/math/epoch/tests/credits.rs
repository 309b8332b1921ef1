//! TrustCredits and adaptive weighting in the epoch (C.3, C.5b, C.5c).

use super::*;
use crate::constants::CREDIT_ONE;

fn credits(output: &EpochOutput, uid: Uid) -> u64 {
    output
        .credits
        .iter()
        .find(|(other, _)| *other == uid)
        .expect("a validator")
        .1
}

/// Runs epochs one after the other, each with the Credits and bonds that the one before left.
fn run_on(brain: &mut Brain) -> EpochOutput {
    let output = brain.input.run(&mut brain.rows);
    for (validator, (uid, credits)) in brain.input.validators.iter_mut().zip(&output.credits) {
        assert_eq!(validator.uid, *uid);
        validator.credits = *credits;
    }
    output
}

#[test]
fn the_best_supporter_gains_a_hundredth_and_the_others_in_proportion() {
    // Miner 2 stands high and miner 3 low: validator 0 supports the one, validator 1 both.
    let validators = vec![
        validator(0, 2 * BASED, &[(2, 1)]),
        validator(1, 2 * BASED, &[(2, 1), (3, 1)]),
    ];
    let output = brain(validators, 2..4).run();
    assert_eq!(credits(&output, 0), CREDIT_ONE / 100);
    let [high, low] = [2, 3].map(|uid| score(&output, uid).worth as f64);
    let expected = (high + low) / 2.0 / high / 100.0;
    assert!((credits(&output, 1) as f64 / CREDIT_ONE as f64 - expected).abs() < 1e-9);
    assert!(
        (high / CREDIT_ONE as f64
            - part(score(&output, 2).incentive, ONE_Q96) * part(score(&output, 2).consensus, ONE_Q64))
        .abs()
            < 1e-9
    );
}

#[test]
fn who_is_not_active_loses_a_hundredth() {
    let mut idle = validator(1, BASED, &[]);
    idle.0.revealed_at = None;
    idle.0.credits = 1_000;
    let output = brain(vec![validator(0, 2 * BASED, &[(2, 1)]), idle], 2..3).run();
    assert_eq!(credits(&output, 1), 990);
}

#[test]
fn early_support_of_a_rising_miner_leads_to_more_credits_than_late_support() {
    // Validator 0 sees the worth of miner 3 twenty epochs before validator 1 does.
    let before = vec![
        validator(0, 2 * BASED, &[(3, 1)]),
        validator(1, 2 * BASED, &[(4, 1)]),
        validator(2, 2 * BASED, &[(3, 1)]),
    ];
    let after = vec![
        validator(0, 2 * BASED, &[(3, 1)]),
        validator(1, 2 * BASED, &[(3, 1)]),
        validator(2, 2 * BASED, &[(3, 1)]),
    ];
    let mut network = brain(before, 3..5);
    for _ in 0..20 {
        run_on(&mut network);
    }
    network.rows = brain(after, 3..5).rows;
    let output = (0..20).map(|_| run_on(&mut network)).last().expect("epochs");
    assert!(
        credits(&output, 0) > credits(&output, 1) * 3 / 2,
        "{:?}",
        output.credits
    );
}

#[test]
fn credits_lift_influence_by_at_most_a_fifth() {
    let mut validators = vec![
        validator(0, 50 * BASED, &[(2, 1)]),
        validator(1, 50 * BASED, &[(3, 1)]),
    ];
    validators[0].0.credits = CREDIT_ONE;
    let output = brain(validators, 2..4).run();
    assert!((part(score(&output, 2).rank, ONE_Q96) - 120.0 / 220.0).abs() < 1e-12);
}

#[test]
fn edges_to_other_brains_make_half_of_the_gain() {
    let network = brain(
        vec![validator(0, BASED, &[(2, 1)]), validator(1, BASED, &[(2, 1)])],
        2..3,
    );
    let run = |elsewhere: u64| {
        let (mut run, mut rows) = (EpochRun::start(&network.input), network.rows.clone());
        while let Some((_, uid)) = run.next() {
            run.step(rows.get_mut(&uid).expect("set"), (uid == 1).then_some(elsewhere));
        }
        run.finish()
    };
    let own = score(&run(0), 2).worth;
    assert_eq!(credits(&run(0), 1), CREDIT_ONE / 200);
    assert_eq!(credits(&run(own), 1), CREDIT_ONE / 100);
    // Better peers elsewhere make the other one fall behind.
    assert_eq!(credits(&run(3 * own), 1), CREDIT_ONE / 100);
    assert_eq!(credits(&run(3 * own), 0), CREDIT_ONE / 200);
    // And they change nothing else.
    assert_eq!(run(0).scores, run(3 * own).scores);
}

#[test]
fn overcredited_validators_lose_weight_as_forecasts_gain_it() {
    let setting = |beta, accuracy| {
        let mut validators = vec![
            validator(0, 50 * BASED, &[(2, 1)]),
            validator(1, 50 * BASED, &[(3, 1)]),
        ];
        for (one, accuracy) in validators.iter_mut().zip([0, accuracy]) {
            one.0.credits = CREDIT_ONE / 10;
            one.0.accuracy = accuracy;
        }
        let mut brain = brain(validators, 2..4);
        brain.input.beta = beta;
        part(score(&brain.run(), 2).rank, ONE_Q96)
    };
    assert!((setting(0, PPB) - 0.5).abs() < 1e-12);
    // Nobody is accurate: forecasts say nothing about anybody.
    assert!((setting(PPB, 0) - 0.5).abs() < 1e-12);
    assert!((setting(PPB, PPB) - 0.5 / 1.5).abs() < 1e-9);
    assert!((setting(PPB / 2, PPB) - 0.75 / 1.75).abs() < 1e-9);
}
