use based_primitives::{traits::SweepBrain, PriceList};
use frame_support::{assert_noop, assert_ok, weights::Weight};

use crate::{mock::*, Error, Event, Prices, WeightInfo};

const PRICES: PriceList = PriceList {
    prompt: 3,
    completion: 6,
    context: 100,
};

#[test]
fn the_owner_sets_prices() {
    build_and_execute(|| {
        assert_ok!(Compute::set_prices(RuntimeOrigin::signed(owner()), BRAIN, PRICES));
        assert_eq!(Prices::<Test>::get(BRAIN), Some(PRICES));
        System::assert_last_event(
            Event::PricesSet {
                brain: BRAIN,
                prices: PRICES,
            }
            .into(),
        );
    });
}

#[test]
fn others_do_not() {
    build_and_execute(|| {
        assert_noop!(
            Compute::set_prices(RuntimeOrigin::signed(stranger()), BRAIN, PRICES),
            Error::<Test>::NotBrainOwner
        );
        assert_noop!(
            Compute::set_prices(RuntimeOrigin::signed(owner()), 99, PRICES),
            Error::<Test>::NotBrainOwner
        );
    });
}

#[test]
fn a_context_of_nothing_is_refused() {
    build_and_execute(|| {
        assert_noop!(
            Compute::set_prices(
                RuntimeOrigin::signed(owner()),
                BRAIN,
                PriceList { context: 0, ..PRICES }
            ),
            Error::<Test>::InvalidPrices
        );
    });
}

#[test]
fn a_closed_brain_has_no_prices() {
    build_and_execute(|| {
        assert_ok!(Compute::set_prices(RuntimeOrigin::signed(owner()), BRAIN, PRICES));
        let weight = <() as WeightInfo>::sweep();
        assert_eq!(Compute::sweep(BRAIN, Weight::zero()), (Weight::zero(), false));
        assert_eq!(Compute::sweep(BRAIN, weight), (weight, true));
        assert_eq!(Prices::<Test>::get(BRAIN), None);
    });
}
