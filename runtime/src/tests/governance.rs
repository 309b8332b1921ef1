//! Governance in the whole runtime: what the houses enact, who may do what without them, and the brake.

use based_pallet_governance::{BoundedCallOf, FreezeReason, GigaBrains, Proposals, Proposer, Track};
use based_primitives::{
    constants::{ADMIN_BRAINS, BASED, EMISSION_YEAR, ENFORCER_BRAIN},
    traits::{EmergencyBrake, ForecastInspect},
    BrainId, Endpoint, IpAddress, ResourceKind, Resources, Role,
};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::{DispatchResult, GetDispatchInfo},
    traits::{fungible::InspectFreeze, Contains, Get, Hooks, OriginTrait, StorePreimage},
};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Dave};
use sp_runtime::{traits::Dispatchable, DispatchError};

use super::{block, chain, free, signed, BalancesCall, SystemCall};
use crate::{
    configs::{AccurateForecasters, SafeModeBrake, TreasuryAccount, VotingAsset},
    time, AccountId, Governance, Multisig, Preimage, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin,
    SafeMode, Scheduler, Staking, System,
};

type GovernanceCall = based_pallet_governance::Call<Runtime>;
type ForecastsCall = based_pallet_forecasts::Call<Runtime>;
type SafeModeCall = pallet_safe_mode::Call<Runtime>;
type TxPauseCall = pallet_tx_pause::Call<Runtime>;

/// The demonstration Brain, Alice's, who is Based Labs on development networks.
const BRAIN: BrainId = 7;

fn bounded(call: impl Into<RuntimeCall>) -> BoundedCallOf<Runtime> {
    let call: RuntimeCall = call.into();
    <Preimage as StorePreimage>::bound(call).unwrap()
}

fn dispatch(call: impl Into<RuntimeCall>, origin: RuntimeOrigin) -> DispatchResult {
    let call: RuntimeCall = call.into();
    call.dispatch(origin).map(|_| ()).map_err(|error| error.error)
}

fn by(who: AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

/// Goes to a block; of the hooks between only those of governance and the scheduler run in it.
fn go_to(height: u32) {
    System::set_block_number(height);
    Scheduler::on_initialize(height);
}

/// Makes the demonstration Brain a GigaBrain: stakes to it and samples it for eight cycles.
fn giga() {
    assert_ok!(Staking::stake(by(Bob.to_account_id()), BRAIN, None, 100 * BASED));
    let cycle = time::CYCLE_BLOCKS;
    for sample in 1..=8 {
        Governance::on_initialize(sample * cycle + u32::from(BRAIN));
    }
    System::set_block_number(8 * cycle + u32::from(BRAIN));
    assert_eq!(GigaBrains::<Runtime>::get().into_inner(), [BRAIN]);
}

fn dispatched() -> Vec<DispatchResult> {
    let result = |event| match event {
        RuntimeEvent::Scheduler(pallet_scheduler::Event::Dispatched { result, .. }) => Some(result),
        _ => None,
    };
    let events = System::events().into_iter();
    events.filter_map(|record| result(record.event)).collect()
}

#[test]
fn based_labs_is_a_multisig_on_public_networks() {
    chain("testnet").execute_with(|| {
        let members: Vec<AccountId> = (0..3)
            .map(|member| super::genesis::account(&format!("//testnet//labs//{member}")))
            .collect();
        let mut sorted = members.clone();
        sorted.sort();
        assert_eq!(sorted, members, "a multisig is named by its members in order");
        let labs = Multisig::multi_account_id(&members, 2);
        assert_eq!(
            based_pallet_governance::Labs::<Runtime>::get(),
            Some(labs.clone())
        );
        assert_eq!(free(&labs), 1_000 * BASED);
        for id in ADMIN_BRAINS {
            use based_primitives::traits::BrainInspect;
            assert_eq!(crate::Brains::owner(id), Some(labs.clone()), "Brain {id}");
        }
    });
}

#[test]
fn two_members_of_based_labs_propose_together_and_one_does_not() {
    chain("testnet").execute_with(|| {
        System::set_block_number(1);
        let members: Vec<AccountId> = (0..3)
            .map(|member| super::genesis::account(&format!("//testnet//labs//{member}")))
            .collect();
        let propose = || -> RuntimeCall {
            GovernanceCall::propose {
                proposer: Proposer::Labs,
                track: Track::Parameters,
                call: bounded(ForecastsCall::set_feature_set { version: 2 }),
            }
            .into()
        };
        let sign = |who: usize, timepoint| {
            let others = members
                .iter()
                .filter(|member| **member != members[who])
                .cloned()
                .collect();
            let call = pallet_multisig::Call::<Runtime>::as_multi {
                threshold: 2,
                other_signatories: others,
                maybe_timepoint: timepoint,
                call: Box::new(propose()),
                max_weight: propose().get_dispatch_info().call_weight,
            };
            assert_ok!(dispatch(call, by(members[who].clone())));
        };
        assert!(dispatch(propose(), by(members[0].clone())).is_err());
        sign(0, None);
        assert_eq!(Proposals::<Runtime>::iter().count(), 0);
        let at = Multisig::timepoint();
        sign(2, Some(at));
        let proposal = Proposals::<Runtime>::get(0).unwrap();
        assert!(proposal.by_default);
    });
}

#[test]
fn a_proposal_on_parameters_governs_the_forecasts_from_the_next_cycle_on() {
    chain("development").execute_with(|| {
        giga();
        let call = ForecastsCall::set_feature_set { version: 2 };
        assert_noop!(
            dispatch(call.clone(), by(Alice.to_account_id())),
            DispatchError::BadOrigin
        );
        assert_ok!(Governance::propose(
            by(Alice.to_account_id()),
            Proposer::Labs,
            Track::Parameters,
            bounded(call)
        ));
        let opened = System::block_number();
        go_to(opened + time::PARAMETER_VOTING);
        assert_ok!(Governance::close(by(Dave.to_account_id()), 0));
        go_to(System::block_number() + time::PARAMETER_ENACTMENT);
        assert_eq!(dispatched(), [Ok(())]);
        let next = based_pallet_forecasts::NextParameters::<Runtime>::get().unwrap();
        assert_eq!(next.feature_set, 2);
    });
}

#[test]
fn code_is_set_by_root_alone_at_least_seven_days_after_the_announcement() {
    chain("development").execute_with(|| {
        giga();
        let call = || SystemCall::authorize_upgrade_without_checks {
            code_hash: sp_core::H256::repeat_byte(9),
        };
        for track in [Track::Parameters, Track::Root] {
            assert_ok!(Governance::propose(
                by(Alice.to_account_id()),
                Proposer::Labs,
                track,
                bounded(call())
            ));
        }
        let announced = System::block_number();
        go_to(announced + time::PARAMETER_VOTING);
        assert_ok!(Governance::close(by(Dave.to_account_id()), 0));
        go_to(System::block_number() + time::PARAMETER_ENACTMENT);
        assert_eq!(dispatched(), [Err(DispatchError::BadOrigin)]);
        System::reset_events();
        go_to(announced + time::ROOT_VOTING);
        assert_ok!(Governance::close(by(Dave.to_account_id()), 1));
        assert!(System::authorized_upgrade().is_none());
        go_to(System::block_number() + time::ROOT_ENACTMENT);
        assert_eq!(dispatched(), [Ok(())]);
        assert!(System::authorized_upgrade().is_some());
        assert!(System::block_number() - announced >= 7 * 8_640);
    });
}

#[test]
fn neither_funds_nor_code_follow_from_the_origin_of_parameters() {
    chain("development").execute_with(|| {
        System::set_block_number(1);
        let (alice, bob) = (Alice.to_account_id(), Bob.to_account_id());
        let calls: [RuntimeCall; 8] = [
            SystemCall::set_code { code: vec![] }.into(),
            SystemCall::set_storage { items: vec![] }.into(),
            BalancesCall::force_transfer {
                source: alice.clone().into(),
                dest: bob.clone().into(),
                value: 1,
            }
            .into(),
            BalancesCall::transfer_allow_death {
                dest: bob.clone().into(),
                value: 1,
            }
            .into(),
            pallet_utility::Call::dispatch_as {
                as_origin: Box::new(RuntimeOrigin::root().into_caller()),
                call: Box::new(SystemCall::set_storage { items: vec![] }.into()),
            }
            .into(),
            pallet_scheduler::Call::schedule {
                when: 10,
                maybe_periodic: None,
                priority: 0,
                call: Box::new(SystemCall::set_storage { items: vec![] }.into()),
            }
            .into(),
            pallet_sudo::Call::sudo {
                call: Box::new(SystemCall::set_storage { items: vec![] }.into()),
            }
            .into(),
            pallet_proxy::Call::proxy {
                real: alice.into(),
                force_proxy_type: None,
                call: Box::new(SystemCall::remark { remark: vec![] }.into()),
            }
            .into(),
        ];
        for call in calls {
            let origin = based_pallet_governance::Origin::Parameters.into();
            assert!(dispatch(call.clone(), origin).is_err(), "{call:?}");
        }
        let batch = pallet_utility::Call::batch_all {
            calls: vec![SystemCall::set_storage { items: vec![] }.into()],
        };
        assert!(dispatch(batch, based_pallet_governance::Origin::Parameters.into()).is_err());
    });
}

#[test]
fn thresholds_of_consensus_are_parameters_within_bounds() {
    use crate::configs::{dynamic::consensus, RuntimeParameters};
    type Percentile = <Runtime as based_pallet_consensus::Config>::ActivePercentile;
    type Cutoff = <Runtime as based_pallet_consensus::Config>::ActivityCutoff;
    let (percentile, cutoff): (fn() -> u32, fn() -> u32) = (Percentile::get, Cutoff::get);
    chain("development").execute_with(|| {
        System::set_block_number(1);
        assert_eq!(
            (percentile(), cutoff()),
            (70, 5_000),
            "until governance sets others"
        );
        let set = |parameter, origin| {
            let key_value = RuntimeParameters::Consensus(parameter);
            dispatch(
                pallet_parameters::Call::<Runtime>::set_parameter { key_value },
                origin,
            )
        };
        let governance = || based_pallet_governance::Origin::Parameters.into();
        let active = |value| consensus::Parameters::ActivePercentile(consensus::ActivePercentile, value);
        assert!(set(active(Some(60)), by(Alice.to_account_id())).is_err());
        for (value, holds) in [
            (Some(60), 60),
            (Some(0), 50),
            (Some(100), 95),
            (Some(u32::MAX), 95),
            (None, 70),
        ] {
            assert_ok!(set(active(value), governance()));
            assert_eq!(percentile(), holds);
        }
        let after = |value| consensus::Parameters::ActivityCutoff(consensus::ActivityCutoff, value);
        for (value, holds) in [
            (Some(0), 1_024),
            (Some(6_000), 6_000),
            (Some(u32::MAX), 8_640),
            (None, 5_000),
        ] {
            assert_ok!(set(after(value), governance()));
            assert_eq!(cutoff(), holds);
        }
    });
}

#[test]
fn ballots_freeze_and_what_is_forfeited_reaches_the_treasury() {
    chain("development").execute_with(|| {
        giga();
        let (alice, charlie) = (Alice.to_account_id(), Charlie.to_account_id());
        assert_ok!(Governance::propose(
            by(alice.clone()),
            Proposer::Labs,
            Track::Root,
            bounded(SystemCall::set_storage { items: vec![] })
        ));
        assert_ok!(Governance::vote_with_pepecoin(
            by(charlie.clone()),
            0,
            true,
            5 * BASED
        ));
        let reason = FreezeReason::Vote.into();
        assert_eq!(VotingAsset::balance_frozen(&reason, &charlie), 5 * BASED);
        assert_ok!(Governance::vote(by(alice), 0, BRAIN, false));
        let before = free(&TreasuryAccount::get());
        go_to(System::block_number() + time::ROOT_VOTING);
        assert_ok!(Governance::close(by(charlie.clone()), 0));
        assert_eq!(free(&TreasuryAccount::get()) - before, 100 * BASED);
        assert_ok!(Governance::release(by(Dave.to_account_id()), charlie.clone()));
        assert_eq!(VotingAsset::balance_frozen(&reason, &charlie), 0);
    });
}

#[test]
fn accurate_validators_of_the_enforcers_brain_speak_for_it() {
    chain("development").execute_with(|| {
        System::set_block_number(1);
        let (bob, charlie) = (Bob.to_account_id(), Charlie.to_account_id());
        for (who, brain) in [(&bob, ENFORCER_BRAIN), (&charlie, BRAIN)] {
            let join = based_pallet_registry::Call::<Runtime>::memorize {
                brain,
                role: Role::Validator,
                endpoint: Endpoint {
                    ip: IpAddress::V4([1, 2, 3, 4]),
                    port: 30_333,
                },
                computekey: [1; 32],
                resources: Resources {
                    kind: ResourceKind::Cpu,
                    storage_mib: 1,
                },
                max_fee: 100 * BASED,
            };
            assert_ok!(dispatch(join, by(who.clone())));
        }
        assert!(!AccurateForecasters::contains(&bob), "never forecast");
        for who in [&bob, &charlie] {
            let accurate = based_pallet_forecasts::AccuracyRecord {
                value: 600_000_000,
                round: 0,
            };
            based_pallet_forecasts::Accuracies::<Runtime>::insert(who, accurate);
        }
        assert!(<crate::Forecasts as ForecastInspect<AccountId>>::accuracy(&bob) >= 500_000_000);
        assert!(AccurateForecasters::contains(&bob));
        assert!(!AccurateForecasters::contains(&charlie), "validates elsewhere");
        let call = || bounded(ForecastsCall::set_feature_set { version: 3 });
        let propose =
            |who: &AccountId, track| Governance::propose(by(who.clone()), Proposer::Enforcer, track, call());
        assert!(propose(&charlie, Track::Parameters).is_err());
        assert!(propose(&bob, Track::Root).is_err());
        assert_ok!(propose(&bob, Track::Parameters));
        assert!(!Proposals::<Runtime>::get(0).unwrap().by_default);
    });
}

#[test]
fn the_brake_stops_all_calls_but_the_vital_ones_and_ends_by_itself() {
    chain("development").execute_with(|| {
        block(vec![]);
        assert_ok!(SafeModeBrake::pull());
        let transfer = || BalancesCall::transfer_keep_alive {
            dest: Charlie.to_account_id().into(),
            value: BASED,
        };
        let batch = pallet_utility::Call::batch_all {
            calls: vec![transfer().into()],
        };
        let remark = SystemCall::remark { remark: vec![] };
        let outcomes = block(vec![
            signed(Bob, transfer(), 0, 0),
            signed(Bob, batch, 1, 0),
            signed(Bob, remark, 2, 0),
            signed(Bob, GovernanceCall::close { id: 0 }, 3, 0),
        ]);
        let filtered = Err(frame_system::Error::<Runtime>::CallFiltered.into());
        assert_eq!(outcomes[0], Ok(filtered));
        assert_eq!(outcomes[1], Ok(filtered));
        assert_eq!(outcomes[2], Ok(Ok(())));
        let missing = based_pallet_governance::Error::<Runtime>::NoProposal;
        assert_eq!(outcomes[3], Ok(Err(missing.into())), "governance goes on");
        // Pulled again it holds for longer; root and governance let it go.
        let until = pallet_safe_mode::EnteredUntil::<Runtime>::get().unwrap();
        assert_ok!(SafeModeBrake::pull());
        let longer = pallet_safe_mode::EnteredUntil::<Runtime>::get().unwrap();
        assert_eq!(
            (until, longer - until),
            (1 + time::BRAKE_BLOCKS, time::BRAKE_BLOCKS)
        );
        SafeMode::on_initialize(longer);
        assert!(SafeMode::is_entered());
        SafeMode::on_initialize(longer + 1);
        assert!(!SafeMode::is_entered());
        assert_eq!(block(vec![signed(Bob, transfer(), 4, 0)]), [Ok(Ok(()))]);
    });
}

#[test]
fn a_majority_of_gigabrains_pulls_the_brake() {
    chain("development").execute_with(|| {
        giga();
        assert!(Governance::pull_brake(by(Bob.to_account_id()), BRAIN).is_err());
        assert!(!SafeMode::is_entered());
        assert_ok!(Governance::pull_brake(by(Alice.to_account_id()), BRAIN));
        assert!(SafeMode::is_entered());
    });
}

#[test]
fn based_labs_alone_brakes_and_pauses_in_the_first_year_only() {
    chain("development").execute_with(|| {
        System::set_block_number(1);
        let (alice, bob) = (Alice.to_account_id(), Bob.to_account_id());
        let name = |pallet: &str, call: &str| -> pallet_tx_pause::RuntimeCallNameOf<Runtime> {
            (
                pallet.as_bytes().to_vec().try_into().unwrap(),
                call.as_bytes().to_vec().try_into().unwrap(),
            )
        };
        let pause = |pallet, call| TxPauseCall::pause {
            full_name: name(pallet, call),
        };
        assert!(dispatch(SafeModeCall::force_enter {}, by(bob.clone())).is_err());
        assert!(dispatch(pause("Balances", "transfer_keep_alive"), by(bob.clone())).is_err());
        assert!(
            dispatch(SafeModeCall::enter {}, by(bob)).is_err(),
            "nobody enters for money"
        );
        assert_ok!(dispatch(SafeModeCall::force_enter {}, by(alice.clone())));
        assert!(dispatch(SafeModeCall::force_extend {}, by(alice.clone())).is_err());
        assert!(dispatch(SafeModeCall::force_exit {}, by(alice.clone())).is_err());
        let governance = || based_pallet_governance::Origin::Parameters.into();
        assert_ok!(dispatch(SafeModeCall::force_extend {}, governance()));
        assert_ok!(dispatch(SafeModeCall::force_exit {}, governance()));
        assert_ok!(dispatch(
            pause("Balances", "transfer_keep_alive"),
            by(alice.clone())
        ));
        let transfer = BalancesCall::transfer_keep_alive {
            dest: alice.clone().into(),
            value: BASED,
        };
        assert_eq!(
            dispatch(transfer, by(Bob.to_account_id())),
            Err(frame_system::Error::<Runtime>::CallFiltered.into())
        );
        for (pallet, call) in [
            ("Timestamp", "set"),
            ("Governance", "vote"),
            ("SafeMode", "force_exit"),
            ("TxPause", "unpause"),
            ("Preimage", "note_preimage"),
        ] {
            assert!(
                dispatch(pause(pallet, call), by(alice.clone())).is_err(),
                "{pallet}"
            );
        }
        let unpause = TxPauseCall::unpause {
            ident: name("Balances", "transfer_keep_alive"),
        };
        assert_ok!(dispatch(unpause, governance()));
        System::set_block_number(EMISSION_YEAR + 1);
        assert!(dispatch(SafeModeCall::force_enter {}, by(alice.clone())).is_err());
        assert!(dispatch(pause("Balances", "transfer_all"), by(alice)).is_err());
    });
}

#[test]
fn release_networks_take_seven_days_for_code_and_funds_and_a_year_for_based_labs() {
    assert_eq!(time::MINIMUM_NOTICE, 7 * 24 * 360);
    assert_eq!(time::ROOT_VOTING, 7 * 24 * 360);
    assert!(time::ROOT_VOTING + time::ROOT_ENACTMENT > time::MINIMUM_NOTICE);
    assert_eq!(time::YEAR_ONE, 3_153_600);
    type Year = <Runtime as based_pallet_governance::Config>::YearOne;
    assert_eq!(<Year as Get<u32>>::get(), EMISSION_YEAR);
}

#[test]
fn a_samples_block_fits_the_time_of_hooks() {
    use based_pallet_governance::WeightInfo;
    type Weights = based_pallet_governance::weights::SubstrateWeight<Runtime>;
    // One Brain a block: 5 ms is what an ordinary block's hooks may take together.
    assert!(Weights::sample(1).ref_time() < 500_000_000);
}
