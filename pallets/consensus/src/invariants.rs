//! What holds after every block.

use alloc::collections::BTreeSet;

use based_primitives::{
    constants::{MIN_VALIDATOR_STAKE, PPB},
    traits::RegistryInspect,
    BrainId, Role,
};
use frame_support::{ensure, traits::fungible::InspectHold};

use crate::{
    outside::brain_scores, Config, Credits, CrossRows, HoldReason, OutsideScores, Pallet, Performance,
    Resting, RestingState, Rows, ScorersOf, Validators,
};

impl<T: Config> Pallet<T> {
    /// Checks the invariants of the pallet.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        for (brain, uid, row) in Rows::<T>::iter() {
            ensure!(row.is_sound(), "a row is not as it should be");
            ensure!(
                row.entries().all(|entry| entry.uid != uid),
                "a validator weights itself"
            );
            ensure!(
                Validators::<T>::get(brain, uid).is_some_and(|record| record.revealed_at.is_some()),
                "a row that nobody revealed"
            );
        }
        for (brain, uid, record) in Validators::<T>::iter() {
            let peer = T::Registry::peer(brain, uid).filter(|peer| peer.role == Role::Validator);
            let peer = peer.ok_or("a record of somebody who is no validator")?;
            let held = T::Currency::balance_on_hold(&HoldReason::WeightRow.into(), &peer.account);
            ensure!(held >= record.deposit, "a deposit that is not on hold");
        }
        for (brain, uid, row) in CrossRows::<T>::iter() {
            ensure!(!row.edges.is_empty(), "a cross row without edges");
            ensure!(
                row.edges
                    .iter()
                    .all(|edge| edge.brain != brain && edge.weight > 0),
                "a cross edge that is none"
            );
            let role = T::Registry::peer(brain, uid).map(|peer| peer.role);
            ensure!(role == Some(Role::Validator), "cross edges of no validator");
        }
        for (brain, scorers) in OutsideScores::<T>::iter() {
            Self::check_scorers(brain, &scorers)?;
        }
        for (brain, credits) in Credits::<T>::iter() {
            let there = |uid| T::Registry::peer(brain, uid).is_some();
            ensure!(credits.iter().all(|(uid, _)| there(*uid)), "Credits of nobody");
        }
        for (_, performance) in Performance::<T>::iter() {
            ensure!(performance <= PPB, "a performance above one");
        }
        let state = RestingState::<T>::get().map(|epoch| epoch.brain);
        ensure!(Resting::<T>::get() == state, "a resting epoch without its Brain");
        Ok(())
    }

    fn check_scorers(
        brain: BrainId,
        scorers: &ScorersOf<T::AccountId>,
    ) -> Result<(), sp_runtime::TryRuntimeError> {
        ensure!(!scorers.is_empty(), "scores of nobody");
        let mut accounts = BTreeSet::new();
        for scorer in scorers {
            ensure!(accounts.insert(&scorer.account), "somebody scores a Brain twice");
            ensure!(scorer.stake >= MIN_VALIDATOR_STAKE, "a score without stake");
            let row = T::Registry::uid(scorer.home, &scorer.account)
                .and_then(|uid| CrossRows::<T>::get(scorer.home, uid))
                .ok_or("a score of somebody without cross edges")?;
            let said = brain_scores(&row.edges).contains(&(brain, scorer.score));
            ensure!(
                said && row.set_at == scorer.set_at,
                "a score that is not its row's"
            );
        }
        Ok(())
    }
}
