use based_primitives::constants::BASED;
use frame_support::{
    assert_ok,
    traits::{GetStorageVersion, OnRuntimeUpgrade, StorageVersion},
};

use crate::{migrations::ListStakers, mock::*, Stakers};

fn listed() -> Vec<(u16, (u64, Option<u64>))> {
    let mut listed: Vec<_> = Stakers::<Test>::iter_keys().collect();
    listed.sort();
    listed
}

#[test]
fn version_two_lists_the_positions_with_stake_once() {
    build_and_execute(|| {
        assert_ok!(stake(ALICE, BRAIN, None, 10 * BASED));
        assert_ok!(stake(ALICE, OTHER, None, 5 * BASED));
        assert_ok!(stake(BOB, BRAIN, Some(VALIDATOR), 20 * BASED));
        // A position without stake stays for what it earned, and is not listed.
        assert_ok!(stake(CAROL, BRAIN, None, EXACT));
        reward(BRAIN, None, 30 * BASED);
        assert_ok!(unstake(CAROL, BRAIN, None, EXACT));
        let before = listed();
        assert_eq!(before.len(), 3);

        let _ = Stakers::<Test>::clear(u32::MAX, None);
        StorageVersion::new(1).put::<Staking>();
        assert!(Staking::do_try_state().is_err());
        ListStakers::<Test>::on_runtime_upgrade();
        assert_eq!(Staking::on_chain_storage_version(), 2);
        assert_eq!(listed(), before);
        Staking::do_try_state().unwrap();

        let _ = Stakers::<Test>::clear(u32::MAX, None);
        ListStakers::<Test>::on_runtime_upgrade();
        assert!(listed().is_empty(), "a second run changes nothing");
        for (brain, name) in before {
            Stakers::<Test>::insert(brain, name, ());
        }
    });
}
