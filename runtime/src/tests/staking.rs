//! Stake in the whole runtime: which Brains take it.

use based_primitives::constants::{ADMIN_BRAINS, BASED, RESERVED_BRAINS};
use frame_support::{assert_noop, assert_ok};
use sp_keyring::Sr25519Keyring::Bob;

use super::{block, chain};
use crate::{Runtime, RuntimeOrigin, Staking};

#[test]
fn administrative_brains_take_stake_and_reserved_ones_do_not() {
    chain("development").execute_with(|| {
        block(vec![]);
        for brain in ADMIN_BRAINS {
            let bob = RuntimeOrigin::signed(Bob.to_account_id());
            if RESERVED_BRAINS.contains(&brain) {
                assert_noop!(
                    Staking::stake(bob, brain, None, BASED),
                    based_pallet_staking::Error::<Runtime>::BrainNotOpen
                );
            } else {
                assert_ok!(Staking::stake(bob, brain, None, BASED));
            }
        }
    });
}
