use based_primitives::constants::{BASED, PPB};

use crate::{mock::*, Budgets, Carry, Event};

fn budget(brain: u16) -> u128 {
    Budgets::<Test>::get(brain).unwrap_or(0)
}

#[test]
fn the_pot_of_a_cycle_is_divided_by_stake_and_performance() {
    build_and_execute(|| {
        // One counts for at most half a percent of all stake: 5 of 1,000.
        set(
            1,
            Setting {
                directed: 3 * BASED,
                performance: PPB / 2,
                ..Default::default()
            },
        );
        set(
            2,
            Setting {
                directed: 3 * BASED,
                performance: PPB / 4,
                ..Default::default()
            },
        );
        set(
            3,
            Setting {
                directed: 994 * BASED,
                performance: PPB,
                ..Default::default()
            },
        );
        run_to_split();
        // Scores 3 * 0.5, 3 * 0.25 and, with the bonus of the best, 5 * 1 * 1.25: 6, 3 and 25 of 34.
        let pot = 190 * BASED;
        assert_eq!(budget(1), pot * 6 / 34);
        assert_eq!(budget(1) + budget(2) + budget(3), pot);
        assert!(budget(2).abs_diff(pot * 3 / 34) <= 1 && budget(3).abs_diff(pot * 25 / 34) <= 1);
        assert_eq!(Carry::<Test>::get(), 0);
        for brain in [1, 2, 3] {
            assert_eq!(Emission::expected_budget(brain, pot), budget(brain));
        }
        assert_eq!(Emission::expected_budget(4, pot), 0);
        System::assert_last_event(
            Event::CycleSplit {
                cycle: 0,
                total: pot,
                carry: 0,
            }
            .into(),
        );
    });
}

#[test]
fn without_performance_the_pot_carries_over() {
    build_and_execute(|| {
        set(
            BRAIN,
            Setting {
                directed: BASED,
                performance: 0,
                ..Default::default()
            },
        );
        run_to_split();
        assert_eq!((budget(BRAIN), Carry::<Test>::get()), (0, 190 * BASED));
        System::assert_last_event(
            Event::CycleSplit {
                cycle: 0,
                total: 0,
                carry: 190 * BASED,
            }
            .into(),
        );
        set(
            BRAIN,
            Setting {
                directed: BASED,
                ..Default::default()
            },
        );
        run_to(39);
        assert_eq!((budget(BRAIN), Carry::<Test>::get()), (390 * BASED, 0));
    });
}

#[test]
fn epochs_run_once_a_cycle_in_the_brains_own_block_with_or_without_budget() {
    build_and_execute(|| {
        set(
            BRAIN,
            Setting {
                performance: 0,
                ..Default::default()
            },
        );
        set(
            OTHER,
            Setting {
                performance: 0,
                ..Default::default()
            },
        );
        set(
            0,
            Setting {
                performance: 0,
                ..Default::default()
            },
        );
        run_to(47);
        let expected = vec![
            (7, 7),
            (27, 7),
            (0, 20),
            (7, 27),
            (27, 27),
            (0, 40),
            (7, 47),
            (27, 47),
        ];
        assert_eq!(EpochsRun::get(), expected);
    });
}

#[test]
fn a_budget_is_divided_once() {
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
        assert_eq!(division()[0], 190 * BASED);
        assert_eq!(Budgets::<Test>::get(BRAIN), None);
    });
}

#[test]
fn the_budget_of_a_brain_that_closed_returns_to_the_pot() {
    build_and_execute(|| {
        set(
            BRAIN,
            Setting {
                directed: BASED,
                ..Default::default()
            },
        );
        run_to_split();
        assert_eq!(budget(BRAIN), 190 * BASED);
        Brains::mutate(|brains| brains.remove(&BRAIN));
        run_to(39);
        assert_eq!(
            (Budgets::<Test>::iter().count(), Carry::<Test>::get()),
            (0, 390 * BASED)
        );
    });
}

/// Budgets of two Brains of equal stake, of which the first performed better and the second is forecast to, with
/// forecasts weighing so much.
fn budgets_with_forecasts(beta: u64) -> [u128; 2] {
    let mut budgets = [0; 2];
    build_and_execute(|| {
        Beta::set(beta);
        for (brain, performance, forecast) in [(1, PPB, Some(PPB / 5)), (2, PPB / 5, Some(PPB))] {
            set(
                brain,
                Setting {
                    directed: BASED,
                    performance,
                    forecast,
                    ..Default::default()
                },
            );
        }
        run_to_split();
        budgets = [budget(1), budget(2)];
    });
    budgets
}

#[test]
fn forecasts_of_performance_weigh_as_much_as_beta() {
    let pot = 190 * BASED;
    // Performances 1 and 0.2, the better with the bonus: 1.25 and 0.2.
    assert_eq!(
        budgets_with_forecasts(0),
        [pot * 125 / 145, pot - pot * 125 / 145]
    );
    // At 0.5: (1 + 0.1) / 1.5 and (0.2 + 0.5) / 1.5, that is 11 and 7 with the bonus on 11.
    let [one, other] = budgets_with_forecasts(PPB / 2);
    assert_eq!(one + other, pot);
    assert!(one.abs_diff(pot * 1_375 / 2_075) < BASED / 1_000_000);
    // At 1 both are 0.6 and share alike.
    assert_eq!(budgets_with_forecasts(PPB), [pot / 2, pot / 2]);
}

#[test]
fn a_brain_that_nobody_forecasts_keeps_its_performance() {
    build_and_execute(|| {
        Beta::set(PPB);
        for (brain, forecast) in [(1, None), (2, Some(PPB))] {
            set(
                brain,
                Setting {
                    directed: BASED,
                    performance: PPB,
                    forecast,
                    ..Default::default()
                },
            );
        }
        run_to_split();
        assert_eq!((budget(1), budget(2)), (95 * BASED, 95 * BASED));
    });
}
