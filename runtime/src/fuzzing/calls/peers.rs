//! Calls of peers and stakers: registry, staking, consensus, authorities.

use based_pallet_consensus::CrossEdge;
use based_primitives::{
    constants::MAX_TAKE_PPB, math::cycle_of, weights_commitment, Balance, BlockNumber, BrainId, Edges, Role,
    Uid,
};

use super::{Attempt, Who};
use crate::{
    fuzzing::{
        choices::Choices,
        world::{
            amount, anyone, at_bounds, brain, endpoint, owned_brain, peer, resources, PendingRow, World,
            PEOPLE,
        },
    },
    time::{CYCLE_BLOCKS, REVEAL_DELAY},
    AccountId, Runtime, System,
};

/// A call on the registry.
pub fn registry(_: &mut World, choices: &mut Choices) -> Option<Attempt> {
    use based_pallet_registry::Call;
    let ordinary = [1 + choices.below(200) as u8; 32];
    let computekey = at_bounds(choices, &[[0; 32]], ordinary);
    Some(match choices.below(8) {
        0..=3 => {
            let who = choices.pick(&PEOPLE).to_account_id();
            let call = Call::memorize {
                brain: brain(choices),
                role: choices.pick(&[Role::Miner, Role::Validator]),
                endpoint: endpoint(choices),
                computekey,
                resources: resources(choices),
                max_fee: at_bounds(choices, &[0, 1, Balance::MAX - 1], Balance::MAX),
            };
            (Who::Account(who), call.into())
        }
        4 => {
            let (brain, peer) = peer(choices, None)?;
            let call = Call::update_endpoint {
                brain,
                endpoint: endpoint(choices),
                computekey,
            };
            (Who::Account(peer.account), call.into())
        }
        5 => {
            let (brain, peer) = peer(choices, None)?;
            (Who::Account(peer.account), Call::leave { brain }.into())
        }
        6 => {
            let (owner, brain) = owned_brain(choices);
            let fee = match choices.below(4) {
                0 => amount(choices, &owner),
                // So that others can come.
                _ => 0,
            };
            (Who::Account(owner), Call::set_fee { brain, fee }.into())
        }
        _ => {
            let (owner, brain) = owned_brain(choices);
            let enabled = choices.below(2) == 0;
            (Who::Account(owner), Call::set_pruning { brain, enabled }.into())
        }
    })
}

/// A position: its staker, Brain and validator.
fn position(choices: &mut Choices) -> Option<(AccountId, BrainId, Option<AccountId>, Balance)> {
    let all: Vec<_> = based_pallet_staking::Positions::<Runtime>::iter()
        .map(|(who, target, position)| (who, target.brain, target.validator, position.amount))
        .collect();
    choices.pick_any(&all)
}

/// A call on the staking pallet.
pub fn staking(_: &mut World, choices: &mut Choices) -> Option<Attempt> {
    use based_pallet_staking::{Call, LeavingStake, Unstaking};
    Some(match choices.below(12) {
        0..=3 => {
            let who = choices.pick(&PEOPLE).to_account_id();
            let (brain, validator) = match peer(choices, Some(Role::Validator)) {
                Some((brain, peer)) if choices.below(3) > 0 => (brain, Some(peer.account)),
                _ => (brain(choices), None),
            };
            let amount = amount(choices, &who);
            let call = Call::stake {
                brain,
                validator,
                amount,
            };
            (Who::Account(who), call.into())
        }
        4..=6 => {
            let (who, brain, validator, staked) = position(choices)?;
            let amount = at_bounds(choices, &[0, 1, staked, staked + 1, Balance::MAX], staked / 2);
            let call = Call::unstake {
                brain,
                validator,
                amount,
            };
            (Who::Account(who), call.into())
        }
        7 => {
            let all: Vec<_> = Unstaking::<Runtime>::iter_keys().collect();
            (Who::Account(choices.pick_any(&all)?), Call::withdraw {}.into())
        }
        8 => {
            let (who, brain, validator, _) = position(choices)?;
            (Who::Account(who), Call::claim { brain, validator }.into())
        }
        9 => {
            let (brain, peer) = peer(choices, Some(Role::Validator))?;
            let take = choices.below(20) as u64 * 10_000_000;
            let take_ppb = at_bounds(choices, &[0, MAX_TAKE_PPB, MAX_TAKE_PPB + 1, u64::MAX], take);
            (
                Who::Account(peer.account),
                Call::set_take { brain, take_ppb }.into(),
            )
        }
        10 => {
            let all: Vec<_> = LeavingStake::<Runtime>::iter_keys().collect();
            let (who, (validator, cycle)) = choices.pick_any(&all)?;
            (
                Who::Account(who),
                Call::withdraw_leaving { validator, cycle }.into(),
            )
        }
        _ => {
            let (staker, brain, validator, _) = position(choices)?;
            let call = Call::settle_slash {
                staker,
                brain,
                validator: validator.unwrap_or_else(|| anyone(choices)),
            };
            (Who::Anyone, call.into())
        }
    })
}

/// A row over the peers of a Brain.
fn row(choices: &mut Choices, brain: BrainId, own: Uid) -> Edges {
    let mut row: Vec<(Uid, u16)> = based_pallet_registry::Peers::<Runtime>::iter_prefix_values(brain)
        .map(|peer| (peer.uid, choices.pick(&[1, 2, 100, u16::MAX, 0])))
        .filter(|(uid, _)| *uid != own)
        .collect();
    row.sort();
    if choices.once_in(8) {
        row.push((own, 1));
    }
    row.try_into().unwrap_or_default()
}

fn reveal(world: &World, choices: &mut Choices) -> Option<Attempt> {
    let now = System::block_number();
    let due = |pending: &PendingRow| {
        let commits = based_pallet_registry::Uids::<Runtime>::get(pending.brain, &pending.who)
            .and_then(|uid| based_pallet_consensus::Validators::<Runtime>::get(pending.brain, uid))
            .map(|record| record.commits.into_inner())
            .unwrap_or_default();
        let genesis = System::block_hash(0);
        let hash = weights_commitment(&genesis, pending.brain, &pending.who, &pending.row, &pending.salt);
        let cycle = |block: BlockNumber| cycle_of(pending.brain, block, CYCLE_BLOCKS);
        commits
            .iter()
            .any(|commit| commit.hash == hash && cycle(commit.at) + REVEAL_DELAY == cycle(now))
    };
    let ready: Vec<_> = world
        .rows
        .iter()
        .filter(|pending| due(pending))
        .cloned()
        .collect();
    let PendingRow {
        who,
        brain,
        row,
        salt,
    } = match choices.pick_any(&ready) {
        Some(pending) => pending,
        None => choices.pick_any(&world.rows)?,
    };
    let call = based_pallet_consensus::Call::reveal_weights { brain, row, salt };
    Some((Who::Account(who), call.into()))
}

fn cross_edges(choices: &mut Choices, home: BrainId) -> Vec<CrossEdge> {
    let mut edges = vec![];
    for _ in 0..choices.below(6) {
        let weight = choices.pick(&[u16::MAX, 1, 30_000, 0]);
        if let Some((brain, peer)) = peer(choices, None).filter(|(brain, _)| *brain != home) {
            let uid = peer.uid;
            edges.push(CrossEdge { brain, uid, weight });
        }
    }
    edges.sort_by_key(|edge| (edge.brain, edge.uid));
    edges.dedup_by_key(|edge| (edge.brain, edge.uid));
    edges
}

/// A call on the consensus pallet.
pub fn consensus(world: &mut World, choices: &mut Choices) -> Option<Attempt> {
    use based_pallet_consensus::Call;
    if choices.below(4) < 2 {
        return reveal(world, choices);
    }
    let (brain, validator) = peer(choices, Some(Role::Validator))?;
    let who = validator.account;
    let call: Call<Runtime> = match choices.below(3) {
        0 => {
            let edges = cross_edges(choices, brain).try_into().unwrap_or_default();
            Call::set_cross_edges { brain, edges }
        }
        _ => {
            let (row, salt) = (row(choices, brain, validator.uid), choices.array());
            let hash = weights_commitment(&System::block_hash(0), brain, &who, &row, &salt);
            let pending = PendingRow {
                who: who.clone(),
                brain,
                row,
                salt,
            };
            world.rows.push(pending);
            Call::commit_weights { brain, hash }
        }
    };
    Some((Who::Account(who), call.into()))
}

/// A call on the pallet of block producers.
pub fn authorities(_: &mut World, choices: &mut Choices) -> Option<Attempt> {
    use based_pallet_authorities::{Call, Candidates, Operators};
    let operators: Vec<_> = Operators::<Runtime>::iter_keys().collect();
    Some(match choices.below(4) {
        0 | 1 => {
            let (brain, peer) = peer(choices, Some(Role::Validator))?;
            (Who::Account(peer.account), Call::opt_in { brain }.into())
        }
        2 => {
            let running = Candidates::<Runtime>::get();
            (Who::Account(choices.pick_any(&running)?), Call::opt_out {}.into())
        }
        _ => {
            let who = choices.pick_any(&operators)?;
            (Who::Account(who), Call::withdraw_bond {}.into())
        }
    })
}
