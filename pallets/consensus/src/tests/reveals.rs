use based_primitives::{
    constants::{MANY_MINERS, MAX_PEERS},
    math::{Entry, WeightRow},
    Edges, Uid,
};
use codec::{Decode, Encode};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event, Resting, Rows, Validators};

/// Validator 0, miners 1 to 5; one commitment in cycle 1.
fn committed(row: &[(Uid, u16)]) {
    add_validator(0, 1);
    for uid in 1..6 {
        add_miner(uid, 0);
    }
    go_to(start(1) + 3);
    assert_ok!(commit(0, row));
}

fn stored(uid: Uid) -> Vec<(Uid, u16)> {
    let row = Rows::<Test>::get(BRAIN, uid).unwrap();
    row.entries().map(|entry| (entry.uid, entry.weight)).collect()
}

#[test]
fn a_row_is_revealed_in_its_cycle_and_in_no_other() {
    build_and_execute(|| {
        let row = [(1, 10), (3, 0), (5, 65_535)];
        committed(&row);
        let due = 1 + DELAY;
        for block in [start(1) + 3, start(2), start(due) - 1] {
            go_to(block);
            assert_noop!(reveal(0, &row), Error::<Test>::TooEarly);
        }
        go_to(start(due + 1));
        assert_noop!(reveal(0, &row), Error::<Test>::TooLate);
        // The last block of the cycle, and the first.
        go_to(start(due + 1) - 1);
        assert_ok!(reveal(0, &row));
        assert_eq!(stored(0), vec![(1, 10), (5, 65_535)]);
        let record = Validators::<Test>::get(BRAIN, 0).unwrap();
        assert_eq!(record.revealed_at, Some(start(due + 1) - 1));
        assert!(record.commits.is_empty());
        assert_eq!(Rows::<Test>::get(BRAIN, 0).unwrap().committed_at, start(1) + 3);
        System::assert_last_event(
            Event::WeightsRevealed {
                brain: BRAIN,
                uid: 0,
                peers: 2,
            }
            .into(),
        );
    });
}

#[test]
fn a_commitment_of_the_first_block_of_a_cycle_belongs_to_that_cycle() {
    build_and_execute(|| {
        add_validator(0, 1);
        add_miner(1, 0);
        go_to(start(2) - 1);
        assert_ok!(commit(0, &[(1, 1)]));
        go_to(start(2) + RATE_LIMIT - 1);
        assert_ok!(commit(0, &[(1, 2)]));
        go_to(start(2 + DELAY) - 1);
        assert_ok!(reveal(0, &[(1, 1)]));
        assert_noop!(reveal(0, &[(1, 2)]), Error::<Test>::TooEarly);
        go_to(start(2 + DELAY));
        assert_ok!(reveal(0, &[(1, 2)]));
    });
}

#[test]
fn only_what_was_committed_is_revealed_and_once() {
    build_and_execute(|| {
        let row = [(1, 10), (2, 10)];
        committed(&row);
        go_to(start(1 + DELAY));
        assert_noop!(reveal(0, &[(1, 10), (2, 11)]), Error::<Test>::NotCommitted);
        let other_salt =
            Consensus::reveal_weights(origin(0), BRAIN, Edges::truncate_from(row.to_vec()), [4; 32]);
        assert_noop!(other_salt, Error::<Test>::NotCommitted);
        // Nor may another repeat it.
        add_validator(6, 1);
        assert_noop!(reveal(6, &row), Error::<Test>::NotCommitted);
        assert_ok!(reveal(0, &row));
        assert_noop!(reveal(0, &row), Error::<Test>::NotCommitted);
    });
}

#[test]
fn another_ones_commitment_is_of_no_use() {
    build_and_execute(|| {
        let row = [(1, 10), (2, 10)];
        committed(&row);
        add_validator(6, 1);
        assert_ok!(Consensus::commit_weights(origin(6), BRAIN, hash(0, &row)));
        go_to(start(1 + DELAY));
        assert_ok!(reveal(0, &row));
        assert_noop!(reveal(6, &row), Error::<Test>::NotCommitted);
    });
}

#[test]
fn malformed_rows_are_refused() {
    build_and_execute(|| {
        committed(&[(1, 1)]);
        go_to(start(1 + DELAY));
        assert_noop!(reveal(0, &[(1, 1), (1, 1)]), Error::<Test>::NotAscending);
        assert_noop!(reveal(0, &[(2, 1), (1, 1)]), Error::<Test>::NotAscending);
        assert_noop!(reveal(0, &[(0, 1), (1, 1)]), Error::<Test>::SelfWeight);
        assert_noop!(reveal(0, &[(1, 1), (MAX_PEERS, 1)]), Error::<Test>::UnknownPeer);
        assert_noop!(reveal(0, &[(1, 0), (2, 0)]), Error::<Test>::ZeroSum);
        assert_noop!(reveal(0, &[]), Error::<Test>::ZeroSum);
    });
}

#[test]
fn a_row_of_more_than_all_peers_does_not_decode() {
    let row = |length: Uid| (0..length).map(|uid| (uid, 1u16)).collect::<Vec<_>>().encode();
    assert!(Edges::decode(&mut &row(MAX_PEERS)[..]).is_ok());
    assert!(Edges::decode(&mut &row(MAX_PEERS + 1)[..]).is_err());
}

#[test]
fn weights_on_peers_that_left_or_never_were_are_left_out() {
    build_and_execute(|| {
        committed(&[(1, 1), (2, 1), (77, 9)]);
        go_to(start(1 + DELAY));
        remove(2);
        assert_ok!(reveal(0, &[(1, 1), (2, 1), (77, 9)]));
        assert_eq!(stored(0), vec![(1, 1)]);
    });
}

#[test]
fn who_ranked_only_peers_that_left_still_revealed() {
    build_and_execute(|| {
        committed(&[(2, 1)]);
        go_to(start(1 + DELAY));
        remove(2);
        assert_ok!(reveal(0, &[(2, 1)]));
        assert!(Rows::<Test>::get(BRAIN, 0).unwrap().is_empty());
        assert!(end_cycle(1 + DELAY).validators.is_empty());
        assert_eq!(
            crate::LastEpoch::<Test>::get(BRAIN).unwrap().uptime,
            1_000_000_000
        );
    });
}

#[test]
fn a_new_row_takes_over_the_bonds_of_the_old_one() {
    build_and_execute(|| {
        committed(&[(1, 1)]);
        let held = Entry {
            uid: 4,
            weight: 7,
            bond: 99,
        };
        Rows::<Test>::insert(BRAIN, 0, WeightRow::of(2, 7, &[held]));
        go_to(start(1 + DELAY));
        assert_ok!(reveal(0, &[(1, 1)]));
        let row = Rows::<Test>::get(BRAIN, 0).unwrap();
        let entries: Vec<_> = row.entries().map(|e| (e.uid, e.weight, e.bond)).collect();
        assert_eq!((row.bonded_at, entries), (7, vec![(1, 1, 0), (4, 0, 99)]));
    });
}

#[test]
fn in_a_brain_of_many_miners_no_weight_may_stand_out() {
    build_and_execute(|| {
        add_validator(0, 1);
        for uid in 1..MANY_MINERS {
            add_miner(uid, 0);
        }
        let row = |large: u16| -> Vec<(Uid, u16)> {
            (1..201)
                .map(|uid| (uid, if uid == 9 { large } else { 100 }))
                .collect()
        };
        // 252 of 20,152 is a little more than an eightieth, 251 of 20,151 a little less.
        go_to(start(1));
        assert_ok!(commit(0, &row(252)));
        go_to(start(1) + RATE_LIMIT);
        assert_ok!(commit(0, &row(251)));
        go_to(start(1) + 2 * RATE_LIMIT);
        assert_ok!(commit(0, &[(1, 1)]));
        go_to(start(1 + DELAY));
        assert_ok!(reveal(0, &[(1, 1)]));
        add_miner(MANY_MINERS, 0);
        assert_noop!(reveal(0, &row(252)), Error::<Test>::WeightTooLarge);
        assert_ok!(reveal(0, &row(251)));
    });
}

#[test]
fn a_copy_of_earlier_public_consensus_is_refused() {
    build_and_execute(|| {
        for uid in 0..5 {
            add_validator(uid, 10);
        }
        for uid in 10..20 {
            add_miner(uid, 0);
        }
        let row = |rise: u16| -> Vec<(Uid, u16)> {
            (10..20)
                .map(|uid| (uid, 5_000 + 100 * uid + rise * (uid % 3)))
                .collect()
        };
        let rows: Vec<_> = (0..4u16).map(|uid| row(uid * 7)).collect();
        let rows: Vec<(Uid, &[(Uid, u16)])> = (0..4).zip(rows.iter().map(Vec::as_slice)).collect();
        set_weights(1, &rows);
        end_cycle(1 + DELAY);
        let record = crate::LastEpoch::<Test>::get(BRAIN).unwrap();
        assert_eq!(record.active, 4);
        let rank = |uid: Uid| record.peers.iter().find(|peer| peer.uid == uid).unwrap().rank;
        let best = (10..20).map(rank).max().unwrap();
        let copy: Vec<(Uid, u16)> = (10..20)
            .map(|uid| (uid, (u64::from(rank(uid)) * 65_535 / u64::from(best)) as u16))
            .collect();
        let mut own = copy.clone();
        own[3].1 -= 40;
        // Copied after it was public: refused, unless it differs or is short.
        let cycle = 2 + DELAY;
        go_to(start(cycle));
        assert_ok!(commit(4, &copy));
        assert_ok!(commit(0, &own));
        go_to(start(cycle) + RATE_LIMIT);
        assert_ok!(commit(4, &copy[..7]));
        go_to(start(cycle + DELAY));
        assert_noop!(reveal(4, &copy), Error::<Test>::CopyOfConsensus);
        assert_ok!(reveal(4, &copy[..7]));
        assert_ok!(reveal(0, &own));
    });
}

#[test]
fn who_measured_the_same_before_it_was_public_is_no_copier() {
    build_and_execute(|| {
        for uid in 0..2 {
            add_validator(uid, 10);
        }
        for uid in 10..20 {
            add_miner(uid, 0);
        }
        let row: Vec<(Uid, u16)> = (10..20).map(|uid| (uid, 1_000 * uid)).collect();
        let half: Vec<(Uid, u16)> = row.iter().map(|(uid, weight)| (*uid, weight / 2)).collect();
        go_to(start(1));
        assert_ok!(commit(0, &row));
        assert_ok!(commit(1, &row));
        go_to(start(2));
        assert_ok!(commit(0, &half));
        go_to(start(1 + DELAY));
        assert_ok!(reveal(0, &row));
        assert_ok!(reveal(1, &row));
        end_cycle(1 + DELAY);
        assert_eq!(crate::LastEpoch::<Test>::get(BRAIN).unwrap().active, 2);
        // The same again, committed before that consensus was seen, and after.
        assert_ok!(commit(1, &half));
        assert_ok!(reveal(0, &half));
        go_to(start(2 + 2 * DELAY));
        assert_noop!(reveal(1, &half), Error::<Test>::CopyOfConsensus);
    });
}

#[test]
fn who_decides_alone_may_repeat_itself() {
    build_and_execute(|| {
        add_validator(0, 10);
        for uid in 10..20 {
            add_miner(uid, 0);
        }
        let row: Vec<(Uid, u16)> = (10..20).map(|uid| (uid, 1_000 * uid)).collect();
        set_weights(1, &[(0, &row)]);
        end_cycle(1 + DELAY);
        set_weights(2 + DELAY, &[(0, &row)]);
    });
}

#[test]
fn rows_stay_as_they_are_while_the_epoch_is_under_way() {
    build_and_execute(|| {
        committed(&[(1, 1)]);
        go_to(start(1 + DELAY));
        Resting::<Test>::put(BRAIN);
        assert_noop!(reveal(0, &[(1, 1)]), Error::<Test>::EpochUnderWay);
        Resting::<Test>::kill();
        assert_ok!(reveal(0, &[(1, 1)]));
    });
}
