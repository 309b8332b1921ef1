//! Equivocations: what they cost, and when.
//!
//! A report bars the producer at once; the slash follows in the next block, because its work grows with the
//! Brains in which stake stands behind the producer. Nothing escapes in between: stake that leaves a producer
//! stays slashable.

use alloc::vec::Vec;

use based_primitives::{
    constants::PPB,
    math::mul_div,
    traits::{ProducerStake, Sessions},
    Balance,
};
use frame_support::{
    traits::{
        fungible::MutateHold,
        tokens::{Fortitude, Precision, Restriction},
        Get,
    },
    weights::Weight,
};
use sp_staking::{
    offence::{Offence, OffenceError, ReportOffence},
    SessionIndex,
};

use crate::{
    types::{slash_part, Bar, ChillReason, PendingSlash},
    Barred, Bootstrap, Config, Event, HoldReason, Operators, Pallet, PendingSlashes, RecentOffences,
    SessionStarts, WeightInfo,
};

impl<T: Config> Pallet<T> {
    /// Bars an equivocator and plans its slash. False, and nothing changed, if it is barred already, the
    /// session is beyond the window, or as many slashes wait as a session has producers.
    fn bar(who: &T::AccountId, session: SessionIndex, producers: u32) -> bool {
        let Some(since) = SessionStarts::<T>::get(session).filter(|_| !Barred::<T>::contains_key(who)) else {
            return false;
        };
        let now = Self::now();
        let mut recent = RecentOffences::<T>::get();
        recent.retain(|block| block.saturating_add(T::SlashWindow::get()) >= now);
        let offenders = u32::try_from(recent.len()).unwrap_or(u32::MAX).saturating_add(1);
        let part = slash_part(offenders, producers);
        let slash = PendingSlash {
            validator: who.clone(),
            part,
            since,
        };
        if PendingSlashes::<T>::try_append(slash).is_err() {
            return false;
        }
        // A full list already makes the part the whole.
        let _ = recent.try_push(now);
        RecentOffences::<T>::put(recent);
        Barred::<T>::insert(
            who,
            Bar {
                reported_at: now,
                part,
            },
        );
        Bootstrap::<T>::mutate(|bootstrap| bootstrap.retain(|producer| producer != who));
        Self::chill(who, ChillReason::Equivocated);
        T::Sessions::disable(who);
        Self::deposit_event(Event::Equivocated {
            who: who.clone(),
            session,
            part,
        });
        true
    }

    /// Carries out the oldest slash that waits, and returns the weight of that.
    pub(crate) fn carry_out_slash() -> Weight {
        let mut pending = PendingSlashes::<T>::get();
        if pending.is_empty() {
            return T::WeightInfo::look();
        }
        let PendingSlash {
            validator,
            part,
            since,
        } = pending.remove(0);
        PendingSlashes::<T>::put(pending);
        let pools = T::Stake::backed_brains(&validator);
        let bond = Self::slash_bond(&validator, part);
        let stake = T::Stake::slash(&validator, part, since);
        Self::deposit_event(Event::Slashed {
            who: validator,
            bond,
            stake,
        });
        T::WeightInfo::slash(pools)
    }

    /// Takes a part of an operator's bond; returns what it took.
    fn slash_bond(who: &T::AccountId, part: u64) -> Balance {
        Operators::<T>::mutate(who, |operator| {
            let Some(operator) = operator else {
                return 0;
            };
            let due = mul_div(operator.bond, part.into(), PPB.into()).unwrap_or_default();
            if due == 0 {
                return 0;
            }
            let taken = T::Currency::transfer_on_hold(
                &HoldReason::ProducerBond.into(),
                who,
                &T::SlashedTo::get(),
                due,
                Precision::BestEffort,
                Restriction::Free,
                Fortitude::Force,
            )
            .unwrap_or_default();
            operator.bond = operator.bond.saturating_sub(taken);
            taken
        })
    }
}

impl<T: Config, Report: Offence<(T::AccountId, ())>> ReportOffence<T::AccountId, (T::AccountId, ()), Report>
    for Pallet<T>
{
    fn report_offence(_: Vec<T::AccountId>, offence: Report) -> Result<(), OffenceError> {
        let (session, producers) = (offence.session_index(), offence.validator_set_count());
        let mut news = false;
        for (who, ()) in offence.offenders() {
            news |= Self::bar(&who, session, producers);
        }
        if news {
            Ok(())
        } else {
            Err(OffenceError::DuplicateReport)
        }
    }

    fn is_known_offence(offenders: &[(T::AccountId, ())], _: &Report::Slot) -> bool {
        offenders.iter().all(|(who, ())| Barred::<T>::contains_key(who))
    }
}
