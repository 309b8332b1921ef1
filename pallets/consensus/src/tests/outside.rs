//! Scores that validators elsewhere give a Brain, and what they do to its performance.

use based_primitives::{
    constants::{BASED, MAX_SCORERS, PPB},
    traits::OnPeerRemoved,
    Balance, BrainId, Role, Uid,
};
use frame_support::{assert_noop, assert_ok};
use proptest::prelude::*;

use crate::{mock::*, CrossEdge, CrossEdges, Error, Event, OutsideScores, Performance};

/// Part of rank that reaches the consensus of everybody, sigmoid(5), in ppb: the quality of [`brain`].
const QUALITY: u64 = 993_307_149;
/// Another home of scorers.
const THIRD: BrainId = 9;
const FULL: u16 = u16::MAX;

/// Validator 0 and miners 2 to 4 of the Brain that is scored.
fn brain() {
    add_validator(0, 10);
    for uid in 2..5 {
        add_miner(uid, 0);
    }
}

/// A validator of another Brain, with stake in BASED.
fn join(home: BrainId, uid: Uid, stake: Balance) {
    Peers::mutate(|peers| peers.insert((home, uid), (Role::Validator, 0)));
    Stakes::mutate(|stakes| stakes.insert(uid, stake * BASED));
}

fn leave(home: BrainId, uid: Uid) {
    Peers::mutate(|peers| peers.remove(&(home, uid)));
    <Consensus as OnPeerRemoved<u64>>::on_peer_removed(home, uid, &(VALIDATORS + u64::from(uid)));
}

/// Lets a validator of Brain `home` set edges to these peers of the Brain.
fn say(home: BrainId, uid: Uid, edges: &[(Uid, u16)]) -> frame_support::dispatch::DispatchResultWithPostInfo {
    let edge = |(uid, weight): &(Uid, u16)| CrossEdge {
        brain: BRAIN,
        uid: *uid,
        weight: *weight,
    };
    let edges = CrossEdges::truncate_from(edges.iter().map(edge).collect());
    Consensus::set_cross_edges(origin(uid), home, edges)
}

/// Adds scorers 100 and above by their stake and score.
fn scorers(stakes_and_scores: &[(Balance, u16)]) {
    for (uid, (stake, score)) in (100..).zip(stakes_and_scores) {
        join(OTHER, uid, *stake);
        assert_ok!(say(OTHER, uid, &[(2, *score)]));
    }
}

/// Runs a full cycle of the Brain, and gives what quality was multiplied by. Uptime is one and quality always the same.
fn epoch() -> u64 {
    set_weights(1, &[(0, &[(2, 1)])]);
    end_cycle(1 + DELAY);
    let found = System::events()
        .into_iter()
        .rev()
        .find_map(|record| match record.event {
            RuntimeEvent::Consensus(Event::EpochRun {
                uptime,
                quality,
                outside,
                performance,
                ..
            }) => Some((uptime, quality, outside, performance)),
            _ => None,
        });
    let (uptime, quality, outside, performance) = found.unwrap();
    assert_eq!((uptime, quality), (PPB, QUALITY));
    assert_eq!(performance, QUALITY * outside / PPB / 10);
    assert_eq!(Performance::<Test>::get(BRAIN), performance);
    outside
}

fn ppb(score: u16) -> u64 {
    u64::from(score) * PPB / 65_535
}

#[test]
fn four_outside_validators_multiply_quality_by_their_median_and_fewer_do_not() {
    let cases: [(&[(Balance, u16)], Option<u16>); 8] = [
        (&[], None),
        (&[(10, 1), (10, 1), (10, 1)], None),
        (&[(10, FULL); 4], Some(FULL)),
        (&[(10, 1); 4], Some(1)),
        (
            &[(10, 100), (10, 200), (10, 300), (10, 400), (10, 500)],
            Some(300),
        ),
        // By stake, not by heads.
        (&[(10, 100), (10, 200), (10, 300), (31, 40_000)], Some(40_000)),
        (&[(10, 100), (10, 200), (11, 300), (30, 40_000)], Some(300)),
        // What has no stake is not heard, and does not make up the number.
        (&[(10, 100), (10, 200), (10, 300), (0, 1)], None),
    ];
    for (stated, expected) in cases {
        build_and_execute(|| {
            brain();
            go_to(5);
            scorers(stated);
            let found = Consensus::brain_performance(BRAIN);
            assert_eq!(found.outside, expected.map(ppb), "{stated:?}");
            assert_eq!(epoch(), expected.map_or(PPB, ppb), "{stated:?}");
            let after = Consensus::brain_performance(BRAIN);
            assert_eq!((after.uptime, after.quality), (PPB, QUALITY));
            assert_eq!(after.performance, Performance::<Test>::get(BRAIN));
            let heard = stated.iter().filter(|(stake, _)| *stake > 0).count();
            assert_eq!(usize::from(after.scorers), heard);
        });
    }
}

#[test]
fn the_score_of_a_brain_is_the_mean_of_the_edges_to_it() {
    build_and_execute(|| {
        brain();
        add_miner_to(THIRD, 1, 0);
        for uid in 100..104 {
            join(OTHER, uid, 10);
            let edges = [(BRAIN, 2, 10), (BRAIN, 3, 21), (BRAIN, 4, 32), (THIRD, 1, FULL)];
            let edges = edges.map(|(brain, uid, weight)| CrossEdge { brain, uid, weight });
            let edges = CrossEdges::truncate_from(edges.to_vec());
            assert_ok!(Consensus::set_cross_edges(origin(uid), OTHER, edges));
        }
        assert_eq!(Consensus::brain_performance(BRAIN).outside, Some(ppb(21)));
        assert_eq!(Consensus::brain_performance(THIRD).outside, Some(PPB));
        assert_eq!(Consensus::brain_performance(OTHER).scorers, 0);
    });
}

#[test]
fn neither_peers_of_the_brain_nor_its_owner_score_it() {
    build_and_execute(|| {
        brain();
        go_to(5);
        // Validator 100 is a peer of the Brain before it speaks, 101 joins later, 102 owns it.
        join(BRAIN, 100, 1_000);
        Owner::set(VALIDATORS + 102);
        scorers(&[
            (1_000, FULL),
            (1_000, FULL),
            (1_000, FULL),
            (1, 9),
            (1, 9),
            (1, 9),
        ]);
        assert_eq!(Consensus::brain_performance(BRAIN).outside, Some(PPB));
        join(BRAIN, 101, 1_000);
        assert_eq!(Consensus::brain_performance(BRAIN).scorers, 3);
        assert_eq!(Consensus::brain_performance(BRAIN).outside, None);
        join(OTHER, 106, 1);
        assert_ok!(say(OTHER, 106, &[(2, 9)]));
        // An owner that changes hands: the new one does not count, the old one does when it speaks again.
        assert_eq!(Consensus::brain_performance(BRAIN).outside, Some(ppb(9)));
        Owner::set(VALIDATORS + 106);
        assert_eq!(Consensus::brain_performance(BRAIN).outside, None);
        go_to(5 + RATE_LIMIT);
        assert_ok!(say(OTHER, 102, &[(2, FULL)]));
        assert_eq!(Consensus::brain_performance(BRAIN).outside, Some(PPB));
    });
}

#[test]
fn stakeless_accounts_of_an_owner_move_nothing() {
    build_and_execute(|| {
        brain();
        go_to(5);
        scorers(&[(10, 700), (10, 700), (10, 700), (10, 700)]);
        for uid in 200..400 {
            join(OTHER, uid, 0);
            assert_ok!(say(OTHER, uid, &[(2, FULL)]));
        }
        assert_eq!(OutsideScores::<Test>::get(BRAIN).len(), 4);
        assert_eq!(epoch(), ppb(700));
    });
}

#[test]
fn one_account_has_one_voice_in_however_many_brains_it_validates() {
    build_and_execute(|| {
        brain();
        go_to(5);
        scorers(&[(10, 1), (10, 1), (10, 1)]);
        join(THIRD, 100, 10);
        Opens::set(vec![THIRD]);
        assert_ok!(say(THIRD, 100, &[(2, FULL)]));
        assert_eq!(Consensus::brain_performance(BRAIN).scorers, 3, "not four");
        // The older row does not take the newer word back, the newer does.
        go_to(5 + RATE_LIMIT);
        assert_ok!(say(OTHER, 100, &[]));
        assert_eq!(Consensus::brain_performance(BRAIN).scorers, 3);
        leave(THIRD, 100);
        assert_eq!(Consensus::brain_performance(BRAIN).scorers, 2);
    });
}

#[test]
fn scores_count_up_to_the_activity_cutoff() {
    build_and_execute(|| {
        brain();
        go_to(5);
        scorers(&[(10, 5); 4]);
        assert_eq!(Consensus::take_outside_score(BRAIN, 5 + CUTOFF), ppb(5));
        assert_eq!(Consensus::take_outside_score(BRAIN, 6 + CUTOFF), PPB);
        assert!(
            !OutsideScores::<Test>::contains_key(BRAIN),
            "the old are forgotten"
        );
    });
}

#[test]
fn a_row_withdraws_what_the_one_before_it_said() {
    build_and_execute(|| {
        brain();
        add_miner_to(THIRD, 1, 0);
        scorers(&[(10, 5); 4]);
        go_to(1 + RATE_LIMIT);
        assert_ok!(say(OTHER, 100, &[(3, 9)]));
        let of = |brain| {
            let mut found: Vec<_> = OutsideScores::<Test>::get(brain)
                .into_iter()
                .map(|scorer| (scorer.account - VALIDATORS, scorer.score, scorer.set_at))
                .collect();
            found.sort_unstable();
            found
        };
        let rest = [(101, 5, 1), (102, 5, 1), (103, 5, 1)];
        assert_eq!(of(BRAIN), [&[(100, 9, 6)], &rest[..]].concat());
        // Turned to another Brain.
        go_to(1 + 2 * RATE_LIMIT);
        let elsewhere = CrossEdge {
            brain: THIRD,
            uid: 1,
            weight: 7,
        };
        assert_ok!(Consensus::set_cross_edges(
            origin(100),
            OTHER,
            vec![elsewhere].try_into().unwrap()
        ));
        assert_eq!((of(BRAIN), of(THIRD)), (rest.to_vec(), vec![(100, 7, 11)]));
        // Withdrawn, and left.
        go_to(1 + 3 * RATE_LIMIT);
        assert_ok!(say(OTHER, 100, &[]));
        assert!(!OutsideScores::<Test>::contains_key(THIRD));
        leave(OTHER, 101);
        assert_eq!(of(BRAIN), rest[1..]);
        assert_eq!(Consensus::brain_performance(BRAIN).outside, None);
    });
}

#[test]
fn refused_rows_change_no_score() {
    build_and_execute(|| {
        brain();
        scorers(&[(10, 5); 4]);
        assert_noop!(say(OTHER, 100, &[(2, 9)]), Error::<Test>::TooSoon);
        go_to(1 + RATE_LIMIT);
        assert_noop!(say(OTHER, 100, &[(2, 0)]), Error::<Test>::ZeroSum);
        assert_noop!(say(OTHER, 100, &[(2, 9), (2, 9)]), Error::<Test>::NotAscending);
        assert_noop!(say(OTHER, 100, &[(77, 9)]), Error::<Test>::UnknownPeer);
        assert_noop!(say(BRAIN, 0, &[(2, 9)]), Error::<Test>::OwnBrain);
        assert_noop!(say(OTHER, 99, &[(2, 9)]), Error::<Test>::NotMemorized);
        assert_eq!(Consensus::brain_performance(BRAIN).outside, Some(ppb(5)));
    });
}

#[test]
fn more_stake_takes_the_place_of_less_and_the_list_is_bounded() {
    build_and_execute(|| {
        brain();
        let most = MAX_SCORERS as usize;
        let stated: Vec<(Balance, u16)> = (0..most).map(|place| (10 + place as Balance, 1)).collect();
        scorers(&stated);
        let has = |uid: Uid| {
            OutsideScores::<Test>::get(BRAIN)
                .iter()
                .any(|scorer| scorer.account == VALIDATORS + u64::from(uid))
        };
        // As much as the least is not more.
        join(OTHER, 500, 10);
        assert_ok!(say(OTHER, 500, &[(2, 2)]));
        assert!(has(100) && !has(500));
        join(OTHER, 501, 11);
        assert_ok!(say(OTHER, 501, &[(2, 2)]));
        assert!(!has(100) && has(501) && has(101));
        assert_eq!(OutsideScores::<Test>::get(BRAIN).len(), most);
        // Stake that is gone at the epoch keeps nobody out after it.
        Stakes::mutate(|stakes| stakes.insert(163, 0));
        assert_eq!(Consensus::brain_performance(BRAIN).scorers as usize, most - 1);
        Consensus::take_outside_score(BRAIN, 2);
        assert!(!has(163));
        go_to(1 + RATE_LIMIT);
        assert_ok!(say(OTHER, 500, &[(2, 2)]));
        assert!(has(500));
        // In a full list those who are too old go before anybody else.
        go_to(3 + CUTOFF + RATE_LIMIT);
        join(OTHER, 502, 1);
        assert_ok!(say(OTHER, 502, &[(2, 2)]));
        assert_eq!(OutsideScores::<Test>::get(BRAIN).len(), 1);
    });
}

#[test]
fn the_fee_is_for_the_edges_that_were_there() {
    build_and_execute(|| {
        use crate::WeightInfo;
        brain();
        join(OTHER, 100, 10);
        let weight = |n, replaced| Some(<() as WeightInfo>::set_cross_edges(n, replaced));
        assert_eq!(
            say(OTHER, 100, &[(2, 1), (3, 1)]).unwrap().actual_weight,
            weight(2, 0)
        );
        go_to(1 + RATE_LIMIT);
        assert_eq!(say(OTHER, 100, &[(2, 1)]).unwrap().actual_weight, weight(1, 2));
    });
}

/// One thing that happens to scorer `uid`.
#[derive(Clone, Debug)]
enum Step {
    Say(Uid, Vec<u16>),
    Stake(Uid, u8),
    Leave(Uid),
    JoinTheBrain(Uid),
    Pass(u8),
    Epoch,
}

fn step() -> impl Strategy<Value = Step> {
    let uid = 100..112u16;
    prop_oneof![
        6 => (uid.clone(), prop::collection::vec(1..=FULL, 0..4)).prop_map(|(uid, said)| Step::Say(uid, said)),
        2 => (uid.clone(), any::<u8>()).prop_map(|(uid, stake)| Step::Stake(uid, stake)),
        1 => uid.clone().prop_map(Step::Leave),
        1 => uid.prop_map(Step::JoinTheBrain),
        3 => (0..60u8).prop_map(Step::Pass),
        1 => Just(Step::Epoch),
    ]
}

/// What a scorer said last, as the test remembers it.
#[derive(Clone, Default)]
struct Said {
    score: Option<(u16, u32)>,
    set_at: Option<u32>,
    inside: bool,
    heard: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    /// Whatever validators do, what counts is the median of those who count, found the long way.
    #[test]
    fn what_counts_is_the_median_by_stake_of_those_who_count(steps in prop::collection::vec(step(), 40..80)) {
        build_and_execute(|| {
            brain();
            let mut now = 1;
            let mut said: std::collections::BTreeMap<Uid, Said> = Default::default();
            for uid in 100..112 {
                join(OTHER, uid, 10);
            }
            let stake = |uid: Uid| Stakes::get().get(&uid).copied().unwrap_or(0);
            for step in steps {
                match step {
                    Step::Say(uid, weights) => {
                        let edges: Vec<_> = (2..).zip(weights.iter().copied()).collect();
                        let state = said.entry(uid).or_default();
                        let soon = state.set_at.is_some_and(|at| now - at < RATE_LIMIT);
                        let there = Peers::get().contains_key(&(OTHER, uid));
                        assert_eq!(say(OTHER, uid, &edges).is_ok(), there && !soon);
                        if there && !soon {
                            let sum: u32 = weights.iter().map(|weight| u32::from(*weight)).sum();
                            let mean = sum.checked_div(weights.len() as u32).map(|mean| mean as u16);
                            state.set_at = mean.map(|_| now);
                            state.score = mean.map(|mean| (mean, now));
                            state.heard = !state.inside && stake(uid) >= BASED;
                        }
                    }
                    Step::Stake(uid, amount) => Stakes::mutate(|all| {
                        all.insert(uid, Balance::from(amount / 8) * BASED);
                    }),
                    Step::Leave(uid) => {
                        if Peers::get().contains_key(&(OTHER, uid)) {
                            leave(OTHER, uid);
                            said.entry(uid).and_modify(|state| *state = Said { inside: state.inside, ..Said::default() });
                        }
                    }
                    Step::JoinTheBrain(uid) => {
                        Peers::mutate(|peers| peers.insert((BRAIN, uid), (Role::Validator, now)));
                        said.entry(uid).or_default().inside = true;
                    }
                    Step::Pass(blocks) => {
                        now += u32::from(blocks);
                        go_to(now);
                    }
                    Step::Epoch => {
                        Consensus::take_outside_score(BRAIN, now);
                        for (uid, state) in &mut said {
                            let fresh = state.score.is_some_and(|(_, at)| now - at <= CUTOFF);
                            state.heard &= fresh && !state.inside && stake(*uid) >= BASED;
                        }
                    }
                }
                let counting: Vec<(u16, Balance)> = said
                    .iter()
                    .filter(|(uid, state)| state.heard && !state.inside && stake(**uid) >= BASED)
                    .filter_map(|(uid, state)| {
                        let (score, at) = state.score?;
                        (now - at <= CUTOFF).then(|| (score, stake(*uid)))
                    })
                    .collect();
                let total: Balance = counting.iter().map(|(_, stake)| stake).sum();
                let median = counting
                    .iter()
                    .map(|(score, _)| *score)
                    .filter(|score| {
                        let below: Balance =
                            counting.iter().filter(|(other, _)| other <= score).map(|(_, stake)| stake).sum();
                        2 * below >= total
                    })
                    .min();
                let found = Consensus::brain_performance(BRAIN);
                assert_eq!(usize::from(found.scorers), counting.len());
                assert_eq!(found.outside, median.filter(|_| counting.len() >= 4).map(ppb));
                Consensus::do_try_state().unwrap();
            }
        });
    }
}
