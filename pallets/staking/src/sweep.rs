//! What happens to the stake of a Brain that closed (B.12).

use alloc::vec::Vec;

use based_primitives::{traits::SweepBrain, BrainId};
use frame_support::{storage::with_storage_layer, weights::Weight};

use crate::{types::Target, weights::WeightInfo, Config, Pallet, Stakers};

impl<T: Config> SweepBrain for Pallet<T> {
    /// Unstakes one position after the other. What they earned stays claimable, whoever has the number next: that
    /// stake begins to earn where these positions ended. What stood behind a producer of blocks still answers for it.
    fn sweep(brain: BrainId, limit: Weight) -> (Weight, bool) {
        let each = T::WeightInfo::sweep();
        let most = limit.checked_div_per_component(&each).unwrap_or(0);
        let names = Stakers::<T>::iter_key_prefix(brain).take(usize::try_from(most).unwrap_or(usize::MAX));
        let found: Vec<_> = names.collect();
        let mut used = Weight::zero();
        for (who, validator) in &found {
            used = used.saturating_add(each);
            let validator = validator.clone();
            let unstaked = with_storage_layer(|| Self::do_unstake(who, Target { brain, validator }, None));
            if unstaked.is_err() {
                log::error!(target: "runtime::staking", "a stake in Brain {brain} was not given back");
            }
        }
        let done = u64::try_from(found.len()).is_ok_and(|count| count < most);
        (used, done)
    }
}
