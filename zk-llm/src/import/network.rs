//! What a network is: read from a checkpoint's `config.json`, kept in the manifest.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Most inputs of a linear layer: with them the sum of products of two 8-bit integers fits 32 bits.
pub const MAX_COLUMNS: u32 = 1 << 17;
/// Most tokens of a vocabulary.
pub const MAX_VOCABULARY: u32 = 1 << 20;
/// Most tokens of a context.
pub const MAX_CONTEXT: u32 = 1 << 20;
/// Most layers.
pub const MAX_LAYERS: u32 = 512;
/// Most heads of an attention.
pub const MAX_HEADS: u32 = 1024;
/// Linear layers of each layer: the attention's and the features', in and out.
pub const LINEARS_OF_LAYER: usize = 4;
/// Most classes.
pub const MAX_LABELS: usize = 1024;

/// A transformer with everything that its forward pass needs besides the weights (SPEC R166, R177).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Order of the parts.
    pub family: Family,
    /// What comes out.
    pub output: Output,
    /// Rows of the token embedding.
    pub vocabulary: u32,
    /// Most tokens.
    pub context: u32,
    /// Features of a token between the layers.
    pub width: u32,
    /// Layers.
    pub layers: u32,
    /// Query heads.
    pub heads: u32,
    /// Key and value heads; each serves `heads / key_value_heads` queries.
    pub key_value_heads: u32,
    /// Features of a head.
    pub head_width: u32,
    /// Features inside the feed-forward part.
    pub features: u32,
    /// Rows of BERT's token type embedding; 0 without one.
    pub token_types: u32,
    /// Added to the variance in a norm.
    pub epsilon: f64,
    /// Non-linearity of the feed-forward part.
    pub activation: Activation,
    /// Rotary positions; learnt ones without it.
    pub rotary: Option<Rotary>,
}

/// Order of the parts of a transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Attention both ways, norms after the residual sums.
    Bert,
    /// Causal attention, norms before, learnt positions.
    Gpt2,
    /// Causal attention with grouped queries, root mean square norms before, rotary positions, gated features.
    Llama,
}

/// What a network gives for a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Output {
    /// The last layer's features of every token.
    Encoder,
    /// One logit a class.
    Classifier {
        /// Classes in the order of the logits.
        labels: Vec<String>,
    },
    /// One vector a text.
    Embedding {
        /// How tokens become one vector.
        pooling: Pooling,
        /// Whether the vector is scaled to length 1.
        normalise: bool,
    },
    /// One logit a token of the vocabulary, for the token that follows each token.
    Generator {
        /// Whether the last layer's weights are the token embedding: the client, which holds it, applies it itself.
        tied: bool,
    },
}

impl Output {
    /// Whether the output is made of every token's features.
    pub fn wants_all(&self) -> bool {
        match self {
            Self::Encoder
            | Self::Embedding {
                pooling: Pooling::Mean,
                ..
            } => true,
            Self::Embedding {
                pooling: Pooling::First,
                ..
            }
            | Self::Classifier { .. }
            | Self::Generator { .. } => false,
        }
    }
}

/// How the features of tokens become those of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Mean over all tokens.
    Mean,
    /// The first token's.
    First,
}

/// Non-linearity of the feed-forward part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `x * Phi(x)`.
    Gelu,
    /// Its approximation by a hyperbolic tangent.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
    /// `x * sigmoid(x)`.
    Silu,
}

/// Rotary positions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotary {
    /// Base of the wavelengths.
    pub theta: f64,
    /// How they are stretched.
    pub scaling: Scaling,
}

/// How the wavelengths of rotary positions are stretched for contexts longer than those trained on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Scaling {
    /// As trained.
    Plain,
    /// All alike.
    Linear {
        /// Factor.
        factor: f64,
    },
    /// Long ones alone, with a ramp between.
    Llama3 {
        /// Factor of long wavelengths.
        factor: f64,
        /// Original contexts in the shortest wavelength that is stretched in full.
        low: f64,
        /// Original contexts in the longest wavelength that is left as it is.
        high: f64,
        /// The context trained on, in tokens.
        original: u32,
    },
}

impl Network {
    /// Checks that the sizes fit one another and the limits, before anything is allocated for them.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] naming the size.
    pub fn validate(&self) -> Result<()> {
        let fail = |what: String| Err(Error::Checkpoint(what));
        let bounded = [
            ("vocabulary", self.vocabulary, MAX_VOCABULARY),
            ("context", self.context, MAX_CONTEXT),
            ("width", self.width, MAX_COLUMNS),
            ("layers", self.layers, MAX_LAYERS),
            ("heads", self.heads, MAX_HEADS),
            ("key and value heads", self.key_value_heads, self.heads),
            ("head width", self.head_width, MAX_COLUMNS),
            ("features", self.features, MAX_COLUMNS),
        ];
        for (name, value, most) in bounded {
            if value == 0 || value > most {
                return fail(format!("{name} {value} is not in 1..={most}"));
            }
        }
        if self.heads % self.key_value_heads != 0 {
            return fail(format!(
                "{} heads cannot share {} keys alike",
                self.heads, self.key_value_heads
            ));
        }
        let joined = u64::from(self.heads) * u64::from(self.head_width);
        if joined > u64::from(MAX_COLUMNS) {
            return fail(format!(
                "all heads have {joined} features, more than {MAX_COLUMNS}"
            ));
        }
        if self.token_types > 1024 || (self.family == Family::Bert) != (self.token_types > 0) {
            return fail(format!("{} token types", self.token_types));
        }
        if (self.family == Family::Llama) != self.rotary.is_some() {
            return fail("the family and the kind of positions do not go together".into());
        }
        if (self.family == Family::Bert) == matches!(self.output, Output::Generator { .. }) {
            return fail("the family and the output do not go together".into());
        }
        if let Output::Classifier { labels } = &self.output {
            if labels.is_empty() || labels.len() > MAX_LABELS || labels.iter().any(|label| label.len() > 256)
            {
                return fail(format!("{} labels, or one longer than 256 bytes", labels.len()));
            }
        }
        let positive = |x: f64| x.is_finite() && x > 0.0;
        if !positive(self.epsilon) || self.epsilon > 1.0 {
            return fail("the norm's epsilon is not in 0..=1".into());
        }
        self.rotary.as_ref().map_or(Ok(()), |rotary| {
            let sound = match rotary.scaling {
                Scaling::Plain => true,
                Scaling::Linear { factor } => positive(factor),
                Scaling::Llama3 {
                    factor,
                    low,
                    high,
                    original,
                } => positive(factor) && positive(low) && positive(high) && high > low && original > 0,
            };
            match sound && positive(rotary.theta) && self.head_width % 2 == 0 {
                true => Ok(()),
                false => fail("rotary positions need an even head width and positive numbers".into()),
            }
        })
    }

    /// Name, rows and columns of each linear layer, in the order in which they run.
    pub fn linears(&self) -> Vec<(String, usize, usize)> {
        let (width, features) = (self.width as usize, self.features as usize);
        let gates = if self.family == Family::Llama { 2 } else { 1 };
        let mut out = vec![];
        for layer in 0..self.layers {
            let mut push =
                |part: &str, rows, columns| out.push((format!("layers.{layer}.{part}"), rows, columns));
            push("attention.in", self.attention_rows(), width);
            push("attention.out", width, self.joined_heads());
            push("features.in", gates * features, width);
            push("features.out", width, features);
        }
        match &self.output {
            Output::Classifier { labels } => {
                out.push(("pooler".into(), width, width));
                out.push(("classifier".into(), labels.len(), width));
            }
            Output::Generator { tied: false } => out.push(("head".into(), self.vocabulary as usize, width)),
            Output::Generator { tied: true } | Output::Encoder | Output::Embedding { .. } => {}
        }
        out
    }

    /// Name and shape of each tensor that the client holds besides scales and biases.
    pub fn public_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let width = self.width as usize;
        let mut out = vec![("embedding.token".into(), vec![self.vocabulary as usize, width])];
        if self.rotary.is_none() {
            out.push(("embedding.position".into(), vec![self.context as usize, width]));
        }
        let parts: &[&str] = match self.family {
            Family::Llama => &["weight"],
            Family::Bert | Family::Gpt2 => &["weight", "bias"],
        };
        let mut norm =
            |name: String| out.extend(parts.iter().map(|part| (format!("{name}.{part}"), vec![width])));
        for layer in 0..self.layers {
            norm(format!("layers.{layer}.attention.norm"));
            norm(format!("layers.{layer}.features.norm"));
        }
        match self.family {
            Family::Bert => {
                norm("embedding.norm".into());
                out.push(("embedding.type".into(), vec![self.token_types as usize, width]));
            }
            Family::Gpt2 | Family::Llama => norm("norm".into()),
        }
        out
    }

    /// Rows of the joint query, key and value layer.
    pub fn attention_rows(&self) -> usize {
        (self.heads as usize + 2 * self.key_value_heads as usize) * self.head_width as usize
    }

    /// Features of all heads together.
    pub fn joined_heads(&self) -> usize {
        self.heads as usize * self.head_width as usize
    }
}
