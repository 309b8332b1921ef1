//! Tokenisation as the checkpoint's own file says, special tokens included.

use std::panic::{catch_unwind, AssertUnwindSafe};

use tokenizers::Tokenizer;

use crate::error::{Error, Result};

/// Longest text that is tokenised, in bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// A checkpoint's tokenizer.
#[derive(Clone, Debug)]
pub struct Tokens {
    inner: Tokenizer,
}

impl Tokens {
    /// Reads `tokenizer.json` for a vocabulary of `rows` embedded tokens.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if it is malformed or numbers a token that has no embedding.
    pub fn from_bytes(bytes: &[u8], rows: u32) -> Result<Self> {
        // The library panics on some malformed files.
        let read = catch_unwind(|| Tokenizer::from_bytes(bytes).map_err(|e| e.to_string()));
        let mut inner = read
            .unwrap_or_else(|_| Err("the library cannot read it".into()))
            .map_err(Error::Tokenizer)?;
        // Texts are neither cut nor padded behind the caller's back.
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|e| Error::Tokenizer(e.to_string()))?;
        match inner.get_vocab(true).values().max() {
            Some(id) if *id < rows => Ok(Self { inner }),
            Some(id) => Err(Error::Tokenizer(format!(
                "token {id} has no embedding, of which there are {rows}; fetch tokenizer.json and config.json of \
                 one revision"
            ))),
            None => Err(Error::Tokenizer("it has no tokens".into())),
        }
    }

    /// Token numbers of a text.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if it is refused, [`Error::ContextExceeded`] if it has more than `context` tokens.
    pub fn encode(&self, text: &str, context: u32) -> Result<Vec<u32>> {
        let limit = context as usize;
        if text.len() > MAX_TEXT_BYTES {
            let tokens = text.split_whitespace().count();
            return Err(Error::ContextExceeded { tokens, limit });
        }
        let encoded = catch_unwind(AssertUnwindSafe(|| {
            self.inner.encode_fast(text, true).map_err(|e| e.to_string())
        }));
        let encoded = encoded
            .unwrap_or_else(|_| Err("the library cannot apply it".into()))
            .map_err(Error::Tokenizer)?;
        match encoded.get_ids() {
            ids if ids.len() > limit => Err(Error::ContextExceeded {
                tokens: ids.len(),
                limit,
            }),
            ids => Ok(ids.to_vec()),
        }
    }

    /// Text of token numbers.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if it is refused.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.inner
            .decode(ids, true)
            .map_err(|e| Error::Tokenizer(e.to_string()))
    }

    /// Whether a token is special, such as the one that ends a text.
    pub fn is_special(&self, id: u32) -> bool {
        let added = self.inner.get_added_vocabulary();
        added
            .get_added_tokens_decoder()
            .get(&id)
            .is_some_and(|token| token.special)
    }
}
