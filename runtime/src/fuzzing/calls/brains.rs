//! Calls of owners of Brains, of the bridge and of governance.

use based_pallet_brains::{AuditStatus, Brains as Records, Call, Profiles};
use based_primitives::{
    constants::{BRAIN_STAKE, PEPECOIN},
    Balance, BrainId, BrainKind, Domain, Task,
};
use sp_core::H256;

use super::{Attempt, Who};
use crate::{
    fuzzing::{
        choices::Choices,
        world::{anyone, at_bounds, brain, keyring, owned_brain, ratio, World, BRIDGE},
    },
    Brains, Runtime,
};

fn label(choices: &mut Choices) -> Option<Domain> {
    let names: [&[u8]; 8] = [
        b"one", b"two", b"three", b"a.eth", b"b.eth", b"-", b"ab", b"A.eth",
    ];
    let name = choices.pick(&names);
    choices.maybe(|_| name.to_vec().try_into().unwrap())
}

fn task(choices: &mut Choices) -> Task {
    let urls: [&[u8]; 4] = [
        b"https://example.org/a",
        b"https://example.org/b",
        b"http://x",
        b"https://",
    ];
    let url = at_bounds(choices, &urls, urls[0]);
    Task {
        manifest: H256::repeat_byte(choices.below(4) as u8),
        repository: url.to_vec().try_into().unwrap(),
        commit: [choices.below(4) as u8; 20],
        zk: choices.below(2) == 0,
    }
}

fn kind(choices: &mut Choices) -> BrainKind {
    let ordinary = choices.pick(&[BrainKind::Burned, BrainKind::Staked]);
    at_bounds(
        choices,
        &[ordinary, ordinary, BrainKind::Administrative],
        ordinary,
    )
}

/// A Brain for which the bridge speaks, if there is one.
fn of_bridge(choices: &mut Choices, kind: BrainKind) -> BrainId {
    let all: Vec<_> = Records::<Runtime>::iter()
        .filter(|(brain, record)| {
            let here = based_pallet_brains::Stakes::<Runtime>::contains_key(brain);
            let token = based_pallet_brains::Tokens::<Runtime>::contains_key(brain);
            record.kind == kind && !here && (token || kind == BrainKind::Staked)
        })
        .map(|(brain, _)| brain)
        .collect();
    choices.pick_any(&all).unwrap_or_else(|| brain(choices))
}

/// A Brain whose Pepecoin lies on this chain, and its owner.
fn staked_here(choices: &mut Choices) -> Option<Attempt> {
    let all: Vec<_> = based_pallet_brains::Stakes::<Runtime>::iter_keys().collect();
    let brain = choices.pick_any(&all)?;
    let owner = Brains::brain(brain)?.owner;
    Some((Who::Account(owner), Call::deactivate { brain }.into()))
}

fn audit(choices: &mut Choices) -> Call<Runtime> {
    let announced: Vec<_> = Records::<Runtime>::iter()
        .filter_map(|(brain, record)| Some((brain, record.next_task.map(|(task, _)| task).or(record.task)?)))
        .collect();
    let status = choices.pick(&[AuditStatus::Unaudited, AuditStatus::Passed, AuditStatus::Rejected]);
    let (brain, task) = match choices.pick_any(&announced) {
        Some((brain, task)) => (brain, Brains::task_hash(&task)),
        None => (brain(choices), H256::zero()),
    };
    Call::record_audit { brain, task, status }
}

fn proof(choices: &mut Choices) -> Option<Call<Runtime>> {
    let named: Vec<_> = Profiles::<Runtime>::iter()
        .filter_map(|(brain, profile)| Some((brain, profile.ens?)))
        .collect();
    let (brain, ens) = choices.pick_any(&named)?;
    let owner = at_bounds(choices, &[BRIDGE.to_account_id()], Brains::brain(brain)?.owner);
    Some(Call::prove_ens { brain, owner, ens })
}

/// A call of governance or of the bridge.
fn appointed(choices: &mut Choices) -> Option<Attempt> {
    let bridge = || Who::Account(BRIDGE.to_account_id());
    Some(match choices.below(8) {
        0 | 1 => {
            let who = choices.pick(&[true, false]);
            let call = Call::issue {
                brain: choices.maybe(brain),
                owner: anyone(choices),
                kind: kind(choices),
            };
            (if who { Who::Root } else { bridge() }, call.into())
        }
        2 => {
            let (brain, owner) = (of_bridge(choices, BrainKind::Burned), anyone(choices));
            (bridge(), Call::reassign { brain, owner }.into())
        }
        3 => {
            let brain = of_bridge(choices, BrainKind::Staked);
            (bridge(), Call::close { brain }.into())
        }
        4 => (bridge(), proof(choices)?.into()),
        5 => {
            // Mostly the same, so that there is a bridge.
            let other = choices.maybe(anyone);
            let account = at_bounds(
                choices,
                &[Some(BRIDGE.to_account_id()), other],
                Some(BRIDGE.to_account_id()),
            );
            (Who::Root, Call::set_bridge { account }.into())
        }
        _ => (Who::Root, audit(choices).into()),
    })
}

/// A call on the Brains pallet.
pub fn any(_: &mut World, choices: &mut Choices) -> Option<Attempt> {
    let (owner, brain) = owned_brain(choices);
    let call: Call<Runtime> = match choices.below(18) {
        0 => Call::transfer {
            brain,
            to: anyone(choices),
        },
        1 => Call::set_task {
            brain,
            task: task(choices),
        },
        2 => {
            let names: [&[u8]; 4] = [b"", b"name", b"\n", b"\xff"];
            Call::set_name {
                brain,
                name: choices.pick(&names).to_vec().try_into().unwrap(),
            }
        }
        3 => Call::set_reward_account {
            brain,
            account: choices.maybe(anyone),
        },
        4 => Call::set_terms {
            brain,
            miner_share_ppb: ratio(choices),
            owner_commission_ppb: ratio(choices),
        },
        5 => Call::set_redistribution {
            brain,
            to_miners_ppb: ratio(choices) / 2,
            to_validators_ppb: ratio(choices) / 2,
        },
        6 | 7 => {
            let limits = [0, 1, BRAIN_STAKE - 1, BRAIN_STAKE, 1_000 * PEPECOIN, Balance::MAX];
            let call = Call::acquire {
                brain: choices.maybe(self::brain),
                kind: kind(choices),
                max_price: at_bounds(choices, &limits, Balance::MAX),
            };
            return Some((Who::Account(anyone(choices)), call.into()));
        }
        8 => Call::set_domains {
            brain,
            bns: label(choices),
            ens: label(choices),
        },
        9 => Call::set_template {
            brain,
            template: choices.maybe(|_| 1),
        },
        10 => Call::set_admission {
            brain,
            restricted: choices.once_in(4),
        },
        11 => Call::set_allowed {
            brain,
            account: anyone(choices),
            allowed: choices.below(3) > 0,
        },
        12 => return staked_here(choices),
        _ => return appointed(choices),
    };
    // A Brain may belong to an account that nobody signs for.
    keyring(&owner).map(|_| (Who::Account(owner), call.into()))
}
