use candle_core::{Device, Tensor};

use crate::loss::{persistence, pinball, q_risk, quantile_loss, quantile_pinball, skill};
use crate::Tally;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

#[test]
fn pinball_by_hand() {
    for (q, y, forecast, expected) in [
        (0.1, 10.0, 7.0, 0.3),
        (0.1, 7.0, 10.0, 2.7),
        (0.5, 1.0, 3.0, 1.0),
        (0.9, 5.0, 1.0, 3.6),
        (0.9, 2.0, 2.0, 0.0),
    ] {
        assert!(close(pinball(q, y, forecast), expected), "{q} {y} {forecast}");
    }
    assert!(close(quantile_pinball(10.0, &[8.0, 9.0, 12.0]), 0.2 + 0.5 + 0.2));
}

#[test]
fn quantile_loss_is_the_mean_pinball() {
    let forecasts: Vec<f32> = vec![8.0, 9.0, 12.0, 0.0, 1.0, 2.0];
    let forecasts = Tensor::from_vec(forecasts, (1, 2, 1, 3), &Device::Cpu).unwrap();
    let targets = Tensor::from_vec(vec![10.0f32, -1.0], (1, 2, 1), &Device::Cpu).unwrap();
    let loss = quantile_loss(&forecasts, &targets)
        .unwrap()
        .to_scalar::<f32>()
        .unwrap();
    // 0.2, 0.5, 0.2; then 0.9, 1.0, 0.3.
    assert!(close(f64::from(loss), (0.9 + 2.2) / 6.0), "{loss}");
}

#[test]
fn q_risk_by_hand() {
    let pairs = [(10.0, 8.0), (-4.0, -2.0)];
    assert!(close(q_risk(0.5, pairs.into_iter()), 2.0 * (1.0 + 1.0) / 14.0));
    assert!(close(q_risk(0.9, pairs.into_iter()), 2.0 * (1.8 + 0.2) / 14.0));
}

#[test]
fn persistence_adds_quantiles_of_the_last_64_differences() {
    // Differences 1 to 100; the last 64 are 37 to 100.
    let history: Vec<f64> = (0..=100).map(|at| f64::from(at * (at + 1)) / 2.0).collect();
    let last = 5050.0;
    // Nearest ranks of 64: 7, 32, 58.
    assert_eq!(persistence(&history, 1), [last + 43.0, last + 68.0, last + 94.0]);
    assert_eq!(persistence(&[3.0], 1), [3.0; 3]);
    assert_eq!(persistence(&[], 1), [0.0; 3]);
    assert_eq!(persistence(&[1.0, 2.0, 4.0], 2), [4.0 + 3.0; 3]);
}

#[test]
fn skill_is_one_for_perfect_and_zero_for_no_better_than_persistence() {
    assert_eq!(
        (skill(0.0, 2.0), skill(2.0, 2.0), skill(5.0, 2.0)),
        (1.0, 0.0, 0.0)
    );
    assert_eq!((skill(0.0, 0.0), skill(0.1, 0.0)), (1.0, 0.0));
    assert!(close(skill(0.5, 2.0), 0.75));
}

#[test]
fn accuracy_averages_over_rounds_and_targets_in_any_order() {
    let columns = [
        vec![1.0, 2.0, 1.0, 3.0, 2.0, 4.0, 3.5],
        vec![5.0, 1.0, 4.0, 2.0, 8.0, 3.0, 6.0],
    ];
    let forecasts = [[2.0, 3.0, 3.6], [3.0, 5.0, 9.0]];
    let tally = |order: [usize; 2]| {
        let mut tally = Tally::new(2);
        for (target, of) in order.into_iter().enumerate() {
            for present in 3..6 {
                tally.add(target, &columns[of], present, 1, &forecasts[of]);
            }
        }
        tally.accuracy()
    };
    let (one, other) = (tally([0, 1]), tally([1, 0]));
    assert!(close(one.mean, other.mean) && close(one.pooled, other.pooled));
    assert_eq!(one.rounds, 3);
    let mut perfect = Tally::new(1);
    perfect.add(0, &columns[0], 4, 2, &[4.0; 3]);
    assert_eq!(perfect.accuracy().mean, 1.0);
    let mut baseline = Tally::new(1);
    baseline.add(0, &columns[0], 5, 1, &persistence(&columns[0][..5], 1));
    assert_eq!(baseline.accuracy().mean, 0.0);
}
