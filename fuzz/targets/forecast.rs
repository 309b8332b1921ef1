//! Forecasts and their scores: decoding is unambiguous, commitments bind, scores stay in their range.
#![no_main]

use arbitrary::Arbitrary;
use based_fuzz::scale;
use based_primitives::{
    constants::{MAX_BRAINS, PPB},
    forecasts::{commitment, Forecast, MetricsBucket, Parameters, RevealedForecast, RoundRecord},
    math::{
        idle_accuracy, mean, next_accuracy, pinball, relative_loss, skill, weighted_median, History, Sketch,
    },
};
use codec::Encode;
use libfuzzer_sys::fuzz_target;
use sp_runtime::AccountId32;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    round: u32,
    account: [u8; 32],
    salt: [u8; 32],
    quantiles: [[i64; 3]; 6],
    brains: Vec<(u16, u32)>,
    at: u16,
    change: u8,
    history: Vec<i64>,
    realised: i64,
    voices: Vec<(u64, u128)>,
    accuracy: u64,
    bytes: &'a [u8],
}

fuzz_target!(|input: Input| {
    scale::<RevealedForecast<AccountId32>>(input.bytes);
    scale::<MetricsBucket>(input.bytes);
    scale::<RoundRecord>(input.bytes);
    scale::<Parameters>(input.bytes);
    let commit =
        |forecast: &Forecast| commitment(input.round, &input.account, &input.account, &input.salt, forecast);

    let decoded = scale::<Forecast>(input.bytes);
    let brains: Vec<_> = input
        .brains
        .iter()
        .take(64)
        .map(
            |(brain, performance)| based_primitives::forecasts::BrainForecast {
                brain: *brain,
                performance: *performance,
            },
        )
        .collect();
    let made = Forecast {
        quantiles: input.quantiles,
        brains: brains.try_into().expect("at most 64"),
    };
    for forecast in decoded.iter().chain([&made]) {
        let monotone = forecast
            .quantiles
            .iter()
            .all(|[low, mid, high]| low <= mid && mid <= high);
        assert_eq!(forecast.is_monotone(), monotone);
        if forecast.has_valid_brains() {
            let brains: std::collections::BTreeSet<_> = forecast.brains.iter().map(|one| one.brain).collect();
            assert_eq!(brains.len(), forecast.brains.len());
            assert!(forecast
                .brains
                .iter()
                .all(|one| one.brain < MAX_BRAINS && u64::from(one.performance) <= PPB));
        }
        let mut bytes = forecast.encode();
        let at = usize::from(input.at) % bytes.len();
        bytes[at] ^= input.change.max(1);
        if let Some(other) = scale::<Forecast>(&bytes) {
            assert_ne!(commit(&other), commit(forecast), "a commitment of two forecasts");
        }
    }

    let mut history = History::default();
    if let Some(stored) = scale::<History>(input.bytes) {
        let _ = (
            stored.baseline(),
            stored.winsorised(input.realised),
            stored.differences().count(),
        );
    }
    for value in &input.history {
        history.push(*value);
    }
    assert_eq!(history.last(), input.history.last().copied());
    assert!(history.differences().count() <= 64);
    let realised = history.winsorised(input.realised);
    if let Some(baseline) = history.baseline() {
        assert!(baseline.is_sorted());
        let least = pinball(realised, &baseline);
        assert_eq!(
            skill(least, least),
            if least == 0 { PPB } else { 0 },
            "the baseline has no skill"
        );
        for quantiles in &input.quantiles {
            let loss = pinball(realised, quantiles);
            assert!(skill(loss, least) <= PPB);
            let _ = relative_loss(loss, least);
        }
    }
    assert_eq!(pinball(realised, &[realised; 3]), 0);
    let accuracy = input.accuracy % (PPB + 1);
    assert!(next_accuracy(accuracy, PPB) <= PPB);
    assert!(idle_accuracy(accuracy, input.round) <= accuracy);
    let values: Vec<u64> = input.voices.iter().map(|(value, _)| *value).collect();
    let (least, most) = (values.iter().min().copied(), values.iter().max().copied());
    assert!(mean(&values) <= most.unwrap_or(0) && mean(&values) >= least.unwrap_or(0));
    if let Some(median) = weighted_median(input.voices) {
        assert!(values.contains(&median));
    }
    if let Some(sketch) = scale::<Sketch>(input.bytes) {
        let _ = sketch.estimate();
    }
});
