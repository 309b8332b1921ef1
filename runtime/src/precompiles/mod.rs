//! The network's own pallets as contracts: what Ethereum wallets and contracts call at fixed addresses.
//!
//! The interfaces are the Solidity files in `contracts/interfaces`, from which the decoders here are made. A call that
//! changes something is the pallet's own call by the caller: it is filtered, weighed and refused like any other.

pub mod brains;
pub mod compute;
pub mod emission;
pub mod links;
mod pepecoin;
pub mod registry;
pub mod staking;

use alloc::{format, vec::Vec};
use core::{marker::PhantomData, num::NonZero};

use frame_support::{
    dispatch::{extract_actual_weight, GetDispatchInfo},
    traits::PalletsInfoAccess,
    weights::Weight,
};
use pallet_revive::{
    precompiles::{
        alloy::primitives::{Address, IntoLogData, B256, U256},
        AddressMatcher, Error, Ext, Precompile, RuntimeCosts, H160, H256,
    },
    AddressMapper,
};
use sp_runtime::{traits::Dispatchable, DispatchError};

use crate::{AccountId, AllPalletsWithSystem, Balance, Runtime, RuntimeCall, RuntimeOrigin};

/// The contracts, at addresses of the form `0x0800`, `0x0801`, ... followed by two zero bytes.
pub type Precompiles = (
    NonPayable<pepecoin::Pepecoin>,
    NonPayable<brains::Brains>,
    NonPayable<staking::Staking>,
    NonPayable<registry::Registry>,
    NonPayable<compute::Compute>,
    NonPayable<emission::Emission>,
    NonPayable<links::Links>,
);

type Mapper = <Runtime as pallet_revive::Config>::AddressMapper;
type Answer = Result<Vec<u8>, Error>;

/// Matches the address whose bytes 16 and 17 are this number and whose others are zero.
const fn at(number: u16) -> AddressMatcher {
    match NonZero::new(number) {
        Some(number) => AddressMatcher::Fixed(number),
        None => panic!("zero is no address of a contract"),
    }
}

/// A contract that is called by itself and without value: what is sent with a call would be lost, and a caller that runs
/// it as its own code would act on nothing of its own.
pub struct NonPayable<P>(PhantomData<P>);

impl<P: Precompile<T = Runtime>> Precompile for NonPayable<P> {
    type Interface = P::Interface;
    type T = Runtime;

    const HAS_CONTRACT_INFO: bool = P::HAS_CONTRACT_INFO;
    const MATCHER: AddressMatcher = P::MATCHER;

    fn call(address: &[u8; 20], input: &Self::Interface, env: &mut impl Ext<T = Runtime>) -> Answer {
        if env.is_delegate_call() {
            return Err(revert("this contract is not called by delegatecall"));
        }
        if !env.value_transferred().is_zero() {
            return Err(revert("this contract takes no BASED with a call"));
        }
        P::call(address, input, env)
    }
}

fn revert(reason: &str) -> Error {
    Error::Revert(reason.into())
}

/// The account that calls.
fn caller(env: &impl Ext<T = Runtime>) -> Result<AccountId, Error> {
    let origin = env.caller();
    origin
        .account_id()
        .cloned()
        .map_err(|_| revert("only accounts may call this"))
}

/// Makes a pallet's call as the caller, for its weight.
fn dispatch(env: &mut impl Ext<T = Runtime>, call: impl Into<RuntimeCall>) -> Result<(), Error> {
    let who = caller(env)?;
    dispatch_as(env, who, call)
}

/// Makes a pallet's call as an account that the caller may act for.
fn dispatch_as(
    env: &mut impl Ext<T = Runtime>,
    who: AccountId,
    call: impl Into<RuntimeCall>,
) -> Result<(), Error> {
    if env.is_read_only() {
        return Err(revert("this changes the state: it is not called by staticcall"));
    }
    let call = call.into();
    let info = call.get_dispatch_info();
    let charged = env.charge(info.call_weight)?;
    let result = call.dispatch(RuntimeOrigin::signed(who));
    env.adjust_gas(charged, extract_actual_weight(&result, &info));
    result.map(|_| ()).map_err(|error| refused(error.error))
}

/// A pallet's refusal by its name, as a contract's caller reads it.
fn refused(error: DispatchError) -> Error {
    let name: &'static str = error.into();
    match error {
        DispatchError::Module(module) => {
            let pallet = AllPalletsWithSystem::infos()
                .into_iter()
                .find(|info| info.index == usize::from(module.index))
                .map_or("", |info| info.name);
            revert(&format!("{pallet}.{name}"))
        }
        _ => revert(name),
    }
}

/// Charges for reading so many items.
fn charge_reads(env: &mut impl Ext<T = Runtime>, items: u64) -> Result<(), Error> {
    let weight: Weight = <Runtime as frame_system::Config>::DbWeight::get().reads(items);
    env.charge(weight)?;
    Ok(())
}

/// Emits an event of the contract.
fn emit(env: &mut impl Ext<T = Runtime>, event: impl IntoLogData) -> Result<(), Error> {
    let (topics, data) = event.into_log_data().split();
    let topics: Vec<H256> = topics.into_iter().map(|topic| H256(topic.0)).collect();
    env.frame_meter_mut()
        .charge_weight_token(RuntimeCosts::DepositEvent {
            num_topic: topics.len() as u32,
            len: data.len() as u32,
        })?;
    env.deposit_event(topics, data.to_vec());
    Ok(())
}

fn account(address: &Address) -> AccountId {
    Mapper::to_account_id(&H160(address.0 .0))
}

/// The account of an address, or none for the zero address.
fn some_account(address: &Address) -> Option<AccountId> {
    (!address.is_zero()).then(|| account(address))
}

fn address(account: &AccountId) -> Address {
    Address::from(Mapper::to_address(account).0)
}

fn balance(amount: &U256) -> Result<Balance, Error> {
    Balance::try_from(*amount).map_err(|_| revert("an amount is below 2^128"))
}

fn word(account: &AccountId) -> B256 {
    B256::from(*AsRef::<[u8; 32]>::as_ref(account))
}
