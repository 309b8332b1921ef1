use based_primitives::constants::BASED;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

use crate::{mock::*, Error, Event, Pending, TotalPaid};

fn claim(account: u64) -> sp_runtime::DispatchResult {
    Emission::claim(RuntimeOrigin::signed(ANYONE), account)
}

#[test]
fn anyone_claims_for_an_account_that_is_then_paid_once() {
    build_and_execute(|| {
        set(
            BRAIN,
            Setting {
                validators: vec![BASED],
                miner_scores: vec![1],
                ..Default::default()
            },
        );
        run_to_pay();
        let earned = Pending::<Test>::get(MINERS);
        assert_eq!(earned, 190 * BASED / 4 * 3 / 2);
        let paid = TotalPaid::<Test>::get();
        assert_ok!(claim(MINERS));
        assert_eq!((free(MINERS), free(ANYONE)), (earned, DEPOSIT));
        assert_eq!(TotalPaid::<Test>::get(), paid + earned);
        System::assert_last_event(
            Event::Claimed {
                account: MINERS,
                amount: earned,
            }
            .into(),
        );
        assert_noop!(claim(MINERS), Error::<Test>::NothingToClaim);
    });
}

#[test]
fn who_earned_nothing_claims_nothing() {
    build_and_execute(|| {
        run_to(3);
        assert_noop!(claim(OWNER), Error::<Test>::NothingToClaim);
    });
}

#[test]
fn an_amount_too_small_for_a_new_account_waits() {
    build_and_execute(|| {
        run_to(3);
        Pending::<Test>::insert(MINERS, DEPOSIT - 1);
        crate::Carry::<Test>::mutate(|carry| *carry -= DEPOSIT - 1);
        assert_noop!(claim(MINERS), TokenError::BelowMinimum);
        assert_eq!(Pending::<Test>::get(MINERS), DEPOSIT - 1);
    });
}

#[test]
fn the_pot_survives_the_last_claim() {
    build_and_execute(|| {
        run_to(3);
        Pending::<Test>::insert(MINERS, 30 * BASED);
        crate::Carry::<Test>::put(0);
        assert_ok!(claim(MINERS));
        assert_eq!(free(Emission::pot()), DEPOSIT);
    });
}
