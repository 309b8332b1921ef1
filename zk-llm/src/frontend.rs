//! The client's side of a model before encryption: tokenise, embed, quantise.

use safetensors::tensor::{serialize, TensorView};
use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};
use crate::manifest::{Manifest, Quantiser};
use crate::quant::quantise_shared;
use crate::text::{Tokeniser, PAD};
use crate::wire::Prompt;

/// Name of the embedding table within its file.
const TABLE: &str = "embedding";
/// Largest product of vocabulary and width.
const MAX_ENTRIES: usize = 1 << 24;

/// Tokeniser, embedding table and quantiser of one model.
#[derive(Clone, Debug)]
pub struct Frontend {
    tokeniser: Tokeniser,
    table: Vec<f32>,
    dim: usize,
    context: usize,
    quantiser: Quantiser,
    /// Whether a prompt is the last tokens of a text, rather than all of them.
    windowed: bool,
}

impl Frontend {
    /// Builds the front end from the bytes of the public files.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] or [`Error::Embedding`] if a file is malformed or does not suit the manifest.
    pub fn from_parts(manifest: &Manifest, tokenizer: &[u8], embedding: &[u8]) -> Result<Self> {
        let fail = |what: &str| Error::Embedding(what.into());
        let tokeniser = Tokeniser::from_bytes(tokenizer)?;
        let (dim, context) = (manifest.dim as usize, manifest.context as usize);
        let file = SafeTensors::deserialize(embedding).map_err(|e| Error::Embedding(e.to_string()))?;
        let table = file.tensor(TABLE).map_err(|e| Error::Embedding(e.to_string()))?;
        if table.dtype() != Dtype::F32 || table.shape() != [tokeniser.size(), dim] {
            return Err(fail(
                "the table is not one row of the manifest's width per token, in f32",
            ));
        }
        if tokeniser.size().saturating_mul(dim) > MAX_ENTRIES {
            return Err(fail("the table is too large"));
        }
        let table: Vec<f32> = table
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        if table.iter().any(|x| !x.is_finite()) {
            return Err(fail("an entry is not finite"));
        }
        let windowed = manifest.generator.is_some();
        let token = |(id, label): (u32, &String)| tokeniser.token(id).as_ref() == Some(label);
        let mut labels = (0..).zip(&manifest.labels);
        if windowed && (manifest.labels.len() != tokeniser.size() || !labels.all(token)) {
            return Err(Error::Tokenizer(
                "its tokens are not the manifest's labels".into(),
            ));
        }
        let range = &manifest.interface.inputs;
        let span = manifest.quantiser.span();
        if range.lo > -span
            || range.hi < span
            || range.len as usize != dim * context
            || span > i32::from(i8::MAX)
        {
            return Err(fail("the quantiser does not suit the graph's inputs"));
        }
        Ok(Self {
            tokeniser,
            table,
            dim,
            context,
            quantiser: manifest.quantiser,
            windowed,
        })
    }

    /// Turns a text into the integers that are encrypted. Every prompt has the same length. A generator sees the
    /// last tokens of the text, padded in front, so that the latest one is always at the same place.
    ///
    /// # Errors
    /// [`Error::ContextExceeded`] if the text is too long.
    pub fn prepare(&self, text: &str) -> Result<Prompt> {
        let (ids, tokens) = if self.windowed {
            let ids = self.tokeniser.encode(text)?;
            let tokens = ids.len().min(self.context);
            let mut window = vec![PAD; self.context - tokens];
            window.extend_from_slice(&ids[ids.len() - tokens..]);
            (window, tokens)
        } else {
            self.tokeniser.encode_padded(text, self.context)?
        };
        let mut values = Vec::with_capacity(self.context * self.dim);
        for id in ids {
            let at = id as usize * self.dim;
            let row = self.table.get(at..at + self.dim);
            let row = row.ok_or_else(|| Error::Embedding("a token has no row".into()))?;
            // The span was checked to fit.
            values.extend(quantise_shared(row, &self.quantiser).into_iter().map(|x| x as i8));
        }
        Ok(Prompt { values, tokens })
    }

    /// Writes an embedding file.
    ///
    /// # Errors
    /// [`Error::Embedding`] if the table is not `rows` rows of `dim`.
    pub fn embedding_bytes(table: &[f32], rows: usize, dim: usize) -> Result<Vec<u8>> {
        let bytes: Vec<u8> = table.iter().flat_map(|x| x.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, vec![rows, dim], &bytes);
        let view = view.map_err(|e| Error::Embedding(e.to_string()))?;
        serialize([(TABLE, view)], None).map_err(|e| Error::Embedding(e.to_string()))
    }
}
