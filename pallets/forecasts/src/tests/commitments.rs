//! Committing to forecasts and revealing them, and what becomes of deposits.

use based_primitives::{constants::FORECAST_TARGETS, forecasts::Forecast};
use frame_support::{
    assert_noop, assert_ok,
    traits::{
        fungible::{InspectHold, Mutate},
        tokens::Preservation::Preserve,
    },
};
use sp_runtime::DispatchError;

use crate::{mock::*, Commitments, CommittedCount, Error, Forfeited, HoldReason, RevealedForecasts};

fn held(who: u64) -> u128 {
    Balances::balance_on_hold(&HoldReason::Forecast.into(), &who)
}

fn try_commit(who: u64, brain: u16) -> Result<(), DispatchError> {
    Forecasts::commit_forecast(RuntimeOrigin::signed(who), brain, hash(who, &blank()))
}

fn try_reveal(who: u64, forecast: Forecast, salt: [u8; 32]) -> Result<(), DispatchError> {
    Forecasts::reveal_forecast(RuntimeOrigin::signed(who), forecast, salt)
}

#[test]
fn a_commitment_holds_the_deposit_until_it_is_revealed() {
    build_and_execute(|| {
        commit(1, &blank());
        assert_eq!(held(1), DEPOSIT);
        run_to_slot(1, 0);
        reveal(1, &blank());
        assert_eq!(held(1), 0);
        assert_eq!(Balances::free_balance(1), ENDOWMENT);
        assert!(RevealedForecasts::<Test>::contains_key(0, 1));
    });
}

#[test]
fn only_validators_of_the_brain_they_name_commit() {
    build_and_execute(|| {
        assert_noop!(try_commit(MINER, BRAIN), Error::<Test>::NotValidator);
        assert_noop!(try_commit(STRANGER, BRAIN), Error::<Test>::NotValidator);
        assert_noop!(try_commit(1, BRAIN + 1), Error::<Test>::NotValidator);
        let nobody = Forecasts::commit_forecast(RuntimeOrigin::none(), BRAIN, Default::default());
        assert_noop!(nobody, DispatchError::BadOrigin);
    });
}

#[test]
fn an_account_commits_once_a_round() {
    build_and_execute(|| {
        commit(1, &blank());
        assert_noop!(try_commit(1, BRAIN), Error::<Test>::AlreadyCommitted);
        run_to_slot(1, 0);
        assert_ok!(try_commit(1, BRAIN));
        assert_eq!(held(1), 2 * DEPOSIT);
    });
}

#[test]
fn committing_to_the_next_round_does_not_hinder_revealing_the_last() {
    build_and_execute(|| {
        commit(1, &blank());
        run_to_slot(1, 1);
        commit(1, &blank());
        reveal(1, &blank());
        assert_eq!(held(1), DEPOSIT);
        run_to_slot(2, 0);
        reveal(1, &blank());
        assert_eq!(held(1), 0);
    });
}

#[test]
fn whoever_cannot_pay_the_deposit_does_not_forecast() {
    build_and_execute(|| {
        Balances::transfer(&1, &2, ENDOWMENT - DEPOSIT, Preserve).unwrap();
        assert!(try_commit(1, BRAIN).is_err());
        assert_eq!(Forecasts::status().committed, 0);
        Balances::transfer(&2, &1, ENDOWMENT - DEPOSIT, Preserve).unwrap();
    });
}

#[test]
fn a_forecast_is_not_revealed_in_the_cycle_of_its_commitment() {
    build_and_execute(|| {
        commit(1, &blank());
        run_to(CYCLE - 1);
        assert_noop!(try_reveal(1, blank(), SALT), Error::<Test>::TooEarly);
        next_block();
        assert_ok!(try_reveal(1, blank(), SALT));
    });
}

#[test]
fn the_last_block_of_a_cycle_commits_to_it_and_the_first_of_the_next_reveals() {
    build_and_execute(|| {
        run_to(CYCLE - 1);
        commit(1, &blank());
        assert!(Commitments::<Test>::contains_key(0, 1));
        next_block();
        reveal(1, &blank());
        commit(2, &blank());
        assert!(Commitments::<Test>::contains_key(1, 2));
        assert_eq!(CommittedCount::<Test>::get().forecasters, 1);
    });
}

#[test]
fn forecasts_are_revealed_in_the_first_quarter_only() {
    build_and_execute(|| {
        commit(1, &blank());
        commit(2, &blank());
        run_to_slot(1, REVEAL - 1);
        assert_ok!(try_reveal(1, blank(), SALT));
        next_block();
        assert_noop!(try_reveal(2, blank(), SALT), Error::<Test>::TooLate);
        run_to_slot(1, CYCLE - 1);
        assert_noop!(try_reveal(2, blank(), SALT), Error::<Test>::TooLate);
        next_block();
        assert_noop!(try_reveal(2, blank(), SALT), Error::<Test>::NotCommitted);
    });
}

#[test]
fn nothing_is_revealed_without_a_commitment_or_twice() {
    build_and_execute(|| {
        assert_noop!(try_reveal(1, blank(), SALT), Error::<Test>::NotCommitted);
        commit(1, &blank());
        run_to_slot(1, 0);
        assert_noop!(try_reveal(2, blank(), SALT), Error::<Test>::NotCommitted);
        reveal(1, &blank());
        assert_noop!(try_reveal(1, blank(), SALT), Error::<Test>::NotCommitted);
    });
}

#[test]
fn what_is_revealed_is_what_was_committed_to() {
    build_and_execute(|| {
        commit(1, &blank());
        run_to_slot(1, 0);
        assert_noop!(try_reveal(1, blank(), [8; 32]), Error::<Test>::WrongReveal);
        let other = forecast([[0, 0, 1]; FORECAST_TARGETS], &[]);
        assert_noop!(try_reveal(1, other, SALT), Error::<Test>::WrongReveal);
        let more = forecast([[0; 3]; FORECAST_TARGETS], &[(1, 1)]);
        assert_noop!(try_reveal(1, more, SALT), Error::<Test>::WrongReveal);
        assert_ok!(try_reveal(1, blank(), SALT));
    });
}

#[test]
fn a_copied_commitment_is_of_no_use() {
    build_and_execute(|| {
        let copied = hash(1, &blank());
        commit(1, &blank());
        assert_ok!(Forecasts::commit_forecast(
            RuntimeOrigin::signed(2),
            BRAIN,
            copied
        ));
        run_to_slot(1, 0);
        reveal(1, &blank());
        assert_noop!(try_reveal(2, blank(), SALT), Error::<Test>::WrongReveal);
    });
}

#[test]
fn a_commitment_of_an_earlier_round_cannot_be_replayed() {
    build_and_execute(|| {
        let old = hash(1, &blank());
        run_to_slot(1, 0);
        assert_ok!(Forecasts::commit_forecast(RuntimeOrigin::signed(1), BRAIN, old));
        run_to_slot(2, 0);
        assert_noop!(try_reveal(1, blank(), SALT), Error::<Test>::WrongReveal);
    });
}

#[test]
fn crossed_quantiles_are_refused() {
    build_and_execute(|| {
        for crossed in [[2, 1, 3], [1, 3, 2], [3, 2, 1]] {
            let mut quantiles = [[1, 2, 3]; FORECAST_TARGETS];
            quantiles[5] = crossed;
            let forecast = forecast(quantiles, &[]);
            let start = System::block_number() as u32 / CYCLE;
            commit(1, &forecast);
            run_to_slot(start + 1, 0);
            assert_noop!(try_reveal(1, forecast, SALT), Error::<Test>::CrossedQuantiles);
        }
    });
}

#[test]
fn brains_of_a_forecast_are_in_order_and_foreign() {
    build_and_execute(|| {
        let quantiles = [[0; 3]; FORECAST_TARGETS];
        let unordered = forecast(quantiles, &[(9, 1), (8, 1)]);
        let twice = forecast(quantiles, &[(9, 1), (9, 2)]);
        let unknown = forecast(quantiles, &[(1_024, 1)]);
        let excessive = forecast(quantiles, &[(9, 1_000_000_001)]);
        let own = forecast(quantiles, &[(BRAIN, 1)]);
        let cases = [
            (1, unordered, Error::<Test>::InvalidBrains),
            (2, twice, Error::<Test>::InvalidBrains),
            (3, unknown, Error::<Test>::InvalidBrains),
            (4, excessive, Error::<Test>::InvalidBrains),
            (5, own, Error::<Test>::OwnBrain),
        ];
        for (who, forecast, _) in &cases {
            commit(*who, forecast);
        }
        run_to_slot(1, 0);
        for (who, forecast, error) in cases {
            assert_noop!(try_reveal(who, forecast, SALT), error);
        }
    });
}

#[test]
fn a_validator_that_left_may_still_reveal() {
    build_and_execute(|| {
        commit(1, &blank());
        run_to_slot(1, 0);
        Left::mutate(|left| left.insert(1));
        reveal(1, &blank());
        assert_eq!(Balances::free_balance(1), ENDOWMENT);
        assert_noop!(try_commit(1, BRAIN), Error::<Test>::NotValidator);
    });
}

#[test]
fn the_deposit_of_the_silent_goes_to_the_treasury() {
    build_and_execute(|| {
        commit(1, &blank());
        commit(2, &blank());
        run_to_slot(1, 0);
        reveal(2, &blank());
        run_to_slot(1, CYCLE - 1);
        assert_eq!(held(1), DEPOSIT);
        // The first cycle gave the targets their last values; the second is what round 0 forecast.
        next_block();
        assert_eq!(held(1), 0);
        assert_eq!(Balances::free_balance(1), ENDOWMENT - DEPOSIT);
        assert_eq!(Balances::free_balance(2), ENDOWMENT);
        assert_eq!(Balances::free_balance(TREASURY), DEPOSIT);
        assert_eq!(Forfeited::<Test>::get(), DEPOSIT);
        System::assert_has_event(
            crate::Event::Forfeited {
                round: 0,
                account: 1,
                amount: DEPOSIT,
            }
            .into(),
        );
    });
}

#[test]
fn a_round_admits_as_many_as_can_be_scored_and_all_are() {
    build_and_execute(|| {
        let most = u64::from(PER_BLOCK * (CYCLE - 1));
        assert_eq!(u64::from(Forecasts::max_forecasters()), most);
        (0..most).for_each(|who| commit(who, &blank()));
        assert_noop!(try_commit(most, BRAIN), Error::<Test>::RoundFull);
        run_to_slot(1, 0);
        (0..most / 2).for_each(|who| reveal(who, &blank()));
        run_to_slot(2, CYCLE - 2);
        let before = crate::Scoring::<Test>::get().map(|record| record.silent + record.revealed);
        assert_eq!(before, Some(PER_BLOCK * (CYCLE - 1)));
        next_block();
        assert!(crate::Scoring::<Test>::get().is_none());
        let last = crate::LastRound::<Test>::get().unwrap();
        assert_eq!((last.round, last.revealed, last.silent), (0, 38, 38));
        assert_eq!(Forfeited::<Test>::get(), 38 * DEPOSIT);
    });
}
