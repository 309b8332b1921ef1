//! Slashes of the stake behind producers of blocks (F.2-5).
//!
//! A slash changes each pool of the validator once; every staker bears its part when its position is touched
//! next, so that the work of a slash does not grow with the number of stakers.

use based_primitives::{
    constants::MAX_BRAINS,
    traits::{BrainInspect, ProducerInspect, ProducerStake},
    Balance, BlockNumber, BrainId,
};
use frame_support::{
    ensure,
    traits::{
        fungible::MutateHold,
        tokens::{Fortitude, Precision, Restriction},
        Get,
    },
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
    types::{Cut, Target},
    BackedBrains, Backing, Config, Error, Event, HoldReason, LeavingCounts, LeavingStake, Leavings, Pallet,
    Pools, Unstaking, MAX_LEAVING,
};

impl<T: Config> Pallet<T> {
    /// Number of the cycle of a block.
    pub(crate) fn cycle_of(block: BlockNumber) -> BlockNumber {
        block.checked_div(T::CycleBlocks::get()).unwrap_or_default()
    }

    /// Moves what a staker owes for a slash out of what is held of it.
    pub(crate) fn collect(who: &T::AccountId, amount: Balance) -> DispatchResult {
        if amount == 0 {
            return Ok(());
        }
        T::Currency::transfer_on_hold(
            &HoldReason::Staked.into(),
            who,
            &T::SlashedTo::get(),
            amount,
            Precision::Exact,
            Restriction::Free,
            Fortitude::Force,
        )?;
        Self::deposit_event(Event::SlashPaid {
            who: who.clone(),
            amount,
        });
        Ok(())
    }

    /// Puts unstaked funds aside until they can be withdrawn, and returns from which block on.
    pub(crate) fn put_aside(
        who: &T::AccountId,
        target: &Target<T::AccountId>,
        amount: Balance,
    ) -> Result<BlockNumber, DispatchError> {
        let (now, next_cycle) = (Self::now(), Self::next_cycle_start());
        if let Some(validator) = target
            .validator
            .as_ref()
            .filter(|who| T::Producers::is_exposed(who))
        {
            let until = now.saturating_add(T::SlashWindow::get()).max(next_cycle);
            Self::leave(who, validator, amount, until)?;
            return Ok(until);
        }
        // What left a Brain that is closed can hop nowhere (B.12).
        let until = if T::Brains::is_open(target.brain) {
            next_cycle
        } else {
            now
        };
        Unstaking::<T>::try_mutate(who, |funds| {
            funds.add(amount, now, until).ok_or(Error::<T>::Overflow)
        })?;
        Ok(until)
    }

    fn leave(
        who: &T::AccountId,
        validator: &T::AccountId,
        amount: Balance,
        until: BlockNumber,
    ) -> DispatchResult {
        let cycle = Self::cycle_of(Self::now());
        let key = (validator.clone(), cycle);
        let mut leaving = Leavings::<T>::get(validator, cycle).unwrap_or_default();
        let known = LeavingStake::<T>::get(who, &key);
        if known.is_none() {
            LeavingCounts::<T>::try_mutate(who, |count| {
                ensure!(*count < MAX_LEAVING, Error::<T>::TooManyLeaving);
                *count = count.saturating_add(1);
                Ok::<_, Error<T>>(())
            })?;
            leaving.holders = leaving.holders.saturating_add(1);
        }
        let mut funds = known.unwrap_or_default();
        let slashed = funds.settle(&mut leaving).ok_or(Error::<T>::Overflow)?;
        Self::collect(who, slashed)?;
        funds.settled = leaving.cut.is_some();
        funds.amount = funds.amount.checked_add(amount).ok_or(Error::<T>::Overflow)?;
        funds.until = until;
        leaving.total = leaving.total.checked_add(amount).ok_or(Error::<T>::Overflow)?;
        LeavingStake::<T>::insert(who, &key, funds);
        Leavings::<T>::insert(validator, cycle, leaving);
        Ok(())
    }

    /// Removes what left a validator in a cycle and returns what of it is free.
    pub(crate) fn take_leaving(
        who: &T::AccountId,
        validator: &T::AccountId,
        cycle: BlockNumber,
    ) -> Result<Balance, DispatchError> {
        let key = (validator.clone(), cycle);
        let mut funds = LeavingStake::<T>::get(who, &key).ok_or(Error::<T>::NothingToWithdraw)?;
        ensure!(funds.until <= Self::now(), Error::<T>::NothingToWithdraw);
        let mut leaving = Leavings::<T>::get(validator, cycle).ok_or(Error::<T>::NothingToWithdraw)?;
        let slashed = funds.settle(&mut leaving).ok_or(Error::<T>::Overflow)?;
        Self::collect(who, slashed)?;
        leaving.total = leaving
            .total
            .checked_sub(funds.amount)
            .ok_or(Error::<T>::Overflow)?;
        LeavingStake::<T>::remove(who, &key);
        LeavingCounts::<T>::mutate_exists(who, |count| {
            *count = count.unwrap_or_default().checked_sub(1).filter(|rest| *rest > 0);
        });
        leaving.holders = leaving.holders.saturating_sub(1);
        if leaving.holders == 0 {
            Leavings::<T>::remove(validator, cycle);
        } else {
            Leavings::<T>::insert(validator, cycle, leaving);
        }
        T::Currency::release(&HoldReason::Staked.into(), who, funds.amount, Precision::Exact)?;
        Ok(funds.amount)
    }

    /// Cuts one pool of a validator; returns what its positions will pay.
    fn cut_pool(validator: &T::AccountId, brain: BrainId, part_ppb: u64) -> Option<Balance> {
        let target = Target {
            brain,
            validator: Some(validator.clone()),
        };
        let mut pool = Pools::<T>::get(&target).filter(|pool| pool.cut.is_none() && pool.staked > 0)?;
        let cut = Cut::new(pool.staked, part_ppb, pool.rewards.per_share_q64)?;
        let taken = pool.staked.checked_sub(cut.kept)?;
        Self::shrink_totals(&target, taken).ok()?;
        pool.staked = cut.kept;
        pool.cut = Some(cut);
        Pools::<T>::insert(&target, pool);
        Some(taken)
    }

    /// Cuts what left a validator in one cycle; returns what its owners will pay.
    fn cut_leaving(validator: &T::AccountId, cycle: BlockNumber, part_ppb: u64) -> Option<Balance> {
        let mut leaving = Leavings::<T>::get(validator, cycle).filter(|leaving| leaving.cut.is_none())?;
        let cut = Cut::new(leaving.total, part_ppb, 0)?;
        let taken = leaving.total.checked_sub(cut.kept)?;
        leaving.total = cut.kept;
        leaving.cut = Some(cut);
        Leavings::<T>::insert(validator, cycle, leaving);
        Some(taken)
    }
}

impl<T: Config> ProducerStake<T::AccountId> for Pallet<T> {
    fn backing(validator: &T::AccountId) -> Balance {
        Backing::<T>::get(validator)
    }

    fn backed_brains(validator: &T::AccountId) -> u32 {
        let brains = BackedBrains::<T>::iter_key_prefix(validator).take(MAX_BRAINS.into());
        u32::try_from(brains.count()).unwrap_or(u32::MAX)
    }

    fn slash(validator: &T::AccountId, part_ppb: u64, since: BlockNumber) -> Balance {
        let mut slashed: Balance = 0;
        for brain in BackedBrains::<T>::iter_key_prefix(validator).take(MAX_BRAINS.into()) {
            slashed = slashed.saturating_add(Self::cut_pool(validator, brain, part_ppb).unwrap_or_default());
        }
        let now = Self::now();
        // What left before has been free since.
        let oldest = now.saturating_sub(T::SlashWindow::get()).max(since);
        for cycle in Self::cycle_of(oldest)..=Self::cycle_of(now) {
            slashed =
                slashed.saturating_add(Self::cut_leaving(validator, cycle, part_ppb).unwrap_or_default());
        }
        if slashed > 0 {
            Self::deposit_event(Event::Slashed {
                validator: validator.clone(),
                part: part_ppb,
                amount: slashed,
            });
        }
        slashed
    }
}
