//! Linear layers: of exact integers, and of the checkpoint's own numbers.

use std::path::Path;

use rayon::prelude::*;

use super::ops::dot;
use super::{load_manifest, open_weights, ClientPart};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::import::convert::Checkpoint;
use crate::import::manifest::{LinearSpec, SplitManifest};
use crate::import::steps::{quantise_rows, turn_rows};
use crate::split::Matrix;

/// Applies the linear layers of a network, by their number in the manifest.
pub trait Linears {
    /// Outputs, token after token, of inputs that are given token after token.
    ///
    /// # Errors
    /// [`Error::Prompt`] if the inputs are no whole tokens of the layer; whatever the executor of the layer meets.
    fn apply(&mut self, layer: usize, inputs: &[f32]) -> Result<Vec<f32>>;
}

/// Exact products of 8-bit weights with 8-bit activations: what the miner computes.
pub trait Products {
    /// Sums of products: `out[token * rows + row] = sum weight[row][column] * steps[token * columns + column]`.
    ///
    /// # Errors
    /// [`Error::Prompt`] if the steps are no whole tokens of the layer; whatever the executor of the layer meets.
    fn product(&mut self, layer: usize, steps: &[i8]) -> Result<Vec<i32>>;
}

/// Linear layers over [`Products`]: activations are turned as the weights were ([`turn_rows`]) and rounded token by token
/// with a scale of their own, sums are scaled back and the bias is added, all at the client.
#[derive(Debug)]
pub struct Dynamic<'a, P> {
    part: &'a ClientPart,
    products: P,
    rounds: u64,
}

impl<'a, P: Products> Dynamic<'a, P> {
    /// Linear layers of a model.
    pub fn new(part: &'a ClientPart, products: P) -> Self {
        Self {
            part,
            products,
            rounds: 0,
        }
    }

    /// Products asked for so far: each is a round trip in split mode.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }
}

impl<P: Products> Linears for Dynamic<'_, P> {
    fn apply(&mut self, layer: usize, inputs: &[f32]) -> Result<Vec<f32>> {
        let linear = self.part.manifest().linears.get(layer);
        let linear = linear.ok_or_else(|| unknown(layer))?;
        let columns = linear.columns as usize;
        let mut turned = inputs.to_vec();
        turn_rows(&mut turned, columns);
        let tokens = quantise_rows(&turned, columns)?;
        let sums = self.products.product(layer, &tokens.steps)?;
        self.rounds += 1;
        let (scales, bias) = (self.part.scales(layer), self.part.bias(layer));
        if sums.len() != tokens.scales.len() * scales.len() {
            return Err(Error::Size {
                what: "product",
                got: sums.len() as u64,
                expected: (tokens.scales.len() * scales.len()) as u64,
            });
        }
        let mut out = Vec::with_capacity(sums.len());
        for (sums, token) in sums.chunks_exact(scales.len()).zip(&tokens.scales) {
            let numbers = sums
                .iter()
                .zip(scales)
                .map(|(sum, scale)| (f64::from(*sum) * f64::from(*token) * f64::from(*scale)) as f32);
            match bias {
                [] => out.extend(numbers),
                bias => out.extend(numbers.zip(bias).map(|(x, b)| x + b)),
            }
        }
        Ok(out)
    }
}

/// The miner's weights, and their products in clear: the oracle of split mode.
#[derive(Clone, Debug)]
pub struct Weights {
    manifest: SplitManifest,
    layers: Vec<Vec<i8>>,
}

impl Weights {
    /// Loads the weights of a model folder and verifies their hash.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Manifest`], [`Error::HashMismatch`] or [`Error::Checkpoint`].
    pub fn load(dir: &Path) -> Result<Self> {
        let (manifest, _) = load_manifest(dir)?;
        let file = open_weights(dir, &manifest)?;
        let layers = manifest.linears.iter().map(|linear| {
            let shape = [linear.rows as usize, linear.columns as usize];
            file.read_steps(&format!("{}.weight", linear.name), &shape)
        });
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
            manifest,
        })
    }

    /// The manifest.
    pub fn manifest(&self) -> &SplitManifest {
        &self.manifest
    }

    /// The matrices of split mode, layer by layer.
    ///
    /// # Errors
    /// [`Error::Matrix`] if a weight is -128, [`Error::Manifest`] if a matrix is not what the manifest says of it.
    pub fn into_matrices(self) -> Result<Vec<Matrix>> {
        self.into_matrices_on(&Device::cores())
    }

    /// As [`Weights::into_matrices`], multiplied on a device.
    ///
    /// # Errors
    /// As [`Weights::into_matrices`] and [`Matrix::on`].
    pub fn into_matrices_on(self, device: &Device) -> Result<Vec<Matrix>> {
        let matrix = |(linear, weights): (&LinearSpec, Vec<i8>)| {
            let shape = linear.shape();
            let matrix =
                Matrix::new(linear.columns, linear.rows, weights)?.with_input_squares(shape.input_squares);
            match *matrix.shape() == shape {
                true => matrix.on(device),
                false => Err(Error::Manifest(format!(
                    "the bounds of linear layer {} are not its weights'",
                    linear.name
                ))),
            }
        };
        self.manifest
            .linears
            .iter()
            .zip(self.layers)
            .map(matrix)
            .collect()
    }

    /// Weights of a layer, row by row.
    pub fn layer(&self, layer: usize) -> Option<&[i8]> {
        self.layers.get(layer).map(Vec::as_slice)
    }
}

impl Products for &Weights {
    fn product(&mut self, layer: usize, steps: &[i8]) -> Result<Vec<i32>> {
        let linear = self.manifest.linears.get(layer);
        let (linear, weights) = linear.zip(self.layer(layer)).ok_or_else(|| unknown(layer))?;
        let (rows, columns) = (linear.rows as usize, linear.columns as usize);
        // Sums fit: MAX_COLUMNS times 127 squared is below 2^31.
        let dot = |row: &[i8], token: &[i8]| -> i32 {
            row.iter()
                .zip(token)
                .map(|(w, x)| i32::from(*w) * i32::from(*x))
                .sum()
        };
        matrix(steps, rows, columns, weights, dot)
    }
}

/// Linear layers in the checkpoint's own numbers.
#[derive(Clone, Debug)]
pub struct Float {
    layers: Vec<FloatLayer>,
}

#[derive(Clone, Debug)]
struct FloatLayer {
    rows: usize,
    columns: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Float {
    /// Reads the linear layers of a checkpoint's folder.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Unsupported`] or [`Error::Checkpoint`].
    pub fn open(folder: &Path) -> Result<Self> {
        let checkpoint = Checkpoint::open(folder)?;
        let layers = checkpoint.blueprint.linears.iter().map(|linear| {
            Ok(FloatLayer {
                rows: linear.rows(),
                columns: linear.columns,
                weights: checkpoint.weights(linear)?,
                bias: match linear.bias {
                    true => checkpoint.bias(linear)?,
                    false => vec![],
                },
            })
        });
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
        })
    }
}

impl Linears for Float {
    fn apply(&mut self, layer: usize, inputs: &[f32]) -> Result<Vec<f32>> {
        let layer = self.layers.get(layer).ok_or_else(|| unknown(layer))?;
        let mut out = matrix(inputs, layer.rows, layer.columns, &layer.weights, dot)?;
        if !layer.bias.is_empty() {
            for token in out.chunks_exact_mut(layer.rows) {
                token.iter_mut().zip(&layer.bias).for_each(|(x, b)| *x += b);
            }
        }
        Ok(out)
    }
}

fn unknown(layer: usize) -> Error {
    Error::Manifest(format!("the model has no linear layer {layer}"))
}

/// Products of every row of `weights` with every token.
pub(super) fn matrix<N: Sync, S: Copy + Default + Send>(
    inputs: &[N],
    rows: usize,
    columns: usize,
    weights: &[N],
    dot: impl Fn(&[N], &[N]) -> S + Sync,
) -> Result<Vec<S>> {
    if columns == 0 || inputs.len() % columns != 0 || weights.len() != rows * columns {
        return Err(Error::Prompt(format!(
            "{} inputs are no tokens of {columns} features",
            inputs.len()
        )));
    }
    let tokens = inputs.len() / columns;
    // Row after row, so that a row of weights is read once for all tokens.
    let mut by_row = vec![S::default(); rows * tokens];
    if tokens > 0 {
        by_row
            .par_chunks_mut(tokens)
            .zip(weights.par_chunks_exact(columns))
            .for_each(|(out, row)| {
                for (out, token) in out.iter_mut().zip(inputs.chunks_exact(columns)) {
                    *out = dot(row, token);
                }
            });
    }
    Ok((0..tokens)
        .flat_map(|token| by_row.iter().skip(token).step_by(tokens.max(1)).copied())
        .collect())
}
