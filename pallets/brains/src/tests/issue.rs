use based_primitives::{
    constants::{DEFAULT_MINER_SHARE_PPB, DEFAULT_OWNER_COMMISSION_PPB},
    traits::BrainInspect,
    BrainKind, BrainState,
};
use frame_support::{assert_noop, assert_ok};
use frame_system::RawOrigin;
use sp_runtime::DispatchError::BadOrigin;

use crate::{mock::*, Error, Event};

#[test]
fn only_governance_and_the_bridge_issue_without_payment() {
    build_and_execute(|| {
        assert_noop!(
            Brains::issue(RuntimeOrigin::signed(LABS), None, ALICE, BrainKind::Burned),
            BadOrigin
        );
    });
}

#[test]
fn an_issued_brain_is_open_with_default_terms() {
    build_and_execute(|| {
        assert_ok!(Brains::issue(
            RawOrigin::Root.into(),
            Some(1_023),
            BOB,
            BrainKind::Burned
        ));
        System::assert_last_event(
            Event::BrainIssued {
                brain: 1_023,
                owner: BOB,
                kind: BrainKind::Burned,
            }
            .into(),
        );
        let brain = Brains::brain(1_023).unwrap();
        assert_eq!(
            (brain.state, brain.issued_at, brain.task),
            (BrainState::Active, 1, None)
        );
        assert_eq!(
            <Brains as BrainInspect<u64>>::miner_share(1_023),
            DEFAULT_MINER_SHARE_PPB
        );
        assert_eq!(
            <Brains as BrainInspect<u64>>::owner_commission(1_023),
            DEFAULT_OWNER_COMMISSION_PPB
        );
        assert_eq!(<Brains as BrainInspect<u64>>::owner_redistribution(1_023), (0, 0));
        assert_eq!(<Brains as BrainInspect<u64>>::open_brains().last(), Some(&1_023));
    });
}

#[test]
fn numbers_are_unique_in_range_and_not_administrative() {
    build_and_execute(|| {
        let issue = |id| Brains::issue(RawOrigin::Root.into(), Some(id), BOB, BrainKind::Burned);
        assert_noop!(issue(1_024), Error::<Test>::InvalidNumber);
        assert_noop!(issue(u16::MAX), Error::<Test>::InvalidNumber);
        assert_noop!(issue(BURNED), Error::<Test>::NumberTaken);
        for id in [0, 1, 2, 3, 4, 5, 6, 47] {
            assert_noop!(issue(id), Error::<Test>::AdministrativeNumber);
        }
        assert_noop!(
            Brains::issue(RawOrigin::Root.into(), Some(9), BOB, BrainKind::Administrative),
            Error::<Test>::AdministrativeKind
        );
    });
}

#[test]
fn one_address_may_own_several_brains() {
    build_and_execute(|| {
        assert_ok!(Brains::issue(
            RawOrigin::Root.into(),
            None,
            ALICE,
            BrainKind::Burned
        ));
        assert_ok!(Brains::issue(
            RawOrigin::Root.into(),
            None,
            ALICE,
            BrainKind::Staked
        ));
        assert_eq!(<Brains as BrainInspect<u64>>::owner(9), Some(ALICE));
        assert_eq!(<Brains as BrainInspect<u64>>::owner(10), Some(ALICE));
    });
}

#[test]
fn the_lowest_free_number_is_taken_until_all_1016_are_issued() {
    build(administrative()).execute_with(|| {
        assert_ok!(Brains::issue(
            RawOrigin::Root.into(),
            Some(8),
            ALICE,
            BrainKind::Burned
        ));
        let issue = || Brains::issue(RawOrigin::Root.into(), None, ALICE, BrainKind::Burned);
        assert_ok!(issue());
        assert!(Brains::brain(7).is_some(), "the gap below is filled first");
        for _ in 2..1_016 {
            assert_ok!(issue());
        }
        assert_eq!(<Brains as BrainInspect<u64>>::open_brains().len(), 1_021);
        assert_eq!(crate::Brains::<Test>::iter().count(), 1_024);
        assert_noop!(issue(), Error::<Test>::NoFreeNumber);
        assert_eq!(Brains::brain(47).unwrap().kind, BrainKind::Administrative);
        Brains::do_try_state().unwrap();
    });
}

#[test]
fn the_owner_of_a_staked_brain_earns_after_the_vesting_time() {
    build_and_execute(|| {
        System::set_block_number(50);
        assert_ok!(Brains::issue(
            RawOrigin::Root.into(),
            Some(100),
            BOB,
            BrainKind::Staked
        ));
        assert_ok!(Brains::issue(
            RawOrigin::Root.into(),
            Some(101),
            BOB,
            BrainKind::Burned
        ));
        let earns = <Brains as BrainInspect<u64>>::owner_earns;
        assert!(!earns(100) && earns(101));
        System::set_block_number(u64::from(50 + VESTING) - 1);
        assert!(!earns(100));
        System::set_block_number(u64::from(50 + VESTING));
        assert!(earns(100));
        assert!(!earns(999), "nobody owns it");
    });
}
