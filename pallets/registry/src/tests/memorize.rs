use based_primitives::{
    traits::{PeerCounts, RegistryInspect},
    Balance, PeerInfo, Resources, Role,
};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event};

fn uids(brain: u16) -> Vec<u16> {
    <Registry as RegistryInspect<u64>>::peers(brain)
        .into_iter()
        .map(|peer| peer.uid)
        .collect()
}

#[test]
fn a_memorized_peer_is_read_back_as_declared() {
    build_and_execute(false, || {
        System::set_block_number(9);
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        let expected = PeerInfo {
            uid: 0,
            account: ALICE,
            role: Role::Miner,
            endpoint: PUBLIC,
            computekey: [1; 32],
            resources: RESOURCES,
            registered_at: 9,
        };
        assert_eq!(
            <Registry as RegistryInspect<u64>>::peer(BRAIN, 0),
            Some(expected.clone())
        );
        assert_eq!(<Registry as RegistryInspect<u64>>::peers(BRAIN), vec![expected]);
        assert_eq!(<Registry as RegistryInspect<u64>>::uid(BRAIN, &ALICE), Some(0));
        assert_eq!(
            <Registry as RegistryInspect<u64>>::role(BRAIN, &ALICE),
            Some(Role::Miner)
        );
        assert_eq!(
            <Registry as RegistryInspect<u64>>::computekey(BRAIN, &ALICE),
            Some([1; 32])
        );
        assert_eq!(joined(), vec![(BRAIN, 0, ALICE)]);
        assert_eq!(<Registry as PeerCounts>::counts(BRAIN), (1, 0));
        assert_eq!(
            <Registry as RegistryInspect<u64>>::role(OTHER, &ALICE),
            None,
            "in this Brain only"
        );
    });
}

#[test]
fn an_account_is_memorized_once_per_brain() {
    build_and_execute(false, || {
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        let before = free(ALICE);
        assert_noop!(
            memorize(ALICE, BRAIN, Role::Miner),
            Error::<Test>::AlreadyMemorized
        );
        assert_noop!(
            memorize(ALICE, BRAIN, Role::Validator),
            Error::<Test>::AlreadyMemorized
        );
        assert_eq!(free(ALICE), before, "the fee is not taken twice");
        assert_ok!(memorize(ALICE, OTHER, Role::Validator));
        assert_eq!(<Registry as PeerCounts>::counts(OTHER), (0, 1));
    });
}

#[test]
fn brains_that_are_unknown_reserved_or_closed_admit_nobody() {
    build_and_execute(false, || {
        for brain in [RESERVED, 99, 1_024, u16::MAX] {
            assert_noop!(memorize(ALICE, brain, Role::Miner), Error::<Test>::BrainNotOpen);
        }
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        close(BRAIN);
        assert_noop!(memorize(BOB, BRAIN, Role::Miner), Error::<Test>::BrainNotOpen);
        assert_ok!(Registry::leave(RuntimeOrigin::signed(ALICE), BRAIN));
    });
}

#[test]
fn storage_must_be_declared() {
    build_and_execute(false, || {
        let none = Resources {
            storage_mib: 0,
            ..RESOURCES
        };
        assert_noop!(
            Registry::memorize(
                RuntimeOrigin::signed(ALICE),
                BRAIN,
                Role::Miner,
                PUBLIC,
                [1; 32],
                none,
                Balance::MAX,
            ),
            Error::<Test>::NoStorage
        );
    });
}

#[test]
fn a_peer_that_leaves_frees_its_lowest_uid_for_the_next() {
    build_and_execute(false, || {
        assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, 0));
        for who in 10..15 {
            assert_ok!(memorize(who, BRAIN, Role::Miner));
        }
        assert_ok!(Registry::leave(RuntimeOrigin::signed(13), BRAIN));
        assert_ok!(Registry::leave(RuntimeOrigin::signed(11), BRAIN));
        System::assert_last_event(
            Event::Left {
                brain: BRAIN,
                uid: 1,
                account: 11,
            }
            .into(),
        );
        assert_eq!(removed(), vec![(BRAIN, 3, 13), (BRAIN, 1, 11)]);
        assert_eq!(uids(BRAIN), vec![0, 2, 4]);
        assert_eq!(<Registry as RegistryInspect<u64>>::uid(BRAIN, &11), None);
        assert_eq!(<Registry as RegistryInspect<u64>>::peer(BRAIN, 1), None);

        assert_ok!(memorize(20, BRAIN, Role::Validator));
        assert_eq!(<Registry as RegistryInspect<u64>>::uid(BRAIN, &20), Some(1));
        assert_ok!(memorize(13, BRAIN, Role::Miner));
        assert_eq!(<Registry as RegistryInspect<u64>>::uid(BRAIN, &13), Some(3));
        assert_ok!(memorize(21, BRAIN, Role::Miner));
        assert_eq!(<Registry as RegistryInspect<u64>>::uid(BRAIN, &21), Some(5));
        assert_eq!(uids(BRAIN), vec![0, 1, 2, 3, 4, 5]);
        assert_eq!(<Registry as PeerCounts>::counts(BRAIN), (5, 1));
    });
}

#[test]
fn only_memorized_peers_leave_and_only_once() {
    build_and_execute(false, || {
        assert_noop!(
            Registry::leave(RuntimeOrigin::signed(ALICE), BRAIN),
            Error::<Test>::NotMemorized
        );
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        assert_ok!(Registry::leave(RuntimeOrigin::signed(ALICE), BRAIN));
        assert_noop!(
            Registry::leave(RuntimeOrigin::signed(ALICE), BRAIN),
            Error::<Test>::NotMemorized
        );
        assert_eq!(removed().len(), 1);
    });
}

#[test]
fn pages_of_peers_start_where_asked() {
    build_and_execute(false, || {
        assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, 0));
        for who in 100..110 {
            assert_ok!(memorize(who, BRAIN, Role::Miner));
        }
        assert_ok!(Registry::leave(RuntimeOrigin::signed(104), BRAIN));
        let page = |start, limit| {
            Registry::peers_page(BRAIN, start, limit)
                .into_iter()
                .map(|peer| peer.uid)
                .collect::<Vec<_>>()
        };
        assert_eq!(page(3, 3), vec![3, 5, 6]);
        assert_eq!(page(9, 100), vec![9]);
        assert!(page(10, 100).is_empty() && page(u16::MAX, 1).is_empty() && page(0, 0).is_empty());
    });
}

#[test]
fn the_invariants_notice_a_damaged_state() {
    build_and_execute(false, || {
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        let damages: [fn(); 4] = [
            || crate::Peers::<Test>::remove(BRAIN, 0),
            || crate::Uids::<Test>::remove(BRAIN, ALICE),
            || crate::Occupied::<Test>::remove(BRAIN),
            || crate::Counts::<Test>::remove(BRAIN),
        ];
        for (index, damage) in damages.into_iter().enumerate() {
            let noticed = frame_support::storage::with_transaction(|| {
                damage();
                let outcome = Ok::<_, sp_runtime::DispatchError>(Registry::do_try_state().is_err());
                frame_support::storage::TransactionOutcome::Rollback(outcome)
            });
            assert_eq!(noticed, Ok(true), "damage {index}");
        }
    });
}
