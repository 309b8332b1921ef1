use based_primitives::{constants::MAX_ALLOWED, traits::BrainInspect};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchResult;

use crate::{mock::*, Admissions, Error, Event};

fn admits(account: u64) -> bool {
    <Brains as BrainInspect<u64>>::admits(BURNED, &account)
}

fn allow(account: u64, allowed: bool) -> DispatchResult {
    Brains::set_allowed(RuntimeOrigin::signed(ALICE), BURNED, account, allowed)
}

fn restrict(restricted: bool) -> DispatchResult {
    Brains::set_admission(RuntimeOrigin::signed(ALICE), BURNED, restricted)
}

#[test]
fn everyone_is_admitted_until_the_owner_restricts_the_brain() {
    build_and_execute(|| {
        assert!(admits(77));
        assert_ok!(allow(77, true));
        assert!(admits(78), "a list alone restricts nothing");
        assert_ok!(restrict(true));
        System::assert_last_event(
            Event::AdmissionSet {
                brain: BURNED,
                restricted: true,
            }
            .into(),
        );
        assert!(admits(77) && !admits(78) && !admits(ALICE));
        assert_ok!(allow(77, false));
        assert!(!admits(77));
        assert_ok!(restrict(false));
        assert!(admits(77) && admits(78));
        assert!(
            !Admissions::<Test>::contains_key(BURNED),
            "the default is not kept"
        );
    });
}

#[test]
fn nobody_is_admitted_where_peers_may_not_join() {
    build_and_execute(|| {
        for brain in [47, 500] {
            assert!(!<Brains as BrainInspect<u64>>::admits(brain, &77));
        }
    });
}

#[test]
fn lists_are_the_owners_and_without_repetition() {
    build_and_execute(|| {
        assert_ok!(allow(77, true));
        assert_noop!(allow(77, true), Error::<Test>::AlreadyAllowed);
        assert_noop!(allow(78, false), Error::<Test>::NotAllowed);
        let bob = || RuntimeOrigin::signed(BOB);
        assert_noop!(
            Brains::set_allowed(bob(), BURNED, 78, true),
            Error::<Test>::NotOwner
        );
        assert_noop!(
            Brains::set_admission(bob(), BURNED, true),
            Error::<Test>::NotOwner
        );
        assert_noop!(
            Brains::set_admission(bob(), 500, true),
            Error::<Test>::UnknownBrain
        );
        assert_ok!(Brains::set_allowed(bob(), STAKED, 77, true));
    });
}

#[test]
fn a_list_holds_as_many_accounts_as_the_brain_has_places() {
    build_and_execute(|| {
        for account in 0..u64::from(MAX_ALLOWED) {
            assert_ok!(allow(10_000 + account, true));
        }
        assert_noop!(allow(9_999, true), Error::<Test>::ListFull);
        assert_ok!(allow(10_000, false));
        assert_ok!(allow(9_999, true));
    });
}
