//! What each preset starts with.

use based_primitives::constants::{ADMIN_BRAINS, BASED, RESERVED_BRAINS};
use sp_core::{sr25519, Pair};
use sp_keyring::Sr25519Keyring;
use sp_runtime::traits::Dispatchable;

use super::{block, chain, free, SystemCall};
use crate::{genesis_presets, AccountId, Balances, Grandpa, Runtime, RuntimeOrigin, Session};

const PRESETS: [&str; 3] = ["development", "local_testnet", "testnet"];

pub(super) fn account(path: &str) -> AccountId {
    AccountId::from(sr25519::Pair::from_string(path, None).unwrap().public())
}

#[test]
fn every_preset_builds_and_writes_blocks() {
    for preset in PRESETS {
        chain(preset).execute_with(|| {
            for _ in 0..3 {
                block(vec![]);
            }
        });
    }
    let names: Vec<String> = genesis_presets::names().iter().map(|id| id.to_string()).collect();
    assert_eq!(names, PRESETS);
    assert!(genesis_presets::get(&"mainnet".into()).is_none());
}

#[test]
fn presets_have_their_number_of_authorities_in_both_engines() {
    for (preset, authorities) in PRESETS.into_iter().zip([1, 3, 3]) {
        chain(preset).execute_with(|| {
            assert_eq!(Session::validators().len(), authorities, "{preset}");
            assert_eq!(
                pallet_babe::Authorities::<Runtime>::get().len(),
                authorities,
                "{preset}"
            );
            assert_eq!(Grandpa::grandpa_authorities().len(), authorities, "{preset}");
        });
    }
}

#[test]
fn only_development_networks_have_an_administrator() {
    let alice = Sr25519Keyring::Alice.to_account_id();
    for (preset, administrator) in PRESETS
        .into_iter()
        .zip([Some(alice.clone()), Some(alice.clone()), None])
    {
        chain(preset).execute_with(|| {
            assert_eq!(pallet_sudo::Key::<Runtime>::get(), administrator, "{preset}");
            let call = pallet_sudo::Call::sudo {
                call: Box::new(SystemCall::set_heap_pages { pages: 64 }.into()),
            };
            let outcome = crate::RuntimeCall::from(call).dispatch(RuntimeOrigin::signed(alice.clone()));
            assert_eq!(outcome.is_ok(), administrator.is_some(), "{preset}");
        });
    }
}

#[test]
fn development_accounts_are_endowed_under_their_names() {
    chain("development").execute_with(|| {
        assert_eq!(free(&account("//Alice")), 1_000_000 * BASED);
        let names = ["//Bob", "//Ferdie", "//Miner", "//Validator", "//User"].map(String::from);
        for name in names
            .into_iter()
            .chain((0..8).map(|index| format!("//Canary{index}")))
        {
            assert_eq!(free(&account(&name)), 10_000 * BASED, "{name}");
        }
    });
}

#[test]
fn the_testnet_has_a_faucet_and_no_development_money() {
    chain("testnet").execute_with(|| {
        assert_eq!(free(&account("//testnet//faucet")), 1_000_000 * BASED);
        for member in 0..3 {
            assert_eq!(free(&account(&format!("//testnet//labs//{member}"))), 100 * BASED);
        }
        assert_eq!(free(&account("//Miner")), 0);
        assert_eq!(free(&account("//Alice")), 100 * BASED);
    });
}

#[test]
fn every_unit_of_genesis_is_counted_as_issuance() {
    for preset in PRESETS {
        chain(preset).execute_with(|| {
            let held: u128 = frame_system::Account::<Runtime>::iter_values()
                .map(|info| info.data.free + info.data.reserved)
                .sum();
            assert_eq!(Balances::total_issuance(), held, "{preset}");
        });
    }
}

#[test]
fn the_eight_administrative_brains_exist_and_three_are_closed() {
    use based_primitives::traits::BrainInspect;
    for preset in PRESETS {
        chain(preset).execute_with(|| {
            for id in ADMIN_BRAINS {
                assert!(crate::Brains::owner(id).is_some(), "{preset}: Brain {id}");
                assert_eq!(
                    crate::Brains::is_open(id),
                    !RESERVED_BRAINS.contains(&id),
                    "{preset}: Brain {id}"
                );
            }
        });
    }
}

#[test]
fn the_demonstration_brain_is_ready_on_development_networks_only() {
    use based_primitives::traits::BrainInspect;
    for (preset, present) in PRESETS.into_iter().zip([true, true, false]) {
        chain(preset).execute_with(|| {
            let owner = crate::Brains::owner(7);
            assert_eq!(
                owner,
                present.then(|| Sr25519Keyring::Alice.to_account_id()),
                "{preset}"
            );
            assert_eq!(crate::Brains::task(7).is_some(), present, "{preset}");
            let price = based_pallet_compute::Prices::<Runtime>::get(7).and_then(|list| list.quote(16, 1));
            assert_eq!(price.is_some(), present, "{preset}");
            let reserved = based_pallet_registry::AllowReservedEndpoints::<Runtime>::get();
            assert_eq!(reserved, present, "{preset}");
        });
    }
}
