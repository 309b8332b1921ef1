//! Long random runs: nothing grows without bound, every deposit is somewhere, every score is a ratio.

use std::collections::BTreeMap;

use based_primitives::{
    constants::{FORECAST_TARGETS, METRIC_BUCKETS, PPB},
    forecasts::Forecast,
    traits::{ForecastInspect, OnTransactionPaid},
};
use frame_support::traits::fungible::Inspect;
use proptest::{collection::vec, prelude::*};

use crate::{mock::*, Accuracies, BrainVoices, Buckets, Commitments, RevealedForecasts};

#[derive(Clone, Debug)]
enum Step {
    Commit(u64, [i64; 3]),
    Reveal(u64),
    Pay(u64, u32),
    Leave(u64),
    Blocks(u32),
    Performance(u16, u64),
    Override(Option<u64>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || 0u64..12;
    let figure = || prop_oneof![0i64..1_000_000_000, any::<i64>()];
    let quantiles = [figure(), figure(), figure()].prop_map(|mut quantiles| {
        quantiles.sort_unstable();
        quantiles
    });
    let step = prop_oneof![
        4 => (who(), quantiles).prop_map(|(who, quantiles)| Step::Commit(who, quantiles)),
        4 => who().prop_map(Step::Reveal),
        2 => (any::<u64>(), 0u32..50).prop_map(|(who, count)| Step::Pay(who, count)),
        1 => who().prop_map(Step::Leave),
        6 => (1u32..12).prop_map(Step::Blocks),
        2 => (0u16..40, 0..=PPB).prop_map(|(brain, ppb)| Step::Performance(brain, ppb)),
        1 => proptest::option::of(0..=PPB).prop_map(Step::Override),
    ];
    vec(step, 100..200)
}

fn act(step: Step, promised: &mut BTreeMap<(u32, u64), Forecast>) {
    let cycle = System::block_number() as u32 / CYCLE;
    match step {
        Step::Commit(who, quantiles) => {
            let pairs: Vec<(u16, u32)> = (10..14)
                .map(|brain| (brain, quantiles[0] as u32 % 1_000))
                .collect();
            let forecast = forecast([quantiles; FORECAST_TARGETS], &pairs);
            let hash = hash(who, &forecast);
            if Forecasts::commit_forecast(RuntimeOrigin::signed(who), BRAIN, hash).is_ok() {
                assert!(promised.insert((cycle, who), forecast).is_none());
            }
        }
        Step::Reveal(who) => {
            let key = (cycle.wrapping_sub(1), who);
            let Some(forecast) = promised.get(&key) else {
                return;
            };
            let revealed = Forecasts::reveal_forecast(RuntimeOrigin::signed(who), forecast.clone(), SALT);
            let in_time = System::block_number() as u32 % CYCLE < REVEAL;
            assert_eq!(revealed.is_ok(), in_time);
            if in_time {
                promised.remove(&key);
            }
        }
        Step::Pay(who, count) => (0..count).for_each(|n| Forecasts::on_transaction_paid(&who, n.into())),
        Step::Leave(who) => Left::mutate(|left| {
            if !left.remove(&who) {
                left.insert(who);
            }
        }),
        Step::Blocks(count) => (0..count).for_each(|_| {
            next_block();
            assert!(scores().values().all(|score| *score <= PPB));
        }),
        Step::Performance(brain, ppb) => {
            Standings::mutate(|standings| standings.insert(brain, (ppb, brain)));
        }
        Step::Override(ppb) => {
            let _ = Forecasts::set_beta_override(RuntimeOrigin::root(), ppb);
        }
    }
}

proptest! {
    // Histories are long here: two for every five elsewhere.
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases * 2 / 5,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn everything_stays_in_bounds_and_accounted_for(steps in steps()) {
        build_and_execute(|| {
            let mut promised = BTreeMap::new();
            for step in steps {
                act(step, &mut promised);
                Forecasts::do_try_state().unwrap();
            }
            for who in ACCOUNTS {
                assert!(<Forecasts as ForecastInspect<u64>>::accuracy(&who) <= PPB);
                // Nothing leaves an account but deposits.
                let lost = ENDOWMENT - Balances::total_balance(&who);
                assert_eq!(lost % DEPOSIT, 0);
            }
            assert!(Commitments::<Test>::iter().count() <= 3 * 12);
            assert!(RevealedForecasts::<Test>::iter().count() <= 2 * 12);
            assert!(Accuracies::<Test>::iter().count() <= 12);
            assert!(BrainVoices::<Test>::iter().count() <= 4);
            assert!(Buckets::<Test>::iter().count() as u32 <= METRIC_BUCKETS);
            // Two idle cycles later nothing of any round is left.
            run_to(System::block_number() as u32 + 3 * CYCLE);
            assert_eq!(Commitments::<Test>::iter().count(), 0);
            assert_eq!(RevealedForecasts::<Test>::iter().count(), 0);
        });
    }
}
