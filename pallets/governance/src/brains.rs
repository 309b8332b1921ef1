//! Which Brains are GigaBrains.

use based_primitives::{
    constants::{ADMIN_BRAINS, MAX_BRAINS},
    traits::{BrainInspect, StakeInspect, SweepBrain},
    Balance, BlockNumber, BrainId,
};
use frame_support::{traits::Get, weights::Weight};

use crate::{
    types::{BrainList, Sample},
    Config, Event, GigaBrains, Pallet, StakeHistories, WeightInfo,
};

impl<T: Config> Pallet<T> {
    /// GigaBrains that have a say now: in the first year administrative Brains have none (B.7).
    pub fn eligible() -> BrainList {
        let mut brains = GigaBrains::<T>::get();
        if Self::is_year_one(Self::now()) {
            brains.retain(|brain| !ADMIN_BRAINS.contains(brain));
        }
        brains
    }

    /// Samples the Brains whose block this is and returns how many may exist: one, unless a cycle has fewer blocks than
    /// there are numbers.
    pub(crate) fn sample(now: BlockNumber) -> u32 {
        let due = Self::brains_of(now);
        Self::sample_all(due.clone());
        due.count() as u32
    }

    pub(crate) fn sample_all(brains: impl Iterator<Item = BrainId>) {
        let total = T::Stake::total_stake();
        brains.for_each(|brain| Self::sample_brain(brain, total));
    }

    /// Numbers whose block this is, of all that can be issued.
    fn brains_of(now: BlockNumber) -> impl Iterator<Item = BrainId> + Clone {
        let cycle = T::CycleBlocks::get().max(1);
        let first = now.checked_rem(cycle).unwrap_or_default();
        let all = first..u32::from(MAX_BRAINS);
        all.step_by(cycle as usize)
            .filter_map(|brain| BrainId::try_from(brain).ok())
    }

    fn sample_brain(brain: BrainId, total: Balance) {
        let giga = if T::Brains::is_open(brain) {
            let stake = T::Stake::brain_stake(brain);
            StakeHistories::<T>::mutate(brain, |history| {
                history.push(Sample { stake, total });
                history.is_giga()
            })
        } else {
            StakeHistories::<T>::remove(brain);
            false
        };
        Self::set_giga(brain, giga);
    }

    fn set_giga(brain: BrainId, giga: bool) {
        let mut brains = GigaBrains::<T>::get();
        let changed = match (brains.binary_search(&brain), giga) {
            // The list has room for every number.
            (Err(at), true) => brains.try_insert(at, brain).is_ok(),
            (Ok(at), false) => {
                brains.remove(at);
                true
            }
            _ => false,
        };
        if changed {
            GigaBrains::<T>::put(brains);
            Self::deposit_event(Event::GigaBrainChanged { brain, giga });
        }
    }
}

impl<T: Config> SweepBrain for Pallet<T> {
    /// Forgets the samples of a Brain that closed, so that the next of its number begins without any.
    fn sweep(brain: BrainId, limit: Weight) -> (Weight, bool) {
        let weight = T::WeightInfo::sweep();
        if weight.any_gt(limit) {
            return (Weight::zero(), false);
        }
        StakeHistories::<T>::remove(brain);
        Self::set_giga(brain, false);
        (weight, true)
    }
}
