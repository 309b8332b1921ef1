//! Changes of stored state between versions.

use core::marker::PhantomData;

use frame_support::{
    migrations::VersionedMigration, traits::Get, traits::UncheckedOnRuntimeUpgrade, weights::Weight,
};

use crate::{Config, Pallet, Positions, Stakers};

/// Lists the positions with stake by Brain, as closing Brains need since version 2. One block: a read and a write for
/// each position, of which a block of 5 s holds over 80,000.
pub type ListStakers<T> =
    VersionedMigration<1, 2, UncheckedListStakers<T>, Pallet<T>, <T as frame_system::Config>::DbWeight>;

/// [`ListStakers`] without the check of the version.
pub struct UncheckedListStakers<T>(PhantomData<T>);

impl<T: Config> UncheckedOnRuntimeUpgrade for UncheckedListStakers<T> {
    fn on_runtime_upgrade() -> Weight {
        let (mut read, mut listed) = (0u64, 0u64);
        for (who, target, position) in Positions::<T>::iter() {
            read = read.saturating_add(1);
            if position.amount > 0 {
                Stakers::<T>::insert(target.brain, (&who, &target.validator), ());
                listed = listed.saturating_add(1);
            }
        }
        T::DbWeight::get().reads_writes(read, listed)
    }
}
