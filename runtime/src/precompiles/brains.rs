//! Brains as ERC-721 tokens.

use alloc::{format, string::String, vec::Vec};

use base64::{engine::general_purpose::STANDARD, Engine};
use based_pallet_brains::{Brains as Records, Call};
use based_pallet_ethereum::{Approvals, Call as EthereumCall, Operators};
use based_primitives::{
    constants::{MAX_BRAINS, PPB},
    traits::BrainInspect,
    BrainId, BrainKind,
};
use pallet_revive::{
    precompiles::{
        alloy::{
            self,
            primitives::{Address, FixedBytes, U256},
            sol_types::SolCall,
        },
        AddressMatcher, Error, Ext, Precompile, H160,
    },
    CallResources, ReentrancyProtection,
};
use sp_core::U256 as Word;

use self::IBrains::IBrainsCalls;
use super::{
    account, address, at, balance, caller, charge_reads, dispatch, emit, revert, some_account, Answer,
};
use crate::{AccountId, Brains as Pallet, Runtime};

alloy::sol!("../contracts/interfaces/IBrains.sol");
alloy::sol! {
    /// What a contract that is given a token answers to.
    interface IERC721Receiver {
        function onERC721Received(address operator, address from, uint256 tokenId, bytes calldata data)
            external
            returns (bytes4);
    }
}

/// Interfaces by ERC-165: itself, ERC-721 and its metadata.
const INTERFACES: [[u8; 4]; 3] = [
    [0x01, 0xff, 0xc9, 0xa7],
    [0x80, 0xac, 0x58, 0xcd],
    [0x5b, 0x5e, 0x13, 0x9f],
];
const NO_TOKEN: &str = "there is no such Brain";

/// `IBrains`.
pub struct Brains;

impl Precompile for Brains {
    type Interface = IBrainsCalls;
    type T = Runtime;

    const HAS_CONTRACT_INFO: bool = false;
    const MATCHER: AddressMatcher = at(0x0801);

    fn call(_: &[u8; 20], input: &Self::Interface, env: &mut impl Ext<T = Runtime>) -> Answer {
        match input {
            IBrainsCalls::transferFrom(call) => {
                hand_on(env, call.from, call.to, call.tokenId)?;
                Ok(Vec::new())
            }
            IBrainsCalls::safeTransferFrom_0(call) => {
                hand_on_safely(env, call.from, call.to, call.tokenId, call.data.to_vec())
            }
            IBrainsCalls::safeTransferFrom_1(call) => {
                hand_on_safely(env, call.from, call.to, call.tokenId, Vec::new())
            }
            IBrainsCalls::approve(call) => approve(env, call),
            IBrainsCalls::setApprovalForAll(call) => set_operator(env, call),
            IBrainsCalls::acquire(call) => acquire(env, call),
            view => read(env, view),
        }
    }
}

fn number(token: U256) -> Result<BrainId, Error> {
    BrainId::try_from(token).map_err(|_| revert(NO_TOKEN))
}

fn owner(brain: BrainId) -> Result<AccountId, Error> {
    Pallet::owner(brain).ok_or_else(|| revert(NO_TOKEN))
}

/// Hands a token on and tells so.
fn hand_on(env: &mut impl Ext<T = Runtime>, from: Address, to: Address, token: U256) -> Result<(), Error> {
    let brain = number(token)?;
    let to_account = some_account(&to).ok_or_else(|| revert("a Brain is not given to the zero address"))?;
    let call = EthereumCall::<Runtime>::transfer_from {
        brain,
        from: account(&from),
        to: to_account,
    };
    dispatch(env, call)?;
    let event = IBrains::Transfer {
        from,
        to,
        tokenId: token,
    };
    emit(env, event)
}

/// Hands a token on; a contract must say that it takes it.
fn hand_on_safely(
    env: &mut impl Ext<T = Runtime>,
    from: Address,
    to: Address,
    token: U256,
    data: Vec<u8>,
) -> Answer {
    hand_on(env, from, to, token)?;
    charge_reads(env, 1)?;
    let receiver = H160(to.0 .0);
    if env.code_size(&receiver) == 0 {
        return Ok(Vec::new());
    }
    let operator = address(&caller(env)?);
    let question = IERC721Receiver::onERC721ReceivedCall {
        operator,
        from,
        tokenId: token,
        data: data.into(),
    };
    let selector = IERC721Receiver::onERC721ReceivedCall::SELECTOR;
    let called = env.call(
        &CallResources::NoLimits,
        &receiver,
        Word::zero(),
        question.abi_encode(),
        ReentrancyProtection::AllowReentry,
        false,
    );
    let answer = env.last_frame_output();
    let taken = called.is_ok() && !answer.did_revert() && answer.data.get(..4) == Some(&selector[..]);
    if taken {
        Ok(Vec::new())
    } else {
        Err(revert("the contract does not take ERC-721 tokens"))
    }
}

fn approve(env: &mut impl Ext<T = Runtime>, call: &IBrains::approveCall) -> Answer {
    let brain = number(call.tokenId)?;
    charge_reads(env, 2)?;
    let owner = address(&owner(brain)?);
    let spender = some_account(&call.to);
    dispatch(env, EthereumCall::<Runtime>::approve { brain, spender })?;
    let event = IBrains::Approval {
        owner,
        approved: call.to,
        tokenId: call.tokenId,
    };
    emit(env, event)?;
    Ok(Vec::new())
}

fn set_operator(env: &mut impl Ext<T = Runtime>, call: &IBrains::setApprovalForAllCall) -> Answer {
    let operator =
        some_account(&call.operator).ok_or_else(|| revert("the zero address is nobody's operator"))?;
    let allowed = call.approved;
    dispatch(env, EthereumCall::<Runtime>::set_operator { operator, allowed })?;
    let event = IBrains::ApprovalForAll {
        owner: address(&caller(env)?),
        operator: call.operator,
        approved: allowed,
    };
    emit(env, event)?;
    Ok(Vec::new())
}

fn acquire(env: &mut impl Ext<T = Runtime>, call: &IBrains::acquireCall) -> Answer {
    let kind = if call.staked {
        BrainKind::Staked
    } else {
        BrainKind::Burned
    };
    let brain = Some(call.brain);
    let max_price = balance(&call.maxPrice)?;
    let to = address(&caller(env)?);
    let token = U256::from(call.brain);
    let call = Call::<Runtime>::acquire {
        brain,
        kind,
        max_price,
    };
    dispatch(env, call)?;
    let event = IBrains::Transfer {
        from: Address::ZERO,
        to,
        tokenId: token,
    };
    emit(env, event)?;
    Ok(Vec::new())
}

fn read(env: &mut impl Ext<T = Runtime>, view: &IBrainsCalls) -> Answer {
    Ok(match view {
        IBrainsCalls::balanceOf(call) => {
            // Brains are not listed by their owners.
            charge_reads(env, u64::from(MAX_BRAINS).saturating_add(1))?;
            let who = account(&call.owner);
            let owned = Records::<Runtime>::iter_values().filter(|brain| brain.owner == who);
            IBrains::balanceOfCall::abi_encode_returns(&U256::from(owned.count()))
        }
        IBrainsCalls::ownerOf(call) => {
            charge_reads(env, 2)?;
            let owner = owner(number(call.tokenId)?)?;
            IBrains::ownerOfCall::abi_encode_returns(&address(&owner))
        }
        IBrainsCalls::getApproved(call) => {
            charge_reads(env, 3)?;
            let brain = number(call.tokenId)?;
            owner(brain)?;
            let approved = Approvals::<Runtime>::get(brain);
            let approved = approved.map_or(Address::ZERO, |approval| address(&approval.spender));
            IBrains::getApprovedCall::abi_encode_returns(&approved)
        }
        IBrainsCalls::isApprovedForAll(call) => {
            charge_reads(env, 3)?;
            let approved = Operators::<Runtime>::contains_key(account(&call.owner), account(&call.operator));
            IBrains::isApprovedForAllCall::abi_encode_returns(&approved)
        }
        IBrainsCalls::supportsInterface(call) => {
            let supported = INTERFACES.iter().any(|id| call.interfaceId == FixedBytes(*id));
            IBrains::supportsInterfaceCall::abi_encode_returns(&supported)
        }
        IBrainsCalls::name(_) => IBrains::nameCall::abi_encode_returns(&"BasedAI Brains".into()),
        IBrainsCalls::symbol(_) => IBrains::symbolCall::abi_encode_returns(&"BRAIN".into()),
        IBrainsCalls::tokenURI(call) => {
            charge_reads(env, 1)?;
            IBrains::tokenURICall::abi_encode_returns(&metadata(number(call.tokenId)?)?)
        }
        IBrainsCalls::burnPrice(_) => {
            charge_reads(env, 1)?;
            let price = Pallet::price(BrainKind::Burned).unwrap_or_default();
            IBrains::burnPriceCall::abi_encode_returns(&U256::from(price))
        }
        _ => return Err(revert("this is not read")),
    })
}

/// What wallets and markets show of a Brain, as a data URI.
fn metadata(brain: BrainId) -> Result<String, Error> {
    let found = Pallet::brain(brain).ok_or_else(|| revert(NO_TOKEN))?;
    let trait_of = |name: &str, value: String| serde_json::json!({ "trait_type": name, "value": value });
    let mut attributes = Vec::from([
        trait_of("Kind", format!("{:?}", found.kind)),
        trait_of("State", format!("{:?}", found.state)),
        trait_of("Miners' share", format!("{} of {PPB}", found.miner_share)),
    ]);
    let mut page = String::new();
    if let Some(task) = found.task {
        attributes.push(trait_of("Task", format!("{:?}", task.manifest)));
        page = String::from_utf8_lossy(&task.repository).into_owned();
    }
    let json = serde_json::json!({
        "name": format!("Brain {brain}"),
        "description": String::from_utf8_lossy(&found.name),
        "external_url": page,
        "attributes": attributes,
    });
    let encoded = STANDARD.encode(format!("{json}"));
    Ok(format!("data:application/json;base64,{encoded}"))
}
