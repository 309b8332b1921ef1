use based_primitives::{
    constants::{BASED, MIN_STAKE},
    traits::StakeInspect,
};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

use crate::{mock::*, BrainTotals, Error, Event, Pools, PositionCounts, Positions, Unstaking};

fn withdraw(who: u64) -> sp_runtime::DispatchResult {
    Staking::withdraw(RuntimeOrigin::signed(who))
}

#[test]
fn unstaked_funds_stop_counting_at_once_and_are_free_from_the_next_cycle() {
    build_and_execute(|| {
        go_to(CYCLE + 3);
        assert_ok!(stake(ALICE, BRAIN, None, 10 * BASED));
        assert_ok!(unstake(ALICE, BRAIN, None, 4 * BASED));
        System::assert_last_event(
            Event::Unstaked {
                who: ALICE,
                brain: BRAIN,
                validator: None,
                amount: 4 * BASED,
                withdrawable_at: 2 * CYCLE,
            }
            .into(),
        );
        assert_eq!(<Staking as StakeInspect<u64>>::brain_stake(BRAIN), 6 * BASED);
        assert_eq!(<Staking as StakeInspect<u64>>::total_stake(), 6 * BASED);
        assert_eq!(held(ALICE), 10 * BASED);
        go_to(2 * CYCLE - 1);
        assert_noop!(withdraw(ALICE), Error::<Test>::NothingToWithdraw);
        go_to(2 * CYCLE);
        assert_ok!(withdraw(ALICE));
        System::assert_last_event(
            Event::Withdrawn {
                who: ALICE,
                amount: 4 * BASED,
            }
            .into(),
        );
        assert_eq!((held(ALICE), free(ALICE)), (6 * BASED, 994 * BASED));
        assert_noop!(withdraw(ALICE), Error::<Test>::NothingToWithdraw);
        assert!(!Unstaking::<Test>::contains_key(ALICE));
    });
}

#[test]
fn stake_cannot_hop_between_brains_inside_a_cycle() {
    build_and_execute(|| {
        go_to(CYCLE);
        assert_ok!(stake(ALICE, BRAIN, None, 999 * BASED));
        assert_ok!(unstake(ALICE, BRAIN, None, 999 * BASED));
        for block in CYCLE..2 * CYCLE {
            go_to(block);
            assert!(withdraw(ALICE).is_err());
            assert_noop!(
                stake(ALICE, OTHER, None, 999 * BASED),
                TokenError::FundsUnavailable
            );
        }
        go_to(2 * CYCLE);
        assert_ok!(withdraw(ALICE));
        assert_ok!(stake(ALICE, OTHER, None, 999 * BASED));
    });
}

#[test]
fn unstaking_again_does_not_delay_what_is_withdrawable() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 10 * BASED));
        assert_ok!(stake(ALICE, OTHER, None, 10 * BASED));
        assert_ok!(unstake(ALICE, BRAIN, None, BASED));
        assert_ok!(unstake(ALICE, OTHER, None, 2 * BASED));
        go_to(CYCLE);
        assert_ok!(unstake(ALICE, BRAIN, None, 4 * BASED));
        assert_ok!(withdraw(ALICE));
        assert_eq!(
            held(ALICE),
            17 * BASED,
            "3 of the earlier cycle are free, 4 of this one are not"
        );
        assert_noop!(withdraw(ALICE), Error::<Test>::NothingToWithdraw);
        go_to(2 * CYCLE);
        assert_ok!(withdraw(ALICE));
        assert_eq!(held(ALICE), 13 * BASED);
    });
}

#[test]
fn only_ones_own_stake_is_unstaked_and_no_dust_stays() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, BASED));
        assert_noop!(unstake(BOB, BRAIN, None, BASED), Error::<Test>::NoPosition);
        assert_noop!(
            unstake(ALICE, BRAIN, Some(VALIDATOR), BASED),
            Error::<Test>::NoPosition
        );
        assert_noop!(unstake(ALICE, OTHER, None, BASED), Error::<Test>::NoPosition);
        assert_noop!(unstake(ALICE, BRAIN, None, 0), Error::<Test>::ZeroAmount);
        assert_noop!(
            unstake(ALICE, BRAIN, None, BASED + 1),
            Error::<Test>::InsufficientStake
        );
        assert_noop!(
            unstake(ALICE, BRAIN, None, BASED - MIN_STAKE + 1),
            Error::<Test>::BelowMinimumStake
        );
        assert_ok!(unstake(ALICE, BRAIN, None, BASED - MIN_STAKE));
        assert_ok!(unstake(ALICE, BRAIN, None, MIN_STAKE));
    });
}

#[test]
fn nothing_is_stored_once_everything_is_unstaked_claimed_and_withdrawn() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 8 * BASED));
        reward(BRAIN, None, BASED);
        assert_ok!(unstake(ALICE, BRAIN, None, 8 * BASED));
        assert!(
            Positions::<Test>::iter().next().is_some(),
            "the reward is still to be claimed"
        );
        assert_ok!(claim(ALICE, BRAIN, None));
        go_to(CYCLE);
        assert_ok!(withdraw(ALICE));
        assert_eq!(free(ALICE), 1_001 * BASED);
        assert_eq!(
            Positions::<Test>::iter().count() + Pools::<Test>::iter().count(),
            0
        );
        assert_eq!(
            PositionCounts::<Test>::iter().count() + BrainTotals::<Test>::iter().count(),
            0
        );
    });
}

#[test]
fn stakers_of_a_validator_that_left_unstake_and_claim() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), EXACT));
        reward(BRAIN, Some(VALIDATOR), 100);
        remove_peer(BRAIN, VALIDATOR);
        assert_noop!(
            stake(BOB, BRAIN, Some(VALIDATOR), BASED),
            Error::<Test>::NotValidator
        );
        assert_ok!(unstake(ALICE, BRAIN, Some(VALIDATOR), EXACT));
        assert_ok!(claim(ALICE, BRAIN, Some(VALIDATOR)));
        assert_ok!(claim(VALIDATOR, BRAIN, Some(VALIDATOR)));
        assert_eq!(
            (free(ALICE) + held(ALICE), free(VALIDATOR)),
            (1_000 * BASED + 82, 1_000 * BASED + 18)
        );
    });
}

#[test]
fn the_stake_of_a_closed_brain_is_free_at_once_and_other_stake_is_not() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 10 * BASED));
        assert_ok!(stake(ALICE, OTHER, None, 5 * BASED));
        assert_ok!(unstake(ALICE, OTHER, None, 2 * BASED));
        close(BRAIN);
        assert_ok!(unstake(ALICE, BRAIN, None, 10 * BASED));
        assert_ok!(withdraw(ALICE));
        assert_eq!(held(ALICE), 5 * BASED, "what left the open Brain waits");
        assert_noop!(withdraw(ALICE), Error::<Test>::NothingToWithdraw);
        go_to(CYCLE);
        assert_ok!(withdraw(ALICE));
        assert_eq!(held(ALICE), 3 * BASED);
    });
}
