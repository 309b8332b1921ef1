use based_primitives::{traits::BrainInspect, BrainKind, BrainState};

use crate::mock::*;

#[test]
fn eight_administrative_brains_exist_and_three_are_closed() {
    build_and_execute(|| {
        for id in [0, 1, 2, 3, 4, 5, 6, 47] {
            let brain = Brains::brain(id).unwrap();
            assert_eq!((brain.owner, brain.kind), (LABS, BrainKind::Administrative));
            assert_eq!(
                <Brains as BrainInspect<u64>>::is_open(id),
                ![5, 6, 47].contains(&id),
                "Brain {id}"
            );
        }
        assert_eq!(
            <Brains as BrainInspect<u64>>::open_brains(),
            vec![0, 1, 2, 3, 4, 7, 8]
        );
        assert!(
            !<Brains as BrainInspect<u64>>::is_open(9),
            "a Brain that does not exist is not open"
        );
    });
}

#[test]
fn genesis_task_holds_at_once() {
    let mut brains = administrative();
    brains.push((
        7,
        ALICE,
        BrainKind::Burned,
        BrainState::Active,
        b"x".to_vec(),
        Some(task(3)),
    ));
    build(brains).execute_with(|| {
        assert_eq!(<Brains as BrainInspect<u64>>::task(7), Some(task(3)));
        assert_eq!(Brains::announced_task(7), None);
        Brains::do_try_state().unwrap();
    });
}

fn refused(id: u16, kind: BrainKind, state: BrainState, name: &[u8]) {
    let mut brains = administrative();
    brains.push((id, ALICE, kind, state, name.to_vec(), None));
    let outcome = std::panic::catch_unwind(|| build(brains));
    assert!(outcome.is_err(), "Brain {id} {kind:?} {state:?} was accepted");
}

#[test]
fn contradictory_genesis_is_refused() {
    refused(1_024, BrainKind::Burned, BrainState::Active, b"");
    refused(47, BrainKind::Administrative, BrainState::Reserved, b"");
    refused(9, BrainKind::Administrative, BrainState::Active, b"");
    refused(9, BrainKind::Burned, BrainState::Reserved, b"");
    refused(9, BrainKind::Burned, BrainState::Active, &[0xff]);
    refused(9, BrainKind::Burned, BrainState::Active, &[b'a'; 65]);
}

#[test]
fn the_invariants_notice_a_damaged_state() {
    build_and_execute(|| {
        let damaged = |change: fn()| {
            frame_support::storage::with_transaction(|| {
                change();
                let outcome = Brains::do_try_state();
                frame_support::storage::TransactionOutcome::Rollback(Ok::<_, sp_runtime::DispatchError>(
                    outcome.is_err(),
                ))
            })
            .unwrap()
        };
        assert!(damaged(|| crate::Brains::<Test>::remove(7)));
        assert!(damaged(|| crate::OpenBrains::<Test>::kill()));
        assert!(damaged(|| {
            crate::Brains::<Test>::mutate(7, |brain| {
                brain.as_mut().unwrap().miner_share = 1_000_000_001;
            })
        }));
    });
}
