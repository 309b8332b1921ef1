//! A text in two parts, its tokens, and what their frequencies alone predict.

use tokenizers::decoders::byte_level::ByteLevel as Decoder;
use tokenizers::models::bpe::{BpeTrainer, BPE};
use tokenizers::models::TrainerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::Tokenizer;

use crate::error::{Error, Result};

/// Of a text's bytes, one in so many is held out, at its end.
const HELD_OUT: usize = 10;

/// The part that is learnt and the part that is held out; parted where a line begins, if one does.
pub fn halves(text: &str) -> (&str, &str) {
    let mut at = text.len() - text.len() / HELD_OUT;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let line = text[at..].find('\n').map_or(0, |line| line + 1);
    text.split_at(at + line)
}

/// Byte pairs joined as often as they occur in `text`, until there are `vocabulary` tokens; any text can be encoded.
///
/// # Errors
/// [`Error::Training`] if the vocabulary does not hold all bytes; [`Error::Tokenizer`].
pub fn tokenizer(text: &str, vocabulary: usize) -> Result<Tokenizer> {
    let alphabet = ByteLevel::alphabet();
    if vocabulary < alphabet.len() {
        return Err(Error::Training(format!(
            "a vocabulary of {vocabulary}; all bytes take {}",
            alphabet.len()
        )));
    }
    let trainer = BpeTrainer::builder()
        .vocab_size(vocabulary)
        .show_progress(false)
        .initial_alphabet(alphabet.into_iter().collect())
        .build();
    let mut tokenizer = Tokenizer::new(BPE::default());
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    tokenizer.with_decoder(Some(Decoder::new(false, true, true)));
    let trained = tokenizer.train(&mut TrainerWrapper::from(trainer), text.lines());
    trained.map_err(|error| Error::Tokenizer(error.to_string()))?;
    Ok(tokenizer)
}

/// Token numbers of a text of any length.
///
/// # Errors
/// [`Error::Tokenizer`] if it is refused.
pub(super) fn encode(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>> {
    let encoded = tokenizer.encode_fast(text, false);
    Ok(encoded
        .map_err(|error| Error::Tokenizer(error.to_string()))?
        .get_ids()
        .to_vec())
}

/// Perplexity of tokens by the frequencies of those learnt, each counted once more than it occurs.
pub fn unigram<'a>(vocabulary: usize, learnt: &[u32], tokens: impl Iterator<Item = &'a u32>) -> f64 {
    let mut counts = vec![1u64; vocabulary];
    for token in learnt {
        if let Some(count) = counts.get_mut(*token as usize) {
            *count += 1;
        }
    }
    let total = counts.iter().sum::<u64>() as f64;
    let (mut sum, mut seen) = (0.0, 0u64);
    for token in tokens {
        let count = counts.get(*token as usize).copied().unwrap_or(1);
        sum -= (count as f64 / total).ln();
        seen += 1;
    }
    (sum / seen.max(1) as f64).exp()
}
