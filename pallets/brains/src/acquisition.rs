//! How Brains come into being, change hands and close.

use based_primitives::{
    constants::{ADMIN_BRAINS, MAX_ALLOWED, MAX_BRAINS},
    math::brain_price,
    traits::{OnBrainHandedOver, SweepBrain},
    Balance, BrainId, BrainKind, BrainState,
};
use frame_support::{
    ensure,
    traits::{
        fungible::{Mutate, MutateHold},
        tokens::{Fortitude, Precision, Preservation, Restriction},
        Get,
    },
    weights::Weight,
};
use sp_runtime::{traits::AccountIdConversion, DispatchError, DispatchResult};

use crate::{
    types::{Brain, Totals},
    Admissions, Allowed, Audits, BnsNames, Brains, BurnedBrains, Closing, Config, Deposits, Error, Event,
    HoldReason, OpenBrains, Pallet, PepecoinTotals, Profiles, Stakes, Tokens, PALLET_ID,
};

impl<T: Config> Pallet<T> {
    /// Account in which staked Pepecoin lies.
    pub fn account_id() -> T::AccountId {
        PALLET_ID.into_account_truncating()
    }

    /// Pepecoin that the next Brain of a kind costs (R037, R038, R043); none for a kind that is not issued.
    pub fn price(kind: BrainKind) -> Option<Balance> {
        brain_price(kind, BurnedBrains::<T>::get())
    }

    /// Issues a Brain that was paid for elsewhere.
    pub(crate) fn do_issue(
        brain: Option<BrainId>,
        owner: T::AccountId,
        kind: BrainKind,
        follows_token: bool,
    ) -> DispatchResult {
        ensure!(kind != BrainKind::Administrative, Error::<T>::AdministrativeKind);
        let id = Self::choose(brain)?;
        Self::create(id, owner, kind)?;
        if follows_token {
            Tokens::<T>::insert(id, ());
        }
        Ok(())
    }

    /// Issues a Brain for Pepecoin of `who`.
    pub(crate) fn do_acquire(
        who: T::AccountId,
        brain: Option<BrainId>,
        kind: BrainKind,
        max_price: Balance,
    ) -> DispatchResult {
        let amount = Self::price(kind).ok_or(Error::<T>::AdministrativeKind)?;
        ensure!(amount <= max_price, Error::<T>::PriceTooHigh);
        let id = Self::choose(brain)?;
        let mut totals = PepecoinTotals::<T>::get();
        if kind == BrainKind::Staked {
            T::Pepecoin::transfer(&who, &Self::account_id(), amount, Preservation::Expendable)?;
            Stakes::<T>::insert(id, amount);
            totals.staked = totals.staked.saturating_add(amount);
        } else {
            let (exact, polite) = (Precision::Exact, Fortitude::Polite);
            T::Pepecoin::burn_from(&who, amount, Preservation::Expendable, exact, polite)?;
            totals.burned = totals.burned.saturating_add(amount);
        }
        PepecoinTotals::<T>::put(totals);
        Self::create(id, who, kind)?;
        Self::deposit_event(Event::PepecoinPaid { brain: id, amount });
        Ok(())
    }

    fn create(brain: BrainId, owner: T::AccountId, kind: BrainKind) -> DispatchResult {
        let record = Brain::new(owner.clone(), kind, BrainState::Active, Self::now());
        Self::insert(brain, record)?;
        Self::deposit_event(Event::BrainIssued { brain, owner, kind });
        Ok(())
    }

    fn choose(brain: Option<BrainId>) -> Result<BrainId, DispatchError> {
        match brain {
            Some(id) => Self::ensure_free(id),
            None => Self::lowest_free().ok_or(Error::<T>::NoFreeNumber.into()),
        }
    }

    /// Checks that a number can be issued.
    fn ensure_free(id: BrainId) -> Result<BrainId, DispatchError> {
        ensure!(id < MAX_BRAINS, Error::<T>::InvalidNumber);
        ensure!(!ADMIN_BRAINS.contains(&id), Error::<T>::AdministrativeNumber);
        ensure!(!Brains::<T>::contains_key(id), Error::<T>::NumberTaken);
        let closing = Closing::<T>::get().binary_search(&id).is_ok();
        ensure!(!closing, Error::<T>::NumberClosing);
        Ok(id)
    }

    /// Lowest number that can be issued. Two reads: issued Brains outside the administrative ones are open.
    fn lowest_free() -> Option<BrainId> {
        let (open, closing) = (OpenBrains::<T>::get(), Closing::<T>::get());
        let free = |id: &BrainId| {
            !ADMIN_BRAINS.contains(id)
                && open.binary_search(id).is_err()
                && closing.binary_search(id).is_err()
        };
        (0..MAX_BRAINS).find(free)
    }

    /// Stores a new Brain, lists it if it is open and counts it if it is burned.
    pub(crate) fn insert(id: BrainId, record: Brain<T::AccountId>) -> DispatchResult {
        if record.state == BrainState::Active {
            OpenBrains::<T>::try_mutate(|open| {
                let at = open.binary_search(&id).err().ok_or(Error::<T>::NumberTaken)?;
                open.try_insert(at, id).map_err(|_| Error::<T>::NoFreeNumber)
            })?;
        }
        if record.kind == BrainKind::Burned {
            BurnedBrains::<T>::mutate(|count| *count = count.saturating_add(1));
        }
        Brains::<T>::insert(id, record);
        Ok(())
    }

    /// Gives a burned Brain that follows no token to another owner, with its deposit.
    pub(crate) fn do_transfer(from: T::AccountId, brain: BrainId, to: T::AccountId) -> DispatchResult {
        Self::try_mutate_owned(brain, &from, |record| {
            ensure!(!Tokens::<T>::contains_key(brain), Error::<T>::FollowsToken);
            Self::hand_on(record, to.clone())
        })?;
        let deposit = Deposits::<T>::get(brain);
        if deposit > 0 {
            let (exact, polite) = (Precision::Exact, Fortitude::Polite);
            let reason = HoldReason::Deposit.into();
            let mode = Restriction::OnHold;
            T::Currency::transfer_on_hold(&reason, &from, &to, deposit, exact, mode, polite)?;
        }
        Self::forget_proof(brain);
        T::OnHandedOver::on_brain_handed_over(brain);
        Self::deposit_event(Event::BrainTransferred { brain, from, to });
        Ok(())
    }

    /// Gives a burned Brain to the owner of its token. Never fails for want of $BASED: the deposit is released.
    pub(crate) fn do_reassign(brain: BrainId, to: T::AccountId) -> DispatchResult {
        let from = Brains::<T>::try_mutate(brain, |slot| {
            let record = slot.as_mut().ok_or(Error::<T>::UnknownBrain)?;
            ensure!(Tokens::<T>::contains_key(brain), Error::<T>::NoToken);
            let from = record.owner.clone();
            Self::hand_on(record, to.clone())?;
            Ok::<_, DispatchError>(from)
        })?;
        Self::release_deposit(brain, &from)?;
        Self::forget_proof(brain);
        T::OnHandedOver::on_brain_handed_over(brain);
        Self::deposit_event(Event::BrainTransferred { brain, from, to });
        Ok(())
    }

    fn hand_on(record: &mut Brain<T::AccountId>, to: T::AccountId) -> DispatchResult {
        match record.kind {
            BrainKind::Administrative => return Err(Error::<T>::AdministrativeBrain.into()),
            BrainKind::Staked => return Err(Error::<T>::StakedBrain.into()),
            BrainKind::Burned => (),
        }
        ensure!(record.owner != to, Error::<T>::AlreadyOwner);
        record.owner = to;
        record.reward_account = None;
        Ok(())
    }

    /// Closes a Brain of `who` staked on this chain, after its term. Returns the length of its allow-list.
    pub(crate) fn do_deactivate(who: &T::AccountId, brain: BrainId) -> Result<u32, DispatchError> {
        let record = Brains::<T>::get(brain).ok_or(Error::<T>::UnknownBrain)?;
        ensure!(record.owner == *who, Error::<T>::NotOwner);
        ensure!(record.kind == BrainKind::Staked, Error::<T>::PermanentBrain);
        let stake = Stakes::<T>::get(brain).ok_or(Error::<T>::StakedElsewhere)?;
        let term_ends = record.issued_at.saturating_add(T::OwnerVesting::get());
        ensure!(Self::now() >= term_ends, Error::<T>::TooEarly);
        T::Pepecoin::transfer(&Self::account_id(), who, stake, Preservation::Expendable)?;
        Stakes::<T>::remove(brain);
        PepecoinTotals::<T>::mutate(|Totals { staked, .. }| *staked = staked.saturating_sub(stake));
        Self::remove(brain, record.owner, stake)
    }

    /// Closes a Brain staked elsewhere. Returns the length of its allow-list.
    pub(crate) fn do_close(brain: BrainId) -> Result<u32, DispatchError> {
        let record = Brains::<T>::get(brain).ok_or(Error::<T>::UnknownBrain)?;
        ensure!(record.kind == BrainKind::Staked, Error::<T>::PermanentBrain);
        ensure!(!Stakes::<T>::contains_key(brain), Error::<T>::StakedHere);
        Self::remove(brain, record.owner, 0)
    }

    /// Removes all records of a Brain and queues its number for the sweep of other pallets.
    fn remove(brain: BrainId, owner: T::AccountId, returned: Balance) -> Result<u32, DispatchError> {
        Self::release_deposit(brain, &owner)?;
        Brains::<T>::remove(brain);
        OpenBrains::<T>::mutate(|open| open.retain(|id| *id != brain));
        if let Some(name) = Profiles::<T>::take(brain).bns {
            BnsNames::<T>::remove(name);
        }
        Audits::<T>::remove(brain);
        Tokens::<T>::remove(brain);
        let allowed = Admissions::<T>::take(brain).allowed;
        // The list never exceeds the limit, so that nothing remains.
        let _ = Allowed::<T>::clear_prefix(brain, MAX_ALLOWED, None);
        Closing::<T>::try_mutate(|closing| {
            let at = closing
                .binary_search(&brain)
                .err()
                .ok_or(Error::<T>::NumberClosing)?;
            closing
                .try_insert(at, brain)
                .map_err(|_| Error::<T>::NoFreeNumber)
        })?;
        Self::deposit_event(Event::BrainClosed {
            brain,
            owner,
            returned,
        });
        Ok(allowed)
    }

    /// Empties the first closed Brain for at most `limit`, and frees its number when nothing is left.
    pub(crate) fn do_sweep(limit: Weight) -> Weight {
        let Some(brain) = Self::first_closing() else {
            return Weight::zero();
        };
        let (used, done) = T::Sweep::sweep(brain, limit);
        if done {
            Self::free_number(brain);
        }
        used
    }

    /// The closed Brain that is emptied now.
    pub(crate) fn first_closing() -> Option<BrainId> {
        Closing::<T>::get().first().copied()
    }

    /// Lets the number of an emptied Brain be issued again.
    pub(crate) fn free_number(brain: BrainId) {
        Closing::<T>::mutate(|closing| closing.retain(|id| *id != brain));
        Self::deposit_event(Event::NumberFreed { brain });
    }
}
