//! Who is a GigaBrain (R154, B.7, F.2-3).

use based_primitives::constants::{BASED, GIGA_BRAIN_CYCLES, MAX_BRAINS};
use frame_support::traits::Hooks;

use crate::{mock::*, types::*, Event, GigaBrains, StakeHistories};

fn giga() -> Vec<u16> {
    GigaBrains::<Test>::get().into_inner()
}

/// A history of these stakes of a network that has a thousand.
fn history(stakes: &[u128]) -> StakeHistory {
    let mut history = StakeHistory::default();
    for stake in stakes {
        history.push(Sample {
            stake: *stake,
            total: 1_000,
        });
    }
    history
}

#[test]
fn half_a_percent_on_average_is_the_threshold() {
    assert!(history(&[5; 8]).is_giga());
    assert!(!history(&[5, 5, 5, 5, 5, 5, 5, 4]).is_giga());
    assert!(history(&[0, 0, 0, 0, 0, 0, 0, 40]).is_giga());
    assert!(!history(&[0, 0, 0, 0, 0, 0, 0, 39]).is_giga());
    // Only the newest eight count.
    assert!(!history(&[1_000, 0, 0, 0, 0, 0, 0, 0, 39]).is_giga());
    assert!(history(&[0, 5, 5, 5, 5, 5, 5, 5, 5]).is_giga());
}

#[test]
fn fewer_than_eight_cycles_are_too_few() {
    for cycles in 0..8 {
        assert!(!history(&vec![1_000; cycles]).is_giga(), "{cycles}");
    }
    assert!(history(&[1_000; 8]).is_giga());
}

#[test]
fn without_stake_nobody_is_giga_and_the_largest_numbers_do_not_overflow() {
    let of = |stake, total| {
        let mut history = StakeHistory::default();
        (0..8).for_each(|_| history.push(Sample { stake, total }));
        history.is_giga()
    };
    assert!(!of(0, 0));
    assert!(of(1, 0));
    assert!(of(u128::MAX, u128::MAX));
    assert!(!of(1, u128::MAX));
    // 1 of 200 is exactly half a percent, 1 of 201 is less.
    assert!(of(1, 200));
    assert!(!of(1, 201));
    assert!(of(2, 201));
}

#[test]
fn a_brain_becomes_giga_without_a_call_in_its_own_block() {
    build_and_execute(|| {
        brain(7, ALICE, 5 * BASED);
        brain(8, BOB, 995 * BASED);
        let sampled = GIGA_BRAIN_CYCLES * CYCLE;
        run_to(sampled - CYCLE + 6);
        assert!(giga().is_empty());
        next_block();
        assert_eq!(
            giga(),
            [7],
            "in the eighth block whose height modulo the cycle is 7"
        );
        assert_eq!(last_event(), Event::GigaBrainChanged { brain: 7, giga: true });
        next_block();
        assert_eq!(giga(), [7, 8]);
    });
}

#[test]
fn one_unit_below_half_a_percent_is_not_enough() {
    build_and_execute(|| {
        brain(7, ALICE, 5 * BASED - 1);
        brain(8, BOB, 995 * BASED + 1);
        run_cycles();
        assert_eq!(giga(), [8]);
    });
}

#[test]
fn stake_of_one_block_makes_nobody_giga() {
    build_and_execute(|| {
        brain(7, ALICE, 0);
        brain(8, BOB, 1_000 * BASED);
        run_cycles();
        let sampled = now() + 7 - now() % CYCLE;
        run_to(sampled - 1);
        // 3.9% in the one block in which it is looked at, nothing else in eight cycles.
        brain(7, ALICE, 39 * BASED);
        brain(8, BOB, 961 * BASED);
        next_block();
        brain(7, ALICE, 0);
        run_to(sampled + CYCLE);
        assert_eq!(giga(), [8]);
    });
}

#[test]
fn more_than_half_a_percent_is_no_obstacle_and_raw_stake_counts() {
    build_and_execute(|| {
        brain(7, ALICE, 900 * BASED);
        brain(8, BOB, 100 * BASED);
        run_cycles();
        assert_eq!(giga(), [7, 8]);
    });
}

#[test]
fn status_is_lost_when_the_average_falls() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        brain(10, ALICE, 0);
        run_to(now() + 7 * CYCLE);
        assert_eq!(giga(), [10, 11], "one of eight samples is above");
        run_to(now() + CYCLE);
        assert_eq!(giga(), [11]);
    });
}

#[test]
fn a_brain_that_closes_leaves_no_history_to_its_number() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        Owners::mutate(|owners| owners.remove(&10));
        run_to(now() + CYCLE);
        assert_eq!(giga(), [11]);
        assert!(!StakeHistories::<Test>::contains_key(10));
        brain(10, CAROL, BASED);
        run_to(now() + CYCLE);
        assert_eq!(giga(), [11], "the new Brain has one sample");
    });
}

#[test]
fn the_next_brain_of_a_number_that_was_swept_begins_without_samples() {
    use based_primitives::traits::SweepBrain;
    use frame_support::weights::Weight;
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        assert_eq!(Governance::sweep(10, Weight::zero()), (Weight::zero(), false));
        assert_eq!(giga(), [10, 11], "without weight nothing is done");
        let (weight, done) = Governance::sweep(10, Weight::MAX);
        assert!(done && weight.ref_time() > 0);
        assert_eq!(giga(), [11]);
        assert!(!StakeHistories::<Test>::contains_key(10));
        // Issued again before its block comes round.
        brain(10, CAROL, BASED);
        run_to(now() + CYCLE);
        assert_eq!(giga(), [11]);
    });
}

#[test]
fn administrative_brains_have_no_say_in_the_first_year() {
    build_and_execute(|| {
        brain(2, LABS, BASED);
        brain(47, LABS, BASED);
        brain(10, ALICE, BASED);
        run_cycles();
        assert_eq!(giga(), [2, 10, 47]);
        assert_eq!(Governance::eligible().into_inner(), [10]);
        skip_to(YEAR);
        assert_eq!(Governance::eligible().into_inner(), [10]);
        skip_to(YEAR + 1);
        assert_eq!(Governance::eligible().into_inner(), [2, 10, 47]);
    });
}

#[test]
fn every_brain_is_sampled_once_a_cycle_and_no_block_grows_with_their_number() {
    build_and_execute(|| {
        for id in 0..MAX_BRAINS {
            brain(id, ALICE, BASED);
        }
        let first = now() + 1;
        for _ in 0..CYCLE {
            next_block();
            let samples: Vec<_> = (0..MAX_BRAINS)
                .map(|id| StakeHistories::<Test>::get(id).samples.len())
                .collect();
            let due = samples.iter().filter(|count| **count == 1).count() as u32;
            assert!(due <= (now() - first + 1) * u32::from(MAX_BRAINS).div_ceil(CYCLE));
        }
        for id in 0..MAX_BRAINS {
            assert_eq!(StakeHistories::<Test>::get(id).samples.len(), 1, "{id}");
        }
        let idle = Governance::on_initialize(0);
        Owners::set(Default::default());
        assert_eq!(Governance::on_initialize(0), idle);
        run_to(now() + CYCLE);
    });
}
