//! Stakes.

use alloc::vec::Vec;

use based_pallet_staking::{Call, Positions, Target, Unstaking, MAX_POSITIONS};
use based_primitives::traits::StakeInspect;
use pallet_revive::precompiles::{
    alloy::{self, primitives::U256, sol_types::SolCall},
    AddressMatcher, Ext, Precompile,
};

use self::IStaking::IStakingCalls;
use super::{account, at, balance, charge_reads, dispatch, some_account, Answer};
use crate::{Runtime, Staking as Pallet, System};

alloy::sol!("../contracts/interfaces/IStaking.sol");

/// `IStaking`.
pub struct Staking;

impl Precompile for Staking {
    type Interface = IStakingCalls;
    type T = Runtime;

    const HAS_CONTRACT_INFO: bool = false;
    const MATCHER: AddressMatcher = at(0x0802);

    fn call(_: &[u8; 20], input: &Self::Interface, env: &mut impl Ext<T = Runtime>) -> Answer {
        match input {
            IStakingCalls::stake(call) => {
                let (brain, validator) = (call.brain, some_account(&call.validator));
                let amount = balance(&call.amount)?;
                let call = Call::<Runtime>::stake {
                    brain,
                    validator,
                    amount,
                };
                dispatch(env, call)?;
                Ok(Vec::new())
            }
            IStakingCalls::unstake(call) => {
                let (brain, validator) = (call.brain, some_account(&call.validator));
                let amount = balance(&call.amount)?;
                let call = Call::<Runtime>::unstake {
                    brain,
                    validator,
                    amount,
                };
                dispatch(env, call)?;
                Ok(Vec::new())
            }
            IStakingCalls::withdraw(_) => {
                dispatch(env, Call::<Runtime>::withdraw {})?;
                Ok(Vec::new())
            }
            IStakingCalls::claim(call) => {
                let (brain, validator) = (call.brain, some_account(&call.validator));
                dispatch(env, Call::<Runtime>::claim { brain, validator })?;
                Ok(Vec::new())
            }
            IStakingCalls::staked(call) => {
                charge_reads(env, 3)?;
                let target = Target {
                    brain: call.brain,
                    validator: some_account(&call.validator),
                };
                let staked = Positions::<Runtime>::get(account(&call.staker), target);
                let amount = staked.map_or(0, |position| position.amount);
                Ok(IStaking::stakedCall::abi_encode_returns(&U256::from(amount)))
            }
            IStakingCalls::stakeOfBrain(call) => {
                charge_reads(env, 1)?;
                let stake = Pallet::brain_stake(call.brain);
                Ok(IStaking::stakeOfBrainCall::abi_encode_returns(&U256::from(stake)))
            }
            IStakingCalls::stakeOfValidator(call) => {
                charge_reads(env, 2)?;
                let stake = Pallet::validator_stake(call.brain, &account(&call.validator));
                Ok(IStaking::stakeOfValidatorCall::abi_encode_returns(&U256::from(
                    stake,
                )))
            }
            IStakingCalls::claimable(call) => {
                // Positions with their pools, and as many commissions as there are Brains to validate in.
                charge_reads(env, u64::from(MAX_POSITIONS).saturating_mul(3))?;
                let claimable = Pallet::claimable(&account(&call.staker));
                Ok(IStaking::claimableCall::abi_encode_returns(&U256::from(
                    claimable,
                )))
            }
            IStakingCalls::withdrawable(call) => {
                charge_reads(env, 2)?;
                let mut unstaked = Unstaking::<Runtime>::get(account(&call.staker));
                let ready = unstaked.take_withdrawable(System::block_number());
                Ok(IStaking::withdrawableCall::abi_encode_returns(&U256::from(ready)))
            }
        }
    }
}
