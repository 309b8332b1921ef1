//! What the trainer works on: the corpus expanded, tokenised and split.

use std::collections::BTreeMap;
use std::path::Path;

use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::corpus::{Corpus, Sample, Template};
use super::net::CONTEXT;
use super::optimise::{Example, Noise};
use crate::error::Result;
use crate::text::{Tokeniser, UNKNOWN};

/// Held-out sentences of every class.
const HELDOUT_PER_LABEL: usize = 200;
/// Calibration sentences of every class, from training templates.
const CALIBRATION_PER_LABEL: usize = 100;
/// How often the unknown token stands among the fillers: a word that no list foresaw is common.
const UNKNOWN_FILLERS: usize = 60;
/// Sections of the common lexicon whose words may be taken for unknown.
const REPLACEABLE: [&str; 7] = ["thing", "nplace", "neutralverb", "she", "i", "number", "opening"];
/// Seed of the held-out and calibration sentences: the same whatever the training seed.
const MEASURE_SEED: u64 = 0x6865_6c64;

/// The corpus, ready for the network.
#[derive(Clone, Debug)]
pub struct Data {
    /// Tokenizer over the corpus's words.
    pub tokeniser: Tokeniser,
    /// Learned from.
    pub train: Vec<Example>,
    /// Planned with: drawn from the training templates, apart from `train`.
    pub calibration: Vec<Example>,
    /// Measured on: drawn from templates that training never sees.
    pub heldout: Vec<Example>,
    /// Measured on: sentences written one by one.
    pub free: Vec<Example>,
    /// Disturbances of training texts.
    pub noise: Noise,
}

/// Held-out sentences: the same for every model.
///
/// # Errors
/// As [`Corpus::expand`].
pub fn heldout(corpus: &Corpus) -> Result<Vec<Sample>> {
    let mut rng = ChaCha8Rng::seed_from_u64(MEASURE_SEED);
    corpus.expand(
        &corpus.heldout.iter().collect::<Vec<_>>(),
        HELDOUT_PER_LABEL,
        &mut rng,
    )
}

/// Share of the most frequent class.
pub fn majority(labels: impl Iterator<Item = usize>) -> f64 {
    let mut counts = BTreeMap::new();
    labels.for_each(|label| *counts.entry(label).or_insert(0usize) += 1);
    let all = counts.values().sum::<usize>().max(1);
    counts.values().copied().max().unwrap_or_default() as f64 / all as f64
}

impl Data {
    /// Reads a corpus, builds its tokenizer and draws `per_label` training sentences of every class.
    ///
    /// # Errors
    /// As [`Corpus::load`], [`Corpus::expand`] and [`Tokeniser::build`].
    pub fn load(dir: &Path, per_label: usize, seed: u64) -> Result<Self> {
        let corpus = Corpus::load(dir)?;
        let words = corpus.words();
        let suffixes = corpus.suffixes.iter().map(String::as_str);
        let tokeniser = Tokeniser::build(words.iter().map(String::as_str), suffixes)?;
        // Sentences beyond the context cannot be prompts.
        let encode = |samples: Vec<Sample>| -> Result<Vec<Example>> {
            let mut examples = Vec::with_capacity(samples.len());
            for sample in samples {
                examples.push(Example {
                    ids: tokeniser.encode(&sample.text)?,
                    label: sample.label,
                });
            }
            examples.retain(|example| example.ids.len() <= CONTEXT);
            Ok(examples)
        };
        let templates: Vec<&Template> = corpus.train.iter().collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut train = encode(corpus.expand(&templates, per_label, &mut rng)?)?;
        train.shuffle(&mut rng);
        let mut rng = ChaCha8Rng::seed_from_u64(MEASURE_SEED);
        let calibration = encode(corpus.expand(&templates, CALIBRATION_PER_LABEL, &mut rng)?)?;
        let heldout = encode(heldout(&corpus)?)?;
        let free = encode(corpus.free.clone())?;

        let ids = |items: &[String]| -> Vec<u32> {
            items
                .iter()
                .flat_map(|item| item.split_whitespace())
                .filter_map(|word| tokeniser.id(word))
                .collect()
        };
        let mut fillers = ids(&corpus.fillers);
        fillers.extend([UNKNOWN; UNKNOWN_FILLERS]);
        let suffixes = corpus
            .suffixes
            .iter()
            .filter_map(|suffix| tokeniser.id(&format!("##{suffix}")))
            .collect();
        let mut replaceable = vec![false; tokeniser.size()];
        for section in REPLACEABLE {
            ids(corpus.section("common", section)?)
                .into_iter()
                .for_each(|id| replaceable[id as usize] = true);
        }
        let noise = Noise {
            fillers,
            suffixes,
            replaceable,
        };
        Ok(Self {
            train,
            calibration,
            heldout,
            free,
            noise,
            tokeniser,
        })
    }
}
