//! Metrics move when the chain is used, and a round of forecasts runs through the wired pallets.

use based_primitives::{
    constants::{
        BASED, CYCLE_BLOCKS, EXISTENTIAL_DEPOSIT, INITIAL_BLOCK_REWARD, METRIC_BUCKET_BLOCKS, TFT_YEAR,
    },
    forecasts::{commitment, Forecast, MetricsBucket},
    Role,
};
use frame_support::{
    assert_ok,
    traits::{fungible::InspectHold, Get, Hooks},
};
use sp_keyring::Sr25519Keyring::{Alice, Bob};

use super::{act, block, chain, fee_of, free, memorize, signed, BalancesCall, BRAIN};
use crate::{
    configs::{BlockWeights, TreasuryAccount},
    time, Balances, Forecasts, Runtime, System,
};

const SALT: [u8; 32] = [3; 32];

/// A bucket that is finished.
fn bucket(index: u32) -> MetricsBucket {
    Forecasts::metrics(index, 1)[0]
}

fn run_to(height: u32) {
    while System::block_number() < height {
        block(vec![]);
    }
}

#[test]
fn metrics_move_with_transactions() {
    chain("development").execute_with(|| {
        run_to(METRIC_BUCKET_BLOCKS);
        let idle = bucket(0);
        assert_eq!((idle.transactions, idle.active_accounts, idle.fee), (0, 0, 0));
        assert_eq!(idle.blocks, METRIC_BUCKET_BLOCKS - 1);
        assert_eq!((idle.block_time, idle.block_time_max), (10_000, 10_000));
        assert_eq!(
            idle.emission,
            u128::from(METRIC_BUCKET_BLOCKS - 1) * INITIAL_BLOCK_REWARD
        );
        assert!(idle.bytes > 0, "headers and inherents have bytes");

        let before = free(&Bob.to_account_id());
        for nonce in 0..3 {
            let dest = Alice.to_account_id().into();
            let transfer = BalancesCall::transfer_keep_alive { dest, value: BASED };
            // A tip is no fee.
            let outcome = block(vec![signed(Bob, transfer, nonce, 7 * BASED)]);
            assert_ok!(outcome[0].unwrap());
        }
        act(Alice, memorize(Role::Validator, 5));
        let fees = before - free(&Bob.to_account_id()) - 3 * BASED - 3 * 7 * BASED;
        run_to(2 * METRIC_BUCKET_BLOCKS);
        let busy = bucket(1);
        assert_eq!((busy.transactions, busy.active_accounts), (4, 2));
        assert!(busy.bytes > idle.bytes + 300);
        assert_eq!((busy.joins, busy.leaves), (1, 0));
        assert!(busy.fee >= fees / 4 && busy.fee < BASED / 100, "{}", busy.fee);
        assert_eq!(Forecasts::metrics(0, 10).len(), 2);

        act(Alice, based_pallet_registry::Call::leave { brain: BRAIN });
        run_to(3 * METRIC_BUCKET_BLOCKS);
        assert_eq!((bucket(2).joins, bucket(2).leaves), (0, 1));
        assert_eq!(bucket(2).transactions, 1);
    });
}

#[test]
fn failed_transactions_pay_and_count() {
    chain("development").execute_with(|| {
        run_to(METRIC_BUCKET_BLOCKS);
        let dest = Alice.to_account_id().into();
        let transfer = BalancesCall::transfer_keep_alive {
            dest,
            value: u128::MAX,
        };
        assert!(block(vec![signed(Bob, transfer, 0, 0)])[0].unwrap().is_err());
        run_to(2 * METRIC_BUCKET_BLOCKS);
        assert_eq!(bucket(1).transactions, 1);
        assert!(bucket(1).fee > 0);
    });
}

#[test]
fn a_validator_forecasts_reveals_and_is_scored() {
    chain("development").execute_with(|| {
        block(vec![]);
        act(Alice, memorize(Role::Validator, 5));
        let stake = based_pallet_staking::Call::stake {
            brain: BRAIN,
            validator: Some(Alice.to_account_id()),
            amount: 50 * BASED,
        };
        act(Alice, stake);
        let forecast = Forecast {
            quantiles: [[0, 10_000_000_000, 20_000_000_000]; 6],
            brains: Default::default(),
        };
        let hash = commitment(0, &Alice.to_account_id(), &[5; 32], &SALT, &forecast);
        act(
            Alice,
            based_pallet_forecasts::Call::commit_forecast { brain: BRAIN, hash },
        );
        // Bob commits itself too and stays silent.
        act(Bob, memorize(Role::Validator, 6));
        act(
            Bob,
            based_pallet_forecasts::Call::commit_forecast { brain: BRAIN, hash },
        );
        assert_eq!(Forecasts::status().committed, 2);
        let reason = based_pallet_forecasts::HoldReason::Forecast.into();
        assert_eq!(Balances::balance_on_hold(&reason, &Alice.to_account_id()), BASED);

        run_to(CYCLE_BLOCKS);
        act(
            Alice,
            based_pallet_forecasts::Call::reveal_forecast { forecast, salt: SALT },
        );
        assert_eq!(Balances::balance_on_hold(&reason, &Alice.to_account_id()), 0);
        assert_eq!(Forecasts::revealed_page(0, None, 10).len(), 1);
        let alice = Alice.to_account_id();
        assert!(Forecasts::revealed_page(0, Some(&alice), 10).is_empty());

        run_to(2 * CYCLE_BLOCKS);
        let last = Forecasts::status().last.unwrap();
        assert_eq!((last.round, last.revealed, last.silent), (0, 1, 1));
        assert_eq!(last.stake, 50 * BASED);
        // Block times were exact: one of the six targets.
        assert_eq!(last.realised[1], 10_000_000_000);
        assert_eq!(free(&TreasuryAccount::get()), BASED + EXISTENTIAL_DEPOSIT);
        assert_eq!(Balances::balance_on_hold(&reason, &Bob.to_account_id()), 0);
    });
}

#[test]
fn release_networks_measure_ten_minutes_and_years_of_365_and_a_quarter_days() {
    assert_eq!(time::METRIC_BUCKET_BLOCKS, 60);
    assert_eq!(time::TFT_YEAR, TFT_YEAR);
    assert_eq!(Forecasts::reveal_blocks(), 256);
    assert!(Forecasts::max_forecasters() > 100_000);
}

#[test]
fn the_work_of_a_block_stays_under_two_percent_of_it() {
    use based_pallet_forecasts::WeightInfo;
    type Weights = <Runtime as based_pallet_forecasts::Config>::WeightInfo;
    let limit = <Runtime as based_pallet_forecasts::Config>::ScoredPerBlock::get();
    // More payments than fit into a block.
    let payments = 100_000;
    let most = Weights::score_silent(limit)
        .max(Weights::score_revealed(limit))
        .saturating_add(Weights::sweep())
        .saturating_add(Weights::observe(1, payments))
        .saturating_add(Weights::close_bucket())
        .saturating_add(Weights::close_cycle());
    assert!(
        most.ref_time() < BlockWeights::get().max_block.ref_time() / 50,
        "{most:?}"
    );
    chain("development").execute_with(|| {
        let idle = Forecasts::on_initialize(5);
        assert!(
            idle.ref_time() < BlockWeights::get().max_block.ref_time() / 1_000,
            "{idle:?}"
        );
    });
}

#[test]
fn revealing_costs_more_with_more_brains() {
    chain("development").execute_with(|| {
        block(vec![]);
        let reveal = |brains: u16| {
            let brains: Vec<_> = (0..brains)
                .map(|brain| based_primitives::forecasts::BrainForecast {
                    brain,
                    performance: 1,
                })
                .collect();
            let forecast = Forecast {
                quantiles: Default::default(),
                brains: brains.try_into().unwrap(),
            };
            fee_of(&signed(
                Alice,
                based_pallet_forecasts::Call::reveal_forecast { forecast, salt: SALT },
                0,
                0,
            ))
        };
        assert!(reveal(64) > 4 * reveal(0));
    });
}
