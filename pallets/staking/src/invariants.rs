//! The invariants of the pallet, checked over its whole state.

use alloc::collections::BTreeMap;

use based_primitives::{
    constants::{MAX_TAKE_PPB, MIN_STAKE},
    Balance, BlockNumber, BrainId,
};
use codec::Encode;
use frame_support::{
    ensure,
    traits::fungible::{Inspect, InspectHold},
};
use sp_core::U256;
use sp_runtime::TryRuntimeError;

use crate::{
    BackedBrains, Backing, BrainTotals, Commissions, Config, HoldReason, LeavingCounts, LeavingStake,
    Leavings, Pallet, Pool, Pools, Position, PositionCounts, Positions, Stakers, Takes, TotalStake,
    Unstaking, MAX_LEAVING, MAX_POSITIONS,
};

const OVERFLOW: TryRuntimeError = TryRuntimeError::Other("a sum overflows");

#[derive(Default)]
struct PoolSums {
    /// The pool, with the slash as far as the positions seen so far have settled it.
    pool: Pool,
    staked: Balance,
    positions: u32,
    accrued: U256,
}

impl PoolSums {
    /// Adds a position as it will be once it is settled; `None` on overflow.
    fn add(&mut self, mut position: Position) -> Option<()> {
        position.settle(&mut self.pool)?;
        let whole = U256::from(position.rewards.accrued).checked_mul(U256::from(1u128 << 64))?;
        let accrued = whole.checked_add(position.rewards.fraction_q64.into())?;
        self.staked = self.staked.checked_add(position.amount)?;
        self.positions = self.positions.saturating_add(1);
        self.accrued = self.accrued.checked_add(accrued)?;
        Some(())
    }
}

/// Adds to a total; `None` on overflow.
fn add(total: &mut Balance, amount: Balance) -> Option<()> {
    *total = total.checked_add(amount)?;
    Some(())
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
            let pool = Pools::<T>::get(&target).ok_or("a position without a pool")?;
            // What a slash left of a position may be less.
            ensure!(
                position.amount == 0 || position.amount >= MIN_STAKE || pool.cut.is_some(),
                "a position is below the minimum stake"
            );
            let sums = pools.entry(target.encode()).or_insert_with(|| PoolSums {
                pool,
                ..Default::default()
            });
            sums.add(position).ok_or(OVERFLOW)?;
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
        for (who, amount) in Self::try_state_leaving()? {
            let staker = stakers.entry(who.encode()).or_insert((who, 0, 0));
            staker.1 = staker.1.checked_add(amount).ok_or(OVERFLOW)?;
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
    fn try_state_pools(sums: &BTreeMap<alloc::vec::Vec<u8>, PoolSums>) -> Result<Balance, TryRuntimeError> {
        let scale = U256::from(1u128 << 64);
        let mut owed: Balance = 0;
        let mut total: Balance = 0;
        let mut brains = BTreeMap::<BrainId, Balance>::new();
        let mut backing = BTreeMap::<_, Balance>::new();
        let mut backed = 0usize;
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
            let unsettled = sums.pool.cut.map_or(0, |cut| cut.before.max(cut.kept));
            ensure!(unsettled == 0, "a slash that no position bears");
            if let Some(validator) = target.validator {
                ensure!(
                    BackedBrains::<T>::contains_key(&validator, target.brain),
                    "a validator's pool is not listed"
                );
                backed = backed.saturating_add(1);
                add(backing.entry(validator.encode()).or_default(), pool.staked).ok_or(OVERFLOW)?;
            }
        }
        ensure!(
            TotalStake::<T>::get() == total,
            "the network's stake differs from its pools"
        );
        ensure!(
            BackedBrains::<T>::iter_keys().count() == backed,
            "a listed pool of a validator does not exist"
        );
        backing.retain(|_, staked| *staked > 0);
        let stored: BTreeMap<_, _> = Backing::<T>::iter()
            .map(|(validator, staked)| (validator.encode(), staked))
            .collect();
        ensure!(stored == backing, "a validator's backing differs from its pools");
        brains.retain(|_, staked| *staked > 0);
        let stored: BTreeMap<_, _> = BrainTotals::<T>::iter().collect();
        ensure!(stored == brains, "a Brain's stake differs from its pools");
        Ok(owed)
    }

    /// Checks what is leaving validators; returns it by account.
    fn try_state_leaving() -> Result<alloc::vec::Vec<(T::AccountId, Balance)>, TryRuntimeError> {
        let mut groups: BTreeMap<_, _> = Leavings::<T>::iter()
            .map(|(validator, cycle, leaving)| {
                (
                    (validator.encode(), cycle),
                    (leaving, leaving.total, leaving.holders),
                )
            })
            .collect();
        let mut held = alloc::vec::Vec::new();
        let mut counts = BTreeMap::<_, u32>::new();
        for (who, (validator, cycle), funds) in LeavingStake::<T>::iter() {
            let group = groups.get_mut(&(validator.encode(), cycle));
            let (leaving, rest, holders) = group.ok_or("leaving stake without its group")?;
            let mut settled = funds;
            settled.settle(leaving).ok_or(OVERFLOW)?;
            *holders = holders.checked_sub(1).ok_or("leaving stakes are miscounted")?;
            *rest = rest
                .checked_sub(settled.amount)
                .ok_or("more leaves than the group holds")?;
            let count = counts.entry(who.encode()).or_default();
            *count = count.saturating_add(1);
            // Sweeps add what they find in positions.
            let most = MAX_LEAVING.saturating_add(MAX_POSITIONS);
            ensure!(*count <= most, "an account has too many leaving stakes");
            held.push((who, funds.amount));
        }
        ensure!(
            groups
                .values()
                .all(|(_, rest, holders)| *rest == 0 && *holders == 0),
            "a group of leaving stake differs from its funds"
        );
        let stored: BTreeMap<_, _> = LeavingCounts::<T>::iter()
            .map(|(who, count)| (who.encode(), count))
            .collect();
        ensure!(stored == counts, "leaving stakes are miscounted");
        Ok(held)
    }
}
