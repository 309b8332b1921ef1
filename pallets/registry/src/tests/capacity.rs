use based_primitives::{
    constants::{MAX_MINERS, MAX_PEERS, MAX_VALIDATORS},
    traits::{PeerCounts, RegistryInspect},
    Role,
};
use frame_support::{assert_noop, assert_ok};

use crate::{mock::*, Error, UidSet};

fn fill(role: Role, first: u64, count: u16) {
    for who in first..first + u64::from(count) {
        assert_ok!(memorize(who, BRAIN, role));
    }
}

#[test]
fn the_257th_validator_is_refused_while_miners_still_join() {
    build_and_execute(false, || {
        assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, 0));
        fill(Role::Validator, 1_000, MAX_VALIDATORS);
        assert_noop!(
            memorize(ALICE, BRAIN, Role::Validator),
            Error::<Test>::ValidatorsFull
        );
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        assert_eq!(<Registry as PeerCounts>::counts(BRAIN), (1, 256));
        assert_ok!(Registry::leave(RuntimeOrigin::signed(1_100), BRAIN));
        assert_ok!(memorize(BOB, BRAIN, Role::Validator));
        assert_eq!(<Registry as RegistryInspect<u64>>::uid(BRAIN, &BOB), Some(100));
    });
}

#[test]
fn the_1793rd_miner_is_refused_while_validators_still_join_up_to_2048_peers() {
    build_and_execute(false, || {
        assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, 0));
        assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), OTHER, 0));
        fill(Role::Miner, 10_000, MAX_MINERS);
        assert_noop!(memorize(ALICE, BRAIN, Role::Miner), Error::<Test>::MinersFull);
        fill(Role::Validator, 1_000, MAX_VALIDATORS);
        assert_noop!(
            memorize(ALICE, BRAIN, Role::Validator),
            Error::<Test>::ValidatorsFull
        );
        let peers = <Registry as RegistryInspect<u64>>::peers(BRAIN);
        assert_eq!(peers.len(), usize::from(MAX_PEERS));
        assert!(
            peers.iter().zip(0..).all(|(peer, uid)| peer.uid == uid),
            "uids 0 to 2,047 ascend"
        );
        assert_ok!(memorize(ALICE, OTHER, Role::Miner));
    });
}

#[test]
fn a_set_of_uids_finds_every_gap() {
    let mut set = UidSet::default();
    for uid in 0..MAX_PEERS {
        assert_eq!(set.lowest_free(), Some(uid));
        set.set(uid, true);
    }
    assert_eq!((set.lowest_free(), set.len()), (None, 2_048));
    for uid in [2_047, 64, 63, 0] {
        set.set(uid, false);
        assert!(!set.contains(uid));
        assert_eq!(
            set.lowest_free(),
            Some(uid),
            "each is lower than those freed before"
        );
    }
    set.set(2_048, true);
    assert!(
        !set.contains(2_048) && set.len() == 2_044,
        "a uid out of range changes nothing"
    );
    assert_eq!(set.iter_from(62).take(3).collect::<Vec<_>>(), vec![62, 65, 66]);
}
