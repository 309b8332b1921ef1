//! Quantile loss, q-risk, and the skill against persistence that the chain pays for (D.1, D.5).

use candle_core::{Device, Tensor, D};

use crate::schema::QUANTILES;

/// Differences that the persistence baseline remembers.
const REMEMBERED: usize = 64;

/// Mean over windows, steps, targets and quantiles of `q max(0, y - f) + (1 - q) max(0, f - y)`: `targets` is
/// windows x steps x targets, `forecasts` has a further dimension of quantiles.
///
/// # Errors
/// If the shapes do not agree.
pub fn quantile_loss(forecasts: &Tensor, targets: &Tensor) -> candle_core::Result<Tensor> {
    let above = QUANTILES.map(|q| q as f32);
    let below = QUANTILES.map(|q| 1.0 - q as f32);
    let error = targets.unsqueeze(D::Minus1)?.broadcast_sub(forecasts)?;
    let above = error.relu()?.broadcast_mul(&Tensor::new(&above, &Device::Cpu)?)?;
    let below = error
        .neg()?
        .relu()?
        .broadcast_mul(&Tensor::new(&below, &Device::Cpu)?)?;
    (above + below)?.mean_all()
}

/// `q max(0, y - f) + (1 - q) max(0, f - y)`.
pub fn pinball(q: f64, y: f64, forecast: f64) -> f64 {
    q * (y - forecast).max(0.0) + (1.0 - q) * (forecast - y).max(0.0)
}

/// Pinball loss summed over the quantiles.
pub fn quantile_pinball(y: f64, forecast: &[f64; 3]) -> f64 {
    QUANTILES
        .iter()
        .zip(forecast)
        .map(|(q, forecast)| pinball(*q, y, *forecast))
        .sum()
}

/// `2 sum QL / sum |y|` of one quantile over pairs of outcome and forecast; infinite if every outcome is 0.
pub fn q_risk(q: f64, pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut loss, mut size) = (0.0, 0.0);
    for (y, forecast) in pairs {
        loss += pinball(q, y, forecast);
        size += y.abs();
    }
    2.0 * loss / size
}

/// The baseline's quantiles `lag` rows ahead: the last value plus empirical quantiles of the last 64 differences
/// over `lag` rows, by nearest rank (the smallest difference that a share q does not exceed). Without a
/// difference all quantiles are the last value; without a value, 0.
pub fn persistence(history: &[f64], lag: usize) -> [f64; 3] {
    let Some(last) = history.last() else {
        return [0.0; 3];
    };
    let mut differences: Vec<f64> = (lag..history.len())
        .rev()
        .take(REMEMBERED)
        .map(|at| history[at] - history[at - lag])
        .collect();
    differences.sort_by(f64::total_cmp);
    QUANTILES.map(|q| {
        let rank = (q * differences.len() as f64).ceil() as usize;
        last + differences
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    })
}

/// `clamp(1 - loss / baseline, 0, 1)`; where the baseline is perfect, 1 if the forecast is too, else 0.
pub fn skill(loss: f64, baseline: f64) -> f64 {
    if baseline == 0.0 {
        return if loss == 0.0 { 1.0 } else { 0.0 };
    }
    (1.0 - loss / baseline).clamp(0.0, 1.0)
}
