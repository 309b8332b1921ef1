//! What the calls do, and the invariants.

use based_primitives::{
    payments::{SignedVoucher, PAYMENT_VERSION},
    traits::{RegistryInspect, SweepBrain},
    Balance, BlockNumber, BrainId, Purpose, Role, SpendingAccountId,
};
use frame_support::{
    ensure,
    storage::with_storage_layer,
    traits::{
        fungible::MutateHold,
        tokens::{Fortitude, Precision, Restriction},
        Get,
    },
    weights::Weight,
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{
    traits::{SaturatedConversion, Zero},
    AccountId32, DispatchError, DispatchResult,
};

use crate::{
    Accounts, Config, Error, Event, HoldReason, NextId, Pallet, Prices, Rejection, Reservation, Reservations,
    SpendingAccount, WeightInfo, MAX_RESERVATIONS,
};

impl<T: Config> Pallet<T> {
    fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    /// A spending account, if `who` owns it.
    fn owned(
        who: &AccountId32,
        id: SpendingAccountId,
    ) -> Result<SpendingAccount<AccountId32>, DispatchError> {
        let account = Accounts::<T>::get(id).ok_or(Error::<T>::NoAccount)?;
        ensure!(account.owner == *who, Error::<T>::NotOwner);
        Ok(account)
    }

    pub(crate) fn do_open(
        owner: AccountId32,
        spender: AccountId32,
        purpose: Purpose,
        deposit: Balance,
        cap: Balance,
        expiry: BlockNumber,
    ) -> DispatchResult {
        ensure!(deposit >= T::MinimumDeposit::get(), Error::<T>::DepositTooSmall);
        ensure!(cap > 0, Error::<T>::ZeroAmount);
        ensure!(expiry > Self::now(), Error::<T>::InvalidExpiry);
        let id = NextId::<T>::get();
        NextId::<T>::put(id.checked_add(1).ok_or(Error::<T>::Overflow)?);
        T::Currency::hold(&HoldReason::Spending.into(), &owner, deposit)?;
        let account = SpendingAccount {
            owner: owner.clone(),
            spender: spender.clone(),
            purpose,
            balance: deposit,
            reserved: 0,
            cap,
            spent: 0,
            expiry,
            closing: None,
            reservations: 0,
        };
        Accounts::<T>::insert(id, account);
        Self::deposit_event(Event::AccountOpened { id, owner, spender });
        Ok(())
    }

    pub(crate) fn do_top_up(who: AccountId32, id: SpendingAccountId, amount: Balance) -> DispatchResult {
        ensure!(amount > 0, Error::<T>::ZeroAmount);
        let mut account = Self::owned(&who, id)?;
        ensure!(Self::is_open(&account), Error::<T>::AccountClosed);
        account.balance = account.balance.checked_add(amount).ok_or(Error::<T>::Overflow)?;
        T::Currency::hold(&HoldReason::Spending.into(), &who, amount)?;
        Accounts::<T>::insert(id, account);
        Self::deposit_event(Event::ToppedUp { id, amount });
        Ok(())
    }

    fn is_open(account: &SpendingAccount<AccountId32>) -> bool {
        account.closing.is_none() && account.expiry >= Self::now()
    }

    pub(crate) fn do_reserve(
        who: AccountId32,
        id: SpendingAccountId,
        brain: BrainId,
        miner: AccountId32,
        amount: Balance,
    ) -> DispatchResult {
        ensure!(amount > 0, Error::<T>::ZeroAmount);
        let mut account = Accounts::<T>::get(id).ok_or(Error::<T>::NoAccount)?;
        ensure!(
            who == account.owner || who == account.spender,
            Error::<T>::NotSpender
        );
        ensure!(Self::is_open(&account), Error::<T>::AccountClosed);
        ensure!(
            T::Registry::role(brain, &miner) == Some(Role::Miner),
            Error::<T>::NotMiner
        );

        account.balance = account
            .balance
            .checked_sub(amount)
            .ok_or(Error::<T>::InsufficientBalance)?;
        account.reserved = account.reserved.checked_add(amount).ok_or(Error::<T>::Overflow)?;
        let committed = account
            .spent
            .checked_add(account.reserved)
            .ok_or(Error::<T>::Overflow)?;
        ensure!(committed <= account.cap, Error::<T>::CapExceeded);

        let mut reservation = match Reservations::<T>::get(id, &miner) {
            Some(reservation) => reservation,
            None => {
                ensure!(
                    account.reservations < MAX_RESERVATIONS,
                    Error::<T>::TooManyReservations
                );
                account.reservations = account.reservations.saturating_add(1);
                Reservation {
                    brain,
                    reserved: 0,
                    redeemed: 0,
                }
            }
        };
        ensure!(reservation.brain == brain, Error::<T>::BrainMismatch);
        let total = reservation
            .reserved
            .checked_add(amount)
            .ok_or(Error::<T>::Overflow)?;
        reservation.reserved = total;

        Reservations::<T>::insert(id, &miner, reservation);
        Accounts::<T>::insert(id, account);
        Self::deposit_event(Event::Reserved {
            id,
            miner,
            brain,
            amount,
            total,
        });
        Ok(())
    }

    pub(crate) fn do_redeem(miner: AccountId32, vouchers: &[SignedVoucher]) -> DispatchResult {
        let mut first_rejection = None;
        let mut paid = false;
        for (index, voucher) in (0u32..).zip(vouchers) {
            match Self::redeem_one(&miner, voucher) {
                Ok(amount) => {
                    paid = true;
                    Self::deposit_event(Event::Redeemed {
                        id: voucher.voucher.account,
                        miner: miner.clone(),
                        amount,
                        cumulative: voucher.voucher.cumulative,
                    });
                }
                Err(reason) => {
                    first_rejection.get_or_insert(reason);
                    Self::deposit_event(Event::VoucherRejected { index, reason });
                }
            }
        }
        if paid {
            return Ok(());
        }
        Err(first_rejection
            .map_or(Error::<T>::NoVouchers, Error::<T>::from)
            .into())
    }

    /// Pays one voucher and returns the amount. The account's cap needs no check: reservations respect it.
    fn redeem_one(miner: &AccountId32, signed: &SignedVoucher) -> Result<Balance, Rejection> {
        let voucher = &signed.voucher;
        let ok = |holds: bool, otherwise: Rejection| if holds { Ok(()) } else { Err(otherwise) };
        ok(voucher.version == PAYMENT_VERSION, Rejection::Version)?;
        let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
        ok(genesis.as_ref() == voucher.genesis.as_bytes(), Rejection::Genesis)?;
        ok(voucher.miner == *miner, Rejection::Miner)?;
        let now = Self::now();
        ok(voucher.expiry >= now, Rejection::Expired)?;

        let mut account = Accounts::<T>::get(voucher.account).ok_or(Rejection::NoAccount)?;
        ok(
            account.closing.is_none_or(|until| until >= now),
            Rejection::NoAccount,
        )?;
        ok(account.expiry >= now, Rejection::AccountExpired)?;
        let mut reservation =
            Reservations::<T>::get(voucher.account, miner).ok_or(Rejection::NoReservation)?;
        ok(reservation.brain == voucher.brain, Rejection::Brain)?;
        let amount = voucher
            .cumulative
            .checked_sub(reservation.redeemed)
            .filter(|amount| *amount > 0)
            .ok_or(Rejection::Replayed)?;
        ok(voucher.cumulative <= reservation.reserved, Rejection::Overspent)?;
        ok(signed.verify(&account.spender), Rejection::Signature)?;

        account.reserved = account.reserved.checked_sub(amount).ok_or(Rejection::Overspent)?;
        account.spent = account.spent.checked_add(amount).ok_or(Rejection::Overspent)?;
        reservation.redeemed = voucher.cumulative;
        with_storage_layer(|| {
            T::Currency::transfer_on_hold(
                &HoldReason::Spending.into(),
                &account.owner,
                miner,
                amount,
                Precision::Exact,
                Restriction::Free,
                Fortitude::Polite,
            )
        })
        .map_err(|_| Rejection::Payment)?;
        Accounts::<T>::insert(voucher.account, account);
        Reservations::<T>::insert(voucher.account, miner, reservation);
        Ok(amount)
    }

    pub(crate) fn do_close(who: AccountId32, id: SpendingAccountId) -> DispatchResult {
        let mut account = Self::owned(&who, id)?;
        ensure!(account.closing.is_none(), Error::<T>::AlreadyClosing);
        let until = Self::now().saturating_add(T::RedemptionGrace::get());
        account.closing = Some(until);
        Accounts::<T>::insert(id, account);
        Self::deposit_event(Event::Closing { id, until });
        Ok(())
    }

    pub(crate) fn do_finish_close(id: SpendingAccountId) -> DispatchResult {
        let account = Accounts::<T>::take(id).ok_or(Error::<T>::NoAccount)?;
        ensure!(
            account.closing.is_some_and(|until| until < Self::now()),
            Error::<T>::GraceNotOver
        );
        let returned = account
            .balance
            .checked_add(account.reserved)
            .ok_or(Error::<T>::Overflow)?;
        T::Currency::release(
            &HoldReason::Spending.into(),
            &account.owner,
            returned,
            Precision::Exact,
        )?;
        let _ = Reservations::<T>::clear_prefix(id, MAX_RESERVATIONS, None);
        Self::deposit_event(Event::Closed { id, returned });
        Ok(())
    }

    /// Checks the invariants of the pallet.
    #[cfg(any(feature = "std", feature = "try-runtime"))]
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        use alloc::{collections::BTreeMap, vec::Vec};
        use frame_support::traits::fungible::InspectHold;

        let mut held = BTreeMap::<AccountId32, Balance>::new();
        for (id, account) in Accounts::<T>::iter() {
            let reservations: Vec<Reservation> = Reservations::<T>::iter_prefix(id)
                .map(|(_, reservation)| reservation)
                .collect();
            let sum = |part: fn(&Reservation) -> Balance| reservations.iter().map(part).sum::<Balance>();
            ensure!(
                reservations.iter().all(|one| one.redeemed <= one.reserved),
                "more redeemed than reserved"
            );
            ensure!(
                sum(Reservation::outstanding) == account.reserved,
                "reservations do not sum up"
            );
            ensure!(
                sum(|one| one.redeemed) == account.spent,
                "redeemed amounts do not sum up"
            );
            let committed = account.spent.saturating_add(account.reserved);
            ensure!(committed <= account.cap, "cap exceeded");
            ensure!(
                reservations.len() == account.reservations as usize,
                "reservations miscounted"
            );
            ensure!(account.reservations <= MAX_RESERVATIONS, "too many reservations");
            ensure!(id < NextId::<T>::get(), "an account is numbered ahead");
            let of_owner = held.entry(account.owner).or_default();
            *of_owner = of_owner
                .saturating_add(account.balance)
                .saturating_add(account.reserved);
        }
        for (id, _, _) in Reservations::<T>::iter() {
            ensure!(Accounts::<T>::contains_key(id), "reservation without account");
        }
        for (owner, expected) in held {
            let on_hold = T::Currency::balance_on_hold(&HoldReason::Spending.into(), &owner);
            ensure!(on_hold == expected, "accounts and holds differ");
        }
        Ok(())
    }
}

impl<T: Config> SweepBrain for Pallet<T> {
    /// Removes the prices of a closed Brain. What is reserved for its miners stays theirs to redeem.
    fn sweep(brain: BrainId, limit: Weight) -> (Weight, bool) {
        let weight = T::WeightInfo::sweep();
        if !weight.all_lte(limit) {
            return (Weight::zero(), false);
        }
        Prices::<T>::remove(brain);
        (weight, true)
    }
}

impl<T> From<Rejection> for Error<T> {
    fn from(reason: Rejection) -> Self {
        match reason {
            Rejection::Version => Self::VoucherVersion,
            Rejection::Genesis => Self::VoucherGenesis,
            Rejection::Miner => Self::VoucherMiner,
            Rejection::Expired => Self::VoucherExpired,
            Rejection::NoAccount => Self::VoucherNoAccount,
            Rejection::AccountExpired => Self::VoucherAccountExpired,
            Rejection::NoReservation => Self::VoucherNoReservation,
            Rejection::Brain => Self::VoucherBrain,
            Rejection::Replayed => Self::VoucherReplayed,
            Rejection::Overspent => Self::VoucherOverspent,
            Rejection::Signature => Self::VoucherSignature,
            Rejection::Payment => Self::VoucherPayment,
        }
    }
}
