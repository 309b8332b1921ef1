//! Calls on the pallets of the SDK that move what ours hold, or wrap their calls.

use based_primitives::constants::{EXISTENTIAL_DEPOSIT, PEPECOIN_ASSET};
use codec::Encode;

use super::{next, Attempt, Who};
use crate::{
    configs::{dynamic, RuntimeParameters},
    fuzzing::{
        choices::Choices,
        world::{amount, anyone, at_bounds, pepecoin, World, PEOPLE},
    },
    proxies::ProxyType,
    RuntimeCall, SessionKeys, System,
};

/// A call that a wrapper runs.
fn inner(world: &mut World, choices: &mut Choices) -> RuntimeCall {
    // Each level takes bytes, so that it ends with them.
    if choices.is_empty() {
        return frame_system::Call::remark { remark: vec![] }.into();
    }
    next(world, choices).call
}

/// A call on a pallet of the SDK.
pub fn any(world: &mut World, choices: &mut Choices) -> Option<Attempt> {
    let who = choices.pick(&PEOPLE).to_account_id();
    let by = |call: RuntimeCall| Some((Who::Account(who.clone()), call));
    let dest = anyone(choices);
    match choices.below(14) {
        0 => {
            let value = amount(choices, &who);
            by(pallet_balances::Call::transfer_allow_death {
                dest: dest.into(),
                value,
            }
            .into())
        }
        1 => {
            let keep_alive = choices.below(4) > 0;
            let value = at_bounds(choices, &[0, 1], EXISTENTIAL_DEPOSIT);
            by(pallet_balances::Call::burn { value, keep_alive }.into())
        }
        2 => by(pallet_balances::Call::transfer_all {
            dest: dest.into(),
            keep_alive: choices.below(8) > 0,
        }
        .into()),
        3 => {
            let (id, amount) = (PEPECOIN_ASSET.into(), pepecoin(choices));
            let target = dest.into();
            by(pallet_assets::Call::transfer { id, target, amount }.into())
        }
        4 => {
            let calls = (0..1 + choices.below(3)).map(|_| inner(world, choices)).collect();
            by(match choices.below(3) {
                0 => pallet_utility::Call::batch { calls },
                1 => pallet_utility::Call::batch_all { calls },
                _ => pallet_utility::Call::force_batch { calls },
            }
            .into())
        }
        5 => {
            let kinds = [ProxyType::Any, ProxyType::NonTransfer, ProxyType::Operator];
            by(pallet_proxy::Call::add_proxy {
                delegate: dest.into(),
                proxy_type: choices.pick(&kinds),
                delay: 0,
            }
            .into())
        }
        6 => by(pallet_proxy::Call::proxy {
            real: dest.into(),
            force_proxy_type: None,
            call: Box::new(inner(world, choices)),
        }
        .into()),
        7 => by(pallet_multisig::Call::as_multi_threshold_1 {
            other_signatories: vec![dest],
            call: Box::new(inner(world, choices)),
        }
        .into()),
        8 => {
            let bytes = frame_system::Call::remark { remark: vec![7; 200] };
            let bytes = RuntimeCall::from(bytes).encode();
            by(pallet_preimage::Call::note_preimage { bytes }.into())
        }
        9 => by(pallet_session::Call::purge_keys {}.into()),
        10 => {
            let keys = SessionKeys {
                babe: sp_keyring::Sr25519Keyring::Alice.public().into(),
                grandpa: sp_keyring::Ed25519Keyring::Alice.public().into(),
            };
            let proof = choices.array::<64>().to_vec();
            by(pallet_session::Call::set_keys { keys, proof }.into())
        }
        11 => {
            use dynamic::consensus::{ActivePercentile, ActivityCutoff, Parameters};
            let percent = at_bounds(choices, &[0, 50, 95, 100, u32::MAX], 70);
            let blocks = at_bounds(choices, &[0, 1_024, u32::MAX], 5_000);
            let parameter = match choices.below(2) {
                0 => Parameters::ActivePercentile(ActivePercentile, Some(percent)),
                _ => Parameters::ActivityCutoff(ActivityCutoff, Some(blocks)),
            };
            let key_value = RuntimeParameters::Consensus(parameter);
            Some((
                Who::Root,
                pallet_parameters::Call::set_parameter { key_value }.into(),
            ))
        }
        12 => {
            let when = System::block_number() + 1 + choices.below(64) as u32;
            let call = pallet_scheduler::Call::schedule {
                when,
                maybe_periodic: None,
                priority: 0,
                call: Box::new(inner(world, choices)),
            };
            Some((Who::Root, call.into()))
        }
        // Out of the brake again.
        _ => Some((Who::Root, pallet_safe_mode::Call::force_exit {}.into())),
    }
}
