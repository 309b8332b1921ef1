use based_primitives::{
    constants::{BASED, MIN_STAKE},
    traits::StakeInspect,
};
use frame_support::{
    assert_noop, assert_ok,
    traits::{fungible::Mutate, tokens::Preservation},
};
use sp_runtime::TokenError;

use crate::{mock::*, Error, Event, MAX_POSITIONS};

fn brain_stake(brain: u16) -> u128 {
    <Staking as StakeInspect<u64>>::brain_stake(brain)
}

#[test]
fn stake_goes_to_a_brain_to_a_validator_or_to_oneself() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 10 * BASED));
        System::assert_last_event(
            Event::Staked {
                who: ALICE,
                brain: BRAIN,
                validator: None,
                amount: 10 * BASED,
            }
            .into(),
        );
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), 20 * BASED));
        assert_ok!(stake(VALIDATOR, BRAIN, Some(VALIDATOR), 40 * BASED));
        assert_ok!(stake(BOB, OTHER, Some(VALIDATOR), 80 * BASED));
        assert_ok!(stake(ALICE, BRAIN, None, 3 * BASED));

        assert_eq!(<Staking as StakeInspect<u64>>::brain_directed(BRAIN), 13 * BASED);
        assert_eq!(Staking::validator_stake(BRAIN, &VALIDATOR), 60 * BASED);
        assert_eq!(Staking::validator_stake(OTHER, &VALIDATOR), 80 * BASED);
        assert_eq!((brain_stake(BRAIN), brain_stake(OTHER)), (73 * BASED, 80 * BASED));
        assert_eq!(<Staking as StakeInspect<u64>>::total_stake(), 153 * BASED);
        assert_eq!((held(ALICE), free(ALICE)), (33 * BASED, 967 * BASED));
    });
}

#[test]
fn the_same_tokens_cannot_be_staked_twice() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 600 * BASED));
        assert_noop!(
            stake(ALICE, OTHER, None, 600 * BASED),
            TokenError::FundsUnavailable
        );
        assert!(Balances::transfer(&ALICE, &BOB, 600 * BASED, Preservation::Preserve).is_err());
        assert_ok!(stake(ALICE, OTHER, None, 300 * BASED));
        assert_eq!(held(ALICE), 900 * BASED);
    });
}

#[test]
fn closed_brains_take_no_stake() {
    build_and_execute(|| {
        for brain in [RESERVED, 99, u16::MAX] {
            assert_noop!(stake(ALICE, brain, None, BASED), Error::<Test>::BrainNotOpen);
        }
        assert_ok!(stake(ALICE, BRAIN, None, BASED));
        close(BRAIN);
        assert_noop!(stake(ALICE, BRAIN, None, BASED), Error::<Test>::BrainNotOpen);
        assert_ok!(unstake(ALICE, BRAIN, None, BASED));
    });
}

#[test]
fn only_validators_of_the_brain_receive_directed_stake() {
    build_and_execute(|| {
        assert_noop!(
            stake(ALICE, BRAIN, Some(MINER), BASED),
            Error::<Test>::NotValidator
        );
        assert_noop!(stake(ALICE, BRAIN, Some(BOB), BASED), Error::<Test>::NotValidator);
        assert_noop!(
            stake(ALICE, OTHER, Some(VALIDATOR2), BASED),
            Error::<Test>::NotValidator
        );
    });
}

#[test]
fn amounts_are_positive_and_positions_at_least_the_minimum() {
    build_and_execute(|| {
        assert_noop!(stake(ALICE, BRAIN, None, 0), Error::<Test>::ZeroAmount);
        assert_noop!(
            stake(ALICE, BRAIN, None, MIN_STAKE - 1),
            Error::<Test>::BelowMinimumStake
        );
        assert_ok!(stake(ALICE, BRAIN, None, MIN_STAKE));
        assert_ok!(stake(ALICE, BRAIN, None, 1));
        assert_noop!(stake(ALICE, BRAIN, None, u128::MAX), TokenError::FundsUnavailable);
    });
}

#[test]
fn an_account_has_at_most_64_positions() {
    build_and_execute(|| {
        for brain in 100..100 + MAX_POSITIONS as u16 {
            assert_ok!(stake(ALICE, brain, None, BASED));
        }
        assert_noop!(stake(ALICE, BRAIN, None, BASED), Error::<Test>::TooManyPositions);
        assert_ok!(stake(ALICE, 100, None, BASED));
        assert_ok!(unstake(ALICE, 101, None, BASED));
        assert_ok!(stake(ALICE, BRAIN, None, BASED));
    });
}

#[test]
fn a_stakeless_network_reads_as_zero() {
    build_and_execute(|| {
        assert_eq!(
            (brain_stake(BRAIN), <Staking as StakeInspect<u64>>::total_stake()),
            (0, 0)
        );
        assert_eq!(Staking::validator_stake(BRAIN, &VALIDATOR), 0);
        assert_eq!(Staking::claimable(&ALICE), 0);
    });
}
