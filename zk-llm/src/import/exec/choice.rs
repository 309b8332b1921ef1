//! Which token comes next: the likeliest, or one drawn by its probability.

use rand::Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::forward::likeliest;
use crate::error::{Error, Result};

/// How tokens are drawn. The same sampling draws the same tokens from the same logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// By what logits are divided: below 1 the likely become likelier. Above 0 and at most 100.
    pub temperature: f32,
    /// Tokens are drawn from the likeliest that have this probability together; above 0 and at most 1.
    pub top_p: f32,
    /// Seed of the draws.
    pub seed: u64,
}

/// Chooses the tokens of one text, one after another.
#[derive(Clone, Debug)]
pub struct Chooser(Option<(Sampling, ChaCha12Rng)>);

impl Chooser {
    /// The likeliest token, always.
    pub fn greedy() -> Self {
        Self(None)
    }

    /// Tokens drawn by their probability; the likeliest ones without a sampling.
    ///
    /// # Errors
    /// [`Error::Prompt`] if temperature or top-p are out of range.
    pub fn of(sampling: Option<Sampling>) -> Result<Self> {
        let Some(sampling) = sampling else {
            return Ok(Self::greedy());
        };
        let within = |x: f32, most: f32| x > 0.0 && x <= most;
        if !within(sampling.temperature, 100.0) {
            return Err(Error::Prompt(format!(
                "a temperature of {}; it is above 0 and at most 100",
                sampling.temperature
            )));
        }
        if !within(sampling.top_p, 1.0) {
            return Err(Error::Prompt(format!(
                "a top-p of {}; it is above 0 and at most 1",
                sampling.top_p
            )));
        }
        Ok(Self(Some((sampling, ChaCha12Rng::seed_from_u64(sampling.seed)))))
    }

    /// The token that follows, by its logits; none without logits. A draw takes one number of the generator.
    pub fn choose(&mut self, logits: &[f32]) -> Option<u32> {
        let Some((sampling, generator)) = &mut self.0 else {
            return likeliest(logits);
        };
        let drawn = generator.gen::<f64>();
        let most = f64::from(*logits.iter().max_by(|a, b| a.total_cmp(b))?);
        let weight = |logit: f32| ((f64::from(logit) - most) / f64::from(sampling.temperature)).exp();
        let mut tokens: Vec<(u32, f64)> = (0..).zip(logits.iter().map(|x| weight(*x))).collect();
        // Equals in the order of their numbers.
        tokens.sort_by(|a, b| b.1.total_cmp(&a.1));
        let total: f64 = tokens.iter().map(|(_, weight)| weight).sum();
        let mut kept = 0.0;
        let enough = tokens.iter().position(|(_, weight)| {
            kept += weight;
            kept >= total * f64::from(sampling.top_p)
        });
        tokens.truncate(enough.map_or(tokens.len(), |last| last + 1));
        let mut left = drawn * kept;
        let at = tokens.iter().position(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        // Rounding may leave a rest beyond the last.
        at.map_or(tokens.last(), |at| tokens.get(at))
            .map(|(token, _)| *token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODDS: [f32; 4] = [0.1, 0.4, 0.3, 0.2];

    fn sampling(temperature: f32, top_p: f32, seed: u64) -> Chooser {
        let sampling = Sampling {
            temperature,
            top_p,
            seed,
        };
        Chooser::of(Some(sampling)).unwrap()
    }

    /// Shares of each token in 20,000 draws.
    fn shares(temperature: f32, top_p: f32) -> [f64; 4] {
        let logits = ODDS.map(f32::ln);
        let mut chooser = sampling(temperature, top_p, 7);
        let mut counts = [0u32; 4];
        for _ in 0..20_000 {
            counts[chooser.choose(&logits).unwrap() as usize] += 1;
        }
        counts.map(|count| f64::from(count) / 20_000.0)
    }

    /// Five deviations of a share of 20,000 draws are below 0.018.
    fn close(got: [f64; 4], wanted: [f64; 4]) -> bool {
        got.iter()
            .zip(wanted)
            .all(|(a, b)| (a - b).abs() < 0.018 && (b > 0.0 || *a == 0.0))
    }

    #[test]
    fn tokens_come_as_often_as_their_probability_says() {
        let got = shares(1.0, 1.0);
        assert!(close(got, [0.1, 0.4, 0.3, 0.2]), "{got:?}");
    }

    #[test]
    fn temperature_is_a_power_of_probabilities() {
        let got = shares(0.5, 1.0);
        assert!(
            close(got, [0.01 / 0.3, 0.16 / 0.3, 0.09 / 0.3, 0.04 / 0.3]),
            "{got:?}"
        );
        let got = shares(100.0, 1.0);
        assert!(close(got, [0.25; 4]), "{got:?}");
        let got = shares(1e-6, 1.0);
        assert!(close(got, [0.0, 1.0, 0.0, 0.0]), "{got:?}");
    }

    #[test]
    fn the_fewest_tokens_that_have_top_p_together_are_drawn_from() {
        let got = shares(1.0, 0.69);
        assert!(close(got, [0.0, 0.4 / 0.7, 0.3 / 0.7, 0.0]), "{got:?}");
        let got = shares(1.0, 0.01);
        assert!(close(got, [0.0, 1.0, 0.0, 0.0]), "{got:?}");
    }

    #[test]
    fn a_seed_repeats_and_another_does_not() {
        let draw = |seed| {
            let mut chooser = sampling(1.0, 1.0, seed);
            (0..64)
                .map(|_| chooser.choose(&[0.0; 50]).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn logits_of_any_kind_choose_without_panic() {
        for logits in [
            &[][..],
            &[f32::NAN],
            &[f32::INFINITY, 1.0],
            &[f32::NEG_INFINITY; 2],
            &[f32::MAX, f32::MIN],
        ] {
            let chosen = sampling(0.7, 0.9, 1).choose(logits);
            assert!(
                chosen.is_none_or(|token| (token as usize) < logits.len()),
                "{logits:?}"
            );
        }
        assert_eq!(Chooser::greedy().choose(&[1.0, 3.0, 3.0]), Some(1));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for (temperature, top_p) in [
            (0.0, 1.0),
            (-1.0, 1.0),
            (101.0, 1.0),
            (f32::NAN, 1.0),
            (1.0, 0.0),
            (1.0, 1.1),
            (1.0, f32::NAN),
        ] {
            let sampling = Sampling {
                temperature,
                top_p,
                seed: 1,
            };
            assert!(matches!(Chooser::of(Some(sampling)), Err(Error::Prompt(_))));
        }
    }
}
