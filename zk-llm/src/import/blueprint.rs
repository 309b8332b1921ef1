//! Which tensors of a checkpoint become the miner's linear layers, and which the client's part.
//!
//! Every layer of every family has the same four linear layers, so that a token takes the same rounds: queries,
//! keys and values together, the attention's output, the features (with their gates) and the way back.

use std::collections::BTreeSet;

use super::config::unsupported;
use super::network::{Family, Network, Output};
use super::tensors::{Form, Tensors};
use crate::error::Result;

/// Rows of a linear layer that come from one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Name in the checkpoint, without `.weight`.
    pub module: String,
    pub rows: usize,
    /// The tensor has a column for each output.
    pub transposed: bool,
}

/// A linear layer: its parts one below the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Linear {
    pub name: String,
    pub columns: usize,
    pub parts: Vec<Part>,
    pub bias: bool,
}

impl Part {
    /// Name of its weights in the checkpoint.
    pub fn tensor(&self) -> String {
        format!("{}.weight", self.module)
    }
}

impl Linear {
    pub fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }
}

/// A tensor of the client's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Public {
    pub name: String,
    pub tensor: String,
    pub shape: Vec<usize>,
}

/// Everything that is taken from a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Blueprint {
    pub linears: Vec<Linear>,
    pub public: Vec<Public>,
}

/// Tensors that hold nothing of their own: masks, positions that are computed, heads left over from training.
const SPARE: [&str; 5] = [
    ".attn.bias",
    ".attn.masked_bias",
    "embeddings.position_ids",
    "rotary_emb.inv_freq",
    "embeddings.token_type_ids",
];

impl Blueprint {
    /// Finds a network's parts in a checkpoint.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] naming a tensor that is of no part.
    pub fn new(network: &Network, tensors: &Tensors) -> Result<Self> {
        let mut plan = Plan {
            network,
            tensors,
            blueprint: Self::default(),
        };
        let spare: &[&str] = match network.family {
            Family::Bert => plan.bert(),
            Family::Gpt2 => plan.gpt2(),
            Family::Llama => plan.llama(),
        };
        let blueprint = plan.blueprint;
        let used: BTreeSet<String> = blueprint.tensors().collect();
        let idle = |name: &str| {
            used.contains(name)
                || SPARE.iter().any(|end| name.ends_with(end))
                || spare.iter().any(|start| name.starts_with(start))
        };
        match tensors.names().find(|name| !idle(name)) {
            Some(name) => Err(unsupported(
                &format!("tensor {name}"),
                "config.json does not account for it: use a checkpoint without adapters or parts of its own",
            )),
            None => Ok(blueprint),
        }
    }

    /// Checks that every tensor is there, of its shape and in a form that is read.
    ///
    /// # Errors
    /// [`crate::Error::Checkpoint`] or [`crate::Error::Unsupported`] naming the tensor.
    pub fn check(&self, tensors: &Tensors) -> Result<()> {
        let check = |name: &str, shape: &[usize]| match tensors.describe(name, shape)? {
            Form::I8 => Err(unsupported(
                &format!("tensor {name} in I8"),
                "import the original checkpoint, in F32, F16 or BF16",
            )),
            Form::F16 | Form::BF16 | Form::F32 => Ok(()),
        };
        for linear in &self.linears {
            for part in &linear.parts {
                let shape = match part.transposed {
                    true => [linear.columns, part.rows],
                    false => [part.rows, linear.columns],
                };
                check(&part.tensor(), &shape)?;
                if linear.bias {
                    check(&format!("{}.bias", part.module), &[part.rows])?;
                }
            }
        }
        for public in &self.public {
            check(&public.tensor, &public.shape)?;
        }
        Ok(())
    }

    fn tensors(&self) -> impl Iterator<Item = String> + '_ {
        let linears = self.linears.iter().flat_map(|linear| {
            linear.parts.iter().flat_map(|part| {
                [part.tensor()]
                    .into_iter()
                    .chain(linear.bias.then(|| format!("{}.bias", part.module)))
            })
        });
        linears.chain(self.public.iter().map(|public| public.tensor.clone()))
    }
}

struct Plan<'a> {
    network: &'a Network,
    tensors: &'a Tensors,
    blueprint: Blueprint,
}

impl Plan<'_> {
    /// The prefix of the model proper: a checkpoint of the bare model has none.
    fn prefix(&self, prefix: &'static str, probe: &str) -> &'static str {
        match self.tensors.has(&format!("{prefix}{probe}")) {
            true => prefix,
            false => "",
        }
    }

    fn linear(&mut self, name: String, columns: usize, parts: Vec<(String, usize)>, transposed: bool) {
        let bias = parts
            .iter()
            .all(|(module, _)| self.tensors.has(&format!("{module}.bias")));
        let parts = parts.into_iter().map(|(module, rows)| Part {
            module,
            rows,
            transposed,
        });
        self.blueprint.linears.push(Linear {
            name,
            columns,
            parts: parts.collect(),
            bias,
        });
    }

    fn public(&mut self, name: &str, tensor: String, shape: &[usize]) {
        self.blueprint.public.push(Public {
            name: name.into(),
            tensor,
            shape: shape.into(),
        });
    }

    /// A norm's weight and bias; old checkpoints of BERT call them gamma and beta.
    fn norm(&mut self, name: &str, module: &str) {
        let width = self.network.width as usize;
        let parts: &[(&str, &str)] = match self.network.family {
            Family::Llama => &[("weight", "weight")],
            _ => &[("weight", "gamma"), ("bias", "beta")],
        };
        for (part, old) in parts {
            let known = format!("{module}.{part}");
            let tensor = match self.tensors.has(&known) {
                true => known,
                false => format!("{module}.{old}"),
            };
            self.public(&format!("{name}.{part}"), tensor, &[width]);
        }
    }

    fn sizes(&self) -> (usize, usize, usize) {
        let network = self.network;
        (
            network.vocabulary as usize,
            network.context as usize,
            network.width as usize,
        )
    }

    fn bert(&mut self) -> &'static [&'static str] {
        let root = self.prefix("bert.", "embeddings.word_embeddings.weight");
        let (vocabulary, context, width) = self.sizes();
        let types = self.network.token_types as usize;
        for (name, part, rows) in [
            ("token", "word", vocabulary),
            ("position", "position", context),
            ("type", "token_type", types),
        ] {
            let tensor = format!("{root}embeddings.{part}_embeddings.weight");
            self.public(&format!("embedding.{name}"), tensor, &[rows, width]);
        }
        self.norm("embedding.norm", &format!("{root}embeddings.LayerNorm"));
        let features = self.network.features as usize;
        for layer in 0..self.network.layers {
            let (to, from) = (format!("layers.{layer}"), format!("{root}encoder.layer.{layer}"));
            let qkv = ["query", "key", "value"].map(|part| (format!("{from}.attention.self.{part}"), width));
            self.linear(format!("{to}.attention.in"), width, qkv.into(), false);
            let out = vec![(format!("{from}.attention.output.dense"), width)];
            self.linear(format!("{to}.attention.out"), width, out, false);
            self.norm(
                &format!("{to}.attention.norm"),
                &format!("{from}.attention.output.LayerNorm"),
            );
            let up = vec![(format!("{from}.intermediate.dense"), features)];
            self.linear(format!("{to}.features.in"), width, up, false);
            let down = vec![(format!("{from}.output.dense"), width)];
            self.linear(format!("{to}.features.out"), features, down, false);
            self.norm(
                &format!("{to}.features.norm"),
                &format!("{from}.output.LayerNorm"),
            );
        }
        if let Output::Classifier { labels } = &self.network.output {
            let classes = labels.len();
            self.linear(
                "pooler".into(),
                width,
                vec![(format!("{root}pooler.dense"), width)],
                false,
            );
            self.linear(
                "classifier".into(),
                width,
                vec![("classifier".into(), classes)],
                false,
            );
            return &[];
        }
        &["pooler.", "bert.pooler.", "cls.", "classifier."]
    }

    fn gpt2(&mut self) -> &'static [&'static str] {
        let root = self.prefix("transformer.", "wte.weight");
        let (vocabulary, context, width) = self.sizes();
        let features = self.network.features as usize;
        self.public(
            "embedding.token",
            format!("{root}wte.weight"),
            &[vocabulary, width],
        );
        self.public(
            "embedding.position",
            format!("{root}wpe.weight"),
            &[context, width],
        );
        for layer in 0..self.network.layers {
            let (to, from) = (format!("layers.{layer}"), format!("{root}h.{layer}"));
            self.norm(&format!("{to}.attention.norm"), &format!("{from}.ln_1"));
            let mut linear = |part: &str, columns, module: &str, rows| {
                self.linear(
                    format!("{to}.{part}"),
                    columns,
                    vec![(format!("{from}.{module}"), rows)],
                    true,
                );
            };
            linear("attention.in", width, "attn.c_attn", 3 * width);
            linear("attention.out", width, "attn.c_proj", width);
            linear("features.in", width, "mlp.c_fc", features);
            linear("features.out", features, "mlp.c_proj", width);
            self.norm(&format!("{to}.features.norm"), &format!("{from}.ln_2"));
        }
        self.norm("norm", &format!("{root}ln_f"));
        self.head()
    }

    fn llama(&mut self) -> &'static [&'static str] {
        let (vocabulary, _, width) = self.sizes();
        let features = self.network.features as usize;
        let head = self.network.head_width as usize;
        let (queries, keys) = (
            self.network.joined_heads(),
            self.network.key_value_heads as usize * head,
        );
        let embedding = "model.embed_tokens.weight";
        self.public("embedding.token", embedding.into(), &[vocabulary, width]);
        for layer in 0..self.network.layers {
            let (to, from) = (format!("layers.{layer}"), format!("model.layers.{layer}"));
            self.norm(
                &format!("{to}.attention.norm"),
                &format!("{from}.input_layernorm"),
            );
            let module = |part: &str, rows| (format!("{from}.{part}_proj"), rows);
            let qkv = vec![
                module("self_attn.q", queries),
                module("self_attn.k", keys),
                module("self_attn.v", keys),
            ];
            self.linear(format!("{to}.attention.in"), width, qkv, false);
            let out = vec![module("self_attn.o", width)];
            self.linear(format!("{to}.attention.out"), queries, out, false);
            self.norm(
                &format!("{to}.features.norm"),
                &format!("{from}.post_attention_layernorm"),
            );
            let gated = vec![module("mlp.gate", features), module("mlp.up", features)];
            self.linear(format!("{to}.features.in"), width, gated, false);
            let down = vec![module("mlp.down", width)];
            self.linear(format!("{to}.features.out"), features, down, false);
        }
        self.norm("norm", "model.norm");
        self.head()
    }

    /// The layer that gives logits, unless it is the token embedding.
    fn head(&mut self) -> &'static [&'static str] {
        if matches!(self.network.output, Output::Generator { tied: true }) {
            // Some checkpoints hold the shared weights twice.
            return &["lm_head.weight"];
        }
        let (vocabulary, _, width) = self.sizes();
        self.linear("head".into(), width, vec![("lm_head".into(), vocabulary)], false);
        &[]
    }
}
