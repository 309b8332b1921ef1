//! Adam with decoupled weight decay, clipping by global norm, and a state that can be stored.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use crate::error::{Error, Result};

const FIRST: f64 = 0.9;
const SECOND: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Running moments of every parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    /// Steps taken.
    pub steps: u64,
    /// Mean gradients.
    pub first: Vec<Vec<f32>>,
    /// Mean squared gradients.
    pub second: Vec<Vec<f32>>,
}

/// Gradient of every parameter.
///
/// # Errors
/// [`Error::Model`] if one has none.
pub fn gather(parameters: &[(String, Var)], gradients: &GradStore) -> Result<Vec<Vec<f32>>> {
    let of = |(name, var): &(String, Var)| {
        let gradient = gradients.get(var);
        let gradient = gradient.ok_or_else(|| Error::Model(format!("no gradient reaches {name}")))?;
        Ok(gradient.flatten_all()?.to_vec1()?)
    };
    parameters.iter().map(of).collect()
}

/// How far a step goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Learning rate.
    pub rate: f64,
    /// Share of every matrix taken off, times the rate.
    pub decay: f64,
    /// Longest gradient, over all parameters together; a longer one is scaled down.
    pub clip: f64,
}

impl Adam {
    /// Nothing learnt yet.
    pub fn new(parameters: &[(String, Var)]) -> Self {
        let zeros: Vec<Vec<f32>> = parameters
            .iter()
            .map(|(_, var)| vec![0.0; var.elem_count()])
            .collect();
        Self {
            steps: 0,
            first: zeros.clone(),
            second: zeros,
        }
    }

    /// Moves every parameter; returns the gradient's norm.
    ///
    /// # Errors
    /// [`Error::Model`] if the gradient is not finite.
    pub fn step(&mut self, parameters: &[(String, Var)], gradients: &[Vec<f32>], step: Step) -> Result<f64> {
        let square: f64 = gradients.iter().flatten().map(|x| f64::from(*x).powi(2)).sum();
        let norm = square.sqrt();
        if !norm.is_finite() {
            return Err(Error::Model(
                "the gradient is not finite; lower the learning rate".into(),
            ));
        }
        self.steps += 1;
        let clip = if norm > step.clip { step.clip / norm } else { 1.0 } as f32;
        let correct = |moment: f64| 1.0 - moment.powf(self.steps as f64);
        let rate = (step.rate * correct(SECOND).sqrt() / correct(FIRST)) as f32;
        let epsilon = (EPSILON * correct(SECOND).sqrt()) as f32;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for (((_, var), gradient), (first, second)) in parameters.iter().zip(gradients).zip(moments) {
            let decay = if var.rank() > 1 {
                (1.0 - step.rate * step.decay) as f32
            } else {
                1.0
            };
            let mut values = var.flatten_all()?.to_vec1::<f32>()?;
            for (((value, gradient), first), second) in values.iter_mut().zip(gradient).zip(first).zip(second)
            {
                let gradient = gradient * clip;
                *first += (gradient - *first) * (1.0 - FIRST) as f32;
                *second += (gradient * gradient - *second) * (1.0 - SECOND) as f32;
                *value = *value * decay - rate * *first / (second.sqrt() + epsilon);
            }
            var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?;
        }
        Ok(norm)
    }
}
