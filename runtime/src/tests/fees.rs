//! Every function of the network costs $BASED (R143), and only $BASED (R144).

use based_pallet_governance::{Proposer, Track};
use based_primitives::{constants::BASED, forecasts::Forecast, Purpose};
use frame_support::{
    dispatch::{GetDispatchInfo, Pays},
    traits::Bounded,
};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie};

use super::{block, chain, fee_of, free, signed, BalancesCall, SystemCall};
use crate::{
    configs::{FeeMultiplier, MinimumMultiplier},
    AccountId, Balances, RuntimeCall, RuntimeEvent, System, TransactionPayment,
};
use pallet_transaction_payment::MultiplierUpdate;

fn remark() -> RuntimeCall {
    SystemCall::remark { remark: vec![0; 32] }.into()
}

/// One call of every kind that accounts make.
fn calls() -> Vec<RuntimeCall> {
    let bob: AccountId = Bob.to_account_id();
    vec![
        remark(),
        BalancesCall::transfer_keep_alive {
            dest: bob.clone().into(),
            value: BASED,
        }
        .into(),
        pallet_utility::Call::batch {
            calls: vec![remark()],
        }
        .into(),
        pallet_session::Call::purge_keys {}.into(),
        based_pallet_brains::Call::set_name {
            brain: 7,
            name: b"x".to_vec().try_into().unwrap(),
        }
        .into(),
        based_pallet_registry::Call::leave { brain: 7 }.into(),
        based_pallet_registry::Call::set_fee { brain: 7, fee: 0 }.into(),
        based_pallet_staking::Call::stake {
            brain: 7,
            validator: None,
            amount: BASED,
        }
        .into(),
        based_pallet_staking::Call::withdraw {}.into(),
        based_pallet_emission::Call::claim { account: bob.clone() }.into(),
        based_pallet_consensus::Call::commit_weights {
            brain: 7,
            hash: Default::default(),
        }
        .into(),
        based_pallet_consensus::Call::reveal_weights {
            brain: 7,
            row: Default::default(),
            salt: Default::default(),
        }
        .into(),
        based_pallet_consensus::Call::set_cross_edges {
            brain: 7,
            edges: Default::default(),
        }
        .into(),
        based_pallet_compute::Call::open {
            spender: bob.clone(),
            purpose: Purpose::Prompt,
            deposit: BASED,
            cap: BASED,
            expiry: 1_000,
        }
        .into(),
        based_pallet_compute::Call::redeem {
            vouchers: Default::default(),
        }
        .into(),
        based_pallet_compute::Call::close { id: 0 }.into(),
        based_pallet_governance::Call::propose {
            proposer: Proposer::Labs,
            track: Track::Root,
            call: Bounded::Inline(Default::default()),
        }
        .into(),
        based_pallet_governance::Call::vote {
            id: 0,
            brain: 7,
            aye: true,
        }
        .into(),
        based_pallet_governance::Call::vote_with_pepecoin {
            id: 0,
            aye: true,
            amount: BASED,
        }
        .into(),
        based_pallet_governance::Call::close { id: 0 }.into(),
        based_pallet_governance::Call::release { account: bob.clone() }.into(),
        based_pallet_governance::Call::pull_brake { brain: 7 }.into(),
        based_pallet_forecasts::Call::commit_forecast {
            brain: 7,
            hash: Default::default(),
        }
        .into(),
        based_pallet_forecasts::Call::reveal_forecast {
            forecast: Forecast {
                quantiles: Default::default(),
                brains: Default::default(),
            },
            salt: [0; 32],
        }
        .into(),
    ]
}

#[test]
fn every_kind_of_call_has_weight_and_pays() {
    chain("development").execute_with(|| {
        for call in calls() {
            let info = call.get_dispatch_info();
            assert_eq!(info.pays_fee, Pays::Yes, "{call:?}");
            assert!(info.call_weight.ref_time() > 0, "{call:?}");
            assert!(fee_of(&signed(Alice, call.clone(), 0, 0)) > 0, "{call:?}");
        }
    });
}

#[test]
fn a_failed_call_pays_too() {
    chain("development").execute_with(|| {
        block(vec![]);
        let before = free(&Bob.to_account_id());
        let outcome = block(vec![signed(
            Bob,
            BalancesCall::transfer_keep_alive {
                dest: Charlie.to_account_id().into(),
                value: u128::MAX,
            },
            0,
            0,
        )]);
        assert!(outcome[0].unwrap().is_err());
        assert!(free(&Bob.to_account_id()) < before);
    });
}

#[test]
fn fees_are_burnt_and_tips_reach_the_author() {
    chain("development").execute_with(|| {
        block(vec![]);
        let (alice, bob) = (Alice.to_account_id(), Bob.to_account_id());
        let (author, payer) = (free(&alice), free(&bob));
        let reward = based_primitives::constants::INITIAL_BLOCK_REWARD;
        let issuance = Balances::total_issuance();
        let tip = BASED;
        block(vec![signed(Bob, remark(), 0, tip)])[0].unwrap().unwrap();
        let paid = payer - free(&bob);
        assert!(paid > tip);
        assert_eq!(free(&alice), author + tip);
        assert_eq!(Balances::total_issuance(), issuance + reward - (paid - tip));
    });
}

#[test]
fn only_a_tip_leaves_an_event_of_its_payment() {
    chain("development").execute_with(|| {
        block(vec![]);
        for (nonce, tip) in [(0, 0), (1, BASED)] {
            block(vec![signed(Bob, remark(), nonce, tip)])[0]
                .unwrap()
                .unwrap();
            let paid: Vec<_> = System::events()
                .into_iter()
                .filter_map(|record| match record.event {
                    RuntimeEvent::Balances(pallet_balances::Event::Deposit { who, amount }) => {
                        Some((who, amount))
                    }
                    _ => None,
                })
                .collect();
            let expected = (tip > 0).then(|| (Alice.to_account_id(), tip));
            assert_eq!(paid, Vec::from_iter(expected));
        }
    });
}

#[test]
fn an_account_without_money_cannot_act() {
    chain("testnet").execute_with(|| {
        block(vec![]);
        assert!(block(vec![signed(Bob, remark(), 0, 0)])[0].unwrap().is_ok());
        let stranger = signed(sp_keyring::Sr25519Keyring::Ferdie, remark(), 0, 0);
        assert!(block(vec![stranger])[0].is_err());
    });
}

#[test]
fn a_transfer_costs_between_a_hundred_thousandth_and_a_hundredth() {
    chain("development").execute_with(|| {
        let transfer = signed(
            Alice,
            BalancesCall::transfer_keep_alive {
                dest: Bob.to_account_id().into(),
                value: BASED,
            },
            0,
            0,
        );
        let fee = fee_of(&transfer);
        assert!((BASED / 100_000..BASED / 100).contains(&fee), "{fee}");
    });
}

#[test]
fn the_fee_multiplier_starts_at_its_floor_and_never_falls_below() {
    chain("development").execute_with(|| {
        assert_eq!(
            TransactionPayment::next_fee_multiplier(),
            MinimumMultiplier::get()
        );
        for _ in 0..5 {
            block(vec![]);
        }
        assert_eq!(
            TransactionPayment::next_fee_multiplier(),
            MinimumMultiplier::get()
        );
        assert_eq!(FeeMultiplier::min(), MinimumMultiplier::get());
    });
}
