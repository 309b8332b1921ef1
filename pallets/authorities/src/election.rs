//! Elections: who writes the blocks of a session.

use alloc::vec::Vec;
use core::cmp::Reverse;

use based_primitives::{
    traits::{ProducerStake, RegistryInspect, Sessions},
    Role,
};
use frame_support::traits::Get;
use sp_staking::SessionIndex;

use crate::{types::Operator, Bootstrap, Candidates, Config, Event, Operators, Pallet, SessionStarts};

impl<T: Config> Pallet<T> {
    /// Candidates that may be elected, by falling backing and, of equals, by rising account; with whether each
    /// is proven.
    fn ranking() -> Vec<(T::AccountId, bool)> {
        let minimum = T::MinBacking::get();
        let eligible = |who: &T::AccountId, operator: &Operator| {
            let brain = operator.brain?;
            let validator = T::Registry::role(brain, who) == Some(Role::Validator);
            (validator && T::Sessions::has_keys(who)).then_some(())
        };
        let mut ranking: Vec<_> = Candidates::<T>::get()
            .into_iter()
            .filter_map(|who| {
                let backing = T::Stake::backing(&who);
                let operator = Operators::<T>::get(&who).filter(|_| backing >= minimum)?;
                eligible(&who, &operator)?;
                Some((Reverse(backing), who, operator.proven))
            })
            .collect();
        ranking.sort_unstable();
        ranking
            .into_iter()
            .map(|(_, who, proven)| (who, proven))
            .collect()
    }

    /// Producers that the stake elects now, ascending (F.2-5).
    pub fn elect() -> Vec<T::AccountId> {
        let seats = usize::try_from(T::MaxProducers::get()).unwrap_or(usize::MAX);
        let enough = usize::try_from(T::MinProducers::get()).unwrap_or(usize::MAX);
        let ranking = Self::ranking();
        let proven = ranking.iter().filter(|(_, proven)| *proven).count();
        let mut bootstrap = Bootstrap::<T>::get().into_inner();
        if !bootstrap.is_empty() && proven >= enough {
            Bootstrap::<T>::kill();
            Self::deposit_event(Event::BootstrapEnded);
            bootstrap.clear();
        }
        let reliable = ranking
            .iter()
            .filter(|(who, proven)| *proven && !bootstrap.contains(who))
            .count()
            .saturating_add(bootstrap.len())
            .min(seats);
        // Fewer than a third of all, also where they take seats of others.
        let mut newcomers = (reliable.saturating_sub(1) / 2).min(seats.saturating_sub(1) / 3);
        let mut elected = bootstrap;
        for (who, proven) in ranking {
            if elected.len() >= seats {
                break;
            }
            if elected.contains(&who) {
                continue;
            }
            if !proven {
                let Some(rest) = newcomers.checked_sub(1) else {
                    continue;
                };
                newcomers = rest;
            }
            elected.push(who);
        }
        elected.sort_unstable();
        elected
    }

    /// Elects the producers of a session; `None` to keep those of the one before.
    fn plan(session: SessionIndex) -> Option<Vec<T::AccountId>> {
        let elected = Self::elect();
        for who in &elected {
            // Stake that leaves between the election and the end of the session answers for it too.
            Operators::<T>::mutate(who, |operator| {
                if let Some(operator) = operator {
                    operator.exposed_until = operator.exposed_until.max(Self::window_end());
                }
            });
        }
        if elected.is_empty() || T::Sessions::is_newest(&elected) {
            return None;
        }
        Self::deposit_event(Event::Elected {
            session,
            producers: u32::try_from(elected.len()).unwrap_or(u32::MAX),
        });
        Some(elected)
    }

    fn begin(session: SessionIndex) {
        SessionStarts::<T>::insert(session, Self::now());
        if let Some(oldest) = session.checked_sub(T::WindowSessions::get()) {
            // The session that the window no longer covers; the newer ones stay.
            SessionStarts::<T>::remove(oldest);
            T::Sessions::forget_before(oldest.saturating_add(1));
        }
    }
}

impl<T: Config> pallet_session::SessionManager<T::AccountId> for Pallet<T> {
    fn new_session(session: SessionIndex) -> Option<Vec<T::AccountId>> {
        Self::plan(session)
    }

    fn new_session_genesis(_: SessionIndex) -> Option<Vec<T::AccountId>> {
        let bootstrap = Bootstrap::<T>::get().into_inner();
        (!bootstrap.is_empty()).then_some(bootstrap)
    }

    fn end_session(_: SessionIndex) {
        Self::close_session();
    }

    fn start_session(session: SessionIndex) {
        Self::begin(session);
    }
}

impl<T: Config> pallet_session::historical::SessionManager<T::AccountId, ()> for Pallet<T> {
    fn new_session(session: SessionIndex) -> Option<Vec<(T::AccountId, ())>> {
        let elected = <Self as pallet_session::SessionManager<_>>::new_session(session)?;
        Some(elected.into_iter().map(|who| (who, ())).collect())
    }

    fn new_session_genesis(session: SessionIndex) -> Option<Vec<(T::AccountId, ())>> {
        let elected = <Self as pallet_session::SessionManager<_>>::new_session_genesis(session)?;
        Some(elected.into_iter().map(|who| (who, ())).collect())
    }

    fn start_session(session: SessionIndex) {
        <Self as pallet_session::SessionManager<_>>::start_session(session);
    }

    fn end_session(session: SessionIndex) {
        <Self as pallet_session::SessionManager<_>>::end_session(session);
    }
}
