//! What the calls share, what other pallets read and credit, and the invariants.

use based_primitives::{
    constants::{MIN_STAKE, PPB},
    math::mul_div,
    traits::{StakeInspect, StakeRewards},
    Balance, BlockNumber, BrainId,
};
use frame_support::{ensure, traits::Get};
use sp_runtime::{
    traits::{AccountIdConversion, UniqueSaturatedInto},
    DispatchError, DispatchResult,
};

use crate::{
    types::{Pool, Position, Target},
    BrainTotals, Commissions, Config, Error, Event, Pallet, Pools, PositionCounts, Positions, Stakers, Takes,
    TotalStake, Unstaking, MAX_POSITIONS, PALLET_ID,
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
        let mut pool = Pools::<T>::get(target).unwrap_or_default();
        let mut position = match Positions::<T>::get(who, target) {
            Some(position) => position,
            None if open => Self::open_position(who, &mut pool)?,
            None => return Err(Error::<T>::NoPosition.into()),
        };
        position.settle(&pool).ok_or(Error::<T>::Overflow)?;
        let was_staked = position.amount > 0;
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
        Ok(())
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

    /// Unstakes `amount`, to be withdrawn from the next cycle on or `at_once`.
    pub(crate) fn do_unstake(
        who: &T::AccountId,
        target: Target<T::AccountId>,
        amount: Balance,
        at_once: bool,
    ) -> DispatchResult {
        Self::with_position(who, &target, false, |position, pool| {
            let rest = position
                .amount
                .checked_sub(amount)
                .ok_or(Error::<T>::InsufficientStake)?;
            ensure!(rest == 0 || rest >= MIN_STAKE, Error::<T>::BelowMinimumStake);
            position.amount = rest;
            pool.staked = pool.staked.checked_sub(amount).ok_or(Error::<T>::Overflow)?;
            Ok(())
        })?;
        Self::shrink_totals(target.brain, amount)?;
        let now = Self::now();
        let withdrawable_at = if at_once { now } else { Self::next_cycle_start() };
        Unstaking::<T>::try_mutate(who, |funds| {
            let added = if at_once {
                funds.add_withdrawable(amount)
            } else {
                funds.add(amount, now, withdrawable_at)
            };
            added.ok_or(Error::<T>::Overflow)
        })?;
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

    pub(crate) fn grow_totals(brain: BrainId, amount: Balance) -> DispatchResult {
        BrainTotals::<T>::try_mutate(brain, |total| add(total, amount).ok_or(Error::<T>::Overflow))?;
        TotalStake::<T>::try_mutate(|total| add(total, amount).ok_or(Error::<T>::Overflow))?;
        Ok(())
    }

    pub(crate) fn shrink_totals(brain: BrainId, amount: Balance) -> DispatchResult {
        BrainTotals::<T>::try_mutate_exists(brain, |slot| {
            let rest = slot
                .unwrap_or_default()
                .checked_sub(amount)
                .ok_or(Error::<T>::Overflow)?;
            *slot = (rest > 0).then_some(rest);
            Ok::<_, Error<T>>(())
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

#[cfg(any(test, feature = "try-runtime"))]
mod invariants {
    use alloc::collections::BTreeMap;

    use based_primitives::constants::MAX_TAKE_PPB;
    use codec::Encode;
    use frame_support::traits::fungible::{Inspect, InspectHold};
    use sp_core::U256;
    use sp_runtime::TryRuntimeError;

    use super::*;
    use crate::HoldReason;

    const OVERFLOW: TryRuntimeError = TryRuntimeError::Other("a sum overflows");

    #[derive(Default)]
    struct PoolSums {
        staked: Balance,
        positions: u32,
        accrued: U256,
    }

    /// Everything a position has accrued and not claimed, scaled by 2^64.
    fn accrued(position: &Position, pool: &Pool) -> Option<U256> {
        let since = pool
            .rewards
            .per_share_q64
            .checked_sub(position.rewards.per_share_q64)?;
        let whole = U256::from(position.rewards.accrued).checked_mul(U256::from(1u128 << 64))?;
        let unsettled = U256::from(position.amount).checked_mul(since.into())?;
        unsettled
            .checked_add(whole)?
            .checked_add(position.rewards.fraction_q64.into())
    }

    impl<T: Config> Pallet<T> {
        /// Checks the invariants named in the pallet's header.
        ///
        /// # Errors
        /// The first invariant that does not hold.
        pub fn do_try_state() -> Result<(), TryRuntimeError> {
            let mut pools = BTreeMap::<_, PoolSums>::new();
            let mut stakers = BTreeMap::<_, (T::AccountId, Balance, u32)>::new();
            let mut listed = 0usize;
            for (who, target, position) in Positions::<T>::iter() {
                ensure!(!position.is_empty(), "an empty position is stored");
                if position.amount > 0 {
                    let there = Stakers::<T>::contains_key(target.brain, (&who, &target.validator));
                    ensure!(there, "a position with stake is not listed");
                    listed = listed.saturating_add(1);
                }
                ensure!(
                    position.amount == 0 || position.amount >= MIN_STAKE,
                    "a position is below the minimum stake"
                );
                let pool = Pools::<T>::get(&target).ok_or("a position without a pool")?;
                let sums = pools.entry(target.encode()).or_default();
                sums.staked = sums.staked.checked_add(position.amount).ok_or(OVERFLOW)?;
                sums.positions = sums.positions.saturating_add(1);
                let accrued = accrued(&position, &pool).ok_or(OVERFLOW)?;
                sums.accrued = sums.accrued.checked_add(accrued).ok_or(OVERFLOW)?;
                let staker = stakers.entry(who.encode()).or_insert((who, 0, 0));
                staker.1 = staker.1.checked_add(position.amount).ok_or(OVERFLOW)?;
                staker.2 = staker.2.saturating_add(1);
            }
            ensure!(
                Stakers::<T>::iter_keys().count() == listed,
                "a position without stake is listed"
            );
            let owed = Self::try_state_pools(&pools)?;
            for (who, funds) in Unstaking::<T>::iter() {
                ensure!(!funds.is_empty(), "an empty record of unstaked funds is stored");
                let staker = stakers.entry(who.encode()).or_insert((who, 0, 0));
                staker.1 = staker.1.checked_add(funds.total()).ok_or(OVERFLOW)?;
            }
            for (who, staked, positions) in stakers.into_values() {
                let held = T::Currency::balance_on_hold(&HoldReason::Staked.into(), &who);
                ensure!(
                    held == staked,
                    "held funds differ from staked and unstaking funds"
                );
                ensure!(
                    PositionCounts::<T>::get(&who) == positions,
                    "positions are miscounted"
                );
                ensure!(positions <= MAX_POSITIONS, "an account has too many positions");
            }
            let mut promised = owed.checked_add(T::Currency::minimum_balance()).ok_or(OVERFLOW)?;
            for (_, _, take) in Commissions::<T>::iter() {
                promised = promised.checked_add(take).ok_or(OVERFLOW)?;
            }
            for (_, _, take) in Takes::<T>::iter() {
                ensure!(
                    take.current.max(take.at(BlockNumber::MAX)) <= MAX_TAKE_PPB,
                    "a take is too large"
                );
            }
            ensure!(
                T::Currency::balance(&Self::reward_account()) >= promised,
                "the reward account cannot pay all rewards"
            );
            Ok(())
        }

        /// Checks pools against the sums of their positions; returns what is credited and not claimed.
        fn try_state_pools(
            sums: &BTreeMap<alloc::vec::Vec<u8>, PoolSums>,
        ) -> Result<Balance, TryRuntimeError> {
            let scale = U256::from(1u128 << 64);
            let mut owed: Balance = 0;
            let mut total: Balance = 0;
            let mut brains = BTreeMap::<BrainId, Balance>::new();
            for (target, pool) in Pools::<T>::iter() {
                ensure!(!pool.is_empty(), "an empty pool is stored");
                let none = PoolSums::default();
                let sums = sums.get(&target.encode()).unwrap_or(&none);
                ensure!(
                    pool.staked == sums.staked,
                    "a pool's stake differs from its positions"
                );
                ensure!(
                    pool.positions == sums.positions,
                    "a pool's positions are miscounted"
                );
                let unclaimed = pool
                    .credited
                    .checked_sub(pool.claimed)
                    .ok_or("more claimed than credited")?;
                let accrued = sums
                    .accrued
                    .checked_add(pool.rewards.residual_q64.into())
                    .ok_or(OVERFLOW)?;
                let credited = U256::from(unclaimed).checked_mul(scale).ok_or(OVERFLOW)?;
                ensure!(accrued == credited, "accrued and residual differ from credited");
                owed = owed.checked_add(unclaimed).ok_or(OVERFLOW)?;
                total = total.checked_add(pool.staked).ok_or(OVERFLOW)?;
                add(brains.entry(target.brain).or_default(), pool.staked).ok_or(OVERFLOW)?;
            }
            ensure!(
                TotalStake::<T>::get() == total,
                "the network's stake differs from its pools"
            );
            brains.retain(|_, staked| *staked > 0);
            let stored: BTreeMap<_, _> = BrainTotals::<T>::iter().collect();
            ensure!(stored == brains, "a Brain's stake differs from its pools");
            Ok(owed)
        }
    }
}
