//! What a generator is measured against: interpolated counts of one, two and three tokens.

use std::collections::BTreeMap;

use super::data::{target, Ids};
use crate::text::PAD;

/// Counts of tokens by what came before, up to `order - 1` tokens; Witten and Bell's interpolation.
#[derive(Clone, Debug)]
pub struct Ngrams {
    order: usize,
    vocabulary: usize,
    counts: BTreeMap<Vec<u32>, Next>,
}

#[derive(Clone, Debug, Default)]
struct Next {
    total: u32,
    by_token: BTreeMap<u32, u32>,
}

impl Ngrams {
    /// Counts `texts` over `vocabulary` tokens; before a text stands [`PAD`], and after it, too.
    pub fn count(texts: &[Ids], order: usize, vocabulary: usize) -> Self {
        let mut counts: BTreeMap<Vec<u32>, Next> = BTreeMap::new();
        for ids in texts {
            for at in 0..=ids.len() {
                for length in 0..order {
                    let next = counts.entry(history(ids, at, length)).or_default();
                    next.total += 1;
                    *next.by_token.entry(target(ids, at)).or_default() += 1;
                }
            }
        }
        Self {
            order,
            vocabulary,
            counts,
        }
    }

    /// Probability of `token` after `history`, the latest token last.
    pub fn probability(&self, history: &[u32], token: u32) -> f64 {
        let shorter = match history.split_first() {
            Some((_, rest)) => self.probability(rest, token),
            None => 1.0 / self.vocabulary as f64,
        };
        let Some(next) = self.counts.get(history) else {
            return shorter;
        };
        let kinds = next.by_token.len() as f64;
        let count = next.by_token.get(&token).copied().unwrap_or_default();
        (f64::from(count) + kinds * shorter) / (f64::from(next.total) + kinds)
    }

    /// Mean cross-entropy of a token of `texts`, ends included, in nats.
    pub fn loss(&self, texts: &[Ids]) -> f64 {
        let (mut sum, mut tokens) = (0.0, 0u32);
        for ids in texts {
            for at in 0..=ids.len() {
                let before = history(ids, at, self.order.saturating_sub(1));
                sum -= self.probability(&before, target(ids, at)).ln();
                tokens += 1;
            }
        }
        sum / f64::from(tokens.max(1))
    }
}

/// The `length` tokens before place `at`.
fn history(ids: &[u32], at: usize, length: usize) -> Vec<u32> {
    let missing = length.saturating_sub(at);
    let known = &ids[at - (length - missing)..at];
    std::iter::repeat_n(PAD, missing)
        .chain(known.iter().copied())
        .collect()
}
