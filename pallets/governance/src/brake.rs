//! The brake that GigaBrains pull together.

use based_primitives::{
    traits::{BrainInspect, EmergencyBrake},
    BrainId,
};
use frame_support::{ensure, traits::Get};
use sp_runtime::DispatchResult;

use crate::{types::BrakeCall, BrakeCalls, Config, Error, Event, Pallet};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_pull_brake(who: &T::AccountId, brain: BrainId) -> DispatchResult {
        ensure!(
            T::Brains::owner(brain).as_ref() == Some(who),
            Error::<T>::NotBrainOwner
        );
        let eligible = Self::eligible();
        ensure!(eligible.binary_search(&brain).is_ok(), Error::<T>::NotGigaBrain);
        let mut call = Self::brake_call();
        // Whoever is no GigaBrain any more does not count.
        call.brains.retain(|brain| eligible.binary_search(brain).is_ok());
        let at = call
            .brains
            .binary_search(&brain)
            .err()
            .ok_or(Error::<T>::AlreadyCalled)?;
        call.brains
            .try_insert(at, brain)
            .map_err(|_| Error::<T>::Overflow)?;
        let (calls, eligible) = (call.brains.len() as u32, eligible.len() as u32);
        Self::deposit_event(Event::BrakeCalled {
            brain,
            calls,
            eligible,
        });
        if calls <= eligible.saturating_sub(calls) {
            BrakeCalls::<T>::put(call);
            return Ok(());
        }
        BrakeCalls::<T>::kill();
        T::Brake::pull()?;
        Self::deposit_event(Event::BrakePulled);
        Ok(())
    }

    /// Calls within the window, or none.
    fn brake_call() -> BrakeCall {
        let now = Self::now();
        let call = BrakeCalls::<T>::get();
        if !call.brains.is_empty() && now <= call.since.saturating_add(T::BrakeWindow::get()) {
            return call;
        }
        BrakeCall {
            since: now,
            ..BrakeCall::default()
        }
    }
}
