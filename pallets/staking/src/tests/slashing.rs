//! What a slash of a producer of blocks costs its stakers, those who have left included (F.2-5).

use based_primitives::{
    constants::{BASED, MIN_STAKE, PPB},
    traits::{ProducerStake, StakeInspect},
    Balance,
};
use frame_support::{assert_noop, assert_ok};
use proptest::prelude::*;

use crate::{mock::*, Error, Leavings, Pools, Positions, Target};

const TENTH: u64 = PPB / 10;

fn slash(part: u64, since: u32) -> Balance {
    <Staking as ProducerStake<u64>>::slash(&VALIDATOR, part, since)
}

fn settle(who: u64, brain: based_primitives::BrainId) {
    assert_ok!(Staking::settle_slash(
        RuntimeOrigin::signed(BOB),
        who,
        brain,
        VALIDATOR
    ));
}

fn withdraw_leaving(who: u64, cycle: u32) -> sp_runtime::DispatchResult {
    Staking::withdraw_leaving(RuntimeOrigin::signed(who), VALIDATOR, cycle)
}

/// Slashed funds that have arrived.
fn paid() -> Balance {
    free(TREASURY) - DEPOSIT
}

#[test]
fn backing_is_the_stake_on_a_validator_over_all_brains_own_and_delegated() {
    build_and_execute(|| {
        assert_ok!(stake(VALIDATOR, BRAIN, Some(VALIDATOR), 5 * BASED));
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), 7 * BASED));
        assert_ok!(stake(ALICE, OTHER, Some(VALIDATOR), 11 * BASED));
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR2), 100 * BASED));
        assert_ok!(stake(ALICE, BRAIN, None, 100 * BASED));
        let backing = || <Staking as ProducerStake<u64>>::backing(&VALIDATOR);
        assert_eq!(backing(), 23 * BASED);
        assert_eq!(<Staking as ProducerStake<u64>>::backed_brains(&VALIDATOR), 2);
        assert_ok!(unstake(ALICE, OTHER, Some(VALIDATOR), 11 * BASED));
        assert_eq!(backing(), 12 * BASED);
        assert_eq!(<Staking as ProducerStake<u64>>::backed_brains(&VALIDATOR), 1);
    });
}

#[test]
fn a_slash_counts_at_once_and_is_paid_when_positions_are_touched() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), 30 * BASED));
        assert_ok!(stake(BOB, OTHER, Some(VALIDATOR), 10 * BASED));
        assert_ok!(stake(CAROL, BRAIN, Some(VALIDATOR2), 10 * BASED));
        assert_ok!(stake(CAROL, BRAIN, None, 10 * BASED));
        assert_eq!(slash(TENTH, 1), 4 * BASED);
        assert_eq!(
            <Staking as StakeInspect<u64>>::validator_stake(BRAIN, &VALIDATOR),
            27 * BASED
        );
        assert_eq!(<Staking as StakeInspect<u64>>::brain_stake(BRAIN), 47 * BASED);
        assert_eq!(<Staking as StakeInspect<u64>>::total_stake(), 56 * BASED);
        assert_eq!((held(ALICE), paid()), (30 * BASED, 0));
        Staking::do_try_state().unwrap();
        settle(ALICE, BRAIN);
        assert_eq!((held(ALICE), paid()), (27 * BASED, 3 * BASED));
        settle(ALICE, BRAIN);
        assert_eq!(paid(), 3 * BASED, "a position bears a slash once");
        assert_noop!(
            unstake(BOB, OTHER, Some(VALIDATOR), 9 * BASED + 1),
            Error::<Test>::InsufficientStake
        );
        assert_ok!(unstake(BOB, OTHER, Some(VALIDATOR), 9 * BASED));
        assert_eq!((held(BOB), paid()), (9 * BASED, 4 * BASED));
        assert_eq!(held(CAROL), 20 * BASED, "stake elsewhere bears nothing");
    });
}

#[test]
fn stake_that_comes_after_a_slash_does_not_pay_for_it() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), 10 * BASED));
        assert_eq!(slash(TENTH, 1), BASED);
        assert_ok!(stake(BOB, BRAIN, Some(VALIDATOR), 10 * BASED));
        settle(BOB, BRAIN);
        assert_eq!(held(BOB), 10 * BASED);
        // More of a slashed position is a whole addition to what is left.
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), 10 * BASED));
        assert_eq!((held(ALICE), paid()), (19 * BASED, BASED));
        assert_eq!(slash(TENTH, 1), 0, "stake that was slashed is not slashed again");
    });
}

#[test]
fn rewards_from_before_a_slash_are_those_of_the_whole_stake() {
    build_and_execute(|| {
        // Half is slashed: stakes stay powers of two, so that rewards divide.
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), EXACT));
        assert_ok!(Staking::set_take(RuntimeOrigin::signed(VALIDATOR), BRAIN, 0));
        reward(BRAIN, Some(VALIDATOR), 100);
        assert_eq!(slash(PPB / 2, 1), EXACT / 2);
        assert_ok!(stake(BOB, BRAIN, Some(VALIDATOR), EXACT / 2));
        reward(BRAIN, Some(VALIDATOR), 50);
        assert_eq!(Staking::claimable(&ALICE), 125);
        assert_eq!(Staking::claimable(&BOB), 25);
        assert_ok!(claim(ALICE, BRAIN, Some(VALIDATOR)));
        assert_eq!(held(ALICE), EXACT / 2);
    });
}

#[test]
fn stake_that_left_a_producer_stays_held_and_slashable_for_the_window() {
    build_and_execute(|| {
        expose(VALIDATOR);
        go_to(CYCLE);
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), 10 * BASED));
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR2), 10 * BASED));
        assert_ok!(unstake(ALICE, BRAIN, Some(VALIDATOR), 10 * BASED));
        assert_ok!(unstake(ALICE, BRAIN, Some(VALIDATOR2), 10 * BASED));
        go_to(2 * CYCLE);
        assert_ok!(Staking::withdraw(RuntimeOrigin::signed(ALICE)));
        assert_eq!(held(ALICE), 10 * BASED, "only what left the producer is kept");
        go_to(CYCLE + WINDOW - 1);
        assert_noop!(withdraw_leaving(ALICE, 1), Error::<Test>::NothingToWithdraw);
        assert_eq!(slash(TENTH, CYCLE + 1), BASED);
        Staking::do_try_state().unwrap();
        go_to(CYCLE + WINDOW);
        assert_noop!(withdraw_leaving(BOB, 1), Error::<Test>::NothingToWithdraw);
        assert_ok!(withdraw_leaving(ALICE, 1));
        assert_eq!((held(ALICE), free(ALICE), paid()), (0, 999 * BASED, BASED));
        assert_eq!(Leavings::<Test>::iter().count(), 0);
    });
}

#[test]
fn stake_that_left_before_the_offence_is_not_slashed() {
    build_and_execute(|| {
        expose(VALIDATOR);
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), 10 * BASED));
        assert_ok!(stake(BOB, BRAIN, Some(VALIDATOR), 10 * BASED));
        assert_ok!(unstake(ALICE, BRAIN, Some(VALIDATOR), 10 * BASED));
        go_to(CYCLE);
        assert_ok!(unstake(BOB, BRAIN, Some(VALIDATOR), 10 * BASED));
        assert_eq!(slash(TENTH, CYCLE), BASED);
        go_to(CYCLE + WINDOW);
        assert_ok!(withdraw_leaving(ALICE, 0));
        assert_ok!(withdraw_leaving(BOB, 1));
        assert_eq!((free(ALICE), free(BOB)), (1_000 * BASED, 999 * BASED));
    });
}

#[test]
fn leaving_again_in_a_cycle_joins_the_same_funds_and_a_slash_between_hits_only_the_first() {
    build_and_execute(|| {
        expose(VALIDATOR);
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), 10 * BASED));
        assert_ok!(unstake(ALICE, BRAIN, Some(VALIDATOR), 4 * BASED));
        assert_eq!(slash(PPB / 2, 1), 5 * BASED);
        assert_ok!(unstake(ALICE, BRAIN, Some(VALIDATOR), 3 * BASED));
        assert_eq!((held(ALICE), paid()), (5 * BASED, 5 * BASED));
        Staking::do_try_state().unwrap();
        go_to(1 + WINDOW);
        assert_ok!(withdraw_leaving(ALICE, 0));
        assert_eq!(free(ALICE), 995 * BASED);
    });
}

#[test]
fn a_slash_of_everything_leaves_rewards_and_empties_positions() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), EXACT));
        reward(BRAIN, Some(VALIDATOR), 100);
        assert_eq!(slash(PPB, 1), EXACT);
        assert_eq!(reward(BRAIN, Some(VALIDATOR), 100), 0, "nobody is staked there");
        assert_ok!(claim(ALICE, BRAIN, Some(VALIDATOR)));
        assert_eq!((held(ALICE), free(ALICE)), (0, 1_000 * BASED - EXACT + 82));
        assert_eq!(Positions::<Test>::iter().count(), 0);
        assert!(Pools::<Test>::get(Target {
            brain: BRAIN,
            validator: Some(VALIDATOR)
        })
        .is_none());
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the stakes, the part and the order: what stakers pay is what was slashed, to the last unit.
    #[test]
    fn what_stakers_pay_is_the_slash_exactly(
        stakes in proptest::collection::vec(MIN_STAKE..400 * BASED, 3),
        left in proptest::collection::vec(any::<bool>(), 3),
        part in 0..=PPB,
        order in Just(vec![ALICE, BOB, CAROL]).prop_shuffle(),
    ) {
        build_and_execute(|| {
            expose(VALIDATOR);
            let who = [ALICE, BOB, CAROL];
            let issuance = Balances::total_issuance();
            for index in 0..3 {
                stake(who[index], BRAIN, Some(VALIDATOR), stakes[index]).unwrap();
                if left[index] {
                    unstake(who[index], BRAIN, Some(VALIDATOR), stakes[index]).unwrap();
                }
            }
            let slashed = slash(part, 1);
            Staking::do_try_state().unwrap();
            go_to(1 + WINDOW);
            for staker in order {
                if left[who.iter().position(|other| *other == staker).unwrap()] {
                    withdraw_leaving(staker, 0).unwrap();
                } else {
                    settle(staker, BRAIN);
                }
                Staking::do_try_state().unwrap();
            }
            assert_eq!(paid(), slashed);
            let all: Balance = stakes.iter().sum();
            let exact = sp_core::U256::from(all) * part / PPB;
            assert!(exact.as_u128() - slashed <= 1, "{slashed} of {all}");
            assert_eq!(Balances::total_issuance(), issuance);
        });
    }
}
