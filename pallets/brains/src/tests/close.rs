use based_primitives::{
    constants::{BASED, BRAIN_STAKE},
    traits::BrainInspect,
    Balance, BrainId, BrainKind,
};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::DispatchResultWithPostInfo,
    traits::{
        fungible::{Inspect, InspectHold},
        Hooks,
    },
    weights::Weight,
};
use frame_system::RawOrigin;

use crate::{mock::*, Closing, Error, Event, HoldReason, PepecoinTotals, WeightInfo};

const MINE: BrainId = 9;

fn acquire(who: u64, brain: Option<BrainId>, kind: BrainKind) {
    assert_ok!(Brains::acquire(
        RuntimeOrigin::signed(who),
        brain,
        kind,
        Balance::MAX
    ));
}

fn deactivate(who: u64, brain: BrainId) -> DispatchResultWithPostInfo {
    Brains::deactivate(RuntimeOrigin::signed(who), brain)
}

/// Alice's staked Brain, at the end of its term.
fn ripe() {
    acquire(ALICE, Some(MINE), BrainKind::Staked);
    System::set_block_number(u64::from(1 + VESTING));
}

#[test]
fn the_stake_returns_at_the_end_of_the_term_and_no_block_sooner() {
    build_and_execute(|| {
        ripe();
        System::set_block_number(u64::from(VESTING));
        assert_noop!(deactivate(ALICE, MINE), Error::<Test>::TooEarly);
        System::set_block_number(u64::from(1 + VESTING));
        assert_ok!(deactivate(ALICE, MINE));
        System::assert_last_event(
            Event::BrainClosed {
                brain: MINE,
                owner: ALICE,
                returned: BRAIN_STAKE,
            }
            .into(),
        );
        assert_eq!(Pepecoin::balance(&ALICE), WEALTH);
        assert_eq!(Pepecoin::balance(&Brains::account_id()), 0);
        assert_eq!(PepecoinTotals::<Test>::get().staked, 0);
        assert_eq!(Brains::brain(MINE), None);
        assert!(!<Brains as BrainInspect<u64>>::is_open(MINE));
        assert_noop!(deactivate(ALICE, MINE), Error::<Test>::UnknownBrain);
    });
}

#[test]
fn only_the_owner_of_a_brain_staked_here_deactivates_it() {
    build_and_execute(|| {
        ripe();
        assert_noop!(deactivate(BOB, MINE), Error::<Test>::NotOwner);
        assert_noop!(deactivate(ALICE, BURNED), Error::<Test>::PermanentBrain);
        assert_noop!(deactivate(LABS, 2), Error::<Test>::PermanentBrain);
        assert_noop!(deactivate(BOB, STAKED), Error::<Test>::StakedElsewhere);
        assert_noop!(deactivate(BOB, 500), Error::<Test>::UnknownBrain);
        assert_noop!(
            Brains::deactivate(RawOrigin::Root.into(), MINE),
            sp_runtime::DispatchError::BadOrigin
        );
    });
}

#[test]
fn a_freed_number_is_issued_again_without_the_past() {
    build_and_execute(|| {
        acquire(ALICE, Some(MINE), BrainKind::Staked);
        let alice = || RuntimeOrigin::signed(ALICE);
        let bns = Some(b"lost".to_vec().try_into().unwrap());
        assert_ok!(Brains::set_domains(alice(), MINE, bns.clone(), None));
        assert_ok!(Brains::set_admission(alice(), MINE, true));
        assert_ok!(Brains::set_allowed(alice(), MINE, BOB, true));
        assert_ok!(Brains::set_task(alice(), MINE, task(1)));
        assert_ok!(Brains::record_audit(
            RawOrigin::Root.into(),
            MINE,
            Brains::task_hash(&task(1)),
            crate::AuditStatus::Passed
        ));
        System::set_block_number(u64::from(1 + VESTING));
        assert_ok!(deactivate(ALICE, MINE));
        assert_eq!(Balances::balance_on_hold(&HoldReason::Deposit.into(), &ALICE), 0);
        assert_eq!(Balances::balance(&ALICE), 1_000 * BASED);
        idle();
        acquire(BOB, None, BrainKind::Burned);
        let fresh = Brains::brain(MINE).unwrap();
        assert_eq!((fresh.owner, fresh.task, fresh.next_task), (BOB, None, None));
        assert!(Brains::is_allowed(MINE, &LABS), "the list went with its owner");
        assert_ok!(Brains::set_task(RuntimeOrigin::signed(BOB), MINE, task(1)));
        assert_eq!(
            Brains::audit_of(MINE, &Brains::task_hash(&task(1))),
            crate::AuditStatus::Unaudited
        );
        assert_ok!(Brains::set_domains(RuntimeOrigin::signed(BOB), MINE, bns, None));
    });
}

#[test]
fn a_number_waits_until_other_pallets_have_emptied_the_brain() {
    build_and_execute(|| {
        ripe();
        leave_records(5);
        assert_ok!(deactivate(ALICE, MINE));
        let issue = |id| Brains::issue(RawOrigin::Root.into(), id, BOB, BrainKind::Burned);
        assert_noop!(issue(Some(MINE)), Error::<Test>::NumberClosing);

        let own = <() as WeightInfo>::sweep();
        assert_eq!(
            Brains::on_idle(0, own.saturating_sub(Weight::from_parts(1, 0))),
            Weight::zero(),
            "no time to look"
        );
        let limit = own.saturating_add(Weight::from_parts(350, 0));
        let used = Brains::on_idle(0, limit);
        assert_eq!(used, own.saturating_add(Weight::from_parts(300, 0)));
        assert_noop!(issue(Some(MINE)), Error::<Test>::NumberClosing);
        assert_ok!(issue(None));
        assert_eq!(Brains::brain(MINE), None, "the lowest free number is another");

        Brains::on_idle(0, limit);
        System::assert_last_event(Event::NumberFreed { brain: MINE }.into());
        assert!(Closing::<Test>::get().is_empty());
        assert_eq!(idle(), own, "nothing is left to do");
        assert_ok!(issue(None));
        assert_eq!(<Brains as BrainInspect<u64>>::owner(MINE), Some(BOB));
    });
}

#[test]
fn closing_frees_a_place_when_all_are_issued() {
    build(administrative()).execute_with(|| {
        System::set_block_number(1);
        acquire(ALICE, Some(500), BrainKind::Staked);
        let issue = || Brains::issue(RawOrigin::Root.into(), None, BOB, BrainKind::Burned);
        for _ in 1..1_016 {
            assert_ok!(issue());
        }
        assert_noop!(issue(), Error::<Test>::NoFreeNumber);
        System::set_block_number(u64::from(1 + VESTING));
        assert_ok!(deactivate(ALICE, 500));
        idle();
        assert_ok!(issue());
        assert_eq!(<Brains as BrainInspect<u64>>::owner(500), Some(BOB));
        assert_noop!(issue(), Error::<Test>::NoFreeNumber);
        Brains::do_try_state().unwrap();
    });
}

#[test]
fn the_burn_price_stays_when_a_staked_brain_closes() {
    build_and_execute(|| {
        ripe();
        let price = Brains::price(BrainKind::Burned);
        assert_ok!(deactivate(ALICE, MINE));
        assert_eq!(Brains::price(BrainKind::Burned), price);
    });
}

#[test]
fn the_weight_follows_the_length_of_the_list() {
    build_and_execute(|| {
        acquire(ALICE, Some(MINE), BrainKind::Staked);
        for account in 100..103 {
            assert_ok!(Brains::set_allowed(
                RuntimeOrigin::signed(ALICE),
                MINE,
                account,
                true
            ));
        }
        System::set_block_number(u64::from(1 + VESTING));
        let post = deactivate(ALICE, MINE).unwrap();
        assert_eq!(post.actual_weight, Some(<() as WeightInfo>::deactivate(3)));
    });
}
