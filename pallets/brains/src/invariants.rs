//! What must hold after every block.

use alloc::collections::BTreeMap;

use based_primitives::{
    constants::{ADMIN_BRAINS, MAX_ALLOWED, MAX_BRAINS, RESERVED_BRAINS},
    Balance, BlockNumber, BrainKind, BrainState,
};
use frame_support::{
    ensure,
    traits::fungible::{Inspect, InspectHold},
};

use crate::{
    identity::{is_bns, is_ens},
    types::Brain,
    Admissions, Allowed, Audits, BnsNames, Brains, BurnedBrains, Closing, Config, Deposits, HoldReason,
    OpenBrains, Pallet, PepecoinTotals, Profiles, Stakes, Tokens,
};

impl<T: Config> Pallet<T> {
    /// Checks the invariants named in the pallet's header.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        let open = OpenBrains::<T>::get();
        ensure!(
            open.iter().zip(open.iter().skip(1)).all(|(a, b)| a < b),
            "numbers of open Brains must ascend"
        );
        let (mut active, mut burned) = (0usize, 0u16);
        for (id, record) in Brains::<T>::iter() {
            ensure!(id < MAX_BRAINS, "number of a Brain out of range");
            ensure!(
                (record.kind == BrainKind::Administrative) == ADMIN_BRAINS.contains(&id),
                "administrative kind and number must agree"
            );
            ensure!(
                (record.state == BrainState::Reserved) == RESERVED_BRAINS.contains(&id),
                "reserved state and number must agree"
            );
            if record.state == BrainState::Active {
                ensure!(
                    open.binary_search(&id).is_ok(),
                    "an active Brain is missing from the open ones"
                );
                active = active.saturating_add(1);
            }
            if record.kind == BrainKind::Burned {
                burned = burned.saturating_add(1);
            }
            Self::try_state_of(&record)?;
        }
        ensure!(
            active == open.len(),
            "an open Brain does not exist or is reserved"
        );
        ensure!(burned == BurnedBrains::<T>::get(), "burned Brains are miscounted");
        Self::try_state_of_closed()?;
        Self::try_state_of_stakes()?;
        Self::try_state_of_names()?;
        Self::try_state_of_lists()?;
        Self::try_state_of_deposits()
    }

    fn try_state_of_closed() -> Result<(), sp_runtime::TryRuntimeError> {
        let closing = Closing::<T>::get();
        ensure!(
            closing.iter().zip(closing.iter().skip(1)).all(|(a, b)| a < b),
            "numbers of closed Brains must ascend"
        );
        let exists = |id: &_| Brains::<T>::contains_key(*id);
        ensure!(!closing.iter().any(exists), "a closed Brain exists");
        let remains = Stakes::<T>::iter_keys()
            .chain(Tokens::<T>::iter_keys())
            .chain(Profiles::<T>::iter_keys())
            .chain(Audits::<T>::iter_keys())
            .chain(Admissions::<T>::iter_keys())
            .chain(Deposits::<T>::iter_keys())
            .any(|id| !Brains::<T>::contains_key(id));
        ensure!(!remains, "a record of a Brain that does not exist");
        Ok(())
    }

    fn try_state_of_stakes() -> Result<(), sp_runtime::TryRuntimeError> {
        let mut staked: Balance = 0;
        for (id, stake) in Stakes::<T>::iter() {
            let kind = Brains::<T>::get(id).map(|record| record.kind);
            ensure!(kind == Some(BrainKind::Staked), "a stake without a staked Brain");
            ensure!(!Tokens::<T>::contains_key(id), "a stake on both chains");
            staked = staked.saturating_add(stake);
        }
        ensure!(
            staked == PepecoinTotals::<T>::get().staked,
            "staked Pepecoin is miscounted"
        );
        ensure!(
            T::Pepecoin::balance(&Self::account_id()) >= staked,
            "staked Pepecoin is missing"
        );
        Ok(())
    }

    fn try_state_of_names() -> Result<(), sp_runtime::TryRuntimeError> {
        let mut named = 0usize;
        for (id, profile) in Profiles::<T>::iter() {
            ensure!(profile != Default::default(), "a profile without content");
            ensure!(
                !profile.ens_proved || profile.ens.is_some(),
                "a proof of no ENS name"
            );
            ensure!(
                profile.ens.iter().all(|name| is_ens(name)),
                "an ENS name is malformed"
            );
            if let Some(name) = profile.bns {
                ensure!(is_bns(&name), "a BNS name is malformed");
                ensure!(
                    BnsNames::<T>::get(&name) == Some(id),
                    "a BNS name does not lead to its Brain"
                );
                named = named.saturating_add(1);
            }
        }
        ensure!(
            BnsNames::<T>::iter_keys().count() == named,
            "a BNS name without Brain"
        );
        Ok(())
    }

    fn try_state_of_lists() -> Result<(), sp_runtime::TryRuntimeError> {
        let mut listed = BTreeMap::<_, u32>::new();
        for (id, _) in Allowed::<T>::iter_keys() {
            let count = listed.entry(id).or_default();
            *count = count.saturating_add(1);
        }
        for (id, admission) in Admissions::<T>::iter() {
            ensure!(admission != Default::default(), "an admission without content");
            ensure!(
                admission.allowed <= MAX_ALLOWED,
                "an allow-list exceeds its bound"
            );
            ensure!(
                listed.remove(&id).unwrap_or(0) == admission.allowed,
                "an allow-list is miscounted"
            );
        }
        ensure!(listed.is_empty(), "an allow-list without Brain");
        Ok(())
    }

    fn try_state_of_deposits() -> Result<(), sp_runtime::TryRuntimeError> {
        let mut deposits = BTreeMap::<_, Balance>::new();
        for (id, amount) in Deposits::<T>::iter() {
            ensure!(amount > 0, "an empty deposit is stored");
            let record = Brains::<T>::get(id).ok_or("a deposit without Brain")?;
            let sum = deposits.entry(record.owner).or_default();
            *sum = sum.saturating_add(amount);
        }
        let reason = HoldReason::Deposit.into();
        for (owner, sum) in deposits {
            ensure!(
                T::Currency::balance_on_hold(&reason, &owner) == sum,
                "deposits and what is held for them differ"
            );
        }
        Ok(())
    }

    fn try_state_of(record: &Brain<T::AccountId>) -> Result<(), sp_runtime::TryRuntimeError> {
        let next = |value: Option<(u64, BlockNumber)>| value.map_or(0, |(ppb, _)| ppb);
        let ratios = [
            record.owner_commission,
            record.miner_share,
            next(record.next_owner_commission),
            next(record.next_miner_share),
        ];
        for ppb in ratios {
            Self::ensure_ratio(ppb)?;
        }
        let announced = record
            .next_redistribution
            .map_or_else(Default::default, |(parts, _)| parts);
        ensure!(
            record.redistribution.is_valid() && announced.is_valid(),
            "an owner passes on more than its income"
        );
        Self::ensure_name(&record.name)?;
        for task in record
            .task
            .iter()
            .chain(record.next_task.iter().map(|(task, _)| task))
        {
            Self::ensure_task(task)?;
        }
        Ok(())
    }
}
