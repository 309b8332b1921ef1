use based_primitives::{constants::PPB, traits::BrainInspect};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, Event};

fn terms() -> (u64, u64) {
    (
        <Brains as BrainInspect<u64>>::miner_share(BURNED),
        <Brains as BrainInspect<u64>>::owner_commission(BURNED),
    )
}

#[test]
fn names_are_utf8_without_control_characters() {
    build_and_execute(|| {
        let set = |name: &[u8]| {
            Brains::set_name(
                RuntimeOrigin::signed(ALICE),
                BURNED,
                name.to_vec().try_into().unwrap(),
            )
        };
        assert_ok!(set("Gefühle 🧠".as_bytes()));
        assert_eq!(
            Brains::brain(BURNED).unwrap().name.into_inner(),
            "Gefühle 🧠".as_bytes()
        );
        assert_noop!(set(b"\x1b[2J"), Error::<Test>::InvalidName);
        assert_noop!(set(&[0xc3, 0x28]), Error::<Test>::InvalidName);
        assert_ok!(set(b""));
        assert_noop!(
            Brains::set_name(RuntimeOrigin::signed(BOB), BURNED, Default::default()),
            Error::<Test>::NotOwner
        );
    });
}

#[test]
fn income_goes_to_the_reward_account_or_the_owner() {
    build_and_execute(|| {
        let account = || <Brains as BrainInspect<u64>>::reward_account(BURNED);
        assert_eq!(account(), Some(ALICE));
        assert_ok!(Brains::set_reward_account(
            RuntimeOrigin::signed(ALICE),
            BURNED,
            Some(77)
        ));
        assert_eq!(account(), Some(77));
        assert_ok!(Brains::set_reward_account(
            RuntimeOrigin::signed(ALICE),
            BURNED,
            None
        ));
        assert_eq!(account(), Some(ALICE));
        assert_noop!(
            Brains::set_reward_account(RuntimeOrigin::signed(BOB), BURNED, Some(BOB)),
            Error::<Test>::NotOwner
        );
    });
}

#[test]
fn miner_share_holds_next_cycle_and_commission_one_cycle_later() {
    build_and_execute(|| {
        let before = terms();
        System::set_block_number(u64::from(CYCLE) - 1);
        assert_ok!(Brains::set_terms(RuntimeOrigin::signed(ALICE), BURNED, 0, PPB));
        System::assert_last_event(
            Event::TermsChanged {
                brain: BURNED,
                miner_share: 0,
                miner_share_from: CYCLE,
                owner_commission: PPB,
                owner_commission_from: 2 * CYCLE,
            }
            .into(),
        );
        assert_eq!(terms(), before);
        System::set_block_number(CYCLE.into());
        assert_eq!(terms(), (0, before.1));
        System::set_block_number(u64::from(2 * CYCLE) - 1);
        assert_eq!(terms(), (0, before.1), "stakers had a whole cycle of notice");
        System::set_block_number(u64::from(2 * CYCLE));
        assert_eq!(terms(), (0, PPB));
    });
}

#[test]
fn a_change_at_the_start_of_a_cycle_waits_for_the_next() {
    build_and_execute(|| {
        System::set_block_number(CYCLE.into());
        assert_ok!(Brains::set_terms(RuntimeOrigin::signed(ALICE), BURNED, 5, 6));
        System::set_block_number(u64::from(2 * CYCLE) - 1);
        assert_ne!(terms().0, 5);
        System::set_block_number(u64::from(2 * CYCLE));
        assert_eq!(terms().0, 5);
    });
}

#[test]
fn repeating_a_commission_does_not_restart_its_notice_and_the_old_one_cancels_it() {
    build_and_execute(|| {
        let (share, commission) = terms();
        let set = |value| Brains::set_terms(RuntimeOrigin::signed(ALICE), BURNED, share, value);
        assert_ok!(set(9));
        System::set_block_number(CYCLE.into());
        assert_ok!(set(9));
        System::set_block_number(u64::from(2 * CYCLE));
        assert_eq!(terms().1, 9);
        assert_ok!(set(commission));
        assert_ok!(set(9));
        System::set_block_number(u64::from(9 * CYCLE));
        assert_eq!(
            terms().1,
            9,
            "going back to the value in force cancels the change"
        );
    });
}

#[test]
fn redistribution_is_bounded_and_holds_next_cycle() {
    build_and_execute(|| {
        let set = |m, v| Brains::set_redistribution(RuntimeOrigin::signed(ALICE), BURNED, m, v);
        let read = || <Brains as BrainInspect<u64>>::owner_redistribution(BURNED);
        assert_noop!(set(PPB, 1), Error::<Test>::RatioTooLarge);
        assert_noop!(set(u64::MAX, u64::MAX), Error::<Test>::RatioTooLarge);
        assert_ok!(set(PPB - 1, 1));
        assert_eq!(read(), (0, 0));
        System::set_block_number(CYCLE.into());
        assert_eq!(read(), (PPB - 1, 1));
        assert_noop!(
            Brains::set_redistribution(RuntimeOrigin::signed(BOB), BURNED, 0, 0),
            Error::<Test>::NotOwner
        );
    });
}

#[test]
fn terms_are_ratios_and_the_owners() {
    build_and_execute(|| {
        let set =
            |who, share, commission| Brains::set_terms(RuntimeOrigin::signed(who), BURNED, share, commission);
        assert_noop!(set(ALICE, PPB + 1, 0), Error::<Test>::RatioTooLarge);
        assert_noop!(set(ALICE, 0, PPB + 1), Error::<Test>::RatioTooLarge);
        assert_noop!(set(BOB, 0, 0), Error::<Test>::NotOwner);
    });
}
