//! Links between accounts and Ethereum addresses.

use based_pallet_ethereum::Links as Addresses;
use pallet_revive::precompiles::{
    alloy::{
        self,
        primitives::{Address, B256},
        sol_types::SolCall,
    },
    AddressMatcher, Ext, Precompile, H160,
};

use self::ILinks::ILinksCalls;
use super::{account, at, charge_reads, word, Answer};
use crate::{AccountId, Ethereum, Runtime};

alloy::sol!("../contracts/interfaces/ILinks.sol");

/// `ILinks`.
pub struct Links;

impl Precompile for Links {
    type Interface = ILinksCalls;
    type T = Runtime;

    const HAS_CONTRACT_INFO: bool = false;
    const MATCHER: AddressMatcher = at(0x0806);

    fn call(_: &[u8; 20], input: &Self::Interface, env: &mut impl Ext<T = Runtime>) -> Answer {
        charge_reads(env, 1)?;
        Ok(match input {
            ILinksCalls::linkedAccount(call) => {
                let linked = Ethereum::account_of(&H160(call.ethereum.0 .0));
                let linked = linked.as_ref().map_or(B256::ZERO, word);
                ILinks::linkedAccountCall::abi_encode_returns(&linked)
            }
            ILinksCalls::linkedAddress(call) => {
                let linked = Addresses::<Runtime>::get(AccountId::new(call.account.0));
                let linked = linked.map_or(Address::ZERO, |address| Address::from(address.0));
                ILinks::linkedAddressCall::abi_encode_returns(&linked)
            }
            ILinksCalls::nonces(call) => {
                let nonce = Ethereum::nonce(&H160(call.ethereum.0 .0));
                ILinks::noncesCall::abi_encode_returns(&nonce)
            }
            ILinksCalls::accountId(call) => {
                ILinks::accountIdCall::abi_encode_returns(&word(&account(&call.ethereum)))
            }
        })
    }
}
