//! Passage of a network from floating point to integers.

use candle_core::{Device, Result, Tensor, Var};

use super::net::{
    Net, FEATURE_FAN_IN, FEATURE_MIX_FAN_IN, GATE_FAN_IN, LOGIT_FAN_IN, LOGIT_WEIGHT, VALUE_FAN_IN,
};

/// Mean magnitude of a row's largest weights when it is fitted to integers: most of them round to 1.
const FITTED: f32 = 0.9;

impl Net {
    /// Rescales the rows of a network trained in floating point so that rounding them to the graph's integers
    /// keeps their largest weights.
    ///
    /// # Errors
    /// If a tensor cannot be replaced.
    pub fn fit_to_integers(&self) -> Result<()> {
        rescale(&[(&self.value, VALUE_FAN_IN)], &[&self.value_bias])?;
        rescale(
            &[(&self.query, GATE_FAN_IN), (&self.key, GATE_FAN_IN)],
            &[&self.relative],
        )?;
        rescale(
            &[
                (&self.feature, FEATURE_FAN_IN),
                (&self.feature_mix, FEATURE_MIX_FAN_IN),
            ],
            &[&self.feature_bias],
        )?;
        rescale_logits(
            (&self.classifier, LOGIT_FAN_IN, LOGIT_WEIGHT),
            &self.classifier_bias,
            &self.temperature,
        )
    }
}

/// Scales the rows of the last layer alike, so that their largest weights average between 1 and their limit, and the
/// temperature against them.
pub(super) fn rescale_logits(
    (rows, fan_in, limit): (&Var, usize, f32),
    bias: &Var,
    temperature: &Var,
) -> Result<()> {
    let means: Vec<f32> = rows
        .to_vec2::<f32>()?
        .iter()
        .map(|row| largest_mean(row, fan_in))
        .collect();
    let mean = means.iter().sum::<f32>() / means.len() as f32;
    let factor = f64::from(f32::midpoint(1.0, limit) / mean.max(1e-3));
    rows.set(&(rows.as_tensor() * factor)?)?;
    bias.set(&(bias.as_tensor() * factor)?)?;
    temperature.set(&(temperature.as_tensor() / factor)?)
}

/// Mean magnitude of the `count` largest entries.
fn largest_mean(row: &[f32], count: usize) -> f32 {
    let mut sizes: Vec<f32> = row.iter().map(|x| x.abs()).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    sizes.truncate(count);
    sizes.iter().sum::<f32>() / sizes.len().max(1) as f32
}

/// Scales each row so that its largest weights, over all `parts`, average [`FITTED`]; `biases` hold one column
/// a row, or a row a row, and scale likewise.
pub(super) fn rescale(parts: &[(&Var, usize)], biases: &[&Var]) -> Result<()> {
    let rows = parts[0].0.dim(0)?;
    let mut factors = vec![0f32; rows];
    for (part, fan_in) in parts {
        for (factor, row) in factors.iter_mut().zip(part.to_vec2::<f32>()?) {
            *factor += largest_mean(&row, *fan_in) / parts.len() as f32;
        }
    }
    let factors: Vec<f32> = factors.iter().map(|mean| FITTED / mean.max(1e-3)).collect();
    let column = Tensor::from_vec(factors, (rows, 1), &Device::Cpu)?;
    for (part, _) in parts {
        part.set(&part.broadcast_mul(&column)?)?;
    }
    for bias in biases {
        let factors = if bias.dim(0)? == rows {
            column.clone()
        } else {
            column.t()?
        };
        bias.set(&bias.broadcast_mul(&factors)?)?;
    }
    Ok(())
}
