//! What forecasts are worth once the figures are known.

use based_primitives::{
    constants::{BASED, FORECAST_TARGETS, PPB},
    traits::{ForecastInspect, OnTransactionPaid},
};
use proptest::prelude::*;

use crate::{mock::*, Accuracies, Histories, LastRound, Revealed, RevealedForecasts, Scoring};

fn accuracy(who: u64) -> u64 {
    <Forecasts as ForecastInspect<u64>>::accuracy(&who)
}

#[test]
fn the_figures_of_a_cycle_are_what_happened_in_it() {
    build_and_execute(|| {
        settle();
        round(&[], |_| work(3));
        let last = LastRound::<Test>::get().unwrap();
        assert_eq!(last.round, 1);
        assert_eq!(last.realised, figures(0, 3));
        let history = Forecasts::target_history();
        for (target, figure) in history.iter().zip(figures(0, 3)) {
            assert_eq!(target.len(), 3);
            assert_eq!(target[2], figure);
        }
    });
}

#[test]
fn a_perfect_forecast_scores_one() {
    build_and_execute(|| {
        settle();
        let scores = round(&[(1, sure(figures(0, 3)))], |_| work(3));
        assert_eq!(scores[&1], PPB);
        assert_eq!(accuracy(1), PPB / 10);
        let scores = round(&[(1, sure(figures(3, 5)))], |_| work(5));
        assert_eq!(scores[&1], PPB);
        // The second round: the one between had no forecast.
        assert_eq!(accuracy(1), (PPB / 100 * 9) / 10 * 9 + PPB / 10);
    });
}

#[test]
fn the_baseline_scores_nothing_and_so_does_worse() {
    build_and_execute(|| {
        settle();
        let baseline = sure(figures(0, 0));
        let mut below = figures(0, 0);
        below.iter_mut().for_each(|figure| *figure -= 1);
        let mut beyond = figures(0, 3);
        beyond.iter_mut().for_each(|figure| *figure *= 3);
        let forecasts = [(1, baseline), (2, sure(below)), (3, sure(beyond))];
        let scores = round(&forecasts, |_| work(3));
        assert_eq!(scores, [(1, 0), (2, 0), (3, 0)].into());
        assert_eq!(accuracy(1) + accuracy(2) + accuracy(3), 0);
        assert_eq!(Accuracies::<Test>::iter().count(), 0);
    });
}

#[test]
fn half_of_the_way_from_the_baseline_is_half_of_the_skill() {
    build_and_execute(|| {
        settle();
        let mut half = figures(0, 0);
        for (guess, truth) in half.iter_mut().zip(figures(0, 4)) {
            *guess = (*guess + truth) / 2;
        }
        let scores = round(&[(1, sure(half))], |_| work(4));
        assert_eq!(scores[&1], PPB / 2);
    });
}

#[test]
fn against_an_exact_baseline_only_the_exact_have_skill() {
    build_and_execute(|| {
        settle();
        let mut wrong = figures(0, 0);
        wrong[0] += 1;
        let forecasts = [(1, sure(figures(0, 0))), (2, sure(wrong))];
        let scores = round(&forecasts, |_| work(0));
        assert_eq!(scores[&1], PPB);
        assert_eq!(scores[&2], PPB / 6 * 5 + 3, "five of six targets");
    });
}

#[test]
fn whoever_reveals_late_or_never_scores_nothing() {
    build_and_execute(|| {
        settle();
        round(&[(1, sure(figures(0, 3)))], |_| work(3));
        assert_eq!(accuracy(1), PPB / 10);
        // Round 2 went by without a commitment while round 1 came true; round 3 has one that is not revealed.
        let perfect = sure(figures(3, 3));
        commit(1, &perfect);
        for _ in 0..CYCLE + REVEAL {
            work(3);
            next_block();
        }
        let late = Forecasts::reveal_forecast(RuntimeOrigin::signed(1), perfect, SALT);
        assert_eq!(late, Err(crate::Error::<Test>::TooLate.into()));
        for _ in 0..CYCLE {
            work(3);
            next_block();
        }
        let last = LastRound::<Test>::get().unwrap();
        assert_eq!((last.revealed, last.silent), (0, 1));
        assert_eq!(accuracy(1), PPB / 1_000 * 81, "two rounds of nothing");
    });
}

#[test]
fn accuracy_fades_without_forecasts_and_is_forgotten() {
    build_and_execute(|| {
        settle();
        round(&[(1, sure(figures(0, 3)))], |_| work(3));
        assert_eq!(accuracy(1), PPB / 10);
        round(&[], |_| work(3));
        assert_eq!(accuracy(1), PPB / 1_000 * 81);
        run_to(System::block_number() as u32 + 200 * CYCLE);
        assert_eq!(accuracy(1), 0);
        assert_eq!(Accuracies::<Test>::iter().count(), 0);
    });
}

#[test]
fn the_sweep_forgets_nobody_who_still_counts() {
    build_and_execute(|| {
        settle();
        for who in 0..30 {
            let record = crate::AccuracyRecord {
                value: PPB as u32,
                round: 0,
            };
            Accuracies::<Test>::insert(who, record);
        }
        run_to(10 * CYCLE);
        assert_eq!(Accuracies::<Test>::iter().count(), 30);
        assert!((0..30).all(|who| accuracy(who) > PPB / 10));
    });
}

#[test]
fn a_flood_of_one_account_moves_a_figure_no_further_than_it_moved_before() {
    build_and_execute(|| {
        settle();
        for level in [2, 4, 2, 4, 2, 4, 2, 4, 2, 4] {
            for _ in 0..CYCLE {
                work(level);
                next_block();
            }
        }
        // The last cycle was of level 4; the largest step so far was from 0 to 2 and by 2 up or down.
        let usual = figures(4, 6);
        let mut expected = sure(usual);
        expected.quantiles[4] = [4_000_000_000; 3];
        let flood = |_| {
            work(4);
            (0..5_000).for_each(|_| Forecasts::on_transaction_paid(&1_000, 4_000_000_000_000_000));
        };
        commit(1, &expected);
        for _ in 0..CYCLE {
            work(4);
            next_block();
        }
        reveal(1, &expected);
        for slot in 0..CYCLE {
            flood(slot);
            next_block();
        }
        let last = LastRound::<Test>::get().unwrap();
        let truth = Forecasts::target_history()[0].last().copied().unwrap();
        assert_eq!(truth, 20 * 5_004 * 1_000_000);
        assert_eq!(
            last.realised[0], usual[0],
            "transactions count up to the usual step"
        );
        assert_eq!(
            last.realised[3], 4_000_000,
            "one account more or less is one account"
        );
        assert_eq!(last.realised[4], 4_000_000_000, "fees did not change");
    });
}

#[test]
fn the_objective_is_the_loss_weighted_by_stake() {
    build_and_execute(|| {
        settle();
        Stakes::set([(1, 30 * BASED), (2, 7 * BASED)].into());
        let forecasts = [(1, sure(figures(0, 3))), (2, sure(figures(0, 0)))];
        round(&forecasts, |_| work(3));
        let last = LastRound::<Test>::get().unwrap();
        assert_eq!(last.stake, 37 * BASED);
        assert_eq!(
            last.objective,
            7 * BASED,
            "the baseline loses as much as the baseline"
        );
        assert_eq!(last.scores, u128::from(PPB));
        assert_eq!((last.revealed, last.silent), (2, 0));
        System::assert_has_event(crate::Event::RoundScored { record: last }.into());
    });
}

#[test]
fn many_forecasters_are_scored_a_few_in_each_block() {
    build_and_execute(|| {
        settle();
        (0..10).for_each(|who| commit(who, &sure(figures(0, 0))));
        run_to_slot(2, 0);
        (0..9).for_each(|who| reveal(who, &sure(figures(0, 0))));
        run_to_slot(2, CYCLE - 1);
        let mut scored = Vec::new();
        for _ in 0..4 {
            next_block();
            let handled = System::events()
                .into_iter()
                .filter(|record| {
                    matches!(
                        record.event,
                        RuntimeEvent::Forecasts(crate::Event::Scored { .. } | crate::Event::Forfeited { .. })
                    )
                })
                .count();
            scored.push(handled);
        }
        assert_eq!(scored, [4, 4, 2, 0]);
        assert_eq!(LastRound::<Test>::get().unwrap().revealed, 9);
    });
}

#[test]
fn a_round_that_nobody_forecast_is_closed_too() {
    build_and_execute(|| {
        run_to_slot(5, 0);
        let last = LastRound::<Test>::get().unwrap();
        assert_eq!((last.round, last.revealed, last.silent), (3, 0, 0));
        assert_eq!(last.objective, 0);
    });
}

/// Score of a forecast of figures with these histories.
fn score_of(past: &[[i64; FORECAST_TARGETS]], truth: [i64; 6], quantiles: [[i64; 3]; 6]) -> u64 {
    let mut histories: [based_primitives::math::History; FORECAST_TARGETS] = Default::default();
    for figures in past {
        for (history, figure) in histories.iter_mut().zip(figures) {
            history.push(*figure);
        }
    }
    Histories::<Test>::put(histories);
    let revealed = Revealed {
        stake: BASED,
        quantiles,
    };
    RevealedForecasts::<Test>::insert(0, 1, revealed);
    Accuracies::<Test>::remove(1);
    Scoring::<Test>::kill();
    Forecasts::close_cycle(1, truth);
    System::reset_events();
    Forecasts::score_some();
    scores()[&1]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scores_are_ratios_and_indifferent_to_the_order_of_targets(
        past in proptest::collection::vec(any::<[i64; FORECAST_TARGETS]>(), 1..20),
        truth: [i64; FORECAST_TARGETS],
        mut quantiles: [[i64; 3]; FORECAST_TARGETS],
        turn in 0usize..FORECAST_TARGETS,
    ) {
        quantiles.iter_mut().for_each(|row| row.sort_unstable());
        build_and_execute(|| {
            run_to_slot(1, 0);
            let score = score_of(&past, truth, quantiles);
            assert!(score <= PPB);
            assert!(accuracy(1) <= PPB);
            let mut turned = (past.clone(), truth, quantiles);
            turned.0.iter_mut().for_each(|figures| figures.rotate_left(turn));
            turned.1.rotate_left(turn);
            turned.2.rotate_left(turn);
            assert_eq!(score_of(&turned.0, turned.1, turned.2), score);
        });
    }
}
