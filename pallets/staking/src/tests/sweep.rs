use based_primitives::{
    constants::BASED,
    traits::{StakeInspect, SweepBrain},
    Balance,
};
use frame_support::{assert_ok, weights::Weight};

use crate::{mock::*, Positions, Stakers, WeightInfo};

fn withdraw(who: u64) {
    assert_ok!(Staking::withdraw(RuntimeOrigin::signed(who)));
}

fn brain_stake() -> Balance {
    <Staking as StakeInspect<u64>>::brain_stake(BRAIN)
}

#[test]
fn stake_of_a_closed_brain_comes_back_at_once_to_the_last_unit() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 10 * BASED));
        assert_ok!(stake(BOB, BRAIN, Some(VALIDATOR), 20 * BASED));
        assert_ok!(stake(VALIDATOR, BRAIN, Some(VALIDATOR), 30 * BASED));
        assert_ok!(stake(ALICE, OTHER, None, 5 * BASED));
        close(BRAIN);
        let (_, done) = Staking::sweep(BRAIN, Weight::MAX);
        assert!(done);
        assert_eq!(brain_stake(), 0);
        assert_eq!(<Staking as StakeInspect<u64>>::total_stake(), 5 * BASED);
        // In the same block: nothing waits for the next cycle.
        for who in [ALICE, BOB, VALIDATOR] {
            withdraw(who);
        }
        assert_eq!((free(ALICE), held(ALICE)), (995 * BASED, 5 * BASED));
        assert_eq!((free(BOB), held(BOB)), (1_000 * BASED, 0));
        assert_eq!((free(VALIDATOR), held(VALIDATOR)), (1_000 * BASED, 0));
    });
}

#[test]
fn a_sweep_takes_as_many_positions_as_the_weight_allows() {
    build_and_execute(|| {
        for who in [ALICE, BOB, CAROL] {
            assert_ok!(stake(who, BRAIN, None, BASED));
        }
        close(BRAIN);
        assert_eq!(Staking::sweep(BRAIN, Weight::zero()), (Weight::zero(), false));
        let each = <() as WeightInfo>::sweep();
        assert_eq!(
            Staking::sweep(BRAIN, each.saturating_mul(2)),
            (each.saturating_mul(2), false)
        );
        assert_eq!(brain_stake(), BASED);
        Staking::do_try_state().unwrap();
        assert_eq!(Staking::sweep(BRAIN, each.saturating_mul(2)), (each, true));
        assert_eq!(Staking::sweep(BRAIN, each), (Weight::zero(), true));
        assert_eq!(Stakers::<Test>::iter().count(), 0);
    });
}

#[test]
fn what_stake_of_a_closed_brain_earned_stays_claimable_beside_newcomers() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, EXACT));
        assert_eq!(reward(BRAIN, None, 3 * BASED), 3 * BASED);
        close(BRAIN);
        assert!(Staking::sweep(BRAIN, Weight::MAX).1);
        withdraw(ALICE);
        reopen(BRAIN);
        assert_ok!(stake(BOB, BRAIN, None, EXACT));
        assert_eq!(reward(BRAIN, None, BASED), BASED);
        assert_ok!(claim(ALICE, BRAIN, None));
        assert_eq!(free(ALICE), 1_003 * BASED, "nothing of what came later");
        assert_ok!(claim(BOB, BRAIN, None));
        assert_eq!(free(BOB), 1_001 * BASED - EXACT);
        assert_eq!(Positions::<Test>::iter().count(), 1);
    });
}

#[test]
fn whoever_unstakes_before_the_sweep_does_not_wait_either() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 10 * BASED));
        close(BRAIN);
        assert_ok!(unstake(ALICE, BRAIN, None, 4 * BASED));
        withdraw(ALICE);
        assert_eq!(held(ALICE), 6 * BASED);
        assert!(Staking::sweep(BRAIN, Weight::MAX).1);
        withdraw(ALICE);
        assert_eq!((free(ALICE), held(ALICE)), (1_000 * BASED, 0));
    });
}
