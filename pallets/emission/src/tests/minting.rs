use based_primitives::{
    constants::{BASED, EMISSION_YEAR},
    math::total_reward,
};
use frame_support::traits::fungible::Mutate;

use crate::{mock::*, Carry, TotalMinted};

#[test]
fn every_block_mints_ten_based_into_the_pot() {
    build_and_execute(|| {
        let issued = Balances::total_issuance();
        run_to(5);
        assert_eq!(free(Emission::pot()), 50 * BASED + DEPOSIT);
        assert_eq!(Balances::total_issuance(), issued + 50 * BASED);
        assert_eq!(
            (TotalMinted::<Test>::get(), Carry::<Test>::get()),
            (50 * BASED, 50 * BASED)
        );
    });
}

#[test]
fn the_reward_halves_between_two_years() {
    build_and_execute(|| {
        // As if all blocks of the first year but one had been run.
        let before = EMISSION_YEAR - 1;
        TotalMinted::<Test>::put(total_reward(before));
        Carry::<Test>::put(total_reward(before));
        Balances::mint_into(&Emission::pot(), total_reward(before)).unwrap();
        System::set_block_number(before.into());
        run_to(u64::from(EMISSION_YEAR) + 2);
        assert_eq!(TotalMinted::<Test>::get() - total_reward(before), 20 * BASED);
        assert_eq!(TotalMinted::<Test>::get(), 31_536_010 * BASED);
    });
}
