//! Changes of stored state between versions.

use core::marker::PhantomData;

use based_primitives::BrainKind;
use frame_support::{
    migrations::VersionedMigration, traits::Get, traits::UncheckedOnRuntimeUpgrade, weights::Weight,
};

use crate::{Brains, BurnedBrains, Config, Pallet};

/// Counts the burned Brains, on which the price depends since version 2. At most 1,024 reads in one block.
pub type CountBurned<T> =
    VersionedMigration<1, 2, UncheckedCountBurned<T>, Pallet<T>, <T as frame_system::Config>::DbWeight>;

/// [`CountBurned`] without the check of the version.
pub struct UncheckedCountBurned<T>(PhantomData<T>);

impl<T: Config> UncheckedOnRuntimeUpgrade for UncheckedCountBurned<T> {
    fn on_runtime_upgrade() -> Weight {
        let (mut read, mut burned) = (0u64, 0u16);
        for record in Brains::<T>::iter_values() {
            read = read.saturating_add(1);
            if record.kind == BrainKind::Burned {
                burned = burned.saturating_add(1);
            }
        }
        BurnedBrains::<T>::put(burned);
        T::DbWeight::get().reads_writes(read, 1)
    }
}
