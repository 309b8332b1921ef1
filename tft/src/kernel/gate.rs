//! The gated tail of a gated residual network (D.1), forward and backward, over a block of rows that stays in
//! cache: `LayerNorm(skip + GLU(dropout(W1 ELU(z + b2) + b1)))`, or `LayerNorm(skip + GLU(dropout(z)))`.

use super::dense::{
    add_rows, dot, elu, fill_rows, fresh_product, product, sigmoid, sum, transpose, transposed_product,
    vectorised, Extent, Rows,
};

/// Added to a variance before its root.
const EPSILON: f32 = 1e-5;
/// Rows of a block.
pub const BLOCK: usize = 64;

/// Shape of a gated tail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// Width of `z`.
    pub hidden: usize,
    /// Width of the skip and of the result.
    pub out: usize,
    /// Whether `z` passes ELU and a linear layer before the gate.
    pub deep: bool,
}

/// Dropout of one use of a layer: which values it drops depends on the seed and their place alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Share of values dropped.
    pub rate: f32,
    /// Decides which.
    pub seed: u32,
}

impl Dropout {
    /// Drops nothing.
    pub const NONE: Self = Self { rate: 0.0, seed: 0 };

    /// The same rate, other values.
    #[inline(always)]
    pub fn split(self, at: usize) -> Self {
        Self {
            rate: self.rate,
            seed: scramble(self.seed ^ (at as u32).wrapping_mul(0x9e37_79b9)),
        }
    }

    #[inline(always)]
    fn apply(self, first: usize, values: &mut [f32]) {
        if self.rate <= 0.0 {
            return;
        }
        let limit = (f64::from(self.rate) * 4_294_967_296.0) as u32;
        let scale = 1.0 / (1.0 - self.rate);
        for (at, value) in values.iter_mut().enumerate() {
            let random = scramble(((first + at) as u32) ^ self.seed);
            *value *= if random < limit { 0.0 } else { scale };
        }
    }
}

#[inline(always)]
fn scramble(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x21f0_aaad);
    x ^= x >> 15;
    x = x.wrapping_mul(0xd35a_2d97);
    x ^ (x >> 15)
}

/// Parameters of one tail, as they lie in the flat tensor.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    bias: &'a [f32],
    linear: &'a [f32],
    linear_bias: &'a [f32],
    gate: &'a [f32],
    gate_bias: &'a [f32],
    gain: &'a [f32],
    shift: &'a [f32],
}

/// Weights with rows and columns exchanged, for the backward pass.
#[derive(Clone, Debug)]
pub struct Transposed {
    linear: Vec<f32>,
    gate: Vec<f32>,
}

/// Intermediate values of a block.
#[derive(Clone, Debug)]
pub struct Scratch {
    elu: Vec<f32>,
    hidden: Vec<f32>,
    gate: Vec<f32>,
    normal: Vec<f32>,
    scale: Vec<f32>,
    gate_gradient: Vec<f32>,
    hidden_gradient: Vec<f32>,
}

/// Where a block's gradients go.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// Of `z`, rows x hidden, overwritten.
    pub z: &'a mut [f32],
    /// Of the skip, rows x out, overwritten.
    pub skip: &'a mut [f32],
    /// Of the flat parameters, added to.
    pub parameters: &'a mut [f32],
}

impl Gate {
    /// Length of the flat parameters: bias, linear, its bias (deep only), gate, its bias, gain, shift.
    pub const fn len(&self) -> usize {
        let deep = if self.deep {
            self.hidden * (self.hidden + 2)
        } else {
            0
        };
        deep + self.hidden * 2 * self.out + 4 * self.out
    }

    #[inline(always)]
    fn lengths(&self) -> [usize; 7] {
        let Self { hidden, out, deep } = *self;
        let front = if deep {
            [hidden, hidden * hidden, hidden]
        } else {
            [0; 3]
        };
        [front[0], front[1], front[2], hidden * 2 * out, 2 * out, out, out]
    }

    /// Splits flat parameters.
    pub fn parameters<'a>(&self, flat: &'a [f32]) -> Parameters<'a> {
        let mut rest = flat;
        let [bias, linear, linear_bias, gate, gate_bias, gain, shift] = self.lengths().map(|length| {
            let (part, after) = rest.split_at(length);
            rest = after;
            part
        });
        Parameters {
            bias,
            linear,
            linear_bias,
            gate,
            gate_bias,
            gain,
            shift,
        }
    }

    /// Transposes what the backward pass multiplies by.
    pub fn transposed(&self, parameters: &Parameters) -> Transposed {
        let linear = if self.deep {
            transpose(parameters.linear, self.hidden)
        } else {
            Vec::new()
        };
        Transposed {
            linear,
            gate: transpose(parameters.gate, 2 * self.out),
        }
    }

    /// Room for a block.
    pub fn scratch(&self) -> Scratch {
        let zeros = |width: usize| vec![0.0; BLOCK * width];
        Scratch {
            elu: zeros(self.hidden),
            hidden: zeros(self.hidden),
            gate: zeros(2 * self.out),
            normal: zeros(self.out),
            scale: zeros(1),
            gate_gradient: zeros(2 * self.out),
            hidden_gradient: zeros(self.hidden),
        }
    }

    /// The block's result; `first` is its first row's place in the whole, which dropout depends on.
    #[inline(never)]
    pub fn forward(
        &self,
        input: (&[f32], &[f32]),
        parameters: &Parameters,
        place: (Dropout, usize),
        scratch: &mut Scratch,
        result: &mut [f32],
    ) {
        vectorised(
            #[inline(always)]
            || self.forward_inline(input, parameters, place, scratch, result),
        );
    }

    #[inline(always)]
    fn forward_inline(
        &self,
        (z, skip): (&[f32], &[f32]),
        parameters: &Parameters,
        (dropout, first): (Dropout, usize),
        scratch: &mut Scratch,
        result: &mut [f32],
    ) {
        let Self {
            hidden: width, out, ..
        } = *self;
        let rows = z.len() / width;
        let hidden = &mut scratch.hidden[..rows * width];
        if self.deep {
            let bent = &mut scratch.elu[..rows * width];
            for (bent, z) in bent.chunks_exact_mut(width).zip(z.chunks_exact(width)) {
                for ((bent, z), bias) in bent.iter_mut().zip(z).zip(parameters.bias) {
                    *bent = elu(z + bias);
                }
            }
            fill_rows(hidden, parameters.linear_bias);
            let extent = Extent::new(rows, width, width);
            let a = Rows::new(bent, width);
            product(extent, a, Rows::new(parameters.linear, width), hidden, width);
        } else {
            hidden.copy_from_slice(z);
        }
        dropout.apply(first * width, hidden);
        let gate = &mut scratch.gate[..rows * 2 * out];
        fill_rows(gate, parameters.gate_bias);
        let extent = Extent::new(rows, width, 2 * out);
        let a = Rows::new(hidden, width);
        product(extent, a, Rows::new(parameters.gate, 2 * out), gate, 2 * out);
        for row in 0..rows {
            let (opening, value) = gate[row * 2 * out..][..2 * out].split_at(out);
            let skip = &skip[row * out..][..out];
            let normal = &mut scratch.normal[row * out..][..out];
            for j in 0..out {
                normal[j] = sigmoid(opening[j]).mul_add(value[j], skip[j]);
            }
            scratch.scale[row] = normalise(normal);
            let result = &mut result[row * out..][..out];
            for j in 0..out {
                result[j] = normal[j].mul_add(parameters.gain[j], parameters.shift[j]);
            }
        }
    }

    /// Gradients of the block whose forward pass filled `scratch`.
    #[inline(never)]
    pub fn backward(
        &self,
        gradient: &[f32],
        weights: (&Parameters, &Transposed),
        place: (Dropout, usize),
        scratch: &mut Scratch,
        to: Gradients,
    ) {
        vectorised(
            #[inline(always)]
            || self.backward_inline(gradient, weights, place, scratch, to),
        );
    }

    #[inline(always)]
    fn backward_inline(
        &self,
        gradient: &[f32],
        (parameters, transposed): (&Parameters, &Transposed),
        (dropout, first): (Dropout, usize),
        scratch: &mut Scratch,
        to: Gradients,
    ) {
        let Self {
            hidden: width, out, ..
        } = *self;
        let rows = gradient.len() / out;
        let mut rest = to.parameters;
        let [d_bias, d_linear, d_linear_bias, d_gate, d_gate_bias, d_gain, d_shift] =
            self.lengths().map(|length| {
                let (part, after) = std::mem::take(&mut rest).split_at_mut(length);
                rest = after;
                part
            });
        for row in 0..rows {
            let gradient = &gradient[row * out..][..out];
            let normal = &scratch.normal[row * out..][..out];
            let skip = &mut to.skip[row * out..][..out];
            for j in 0..out {
                d_gain[j] = gradient[j].mul_add(normal[j], d_gain[j]);
                d_shift[j] += gradient[j];
                skip[j] = gradient[j] * parameters.gain[j];
            }
            let (mean, along) = (sum(skip) / out as f32, dot(skip, normal) / out as f32);
            let (opening, value) = scratch.gate[row * 2 * out..][..2 * out].split_at(out);
            let (d_opening, d_value) = scratch.gate_gradient[row * 2 * out..][..2 * out].split_at_mut(out);
            for j in 0..out {
                skip[j] = scratch.scale[row] * (skip[j] - mean - normal[j] * along);
                let open = sigmoid(opening[j]);
                d_opening[j] = skip[j] * value[j] * open * (1.0 - open);
                d_value[j] = skip[j] * open;
            }
        }
        let gate = &scratch.gate_gradient[..rows * 2 * out];
        add_rows(d_gate_bias, gate);
        let gate = Rows::new(gate, 2 * out);
        let hidden = Rows::new(&scratch.hidden, width);
        let extent = Extent::new(width, rows, 2 * out);
        transposed_product(extent, hidden, gate, d_gate, 2 * out);
        let extent = Extent::new(rows, 2 * out, width);
        if !self.deep {
            fresh_product(extent, gate, Rows::new(&transposed.gate, width), to.z);
            dropout.apply(first * width, to.z);
            return;
        }
        let hidden = &mut scratch.hidden_gradient[..rows * width];
        fresh_product(extent, gate, Rows::new(&transposed.gate, width), hidden);
        dropout.apply(first * width, hidden);
        add_rows(d_linear_bias, hidden);
        let hidden = Rows::new(hidden, width);
        let bent = Rows::new(&scratch.elu, width);
        let extent = Extent::new(width, rows, width);
        transposed_product(extent, bent, hidden, d_linear, width);
        let extent = Extent::new(rows, width, width);
        fresh_product(extent, hidden, Rows::new(&transposed.linear, width), to.z);
        for (z, bent) in to.z.iter_mut().zip(bent.data) {
            *z *= if *bent > 0.0 { 1.0 } else { bent + 1.0 };
        }
        add_rows(d_bias, to.z);
    }
}

/// Zero mean, unit variance; returns what the deviations were multiplied by.
#[inline(always)]
fn normalise(row: &mut [f32]) -> f32 {
    let count = row.len() as f32;
    let mean = sum(row) / count;
    for x in row.iter_mut() {
        *x -= mean;
    }
    let scale = 1.0 / (dot(row, row) / count + EPSILON).sqrt();
    for x in row {
        *x *= scale;
    }
    scale
}
