//! Calls of forecasters, of GigaBrains and of owners of Pepecoin.

use based_pallet_governance::{Ballot, BoundedCallOf, Proposer, Track};
use based_primitives::{
    constants::{ENFORCER_BRAIN, PPB},
    forecasts::{commitment, BrainForecast, EmissionController, Forecast},
    traits::RegistryInspect,
    Role,
};
use frame_support::traits::StorePreimage;
use sp_core::H256;

use super::{Attempt, Who};
use crate::{
    fuzzing::{
        choices::Choices,
        world::{anyone, at_bounds, owned_brain, peer, pepecoin, ratio, PendingForecast, World, PEOPLE},
    },
    time::CYCLE_BLOCKS,
    Brains, Preimage, Registry, Runtime, RuntimeCall, System,
};

fn forecast(choices: &mut Choices) -> Forecast {
    let bounds = [[i64::MIN, 0, i64::MAX], [i64::MAX; 3], [1, 0, 2], [i64::MIN; 3]];
    let ordinary = [0, 10_000_000_000, 20_000_000_000];
    let brains = (0..choices.below(3) as u16).map(|brain| BrainForecast {
        brain: brain * 4 + choices.below(4) as u16,
        performance: at_bounds(choices, &[0, u32::MAX], (PPB / 2) as u32),
    });
    Forecast {
        brains: brains.collect::<Vec<_>>().try_into().unwrap(),
        quantiles: std::array::from_fn(|_| {
            if choices.once_in(64) {
                choices.pick(&bounds)
            } else {
                ordinary
            }
        }),
    }
}

fn reveal(choices: &mut Choices, pending: &[PendingForecast]) -> Option<Attempt> {
    let PendingForecast {
        who, forecast, salt, ..
    } = choices.pick_any(pending)?;
    let call = based_pallet_forecasts::Call::reveal_forecast { forecast, salt };
    Some((Who::Account(who), call.into()))
}

/// A call on the forecasts pallet.
pub fn forecasts(world: &mut World, choices: &mut Choices) -> Option<Attempt> {
    use based_pallet_forecasts::Call;
    let round = System::block_number() / CYCLE_BLOCKS;
    let due = world
        .forecasts
        .iter()
        .filter(|pending| pending.round + 1 == round);
    let due: Vec<_> = due.cloned().collect();
    if !due.is_empty() && choices.below(2) == 0 {
        return reveal(choices, &due);
    }
    Some(match choices.below(12) {
        0..=4 => {
            let (brain, validator) = peer(choices, Some(Role::Validator))?;
            let (who, salt, forecast) = (validator.account, choices.array(), forecast(choices));
            let key = Registry::computekey(brain, &who)?;
            let hash = commitment(round, &who, &key, &salt, &forecast);
            let known = |other: &PendingForecast| other.round == round && other.who == who;
            // One is enough: the chain refuses more.
            if !world.forecasts.iter().any(known) {
                world.forecasts.push(PendingForecast {
                    who: who.clone(),
                    round,
                    forecast,
                    salt,
                });
            }
            (Who::Account(who), Call::commit_forecast { brain, hash }.into())
        }
        5 | 6 => return reveal(choices, &world.forecasts),
        7 => {
            let ppb = choices.maybe(ratio);
            (Who::Root, Call::set_beta_override { ppb }.into())
        }
        8 => {
            let version = choices.below(4) as u32;
            (Who::Root, Call::set_feature_set { version }.into())
        }
        9 => {
            let model = H256::repeat_byte(choices.below(3) as u8);
            (Who::Root, Call::set_model { model }.into())
        }
        10 => (Who::Root, Call::roll_back_model {}.into()),
        _ => {
            let all = [EmissionController::FixedRule, EmissionController::Enforcer];
            let controller = choices.pick(&all);
            (Who::Root, Call::set_controller { controller }.into())
        }
    })
}

/// What is proposed: harmless, passing or failing, known or not.
fn proposed(choices: &mut Choices) -> BoundedCallOf<Runtime> {
    let call: RuntimeCall = match choices.below(4) {
        0 => based_pallet_forecasts::Call::set_feature_set { version: 7 }.into(),
        1 => pallet_safe_mode::Call::force_exit {}.into(),
        2 => frame_system::Call::remark_with_event { remark: vec![7; 20] }.into(),
        _ => frame_system::Call::remark { remark: vec![7; 200] }.into(),
    };
    <Preimage as StorePreimage>::bound(call).unwrap()
}

/// A call on the governance pallet.
pub fn governance(_: &mut World, choices: &mut Choices) -> Option<Attempt> {
    use based_pallet_governance::{Ballots, Call, Electorates, Proposals};
    let open: Vec<_> = Proposals::<Runtime>::iter().collect();
    let closed = |ballot: &Ballot| !Proposals::<Runtime>::contains_key(ballot.proposal);
    let voters: Vec<_> = Ballots::<Runtime>::iter()
        .filter(|(_, ballots)| ballots.iter().any(closed))
        .map(|(who, _)| who)
        .collect();
    if let Some(account) = choices.pick_any(&voters).filter(|_| choices.below(4) == 0) {
        return Some((Who::Anyone, Call::release { account }.into()));
    }
    let now = System::block_number();
    let over = open.iter().filter(|(_, proposal)| proposal.ends_at < now);
    let over: Vec<_> = over.map(|(id, _)| *id).collect();
    if let Some(id) = choices.pick_any(&over).filter(|_| choices.below(2) == 0) {
        return Some((Who::Anyone, Call::close { id }.into()));
    }
    Some(match choices.below(16) {
        0..=3 => {
            let labs = based_pallet_governance::Labs::<Runtime>::get();
            let giga = based_pallet_governance::GigaBrains::<Runtime>::get();
            let enforcers = Registry::peers(ENFORCER_BRAIN);
            let (who, proposer) = match choices.below(8) {
                0..=2 => (labs?, Proposer::Labs),
                3 => (choices.pick_any(&enforcers)?.account, Proposer::Enforcer),
                4 => {
                    let (owner, brain) = owned_brain(choices);
                    (owner, Proposer::GigaBrain(brain))
                }
                _ => {
                    let brain = choices.pick_any(&giga)?;
                    (Brains::brain(brain)?.owner, Proposer::GigaBrain(brain))
                }
            };
            let call = Call::propose {
                proposer,
                track: choices.pick(&[Track::Parameters, Track::Root]),
                call: proposed(choices),
            };
            (Who::Account(who), call.into())
        }
        4..=6 => {
            let (id, _) = choices.pick_any(&open)?;
            let seat = choices.pick_any(&Electorates::<Runtime>::get(id))?;
            let owner = Brains::brain(seat.brain)?.owner;
            let call = Call::vote {
                id,
                brain: seat.brain,
                aye: choices.below(2) == 0,
            };
            (Who::Account(owner), call.into())
        }
        7..=11 => {
            let (id, _) = choices.pick_any(&open)?;
            let call = Call::vote_with_pepecoin {
                id,
                aye: choices.below(2) == 0,
                amount: pepecoin(choices),
            };
            (Who::Account(choices.pick(&PEOPLE).to_account_id()), call.into())
        }
        12 => {
            let id = choices.pick_any(&open).map_or(0, |(id, _)| id);
            (Who::Anyone, Call::close { id }.into())
        }
        13 | 14 => {
            let account = anyone(choices);
            (Who::Anyone, Call::release { account }.into())
        }
        _ => {
            // A pulled brake stops most of what else is tried.
            let brain = choices.pick_any(&based_pallet_governance::GigaBrains::<Runtime>::get())?;
            let owner = Brains::brain(brain)?.owner;
            (Who::Account(owner), Call::pull_brake { brain }.into())
        }
    })
}
