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
