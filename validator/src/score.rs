//! From canary results to weights.
//!
//! A Brain's [`audit`] score is the share of canaries answered correctly and in time that is to be expected when each
//! goes to one of its miners, all alike likely. A miner's score is how far that falls when its answers are left out,
//! which is the pruning score of C.5(a) for peers without gradients (R113), times the number of miners; so it is 1 for
//! whoever always answers right and at the pace of the fastest. Weights are these scores with a jitter from public
//! randomness, which makes copies of a row detectable.

use std::collections::BTreeMap;

use based_primitives::{forecasts::RoundRecord, Uid, WeightTerms};
use codec::Encode;
use sha2::{Digest, Sha256};
use sp_core::H256;

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
const SEED_CONTEXT: &[u8] = b"based/seed/1";

/// What one canary showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The decrypted answer equals the oracle's; wall time in seconds.
    Pass(f64),
    /// The same; how long it took says nothing, as the way in which it was asked takes its own time.
    Untimed,
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
            Outcome::Untimed => 1.0,
            Outcome::Fail => 0.0,
        };
        self.correctness += share * (correct - self.correctness);
        self.samples += 1;
    }
}

/// Audit score of miners, 0 to 1: the share of canaries that is to be expected to be answered correctly and in time
/// when each goes to one of them, all alike likely. An answer of a miner is correct as often as those before, and in
/// time as often as the fastest trusted miner's latency goes into its own, which is the work that it gets done while
/// that one answers. The answers of `left_out` are left out: its canaries stay without one, and the measure of time is
/// still that of all. 0 without miners.
pub fn audit(standings: &[Standing], left_out: Option<usize>) -> f64 {
    let pace = pace(standings);
    let heard = standings
        .iter()
        .enumerate()
        .filter(|(place, _)| Some(*place) != left_out);
    let answered: f64 = heard.map(|(_, standing)| timely(standing, pace)).sum();
    answered / standings.len().max(1) as f64
}

/// Scores of miners, 0 to 1, in the order given: the fall of the [`audit`] score when the answers of one are left out,
/// times the number of miners, in closed form.
pub fn scores(standings: &[Standing]) -> Vec<f64> {
    let pace = pace(standings);
    standings.iter().map(|standing| timely(standing, pace)).collect()
}

/// Latency of the fastest miner that can be trusted.
fn pace(standings: &[Standing]) -> Option<f64> {
    standings
        .iter()
        .filter(|s| s.correctness >= TRUSTED)
        .filter_map(|s| s.latency)
        .min_by(f64::total_cmp)
}

/// Part of a miner's canaries that it answers correctly and in time.
fn timely(standing: &Standing, pace: Option<f64>) -> f64 {
    match (standing.latency, pace) {
        _ if standing.correctness < FLOOR => 0.0,
        (Some(own), Some(best)) => standing.correctness * (best / own).min(1.0),
        // Nothing is known of its time, or of that of any that can be trusted.
        _ => standing.correctness,
    }
}

/// Public randomness of a round: of the block of the epoch before it, by its hash, and of the Enforcer, whose output
/// at that block is the record of the last round of forecasts that was scored, if any was (C.5a).
pub fn seed(block: H256, record: Option<&RoundRecord>) -> [u8; 32] {
    Sha256::new()
        .chain_update(SEED_CONTEXT)
        .chain_update(block)
        .chain_update(record.encode())
        .finalize()
        .into()
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
    fn an_answer_without_a_time_counts_as_right_and_leaves_the_pace_as_it_was() {
        let timed = after(&[Outcome::Pass(10.0)]);
        let both = after(&[Outcome::Pass(10.0), Outcome::Untimed]);
        assert_eq!((both.latency, both.correctness), (timed.latency, 1.0));
        let untimed = after(&[Outcome::Untimed]);
        assert_eq!(scores(&[timed, untimed]), [1.0, 1.0]);
        let liar = after(&[Outcome::Untimed, Outcome::Fail]);
        assert!(scores(&[timed, liar])[1] < 0.8);
    }

    #[test]
    fn unknown_miners_score_nothing() {
        assert_eq!(
            scores(&[Standing::default(), after(&[Outcome::Pass(1.0)])]),
            [0.0, 1.0]
        );
    }

    /// Standings of every kind, without miners that tie or fail by design.
    fn various(seed: u64) -> Vec<Standing> {
        use rand::{Rng, SeedableRng};
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        let miners = rng.gen_range(1..40);
        (0..miners)
            .map(|_| {
                let outcome = |rng: &mut rand::rngs::StdRng, reliable: f64| match rng.gen_bool(reliable) {
                    true => Outcome::Pass(rng.gen_range(0.5..60.0)),
                    false => Outcome::Fail,
                };
                let (reliable, answers) = (rng.gen_range(0.0..1.0), rng.gen_range(0..30));
                let outcomes: Vec<_> = (0..answers).map(|_| outcome(&mut rng, reliable)).collect();
                after(&outcomes)
            })
            .collect()
    }

    #[test]
    fn weights_follow_the_fall_of_the_audit_score_when_one_is_left_out() {
        for case in 0..200 {
            let standings = various(case);
            let all = audit(&standings, None);
            assert!((0.0..=1.0).contains(&all), "{all}");
            let falls: Vec<f64> = (0..standings.len())
                .map(|place| all - audit(&standings, Some(place)))
                .collect();
            assert!(falls.iter().all(|fall| *fall >= 0.0));
            for (score, fall) in scores(&standings).iter().zip(&falls) {
                assert!(
                    (score - fall * standings.len() as f64).abs() < 1e-9,
                    "case {case}"
                );
            }
            // What is left out one after another adds up to the whole.
            assert!((falls.iter().sum::<f64>() - all).abs() < 1e-9);
            let row = weights((0..).zip(scores(&standings)).collect(), &[1; 32], &[2; 32]);
            let most = falls.iter().copied().fold(0.0, f64::max);
            let weight = |uid: usize| row.iter().find(|(other, _)| usize::from(*other) == uid);
            for (uid, fall) in falls.iter().enumerate() {
                let weight = weight(uid).map_or(0.0, |(_, weight)| f64::from(*weight) / 65_535.0);
                let expected = fall / most.max(f64::MIN_POSITIVE);
                assert!(
                    (weight - expected).abs() <= 0.05 * expected + 2e-5,
                    "case {case}, miner {uid}"
                );
            }
        }
    }

    #[test]
    fn the_audit_score_is_the_share_answered_correctly_and_in_time() {
        assert_eq!(audit(&[], None), 0.0);
        let [good, slow, bad] = [
            after(&[Outcome::Pass(10.0)]),
            after(&[Outcome::Pass(20.0)]),
            after(&[Outcome::Fail]),
        ];
        assert_eq!(audit(&[good, good], None), 1.0);
        assert_eq!(audit(&[good, slow, bad, bad], None), 0.375);
        // The pace is still that of the one who is left out.
        assert_eq!(audit(&[good, slow], Some(0)), 0.25);
        assert_eq!(audit(&[good, slow], Some(1)), 0.5);
    }

    #[test]
    fn the_seed_is_of_the_block_and_of_the_last_round_of_forecasts() {
        let record = |objective| RoundRecord {
            round: 3,
            objective,
            ..Default::default()
        };
        let seeds = [
            seed(H256([1; 32]), None),
            seed(H256([2; 32]), None),
            seed(H256([1; 32]), Some(&record(1))),
            seed(H256([1; 32]), Some(&record(2))),
        ];
        for (place, one) in seeds.iter().enumerate() {
            assert!(seeds.iter().skip(place + 1).all(|other| other != one));
        }
        assert_eq!(seeds[2], seed(H256([1; 32]), Some(&record(1))));
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
