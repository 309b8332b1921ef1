//! The Temporal Fusion Transformer (Lim et al. 2021, D.1).

mod layers;

use candle_core::{DType, Result, Tensor, Var};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use self::layers::{Initialiser, ResidualNetwork, Tail, VariableSelection};
use crate::dataset::Batch;
use crate::kernel::{attention, recurrent, Attention, Dropout, Gate, Recurrence};
use crate::schema::{design_columns, Schema, Sizes, QUANTILES};

/// What the model says about a batch.
#[derive(Clone, Debug)]
pub struct Output {
    /// Normalised quantiles, windows x horizon x targets x quantiles; they may cross.
    pub quantiles: Tensor,
    /// Attention of each row ahead on each row of the window, mean over heads: windows x horizon x rows.
    pub attention: Tensor,
    /// Weights of the static variables, windows x variables.
    pub static_weights: Tensor,
    /// Weights of the past variables, (windows x encoder) x variables.
    pub past_weights: Tensor,
    /// Weights of the known variables ahead, (windows x horizon) x variables.
    pub future_weights: Tensor,
}

/// The model's parameters.
#[derive(Clone, Debug)]
pub struct Model {
    sizes: Sizes,
    targets: usize,
    parameters: Vec<(String, Var)>,
    statics: VariableSelection,
    past: VariableSelection,
    future: VariableSelection,
    selection_context: ResidualNetwork,
    hidden_context: ResidualNetwork,
    cell_context: ResidualNetwork,
    enrichment_context: ResidualNetwork,
    recurrence: [RecurrentLayer; 2],
    recurrent_gate: Tail,
    enrichment: ResidualNetwork,
    query: Var,
    key: Var,
    value: Var,
    head: Var,
    attention_gate: Tail,
    positionwise: ResidualNetwork,
    output_gate: Tail,
    output: Var,
    output_bias: Var,
}

#[derive(Clone, Debug)]
struct RecurrentLayer {
    input: Var,
    hidden: Var,
    bias: Var,
    forget_bias: Var,
}

impl RecurrentLayer {
    fn new(init: &mut Initialiser, width: usize) -> Result<Self> {
        let bound = 1.0 / (width as f32).sqrt();
        Ok(Self {
            input: init.uniform("input", &[width, 4 * width], bound)?,
            hidden: init.uniform("hidden", &[width, 4 * width], bound)?,
            // A gate that starts open lets gradients reach far back.
            forget_bias: init.constant("forget_bias", &[width], 1.0)?,
            bias: init.constant("bias", &[3 * width], 0.0)?,
        })
    }

    /// Matrices and bias in the kernel's order of gates: input, forget, cell, output.
    fn flat(&self) -> Result<Vec<Tensor>> {
        let width = self.forget_bias.dim(0)?;
        Ok(vec![
            self.input.flatten_all()?,
            self.hidden.flatten_all()?,
            self.bias.narrow(0, 0, width)?,
            self.forget_bias.as_tensor().clone(),
            self.bias.narrow(0, width, 2 * width)?,
        ])
    }
}

impl Model {
    /// A model with random parameters.
    ///
    /// # Errors
    /// If a tensor cannot be made.
    pub fn new(schema: &Schema, sizes: Sizes, seed: u64) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut made = Initialiser::new(&mut rng);
        let init = &mut made;
        let Sizes { width, heads, .. } = sizes;
        let own = width / heads;
        let targets = schema.targets.len();
        let shallow = Gate {
            hidden: width,
            out: width,
            deep: false,
        };
        let selection = |init: &mut Initialiser, name: &str, columns, context| {
            init.within(name, |init| VariableSelection::new(init, width, columns, context))
        };
        let network = |init: &mut Initialiser, name: &str, context| {
            init.within(name, |init| ResidualNetwork::new(init, width, context))
        };
        let gate =
            |init: &mut Initialiser, name: &str| init.within(name, |init| Tail::new(init, shallow, None));
        let layer =
            |init: &mut Initialiser, name: &str| init.within(name, |init| RecurrentLayer::new(init, width));
        let model = Self {
            sizes,
            targets,
            statics: selection(init, "static", design_columns(schema.statics.iter()), false)?,
            past: selection(init, "past", design_columns(schema.past()), true)?,
            future: selection(init, "future", design_columns(schema.known.iter()), true)?,
            selection_context: network(init, "selection_context", false)?,
            hidden_context: network(init, "hidden_context", false)?,
            cell_context: network(init, "cell_context", false)?,
            enrichment_context: network(init, "enrichment_context", false)?,
            recurrence: [layer(init, "encoder")?, layer(init, "decoder")?],
            recurrent_gate: gate(init, "recurrent_gate")?,
            enrichment: network(init, "enrichment", true)?,
            query: init.linear("attention.query", &[width, width])?,
            key: init.linear("attention.key", &[width, width])?,
            value: init.linear("attention.value", &[width, own])?,
            head: init.linear("attention.head", &[own, width])?,
            attention_gate: gate(init, "attention_gate")?,
            positionwise: network(init, "positionwise", false)?,
            output_gate: gate(init, "output_gate")?,
            output: init.linear("output.weight", &[width, targets * QUANTILES.len()])?,
            output_bias: init.constant("output.bias", &[targets * QUANTILES.len()], 0.0)?,
            parameters: Vec::new(),
        };
        Ok(Self {
            parameters: made.finish(),
            ..model
        })
    }

    /// Every parameter by name.
    pub fn parameters(&self) -> &[(String, Var)] {
        &self.parameters
    }

    /// Number of parameters.
    pub fn size(&self) -> usize {
        self.parameters.iter().map(|(_, var)| var.elem_count()).sum()
    }

    /// Forecasts a batch; `seed` turns dropout on.
    ///
    /// # Errors
    /// If the batch is not of this model's shape.
    pub fn forward(&self, batch: &Batch, seed: Option<u32>) -> Result<Output> {
        let Sizes {
            width,
            encoder,
            horizon,
            ..
        } = self.sizes;
        let count = batch.statics.dim(0)?;
        let dropout = seed.map_or(Dropout::NONE, |seed| Dropout {
            rate: self.sizes.dropout,
            seed,
        });
        let mut layer = 0;
        let mut next = || {
            layer += 1;
            dropout.split(layer)
        };
        let by_window = |rows: &Tensor| rows.reshape((count, (), width));

        let (statics, static_weights) = self.statics.forward(&batch.statics, None, next())?;
        let context = self.selection_context.forward(&statics, None, next())?;
        let hidden = self.hidden_context.forward(&statics, None, next())?;
        let cell = self.cell_context.forward(&statics, None, next())?;
        let enriching = self.enrichment_context.forward(&statics, None, next())?;
        let (past, past_weights) = self.past.forward(&batch.past, Some(&context), next())?;
        let (future, future_weights) = self.future.forward(&batch.future, Some(&context), next())?;

        let [encode, decode] = &self.recurrence;
        let selected = Tensor::cat(&[by_window(&past)?, by_window(&future)?], 1)?;
        let weights = Tensor::cat(&[encode.flat()?, decode.flat()?].concat(), 0)?;
        let shape = Recurrence {
            width,
            encoder,
            decoder: horizon,
        };
        let local = recurrent(shape, &selected, &weights, &Tensor::cat(&[hidden, cell], 1)?)?;
        let rows = (count * self.sizes.window(), width);
        let local = self
            .recurrent_gate
            .forward(&local.reshape(rows)?, &selected.reshape(rows)?, next())?;
        let enriched = self.enrichment.forward(&local, Some(&enriching), next())?;

        let ahead = |rows: &Tensor| -> Result<Tensor> {
            by_window(rows)?
                .narrow(1, encoder, horizon)?
                .contiguous()?
                .flatten_to(1)
        };
        let queries = ahead(&enriched)?;
        let (attended, attention) = self.attend(&queries, &enriched)?;
        let attended = self.attention_gate.forward(&attended, &queries, next())?;
        let result = self.positionwise.forward(&attended, None, next())?;
        let result = self.output_gate.forward(&result, &ahead(&local)?, next())?;
        let quantiles = result.matmul(&self.output)?.broadcast_add(&self.output_bias)?;
        Ok(Output {
            quantiles: quantiles.reshape((count, horizon, self.targets, QUANTILES.len()))?,
            attention,
            static_weights,
            past_weights,
            future_weights,
        })
    }

    /// Interpretable multi-head attention: all heads share the values, so their mean attention is what counts.
    fn attend(&self, queries: &Tensor, rows: &Tensor) -> Result<(Tensor, Tensor)> {
        let Sizes {
            width,
            heads,
            encoder,
            horizon,
            ..
        } = self.sizes;
        let (window, own) = (self.sizes.window(), width / heads);
        let count = rows.dim(0)? / window;
        let shape = Attention {
            width,
            heads,
            encoder,
            horizon,
        };
        let attention = attention(shape, &queries.matmul(&self.query)?, &rows.matmul(&self.key)?)?;
        let value = rows.matmul(&self.value)?.reshape((count, window, own))?;
        let attended = attention.matmul(&value)?.reshape((count * horizon, own))?;
        Ok((attended.matmul(&self.head)?, attention))
    }

    /// Sets every parameter.
    ///
    /// # Errors
    /// If one is missing or has another shape.
    pub fn set(&self, values: &[(String, Tensor)]) -> Result<()> {
        for (name, var) in &self.parameters {
            let Some((_, value)) = values.iter().find(|(own, _)| own == name) else {
                candle_core::bail!("parameter {name} is missing")
            };
            if value.shape() != var.shape() || value.dtype() != DType::F32 {
                candle_core::bail!(
                    "parameter {name} is {:?}, the model's {:?}",
                    value.shape(),
                    var.shape()
                );
            }
            var.set(value)?;
        }
        Ok(())
    }

    /// A copy of every parameter.
    ///
    /// # Errors
    /// If a tensor cannot be copied.
    pub fn values(&self) -> Result<Vec<(String, Tensor)>> {
        self.parameters
            .iter()
            .map(|(name, var)| Ok((name.clone(), var.copy()?)))
            .collect()
    }
}
