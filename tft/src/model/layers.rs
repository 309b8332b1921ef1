//! Building blocks of the model (D.1): gated tails, gated residual networks, variable selection.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor, Var, D};
use candle_nn::ops::softmax;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::kernel::{gated, select, Dropout, Gate, Selection};

/// Makes parameters and remembers them by name.
pub struct Initialiser<'a> {
    rng: &'a mut ChaCha8Rng,
    made: Vec<(String, Var)>,
    path: Vec<String>,
}

impl<'a> Initialiser<'a> {
    pub fn new(rng: &'a mut ChaCha8Rng) -> Self {
        Self {
            rng,
            made: Vec::new(),
            path: Vec::new(),
        }
    }

    pub fn finish(self) -> Vec<(String, Var)> {
        self.made
    }

    /// Makes what `make` makes, under a name.
    pub fn within<R>(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        self.path.push(name.into());
        let made = make(self);
        self.path.pop();
        made
    }

    fn keep(&mut self, name: &str, shape: &[usize], data: Vec<f32>) -> Result<Var> {
        let var = Var::from_tensor(&Tensor::from_vec(data, shape, &Device::Cpu)?)?;
        let path = [&self.path[..], &[name.into()]].concat().join(".");
        self.made.push((path, var.clone()));
        Ok(var)
    }

    /// Uniform numbers up to `bound` in size.
    pub fn uniform(&mut self, name: &str, shape: &[usize], bound: f32) -> Result<Var> {
        let count = shape.iter().product();
        let data = (0..count).map(|_| self.rng.gen_range(-bound..bound)).collect();
        self.keep(name, shape, data)
    }

    /// Uniform numbers that keep the variance of a linear layer (Glorot).
    pub fn linear(&mut self, name: &str, shape: &[usize]) -> Result<Var> {
        let [.., from, to] = shape else {
            candle_core::bail!("{name} is no matrix")
        };
        self.uniform(name, shape, (6.0 / (from + to) as f32).sqrt())
    }

    pub fn constant(&mut self, name: &str, shape: &[usize], value: f32) -> Result<Var> {
        self.keep(name, shape, vec![value; shape.iter().product()])
    }
}

/// Parameters of one or more gated tails.
#[derive(Clone, Debug)]
pub struct Tail {
    gate: Gate,
    parts: Vec<Var>,
}

impl Tail {
    pub fn new(init: &mut Initialiser, gate: Gate, count: Option<usize>) -> Result<Self> {
        let Gate { hidden, out, deep } = gate;
        let shape = |own: &[usize]| [count.as_slice(), own].concat();
        let mut parts = Vec::new();
        if deep {
            parts.push(init.constant("bias", &shape(&[hidden]), 0.0)?);
            parts.push(init.linear("linear", &shape(&[hidden, hidden]))?);
            parts.push(init.constant("linear_bias", &shape(&[hidden]), 0.0)?);
        }
        parts.push(init.linear("gate", &shape(&[hidden, 2 * out]))?);
        parts.push(init.constant("gate_bias", &shape(&[2 * out]), 0.0)?);
        parts.push(init.constant("norm_gain", &shape(&[out]), 1.0)?);
        parts.push(init.constant("norm_shift", &shape(&[out]), 0.0)?);
        Ok(Self { gate, parts })
    }

    /// All parameters in the order the kernels take them.
    fn flat(&self) -> Result<Tensor> {
        let flat: Vec<Tensor> = self
            .parts
            .iter()
            .map(|part| part.flatten_all())
            .collect::<Result<_>>()?;
        Tensor::cat(&flat, 0)
    }

    /// As [`Self::flat`], one tail after the other.
    fn flat_each(&self, count: usize) -> Result<Tensor> {
        let rows: Vec<Tensor> = self
            .parts
            .iter()
            .map(|part| part.reshape((count, ())))
            .collect::<Result<_>>()?;
        Tensor::cat(&rows, 1)?.flatten_all()
    }

    /// `z` is rows x hidden, `skip` rows x out.
    pub fn forward(&self, z: &Tensor, skip: &Tensor, dropout: Dropout) -> Result<Tensor> {
        gated(self.gate, dropout, z, skip, &self.flat()?)
    }
}

/// Adds a context of batch x width to each of a batch's rows.
fn add_context(z: &Tensor, context: &Tensor) -> Result<Tensor> {
    let (batch, width) = context.dims2()?;
    let rows = z.reshape((batch, (), width))?;
    rows.broadcast_add(&context.unsqueeze(1)?)?.reshape(z.shape())
}

/// Gated residual network whose result is as wide as its input.
#[derive(Clone, Debug)]
pub struct ResidualNetwork {
    input: Var,
    context: Option<Var>,
    tail: Tail,
}

impl ResidualNetwork {
    pub fn new(init: &mut Initialiser, width: usize, context: bool) -> Result<Self> {
        let gate = Gate {
            hidden: width,
            out: width,
            deep: true,
        };
        Ok(Self {
            input: init.linear("input", &[width, width])?,
            context: context
                .then(|| init.linear("context", &[width, width]))
                .transpose()?,
            tail: Tail::new(init, gate, None)?,
        })
    }

    /// `a` is rows x width; `context` batch x width, if the network takes one.
    pub fn forward(&self, a: &Tensor, context: Option<&Tensor>, dropout: Dropout) -> Result<Tensor> {
        let mut z = a.matmul(&self.input)?;
        if let (Some(weight), Some(context)) = (&self.context, context) {
            z = add_context(&z, &context.matmul(weight)?)?;
        }
        self.tail.forward(&z, a, dropout)
    }
}

/// Network that says how much each variable counts.
#[derive(Clone, Debug)]
struct Weights {
    input: Var,
    skip: Var,
    context: Option<Var>,
    tail: Tail,
}

/// Variable selection network.
#[derive(Clone, Debug)]
pub struct VariableSelection {
    selection: Selection,
    embedding: Var,
    input: Var,
    tails: Tail,
    /// A single variable has nothing to be weighed against.
    weights: Option<Weights>,
}

impl VariableSelection {
    pub fn new(
        init: &mut Initialiser,
        width: usize,
        columns: Vec<Range<usize>>,
        context: bool,
    ) -> Result<Self> {
        let selection = Selection { width, columns };
        let count = selection.columns.len();
        let weights = |init: &mut Initialiser| {
            let gate = Gate {
                hidden: width,
                out: count,
                deep: true,
            };
            Ok(Weights {
                input: init.linear("input", &[count * width, width])?,
                skip: init.linear("skip", &[count * width, count])?,
                context: context
                    .then(|| init.linear("context", &[width, width]))
                    .transpose()?,
                tail: Tail::new(init, gate, None)?,
            })
        };
        Ok(Self {
            embedding: init.uniform("embedding", &[selection.design(), width], 1.0)?,
            input: init.within("variables", |init| init.linear("input", &[count, width, width]))?,
            tails: init.within("variables", |init| Tail::new(init, selection.gate(), Some(count)))?,
            weights: (count > 1).then(|| init.within("weights", weights)).transpose()?,
            selection,
        })
    }

    /// Selected features, rows x width, and the weights, rows x variables, which sum to one in each row.
    pub fn forward(
        &self,
        design: &Tensor,
        context: Option<&Tensor>,
        dropout: Dropout,
    ) -> Result<(Tensor, Tensor)> {
        let count = self.selection.columns.len();
        let weights = match &self.weights {
            None => Tensor::ones((design.dim(0)?, 1), DType::F32, &Device::Cpu)?,
            Some(weights) => {
                let mut z = design.matmul(&self.project(&weights.input)?)?;
                if let (Some(weight), Some(context)) = (&weights.context, context) {
                    z = add_context(&z, &context.matmul(weight)?)?;
                }
                let skip = design.matmul(&self.project(&weights.skip)?)?;
                softmax(&weights.tail.forward(&z, &skip, dropout.split(count))?, D::Minus1)?
            }
        };
        let parameters = [
            self.embedding.flatten_all()?,
            self.input.flatten_all()?,
            self.tails.flat_each(count)?,
        ];
        let selected = select(
            &self.selection,
            dropout,
            design,
            &weights,
            &Tensor::cat(&parameters, 0)?,
        )?;
        Ok((selected, weights))
    }

    /// What a linear layer over all embeddings side by side makes of each design column: both are linear, so the
    /// embeddings themselves are never laid out.
    fn project(&self, layer: &Tensor) -> Result<Tensor> {
        let width = self.selection.width;
        let columns = &self.selection.columns;
        if columns.iter().all(|own| own.len() == columns[0].len()) {
            let embedding = self.embedding.reshape((columns.len(), (), width))?;
            let layer = layer.reshape((columns.len(), width, ()))?;
            return embedding.matmul(&layer)?.flatten_to(1);
        }
        let each = columns.iter().enumerate().map(|(at, own)| {
            let rows = self.embedding.narrow(0, own.start, own.len())?;
            rows.matmul(&layer.narrow(0, at * width, width)?)
        });
        Tensor::cat(&each.collect::<Result<Vec<_>>>()?, 0)
    }
}
