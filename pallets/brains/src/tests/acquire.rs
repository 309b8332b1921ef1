use based_primitives::{
    constants::{BRAIN_STAKE, PEPECOIN},
    traits::BrainInspect,
    Balance, BrainKind,
};
use frame_support::{
    assert_noop, assert_ok,
    traits::fungible::{Inspect, Mutate},
};
use sp_runtime::{DispatchResult, TokenError};

use crate::{mock::*, Error, Event, PepecoinTotals, Totals};

fn acquire(who: u64, brain: Option<u16>, kind: BrainKind) -> DispatchResult {
    Brains::acquire(RuntimeOrigin::signed(who), brain, kind, Balance::MAX)
}

#[test]
fn burning_issues_a_brain_at_once_and_destroys_the_price() {
    build(administrative()).execute_with(|| {
        System::set_block_number(1);
        let issuance = Pepecoin::total_issuance();
        assert_ok!(acquire(ALICE, Some(1_023), BrainKind::Burned));
        let price = 1_000 * PEPECOIN;
        assert_eq!(Pepecoin::total_issuance(), issuance - price);
        assert_eq!(Pepecoin::balance(&ALICE), WEALTH - price);
        assert_eq!(<Brains as BrainInspect<u64>>::owner(1_023), Some(ALICE));
        assert!(<Brains as BrainInspect<u64>>::is_open(1_023));
        System::assert_last_event(
            Event::PepecoinPaid {
                brain: 1_023,
                amount: price,
            }
            .into(),
        );
        assert_eq!(Brains::price(BrainKind::Burned), Some(1_200 * PEPECOIN));
        Brains::do_try_state().unwrap();
    });
}

#[test]
fn staking_moves_the_stake_into_the_pallets_care() {
    build_and_execute(|| {
        let issuance = Pepecoin::total_issuance();
        assert_ok!(acquire(ALICE, None, BrainKind::Staked));
        assert_eq!(Pepecoin::total_issuance(), issuance, "nothing is burnt");
        assert_eq!(Pepecoin::balance(&ALICE), WEALTH - 100_000 * PEPECOIN);
        assert_eq!(Pepecoin::balance(&Brains::account_id()), BRAIN_STAKE);
        assert_eq!(<Brains as BrainInspect<u64>>::owner(9), Some(ALICE));
        let totals = Totals {
            burned: 0,
            staked: BRAIN_STAKE,
        };
        assert_eq!(PepecoinTotals::<Test>::get(), totals);
    });
}

#[test]
fn the_price_rises_by_200_with_every_burned_brain_alone() {
    build(administrative()).execute_with(|| {
        for (burned, price) in [(0u128, 1_000u128), (1, 1_200), (2, 1_400)] {
            assert_eq!(
                Brains::price(BrainKind::Burned),
                Some(price * PEPECOIN),
                "{burned} before"
            );
            assert_ok!(acquire(BOB, None, BrainKind::Staked));
            assert_eq!(
                Brains::price(BrainKind::Burned),
                Some(price * PEPECOIN),
                "a stake moved it"
            );
            assert_ok!(acquire(ALICE, None, BrainKind::Burned));
        }
        assert_eq!(Brains::price(BrainKind::Staked), Some(BRAIN_STAKE));
        assert_eq!(Brains::price(BrainKind::Administrative), None);
    });
}

#[test]
fn all_1016_by_burning_cost_104_140_000_and_the_thousandth_200_800() {
    build(administrative()).execute_with(|| {
        for number in 1..=1_016u128 {
            if number == 1_000 {
                assert_eq!(Brains::price(BrainKind::Burned), Some(200_800 * PEPECOIN));
            }
            assert_ok!(acquire(ALICE, None, BrainKind::Burned));
        }
        assert_eq!(WEALTH - Pepecoin::balance(&ALICE), 104_140_000 * PEPECOIN);
        assert_eq!(PepecoinTotals::<Test>::get().burned, 104_140_000 * PEPECOIN);
        for kind in [BrainKind::Burned, BrainKind::Staked] {
            assert_noop!(acquire(BOB, None, kind), Error::<Test>::NoFreeNumber);
        }
        Brains::do_try_state().unwrap();
    });
}

#[test]
fn a_price_above_the_limit_is_refused() {
    build_and_execute(|| {
        let price = Brains::price(BrainKind::Burned).unwrap();
        let acquire = |kind, most| Brains::acquire(RuntimeOrigin::signed(ALICE), None, kind, most);
        assert_noop!(acquire(BrainKind::Burned, price - 1), Error::<Test>::PriceTooHigh);
        assert_noop!(
            acquire(BrainKind::Staked, BRAIN_STAKE - 1),
            Error::<Test>::PriceTooHigh
        );
        assert_noop!(acquire(BrainKind::Burned, 0), Error::<Test>::PriceTooHigh);
        assert_ok!(acquire(BrainKind::Burned, price));
        assert_ok!(acquire(BrainKind::Staked, BRAIN_STAKE));
    });
}

#[test]
fn who_lacks_one_unit_gets_nothing_and_who_has_just_enough_gets_a_brain() {
    build_and_execute(|| {
        let price = Brains::price(BrainKind::Burned).unwrap();
        // The account lives on its $BASED: without it the last Pepecoin could not be spent.
        for (kind, price) in [(BrainKind::Burned, price), (BrainKind::Staked, BRAIN_STAKE)] {
            assert_ok!(Pepecoin::mint_into(&LABS, price - 1));
            assert_noop!(acquire(LABS, None, kind), TokenError::FundsUnavailable);
            assert_ok!(Pepecoin::mint_into(&LABS, 1));
            assert_ok!(acquire(LABS, None, kind));
            assert_eq!(Pepecoin::balance(&LABS), 0);
        }
    });
}

#[test]
fn kinds_and_numbers_that_are_not_for_sale_are_refused() {
    build_and_execute(|| {
        assert_noop!(
            acquire(ALICE, None, BrainKind::Administrative),
            Error::<Test>::AdministrativeKind
        );
        for id in [0, 1, 2, 3, 4, 5, 6, 47] {
            assert_noop!(
                acquire(ALICE, Some(id), BrainKind::Burned),
                Error::<Test>::AdministrativeNumber
            );
        }
        assert_noop!(
            acquire(ALICE, Some(BURNED), BrainKind::Staked),
            Error::<Test>::NumberTaken
        );
        assert_noop!(
            acquire(ALICE, Some(1_024), BrainKind::Staked),
            Error::<Test>::InvalidNumber
        );
        assert_noop!(
            Brains::acquire(RuntimeOrigin::root(), None, BrainKind::Burned, Balance::MAX),
            sp_runtime::DispatchError::BadOrigin
        );
    });
}
