use based_primitives::constants::{BASED, MAX_TAKE_PPB, PPB};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event, Take};

fn set_take(who: u64, brain: u16, ppb: u64) -> sp_runtime::DispatchResult {
    Staking::set_take(RuntimeOrigin::signed(who), brain, ppb)
}

#[test]
fn a_validator_keeps_its_take_and_its_stakers_the_rest() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), 30 * BASED));
        assert_ok!(stake(VALIDATOR, BRAIN, Some(VALIDATOR), 10 * BASED));
        assert_ok!(set_take(VALIDATOR, BRAIN, PPB / 10));
        assert_eq!(reward(BRAIN, Some(VALIDATOR), 100 * BASED), 100 * BASED);
        System::assert_has_event(
            Event::Rewarded {
                brain: BRAIN,
                validator: Some(VALIDATOR),
                stakers: 90 * BASED,
                take: 10 * BASED,
            }
            .into(),
        );
        assert_eq!(Staking::claimable(&ALICE), 67_500_000_000_000_000_000);
        assert_eq!(Staking::claimable(&VALIDATOR), 32_500_000_000_000_000_000);
        assert_ok!(claim(VALIDATOR, BRAIN, Some(VALIDATOR)));
        assert_eq!(free(VALIDATOR), 1_022_500_000_000_000_000_000);
        assert_ok!(claim(ALICE, BRAIN, Some(VALIDATOR)));
        assert_noop!(
            claim(VALIDATOR, BRAIN, Some(VALIDATOR)),
            Error::<Test>::NothingToClaim
        );
    });
}

#[test]
fn a_validator_without_stake_of_its_own_claims_its_take() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), BASED));
        reward(BRAIN, Some(VALIDATOR), 1_000);
        assert_noop!(
            claim(VALIDATOR, OTHER, Some(VALIDATOR)),
            Error::<Test>::NoPosition
        );
        assert_noop!(
            claim(VALIDATOR2, BRAIN, Some(VALIDATOR)),
            Error::<Test>::NoPosition
        );
        assert_ok!(claim(VALIDATOR, BRAIN, Some(VALIDATOR)));
        assert_eq!(free(VALIDATOR), 1_000 * BASED + 180, "18% by default");
        assert_noop!(
            claim(VALIDATOR, BRAIN, Some(VALIDATOR)),
            Error::<Test>::NoPosition
        );
    });
}

#[test]
fn stake_directed_to_the_brain_pays_no_take() {
    build_and_execute(|| {
        assert_ok!(stake(VALIDATOR, BRAIN, None, BASED));
        reward(BRAIN, None, 1_000 * BASED);
        assert_eq!(Staking::claimable(&VALIDATOR), 1_000 * BASED);
    });
}

#[test]
fn the_take_rounds_in_favour_of_stakers() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, Some(VALIDATOR), BASED));
        for (amount, take) in [(1u128, 0u128), (5, 0), (6, 1), (99, 17), (100, 18)] {
            let before = crate::Commissions::<Test>::get(VALIDATOR, BRAIN);
            assert_eq!(reward(BRAIN, Some(VALIDATOR), amount), amount);
            assert_eq!(
                crate::Commissions::<Test>::get(VALIDATOR, BRAIN) - before,
                take,
                "of {amount}"
            );
        }
    });
}

#[test]
fn only_validators_set_a_take_of_at_most_18_percent() {
    build_and_execute(|| {
        assert_noop!(
            set_take(VALIDATOR, BRAIN, MAX_TAKE_PPB + 1),
            Error::<Test>::TakeTooLarge
        );
        for who in [MINER, ALICE] {
            assert_noop!(set_take(who, BRAIN, 0), Error::<Test>::NotValidator);
        }
        assert_noop!(set_take(VALIDATOR2, OTHER, 0), Error::<Test>::NotValidator);
        assert_ok!(set_take(VALIDATOR, BRAIN, MAX_TAKE_PPB));
    });
}

#[test]
fn a_cut_holds_at_once_and_a_raise_after_the_delay() {
    build_and_execute(|| {
        let take = || Staking::take_of(BRAIN, &VALIDATOR);
        assert_eq!(take(), MAX_TAKE_PPB);
        assert_ok!(set_take(VALIDATOR, BRAIN, 5));
        assert_eq!(take(), 5);
        assert_eq!(
            Staking::take_of(OTHER, &VALIDATOR),
            MAX_TAKE_PPB,
            "each Brain has its own"
        );
        go_to(10);
        assert_ok!(set_take(VALIDATOR, BRAIN, 9));
        System::assert_last_event(
            Event::TakeSet {
                validator: VALIDATOR,
                brain: BRAIN,
                take: 9,
                effective_at: 10 + RAISE_DELAY,
            }
            .into(),
        );
        go_to(10 + RAISE_DELAY - 1);
        assert_eq!(take(), 5);
        go_to(10 + RAISE_DELAY);
        assert_eq!(take(), 9);
        assert_ok!(set_take(VALIDATOR, BRAIN, 4));
        assert_eq!(take(), 4);
    });
}

#[test]
fn leaving_and_returning_does_not_shorten_the_delay() {
    build_and_execute(|| {
        assert_ok!(set_take(VALIDATOR, BRAIN, 0));
        remove_peer(BRAIN, VALIDATOR);
        assert_noop!(set_take(VALIDATOR, BRAIN, 7), Error::<Test>::NotValidator);
        assert_eq!(Staking::take_of(BRAIN, &VALIDATOR), 0);
    });
}

#[test]
fn announcements_of_a_raise_follow_their_rules() {
    let delay = 100;
    let mut take = Take {
        current: 10,
        next: None,
    };
    assert_eq!(take.set(20, 50, delay), 150);
    assert_eq!(take.set(20, 90, delay), 150, "repeating it keeps its date");
    assert_eq!(take.set(15, 100, delay), 200, "another one starts anew");
    assert_eq!(take.set(10, 120, delay), 120, "the take in force withdraws it");
    assert_eq!(
        take,
        Take {
            current: 10,
            next: None
        }
    );
    assert_eq!(take.set(30, 200, delay), 300);
    assert_eq!(take.set(40, 300, delay), 400, "the first raise holds by now");
    assert_eq!((take.at(399), take.at(400)), (30, 40));
    assert_eq!(take.set(29, 350, delay), 350);
    assert_eq!(take.at(u32::MAX), 29);
    assert_eq!(take.set(30, u32::MAX - 1, delay), u32::MAX);
}
