//! The folder that transformers would write: `config.json`, `model.safetensors`, `tokenizer.json`.

use std::collections::HashMap;
use std::path::Path;

use serde_json::json;
use tokenizers::Tokenizer;

use super::net::{Net, Shape, EPSILON};
use super::{Report, TRAINING_FILE};
use crate::error::{Error, Result};
use crate::manifest::TOKENIZER_FILE;

/// Writes the folder, and the run's figures into it.
///
/// # Errors
/// [`Error::Io`], [`Error::Tokenizer`] or [`Error::Training`].
pub fn write(folder: &Path, net: &Net, tokenizer: &Tokenizer, report: &Report) -> Result<()> {
    let at = |path: &Path, done: std::io::Result<()>| {
        done.map_err(|source| Error::Io {
            path: path.into(),
            source,
        })
    };
    at(folder, std::fs::create_dir_all(folder))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        at(&path, std::fs::write(&path, bytes))
    };
    let config = config(net.shape());
    let pretty = |value: &serde_json::Value| {
        serde_json::to_vec_pretty(value).map_err(|error| Error::Training(error.to_string()))
    };
    write("config.json", &pretty(&config)?)?;
    let tokens = tokenizer
        .to_string(true)
        .map_err(|error| Error::Tokenizer(error.to_string()))?;
    write(TOKENIZER_FILE, tokens.as_bytes())?;
    let report = serde_json::to_value(report).map_err(|error| Error::Training(error.to_string()))?;
    write(TRAINING_FILE, &pretty(&report)?)?;
    let tensors = net.tensors().iter();
    let tensors: HashMap<&str, _> = tensors
        .map(|(name, tensor)| (name.as_str(), tensor.as_tensor().clone()))
        .collect();
    Ok(candle_core::safetensors::save(
        &tensors,
        folder.join("model.safetensors"),
    )?)
}

/// What `config.json` says of a GPT-2 of this shape.
pub fn config(shape: &Shape) -> serde_json::Value {
    json!({
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "layer_norm_epsilon": EPSILON,
        "n_embd": shape.width,
        "n_head": shape.heads,
        "n_inner": null,
        "n_layer": shape.layers,
        "n_positions": shape.context,
        "scale_attn_weights": true,
        "tie_word_embeddings": true,
        "vocab_size": shape.vocabulary,
    })
}
