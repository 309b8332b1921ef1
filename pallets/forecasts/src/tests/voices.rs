//! Forecasts of Brains' performance.

use based_primitives::{
    constants::{BASED, FORECAST_TARGETS, PPB},
    forecasts::Forecast,
    traits::{ForecastInspect, SweepBrain},
};
use frame_support::weights::Weight;

use crate::{mock::*, Accuracies, AccuracyRecord, BrainVoices, WeightInfo, FORECASTS_PER_BRAIN};

const FOREIGN: u16 = 9;

fn voice(performance: u32) -> Forecast {
    forecast([[0; 3]; FORECAST_TARGETS], &[(FOREIGN, performance)])
}

fn performance() -> Option<u64> {
    <Forecasts as ForecastInspect<u64>>::performance(FOREIGN)
}

/// Gives accounts an Accuracy in ppb.
fn trust(accounts: impl IntoIterator<Item = (u64, u32)>) {
    for (who, value) in accounts {
        Accuracies::<Test>::insert(who, AccuracyRecord { value, round: 0 });
    }
}

/// Lets accounts forecast the performance of the foreign Brain for the round of the first cycle.
fn speak(voices: &[(u64, u32)]) {
    voices.iter().for_each(|(who, ppb)| commit(*who, &voice(*ppb)));
    run_to_slot(1, 0);
    voices.iter().for_each(|(who, ppb)| reveal(*who, &voice(*ppb)));
}

#[test]
fn eight_forecasters_are_heard_and_seven_are_not() {
    build_and_execute(|| {
        trust((0..8).map(|who| (who, 1_000)));
        let voices: Vec<(u64, u32)> = (0..8).map(|who| (who, 100 * who as u32)).collect();
        voices.iter().for_each(|(who, ppb)| commit(*who, &voice(*ppb)));
        run_to_slot(1, 0);
        voices[..7]
            .iter()
            .for_each(|(who, ppb)| reveal(*who, &voice(*ppb)));
        assert_eq!(performance(), None);
        reveal(7, &voice(700));
        assert_eq!(performance(), Some(300));
    });
}

#[test]
fn whoever_has_no_stake_or_no_accuracy_has_no_voice() {
    build_and_execute(|| {
        trust((0..8).map(|who| (who, 1_000_000)));
        Stakes::set([(7, 0)].into());
        let voices: Vec<(u64, u32)> = (0..12).map(|who| (who, 5)).collect();
        speak(&voices);
        assert_eq!(BrainVoices::<Test>::get(FOREIGN).unwrap().voices.len(), 7);
        assert_eq!(performance(), None);
    });
}

#[test]
fn the_median_goes_by_stake_times_accuracy() {
    build_and_execute(|| {
        trust((0..10).map(|who| (who, 100_000_000)));
        trust([(8, 900_000_000)]);
        Stakes::set([(9, 200 * BASED)].into());
        let mut voices: Vec<(u64, u32)> = (0..8).map(|who| (who, 100)).collect();
        voices.push((8, 500));
        speak(&voices);
        // Weights of 1 for eight accounts, of 9 for the accurate one.
        assert_eq!(performance(), Some(500));
        run_to_slot(1, 10);
        assert_eq!(performance(), Some(500), "it holds to the end of the cycle");
    });
    build_and_execute(|| {
        trust((0..10).map(|who| (who, 100_000_000)));
        Stakes::set([(9, 200 * BASED)].into());
        let mut voices: Vec<(u64, u32)> = (0..8).map(|who| (who, 100)).collect();
        voices.push((9, 900));
        speak(&voices);
        assert_eq!(performance(), Some(900), "stake weighs as well");
    });
}

#[test]
fn forecasts_are_of_the_cycle_in_which_they_are_revealed() {
    build_and_execute(|| {
        trust((0..8).map(|who| (who, PPB as u32)));
        speak(&(0..8).map(|who| (who, 42)).collect::<Vec<_>>());
        run_to_slot(1, CYCLE - 1);
        assert_eq!(performance(), Some(42));
        next_block();
        assert_eq!(performance(), None);
    });
}

#[test]
fn the_next_round_replaces_the_last() {
    build_and_execute(|| {
        trust((0..8).map(|who| (who, PPB as u32)));
        speak(&(0..8).map(|who| (who, 42)).collect::<Vec<_>>());
        (0..8).for_each(|who| commit(who, &voice(77)));
        run_to_slot(2, 0);
        reveal(0, &voice(77));
        let heard = BrainVoices::<Test>::get(FOREIGN).unwrap();
        assert_eq!((heard.round, heard.voices.len()), (1, 1));
        assert_eq!(performance(), None);
        (1..8).for_each(|who| reveal(who, &voice(77)));
        assert_eq!(performance(), Some(77));
    });
}

#[test]
fn of_many_the_heaviest_are_kept() {
    build_and_execute(|| {
        trust((0..75).map(|who| (who, 1_000_000 * (who as u32 + 1))));
        speak(&(0..75).rev().map(|who| (who, who as u32)).collect::<Vec<_>>());
        let heard = BrainVoices::<Test>::get(FOREIGN).unwrap();
        assert_eq!(heard.voices.len() as u32, FORECASTS_PER_BRAIN);
        let lightest = heard.voices.iter().map(|voice| voice.performance).min();
        assert_eq!(lightest, Some(11));
    });
    build_and_execute(|| {
        trust((0..75).map(|who| (who, 1_000_000 * (who as u32 + 1))));
        speak(&(0..75).map(|who| (who, who as u32)).collect::<Vec<_>>());
        let heard = BrainVoices::<Test>::get(FOREIGN).unwrap();
        let lightest = heard.voices.iter().map(|voice| voice.performance).min();
        assert_eq!(lightest, Some(11), "whoever comes first");
    });
}

#[test]
fn one_forecast_covers_64_brains() {
    build_and_execute(|| {
        trust((0..8).map(|who| (who, PPB as u32)));
        let brains: Vec<(u16, u32)> = (100..164).map(|brain| (brain, u32::from(brain))).collect();
        let forecast = forecast([[0; 3]; FORECAST_TARGETS], &brains);
        (0..8).for_each(|who| commit(who, &forecast));
        run_to_slot(1, 0);
        (0..8).for_each(|who| reveal(who, &forecast));
        for brain in 100..164 {
            let found = <Forecasts as ForecastInspect<u64>>::performance(brain);
            assert_eq!(found, Some(u64::from(brain)));
        }
    });
}

#[test]
fn nobody_is_heard_about_a_closed_brain() {
    build_and_execute(|| {
        trust((0..8).map(|who| (who, 1_000)));
        let voices: Vec<(u64, u32)> = (0..8).map(|who| (who, 100)).collect();
        speak(&voices);
        assert_eq!(performance(), Some(100));
        let weight = <() as WeightInfo>::forget_brain();
        assert_eq!(
            <Forecasts as SweepBrain>::sweep(FOREIGN, Weight::zero()),
            (Weight::zero(), false)
        );
        assert_eq!(<Forecasts as SweepBrain>::sweep(FOREIGN, weight), (weight, true));
        assert_eq!(performance(), None);
    });
}
