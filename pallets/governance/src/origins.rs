//! Who a caller is: governance, or Based Labs in the first year.

use core::marker::PhantomData;

use frame_support::traits::EnsureOrigin;
use frame_system::ensure_signed;

use crate::{Config, Origin, Pallet};

/// A proposal that passed on the track of parameters. Calls that change parameters accept it beside root; calls that
/// set code or move funds must not.
pub struct EnsureGovernance<T>(PhantomData<T>);

impl<T: Config> EnsureOrigin<T::RuntimeOrigin> for EnsureGovernance<T>
where
    T::RuntimeOrigin: Into<Result<Origin, T::RuntimeOrigin>>,
{
    type Success = ();

    fn try_origin(origin: T::RuntimeOrigin) -> Result<(), T::RuntimeOrigin> {
        origin.into().map(|Origin::Parameters| ())
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn try_successful_origin() -> Result<T::RuntimeOrigin, ()> {
        Ok(Origin::Parameters.into())
    }
}

/// Based Labs' account, in the first year only (R157).
pub struct EnsureLabs<T>(PhantomData<T>);

impl<T: Config> EnsureOrigin<T::RuntimeOrigin> for EnsureLabs<T> {
    type Success = T::AccountId;

    fn try_origin(origin: T::RuntimeOrigin) -> Result<T::AccountId, T::RuntimeOrigin> {
        match ensure_signed(origin.clone()) {
            Ok(who) if Pallet::<T>::is_labs(&who) => Ok(who),
            _ => Err(origin),
        }
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn try_successful_origin() -> Result<T::RuntimeOrigin, ()> {
        let labs = crate::Labs::<T>::get().ok_or(())?;
        Ok(frame_system::RawOrigin::Signed(labs).into())
    }
}
