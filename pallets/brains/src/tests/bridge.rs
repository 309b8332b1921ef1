use based_primitives::{constants::BASED, traits::BrainInspect, BrainId, BrainKind};
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use frame_system::RawOrigin;
use sp_runtime::DispatchError::BadOrigin;

use crate::{mock::*, Error, Event, HoldReason};

/// Issued by the bridge for burnt Pepecoin, owned by Alice.
const FOLLOWER: BrainId = 9;
/// Issued by the bridge for staked Pepecoin, owned by Alice.
const STAKED_FOLLOWER: BrainId = 10;

fn bridge() -> RuntimeOrigin {
    RuntimeOrigin::signed(BRIDGE)
}

fn build_with_bridge(test: impl FnOnce()) {
    build_and_execute(|| {
        assert_ok!(Brains::set_bridge(RawOrigin::Root.into(), Some(BRIDGE)));
        for (id, kind) in [
            (FOLLOWER, BrainKind::Burned),
            (STAKED_FOLLOWER, BrainKind::Staked),
        ] {
            assert_ok!(Brains::issue(bridge(), Some(id), ALICE, kind));
        }
        test();
    });
}

#[test]
fn nobody_speaks_for_ethereum_until_governance_appoints_and_after_it_dismisses() {
    build_and_execute(|| {
        let issue = || Brains::issue(bridge(), Some(500), ALICE, BrainKind::Burned);
        assert_noop!(issue(), BadOrigin);
        assert_noop!(Brains::set_bridge(bridge(), Some(BRIDGE)), BadOrigin);
        assert_ok!(Brains::set_bridge(RawOrigin::Root.into(), Some(BRIDGE)));
        System::assert_last_event(
            Event::BridgeSet {
                account: Some(BRIDGE),
            }
            .into(),
        );
        assert_ok!(issue());
        assert_ok!(Brains::set_bridge(RawOrigin::Root.into(), None));
        assert_noop!(Brains::reassign(bridge(), 500, BOB), BadOrigin);
        assert_noop!(Brains::close(bridge(), STAKED), BadOrigin);
    });
}

#[test]
fn the_owner_on_chain_follows_the_token_alone() {
    build_with_bridge(|| {
        assert_noop!(
            Brains::transfer(RuntimeOrigin::signed(ALICE), FOLLOWER, BOB),
            Error::<Test>::FollowsToken
        );
        assert_ok!(Brains::reassign(bridge(), FOLLOWER, POOR));
        assert_eq!(<Brains as BrainInspect<u64>>::owner(FOLLOWER), Some(POOR));
        assert_noop!(
            Brains::reassign(bridge(), FOLLOWER, POOR),
            Error::<Test>::AlreadyOwner
        );
        assert_noop!(
            Brains::reassign(bridge(), STAKED_FOLLOWER, BOB),
            Error::<Test>::StakedBrain
        );
        assert_noop!(Brains::reassign(bridge(), BURNED, BOB), Error::<Test>::NoToken);
        assert_noop!(Brains::reassign(bridge(), 500, BOB), Error::<Test>::UnknownBrain);
        assert_noop!(
            Brains::reassign(RuntimeOrigin::signed(ALICE), FOLLOWER, BOB),
            BadOrigin
        );
    });
}

#[test]
fn reassigning_returns_the_deposit_and_the_next_change_holds_a_new_one() {
    build_with_bridge(|| {
        let held = |who| Balances::balance_on_hold(&HoldReason::Deposit.into(), &who);
        let set = |who, ens: &[u8]| {
            let ens = Some(ens.to_vec().try_into().unwrap());
            Brains::set_domains(RuntimeOrigin::signed(who), FOLLOWER, None, ens)
        };
        assert_ok!(set(ALICE, b"a.eth"));
        let deposit = held(ALICE);
        assert!(deposit > PER_ITEM && deposit < BASED);
        assert_ok!(Brains::reassign(bridge(), FOLLOWER, BOB));
        assert_eq!((held(ALICE), held(BOB)), (0, 0));
        assert_ok!(set(BOB, b"b.eth"));
        assert_eq!((held(ALICE), held(BOB)), (0, deposit));
    });
}

#[test]
fn the_bridge_closes_brains_staked_on_ethereum_alone() {
    build_with_bridge(|| {
        assert_noop!(Brains::close(bridge(), FOLLOWER), Error::<Test>::PermanentBrain);
        assert_noop!(Brains::close(bridge(), 0), Error::<Test>::PermanentBrain);
        assert_noop!(Brains::close(bridge(), 500), Error::<Test>::UnknownBrain);
        assert_ok!(Brains::acquire(
            RuntimeOrigin::signed(BOB),
            Some(500),
            BrainKind::Staked,
            u128::MAX
        ));
        assert_noop!(Brains::close(bridge(), 500), Error::<Test>::StakedHere);
        System::set_block_number(u64::from(VESTING) + 1);
        assert_noop!(
            Brains::deactivate(RuntimeOrigin::signed(ALICE), STAKED_FOLLOWER),
            Error::<Test>::StakedElsewhere
        );
        assert_ok!(Brains::close(bridge(), STAKED_FOLLOWER));
        System::assert_last_event(
            Event::BrainClosed {
                brain: STAKED_FOLLOWER,
                owner: ALICE,
                returned: 0,
            }
            .into(),
        );
        idle();
        assert_ok!(Brains::issue(
            RawOrigin::Root.into(),
            Some(STAKED_FOLLOWER),
            BOB,
            BrainKind::Burned
        ));
        assert_ok!(Brains::transfer(
            RuntimeOrigin::signed(BOB),
            STAKED_FOLLOWER,
            ALICE
        ));
    });
}

#[test]
fn brains_paid_for_on_ethereum_raise_the_price_here() {
    build_and_execute(|| {
        assert_ok!(Brains::set_bridge(RawOrigin::Root.into(), Some(BRIDGE)));
        let before = Brains::price(BrainKind::Burned).unwrap();
        assert_ok!(Brains::issue(bridge(), None, BOB, BrainKind::Burned));
        let step = based_primitives::constants::BURN_PRICE_STEP;
        assert_eq!(Brains::price(BrainKind::Burned), Some(before + step));
    });
}
