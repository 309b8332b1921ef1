//! Ethereum accounts and contracts on the runtime's own extrinsic and fee types.

use based_primitives::constants::{BASED, EVM_CHAIN_ID};
use pallet_revive::{
    evm::{Account, Bytes, TransactionLegacyUnsigned},
    AddressMapper, ExecConfig, TransactionLimits, H160, U256,
};
use sp_keyring::Sr25519Keyring::{Alice, Bob};
use sp_runtime::{generic, transaction_validity::InvalidTransaction};

use super::{block, chain, free, signed, BalancesCall};
use crate::{AccountId, Revive, Runtime, RuntimeOrigin, UncheckedExtrinsic};

type Mapper = <Runtime as pallet_revive::Config>::AddressMapper;

/// EVM code that answers every call with the number 42.
const FORTY_TWO: &str = "602a60005260206000f3";

/// Transaction of the endowed Ethereum account at the price the chain asks.
fn transaction(nonce: u32, to: Option<H160>, value: u128, input: Vec<u8>) -> TransactionLegacyUnsigned {
    TransactionLegacyUnsigned {
        chain_id: Some(EVM_CHAIN_ID.into()),
        gas: U256::from(100_000_000u64),
        gas_price: Revive::evm_base_fee(),
        input: Bytes(input),
        nonce: nonce.into(),
        to,
        value: value.into(),
        ..Default::default()
    }
}

fn send(transaction: TransactionLegacyUnsigned) -> UncheckedExtrinsic {
    let signed = Account::default().sign_transaction(transaction.into());
    let call = pallet_revive::Call::eth_transact {
        payload: signed.signed_payload(),
    };
    generic::UncheckedExtrinsic::new_bare(call.into()).into()
}

fn ethereum_account() -> AccountId {
    Account::default().substrate_account()
}

#[test]
fn gas_costs_twenty_gwei_on_a_calm_chain() {
    chain("development").execute_with(|| {
        assert_eq!(Revive::evm_base_fee(), U256::from(20_000_000_000u64));
    });
}

#[test]
fn an_ethereum_wallet_pays_a_substrate_account_and_its_gas_in_based() {
    chain("development").execute_with(|| {
        block(vec![]);
        let bob = Bob.to_account_id();
        let (payer_before, bob_before) = (free(&ethereum_account()), free(&bob));
        let to = Mapper::to_address(&bob);
        block(vec![send(transaction(0, Some(to), BASED, vec![]))])[0]
            .unwrap()
            .unwrap();
        assert_eq!(free(&bob), bob_before + BASED);
        let fee = payer_before - free(&ethereum_account()) - BASED;
        assert!((1..BASED / 100).contains(&fee), "{fee}");
    });
}

#[test]
fn fees_of_contracts_go_to_brain_one_as_far_as_its_owner_wants() {
    use crate::{
        configs::{
            dynamic::contracts::{FeeShare, Parameters},
            RuntimeParameters,
        },
        Balances, Brains, Parameters as Pallet,
    };
    use based_primitives::traits::BrainInspect;
    use sp_runtime::{DispatchError, Perbill};

    chain("development").execute_with(|| {
        block(vec![]);
        let operator = Brains::reward_account(1).unwrap();
        let to = Some(Mapper::to_address(&Bob.to_account_id()));
        let paid = |nonce| {
            let before = (
                free(&operator),
                free(&ethereum_account()),
                Balances::total_issuance(),
            );
            block(vec![send(transaction(nonce, to, 0, vec![]))])[0]
                .unwrap()
                .unwrap();
            // What the block itself makes is not the fee's.
            let made = based_primitives::math::block_reward(crate::System::block_number());
            let burnt = before.2 + made - Balances::total_issuance();
            (
                free(&operator) - before.0,
                before.1 - free(&ethereum_account()),
                burnt,
            )
        };
        let (taken, fee, burnt) = paid(0);
        assert!(fee > 0);
        // All but what gas rounds up to is Brain #1's.
        assert_eq!(taken + burnt, fee);
        assert!(burnt * 1_000 < fee, "{burnt} of {fee}");

        let half =
            || RuntimeParameters::Contracts(Parameters::FeeShare(FeeShare, Some(Perbill::from_percent(50))));
        let stranger = RuntimeOrigin::signed(Bob.to_account_id());
        assert_eq!(
            Pallet::set_parameter(stranger, half()),
            Err(DispatchError::BadOrigin)
        );
        let owner = Brains::owner(1).unwrap();
        Pallet::set_parameter(RuntimeOrigin::signed(owner), half()).unwrap();
        let (taken, fee, burnt) = paid(1);
        assert_eq!(taken + burnt, fee);
        assert!(
            taken <= fee / 2 && fee / 2 - taken < fee / 1_000,
            "{taken} of {fee}"
        );
        // A call of another pallet pays Brain #1 nothing.
        let before = free(&operator);
        let remark = super::SystemCall::remark { remark: vec![1; 64] };
        block(vec![signed(Bob, remark, 0, 0)])[0].unwrap().unwrap();
        assert_eq!(free(&operator), before);
    });
}

#[test]
fn a_transaction_of_another_chain_or_a_used_nonce_is_refused() {
    chain("development").execute_with(|| {
        block(vec![]);
        let to = Some(Mapper::to_address(&Bob.to_account_id()));
        let foreign = TransactionLegacyUnsigned {
            chain_id: Some(1.into()),
            ..transaction(0, to, 1, vec![])
        };
        assert!(block(vec![send(foreign)])[0].is_err());
        block(vec![send(transaction(0, to, BASED, vec![]))])[0]
            .unwrap()
            .unwrap();
        let replayed = block(vec![send(transaction(0, to, BASED, vec![]))]);
        assert_eq!(replayed[0], Err(InvalidTransaction::Stale.into()));
    });
}

#[test]
fn evm_bytecode_is_deployed_and_called() {
    chain("development").execute_with(|| {
        block(vec![]);
        // Init code: leaves the ten bytes of FORTY_TWO right-aligned in a word and returns them.
        let init = format!("69{FORTY_TWO}600052600a6016f3");
        block(vec![send(transaction(0, None, 0, hex(&init)))])[0]
            .unwrap()
            .unwrap();
        let contract = pallet_revive::create1(&Account::default().address(), 0);
        assert_eq!(Revive::code(&contract), hex(FORTY_TWO));

        let answer = Revive::bare_call(
            RuntimeOrigin::signed(Alice.to_account_id()),
            contract,
            U256::zero(),
            TransactionLimits::WeightAndDeposit {
                weight_limit: frame_support::weights::Weight::from_parts(1_000_000_000_000, 10_000_000),
                deposit_limit: BASED,
            },
            vec![],
            &ExecConfig::new_substrate_tx(),
        );
        let data = answer.result.unwrap().data;
        assert_eq!(U256::from_big_endian(&data), U256::from(42));
    });
}

#[test]
fn every_new_account_gets_its_ethereum_address() {
    chain("testnet").execute_with(|| {
        block(vec![]);
        let stranger = sp_keyring::Sr25519Keyring::Ferdie.to_account_id();
        assert!(!Mapper::is_mapped(&stranger));
        let call = BalancesCall::transfer_keep_alive {
            dest: stranger.clone().into(),
            value: BASED,
        };
        block(vec![signed(Alice, call, 0, 0)])[0].unwrap().unwrap();
        assert!(Mapper::is_mapped(&stranger));
        assert_eq!(Mapper::to_account_id(&Mapper::to_address(&stranger)), stranger);
    });
}

fn hex(digits: &str) -> Vec<u8> {
    sp_core::bytes::from_hex(&format!("0x{digits}")).unwrap()
}
