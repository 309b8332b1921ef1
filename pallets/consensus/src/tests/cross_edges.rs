use based_primitives::{constants::CREDIT_ONE, BrainId, Uid};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::{BoundedVec, DispatchResult};

use crate::{mock::*, Credits, CrossEdge, CrossEdges, CrossRows, Error, Event, Standing, Standings};

fn edge(brain: BrainId, uid: Uid, weight: u16) -> CrossEdge {
    CrossEdge { brain, uid, weight }
}

fn set(uid: Uid, edges: &[CrossEdge]) -> DispatchResult {
    let edges = CrossEdges::truncate_from(edges.to_vec());
    Consensus::set_cross_edges(origin(uid), BRAIN, edges)
        .map(|_| ())
        .map_err(|refusal| refusal.error)
}

/// Validators 0 and 1 and miner 2 of one Brain, miners 0 to 69 of another.
fn brains() {
    add_validator(0, 10);
    add_validator(1, 10);
    add_miner(2, 0);
    for uid in 0..70 {
        add_miner_to(OTHER, uid, 0);
    }
}

fn stand(uid: Uid, worth: u64, registered_at: u32) {
    let page = uid / 64;
    let mut standings = Standings::<Test>::get(OTHER, page)
        .unwrap_or_default()
        .into_inner();
    standings.resize(
        standings.len().max(usize::from(uid % 64) + 1),
        Standing::default(),
    );
    standings[usize::from(uid % 64)] = Standing { worth, registered_at };
    Standings::<Test>::insert(OTHER, page, BoundedVec::truncate_from(standings));
}

fn credits(uid: Uid) -> u64 {
    let credits = Credits::<Test>::get(BRAIN);
    credits
        .iter()
        .find(|(other, _)| *other == uid)
        .map_or(0, |(_, credits)| *credits)
}

#[test]
fn edges_are_kept_until_replaced_or_removed() {
    build_and_execute(|| {
        brains();
        assert_ok!(set(0, &[edge(OTHER, 1, 5), edge(OTHER, 69, 1)]));
        assert_eq!(CrossRows::<Test>::get(BRAIN, 0).unwrap().edges.len(), 2);
        System::assert_last_event(
            Event::CrossEdgesSet {
                brain: BRAIN,
                uid: 0,
                edges: 2,
            }
            .into(),
        );
        assert_noop!(set(0, &[]), Error::<Test>::TooSoon);
        go_to(1 + RATE_LIMIT);
        assert_ok!(set(0, &[]));
        assert!(!CrossRows::<Test>::contains_key(BRAIN, 0));
    });
}

#[test]
fn malformed_edges_are_refused() {
    build_and_execute(|| {
        brains();
        assert_noop!(set(0, &[edge(BRAIN, 2, 1)]), Error::<Test>::OwnBrain);
        assert_noop!(
            set(0, &[edge(OTHER, 2, 1), edge(OTHER, 2, 1)]),
            Error::<Test>::NotAscending
        );
        assert_noop!(
            set(0, &[edge(OTHER, 3, 1), edge(OTHER, 2, 1)]),
            Error::<Test>::NotAscending
        );
        assert_noop!(set(0, &[edge(OTHER, 3, 0)]), Error::<Test>::ZeroSum);
        assert_noop!(set(0, &[edge(OTHER, 99, 1)]), Error::<Test>::UnknownPeer);
        assert_noop!(set(0, &[edge(55, 0, 1)]), Error::<Test>::UnknownPeer);
        assert_noop!(
            Consensus::set_cross_edges(RuntimeOrigin::signed(MINERS + 2), BRAIN, Default::default()),
            Error::<Test>::NotValidator
        );
        assert!(CrossEdges::try_from(vec![edge(OTHER, 1, 1); 65]).is_err());
    });
}

#[test]
fn support_of_good_peers_elsewhere_makes_half_of_the_gain() {
    build_and_execute(|| {
        brains();
        go_to(5);
        assert_ok!(set(0, &[edge(OTHER, 1, 1), edge(OTHER, 69, 3)]));
        stand(1, CREDIT_ONE, 0);
        stand(69, CREDIT_ONE, 4);
        set_weights(1, &[(0, &[(2, 1)]), (1, &[(2, 1)])]);
        end_cycle(1 + DELAY);
        // Miner 2 has all incentive, and consensus sigmoid(5): its worth is a little below one.
        let own = Consensus::standing(BRAIN, 2).unwrap().worth;
        assert!((0.993..0.994).contains(&(own as f64 / CREDIT_ONE as f64)));
        assert_eq!(credits(0), CREDIT_ONE / 100);
        let expected = own as f64 / ((own as f64 + CREDIT_ONE as f64) / 2.0) / 100.0;
        assert!((credits(1) as f64 / CREDIT_ONE as f64 - expected).abs() < 1e-12);
    });
}

#[test]
fn an_edge_says_nothing_about_a_successor() {
    build_and_execute(|| {
        brains();
        go_to(5);
        assert_ok!(set(0, &[edge(OTHER, 1, 1)]));
        stand(1, CREDIT_ONE, 5);
        set_weights(1, &[(0, &[(2, 1)]), (1, &[(2, 1)])]);
        end_cycle(1 + DELAY);
        assert_eq!(credits(0), CREDIT_ONE / 200);
        assert_eq!(credits(1), CREDIT_ONE / 100);
    });
}

#[test]
fn standings_follow_each_epoch() {
    build_and_execute(|| {
        brains();
        for uid in 100..240 {
            add_miner(uid, 3);
        }
        set_weights(1, &[(0, &[(2, 1), (200, 1)])]);
        end_cycle(1 + DELAY);
        assert!(Consensus::standing(BRAIN, 2).unwrap().worth > 0);
        let standing = Consensus::standing(BRAIN, 200).unwrap();
        assert!(standing.worth > 0 && standing.registered_at == 3);
        assert_eq!(Consensus::standing(BRAIN, 150), None);
        assert_eq!(Consensus::standing(BRAIN, 199).unwrap().worth, 0);
        // Without fresh weights nothing is left of them.
        end_cycle(20);
        assert_eq!(Consensus::standing(BRAIN, 2), None);
        assert_eq!(Consensus::standing(BRAIN, 200), None);
    });
}
