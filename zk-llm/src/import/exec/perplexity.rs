//! How well a model predicts a text.

use super::{Cache, ClientPart, Linears, Wanted};
use crate::error::{Error, Result};

impl ClientPart {
    /// Perplexity of the tokens of windows, each but the first of its window predicted from those before it: the
    /// exponential of their mean cross-entropy in nats.
    ///
    /// # Errors
    /// [`Error::Prompt`] if no token is predicted; as [`ClientPart::generate`].
    pub fn perplexity(&self, linears: &mut dyn Linears, windows: &[&[u32]]) -> Result<f64> {
        let vocabulary = self.manifest().network.vocabulary as usize;
        let (mut sum, mut count) = (0.0, 0u64);
        for window in windows {
            let (Some((_, wanted)), Some((_, given))) = (window.split_first(), window.split_last()) else {
                continue;
            };
            if given.is_empty() {
                continue;
            }
            let logits = self.generate(linears, &mut Cache::default(), given, Wanted::All)?;
            for (row, token) in logits.chunks_exact(vocabulary).zip(wanted) {
                sum += surprise(row, *token)?;
                count += 1;
            }
        }
        match count {
            0 => Err(Error::Prompt("no token is predicted".into())),
            count => Ok((sum / count as f64).exp()),
        }
    }
}

/// Nats by which a token surprises whoever believes its logits.
fn surprise(logits: &[f32], token: u32) -> Result<f64> {
    let logit = logits.get(token as usize);
    let logit = logit.ok_or_else(|| Error::Prompt(format!("there is no token {token}")))?;
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let odds: f64 = logits.iter().map(|x| f64::from(x - most).exp()).sum();
    Ok(odds.ln() - f64::from(logit - most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surprise_is_the_negative_logarithm_of_the_probability() {
        let logits = [0.5f32, 0.25, 0.25].map(|p| p.ln() + 7.0);
        for (token, p) in [(0, 0.5f64), (1, 0.25), (2, 0.25)] {
            assert!((surprise(&logits, token).unwrap() + p.ln()).abs() < 1e-6);
        }
        assert!(
            (surprise(&[1e4, 0.0], 1).unwrap() - 1e4).abs() < 1e-6,
            "no overflow"
        );
        assert!(matches!(surprise(&logits, 3), Err(Error::Prompt(_))));
    }
}
