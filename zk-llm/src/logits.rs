//! What the client reads after decryption.

use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;

/// Decrypted integer scores, one a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logits(pub Vec<i32>);

impl Logits {
    /// Index of the highest score; the first one on a tie.
    pub fn argmax(&self) -> usize {
        let best = |(i, x): (usize, &i32), (j, y): (usize, &i32)| if y > x { (j, *y) } else { (i, *x) };
        self.0
            .iter()
            .enumerate()
            .fold((0, i32::MIN), |top, next| best((top.0, &top.1), next))
            .0
    }

    /// The label of the highest score.
    pub fn label<'m>(&self, manifest: &'m Manifest) -> Option<&'m str> {
        manifest.labels.get(self.argmax()).map(String::as_str)
    }

    /// Probabilities of the labels: `softmax(logit * logit_scale)`.
    pub fn probabilities(&self, manifest: &Manifest) -> Vec<f64> {
        let top = self.0.iter().max().copied().unwrap_or_default();
        let weights: Vec<f64> = self
            .0
            .iter()
            .map(|x| (f64::from(x - top) * manifest.logit_scale).exp())
            .collect();
        let total: f64 = weights.iter().sum();
        weights.into_iter().map(|w| w / total).collect()
    }
}
