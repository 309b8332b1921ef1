//! The client's side of a model before encryption: tokenise, embed, quantise.

use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::wire::Prompt;

/// Tokeniser, embedding tables and quantiser of one model.
#[derive(Clone, Debug)]
pub struct Frontend;

impl Frontend {
    /// Builds the front end from the bytes of the public files.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] or [`Error::Embedding`] if a file is malformed.
    pub fn from_parts(_manifest: &Manifest, _tokenizer: &[u8], _embedding: &[u8]) -> Result<Self> {
        Ok(Self)
    }

    /// Turns a text into the integers that are encrypted.
    ///
    /// # Errors
    /// [`Error::ContextExceeded`] if the text is too long.
    pub fn prepare(&self, _text: &str) -> Result<Prompt> {
        Err(Error::Tokenizer("not trained".into()))
    }
}
