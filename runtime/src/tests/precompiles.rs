//! The network's pallets as contracts.

use based_pallet_ethereum::Error as EthereumError;
use based_primitives::{
    constants::{BASED, PEPECOIN},
    Balance, BrainId, BrainKind, PriceList,
};
use frame_support::assert_ok;
use pallet_revive::{
    precompiles::alloy::{
        primitives::{Address, FixedBytes, B256, U256 as Uint},
        sol_types::{Revert, SolCall, SolError, SolEvent},
    },
    AddressMapper, ExecConfig, TransactionLimits, H160, U256,
};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave};

use super::{act, block, chain, free};
use crate::{
    precompiles::{
        brains::IBrains, compute::ICompute, emission::IEmission, registry::IRegistry, staking::IStaking,
    },
    Brains, Ethereum, Revive, Runtime, RuntimeOrigin, System,
};

type Mapper = <Runtime as pallet_revive::Config>::AddressMapper;
type E = EthereumError<Runtime>;

const PEPECOIN_AT: u16 = 0x0800;
const BRAINS_AT: u16 = 0x0801;
const STAKING_AT: u16 = 0x0802;
const REGISTRY_AT: u16 = 0x0803;
const COMPUTE_AT: u16 = 0x0804;
const EMISSION_AT: u16 = 0x0805;
pub const LINKS_AT: u16 = 0x0806;
/// The Brain that tests acquire.
const BRAIN: BrainId = 9;

fn contract(number: u16) -> H160 {
    H160::from_low_u64_be(u64::from(number) << 16)
}

fn eth(who: Sr25519Keyring) -> Address {
    Address::from(Mapper::to_address(&who.to_account_id()).0)
}

/// Calls a contract with a value; the answer's bytes, or why it refused.
fn call_with(who: Sr25519Keyring, at: u16, input: Vec<u8>, value: u128) -> Result<Vec<u8>, String> {
    let limits = TransactionLimits::WeightAndDeposit {
        weight_limit: frame_support::weights::Weight::from_parts(1_000_000_000_000, 10_000_000),
        deposit_limit: BASED,
    };
    let origin = RuntimeOrigin::signed(who.to_account_id());
    let config = ExecConfig::new_substrate_tx();
    let called = Revive::bare_call(origin, contract(at), U256::from(value), limits, input, &config);
    let answer = called.result.map_err(|error| format!("{error:?}"))?;
    if answer.did_revert() {
        return Err(Revert::abi_decode(&answer.data)
            .map_or_else(|_| format!("{:?}", answer.data), |revert| revert.reason));
    }
    Ok(answer.data)
}

/// Calls a contract; its answer, or why it refused.
pub fn call<C: SolCall>(who: Sr25519Keyring, at: u16, call: C) -> Result<C::Return, String> {
    let answer = call_with(who, at, call.abi_encode(), 0)?;
    Ok(C::abi_decode_returns(&answer).unwrap())
}

fn acquire(who: Sr25519Keyring, kind: BrainKind) {
    let acquired = Brains::acquire(
        RuntimeOrigin::signed(who.to_account_id()),
        Some(BRAIN),
        kind,
        Balance::MAX,
    );
    assert_ok!(acquired);
}

/// Topics of the last event of a contract.
fn last_topics(at: u16) -> Vec<B256> {
    let emitted = |event: crate::RuntimeEvent| match event {
        crate::RuntimeEvent::Revive(pallet_revive::Event::ContractEmitted {
            contract: from,
            topics,
            ..
        }) if from == contract(at) => Some(topics),
        _ => None,
    };
    let last = System::events()
        .into_iter()
        .filter_map(|record| emitted(record.event))
        .last();
    last.unwrap().iter().map(|topic| B256::from(topic.0)).collect()
}

/// Runs a test on a development chain, whose links and approvals must hold together afterwards.
pub fn on_chain(test: impl FnOnce()) {
    chain("development").execute_with(|| {
        block(vec![]);
        test();
        assert_ok!(Ethereum::do_try_state());
    });
}

#[test]
fn pepecoin_is_an_erc20() {
    use ethereum_standards::IERC20;
    on_chain(|| {
        let name = call(Alice, PEPECOIN_AT, IERC20::nameCall {}).unwrap();
        let decimals = call(Alice, PEPECOIN_AT, IERC20::decimalsCall {}).unwrap();
        assert_eq!((name.as_str(), decimals), ("Pepecoin", 18));
        let of = |who| call(Alice, PEPECOIN_AT, IERC20::balanceOfCall { account: eth(who) }).unwrap();
        let (before, amount) = (of(Bob), Uint::from(7 * PEPECOIN));
        let transfer = IERC20::transferCall {
            to: eth(Bob),
            value: amount,
        };
        assert!(call(Alice, PEPECOIN_AT, transfer).unwrap());
        assert_eq!(of(Bob), before + amount);
        // Bob spends what Alice allowed, and no more.
        let approve = IERC20::approveCall {
            spender: eth(Bob),
            value: amount,
        };
        assert!(call(Alice, PEPECOIN_AT, approve).unwrap());
        let spend = |value| IERC20::transferFromCall {
            from: eth(Alice),
            to: eth(Dave),
            value,
        };
        assert!(call(Bob, PEPECOIN_AT, spend(amount + Uint::from(1))).is_err());
        assert!(call(Bob, PEPECOIN_AT, spend(amount)).unwrap());
        assert!(call(Bob, PEPECOIN_AT, spend(Uint::from(1))).is_err());
    });
}

#[test]
fn brains_are_erc721_tokens() {
    on_chain(|| {
        acquire(Alice, BrainKind::Burned);
        let token = Uint::from(BRAIN);
        let owner = || call(Dave, BRAINS_AT, IBrains::ownerOfCall { tokenId: token }).unwrap();
        assert_eq!(owner(), eth(Alice));
        // The demonstration's Brain is Alice's too.
        let balance = call(Dave, BRAINS_AT, IBrains::balanceOfCall { owner: eth(Alice) });
        let owned = based_pallet_brains::Brains::<Runtime>::iter_values()
            .filter(|brain| brain.owner == Alice.to_account_id())
            .count();
        assert_eq!(balance.unwrap(), Uint::from(owned));

        let hand_on = |from, to| IBrains::transferFromCall {
            from: eth(from),
            to: eth(to),
            tokenId: token,
        };
        let refused = call(Bob, BRAINS_AT, hand_on(Alice, Bob)).err().unwrap();
        assert_eq!(refused, "Ethereum.NotApproved");
        let approve = IBrains::approveCall {
            to: eth(Bob),
            tokenId: token,
        };
        assert_eq!(
            call(Bob, BRAINS_AT, approve.clone()).err().unwrap(),
            "Ethereum.NotOwner"
        );
        call(Alice, BRAINS_AT, approve).unwrap();
        assert_eq!(last_topics(BRAINS_AT)[0], IBrains::Approval::SIGNATURE_HASH);
        let approved = || call(Dave, BRAINS_AT, IBrains::getApprovedCall { tokenId: token }).unwrap();
        assert_eq!(approved(), eth(Bob));
        call(Bob, BRAINS_AT, hand_on(Alice, Charlie)).unwrap();
        let topics = last_topics(BRAINS_AT);
        let word = |address: Address| address.into_word();
        let expected = [
            IBrains::Transfer::SIGNATURE_HASH,
            word(eth(Alice)),
            word(eth(Charlie)),
            B256::from(token),
        ];
        assert_eq!(topics, expected);
        // The approval ended with the hand-over, and Bob cannot take the Brain again.
        assert_eq!((owner(), approved()), (eth(Charlie), Address::ZERO));
        assert!(call(Bob, BRAINS_AT, hand_on(Charlie, Bob)).is_err());

        let set = |approved| IBrains::setApprovalForAllCall {
            operator: eth(Dave),
            approved,
        };
        call(Charlie, BRAINS_AT, set(true)).unwrap();
        call(
            Dave,
            BRAINS_AT,
            IBrains::safeTransferFrom_1Call {
                from: eth(Charlie),
                to: eth(Bob),
                tokenId: token,
            },
        )
        .unwrap();
        assert_eq!(owner(), eth(Bob));
        call(Charlie, BRAINS_AT, set(false)).unwrap();
        let operates = IBrains::isApprovedForAllCall {
            owner: eth(Charlie),
            operator: eth(Dave),
        };
        assert!(!call(Alice, BRAINS_AT, operates).unwrap());
    });
}

#[test]
fn approvals_end_with_a_transfer_by_the_owner_itself() {
    on_chain(|| {
        acquire(Alice, BrainKind::Burned);
        let before = free(&Alice.to_account_id());
        let approve =
            |spender| Ethereum::approve(RuntimeOrigin::signed(Alice.to_account_id()), BRAIN, spender);
        assert_ok!(approve(Some(Bob.to_account_id())));
        assert!(free(&Alice.to_account_id()) < before, "a deposit is held");
        let (alice, charlie) = (Alice.to_account_id(), Charlie.to_account_id());
        assert_ok!(Brains::transfer(
            RuntimeOrigin::signed(alice.clone()),
            BRAIN,
            charlie.clone()
        ));
        assert_eq!(free(&alice), before);
        assert_ok!(Brains::transfer(
            RuntimeOrigin::signed(charlie),
            BRAIN,
            alice.clone()
        ));
        let take = Ethereum::transfer_from(
            RuntimeOrigin::signed(Bob.to_account_id()),
            BRAIN,
            alice,
            Bob.to_account_id(),
        );
        assert_eq!(take, Err(E::NotApproved.into()));
    });
}

#[test]
fn staked_brains_refuse_transfers_and_numbers_without_a_brain_all() {
    on_chain(|| {
        let acquire = IBrains::acquireCall {
            brain: BRAIN,
            staked: true,
            maxPrice: Uint::from(u128::MAX),
        };
        call(Alice, BRAINS_AT, acquire).unwrap();
        let token = Uint::from(BRAIN);
        let hand_on = IBrains::transferFromCall {
            from: eth(Alice),
            to: eth(Bob),
            tokenId: token,
        };
        assert_eq!(
            call(Alice, BRAINS_AT, hand_on).err().unwrap(),
            "Brains.StakedBrain"
        );
        for none in [Uint::from(10), Uint::from(1_024), Uint::from(65_536), Uint::MAX] {
            let owner = call(Alice, BRAINS_AT, IBrains::ownerOfCall { tokenId: none });
            assert_eq!(owner.err().unwrap(), "there is no such Brain");
            assert!(call(Alice, BRAINS_AT, IBrains::tokenURICall { tokenId: none }).is_err());
        }
        let zero = IBrains::transferFromCall {
            from: eth(Alice),
            to: Address::ZERO,
            tokenId: token,
        };
        assert!(call(Alice, BRAINS_AT, zero)
            .err()
            .unwrap()
            .contains("zero address"));
    });
}

#[test]
fn a_brains_page_is_json() {
    use base64::{engine::general_purpose::STANDARD, Engine};
    on_chain(|| {
        let uri = call(
            Bob,
            BRAINS_AT,
            IBrains::tokenURICall {
                tokenId: Uint::from(super::BRAIN),
            },
        )
        .unwrap();
        let json = STANDARD
            .decode(uri.strip_prefix("data:application/json;base64,").unwrap())
            .unwrap();
        let page: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(page["name"], "Brain 7");
        assert!(page["external_url"].as_str().unwrap().starts_with("https://"));
        let task = page["attributes"][3]["value"].as_str().unwrap();
        assert!(task.starts_with("0x") && task.len() == 66, "{task}");
        for (interface, supported) in [(0x80ac_58cd_u32, true), (0x01ff_c9a7, true), (0xffff_ffff, false)] {
            let question = IBrains::supportsInterfaceCall {
                interfaceId: FixedBytes(interface.to_be_bytes()),
            };
            assert_eq!(call(Bob, BRAINS_AT, question).unwrap(), supported);
        }
    });
}

#[test]
fn an_ethereum_account_stakes_and_reads_its_stake() {
    on_chain(|| {
        let (brain, amount) = (super::BRAIN, Uint::from(5 * BASED));
        let stake = |validator| IStaking::stakeCall {
            brain,
            validator,
            amount,
        };
        call(Bob, STAKING_AT, stake(Address::ZERO)).unwrap();
        let staked = |validator| IStaking::stakedCall {
            staker: eth(Bob),
            brain,
            validator,
        };
        assert_eq!(call(Alice, STAKING_AT, staked(Address::ZERO)).unwrap(), amount);
        assert_eq!(
            call(Bob, STAKING_AT, stake(eth(Dave))).err().unwrap(),
            "Staking.NotValidator"
        );
        let unstake = |amount| IStaking::unstakeCall {
            brain,
            validator: Address::ZERO,
            amount,
        };
        let too_much = call(Bob, STAKING_AT, unstake(amount + amount)).err().unwrap();
        assert_eq!(too_much, "Staking.InsufficientStake");
        call(Bob, STAKING_AT, unstake(amount)).unwrap();
        let ready = IStaking::withdrawableCall { staker: eth(Bob) };
        assert_eq!(call(Bob, STAKING_AT, ready).unwrap(), Uint::ZERO);
        assert_eq!(
            call(Bob, STAKING_AT, IStaking::withdrawCall {}).err().unwrap(),
            "Staking.NothingToWithdraw"
        );
        let huge = IStaking::stakeCall {
            brain,
            validator: Address::ZERO,
            amount: Uint::MAX,
        };
        assert!(call(Bob, STAKING_AT, huge).err().unwrap().contains("2^128"));
    });
}

#[test]
fn an_ethereum_account_is_memorized_and_found() {
    on_chain(|| {
        let brain = super::BRAIN;
        let memorize = |role| IRegistry::memorizeCall {
            brain,
            role,
            ip: FixedBytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 8, 8, 4, 4]),
            port: 30_333,
            computekey: B256::repeat_byte(7),
            kind: 0,
            storageMib: 64,
            maxFee: Uint::from(u128::MAX),
        };
        assert!(call(Dave, REGISTRY_AT, memorize(2))
            .err()
            .unwrap()
            .contains("role"));
        call(Dave, REGISTRY_AT, memorize(0)).unwrap();
        let found = call(
            Bob,
            REGISTRY_AT,
            IRegistry::uidOfCall {
                brain,
                account: eth(Dave),
            },
        )
        .unwrap();
        assert!(found.found);
        let page = IRegistry::peersCall {
            brain,
            start: found.uid,
            limit: u16::MAX,
        };
        let peers = call(Bob, REGISTRY_AT, page).unwrap();
        let peer = peers.first().unwrap();
        assert_eq!(
            (peer.uid, peer.account, peer.role, peer.port),
            (found.uid, eth(Dave), 0, 30_333)
        );
        assert_eq!(peer.ip.0[12..], [8, 8, 4, 4]);
        let counts = call(Bob, REGISTRY_AT, IRegistry::countsCall { brain }).unwrap();
        assert_eq!(counts.miners, 1);
        call(Dave, REGISTRY_AT, IRegistry::leaveCall { brain }).unwrap();
        assert_eq!(
            call(Dave, REGISTRY_AT, IRegistry::leaveCall { brain })
                .err()
                .unwrap(),
            "Registry.NotMemorized"
        );
    });
}

#[test]
fn an_ethereum_account_opens_and_closes_a_spending_account() {
    on_chain(|| {
        let open = ICompute::openCall {
            spender: eth(Bob),
            purpose: 0,
            deposit: Uint::from(3 * BASED),
            cap: Uint::from(2 * BASED),
            expiry: 1_000_000,
        };
        let id = call(Dave, COMPUTE_AT, open).unwrap();
        call(
            Dave,
            COMPUTE_AT,
            ICompute::topUpCall {
                id,
                amount: Uint::from(BASED),
            },
        )
        .unwrap();
        let found = call(Alice, COMPUTE_AT, ICompute::accountOfCall { id }).unwrap();
        assert_eq!(
            (found.owner, found.spender, found.closing),
            (eth(Dave), eth(Bob), false)
        );
        assert_eq!(
            (found.balance, found.cap),
            (Uint::from(4 * BASED), Uint::from(2 * BASED))
        );
        assert_eq!(
            call(Bob, COMPUTE_AT, ICompute::closeCall { id }).err().unwrap(),
            "Compute.NotOwner"
        );
        call(Dave, COMPUTE_AT, ICompute::closeCall { id }).unwrap();
        assert!(
            call(Alice, COMPUTE_AT, ICompute::accountOfCall { id })
                .unwrap()
                .closing
        );
        let none = ICompute::accountOfCall { id: id + 1 };
        assert!(call(Alice, COMPUTE_AT, none).err().unwrap().contains("no such"));

        let prices = PriceList {
            prompt: BASED,
            completion: 2 * BASED,
            context: 2_000,
        };
        act(
            Alice,
            based_pallet_compute::Call::set_prices {
                brain: super::BRAIN,
                prices,
            },
        );
        let quote = |prompt, completion| ICompute::quoteCall {
            brain: super::BRAIN,
            promptUnits: prompt,
            completionUnits: completion,
        };
        assert_eq!(
            call(Bob, COMPUTE_AT, quote(1_000, 500)).unwrap(),
            Uint::from(2 * BASED)
        );
        assert!(call(Bob, COMPUTE_AT, quote(2_000, 1))
            .err()
            .unwrap()
            .contains("context"));
    });
}

#[test]
fn what_was_earned_is_claimed_by_anybody_for_its_owner() {
    on_chain(|| {
        let earned = IEmission::earnedCall { account: eth(Bob) };
        assert_eq!(call(Alice, EMISSION_AT, earned).unwrap(), Uint::ZERO);
        let claim = call(Alice, EMISSION_AT, IEmission::claimCall { account: eth(Bob) });
        assert_eq!(claim.err().unwrap(), "Emission.NothingToClaim");
        let reward = call(Alice, EMISSION_AT, IEmission::blockRewardCall {}).unwrap();
        assert_eq!(reward, Uint::from(10 * BASED));
    });
}

#[test]
fn contracts_refuse_value_and_unknown_calls_and_keep_nothing() {
    on_chain(|| {
        let before = free(&Alice.to_account_id());
        for at in PEPECOIN_AT..=LINKS_AT {
            let name = IBrains::nameCall {}.abi_encode();
            let refused = call_with(Alice, at, name, BASED);
            assert!(refused.is_err(), "{at:x}");
            for bytes in [vec![], vec![1], vec![0xff; 4], vec![0xff; 400]] {
                assert!(call_with(Alice, at, bytes, 0).is_err(), "{at:x}");
            }
            let kept = <Mapper as AddressMapper<Runtime>>::to_account_id(&contract(at));
            assert_eq!(free(&kept), 0, "{at:x}");
        }
        assert_eq!(free(&Alice.to_account_id()), before);
    });
}
