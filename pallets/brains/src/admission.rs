//! Whom Brains admit (R184).

use based_primitives::{constants::MAX_ALLOWED, BrainId};
use frame_support::ensure;
use sp_runtime::DispatchResult;

use crate::{types::Admission, Admissions, Allowed, Config, Error, Event, Pallet};

impl<T: Config> Pallet<T> {
    /// Whether the Brain's owner lets an account join.
    pub fn is_allowed(brain: BrainId, account: &T::AccountId) -> bool {
        !Admissions::<T>::get(brain).restricted || Allowed::<T>::contains_key(brain, account)
    }

    pub(crate) fn do_set_admission(who: &T::AccountId, brain: BrainId, restricted: bool) -> DispatchResult {
        Self::ensure_owner(brain, who)?;
        let admission = Admission {
            restricted,
            ..Admissions::<T>::get(brain)
        };
        Self::store_admission(brain, admission);
        Self::settle_deposit(brain, who)?;
        Self::deposit_event(Event::AdmissionSet { brain, restricted });
        Ok(())
    }

    pub(crate) fn do_set_allowed(
        who: &T::AccountId,
        brain: BrainId,
        account: T::AccountId,
        allowed: bool,
    ) -> DispatchResult {
        Self::ensure_owner(brain, who)?;
        let mut admission = Admissions::<T>::get(brain);
        let listed = Allowed::<T>::contains_key(brain, &account);
        if allowed {
            ensure!(!listed, Error::<T>::AlreadyAllowed);
            ensure!(admission.allowed < MAX_ALLOWED, Error::<T>::ListFull);
            Allowed::<T>::insert(brain, &account, ());
            admission.allowed = admission.allowed.saturating_add(1);
        } else {
            ensure!(listed, Error::<T>::NotAllowed);
            Allowed::<T>::remove(brain, &account);
            admission.allowed = admission.allowed.saturating_sub(1);
        }
        Self::store_admission(brain, admission);
        Self::settle_deposit(brain, who)?;
        Self::deposit_event(Event::AllowedSet {
            brain,
            account,
            allowed,
        });
        Ok(())
    }

    fn store_admission(brain: BrainId, admission: Admission) {
        if admission == Admission::default() {
            Admissions::<T>::remove(brain);
        } else {
            Admissions::<T>::insert(brain, admission);
        }
    }
}
