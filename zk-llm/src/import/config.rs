//! `config.json` of a checkpoint. What is not run here is refused by its name.

use serde_json::{Map, Value};

use super::network::{Activation, Family, Network, Output, Pooling, Rotary, Scaling};
use crate::error::{Error, Result};

/// Largest JSON file of a checkpoint that is read, tokenizer and index aside, in bytes.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Files that say how a sentence embedding is made of a network's features.
pub(super) struct SentenceFiles<'a> {
    /// `modules.json`.
    pub modules: &'a [u8],
    /// `1_Pooling/config.json`.
    pub pooling: &'a [u8],
}

/// A checkpoint's network.
///
/// # Errors
/// [`Error::Unsupported`] naming what is not run and what to do, [`Error::Checkpoint`] if a file is malformed.
pub(super) fn read(config: &[u8], sentence: Option<SentenceFiles<'_>>) -> Result<Network> {
    let fields = Fields::parse("config.json", config)?;
    for part in ["quantization_config", "auto_map", "adapter_path"] {
        if fields.0.get(part).is_some_and(|value| !value.is_null()) {
            return Err(unsupported(
                &format!("config.json: {part}"),
                "import the original checkpoint, in floating point and with no code of its own",
            ));
        }
    }
    let network = match fields.text("model_type")? {
        "bert" => bert(&fields, sentence)?,
        "gpt2" => gpt2(&fields)?,
        "llama" => llama(&fields)?,
        other => {
            return Err(unsupported(
                &format!("config.json: model_type {other:?}"),
                "use a bert, gpt2 or llama checkpoint",
            ))
        }
    };
    network.validate()?;
    Ok(network)
}

fn bert(fields: &Fields, sentence: Option<SentenceFiles<'_>>) -> Result<Network> {
    fields.only("position_embedding_type", "absolute")?;
    for flag in ["is_decoder", "add_cross_attention"] {
        fields.off(flag)?;
    }
    let output = match (fields.architecture()?, sentence) {
        ("BertModel", Some(files)) => sentence_embedding(&files)?,
        ("BertModel", None) => Output::Encoder,
        ("BertForSequenceClassification", _) => Output::Classifier {
            labels: fields.labels()?,
        },
        (other, _) => {
            return Err(unsupported(
                &format!("config.json: architecture {other}"),
                "use BertModel (set \"architectures\" to it in a copy of the folder to import the encoder alone) or \
                 BertForSequenceClassification",
            ))
        }
    };
    let (width, heads) = (fields.count("hidden_size")?, fields.count("num_attention_heads")?);
    Ok(Network {
        family: Family::Bert,
        output,
        vocabulary: fields.count("vocab_size")?,
        context: fields.count("max_position_embeddings")?,
        width,
        layers: fields.count("num_hidden_layers")?,
        heads,
        key_value_heads: heads,
        head_width: split(width, heads)?,
        features: fields.count("intermediate_size")?,
        token_types: fields.count_or("type_vocab_size", 2)?,
        epsilon: fields.number_or("layer_norm_eps", 1e-12)?,
        activation: fields.activation("hidden_act", "gelu")?,
        rotary: None,
    })
}

fn gpt2(fields: &Fields) -> Result<Network> {
    fields.architecture_is("GPT2LMHeadModel")?;
    for flag in ["add_cross_attention", "scale_attn_by_inverse_layer_idx"] {
        fields.off(flag)?;
    }
    if !fields.flag_or("scale_attn_weights", true)? {
        return Err(unsupported(
            "config.json: scale_attn_weights false",
            "use a checkpoint whose attention is scaled",
        ));
    }
    let (width, heads) = (fields.count("n_embd")?, fields.count("n_head")?);
    let features = match fields.present("n_inner") {
        true => fields.count("n_inner")?,
        false => width.saturating_mul(4),
    };
    Ok(Network {
        family: Family::Gpt2,
        output: Output::Generator {
            tied: fields.flag_or("tie_word_embeddings", true)?,
        },
        vocabulary: fields.count("vocab_size")?,
        context: fields.count("n_positions")?,
        width,
        layers: fields.count("n_layer")?,
        heads,
        key_value_heads: heads,
        head_width: split(width, heads)?,
        features,
        token_types: 0,
        epsilon: fields.number_or("layer_norm_epsilon", 1e-5)?,
        activation: fields.activation("activation_function", "gelu_new")?,
        rotary: None,
    })
}

fn llama(fields: &Fields) -> Result<Network> {
    fields.architecture_is("LlamaForCausalLM")?;
    if fields.present("pretraining_tp") && fields.count("pretraining_tp")? != 1 {
        return Err(unsupported(
            "config.json: pretraining_tp above 1",
            "use a checkpoint saved with pretraining_tp 1",
        ));
    }
    let (width, heads) = (fields.count("hidden_size")?, fields.count("num_attention_heads")?);
    let head_width = match fields.present("head_dim") {
        true => fields.count("head_dim")?,
        false => split(width, heads)?,
    };
    Ok(Network {
        family: Family::Llama,
        output: Output::Generator {
            tied: fields.flag_or("tie_word_embeddings", false)?,
        },
        vocabulary: fields.count("vocab_size")?,
        context: fields.count("max_position_embeddings")?,
        width,
        layers: fields.count("num_hidden_layers")?,
        heads,
        key_value_heads: fields.count_or("num_key_value_heads", heads)?,
        head_width,
        features: fields.count("intermediate_size")?,
        token_types: 0,
        epsilon: fields.number_or("rms_norm_eps", 1e-6)?,
        activation: fields.activation("hidden_act", "silu")?,
        rotary: Some(rotary(fields)?),
    })
}

/// Older files hold `rope_theta` and `rope_scaling`, newer ones both in `rope_parameters`.
fn rotary(fields: &Fields) -> Result<Rotary> {
    let nested = ["rope_parameters", "rope_scaling"]
        .into_iter()
        .find_map(|name| fields.0.get(name)?.as_object());
    let none = Map::new();
    let nested = Fields(nested.unwrap_or(&none).clone());
    let theta = match nested.present("rope_theta") {
        true => nested.number("rope_theta")?,
        false => fields.number_or("rope_theta", 10_000.0)?,
    };
    let kind = ["rope_type", "type"]
        .into_iter()
        .find_map(|name| nested.0.get(name)?.as_str());
    let scaling = match kind.unwrap_or("default") {
        "default" => Scaling::Plain,
        "linear" => Scaling::Linear {
            factor: nested.number("factor")?,
        },
        "llama3" => Scaling::Llama3 {
            factor: nested.number("factor")?,
            low: nested.number("low_freq_factor")?,
            high: nested.number("high_freq_factor")?,
            original: nested.count("original_max_position_embeddings")?,
        },
        other => {
            return Err(unsupported(
                &format!("config.json: rotary scaling {other:?}"),
                "use a checkpoint with default, linear or llama3 scaling",
            ))
        }
    };
    Ok(Rotary { theta, scaling })
}

fn sentence_embedding(files: &SentenceFiles<'_>) -> Result<Output> {
    let listed: Vec<Value> =
        serde_json::from_slice(files.modules).map_err(|e| malformed("modules.json", &e))?;
    let mut normalise = false;
    for module in &listed {
        let kind = module.get("type").and_then(Value::as_str).unwrap_or_default();
        match kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" | "Pooling" => {}
            "Normalize" => normalise = true,
            other => {
                return Err(unsupported(
                    &format!("modules.json: module {other:?}"),
                    "use a model of Transformer, Pooling and Normalize",
                ))
            }
        }
    }
    let pooling = Fields::parse("1_Pooling/config.json", files.pooling)?;
    let mut chosen = vec![];
    for (name, value) in &pooling.0 {
        if value.as_bool() == Some(true) && name.starts_with("pooling_mode_") {
            chosen.push(name.as_str());
        }
    }
    if let Some(mode) = pooling.0.get("pooling_mode").and_then(Value::as_str) {
        chosen.push(mode);
    }
    let pooling = match chosen[..] {
        ["pooling_mode_mean_tokens" | "mean"] => Pooling::Mean,
        ["pooling_mode_cls_token" | "cls"] => Pooling::First,
        _ => {
            return Err(unsupported(
                &format!("1_Pooling/config.json: pooling by {chosen:?}"),
                "use a model that pools by the mean or by the first token",
            ))
        }
    };
    Ok(Output::Embedding { pooling, normalise })
}

fn split(width: u32, heads: u32) -> Result<u32> {
    match width.checked_rem(heads) {
        Some(0) => Ok(width / heads),
        _ => Err(Error::Checkpoint(format!(
            "config.json: width {width} does not divide among {heads} heads"
        ))),
    }
}

pub(super) fn unsupported(what: &str, advice: &str) -> Error {
    Error::Unsupported {
        what: what.into(),
        advice: advice.into(),
    }
}

fn malformed(file: &str, error: &serde_json::Error) -> Error {
    Error::Checkpoint(format!("{file}: {error}"))
}

/// A JSON object whose fields are read by name.
struct Fields(Map<String, Value>);

impl Fields {
    fn parse(file: &str, bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes)
            .map(Self)
            .map_err(|e| malformed(file, &e))
    }

    fn present(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    fn get<'a, T>(&'a self, name: &str, kind: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<T> {
        self.0
            .get(name)
            .and_then(read)
            .ok_or_else(|| Error::Checkpoint(format!("config.json: {name} is missing or not {kind}")))
    }

    fn text(&self, name: &str) -> Result<&str> {
        self.get(name, "a text", Value::as_str)
    }

    fn count(&self, name: &str) -> Result<u32> {
        self.get(name, "a count", |v| v.as_u64()?.try_into().ok())
    }

    fn number(&self, name: &str) -> Result<f64> {
        self.get(name, "a number", Value::as_f64)
    }

    fn count_or(&self, name: &str, absent: u32) -> Result<u32> {
        self.present(name).then(|| self.count(name)).unwrap_or(Ok(absent))
    }

    fn number_or(&self, name: &str, absent: f64) -> Result<f64> {
        self.present(name)
            .then(|| self.number(name))
            .unwrap_or(Ok(absent))
    }

    fn flag_or(&self, name: &str, absent: bool) -> Result<bool> {
        match self.present(name) {
            true => self.get(name, "true or false", Value::as_bool),
            false => Ok(absent),
        }
    }

    fn off(&self, name: &str) -> Result<()> {
        match self.flag_or(name, false)? {
            true => Err(unsupported(
                &format!("config.json: {name}"),
                "use a checkpoint without it",
            )),
            false => Ok(()),
        }
    }

    fn only(&self, name: &str, wanted: &str) -> Result<()> {
        match self.present(name).then(|| self.text(name)).transpose()? {
            Some(other) if other != wanted => Err(unsupported(
                &format!("config.json: {name} {other:?}"),
                &format!("use a checkpoint whose {name} is {wanted}"),
            )),
            _ => Ok(()),
        }
    }

    fn architecture(&self) -> Result<&str> {
        self.get("architectures", "one name", |v| match v.as_array()?.as_slice() {
            [one] => one.as_str(),
            _ => None,
        })
    }

    fn architecture_is(&self, wanted: &str) -> Result<()> {
        match self.architecture()? {
            name if name == wanted => Ok(()),
            other => Err(unsupported(
                &format!("config.json: architecture {other}"),
                &format!("use a {wanted}"),
            )),
        }
    }

    fn activation(&self, name: &str, absent: &str) -> Result<Activation> {
        let named = self.present(name).then(|| self.text(name)).transpose()?;
        match named.unwrap_or(absent) {
            "gelu" => Ok(Activation::Gelu),
            "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
            "relu" => Ok(Activation::Relu),
            "silu" | "swish" => Ok(Activation::Silu),
            other => Err(unsupported(
                &format!("config.json: activation {other:?}"),
                "use a checkpoint with gelu, gelu_new, relu or silu",
            )),
        }
    }

    /// Classes by number: of `id2label`, else as many as `num_labels` says (two by default).
    fn labels(&self) -> Result<Vec<String>> {
        let Some(named) = self.0.get("id2label").and_then(Value::as_object) else {
            let count = self
                .count_or("num_labels", 2)?
                .min(super::network::MAX_LABELS as u32 + 1);
            return Ok((0..count).map(|id| format!("LABEL_{id}")).collect());
        };
        let by_number = |id: usize| named.get(&id.to_string())?.as_str().map(String::from);
        (0..named.len())
            .map(by_number)
            .collect::<Option<_>>()
            .ok_or_else(|| {
                Error::Checkpoint("config.json: id2label does not number its labels from 0".into())
            })
    }
}
