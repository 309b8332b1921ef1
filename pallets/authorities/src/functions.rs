//! What the calls share, the count of who writes blocks, and the invariants.

use based_primitives::{
    constants::SILENT_SHARES,
    traits::{ProducerInspect, ProducerStake, Sessions},
    Balance, BlockNumber,
};
use frame_support::traits::Get;
use sp_runtime::traits::UniqueSaturatedInto;

use crate::{
    types::ChillReason, Authored, Bootstrap, Candidates, Config, Error, Event, Operators, Pallet,
    PendingSlashes, SessionBlocks,
};

impl<T: Config> Pallet<T> {
    /// Height of the current block.
    pub fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().unique_saturated_into()
    }

    /// Block until which offences of the current session may be reported, at the least.
    pub(crate) fn window_end() -> BlockNumber {
        Self::now().saturating_add(T::SlashWindow::get())
    }

    /// Whether an account writes blocks now, or will for being one of genesis or waiting for a slash.
    pub(crate) fn may_produce(who: &T::AccountId) -> bool {
        Bootstrap::<T>::get().contains(who)
            || T::Sessions::producers().contains(who)
            || PendingSlashes::<T>::get()
                .iter()
                .any(|slash| slash.validator == *who)
    }

    /// Makes sure that the list takes one more candidate, if need be by chilling the one with the least
    /// backing, of equals the one with the greatest account.
    pub(crate) fn make_room(backing: Balance) -> Result<(), Error<T>> {
        let candidates = Candidates::<T>::get();
        if !candidates.is_full() {
            return Ok(());
        }
        let least = candidates
            .into_iter()
            .map(|who| (T::Stake::backing(&who), core::cmp::Reverse(who)))
            .min()
            .filter(|(least, _)| *least < backing)
            .ok_or(Error::<T>::CandidatesFull)?;
        Self::chill(&least.1 .0, ChillReason::Displaced);
        Ok(())
    }

    /// Puts an account into the list of candidates.
    pub(crate) fn list(who: &T::AccountId) -> Result<(), Error<T>> {
        Candidates::<T>::try_mutate(|candidates| match candidates.binary_search(who) {
            Ok(_) => Err(Error::<T>::AlreadyRunning),
            Err(place) => candidates
                .try_insert(place, who.clone())
                .map_err(|_| Error::<T>::CandidatesFull),
        })
    }

    /// Takes a candidate out of elections; false if it is none.
    pub(crate) fn chill(who: &T::AccountId, reason: ChillReason) -> bool {
        let running = Operators::<T>::mutate(who, |operator| match operator {
            Some(operator) => core::mem::take(&mut operator.running),
            None => false,
        });
        if running {
            Candidates::<T>::mutate(|candidates| candidates.retain(|candidate| candidate != who));
            Self::deposit_event(Event::Chilled {
                who: who.clone(),
                reason,
            });
        }
        running
    }

    /// Closes the books of a session: who wrote blocks is proven, who has been silent for too long is chilled,
    /// and all answer for it until the window ends.
    pub(crate) fn close_session() {
        let blocks = SessionBlocks::<T>::take();
        let producers = T::Sessions::producers();
        let count = u32::try_from(producers.len()).unwrap_or(u32::MAX);
        let patience = SILENT_SHARES.saturating_mul(count);
        for who in &producers {
            let wrote = Authored::<T>::take(who).is_some();
            let silent = Operators::<T>::mutate(who, |operator| {
                let Some(operator) = operator else {
                    return false;
                };
                operator.exposed_until = Self::window_end();
                operator.proven |= wrote && operator.running;
                operator.idle = if wrote {
                    0
                } else {
                    operator.idle.saturating_add(blocks)
                };
                operator.running && operator.idle >= patience
            });
            if silent {
                Self::chill(who, ChillReason::Silent);
            }
        }
    }
}

impl<T: Config> ProducerInspect<T::AccountId> for Pallet<T> {
    fn is_exposed(account: &T::AccountId) -> bool {
        Operators::<T>::get(account).is_some_and(|operator| operator.exposed_until > Self::now())
    }
}

impl<T: Config, BlockNumber> pallet_authorship::EventHandler<T::AccountId, BlockNumber> for Pallet<T> {
    fn note_author(author: T::AccountId) {
        SessionBlocks::<T>::mutate(|blocks| *blocks = blocks.saturating_add(1));
        // Only members of the set write blocks, so that the map is bounded and emptied with the session.
        Authored::<T>::insert(author, ());
    }
}

#[cfg(any(feature = "std", feature = "try-runtime"))]
mod invariants {
    use alloc::collections::BTreeSet;

    use frame_support::{ensure, traits::fungible::InspectHold};
    use sp_runtime::TryRuntimeError;

    use super::*;
    use crate::{Barred, HoldReason};

    impl<T: Config> Pallet<T> {
        /// Checks the invariants named in the pallet's header.
        ///
        /// # Errors
        /// The first invariant that does not hold.
        pub fn do_try_state() -> Result<(), TryRuntimeError> {
            let candidates = Candidates::<T>::get();
            let unique: BTreeSet<_> = candidates.iter().cloned().collect();
            ensure!(
                unique.iter().eq(candidates.iter()),
                "candidates are not ascending and unique"
            );
            let bootstrap = Bootstrap::<T>::get();
            for who in candidates.iter().chain(&bootstrap) {
                ensure!(!Barred::<T>::contains_key(who), "a barred account may be elected");
                ensure!(Operators::<T>::contains_key(who), "a producer without a record");
            }
            for (who, operator) in Operators::<T>::iter() {
                ensure!(
                    operator.running == unique.contains(&who),
                    "running operators and candidates differ"
                );
                ensure!(
                    !operator.running || operator.brain.is_some() && operator.bond >= T::Bond::get(),
                    "a candidate without a Brain or its bond"
                );
                let held = T::Currency::balance_on_hold(&HoldReason::ProducerBond.into(), &who);
                ensure!(held == operator.bond, "held funds differ from the bond");
            }
            for slash in PendingSlashes::<T>::get() {
                ensure!(
                    Barred::<T>::contains_key(&slash.validator),
                    "a slash of an account that is not barred"
                );
            }
            Ok(())
        }
    }
}
