use based_primitives::{constants::BASED, traits::SweepBrain};
use frame_support::weights::Weight;

use crate::{mock::*, Budgets, Carry, Due, WeightInfo};

/// Most that one epoch gets in a block: the limit without what is set aside for the division.
fn room() -> u64 {
    let division = <() as WeightInfo>::divide_budget(1_792, 256, 2_048);
    EpochLimit::get().saturating_sub(division).ref_time()
}

fn busy() -> Setting {
    Setting {
        directed: BASED,
        miner_scores: vec![1],
        validator_scores: vec![1],
        ..Default::default()
    }
}

fn budget(brain: u16) -> u128 {
    Budgets::<Test>::get(brain).unwrap_or(0)
}

#[test]
fn a_long_epoch_goes_on_before_the_next_brains() {
    build_and_execute(|| {
        set(BRAIN, busy());
        set(OTHER, busy());
        set(8, busy());
        // Two blocks and a little; the other Brain of the slot and that of the next block wait.
        Work::mutate(|work| work.insert(BRAIN, 2 * room() + 1));
        run_to(8);
        assert_eq!(EpochsRun::get(), vec![]);
        assert_eq!(
            Due::<Test>::get().into_inner(),
            vec![(BRAIN, 7), (OTHER, 7), (8, 8)]
        );
        run_to(9);
        assert_eq!(EpochsRun::get(), vec![(BRAIN, 7), (OTHER, 7), (8, 8)]);
        assert!(Due::<Test>::get().is_empty());
    });
}

#[test]
fn what_epochs_take_in_a_block_stays_below_the_limit() {
    build_and_execute(|| {
        for brain in (7..1_024).step_by(CYCLE as usize) {
            set(brain, busy());
            Work::mutate(|work| work.insert(brain, room() / 3));
        }
        let looks = <() as WeightInfo>::look().saturating_mul(52);
        let fixed = <() as WeightInfo>::mint().saturating_add(looks);
        run_to(6);
        let mut ran = 0;
        for block in 7..19 {
            System::set_block_number(block);
            let weight = Emission::begin_block(block as u32);
            assert!(
                weight.all_lte(EpochLimit::get().saturating_add(fixed)),
                "{weight:?}"
            );
            ran = EpochsRun::get().len();
        }
        assert!(ran > 12 && ran < 51, "{ran} epochs ran");
    });
}

#[test]
fn a_brain_whose_epoch_still_runs_keeps_its_budget_at_the_end_of_the_cycle() {
    build_and_execute(|| {
        set(BRAIN, busy());
        run_to_split();
        assert_eq!(budget(BRAIN), 190 * BASED);
        // Its epoch of the second cycle does not end before the third begins.
        Work::mutate(|work| work.insert(BRAIN, 15 * room()));
        run_to(39);
        assert_eq!(Due::<Test>::get().into_inner(), vec![(BRAIN, 27)]);
        assert_eq!(budget(BRAIN), 390 * BASED);
        run_to(42);
        assert_eq!(EpochsRun::get(), vec![(BRAIN, 7), (BRAIN, 27)]);
        assert_eq!(division()[0], 390 * BASED);
        assert_eq!(budget(BRAIN), 0);
    });
}

#[test]
fn a_brain_that_waits_for_a_whole_cycle_is_named_once() {
    build_and_execute(|| {
        set(BRAIN, busy());
        Work::mutate(|work| work.insert(BRAIN, 1_000 * room()));
        run_to(50);
        assert_eq!(Due::<Test>::get().into_inner(), vec![(BRAIN, 7)]);
    });
}

#[test]
fn without_room_for_a_division_nothing_begins() {
    build_and_execute(|| {
        set(BRAIN, busy());
        EpochLimit::set(Weight::from_parts(1_000_000, u64::MAX));
        run_to(8);
        assert_eq!(EpochsRun::get(), vec![]);
        EpochLimit::set(Weight::from_parts(1_000_000_000_000, u64::MAX));
        run_to(9);
        assert_eq!(EpochsRun::get(), vec![(BRAIN, 7)]);
    });
}

#[test]
fn the_budget_of_a_closed_brain_returns_to_the_pot_and_its_epoch_is_called_off() {
    build_and_execute(|| {
        set(BRAIN, busy());
        set(OTHER, busy());
        run_to_split();
        let (own, carry) = (budget(BRAIN), Carry::<Test>::get());
        assert!(own > 0);
        Work::mutate(|work| work.insert(BRAIN, 5 * room()));
        run_to(u64::from(CYCLE) + u64::from(BRAIN));
        assert_eq!(
            Due::<Test>::get().first().copied(),
            Some((BRAIN, CYCLE + u32::from(BRAIN)))
        );
        let minted = Carry::<Test>::get() - carry;
        let weight = <() as WeightInfo>::sweep();
        assert_eq!(
            Emission::sweep(BRAIN, weight.saturating_sub(Weight::from_parts(1, 0))),
            (Weight::zero(), false)
        );
        assert_eq!(Emission::sweep(BRAIN, weight), (weight, true));
        assert_eq!(Carry::<Test>::get(), carry + minted + own);
        assert!(Budgets::<Test>::get(BRAIN).is_none());
        assert!(Due::<Test>::get().iter().all(|(brain, _)| *brain != BRAIN));
        assert_eq!(budget(OTHER), own, "the other Brain keeps its own");
    });
}
