//! What an upgrade does to the state of a chain that started before.

use based_primitives::{constants::BASED, Role};
use frame_support::traits::{GetStorageVersion, StorageVersion};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie};

use super::{act, block, chain, memorize, BRAIN};
use crate::{fuzzing::try_state, *};

/// Versions by pallet: in the code and on the chain.
macro_rules! versions {
    ($($pallet:ident),* $(,)?) => {
        [$((
            stringify!($pallet),
            <$pallet as GetStorageVersion>::in_code_storage_version(),
            <$pallet as GetStorageVersion>::on_chain_storage_version(),
        )),*]
    };
}

#[test]
fn a_new_chain_has_the_storage_versions_of_its_code() {
    for preset in ["development", "testnet"] {
        chain(preset).execute_with(|| {
            let ours = versions![
                Brains,
                Registry,
                Staking,
                Consensus,
                Emission,
                Compute,
                Forecasts,
                Governance,
                Authorities
            ];
            for (name, code, stored) in ours {
                // Whoever raises a version adds the migration to the list of the System pallet.
                let expected = if ["Brains", "Staking"].contains(&name) {
                    2
                } else {
                    1
                };
                assert_eq!(code, StorageVersion::new(expected), "{name}");
                assert_eq!(stored, code, "{name}");
            }
            let of_the_sdk = versions![Balances, Session, Grandpa, Historical, Preimage, Scheduler, Assets];
            for (name, code, stored) in of_the_sdk {
                assert_eq!(stored, code, "{name}");
            }
        });
    }
}

/// A chain as its code was before: without lists and counts that came later.
fn forget_what_came_later() {
    based_pallet_brains::BurnedBrains::<Runtime>::kill();
    let _ = based_pallet_staking::Stakers::<Runtime>::clear(u32::MAX, None);
    StorageVersion::new(1).put::<Brains>();
    StorageVersion::new(1).put::<Staking>();
    frame_system::LastRuntimeUpgrade::<Runtime>::put(frame_system::LastRuntimeUpgradeInfo {
        spec_version: 0.into(),
        spec_name: "based".into(),
    });
}

#[test]
fn the_first_block_after_an_upgrade_fills_in_what_older_states_lack() {
    chain("development").execute_with(|| {
        block(vec![]);
        act(Alice, memorize(Role::Validator, 5));
        for (who, validator) in [(Alice, Some(Alice)), (Bob, Some(Alice)), (Charlie, None)] {
            let stake = based_pallet_staking::Call::stake {
                brain: BRAIN,
                validator: validator.map(|who| who.to_account_id()),
                amount: 10 * BASED,
            };
            act(who, stake);
        }
        let acquire = based_pallet_brains::Call::acquire {
            brain: None,
            kind: based_primitives::BrainKind::Burned,
            max_price: u128::MAX,
        };
        act(Bob, acquire);
        let kept = || {
            let mut stakers: Vec<_> = based_pallet_staking::Stakers::<Runtime>::iter_keys().collect();
            stakers.sort();
            (stakers, based_pallet_brains::BurnedBrains::<Runtime>::get())
        };
        let before = kept();
        assert_eq!((before.0.len(), before.1), (3, 2));
        forget_what_came_later();
        assert!(try_state().is_err());
        block(vec![]);
        assert_eq!(kept(), before);
        try_state().unwrap();
        assert_eq!(Staking::on_chain_storage_version(), StorageVersion::new(2));
    });
}
