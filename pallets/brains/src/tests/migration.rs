use based_primitives::{constants::PEPECOIN, BrainKind};
use frame_support::traits::{GetStorageVersion, OnRuntimeUpgrade, StorageVersion};

use crate::{migrations::CountBurned, mock::*, BurnedBrains};

#[test]
fn version_two_counts_the_burned_brains_once() {
    build_and_execute(|| {
        BurnedBrains::<Test>::kill();
        StorageVersion::new(1).put::<Brains>();
        CountBurned::<Test>::on_runtime_upgrade();
        assert_eq!(Brains::on_chain_storage_version(), 2);
        assert_eq!(Brains::price(BrainKind::Burned), Some(1_200 * PEPECOIN));
        BurnedBrains::<Test>::put(5);
        CountBurned::<Test>::on_runtime_upgrade();
        assert_eq!(BurnedBrains::<Test>::get(), 5, "a second run changes nothing");
        BurnedBrains::<Test>::put(1);
    });
}
