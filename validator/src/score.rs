//! From canary results to weights.
//!
//! A miner's score is the moving average of its correctness times a factor for its latency. It is the audit score
//! that would be lost if the miner's answers were left out, which is the pruning score of C.5(a) for peers without
//! gradients; weights are these scores with the public jitter that makes copies of a row detectable.

use std::collections::BTreeMap;

use based_primitives::{Uid, WeightTerms};
use sha2::{Digest, Sha256};

/// Share of a new observation in the moving averages.
const NEW: f64 = 0.3;
/// Correctness below which a miner's latency does not set the pace for others.
const TRUSTED: f64 = 0.5;
/// Correctness below which a miner gets no weight.
const FLOOR: f64 = 0.05;
/// Largest relative jitter of a weight (C.5(a) allows 0.05).
const JITTER: f64 = 0.01;
/// Where weights are to be spread, a weight is at most this fraction (one over it) of its row: less than the chain
/// allows, since peers may leave before the reveal.
const SPREAD: u64 = 100;
const CONTEXT: &[u8] = b"based/weights/1";

/// What one canary showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The decrypted answer equals the oracle's; wall time in seconds.
    Pass(f64),
    /// The answer was wrong, malformed, or did not come.
    Fail,
}

/// What is known of one miner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// Moving average of correctness, 0 to 1.
    pub correctness: f64,
    /// Moving average of the latency of correct answers, in seconds; none before the first.
    pub latency: Option<f64>,
    /// Canaries counted.
    pub samples: u64,
}

impl Standing {
    /// Takes a canary into account; the first counts fully.
    pub fn observe(&mut self, outcome: Outcome) {
        let share = if self.samples == 0 { 1.0 } else { NEW };
        let correct = match outcome {
            Outcome::Pass(seconds) => {
                let seconds = seconds.max(1e-3);
                self.latency = Some(self.latency.map_or(seconds, |old| old + NEW * (seconds - old)));
                1.0
            }
            Outcome::Fail => 0.0,
        };
        self.correctness += share * (correct - self.correctness);
        self.samples += 1;
    }
}

/// Scores of miners, 0 to 1, in the order given: correctness times the fastest trusted miner's latency over one's
/// own.
pub fn scores(standings: &[Standing]) -> Vec<f64> {
    let pace = standings
        .iter()
        .filter(|s| s.correctness >= TRUSTED)
        .filter_map(|s| s.latency)
        .min_by(f64::total_cmp);
    standings
        .iter()
        .map(|standing| match (standing.latency, pace) {
            (Some(own), Some(best)) if standing.correctness >= FLOOR => {
                standing.correctness * (best / own).min(1.0)
            }
            (Some(_), None) if standing.correctness >= FLOOR => standing.correctness,
            _ => 0.0,
        })
        .collect()
}

/// Weights from scores by uid: ascending, no zeros, the best at most 65,535. `seed` is public
/// randomness of the round and `validator` the account that sets them; anybody can recompute the jitter.
/// Empty if nobody scored.
pub fn weights(mut scored: Vec<(Uid, f64)>, seed: &[u8; 32], validator: &[u8; 32]) -> Vec<(Uid, u16)> {
    scored.sort_by_key(|(uid, _)| *uid);
    scored.dedup_by_key(|(uid, _)| *uid);
    let jittered: Vec<(Uid, f64)> = scored
        .into_iter()
        .map(|(uid, score)| (uid, score * (1.0 + jitter(seed, validator, uid))))
        .collect();
    let best = jittered.iter().map(|(_, score)| *score).fold(0.0, f64::max);
    if best <= 0.0 {
        return Vec::new();
    }
    jittered
        .into_iter()
        .map(|(uid, score)| (uid, (score / best * f64::from(u16::MAX)).round() as u16))
        .filter(|(_, weight)| *weight > 0)
        .collect()
}

/// A row that the Brain takes: with further miners at the smallest weight if it asks for more than scored, and, where it
/// asks for rows that are spread, with the largest weights lowered until none makes up more than a hundredth.
pub fn admissible(row: Vec<(Uid, u16)>, miners: &[Uid], terms: &WeightTerms) -> Vec<(Uid, u16)> {
    let mut by_uid: BTreeMap<Uid, u16> = row.into_iter().collect();
    let needed = if terms.spread {
        miners.len()
    } else {
        usize::from(terms.min_weights)
    };
    for uid in miners {
        if by_uid.len() >= needed {
            break;
        }
        by_uid.entry(*uid).or_insert(1);
    }
    if terms.spread {
        let fits = |most: u16| {
            let sum: u64 = by_uid.values().map(|weight| u64::from(*weight.min(&most))).sum();
            u64::from(most) * SPREAD <= sum
        };
        let most = (1..=u16::MAX).rev().find(|most| fits(*most)).unwrap_or(1);
        by_uid
            .values_mut()
            .for_each(|weight| *weight = (*weight).min(most));
    }
    by_uid.into_iter().collect()
}

/// Relative jitter of one weight, evenly spread over `-JITTER..JITTER`.
fn jitter(seed: &[u8; 32], validator: &[u8; 32], uid: Uid) -> f64 {
    let digest = Sha256::new()
        .chain_update(CONTEXT)
        .chain_update(seed)
        .chain_update(validator)
        .chain_update(uid.to_le_bytes())
        .finalize();
    let draw = u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]);
    JITTER * (2.0 * f64::from(draw) / (f64::from(u32::MAX) + 1.0) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(outcomes: &[Outcome]) -> Standing {
        let mut standing = Standing::default();
        outcomes.iter().for_each(|o| standing.observe(*o));
        standing
    }

    #[test]
    fn the_first_canary_counts_fully_and_later_ones_by_their_share() {
        assert_eq!(after(&[Outcome::Pass(2.0)]).correctness, 1.0);
        assert_eq!(after(&[Outcome::Fail]).correctness, 0.0);
        let mixed = after(&[Outcome::Pass(2.0), Outcome::Fail]);
        assert!((mixed.correctness - 0.7).abs() < 1e-12);
        assert_eq!(mixed.latency, Some(2.0), "a failure says nothing about speed");
    }

    #[test]
    fn a_miner_that_fails_loses_its_score_within_a_dozen_canaries() {
        let mut outcomes = vec![Outcome::Pass(1.0); 20];
        outcomes.extend([Outcome::Fail; 12]);
        assert_eq!(scores(&[after(&outcomes)]), [0.0]);
    }

    #[test]
    fn half_the_speed_is_half_the_score_and_a_single_miner_sets_its_own_pace() {
        let [fast, slow] = [after(&[Outcome::Pass(10.0)]), after(&[Outcome::Pass(20.0)])];
        assert_eq!(scores(&[fast, slow]), [1.0, 0.5]);
        assert_eq!(scores(&[slow]), [1.0]);
    }

    #[test]
    fn a_quick_liar_does_not_set_the_pace() {
        let liar = after(&[Outcome::Pass(0.1), Outcome::Fail, Outcome::Fail, Outcome::Fail]);
        let honest = after(&[Outcome::Pass(10.0)]);
        let scored = scores(&[liar, honest]);
        assert_eq!(scored[1], 1.0);
        assert!(scored[0] < 0.5);
    }

    #[test]
    fn unknown_miners_score_nothing() {
        assert_eq!(
            scores(&[Standing::default(), after(&[Outcome::Pass(1.0)])]),
            [0.0, 1.0]
        );
    }

    #[test]
    fn weights_ascend_without_zeros_and_keep_proportions() {
        let set = weights(vec![(9, 0.5), (2, 1.0), (4, 0.0), (30, 0.25)], &[1; 32], &[2; 32]);
        assert_eq!(set.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(), [2, 9, 30]);
        for ((_, weight), score) in set.iter().zip([1.0, 0.5, 0.25]) {
            assert!(
                (f64::from(*weight) / 65_535.0 - score).abs() < 0.03 * score,
                "{weight} for {score}"
            );
        }
        assert_eq!(set.iter().map(|(_, w)| *w).max(), Some(u16::MAX));
        assert!(weights(vec![(1, 0.0)], &[1; 32], &[2; 32]).is_empty());
        assert!(weights(Vec::new(), &[1; 32], &[2; 32]).is_empty());
    }

    fn terms(min_weights: u16, spread: bool) -> WeightTerms {
        WeightTerms {
            reveal_delay: 3,
            min_weights,
            spread,
        }
    }

    #[test]
    fn rows_are_as_long_as_the_brain_asks() {
        let row = vec![(3, 65_535), (9, 40)];
        let miners: Vec<Uid> = (2..12).collect();
        assert_eq!(admissible(row.clone(), &miners, &terms(1, false)), row);
        assert_eq!(
            admissible(row.clone(), &miners, &terms(4, false)),
            [(2, 1), (3, 65_535), (4, 1), (9, 40)]
        );
        assert_eq!(admissible(row, &miners, &terms(99, false)).len(), 10);
    }

    #[test]
    fn rows_are_spread_where_the_brain_asks_for_it() {
        let miners: Vec<Uid> = (2..1_500).collect();
        for row in [
            vec![(3, 65_535), (9, 40)],
            (2..1_000).map(|uid| (uid, 60 * uid)).collect(),
        ] {
            let spread = admissible(row.clone(), &miners, &terms(1, true));
            let sum: u64 = spread.iter().map(|(_, weight)| u64::from(*weight)).sum();
            assert!(spread.iter().all(|(_, weight)| u64::from(*weight) * 100 <= sum));
            assert_eq!(spread.len(), miners.len());
            let order = |edges: &[(Uid, u16)]| edges.iter().find(|(uid, _)| *uid == 3).unwrap().1;
            assert!(order(&spread) <= order(&row));
        }
    }

    #[test]
    fn jitter_is_public_and_tells_validators_and_rounds_apart() {
        let scored = || (0..8).map(|uid| (uid, 0.9)).collect::<Vec<_>>();
        let row = |seed, validator| weights(scored(), &[seed; 32], &[validator; 32]);
        assert_eq!(row(1, 1), row(1, 1));
        assert_ne!(row(1, 1), row(1, 2));
        assert_ne!(row(1, 1), row(2, 1));
    }
}
