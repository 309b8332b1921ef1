use based_primitives::traits::BrainInspect;
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event};

#[test]
fn a_burned_brain_changes_hands_with_its_income() {
    build_and_execute(|| {
        assert_ok!(Brains::set_reward_account(
            RuntimeOrigin::signed(ALICE),
            BURNED,
            Some(77)
        ));
        assert_ok!(Brains::transfer(RuntimeOrigin::signed(ALICE), BURNED, BOB));
        System::assert_last_event(
            Event::BrainTransferred {
                brain: BURNED,
                from: ALICE,
                to: BOB,
            }
            .into(),
        );
        assert_eq!(<Brains as BrainInspect<u64>>::owner(BURNED), Some(BOB));
        assert_eq!(
            <Brains as BrainInspect<u64>>::reward_account(BURNED),
            Some(BOB),
            "the former owner's reward account must not follow the Brain"
        );
        assert_noop!(
            Brains::set_name(RuntimeOrigin::signed(ALICE), BURNED, Default::default()),
            Error::<Test>::NotOwner
        );
        assert_ok!(Brains::transfer(RuntimeOrigin::signed(BOB), BURNED, ALICE));
    });
}

#[test]
fn administrative_brains_are_not_transferable() {
    build_and_execute(|| {
        for id in [0, 1, 2, 3, 4, 5, 6, 47] {
            assert_noop!(
                Brains::transfer(RuntimeOrigin::signed(LABS), id, BOB),
                Error::<Test>::AdministrativeBrain
            );
        }
    });
}

#[test]
fn a_staked_brain_is_not_transferable_even_after_vesting() {
    build_and_execute(|| {
        for block in [1, u64::from(VESTING) + 1] {
            System::set_block_number(block);
            assert_noop!(
                Brains::transfer(RuntimeOrigin::signed(BOB), STAKED, ALICE),
                Error::<Test>::StakedBrain
            );
        }
    });
}

#[test]
fn only_the_owner_transfers_and_not_to_itself() {
    build_and_execute(|| {
        assert_noop!(
            Brains::transfer(RuntimeOrigin::signed(BOB), BURNED, BOB),
            Error::<Test>::NotOwner
        );
        assert_noop!(
            Brains::transfer(RuntimeOrigin::signed(BOB), 500, BOB),
            Error::<Test>::UnknownBrain
        );
        assert_noop!(
            Brains::transfer(RuntimeOrigin::signed(ALICE), BURNED, ALICE),
            Error::<Test>::AlreadyOwner
        );
    });
}
