use based_primitives::constants::{BASED, MIN_STAKE};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event, Pools, Target};

#[test]
fn stakers_share_in_proportion_to_their_stake() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 30 * BASED));
        assert_ok!(stake(BOB, BRAIN, None, 10 * BASED));
        assert_eq!(reward(BRAIN, None, 100 * BASED), 100 * BASED);
        System::assert_has_event(
            Event::Rewarded {
                brain: BRAIN,
                validator: None,
                stakers: 100 * BASED,
                take: 0,
            }
            .into(),
        );
        assert_eq!(
            (Staking::claimable(&ALICE), Staking::claimable(&BOB)),
            (75 * BASED, 25 * BASED)
        );
        assert_ok!(claim(ALICE, BRAIN, None));
        System::assert_last_event(
            Event::Claimed {
                who: ALICE,
                brain: BRAIN,
                validator: None,
                amount: 75 * BASED,
            }
            .into(),
        );
        assert_eq!(free(ALICE), (1_000 - 30 + 75) * BASED);
        assert_noop!(claim(ALICE, BRAIN, None), Error::<Test>::NothingToClaim);
        assert_eq!(
            Staking::claimable(&BOB),
            25 * BASED,
            "one claim leaves the others"
        );
    });
}

#[test]
fn who_stakes_later_has_no_part_in_earlier_rewards() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 8 * BASED));
        reward(BRAIN, None, 8 * BASED);
        assert_ok!(stake(BOB, BRAIN, None, 24 * BASED));
        assert_eq!(Staking::claimable(&BOB), 0);
        reward(BRAIN, None, 8 * BASED);
        assert_eq!(
            (Staking::claimable(&ALICE), Staking::claimable(&BOB)),
            (10 * BASED, 6 * BASED)
        );
        assert_ok!(stake(ALICE, BRAIN, None, 32 * BASED));
        assert_eq!(
            Staking::claimable(&ALICE),
            10 * BASED,
            "more stake does not change what was earned"
        );
        reward(BRAIN, None, 8 * BASED);
        assert_eq!(
            (Staking::claimable(&ALICE), Staking::claimable(&BOB)),
            (15 * BASED, 9 * BASED)
        );
    });
}

#[test]
fn who_unstaked_keeps_what_was_earned_and_earns_no_more() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 8 * BASED));
        assert_ok!(stake(BOB, BRAIN, None, 8 * BASED));
        reward(BRAIN, None, 8 * BASED);
        assert_ok!(unstake(ALICE, BRAIN, None, 8 * BASED));
        reward(BRAIN, None, 8 * BASED);
        assert_eq!(
            (Staking::claimable(&ALICE), Staking::claimable(&BOB)),
            (4 * BASED, 12 * BASED)
        );
        assert_ok!(claim(ALICE, BRAIN, None));
        assert_noop!(claim(ALICE, BRAIN, None), Error::<Test>::NoPosition);
    });
}

#[test]
fn targets_do_not_share_their_rewards() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, EXACT));
        assert_ok!(stake(BOB, OTHER, None, EXACT));
        assert_ok!(stake(CAROL, BRAIN, Some(VALIDATOR), EXACT));
        reward(BRAIN, None, 7);
        assert_eq!([ALICE, BOB, CAROL].map(|who| Staking::claimable(&who)), [7, 0, 0]);
        assert_noop!(claim(CAROL, BRAIN, None), Error::<Test>::NoPosition);
    });
}

#[test]
fn nothing_is_accepted_where_nobody_is_staked() {
    build_and_execute(|| {
        assert_eq!(reward(BRAIN, None, 100), 0);
        assert_eq!(reward(BRAIN, Some(VALIDATOR), 100), 0);
        assert_ok!(stake(ALICE, BRAIN, None, EXACT));
        assert_eq!(reward(BRAIN, None, 0), 0);
        assert_eq!(reward(BRAIN, None, 3), 3);
        assert_ok!(unstake(ALICE, BRAIN, None, EXACT));
        assert_eq!(
            reward(BRAIN, None, 100),
            0,
            "only an unclaimed reward is left there"
        );
        assert_eq!(Staking::claimable(&VALIDATOR), 0, "no stake, no take");
    });
}

#[test]
fn the_remainder_of_a_division_is_paid_with_a_later_reward() {
    build_and_execute(|| {
        for who in [ALICE, BOB, CAROL] {
            assert_ok!(stake(who, BRAIN, None, BASED));
        }
        for _ in 0..3 {
            reward(BRAIN, None, 1);
        }
        let claimable = [ALICE, BOB, CAROL].map(|who| Staking::claimable(&who));
        // Each is owed one unit less at most 3 * 2^-64, which floors to 0 until the residual follows.
        assert!(claimable.iter().sum::<u128>() <= 3);
        reward(BRAIN, None, 3);
        let claimable = [ALICE, BOB, CAROL].map(|who| Staking::claimable(&who));
        assert!(
            claimable.iter().all(|amount| (1..=2).contains(amount)),
            "{claimable:?}"
        );
    });
}

#[test]
fn a_reward_smaller_than_the_stake_is_not_lost() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 900 * BASED));
        for _ in 0..1_000 {
            assert_eq!(reward(BRAIN, None, 1), 1);
        }
        // What waits in the residual is less than the stake over 2^64: 49 units.
        assert!((951..=1_000).contains(&Staking::claimable(&ALICE)));
        let pool = Pools::<Test>::get(Target {
            brain: BRAIN,
            validator: None,
        })
        .unwrap();
        assert_eq!((pool.credited, pool.claimed), (1_000, 0));
    });
}

#[test]
fn all_emission_on_the_smallest_stake_does_not_overflow() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, MIN_STAKE));
        let all = 63_072_000 * BASED;
        assert_eq!(reward(BRAIN, None, all), all);
        assert_eq!(Staking::claimable(&ALICE), all);
        assert_ok!(stake(BOB, BRAIN, None, 999 * BASED));
        assert_ok!(claim(ALICE, BRAIN, None));
        assert_eq!(reward(BRAIN, None, 10 * BASED), 10 * BASED);
    });
}

#[test]
fn the_reward_account_survives_the_last_claim() {
    build_and_execute(|| {
        let account = Staking::reward_account();
        assert_eq!(free(account), DEPOSIT, "seeded at genesis");
        assert_ok!(stake(ALICE, BRAIN, None, BASED));
        reward(BRAIN, None, 1);
        reward(BRAIN, None, 1);
        assert!(Staking::claimable(&ALICE) >= 1);
        assert_ok!(claim(ALICE, BRAIN, None));
        assert!(free(account) >= DEPOSIT);
    });
}

#[test]
fn rewards_may_be_claimed_after_the_brain_closed() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, BASED));
        reward(BRAIN, None, 5 * BASED);
        close(BRAIN);
        assert_ok!(claim(ALICE, BRAIN, None));
        assert_eq!(free(ALICE), 1_004 * BASED);
    });
}
