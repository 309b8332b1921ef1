//! The epoch against an independent dense computation in doubles, written from the formulas of C.2 to C.5 alone.

use super::*;
use crate::constants::CREDIT_ONE;

/// What doubles find, by uid.
struct Expected {
    rank: Vec<f64>,
    trust: Vec<f64>,
    consensus: Vec<f64>,
    incentive: Vec<f64>,
    /// By validator and uid, in parts of 65,535.
    bonds: Vec<Vec<f64>>,
    dividend: Vec<f64>,
    credits: Vec<f64>,
    quality: f64,
    loss: f64,
    active: Vec<usize>,
}

fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        part / whole
    } else {
        0.0
    }
}

/// Runs the epoch on full matrices. Dividends follow from the `held` bonds, which are compared by themselves.
#[allow(clippy::too_many_lines)]
fn expected(brain: &Brain, held: &[Vec<f64>]) -> Expected {
    let input = &brain.input;
    let n = input
        .peers
        .iter()
        .map(|peer| usize::from(peer.uid) + 1)
        .max()
        .unwrap_or(0);
    let mut since = vec![f64::INFINITY; n];
    let mut miner = vec![false; n];
    for peer in &input.peers {
        since[usize::from(peer.uid)] = f64::from(peer.registered_at);
        miner[usize::from(peer.uid)] = peer.role == Role::Miner;
    }
    let (mut stake, mut accuracy, mut credits) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    for one in &input.validators {
        let uid = usize::from(one.uid);
        stake[uid] = one.stake as f64;
        accuracy[uid] = one.accuracy as f64 / 1e9;
        credits[uid] = one.credits as f64 / 1e18;
    }
    // Who is active.
    let mut counted: Vec<f64> = stake.iter().copied().filter(|stake| *stake >= 1e18).collect();
    counted.sort_by(f64::total_cmp);
    let bar = (!counted.is_empty()).then(|| counted[(70 * counted.len() + 99) / 100 - 1]);
    let (mut w, mut b) = (vec![vec![0.0; n]; n], vec![vec![0.0; n]; n]);
    let (mut active, mut fresh) = (Vec::new(), vec![false; n]);
    for one in &input.validators {
        let uid = usize::from(one.uid);
        let (Some(row), Some(revealed)) = (brain.rows.get(&one.uid), one.revealed_at) else {
            continue;
        };
        for entry in row.entries().filter(|entry| usize::from(entry.uid) < n) {
            let peer = usize::from(entry.uid);
            if peer != uid && since[peer] < f64::from(row.committed_at) {
                w[uid][peer] = f64::from(entry.weight);
            }
            if since[peer] < f64::from(row.bonded_at) && miner[peer] {
                let missed = f64::from((input.now - row.bonded_at) / input.cycle_blocks).max(1.0) - 1.0;
                b[uid][peer] = f64::from(entry.bond) * 0.9f64.powf(missed);
            }
        }
        let total = sum(w[uid].iter().copied());
        let age = input.now - revealed;
        let heavy = bar.is_some_and(|bar| stake[uid] >= bar);
        if heavy && age <= input.activity_cutoff && total > 0.0 {
            w[uid].iter_mut().for_each(|weight| *weight /= total);
            fresh[uid] = age <= input.cycle_blocks;
            active.push(uid);
        }
    }
    // Effective stake.
    let beta = input.beta as f64 / 1e9;
    let all_credits = sum(credits.iter().copied());
    let count = input.validators.len() as f64;
    let (c_active, a_active) = (
        sum(active.iter().map(|uid| credits[*uid])),
        sum(active.iter().map(|uid| accuracy[*uid])),
    );
    let mut s = vec![0.0; n];
    for uid in &active {
        let boost = 1.0 + 0.2 * ratio(credits[*uid] * count, all_credits).min(1.0);
        let (c, a) = (ratio(credits[*uid], c_active), ratio(accuracy[*uid], a_active));
        let divergence = if c > 0.0 && a_active > 0.0 {
            (c - a).max(0.0) / c
        } else {
            0.0
        };
        s[*uid] = stake[*uid] * boost * (1.0 - 0.5 * beta * divergence);
    }
    let all = sum(s.iter().copied());
    s.iter_mut().for_each(|share| *share = ratio(*share, all));
    // Rank, trust, consensus, incentive.
    let rank: Vec<f64> = (0..n)
        .map(|j| sum(active.iter().map(|i| s[*i] * w[*i][j])))
        .collect();
    let trusts = |i: usize, j: usize| i == j || w[i][j] > 0.0;
    let trust: Vec<f64> = (0..n)
        .map(|j| sum(active.iter().filter(|i| trusts(**i, j)).map(|i| s[*i])))
        .collect();
    let consensus: Vec<f64> = trust
        .iter()
        .map(|t| 1.0 / (1.0 + (-10.0 * (t - 0.5)).exp()))
        .collect();
    let p: Vec<f64> = rank.iter().zip(&consensus).map(|(r, c)| r * c).collect();
    let pool = sum((0..n).filter(|j| miner[*j]).map(|j| p[j]));
    let incentive: Vec<f64> = (0..n)
        .map(|j| if miner[j] { ratio(p[j], pool) } else { 0.0 })
        .collect();
    // Bonds.
    let mut bonds = vec![vec![0.0; n]; n];
    for i in &active {
        for j in (0..n).filter(|j| miner[*j]) {
            bonds[*i][j] = 0.9 * b[*i][j] + 0.1 * 65_535.0 * ratio(s[*i] * w[*i][j], rank[j]);
        }
    }
    // Dividends.
    let mut dividend = vec![0.0; n];
    for i in &active {
        let others: Vec<usize> = active.iter().copied().filter(|k| k != i && fresh[*k]).collect();
        let weight = sum(others.iter().map(|k| s[*k]));
        let agreement = if others.is_empty() {
            1.0
        } else {
            sum((0..n).map(|j| {
                let mean = ratio(sum(others.iter().map(|k| s[*k] * w[*k][j])), weight);
                w[*i][j].min(mean)
            }))
        };
        let earned = sum((0..n).map(|j| {
            let whole = sum(active.iter().map(|k| held[*k][j]));
            ratio(held[*i][j], whole) * incentive[j]
        }));
        dividend[*i] = agreement.powi(4) * earned;
    }
    let all_dividends = sum(dividend.iter().copied());
    let all_accurate = sum(active.iter().map(|i| accuracy[*i] * s[*i]));
    for i in &active {
        dividend[*i] = if pool > 0.0 {
            ratio(dividend[*i], all_dividends) + beta * ratio(accuracy[*i] * s[*i], all_accurate)
        } else {
            0.0
        };
    }
    // TrustCredits.
    let gain = |i: usize| sum((0..n).map(|j| w[i][j] * consensus[j] * incentive[j]));
    let best = active.iter().map(|i| gain(*i)).fold(0.0, f64::max);
    let credits = (0..n)
        .map(|i| {
            let gain = if active.contains(&i) {
                ratio(gain(i), best)
            } else {
                0.0
            };
            0.99 * credits[i] + 0.01 * gain
        })
        .collect();
    let all_rank = sum(rank.iter().copied());
    Expected {
        quality: ratio(sum(p.iter().copied()), all_rank),
        loss: -sum((0..n).map(|j| rank[j] * (consensus[j] - 0.5))),
        rank,
        trust,
        consensus,
        incentive,
        bonds,
        dividend,
        credits,
        active,
    }
}

/// Deterministic draws.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D).rotate_left(31) % bound.max(1)
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// One of the shapes a weight can have: dense or tiny, none, extreme.
    fn weight(&mut self, shape: u64) -> u16 {
        match shape {
            0 => 1,
            1 => u16::MAX,
            2 => (self.below(65_535) + 1) as u16,
            3 => [1, u16::MAX][self.below(2) as usize],
            _ => (self.below(100)) as u16,
        }
    }
}

/// A Brain of any shape.
fn arbitrary(draws: &mut Draws) -> Brain {
    let validators = [0, 1, 2, 3, 4, 7, 10, 25][draws.below(8) as usize];
    let miners = [0, 1, 2, 5, 17, 40][draws.below(6) as usize];
    let places = validators + miners;
    let (density, shape) = ([1, 1, 2, 5, 20][draws.below(5) as usize], draws.below(5));
    let spread = [1, 10, 1_000][draws.below(3) as usize];
    let vacant = draws.one_in(4).then(|| draws.below(places + 1));
    let mut peers = Vec::new();
    for uid in (0..places).filter(|uid| Some(*uid) != vacant) {
        peers.push(EpochPeer {
            uid: uid as Uid,
            role: if uid < validators {
                Role::Validator
            } else {
                Role::Miner
            },
            registered_at: if draws.one_in(10) {
                NOW - draws.below(3_000) as u32
            } else {
                0
            },
        });
    }
    let mut rows = BTreeMap::new();
    let mut settings = Vec::new();
    for peer in peers.iter().filter(|peer| peer.role == Role::Validator) {
        let revealed = NOW - [1, 500, 1_000, 1_001, 3_000, 5_000, 5_001][draws.below(7) as usize];
        settings.push(EpochValidator {
            uid: peer.uid,
            stake: match draws.below(12) {
                0 => 0,
                1 => BASED - BASED / 4,
                _ => BASED * u128::from(draws.below(spread) + 1),
            },
            revealed_at: (!draws.one_in(8)).then_some(revealed),
            accuracy: if draws.one_in(3) { 0 } else { draws.below(PPB + 1) },
            credits: if draws.one_in(3) {
                0
            } else {
                draws.below(CREDIT_ONE + 1)
            },
        });
        if draws.one_in(12) {
            continue;
        }
        let mut entries = Vec::new();
        // Beyond the last place, too.
        for uid in 0..places + 2 {
            let weight = if draws.one_in(density) {
                draws.weight(shape)
            } else {
                0
            };
            let bond = if draws.one_in(3) {
                draws.below(65_536) as u16
            } else {
                0
            };
            if weight > 0 || bond > 0 {
                entries.push(Entry {
                    uid: uid as Uid,
                    weight,
                    bond,
                });
            }
        }
        let bonded_at = NOW - 1_000 * (draws.below(6) as u32 + 1);
        rows.insert(peer.uid, WeightRow::of(revealed - 1, bonded_at, &entries));
    }
    let input = EpochInput {
        now: NOW,
        cycle_blocks: 1_000,
        activity_cutoff: 5_000,
        percentile: 70,
        beta: [0, PPB / 3, PPB][draws.below(3) as usize],
        peers,
        validators: settings,
    };
    Brain { input, rows }
}

fn close(found: f64, expected: f64, tolerance: f64, what: &str, seed: u64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what} of seed {seed}: {found} is not {expected}"
    );
}

fn compare(brain: &Brain, seed: u64) -> bool {
    let (output, bonds) = brain.run_with_bonds();
    let n = brain
        .input
        .peers
        .iter()
        .map(|peer| usize::from(peer.uid) + 1)
        .max()
        .unwrap_or(0);
    let mut held = vec![vec![0.0; n]; n];
    for (validator, row) in &bonds {
        for (uid, bond) in row {
            held[usize::from(*validator)][usize::from(*uid)] = f64::from(*bond);
        }
    }
    let expected = expected(brain, &held);
    assert_eq!(output.scores.len(), brain.input.peers.len(), "seed {seed}");
    assert_eq!(
        usize::from(output.active),
        expected.active.len(),
        "active of seed {seed}"
    );
    for score in &output.scores {
        let uid = usize::from(score.uid);
        close(part(score.rank, ONE_Q96), expected.rank[uid], 1e-13, "rank", seed);
        close(
            part(score.trust, ONE_Q64),
            expected.trust[uid],
            1e-13,
            "trust",
            seed,
        );
        close(
            part(score.consensus, ONE_Q64),
            expected.consensus[uid],
            1e-12,
            "consensus",
            seed,
        );
        close(
            part(score.incentive, ONE_Q96),
            expected.incentive[uid],
            1e-12,
            "incentive",
            seed,
        );
        let dividend = part(score.dividend, ONE_Q64) / PPB as f64;
        close(dividend, expected.dividend[uid], 1e-10, "dividend", seed);
    }
    for uid in &expected.active {
        for (found, bond) in held[*uid].iter().zip(&expected.bonds[*uid]) {
            // Rounded down when it fades and when it is averaged.
            close(*found, *bond, 2.0, "bond", seed);
        }
    }
    for (uid, credits) in &output.credits {
        let credits = *credits as f64 / 1e18;
        close(
            credits,
            expected.credits[usize::from(*uid)],
            1e-12,
            "credits",
            seed,
        );
    }
    close(
        output.quality as f64 / 1e9,
        expected.quality,
        2e-9,
        "quality",
        seed,
    );
    close(output.loss as f64 / 1e9, expected.loss, 2e-9, "loss", seed);
    !expected.active.is_empty() && expected.incentive.iter().any(|incentive| *incentive > 0.0)
}

#[test]
fn two_thousand_random_brains_agree_with_doubles() {
    let mut draws = Draws(0x9E37_79B9_7F4A_7C15);
    let paying = (0..2_000)
        .filter(|seed| compare(&arbitrary(&mut draws), *seed))
        .count();
    assert!(paying > 800, "only {paying} of the matrices pay anybody");
}

#[test]
fn a_full_brain_agrees_with_doubles() {
    let mut draws = Draws(7);
    let settings = (0..MAX_VALIDATORS).map(|uid| {
        let row: Vec<(Uid, u16)> = (0..MAX_PEERS)
            .filter(|peer| *peer != uid)
            .map(|peer| (peer, draws.weight(2)))
            .collect();
        validator(uid, BASED * u128::from(uid + 1), &row)
    });
    let settings = settings.collect();
    let brain = brain(settings, MAX_VALIDATORS..MAX_PEERS);
    assert!(compare(&brain, 0));
    assert_eq!(brain.run().active, 77);
}
