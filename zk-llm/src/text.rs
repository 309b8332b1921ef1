//! Tokenisation: lower-cased words, with known endings split from words that are not known whole.
//!
//! Contractions are spelled out ("don't" is "do not"), so that a negation is always the same token.
//! Punctuation is dropped. What is still unknown becomes [`UNKNOWN`].

use serde_json::{json, Map, Value};
use tokenizers::Tokenizer;

use crate::error::{Error, Result};

/// Id of the token that pads a text to the context.
pub const PAD: u32 = 0;
/// Id of the token that stands for every unknown word.
pub const UNKNOWN: u32 = 1;
/// Largest tokenizer file that is read, in bytes.
pub const MAX_TOKENIZER_BYTES: usize = 4 << 20;
/// Longest text that is tokenised, in bytes.
pub const MAX_TEXT_BYTES: usize = 4 << 10;
const LONGEST_WORD: u32 = 32;

/// Spellings brought to one form before the text is split into words: pattern and replacement.
const SPELLINGS: [(&str, &str); 12] = [
    ("[\u{2018}\u{2019}`\u{b4}]", "'"),
    (r"\b(?:cannot|can'?t)\b", "can not"),
    (r"\bwon'?t\b", "will not"),
    (r"n't\b", " not"),
    (
        r"(?:(?<=\bdo)|(?<=\bis)|(?<=\bdid)|(?<=\bwas)|(?<=\bare)|(?<=\bhas)|(?<=\bhave)|(?<=\bdoes))nt\b",
        " not",
    ),
    (r"\b(?:im|i'm)\b", "i am"),
    (r"'re\b", " are"),
    (r"'(?:ve)\b|(?<=\bi)ve\b", " have"),
    (r"'ll\b", " will"),
    (r"'d\b", " would"),
    (
        r"(?:(?<=\bit)|(?<=\bhe)|(?<=\bshe)|(?<=\bthat)|(?<=\bwhat)|(?<=\bthere)|(?<=\bthis)|(?<=\bhere))'s\b",
        " is",
    ),
    (r"'s\b", ""),
];

/// A tokenizer whose file has been read and checked.
#[derive(Clone, Debug)]
pub struct Tokeniser {
    inner: Tokenizer,
}

impl Tokeniser {
    /// Builds a tokenizer for `words`, whole, and `suffixes`, which continue a word.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if the vocabulary is refused.
    pub fn build<'a>(
        words: impl IntoIterator<Item = &'a str>,
        suffixes: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self> {
        let mut vocabulary = Map::new();
        let tokens = ["[PAD]", "[UNK]"].into_iter().chain(words).map(String::from);
        for token in tokens.chain(suffixes.into_iter().map(|suffix| format!("##{suffix}"))) {
            let next = vocabulary.len();
            vocabulary.entry(token).or_insert_with(|| next.into());
        }
        let spellings = SPELLINGS.iter().map(|(pattern, content)| {
            json!({ "type": "Replace", "pattern": { "Regex": pattern }, "content": content })
        });
        let letters = ["NFKD", "StripAccents", "Lowercase"].map(|kind| json!({ "type": kind }));
        let file = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": [],
            "normalizer": {
                "type": "Sequence",
                "normalizers": letters.into_iter().chain(spellings).collect::<Vec<_>>(),
            },
            "pre_tokenizer": {
                "type": "Split",
                "pattern": { "Regex": r"[^\p{L}\p{N}]+" },
                "behavior": "Removed",
                "invert": false,
            },
            "post_processor": null,
            "decoder": null,
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": LONGEST_WORD,
                "vocab": vocabulary,
            },
        });
        Self::from_bytes(file.to_string().as_bytes())
    }

    /// Reads a tokenizer file.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if it is too large, malformed, has parts that are of no use here, or does not number its
    /// tokens from 0 without gaps.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_TOKENIZER_BYTES {
            return Err(Error::Tokenizer(format!(
                "larger than {MAX_TOKENIZER_BYTES} bytes"
            )));
        }
        check_parts(bytes)?;
        let inner = Tokenizer::from_bytes(bytes).map_err(|e| Error::Tokenizer(e.to_string()))?;
        let known = |token: &str| inner.token_to_id(token);
        if known("[PAD]") != Some(PAD) || known("[UNK]") != Some(UNKNOWN) {
            return Err(Error::Tokenizer(
                "the first tokens are not [PAD] and [UNK]".into(),
            ));
        }
        let tokens = inner.get_vocab(true);
        if tokens.values().any(|id| *id as usize >= tokens.len()) {
            return Err(Error::Tokenizer("token numbers have gaps".into()));
        }
        Ok(Self { inner })
    }

    /// The tokenizer file: always the same bytes for the same tokenizer.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if it cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let text = self
            .inner
            .to_string(false)
            .map_err(|e| Error::Tokenizer(e.to_string()))?;
        let mut bytes = text.into_bytes();
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Number of tokens.
    pub fn size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Id of a word or ending, if the vocabulary holds it.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The token of an id, if there is one.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Token ids of a text, without padding.
    ///
    /// # Errors
    /// [`Error::ContextExceeded`] if the text is longer than any context, [`Error::Tokenizer`] if it is refused.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        if text.len() > MAX_TEXT_BYTES {
            let tokens = text.split_whitespace().count();
            return Err(Error::ContextExceeded {
                tokens,
                limit: MAX_TEXT_BYTES / 4,
            });
        }
        let encoding = self
            .inner
            .encode_fast(text, false)
            .map_err(|e| Error::Tokenizer(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Token ids of a text, padded to `context`, and how many of them are the text's.
    ///
    /// # Errors
    /// [`Error::ContextExceeded`] if the text has more tokens than that, and as [`Tokeniser::encode`].
    pub fn encode_padded(&self, text: &str, context: usize) -> Result<(Vec<u32>, usize)> {
        let mut ids = self.encode(text).map_err(|error| match error {
            Error::ContextExceeded { tokens, .. } => Error::ContextExceeded {
                tokens,
                limit: context,
            },
            other => other,
        })?;
        let tokens = ids.len();
        if tokens > context {
            return Err(Error::ContextExceeded {
                tokens,
                limit: context,
            });
        }
        ids.resize(context, PAD);
        Ok((ids, tokens))
    }
}

/// Refuses parts of a file that no text is encoded with, before the library reads them: it panics on malformed ones.
fn check_parts(bytes: &[u8]) -> Result<()> {
    let file: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|e| Error::Tokenizer(e.to_string()))?;
    for name in ["decoder", "post_processor", "truncation", "padding"] {
        if file.get(name).is_some_and(|part| !part.is_null()) {
            return Err(Error::Tokenizer(format!(
                "its {name} is not null; remove it, as it is not used"
            )));
        }
    }
    let mut parts: Vec<&Value> = file.get("normalizer").into_iter().collect();
    while let Some(part) = parts.pop() {
        if part.get("type").is_some_and(|kind| kind == "Precompiled")
            || part.get("precompiled_charsmap").is_some()
        {
            return Err(Error::Tokenizer("precompiled normalizers are not read".into()));
        }
        if let Some(inner) = part.get("normalizers").and_then(Value::as_array) {
            parts.extend(inner);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokeniser() -> Tokeniser {
        let words = [
            "i", "am", "not", "happy", "can", "do", "it", "is", "wait", "mourn", "her", "keys", "will",
            "cafe",
        ];
        Tokeniser::build(words, ["ed", "ing", "s"]).unwrap()
    }

    fn words(text: &str) -> Vec<String> {
        let tokeniser = tokeniser();
        tokeniser
            .encode(text)
            .unwrap()
            .iter()
            .map(|id| tokeniser.token(*id).unwrap())
            .collect()
    }

    #[test]
    fn contractions_and_spellings_come_to_one_form() {
        for (text, wanted) in [
            ("I'm not HAPPY!", "i am not happy"),
            ("im not happy", "i am not happy"),
            ("I can\u{2019}t wait", "i can not wait"),
            ("i cannot wait", "i can not wait"),
            ("It isn't, it's not.", "it is not it is not"),
            ("I dont do it", "i do not do it"),
            ("i won't wait", "i will not wait"),
            ("caf\u{e9}", "cafe"),
        ] {
            assert_eq!(words(text).join(" "), wanted, "{text}");
        }
    }

    #[test]
    fn unknown_words_lose_their_endings_or_become_unknown() {
        assert_eq!(
            words("mourned mourning zebra"),
            ["mourn", "##ed", "mourn", "##ing", "[UNK]"]
        );
        assert_eq!(words("her's keys"), ["her", "keys"]);
        assert_eq!(words("\u{1f600} ... \u{4f60}\u{597d}"), ["[UNK]"]);
        assert!(words("").is_empty());
    }

    #[test]
    fn texts_are_padded_and_too_long_ones_refused() {
        let (ids, tokens) = tokeniser().encode_padded("i am happy", 5).unwrap();
        assert_eq!((ids[3], ids[4], ids.len(), tokens), (PAD, PAD, 5, 3));
        let refused = tokeniser()
            .encode_padded("i am not happy i am not", 5)
            .unwrap_err();
        assert!(matches!(refused, Error::ContextExceeded { tokens: 7, limit: 5 }));
        let refused = tokeniser()
            .encode_padded(&"happy ".repeat(1 << 20), 16)
            .unwrap_err();
        assert!(matches!(refused, Error::ContextExceeded { limit: 16, .. }));
    }

    #[test]
    fn files_are_alike_and_malformed_ones_refused() {
        let bytes = tokeniser().to_bytes().unwrap();
        assert_eq!(bytes, Tokeniser::from_bytes(&bytes).unwrap().to_bytes().unwrap());
        for bad in [&b"{}"[..], b"", b"\xff\xff", &bytes[..bytes.len() / 2]] {
            assert!(matches!(Tokeniser::from_bytes(bad), Err(Error::Tokenizer(_))));
        }
    }

    #[test]
    fn parts_that_the_library_would_panic_on_are_refused() {
        let text = String::from_utf8(tokeniser().to_bytes().unwrap()).unwrap();
        let file: Map<String, Value> = serde_json::from_str(&text).unwrap();
        for part in ["decoder", "post_processor", "truncation", "padding"] {
            let mut other = file.clone();
            other.insert(part.into(), json!({ "type": "none" }));
            let bytes = Value::Object(other).to_string().into_bytes();
            assert!(
                matches!(Tokeniser::from_bytes(&bytes), Err(Error::Tokenizer(_))),
                "{part}"
            );
            let broken = bytes.len() - 1;
            assert!(matches!(
                Tokeniser::from_bytes(&bytes[..broken]),
                Err(Error::Tokenizer(_))
            ));
        }
        assert!(Tokeniser::from_bytes(br#"{"version":"1.0","decoder":!}"#).is_err());
        let mut other = file;
        let inner = json!({ "type": "Precompiled", "precompiled_charsmap": "AA==" });
        other.insert(
            "normalizer".into(),
            json!({ "type": "Sequence", "normalizers": [inner] }),
        );
        let bytes = Value::Object(other).to_string().into_bytes();
        assert!(matches!(Tokeniser::from_bytes(&bytes), Err(Error::Tokenizer(_))));
    }
}
