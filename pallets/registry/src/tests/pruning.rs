use based_primitives::{
    constants::{BASED, MAX_MINERS, MAX_VALIDATORS},
    traits::{PeerCounts, RegistryInspect},
    BrainId, Role, Uid,
};
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};

use crate::{mock::*, Error, Event, HoldReason, Pruning, WeightInfo};

/// Accounts of miners are their uids plus this.
const MINERS: u64 = 10_000;

fn set_pruning(enabled: bool) {
    assert_ok!(Registry::set_pruning(
        RuntimeOrigin::signed(OWNER),
        BRAIN,
        enabled
    ));
}

/// Fills the miners' places in block 1, and goes to the block in which they are immune no more.
fn full_brain() {
    assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, 0));
    for who in MINERS..MINERS + u64::from(MAX_MINERS) {
        assert_ok!(memorize(who, BRAIN, Role::Miner));
    }
    System::set_block_number(u64::from(1 + IMMUNITY));
}

fn uid(who: u64) -> Option<Uid> {
    <Registry as RegistryInspect<u64>>::uid(BRAIN, &who)
}

#[test]
fn nobody_gives_way_unless_the_owner_says_so() {
    build_and_execute(false, || {
        full_brain();
        assert_noop!(memorize(ALICE, BRAIN, Role::Miner), Error::<Test>::MinersFull);
        assert_noop!(
            Registry::set_pruning(RuntimeOrigin::signed(ALICE), BRAIN, true),
            Error::<Test>::NotOwner
        );
        const UNKNOWN: BrainId = 99;
        assert_noop!(
            Registry::set_pruning(RuntimeOrigin::signed(OWNER), UNKNOWN, true),
            Error::<Test>::NotOwner
        );
        set_pruning(true);
        System::assert_last_event(
            Event::PruningSet {
                brain: BRAIN,
                enabled: true,
            }
            .into(),
        );
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        set_pruning(false);
        assert!(!Pruning::<Test>::contains_key(BRAIN));
        assert_noop!(memorize(BOB, BRAIN, Role::Miner), Error::<Test>::MinersFull);
    });
}

#[test]
fn who_earned_least_gives_way_and_gets_its_deposit_back() {
    build_and_execute(false, || {
        PeerDeposit::set(BASED);
        for who in MINERS..MINERS + u64::from(MAX_MINERS) {
            Balances::force_set_balance(RuntimeOrigin::root(), who, 2 * BASED).unwrap();
        }
        full_brain();
        set_pruning(true);
        // All earned something, uid 700 least.
        let earned =
            (0..MAX_MINERS).map(|uid| (uid, if uid == 700 { 3 } else { 1_000 - u32::from(uid) / 2 }));
        Incentives::set((40, earned.collect()));
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        assert_eq!((uid(ALICE), uid(MINERS + 700)), (Some(700), None));
        assert_eq!(Registry::counts(BRAIN), (MAX_MINERS, 0));
        assert_eq!(
            removed(),
            vec![(BRAIN, 700, MINERS + 700)],
            "the others forget it"
        );
        assert_eq!(free(MINERS + 700), 2 * BASED);
        assert_eq!(Balances::balance_on_hold(&HoldReason::Peer.into(), &ALICE), BASED);
        System::assert_has_event(
            Event::Pruned {
                brain: BRAIN,
                uid: 700,
                account: MINERS + 700,
            }
            .into(),
        );
    });
}

#[test]
fn newcomers_are_immune_and_equals_go_by_age() {
    build_and_execute(false, || {
        full_brain();
        set_pruning(true);
        // Nobody earned anything: the lowest uid of the oldest goes, and never one who came just now.
        for (newcomer, place) in [(ALICE, 0), (BOB, 1), (OWNER_REWARDS, 2)] {
            assert_ok!(memorize(newcomer, BRAIN, Role::Miner));
            assert_eq!(uid(newcomer), Some(place));
        }
        // A block before their immunity ends, they are not pruned though they are among the least.
        let earned = (3..MAX_MINERS).map(|uid| (uid, 5));
        Incentives::set((90, earned.collect()));
        System::set_block_number(u64::from(2 * IMMUNITY));
        assert_ok!(memorize(500, BRAIN, Role::Miner));
        assert_eq!(uid(500), Some(3));
        System::set_block_number(u64::from(2 * IMMUNITY + 1));
        assert_ok!(memorize(501, BRAIN, Role::Miner));
        assert_eq!((uid(501), uid(ALICE)), (Some(0), None));
    });
}

#[test]
fn a_share_of_somebody_who_had_the_uid_before_does_not_count() {
    build_and_execute(false, || {
        full_brain();
        set_pruning(true);
        // Uid 9 was another's in the last epoch, in block 1: its share is not that of the one who came in it.
        Incentives::set((1, (0..MAX_MINERS).map(|uid| (uid, 1_000)).collect()));
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        assert_eq!(uid(ALICE), Some(0), "all count as having earned nothing");
    });
}

#[test]
fn a_full_brain_of_immune_peers_refuses() {
    build_and_execute(false, || {
        full_brain();
        set_pruning(true);
        System::set_block_number(u64::from(IMMUNITY));
        assert_noop!(memorize(ALICE, BRAIN, Role::Miner), Error::<Test>::MinersFull);
    });
}

#[test]
fn validators_give_way_to_validators_only() {
    build_and_execute(false, || {
        assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, 0));
        assert_ok!(memorize(BOB, BRAIN, Role::Miner));
        for who in 1_000..1_000 + u64::from(MAX_VALIDATORS) {
            assert_ok!(memorize(who, BRAIN, Role::Validator));
        }
        set_pruning(true);
        System::set_block_number(u64::from(1 + IMMUNITY));
        Incentives::set((40, (1..=MAX_VALIDATORS).map(|uid| (uid, 9)).collect()));
        assert_ok!(memorize(ALICE, BRAIN, Role::Validator));
        assert_eq!(uid(BOB), Some(0), "a miner that earned nothing stays");
        assert_eq!(uid(ALICE), Some(1));
        assert_eq!(Registry::counts(BRAIN), (1, MAX_VALIDATORS));
    });
}

#[test]
fn only_pruning_costs_its_weight() {
    build_and_execute(false, || {
        full_brain();
        set_pruning(true);
        let memorize = |who, role| {
            let origin = RuntimeOrigin::signed(who);
            Registry::memorize(origin, BRAIN, role, PUBLIC, [1; 32], RESOURCES, 0).unwrap()
        };
        let usual = memorize(ALICE, Role::Validator).actual_weight;
        assert_eq!(usual, Some(<() as WeightInfo>::memorize()));
        assert_eq!(memorize(BOB, Role::Miner).actual_weight, None);
    });
}
