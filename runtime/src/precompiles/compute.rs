//! Spending accounts, from which prompts are paid.

use alloc::vec::Vec;

use based_pallet_compute::{Accounts, Call, NextId, SpendingAccount};
use based_primitives::{views::QuoteError, Purpose};
use pallet_revive::precompiles::{
    alloy::{self, primitives::U256, sol_types::SolCall},
    AddressMatcher, Error, Ext, Precompile,
};

use self::ICompute::IComputeCalls;
use super::{account, address, at, balance, charge_reads, dispatch, revert, Answer};
use crate::{queries, AccountId, Runtime};

alloy::sol!("../contracts/interfaces/ICompute.sol");

/// `ICompute`.
pub struct Compute;

impl Precompile for Compute {
    type Interface = IComputeCalls;
    type T = Runtime;

    const HAS_CONTRACT_INFO: bool = false;
    const MATCHER: AddressMatcher = at(0x0804);

    fn call(_: &[u8; 20], input: &Self::Interface, env: &mut impl Ext<T = Runtime>) -> Answer {
        match input {
            IComputeCalls::open(call) => {
                charge_reads(env, 1)?;
                let id = NextId::<Runtime>::get();
                let call = Call::<Runtime>::open {
                    spender: account(&call.spender),
                    purpose: purpose(call.purpose)?,
                    deposit: balance(&call.deposit)?,
                    cap: balance(&call.cap)?,
                    expiry: call.expiry,
                };
                dispatch(env, call)?;
                Ok(ICompute::openCall::abi_encode_returns(&id))
            }
            IComputeCalls::topUp(call) => {
                let (id, amount) = (call.id, balance(&call.amount)?);
                dispatch(env, Call::<Runtime>::top_up { id, amount })?;
                Ok(Vec::new())
            }
            IComputeCalls::reserve(call) => {
                let call = Call::<Runtime>::reserve {
                    id: call.id,
                    brain: call.brain,
                    miner: account(&call.miner),
                    amount: balance(&call.amount)?,
                };
                dispatch(env, call)?;
                Ok(Vec::new())
            }
            IComputeCalls::close(call) => {
                dispatch(env, Call::<Runtime>::close { id: call.id })?;
                Ok(Vec::new())
            }
            IComputeCalls::finishClose(call) => {
                dispatch(env, Call::<Runtime>::finish_close { id: call.id })?;
                Ok(Vec::new())
            }
            IComputeCalls::accountOf(call) => {
                charge_reads(env, 1)?;
                let found = Accounts::<Runtime>::get(call.id);
                let found = found.ok_or_else(|| revert("there is no such spending account"))?;
                Ok(ICompute::accountOfCall::abi_encode_returns(&view(&found)))
            }
            IComputeCalls::quote(call) => {
                charge_reads(env, 2)?;
                let price = queries::quote(call.brain, call.promptUnits, call.completionUnits);
                let price = price.map_err(refused)?;
                Ok(ICompute::quoteCall::abi_encode_returns(&U256::from(price)))
            }
        }
    }
}

fn purpose(number: u8) -> Result<Purpose, Error> {
    match number {
        0 => Ok(Purpose::Prompt),
        1 => Ok(Purpose::Training),
        2 => Ok(Purpose::Task),
        _ => Err(revert(
            "a purpose is 0 for prompts, 1 for training or 2 for tasks",
        )),
    }
}

fn view(found: &SpendingAccount<AccountId>) -> ICompute::Account {
    ICompute::Account {
        owner: address(&found.owner),
        spender: address(&found.spender),
        purpose: match found.purpose {
            Purpose::Prompt => 0,
            Purpose::Training => 1,
            Purpose::Task => 2,
        },
        balance: U256::from(found.balance),
        reserved: U256::from(found.reserved),
        cap: U256::from(found.cap),
        spent: U256::from(found.spent),
        expiry: found.expiry,
        closing: found.closing.is_some(),
    }
}

fn refused(error: QuoteError) -> Error {
    revert(match error {
        QuoteError::UnknownBrain => "there is no such Brain",
        QuoteError::NoPrices => "the Brain has no prices",
        QuoteError::ContextExceeded { .. } => "the prompt exceeds the Brain's context",
        QuoteError::Overflow => "the price exceeds what can be counted",
    })
}
