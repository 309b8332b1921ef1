//! What the calls share, and what other pallets read and credit.

use based_primitives::{
    constants::{MIN_STAKE, PPB},
    math::mul_div,
    traits::{StakeInspect, StakeRewards},
    Balance, BlockNumber, BrainId,
};
use frame_support::{
    ensure,
    traits::{fungible::Mutate, tokens::Preservation, Get},
};
use sp_runtime::{
    traits::{AccountIdConversion, UniqueSaturatedInto},
    DispatchError, DispatchResult,
};

use crate::{
    types::{Pool, Position, Target},
    BackedBrains, Backing, BrainTotals, Commissions, Config, Error, Event, Pallet, Pools, PositionCounts,
    Positions, Stakers, Takes, TotalStake, MAX_POSITIONS, PALLET_ID,
};

impl<T: Config> Pallet<T> {
    /// Height of the current block.
    pub fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().unique_saturated_into()
    }

    /// Account from which rewards are claimed.
    pub fn reward_account() -> T::AccountId {
        PALLET_ID.into_account_truncating()
    }

    /// Rewards an account can claim as a staker and as a validator, over all its positions.
    pub fn claimable(who: &T::AccountId) -> Balance {
        let stakes = Positions::<T>::iter_prefix(who).fold(0, |sum: Balance, (target, position)| {
            let pool = Pools::<T>::get(&target).unwrap_or_default();
            sum.saturating_add(position.claimable(&pool))
        });
        Commissions::<T>::iter_prefix_values(who).fold(stakes, |sum, take| sum.saturating_add(take))
    }

    /// Take of a validator in force, in parts per billion.
    pub fn take_of(brain: BrainId, validator: &T::AccountId) -> u64 {
        Takes::<T>::get(validator, brain).at(Self::now())
    }

    /// First block of the next cycle.
    pub(crate) fn next_cycle_start() -> BlockNumber {
        let cycle = T::CycleBlocks::get().max(1);
        let now = Self::now();
        now.saturating_sub(now.checked_rem(cycle).unwrap_or_default())
            .saturating_add(cycle)
    }

    /// Settles a position, changes it together with its pool, and stores or removes both. A position that
    /// does not exist is opened only if `open`.
    pub(crate) fn with_position(
        who: &T::AccountId,
        target: &Target<T::AccountId>,
        open: bool,
        change: impl FnOnce(&mut Position, &mut Pool) -> DispatchResult,
    ) -> DispatchResult {
        let known = Pools::<T>::get(target);
        let mut pool = known.unwrap_or_default();
        let mut position = match Positions::<T>::get(who, target) {
            Some(position) => position,
            None if open => Self::open_position(who, &mut pool)?,
            None => return Err(Error::<T>::NoPosition.into()),
        };
        let was_staked = position.amount > 0;
        let slashed = position.settle(&mut pool).ok_or(Error::<T>::Overflow)?;
        Self::collect(who, slashed)?;
        change(&mut position, &mut pool)?;
        if was_staked != (position.amount > 0) {
            Self::list(who, target, !was_staked);
        }
        if position.is_empty() {
            Self::close_position(who, target, &mut position, &mut pool);
        } else {
            Positions::<T>::insert(who, target, position);
        }
        if pool.is_empty() {
            Pools::<T>::remove(target);
        } else {
            Pools::<T>::insert(target, pool);
        }
        if let Some(validator) = target
            .validator
            .as_ref()
            .filter(|_| known.is_some() == pool.is_empty())
        {
            if pool.is_empty() {
                BackedBrains::<T>::remove(validator, target.brain);
            } else {
                BackedBrains::<T>::insert(validator, target.brain, ());
            }
        }
        Ok(())
    }

    /// Pays what a position has earned, and to the validator itself its take; returns the sum.
    pub(crate) fn pay(who: &T::AccountId, target: &Target<T::AccountId>) -> Result<Balance, DispatchError> {
        let take = if target.validator.as_ref() == Some(who) {
            Commissions::<T>::take(who, target.brain)
        } else {
            0
        };
        let mut earned = 0;
        if take == 0 || Positions::<T>::contains_key(who, target) {
            Self::with_position(who, target, false, |position, pool| {
                earned = core::mem::take(&mut position.rewards.accrued);
                pool.claimed = pool.claimed.checked_add(earned).ok_or(Error::<T>::Overflow)?;
                Ok(())
            })?;
        }
        let amount = earned.checked_add(take).ok_or(Error::<T>::Overflow)?;
        ensure!(amount > 0, Error::<T>::NothingToClaim);
        T::Currency::transfer(&Self::reward_account(), who, amount, Preservation::Preserve)?;
        Ok(amount)
    }

    /// Keeps the list of a Brain's positions with stake.
    fn list(who: &T::AccountId, target: &Target<T::AccountId>, staked: bool) {
        let name = (who, &target.validator);
        if staked {
            Stakers::<T>::insert(target.brain, name, ());
        } else {
            Stakers::<T>::remove(target.brain, name);
        }
    }

    /// Unstakes a part of a position, or all that a slash left of it, and puts it aside.
    pub(crate) fn do_unstake(
        who: &T::AccountId,
        target: Target<T::AccountId>,
        part: Option<Balance>,
    ) -> DispatchResult {
        let mut amount = 0;
        Self::with_position(who, &target, false, |position, pool| {
            amount = part.unwrap_or(position.amount);
            let rest = position
                .amount
                .checked_sub(amount)
                .ok_or(Error::<T>::InsufficientStake)?;
            ensure!(rest == 0 || rest >= MIN_STAKE, Error::<T>::BelowMinimumStake);
            position.amount = rest;
            pool.staked = pool.staked.checked_sub(amount).ok_or(Error::<T>::Overflow)?;
            Ok(())
        })?;
        if amount == 0 {
            return Ok(());
        }
        Self::shrink_totals(&target, amount)?;
        let withdrawable_at = Self::put_aside(who, &target, amount, part.is_none())?;
        let Target { brain, validator } = target;
        Self::deposit_event(Event::Unstaked {
            who: who.clone(),
            brain,
            validator,
            amount,
            withdrawable_at,
        });
        Ok(())
    }

    fn open_position(who: &T::AccountId, pool: &mut Pool) -> Result<Position, DispatchError> {
        PositionCounts::<T>::try_mutate(who, |count| {
            ensure!(*count < MAX_POSITIONS, Error::<T>::TooManyPositions);
            *count = count.saturating_add(1);
            Ok::<_, Error<T>>(())
        })?;
        pool.positions = pool.positions.checked_add(1).ok_or(Error::<T>::Overflow)?;
        Ok(Position::new(pool))
    }

    /// Removes an empty position. Its part of a unit goes back to the pool, so that nothing is lost.
    fn close_position(
        who: &T::AccountId,
        target: &Target<T::AccountId>,
        position: &mut Position,
        pool: &mut Pool,
    ) {
        pool.rewards.absorb(&mut position.rewards);
        pool.positions = pool.positions.saturating_sub(1);
        Positions::<T>::remove(who, target);
        PositionCounts::<T>::mutate_exists(who, |count| {
            *count = count.unwrap_or_default().checked_sub(1).filter(|rest| *rest > 0);
        });
    }

    pub(crate) fn grow_totals(target: &Target<T::AccountId>, amount: Balance) -> DispatchResult {
        if let Some(validator) = &target.validator {
            Backing::<T>::try_mutate(validator, |total| add(total, amount).ok_or(Error::<T>::Overflow))?;
        }
        BrainTotals::<T>::try_mutate(target.brain, |total| {
            add(total, amount).ok_or(Error::<T>::Overflow)
        })?;
        TotalStake::<T>::try_mutate(|total| add(total, amount).ok_or(Error::<T>::Overflow))?;
        Ok(())
    }

    pub(crate) fn shrink_totals(target: &Target<T::AccountId>, amount: Balance) -> DispatchResult {
        if let Some(validator) = &target.validator {
            Backing::<T>::try_mutate_exists(validator, |total| {
                subtract(total, amount).ok_or(Error::<T>::Overflow)
            })?;
        }
        BrainTotals::<T>::try_mutate_exists(target.brain, |total| {
            subtract(total, amount).ok_or(Error::<T>::Overflow)
        })?;
        TotalStake::<T>::try_mutate(|total| {
            *total = total.checked_sub(amount).ok_or(Error::<T>::Overflow)?;
            Ok::<_, Error<T>>(())
        })?;
        Ok(())
    }

    /// Credits a target, as `(to its stakers, to the validator)`. `None`, and nothing changed, if nobody is
    /// staked there.
    fn credit(target: &Target<T::AccountId>, amount: Balance) -> Option<(Balance, Balance)> {
        let mut pool = Pools::<T>::get(target)?;
        let mut take = 0;
        if let Some(validator) = &target.validator {
            take = mul_div(amount, Self::take_of(target.brain, validator).into(), PPB.into())?;
        }
        let stakers = amount.checked_sub(take)?;
        pool.credit(stakers)?;
        if let Some(validator) = target.validator.as_ref().filter(|_| take > 0) {
            let taken = Commissions::<T>::get(validator, target.brain).checked_add(take)?;
            Commissions::<T>::insert(validator, target.brain, taken);
        }
        Pools::<T>::insert(target, pool);
        Some((stakers, take))
    }
}

/// Adds to a total; `None`, and nothing changed, if it would overflow.
fn add(total: &mut Balance, amount: Balance) -> Option<()> {
    *total = total.checked_add(amount)?;
    Some(())
}

/// Takes from a stored total, which is removed at 0; `None`, and nothing changed, if it is smaller.
fn subtract(total: &mut Option<Balance>, amount: Balance) -> Option<()> {
    let rest = total.unwrap_or_default().checked_sub(amount)?;
    *total = (rest > 0).then_some(rest);
    Some(())
}

impl<T: Config> StakeInspect<T::AccountId> for Pallet<T> {
    fn brain_stake(brain: BrainId) -> Balance {
        BrainTotals::<T>::get(brain)
    }

    fn brain_directed(brain: BrainId) -> Balance {
        Pools::<T>::get(Target {
            brain,
            validator: None,
        })
        .map_or(0, |pool| pool.staked)
    }

    fn validator_stake(brain: BrainId, validator: &T::AccountId) -> Balance {
        Pools::<T>::get(Target {
            brain,
            validator: Some(validator.clone()),
        })
        .map_or(0, |pool| pool.staked)
    }

    fn total_stake() -> Balance {
        TotalStake::<T>::get()
    }
}

impl<T: Config> StakeRewards<T::AccountId> for Pallet<T> {
    fn account() -> T::AccountId {
        Self::reward_account()
    }

    fn deposit(brain: BrainId, validator: Option<&T::AccountId>, amount: Balance) -> Balance {
        if amount == 0 {
            return 0;
        }
        let target = Target {
            brain,
            validator: validator.cloned(),
        };
        let Some((stakers, take)) = Self::credit(&target, amount) else {
            return 0;
        };
        let Target { brain, validator } = target;
        Self::deposit_event(Event::Rewarded {
            brain,
            validator,
            stakers,
            take,
        });
        amount
    }
}
