//! Sentences of canary prompts.
//!
//! They come from patterns of the validator's own, never from the corpus a model was trained on, have the length
//! distribution of users' sentences, and none is ever drawn twice from one [`Deck`]: each pattern's sentences are
//! walked in an order that a secret seed decides.

mod lexicon;
mod permutation;

use lexicon::{Part, LENGTHS, PATTERNS};
use permutation::permute;
use rand::{seq::SliceRandom, Rng};

/// Where a validator stands in its supply of sentences; kept on disk across restarts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deck {
    seed: [u8; 32],
    drawn: Vec<u64>,
}

/// Every sentence of every pattern has been drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all canary sentences have been used; start with a fresh data directory to shuffle them anew")]
pub struct Exhausted;

impl Deck {
    /// Shuffles a new deck with randomness of the operating system.
    pub fn shuffle() -> Self {
        Self::restore(rand::rngs::OsRng.gen(), &[])
    }

    /// Takes up a deck again: its secret seed and how many sentences each pattern has given.
    pub fn restore(seed: [u8; 32], drawn: &[u64]) -> Self {
        let mut drawn = drawn.to_vec();
        drawn.resize(PATTERNS.len(), 0);
        Self { seed, drawn }
    }

    /// The secret seed.
    pub fn seed(&self) -> [u8; 32] {
        self.seed
    }

    /// Sentences given so far, by pattern.
    pub fn drawn(&self) -> &[u64] {
        &self.drawn
    }

    /// Draws a sentence that this deck never gave before.
    ///
    /// # Errors
    /// [`Exhausted`] after some millions of sentences.
    pub fn draw(&mut self, rng: &mut impl Rng) -> Result<String, Exhausted> {
        let left = |pattern: &usize| self.drawn[*pattern] < size(PATTERNS[*pattern]);
        let of_length = |words| {
            (0..PATTERNS.len())
                .filter(move |p| PATTERNS[*p].len() == words)
                .filter(left)
                .collect::<Vec<_>>()
        };
        let lengths: Vec<_> = LENGTHS
            .iter()
            .map(|(words, weight)| (of_length(*words), *weight))
            .filter(|(p, _)| !p.is_empty())
            .collect();
        let (patterns, _) = lengths
            .choose_weighted(rng, |(_, weight)| *weight)
            .map_err(|_| Exhausted)?;
        let pattern = *patterns.choose(rng).ok_or(Exhausted)?;
        let index = permute(
            &self.seed,
            pattern as u64,
            size(PATTERNS[pattern]),
            self.drawn[pattern],
        );
        self.drawn[pattern] += 1;
        Ok(sentence(PATTERNS[pattern], index))
    }
}

/// Number of different sentences of a pattern.
fn size(pattern: &[Part]) -> u64 {
    pattern.iter().fold(1u64, |product, part| match part {
        Part::Word(_) => product,
        Part::Fill(slot) => product.saturating_mul(slot.len() as u64),
    })
}

/// The `index`-th sentence of a pattern: the index is read as a number in mixed radix.
fn sentence(pattern: &[Part], mut index: u64) -> String {
    let words: Vec<&str> = pattern
        .iter()
        .map(|part| match part {
            Part::Word(word) => *word,
            Part::Fill(slot) => {
                let radix = slot.len() as u64;
                let word = slot[(index % radix) as usize];
                index /= radix;
                word
            }
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use rand::SeedableRng;

    use super::*;

    fn rng() -> rand::rngs::StdRng {
        rand::rngs::StdRng::seed_from_u64(7)
    }

    #[test]
    fn no_sentence_is_drawn_twice_even_across_restarts() {
        let mut rng = rng();
        let mut deck = Deck::shuffle();
        let mut seen = HashSet::new();
        for round in 0..4_000 {
            if round % 500 == 0 {
                deck = Deck::restore(deck.seed(), deck.drawn());
            }
            let sentence = deck.draw(&mut rng).unwrap();
            assert!(seen.insert(sentence.clone()), "{sentence} came twice");
        }
    }

    #[test]
    fn lengths_follow_the_declared_distribution() {
        let mut rng = rng();
        let mut deck = Deck::shuffle();
        let mut counts = BTreeMap::new();
        let rounds = 5_000;
        for _ in 0..rounds {
            *counts
                .entry(deck.draw(&mut rng).unwrap().split(' ').count())
                .or_insert(0u32) += 1;
        }
        let total: u32 = LENGTHS.iter().map(|(_, weight)| weight).sum();
        for (words, weight) in LENGTHS {
            let expected = f64::from(*weight) / f64::from(total);
            let got = f64::from(counts[words]) / f64::from(rounds);
            assert!(
                (got - expected).abs() < 0.03,
                "{words} words: {got} instead of {expected}"
            );
        }
        assert_eq!(counts.len(), LENGTHS.len());
    }

    #[test]
    fn every_length_has_a_pattern_and_thousands_of_sentences() {
        for (words, _) in LENGTHS {
            let total: u64 = PATTERNS
                .iter()
                .filter(|p| p.len() == *words)
                .map(|p| size(p))
                .sum();
            assert!(total > 10_000, "{words} words: {total}");
        }
    }

    #[test]
    fn two_decks_differ() {
        let draw = |deck: &mut Deck| {
            (0..20)
                .map(|_| deck.draw(&mut rng()).unwrap())
                .collect::<Vec<_>>()
        };
        assert_ne!(draw(&mut Deck::shuffle()), draw(&mut Deck::shuffle()));
    }

    #[test]
    fn an_empty_deck_says_so() {
        let drawn: Vec<u64> = PATTERNS.iter().map(|p| size(p)).collect();
        assert_eq!(Deck::restore([0; 32], &drawn).draw(&mut rng()), Err(Exhausted));
    }

    #[test]
    fn every_sentence_of_a_pattern_is_reached_once() {
        let all: HashSet<_> = (0..size(PATTERNS[0])).map(|i| sentence(PATTERNS[0], i)).collect();
        assert_eq!(all.len() as u64, size(PATTERNS[0]));
    }
}
