//! Texts that a generator learns from and is measured on.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Settings;
use crate::error::Result;
use crate::text::{Tokeniser, PAD, UNKNOWN};
use crate::train::corpus::{Corpus, Sample, Template};
use crate::train::data::heldout;
use crate::train::net::CONTEXT;

/// Share of training sentences that are put aside, one in so many.
const ASIDE: usize = 20;
/// How often a word of a training window is taken for unknown, so that other templates' words do not confuse it.
const UNKNOWN_SHARE: f64 = 0.05;

/// Token ids of one sentence, without padding.
pub type Ids = Vec<u32>;

/// The corpus as sentences of a small vocabulary.
#[derive(Clone, Debug)]
pub struct Texts {
    /// Words of the vocabulary, whole.
    pub tokeniser: Tokeniser,
    /// Learned from.
    pub train: Vec<Ids>,
    /// Measured on: other sentences of the templates learned from.
    pub fresh: Vec<Ids>,
    /// Measured on: sentences of templates that training never sees.
    pub heldout: Vec<Ids>,
}

impl Texts {
    /// Draws sentences and keeps those of the `settings.vocabulary - 2` most frequent words.
    ///
    /// # Errors
    /// As [`Corpus::expand`] and [`Tokeniser::build`].
    pub fn draw(corpus: &Corpus, settings: &Settings) -> Result<Self> {
        let words = corpus.words();
        let whole = Tokeniser::build(words.iter().map(String::as_str), [])?;
        let templates: Vec<&Template> = corpus.train.iter().collect();
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let mut drawn = corpus.expand(&templates, settings.sentences, &mut rng)?;
        drawn.shuffle(&mut rng);

        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for sample in &drawn {
            for id in whole.encode(&sample.text)? {
                *counts.entry(id).or_default() += 1;
            }
        }
        counts.remove(&UNKNOWN);
        let mut ranked: Vec<(usize, u32)> = counts.into_iter().map(|(id, count)| (count, id)).collect();
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let special = UNKNOWN as usize + 1;
        ranked.truncate(settings.vocabulary.saturating_sub(special));
        let known: Vec<String> = ranked.iter().filter_map(|(_, id)| whole.token(*id)).collect();
        let tokeniser = Tokeniser::build(known.iter().map(String::as_str), [])?;

        let encode = |samples: &[Sample]| -> Result<Vec<Ids>> {
            let mut texts = Vec::new();
            for sample in samples {
                let ids = tokeniser.encode(&sample.text)?;
                if !ids.contains(&UNKNOWN) && (1..CONTEXT).contains(&ids.len()) {
                    texts.push(ids);
                }
            }
            Ok(texts)
        };
        let mut train = encode(&drawn)?;
        let mut fresh = train.split_off(train.len() - train.len() / ASIDE);
        // Sentences that differ only in case or spelling become equal as tokens.
        let seen: std::collections::BTreeSet<&Ids> = train.iter().collect();
        fresh.retain(|ids| !seen.contains(ids));
        Ok(Self {
            heldout: encode(&heldout(corpus)?)?,
            train,
            fresh,
            tokeniser,
        })
    }
}

/// The last [`CONTEXT`] of the tokens before place `at`, the last one at the end.
pub fn window(ids: &[u32], at: usize) -> [u32; CONTEXT] {
    let mut window = [PAD; CONTEXT];
    for (slot, id) in window.iter_mut().rev().zip(ids.iter().take(at).rev()) {
        *slot = *id;
    }
    window
}

/// The token at place `at`: after the last one, the end.
pub fn target(ids: &[u32], at: usize) -> u32 {
    ids.get(at).copied().unwrap_or(PAD)
}

/// Every place of every text, ends included.
pub fn places(texts: &[Ids]) -> Vec<(usize, usize)> {
    (0..texts.len())
        .flat_map(|text| (0..=texts[text].len()).map(move |at| (text, at)))
        .collect()
}

/// A training window with some words taken for unknown, the last one spared.
pub fn disturbed(ids: &[u32], at: usize, rng: &mut impl Rng) -> [u32; CONTEXT] {
    let mut window = window(ids, at);
    for id in &mut window[..CONTEXT - 1] {
        if *id != PAD && rng.gen_bool(UNKNOWN_SHARE) {
            *id = UNKNOWN;
        }
    }
    window
}
