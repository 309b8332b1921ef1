use based_primitives::{
    traits::{PeerCounts, RegistryInspect, SweepBrain},
    Role,
};
use frame_support::{assert_noop, assert_ok, weights::Weight};

use crate::{mock::*, Counts, Error, Fees, Occupied, WeightInfo};

#[test]
fn an_account_that_the_brain_does_not_admit_stays_out() {
    build_and_execute(false, || {
        assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, 0));
        assert_noop!(memorize(BARRED, BRAIN, Role::Miner), Error::<Test>::NotAdmitted);
    });
}

#[test]
fn a_closed_brain_is_emptied_as_far_as_the_weight_allows() {
    build_and_execute(false, || {
        for brain in [BRAIN, OTHER] {
            assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), brain, 0));
        }
        for who in 100..105 {
            assert_ok!(memorize(who, BRAIN, Role::Miner));
        }
        assert_ok!(memorize(100, OTHER, Role::Validator));
        let two = <() as WeightInfo>::sweep().saturating_add(<() as WeightInfo>::leave().saturating_mul(2));
        let (_, done) = Registry::sweep(BRAIN, two);
        assert!(!done);
        assert_eq!(Registry::counts(BRAIN), (3, 0));
        Registry::do_try_state().unwrap();
        assert!(!Registry::sweep(BRAIN, Weight::zero()).1, "nothing fits");
        assert!(Registry::sweep(BRAIN, Weight::MAX).1);
        assert!(<Registry as RegistryInspect<u64>>::peers(BRAIN).is_empty());
        assert_eq!(removed().len(), 5, "the others heard of every peer");
        assert!(!Counts::<Test>::contains_key(BRAIN) && !Occupied::<Test>::contains_key(BRAIN));
        assert!(!Fees::<Test>::contains_key(BRAIN));
        assert_eq!(Registry::counts(OTHER), (0, 1));
    });
}
