//! C.11-T5: validators that copy public consensus instead of measuring.

use std::path::Path;

use based_primitives::{constants::BASED, math::is_copy, math::ONE_Q96, Uid};

use crate::{
    network::{part, score, Network},
    plot::{lines, Line},
    Figure,
};

const HONEST: Uid = 19;
const MINERS: Uid = 50;
const CYCLES: usize = 300;
/// Standard deviation of an honest measurement.
const NOISE: f64 = 0.02;
const SEEDS: u64 = 12;

/// Deterministic draws.
struct Draws(u64);

impl Draws {
    /// Uniform in [0, 1).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Approximately normal with a standard deviation of one.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// Dividends of the copier relative to an honest validator's: by the rule, and by bonds without the agreement gate.
struct Outcome {
    gated: f64,
    /// Rows of the copier that a reveal would refuse as copies.
    refused: usize,
}

fn row(values: impl Iterator<Item = f64>) -> Vec<(Uid, u16)> {
    let first = HONEST + 1;
    (first..)
        .zip(values.map(|value| (value.clamp(0.0, 1.0) * 60_000.0) as u16))
        .collect()
}

/// Runs 300 cycles in which each miner changes its quality with a chance of `churn`; the copier repeats the consensus
/// of `delay` cycles ago, with a jitter of this size.
fn run_once(delay: usize, churn: f64, jitter: f64, seed: u64) -> Outcome {
    let mut draws = Draws(seed << 32);
    let mut quality: Vec<f64> = (0..MINERS).map(|_| draws.next()).collect();
    let mut network = Network::new(&[BASED; HONEST as usize + 1], MINERS);
    let mut history: Vec<Vec<(Uid, u16)>> = Vec::new();
    let (mut copier, mut honest, mut refused) = (0u128, 0u128, 0);
    for cycle in 0..CYCLES {
        for value in &mut quality {
            if draws.next() < churn {
                *value = draws.next();
            }
        }
        for uid in 0..HONEST {
            let measured: Vec<f64> = quality
                .iter()
                .map(|value| value + NOISE * draws.normal())
                .collect();
            network.reveal(uid, &row(measured.into_iter()));
        }
        let copied = match cycle.checked_sub(delay) {
            Some(past) => {
                let noisy =
                    |(_, value): &(Uid, u16)| f64::from(*value) / 60_000.0 * (1.0 + jitter * draws.normal());
                row(history[past].iter().map(noisy).collect::<Vec<_>>().into_iter())
            }
            None => row(quality.iter().copied()),
        };
        refused += usize::from(
            history
                .iter()
                .rev()
                .take(8)
                .any(|public| is_copy(&copied, public, HONEST)),
        );
        network.reveal(HONEST, &copied);
        // Both sides have the same TrustCredits: what is measured is the gate alone.
        network
            .input
            .validators
            .iter_mut()
            .for_each(|validator| validator.credits = 0);
        let output = network.epoch();
        if cycle >= CYCLES / 5 {
            copier += score(&output, HONEST).dividend >> 16;
            honest += (0..HONEST)
                .map(|uid| score(&output, uid).dividend >> 16)
                .sum::<u128>();
        }
        let ranks =
            (HONEST + 1..HONEST + 1 + MINERS).map(|uid| part(score(&output, uid).rank, ONE_Q96) * 20.0);
        history.push(row(ranks.collect::<Vec<_>>().into_iter()));
    }
    Outcome {
        gated: part(copier * u128::from(HONEST), honest),
        refused,
    }
}

/// Mean and its standard error over the seeds.
fn over_seeds(delay: usize, churn: f64, jitter: f64) -> (f64, f64, usize) {
    let outcomes: Vec<Outcome> = (1..=SEEDS)
        .map(|seed| run_once(delay, churn, jitter, seed))
        .collect();
    let count = outcomes.len() as f64;
    let mean = outcomes.iter().map(|outcome| outcome.gated).sum::<f64>() / count;
    let variance = outcomes
        .iter()
        .map(|outcome| (outcome.gated - mean).powi(2))
        .sum::<f64>()
        / (count - 1.0);
    let refused = outcomes.iter().map(|outcome| outcome.refused).sum();
    (mean, (variance / count).sqrt(), refused)
}

pub fn run(folder: &Path) -> std::io::Result<Vec<Figure>> {
    println!("T5  dividend of a copier over an honest validator's, mean of {SEEDS} seeds (standard error)");
    println!("    delay   churn .01            churn .05");
    let (mut slow, mut fast) = (Vec::new(), Vec::new());
    let mut figures = Vec::new();
    for delay in [1, 2, 3, 4, 6, 10] {
        let (p01, error01, _) = over_seeds(delay, 0.01, 0.0);
        let (p05, error05, _) = over_seeds(delay, 0.05, 0.0);
        println!("    {delay:>5}   {p01:.4} ({error01:.4})      {p05:.4} ({error05:.4})");
        slow.push((delay as f64, p01));
        fast.push((delay as f64, p05));
        if delay == 3 {
            for (key, value) in [("copier_to_honest_p01", p01), ("copier_to_honest_p05", p05)] {
                figures.push(Figure {
                    key,
                    value,
                    unit: "ratio",
                    target: Some(1.0),
                });
            }
        }
    }
    println!("    with the delay of 3 cycles what is copied is 4 cycles older than what is measured");
    let rows = SEEDS as usize * CYCLES;
    for jitter in [0.0, 1e-5, 1e-3] {
        let (ratio, error, refused) = over_seeds(3, 0.01, jitter);
        println!("    jitter {jitter:.0e} of the copy: {refused} of {rows} rows refused; were they not, {ratio:.4} ({error:.4})");
    }
    let curves = [Line::through("churn .01", slow), Line::through("churn .05", fast)];
    lines(
        &folder.join("attacks-copying.svg"),
        "Copier to honest",
        "delay in cycles",
        &curves,
    )?;
    Ok(figures)
}
