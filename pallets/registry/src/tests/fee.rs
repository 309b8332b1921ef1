use based_primitives::{
    constants::{BASED, DEFAULT_REGISTRATION_FEE},
    traits::PeerCounts,
    Role,
};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

use crate::{mock::*, Error, Event};

#[test]
fn the_default_fee_goes_to_the_reward_account() {
    build_and_execute(false, || {
        assert_eq!(<Registry as PeerCounts>::fee(BRAIN), 100 * BASED);
        let issuance = Balances::total_issuance();
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        System::assert_last_event(
            Event::Memorized {
                brain: BRAIN,
                uid: 0,
                account: ALICE,
                role: Role::Miner,
                fee: DEFAULT_REGISTRATION_FEE,
            }
            .into(),
        );
        assert_eq!(free(ALICE), 900 * BASED);
        assert_eq!(free(OWNER_REWARDS), 1_100 * BASED);
        assert_eq!(free(OWNER), 1_000 * BASED, "income follows the reward account");
        assert_eq!(Balances::total_issuance(), issuance);
    });
}

#[test]
fn a_fee_of_zero_admits_an_account_without_funds() {
    build_and_execute(false, || {
        assert_noop!(memorize(1_234, BRAIN, Role::Miner), TokenError::FundsUnavailable);
        assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, 0));
        assert_ok!(memorize(1_234, BRAIN, Role::Miner));
        assert_eq!(free(OWNER_REWARDS), 1_000 * BASED);
    });
}

#[test]
fn earlier_peers_are_grandfathered_after_a_rise() {
    build_and_execute(false, || {
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        assert_ok!(Registry::set_fee(
            RuntimeOrigin::signed(OWNER),
            BRAIN,
            700 * BASED
        ));
        System::assert_last_event(
            Event::FeeSet {
                brain: BRAIN,
                fee: 700 * BASED,
            }
            .into(),
        );
        assert_eq!(free(ALICE), 900 * BASED, "a rise charges nobody");
        assert_ok!(Registry::update_endpoint(
            RuntimeOrigin::signed(ALICE),
            BRAIN,
            PUBLIC,
            [2; 32]
        ));
        assert_eq!(free(ALICE), 900 * BASED, "nor does a new endpoint");
        assert_ok!(memorize(BOB, BRAIN, Role::Validator));
        assert_eq!(free(BOB), 300 * BASED, "later registrants pay the new fee");
        assert_eq!(free(OWNER_REWARDS), 1_800 * BASED);
        assert_eq!(
            <Registry as PeerCounts>::fee(OTHER),
            100 * BASED,
            "other Brains keep theirs"
        );
    });
}

#[test]
fn a_fee_that_cannot_be_paid_memorizes_nobody() {
    build_and_execute(false, || {
        let set = |fee| Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, fee);
        assert_ok!(set(1_000 * BASED + 1));
        assert_noop!(memorize(ALICE, BRAIN, Role::Miner), TokenError::FundsUnavailable);
        assert_ok!(set(1_000 * BASED));
        assert_noop!(memorize(ALICE, BRAIN, Role::Miner), TokenError::NotExpendable);
        assert_ok!(set(u128::MAX));
        assert!(memorize(ALICE, BRAIN, Role::Miner).is_err());
        assert_ok!(set(1_000 * BASED - DEPOSIT));
        assert_ok!(memorize(ALICE, BRAIN, Role::Miner));
        assert_eq!(free(ALICE), DEPOSIT);
    });
}

#[test]
fn a_fee_raised_above_what_the_caller_allows_memorizes_nobody() {
    build_and_execute(false, || {
        let seen = <Registry as PeerCounts>::fee(BRAIN);
        assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, seen + 1));
        assert_noop!(
            memorize_for_at_most(ALICE, BRAIN, Role::Miner, seen),
            Error::<Test>::FeeTooHigh
        );
        assert_ok!(Registry::set_fee(RuntimeOrigin::signed(OWNER), BRAIN, seen));
        assert_ok!(memorize_for_at_most(ALICE, BRAIN, Role::Miner, seen));
        assert_eq!(free(ALICE), 1_000 * BASED - seen);
    });
}

#[test]
fn an_owner_pays_itself_without_gain_or_loss() {
    build_and_execute(false, || {
        assert_ok!(memorize(OWNER, OTHER, Role::Validator));
        assert_eq!(free(OWNER), 1_000 * BASED);
    });
}

#[test]
fn only_the_owner_sets_the_fee() {
    build_and_execute(false, || {
        for (who, brain) in [(ALICE, BRAIN), (OWNER_REWARDS, BRAIN), (OWNER, 99)] {
            assert_noop!(
                Registry::set_fee(RuntimeOrigin::signed(who), brain, 0),
                Error::<Test>::NotOwner
            );
        }
    });
}
