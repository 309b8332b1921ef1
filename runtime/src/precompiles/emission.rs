//! What peers and owners earn.

use based_pallet_emission::{Call, Pending};
use based_primitives::math::block_reward;
use pallet_revive::precompiles::{
    alloy::{self, primitives::U256, sol_types::SolCall},
    AddressMatcher, Ext, Precompile,
};

use self::IEmission::IEmissionCalls;
use super::{account, at, charge_reads, dispatch, Answer};
use crate::{Runtime, System};

alloy::sol!("../contracts/interfaces/IEmission.sol");

/// `IEmission`.
pub struct Emission;

impl Precompile for Emission {
    type Interface = IEmissionCalls;
    type T = Runtime;

    const HAS_CONTRACT_INFO: bool = false;
    const MATCHER: AddressMatcher = at(0x0805);

    fn call(_: &[u8; 20], input: &Self::Interface, env: &mut impl Ext<T = Runtime>) -> Answer {
        match input {
            IEmissionCalls::claim(call) => {
                let account = account(&call.account);
                dispatch(env, Call::<Runtime>::claim { account })?;
                Ok(alloc::vec::Vec::new())
            }
            IEmissionCalls::earned(call) => {
                charge_reads(env, 2)?;
                let earned = Pending::<Runtime>::get(account(&call.account));
                Ok(IEmission::earnedCall::abi_encode_returns(&U256::from(earned)))
            }
            IEmissionCalls::blockReward(_) => {
                charge_reads(env, 1)?;
                let reward = block_reward(System::block_number());
                Ok(IEmission::blockRewardCall::abi_encode_returns(&U256::from(
                    reward,
                )))
            }
        }
    }
}
