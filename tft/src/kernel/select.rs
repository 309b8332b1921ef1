//! Variable selection as one operation: embeds every variable, takes it through its own gated residual network
//! and sums the results by weight, without ever storing what a variable became.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::dense::{dot, fresh_product, product, transpose, transposed_product, vectorised, Extent, Rows};
use super::gate::{Dropout, Gate, Gradients, Parameters, Scratch, Transposed, BLOCK};
use super::{read, task_rows, total, values};

/// Variables of a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Width of an embedding.
    pub width: usize,
    /// Columns of the design matrix that each variable owns: a value and a one, or a one-hot category.
    pub columns: Vec<Range<usize>>,
}

impl Selection {
    /// Columns of the design matrix.
    pub fn design(&self) -> usize {
        self.columns.last().map_or(0, |columns| columns.end)
    }

    /// The gated tail of each variable's network.
    pub const fn gate(&self) -> Gate {
        Gate {
            hidden: self.width,
            out: self.width,
            deep: true,
        }
    }

    /// Length of the flat parameters: embeddings (a row per design column), first linear layers (a square per
    /// variable), gated tails.
    pub fn len(&self) -> usize {
        self.design() * self.width + self.columns.len() * (self.width * self.width + self.gate().len())
    }

    /// Splits flat parameters into embeddings, squares and tails.
    fn split<'a>(&self, flat: &'a [f32]) -> (&'a [f32], &'a [f32], &'a [f32]) {
        let (embedding, rest) = flat.split_at(self.design() * self.width);
        let (squares, tails) = rest.split_at(self.columns.len() * self.width * self.width);
        (embedding, squares, tails)
    }
}

/// Weighted sum, rows x width, of what each variable becomes: `design` is rows x design columns and carries no
/// gradient, `weights` rows x variables, `parameters` flat.
///
/// # Errors
/// If the shapes do not agree.
pub fn select(
    selection: &Selection,
    dropout: Dropout,
    design: &Tensor,
    weights: &Tensor,
    parameters: &Tensor,
) -> Result<Tensor> {
    let (rows, columns) = design.dims2()?;
    let expected = (
        selection.design(),
        (rows, selection.columns.len()),
        selection.len(),
    );
    if (columns, weights.dims2()?, parameters.dims1()?) != expected {
        candle_core::bail!("{selection:?} got {:?}, {:?}", design.shape(), weights.shape());
    }
    let operation = Select {
        selection: selection.clone(),
        dropout,
    };
    design
        .contiguous()?
        .apply_op3(&weights.contiguous()?, &parameters.contiguous()?, operation)
}

struct Select {
    selection: Selection,
    dropout: Dropout,
}

/// One variable's network, ready for use.
struct Variable<'a> {
    columns: Range<usize>,
    embedding: &'a [f32],
    /// The embedding after the first linear layer: both are linear, so their product is taken once.
    projected: Vec<f32>,
    parameters: Parameters<'a>,
}

/// Values of one variable over a block.
struct Block {
    embedded: Vec<f32>,
    z: Vec<f32>,
    result: Vec<f32>,
    scratch: Scratch,
}

impl Select {
    fn variables<'a>(&self, flat: &'a [f32]) -> Vec<Variable<'a>> {
        let width = self.selection.width;
        let gate = self.selection.gate();
        let (embedding, squares, tails) = self.selection.split(flat);
        let each = squares
            .chunks_exact(width * width)
            .zip(tails.chunks_exact(gate.len()));
        let each = self.selection.columns.iter().zip(each);
        each.map(|(columns, (square, tail))| {
            let embedding = &embedding[columns.start * width..columns.end * width];
            let mut projected = vec![0.0; embedding.len()];
            let extent = Extent::new(columns.len(), width, width);
            let square = Rows::new(square, width);
            let rows = Rows::new(embedding, width);
            product(extent, rows, square, &mut projected, width);
            Variable {
                columns: columns.clone(),
                embedding,
                projected,
                parameters: gate.parameters(tail),
            }
        })
        .collect()
    }

    fn block(&self) -> Block {
        let zeros = vec![0.0; BLOCK * self.selection.width];
        let scratch = self.selection.gate().scratch();
        Block {
            embedded: zeros.clone(),
            z: zeros.clone(),
            result: zeros,
            scratch,
        }
    }

    /// Takes rows of one variable through its network, into `block`.
    fn variable(&self, at: usize, variable: &Variable, design: &[f32], first: usize, block: &mut Block) {
        let width = self.selection.width;
        let stride = self.selection.design();
        let rows = design.len() / stride;
        let extent = Extent::new(rows, variable.columns.len(), width);
        let design = Rows::new(&design[variable.columns.start..], stride);
        for (out, table) in [
            (&mut block.embedded, variable.embedding),
            (&mut block.z, &variable.projected),
        ] {
            fresh_product(extent, design, Rows::new(table, width), out);
        }
        self.selection.gate().forward(
            (&block.z[..rows * width], &block.embedded[..rows * width]),
            &variable.parameters,
            (self.dropout.split(at), first),
            &mut block.scratch,
            &mut block.result[..rows * width],
        );
    }

    fn backward(&self, [design, weights, flat, gradient]: [&[f32]; 4]) -> (Vec<f32>, Vec<f32>) {
        let Selection { width, .. } = self.selection;
        let (stride, count) = (self.selection.design(), self.selection.columns.len());
        let gate = self.selection.gate();
        let variables = self.variables(flat);
        let transposed: Vec<Transposed> = variables
            .iter()
            .map(|variable| gate.transposed(&variable.parameters))
            .collect();
        let mut d_weights = vec![0.0; weights.len()];
        let rows = task_rows(weights.len() / count, BLOCK);
        let parts: Vec<Vec<f32>> = d_weights
            .par_chunks_mut(rows * count)
            .enumerate()
            .map(|(task, d_weights)| {
                let mut sums = Sums::new(&self.selection);
                let mut block = self.block();
                let mut room = Room::new(width);
                for (at, d_weights) in d_weights.chunks_mut(BLOCK * count).enumerate() {
                    let first = task * rows + at * BLOCK;
                    let here = d_weights.len() / count;
                    let design = &design[first * stride..][..here * stride];
                    let weights = &weights[first * count..][..here * count];
                    let gradient = &gradient[first * width..][..here * width];
                    vectorised(
                        #[inline(always)]
                        || {
                            for (at, variable) in variables.iter().enumerate() {
                                self.variable(at, variable, design, first, &mut block);
                                room.weigh(at, count, weights, gradient, &block.result, d_weights);
                                let (z, skip) = (&mut room.z[..here * width], &mut room.skip[..here * width]);
                                let tail = &mut sums.tails[at * gate.len()..][..gate.len()];
                                gate.backward(
                                    &room.gradient[..here * width],
                                    (&variable.parameters, &transposed[at]),
                                    (self.dropout.split(at), first),
                                    &mut block.scratch,
                                    Gradients {
                                        z,
                                        skip,
                                        parameters: tail,
                                    },
                                );
                                sums.embed(&variable.columns, design, (stride, width), (z, skip));
                            }
                        },
                    );
                }
                sums.into_flat()
            })
            .collect();
        (d_weights, self.finish(flat, total(parts)))
    }

    /// From gradients of embeddings, projected embeddings and tails to those of the flat parameters.
    fn finish(&self, flat: &[f32], sums: Vec<f32>) -> Vec<f32> {
        let width = self.selection.width;
        let (embedding, squares, _) = self.selection.split(flat);
        let (d_embedding, rest) = sums.split_at(embedding.len());
        let (d_projected, d_tails) = rest.split_at(embedding.len());
        let mut d_embedding = d_embedding.to_vec();
        let mut d_squares = vec![0.0; squares.len()];
        for (at, columns) in self.selection.columns.iter().enumerate() {
            let own = columns.start * width..columns.end * width;
            let d_projected = Rows::new(&d_projected[own.clone()], width);
            let back = transpose(&squares[at * width * width..][..width * width], width);
            let extent = Extent::new(columns.len(), width, width);
            product(
                extent,
                d_projected,
                Rows::new(&back, width),
                &mut d_embedding[own.clone()],
                width,
            );
            let extent = Extent::new(width, columns.len(), width);
            let rows = Rows::new(&embedding[own], width);
            let square = &mut d_squares[at * width * width..][..width * width];
            transposed_product(extent, rows, d_projected, square, width);
        }
        [&d_embedding, &d_squares, d_tails].concat()
    }
}

/// Gradients that a task sums: of embeddings, of projected embeddings, of tails.
struct Sums {
    embedding: Vec<f32>,
    projected: Vec<f32>,
    tails: Vec<f32>,
}

impl Sums {
    fn new(selection: &Selection) -> Self {
        let embedding = vec![0.0; selection.design() * selection.width];
        let tails = vec![0.0; selection.columns.len() * selection.gate().len()];
        Self {
            projected: embedding.clone(),
            embedding,
            tails,
        }
    }

    /// Adds what the design rows contribute.
    fn embed(
        &mut self,
        columns: &Range<usize>,
        design: &[f32],
        (stride, width): (usize, usize),
        (z, skip): (&[f32], &[f32]),
    ) {
        let extent = Extent::new(columns.len(), z.len() / width, width);
        let design = Rows::new(&design[columns.start..], stride);
        let own = columns.start * width..columns.end * width;
        for (gradient, sum) in [(skip, &mut self.embedding), (z, &mut self.projected)] {
            let gradient = Rows::new(gradient, width);
            transposed_product(extent, design, gradient, &mut sum[own.clone()], width);
        }
    }

    fn into_flat(self) -> Vec<f32> {
        [self.embedding, self.projected, self.tails].concat()
    }
}

/// Gradients of one variable over a block.
struct Room {
    gradient: Vec<f32>,
    z: Vec<f32>,
    skip: Vec<f32>,
    width: usize,
}

impl Room {
    fn new(width: usize) -> Self {
        let zeros = vec![0.0; BLOCK * width];
        Self {
            gradient: zeros.clone(),
            z: zeros.clone(),
            skip: zeros,
            width,
        }
    }

    /// The gradient of the variable's result, and of its weight.
    #[inline(always)]
    fn weigh(
        &mut self,
        at: usize,
        count: usize,
        weights: &[f32],
        gradient: &[f32],
        result: &[f32],
        d_weights: &mut [f32],
    ) {
        let width = self.width;
        for row in 0..weights.len() / count {
            let weight = weights[row * count + at];
            let from = &gradient[row * width..][..width];
            let value = &result[row * width..][..width];
            let to = &mut self.gradient[row * width..][..width];
            for (to, from) in to.iter_mut().zip(from) {
                *to = weight * from;
            }
            d_weights[row * count + at] = dot(from, value);
        }
    }
}

impl CustomOp3 for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn cpu_fwd(
        &self,
        design: &CpuStorage,
        design_layout: &Layout,
        weights: &CpuStorage,
        weights_layout: &Layout,
        parameters: &CpuStorage,
        parameters_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let design = values(design, design_layout)?;
        let weights = values(weights, weights_layout)?;
        let variables = self.variables(values(parameters, parameters_layout)?);
        let width = self.selection.width;
        let count = variables.len();
        let rows = weights.len() / count;
        let mut result = vec![0.0; rows * width];
        result
            .par_chunks_mut(BLOCK * width)
            .zip(design.par_chunks(BLOCK * self.selection.design()))
            .zip(weights.par_chunks(BLOCK * count))
            .enumerate()
            .for_each_init(
                || self.block(),
                |block, (task, ((result, design), weights))| {
                    vectorised(
                        #[inline(always)]
                        || {
                            for (at, variable) in variables.iter().enumerate() {
                                self.variable(at, variable, design, task * BLOCK, block);
                                let rows = result
                                    .chunks_exact_mut(width)
                                    .zip(block.result.chunks_exact(width));
                                for (row, (out, value)) in rows.enumerate() {
                                    let weight = weights[row * count + at];
                                    for (out, value) in out.iter_mut().zip(value) {
                                        *out = weight.mul_add(*value, *out);
                                    }
                                }
                            }
                        },
                    );
                },
            );
        Ok((CpuStorage::F32(result), (rows, width).into()))
    }

    fn bwd(
        &self,
        design: &Tensor,
        weights: &Tensor,
        parameters: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let operands = [design, weights, parameters, gradient];
        let (d_weights, d_parameters) = read(operands, |values| self.backward(values))?;
        Ok((
            None,
            Some(Tensor::from_vec(d_weights, weights.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(d_parameters, parameters.shape(), &Device::Cpu)?),
        ))
    }
}
