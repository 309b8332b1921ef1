//! Minting, the division over Brains, the division within a Brain, claims, and the invariants.

use alloc::vec::Vec;

use based_primitives::{
    constants::{MAX_BRAINS, MAX_MINERS, MAX_PEERS, MAX_VALIDATORS, NODE_QUARTERS},
    math::{apportion, block_reward, brain_scores, mul_div, split, with_forecast, BrainStanding},
    traits::{
        BrainInspect, Epochs, ForecastInspect, RegistryInspect, StakeInspect, StakeRewards, SweepBrain,
    },
    Balance, BlockNumber, BrainId, EpochAdvance, EpochScores, PeerInfo, Role,
};
use frame_support::{
    ensure,
    storage::with_storage_layer,
    traits::{fungible::Mutate, tokens::Preservation, Get},
    weights::Weight,
};
use sp_runtime::{traits::AccountIdConversion, DispatchError, DispatchResult};

use crate::{
    Budgets, Carry, Config, Due, DueEpochs, Error, Event, Pallet, Pending, TotalMinted, TotalPaid,
    WeightInfo, PALLET_ID,
};

/// How a budget was divided.
#[derive(Default)]
struct Division {
    miners: Balance,
    validators: Balance,
    owner: Balance,
    stakers: Balance,
    returned: Balance,
}

impl<T: Config> Pallet<T> {
    /// Account of the pot.
    pub fn pot() -> T::AccountId {
        PALLET_ID.into_account_truncating()
    }

    /// Mints the reward of block `now`, runs the epochs that are due, and at the end of a cycle divides the pot.
    pub(crate) fn begin_block(now: BlockNumber) -> Weight {
        let cycle = T::CycleBlocks::get().max(1);
        let slot = now.checked_rem(cycle).unwrap_or(0);
        let mut weight = T::WeightInfo::mint();
        Self::mint(block_reward(now));
        let known = Due::<T>::get();
        let mut due = known.clone();
        for brain in (slot..MAX_BRAINS.into()).step_by(cycle as usize) {
            weight = weight.saturating_add(T::WeightInfo::look());
            let Ok(brain) = BrainId::try_from(brain) else {
                break;
            };
            // One that waits for a whole cycle, of which there is room for all, is not named again.
            if T::Brains::is_open(brain) && due.iter().all(|(other, _)| *other != brain) {
                due.try_push((brain, now)).ok();
            }
        }
        weight = weight.saturating_add(Self::run_epochs(&mut due));
        if due != known {
            Due::<T>::put(due);
        }
        if slot == cycle.saturating_sub(1) {
            weight = weight.saturating_add(Self::divide_pot(now.checked_div(cycle).unwrap_or(0)));
        }
        weight
    }

    pub(crate) fn mint(reward: Balance) {
        if reward == 0 {
            return;
        }
        if T::Currency::mint_into(&Self::pot(), reward).is_err() {
            log::error!(target: "runtime::emission", "the block reward could not be minted");
            return;
        }
        TotalMinted::<T>::mutate(|total| *total = total.saturating_add(reward));
        Self::carry_over(reward);
    }

    fn carry_over(amount: Balance) {
        Carry::<T>::mutate(|carry| *carry = carry.saturating_add(amount));
    }

    /// Runs the epochs that are due, one after the other, until the limit is reached.
    fn run_epochs(due: &mut DueEpochs) -> Weight {
        let limit = T::EpochLimit::get();
        // Set aside for the division of a budget, whose Brain's epoch may end.
        let division = Self::longest_division();
        let mut used = Weight::zero();
        while let Some((brain, at)) = due.first().copied() {
            let Some(room) = limit.checked_sub(&used.saturating_add(division)) else {
                break;
            };
            let EpochAdvance { scores, weight } = T::Epochs::advance(brain, at, room);
            used = used.saturating_add(weight);
            let Some(scores) = scores else {
                break;
            };
            used = used.saturating_add(Self::pay_epoch(brain, &scores));
            due.remove(0);
        }
        used
    }

    /// Weight of dividing the budget of a full Brain, all of whose peers are paid.
    pub(crate) fn longest_division() -> Weight {
        T::WeightInfo::divide_budget(MAX_MINERS.into(), MAX_VALIDATORS.into(), MAX_PEERS.into())
    }

    /// Gives every open Brain its budget out of the carry and of budgets that no epoch divided. A Brain whose epoch
    /// still runs keeps what it has.
    pub(crate) fn divide_pot(cycle: BlockNumber) -> Weight {
        let due = Due::<T>::get();
        let (kept, undivided): (Vec<_>, Vec<_>) =
            Budgets::<T>::drain().partition(|(brain, _)| due.iter().any(|(other, _)| other == brain));
        for (brain, budget) in kept {
            Budgets::<T>::insert(brain, budget);
        }
        let undivided = undivided
            .into_iter()
            .fold(0, |sum: Balance, (_, budget)| sum.saturating_add(budget));
        let pot = Carry::<T>::get().saturating_add(undivided);
        let (brains, scores) = Self::scored_brains();
        let budgets = apportion(pot, &scores);
        let total = if budgets.is_some() { pot } else { 0 };
        for (brain, budget) in brains
            .iter()
            .zip(budgets.unwrap_or_default())
            .filter(|(_, budget)| *budget > 0)
        {
            Budgets::<T>::mutate(brain, |own| *own = Some(own.unwrap_or(0).saturating_add(budget)));
        }
        let carry = pot.saturating_sub(total);
        Carry::<T>::put(carry);
        Self::deposit_event(Event::CycleSplit { cycle, total, carry });
        T::WeightInfo::divide_pot(brains.len() as u32)
    }

    /// What a Brain would get of a pot that was divided now.
    pub fn expected_budget(brain: BrainId, pot: Balance) -> Balance {
        let (brains, scores) = Self::scored_brains();
        let budgets = apportion(pot, &scores).unwrap_or_default();
        let own = brains.iter().zip(budgets).find(|(other, _)| **other == brain);
        own.map_or(0, |(_, budget)| budget)
    }

    /// Open Brains and the scores by which a pot is divided over them (C.7).
    fn scored_brains() -> (Vec<BrainId>, Vec<u128>) {
        let brains = T::Brains::open_brains();
        let beta = T::Forecasts::beta();
        let standings: Vec<BrainStanding> = brains
            .iter()
            .map(|brain| BrainStanding {
                stake: T::Stake::brain_stake(*brain),
                performance: Self::expected_performance(*brain, beta),
            })
            .collect();
        let scores = brain_scores(&standings, T::Stake::total_stake());
        (brains, scores)
    }

    /// Performance of a Brain with the forecast of its next one, at a weight of forecasts in ppb (C.7).
    fn expected_performance(brain: BrainId, beta: u64) -> u64 {
        let performance = T::Epochs::performance(brain);
        let forecast = if beta > 0 {
            T::Forecasts::performance(brain)
        } else {
            None
        };
        with_forecast(performance, forecast, beta)
    }

    /// Divides the budget of a Brain whose epoch has ended. An epoch without budget still counts as performance.
    pub(crate) fn pay_epoch(brain: BrainId, scores: &EpochScores<T::AccountId>) -> Weight {
        let Some(budget) = Budgets::<T>::take(brain) else {
            return T::WeightInfo::look();
        };
        let peers = T::Registry::peers(brain);
        let miners = peers.iter().filter(|peer| peer.role == Role::Miner).count();
        let weight = T::WeightInfo::divide_budget(
            miners as u32,
            peers.len().saturating_sub(miners) as u32,
            scores.miners.len().saturating_add(scores.validators.len()) as u32,
        );
        let divided = with_storage_layer(|| {
            let division = Self::divide_budget(brain, budget, &peers, scores)?;
            Self::carry_over(division.returned);
            Ok::<_, DispatchError>(division)
        });
        match divided {
            Ok(Division {
                miners,
                validators,
                owner,
                stakers,
                returned,
            }) => Self::deposit_event(Event::EpochPaid {
                brain,
                budget,
                miners,
                validators,
                owner,
                stakers,
                returned,
            }),
            Err(error) => {
                log::error!(target: "runtime::emission", "budget of Brain {brain} not divided: {error:?}");
                Self::carry_over(budget);
                Self::deposit_event(Event::EpochFailed { brain, budget });
            }
        }
        weight
    }

    /// Divides a budget; the parts sum to it exactly.
    fn divide_budget(
        brain: BrainId,
        budget: Balance,
        peers: &[PeerInfo<T::AccountId>],
        scores: &EpochScores<T::AccountId>,
    ) -> Result<Division, DispatchError> {
        let nodes = mul_div(budget, NODE_QUARTERS.into(), 4).ok_or(Error::<T>::Overflow)?;
        let slice = budget.saturating_sub(nodes);
        let (miners_pool, validators_pool) = split(nodes, T::Brains::miner_share(brain));

        let (owner_part, stakers) = Self::divide_slice(brain, slice, peers)?;
        let owner_account = T::Brains::reward_account(brain).filter(|_| T::Brains::owner_earns(brain));
        let (to_miners, to_validators) = match owner_account {
            Some(_) => Self::redistribution(brain, owner_part, scores),
            None => (0, 0),
        };
        let miners = Self::pay_pool(miners_pool, to_miners, &scores.miners)?;
        let validators = Self::pay_pool(validators_pool, to_validators, &scores.validators)?;
        let owner = match owner_account {
            Some(account) => {
                let rest = owner_part.saturating_sub(to_miners).saturating_sub(to_validators);
                Self::credit(account, rest)?;
                rest
            }
            None => 0,
        };
        let paid = miners
            .saturating_add(validators)
            .saturating_add(owner)
            .saturating_add(stakers);
        let returned = budget.checked_sub(paid).ok_or(Error::<T>::Overflow)?;
        Ok(Division {
            miners,
            validators,
            owner,
            stakers,
            returned,
        })
    }

    /// Divides the slice by where stake was directed (B.10) and pays stakers their parts. Returns the owner's part
    /// and what stakers got; the rest is nobody's.
    fn divide_slice(
        brain: BrainId,
        slice: Balance,
        peers: &[PeerInfo<T::AccountId>],
    ) -> Result<(Balance, Balance), DispatchError> {
        let validators: Vec<&T::AccountId> = peers
            .iter()
            .filter(|peer| peer.role == Role::Validator)
            .map(|peer| &peer.account)
            .collect();
        let mut stakes = alloc::vec![T::Stake::brain_directed(brain)];
        stakes.extend(
            validators
                .iter()
                .map(|validator| T::Stake::validator_stake(brain, validator)),
        );
        let Some(parts) = apportion(slice, &stakes) else {
            return Ok((slice, 0));
        };
        let mut parts = parts.into_iter();
        let (owner, to_stakers) = split(parts.next().unwrap_or(0), T::Brains::owner_commission(brain));
        let mut accepted = T::Rewards::deposit(brain, None, to_stakers);
        for (validator, part) in validators.into_iter().zip(parts) {
            accepted = accepted.saturating_add(T::Rewards::deposit(brain, Some(validator), part));
        }
        if accepted > 0 {
            let stakers = T::Rewards::account();
            T::Currency::transfer(&Self::pot(), &stakers, accepted, Preservation::Preserve)?;
            Self::count_paid(accepted)?;
        }
        Ok((owner, accepted))
    }

    /// What the owner passes on of its income to miners and to validators (R097); nothing to a pool that pays nobody.
    fn redistribution(
        brain: BrainId,
        income: Balance,
        scores: &EpochScores<T::AccountId>,
    ) -> (Balance, Balance) {
        let (to_miners, to_validators) = T::Brains::owner_redistribution(brain);
        let part = |ppb, scores: &[(T::AccountId, u128)]| {
            let pays = scores.iter().any(|(_, score)| *score > 0);
            if pays {
                split(income, ppb).0
            } else {
                0
            }
        };
        let miners = part(to_miners, &scores.miners);
        (
            miners,
            part(to_validators, &scores.validators).min(income.saturating_sub(miners)),
        )
    }

    /// Divides a pool and what the owner adds by scores. Returns what was paid: all or, without scores, nothing.
    fn pay_pool(
        pool: Balance,
        added: Balance,
        scores: &[(T::AccountId, u128)],
    ) -> Result<Balance, DispatchError> {
        let total = pool.checked_add(added).ok_or(Error::<T>::Overflow)?;
        let weights: Vec<u128> = scores.iter().map(|(_, score)| *score).collect();
        let Some(parts) = apportion(total, &weights) else {
            return Ok(0);
        };
        for ((account, _), part) in scores.iter().zip(parts) {
            Self::credit(account.clone(), part)?;
        }
        Ok(total)
    }

    fn credit(account: T::AccountId, amount: Balance) -> DispatchResult {
        if amount == 0 {
            return Ok(());
        }
        Pending::<T>::try_mutate(account, |pending| {
            *pending = pending.checked_add(amount).ok_or(Error::<T>::Overflow)?;
            Ok(())
        })
    }

    fn count_paid(amount: Balance) -> DispatchResult {
        TotalPaid::<T>::try_mutate(|total| {
            *total = total.checked_add(amount).ok_or(Error::<T>::Overflow)?;
            Ok(())
        })
    }

    pub(crate) fn do_claim(account: T::AccountId) -> DispatchResult {
        let amount = Pending::<T>::take(&account);
        ensure!(amount > 0, Error::<T>::NothingToClaim);
        T::Currency::transfer(&Self::pot(), &account, amount, Preservation::Preserve)?;
        Self::count_paid(amount)?;
        Self::deposit_event(Event::Claimed { account, amount });
        Ok(())
    }

    /// Checks the invariants of the pallet.
    #[cfg(any(feature = "std", feature = "try-runtime"))]
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        use based_primitives::math::total_reward;
        use frame_support::traits::fungible::Inspect;
        use sp_runtime::SaturatedConversion;

        let now: BlockNumber = frame_system::Pallet::<T>::block_number().saturated_into();
        let due = Due::<T>::get();
        let next = due.iter().skip(1);
        ensure!(
            due.iter().zip(next).all(|((_, a), (_, b))| a <= b),
            "epochs out of order"
        );
        let minted = TotalMinted::<T>::get();
        ensure!(
            minted == total_reward(now),
            "minted is not the sum of block rewards"
        );
        let liabilities = Budgets::<T>::iter_values()
            .chain(Pending::<T>::iter_values())
            .chain([Carry::<T>::get()])
            .try_fold(0u128, |sum: Balance, part| sum.checked_add(part))
            .ok_or("sums overflow")?;
        ensure!(
            TotalPaid::<T>::get().checked_add(liabilities) == Some(minted),
            "minted is not paid out + carry + budgets + pending"
        );
        let needed = liabilities.saturating_add(T::Currency::minimum_balance());
        ensure!(
            T::Currency::balance(&Self::pot()) >= needed,
            "the pot does not hold what it owes"
        );
        Ok(())
    }
}

impl<T: Config> SweepBrain for Pallet<T> {
    /// Puts what a closed Brain was to divide back into the pot (B.33), and calls off its epoch.
    fn sweep(brain: BrainId, limit: Weight) -> (Weight, bool) {
        let weight = T::WeightInfo::sweep();
        if !weight.all_lte(limit) {
            return (Weight::zero(), false);
        }
        if let Some(budget) = Budgets::<T>::take(brain) {
            Self::carry_over(budget);
        }
        Due::<T>::mutate(|due| due.retain(|(other, _)| *other != brain));
        (weight, true)
    }
}
