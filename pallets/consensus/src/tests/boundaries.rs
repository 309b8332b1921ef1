//! Blocks at the boundary of a cycle that another branch replaces.

use frame_support::{
    assert_noop, assert_ok,
    storage::{with_transaction, TransactionOutcome},
};
use sp_io::storage::root;
use sp_runtime::{DispatchError, StateVersion};

use crate::{mock::*, Error, LastEpoch, Rows, Validators};

/// Does what an abandoned branch does; nothing of it may be left.
fn abandoned(branch: impl FnOnce()) {
    let (block, before) = (System::block_number(), root(StateVersion::V1));
    let undone: Result<(), DispatchError> = with_transaction(|| {
        branch();
        TransactionOutcome::Rollback(Ok(()))
    });
    assert_ok!(undone);
    assert_eq!(System::block_number(), block);
    assert_eq!(root(StateVersion::V1), before);
}

#[test]
fn a_reveal_and_an_epoch_of_an_abandoned_branch_leave_no_trace() {
    build_and_execute(|| {
        add_validator(0, 10);
        add_validator(1, 10);
        add_miner(2, 0);
        add_miner(3, 0);
        let (row, other, due) = ([(2, 1), (3, 2)], [(2, 1), (3, 1)], 1 + DELAY);
        go_to(start(1) + 1);
        assert_ok!(commit(0, &row));
        assert_ok!(commit(1, &other));
        go_to(start(due) + 2);
        assert_ok!(reveal(1, &other));
        go_to(start(due + 1) - 1);
        let mut pays = Vec::new();
        abandoned(|| {
            assert_ok!(reveal(0, &row));
            pays.push(end_cycle(due));
            assert!(LastEpoch::<Test>::get(BRAIN).is_some());
        });
        assert!(Rows::<Test>::get(BRAIN, 0).is_none());
        assert!(LastEpoch::<Test>::get(BRAIN).is_none());
        // The same blocks again end in the same state and the same pay.
        abandoned(|| {
            assert_ok!(reveal(0, &row));
            pays.push(end_cycle(due));
        });
        assert_eq!(pays[0], pays[1]);

        // The branch that stays has no room for the reveal before the boundary: the row is late.
        go_to(start(due + 1));
        assert_noop!(reveal(0, &row), Error::<Test>::TooLate);
        assert_ne!(end_cycle(due), pays[0]);
        assert_noop!(reveal(0, &row), Error::<Test>::NotCommitted);
    });
}

#[test]
fn a_commitment_belongs_to_the_cycle_of_the_block_that_stays() {
    build_and_execute(|| {
        add_validator(0, 1);
        add_miner(1, 0);
        let row = [(1, 1)];
        go_to(start(2) - 1);
        abandoned(|| {
            assert_ok!(commit(0, &row));
            go_to(start(1 + DELAY));
            assert_ok!(reveal(0, &row));
        });
        assert!(Validators::<Test>::get(BRAIN, 0).is_none());
        // Included again one block later, it is of the next cycle, and is revealed one cycle later.
        go_to(start(2));
        assert_ok!(commit(0, &row));
        go_to(start(2 + DELAY) - 1);
        assert_noop!(reveal(0, &row), Error::<Test>::TooEarly);
        go_to(start(2 + DELAY));
        assert_ok!(reveal(0, &row));
    });
}
