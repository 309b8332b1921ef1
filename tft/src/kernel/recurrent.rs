//! The LSTM encoder and decoder as one operation: sequences of a batch do not depend on one another, so each
//! task takes some of them through all steps.

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::dense::{
    add_rows, fill_rows, fresh_product, product, sigmoid, tanh, transpose, transposed_product, vectorised,
    Extent, Rows,
};
use super::{read, total, values};

/// Sequences of a task.
const LANES: usize = 8;

/// Lengths of an LSTM encoder and the decoder that goes on from its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// Width of the state.
    pub width: usize,
    /// Steps of the encoder.
    pub encoder: usize,
    /// Steps of the decoder.
    pub decoder: usize,
}

impl Recurrence {
    /// Length of the flat parameters: for encoder and decoder the input and the recurrent matrix (each width x
    /// 4 width, gates in the order input, forget, cell, output) and the bias.
    pub const fn len(&self) -> usize {
        2 * self.half()
    }

    const fn half(&self) -> usize {
        4 * self.width * (2 * self.width + 1)
    }

    /// Splits the flat parameters of a side into input matrix, recurrent matrix and bias.
    fn split<'a>(&self, parameters: &'a [f32], side: usize) -> [&'a [f32]; 3] {
        let matrix = 4 * self.width * self.width;
        let own = &parameters[side * self.half()..][..self.half()];
        [&own[..matrix], &own[matrix..2 * matrix], &own[2 * matrix..]]
    }

    /// First and last step of each side.
    const fn spans(&self) -> [(usize, usize); 2] {
        [(0, self.encoder), (self.encoder, self.encoder + self.decoder)]
    }

    const fn steps(&self) -> usize {
        self.encoder + self.decoder
    }

    /// Index of the weights that a step uses.
    const fn side(&self, step: usize) -> usize {
        (step >= self.encoder) as usize
    }
}

/// Hidden states, batch x steps x width, from inputs of the same shape and the initial state, batch x 2 width
/// (hidden, cell).
///
/// # Errors
/// If the shapes do not agree.
pub fn recurrent(
    shape: Recurrence,
    inputs: &Tensor,
    parameters: &Tensor,
    initial: &Tensor,
) -> Result<Tensor> {
    let batch = inputs.dim(0)?;
    let expected = (
        (batch, shape.steps(), shape.width),
        shape.len(),
        (batch, 2 * shape.width),
    );
    if (inputs.dims3()?, parameters.dims1()?, initial.dims2()?) != expected {
        candle_core::bail!("{shape:?} got {:?}, {:?}", inputs.shape(), initial.shape());
    }
    inputs
        .contiguous()?
        .apply_op3(&parameters.contiguous()?, &initial.contiguous()?, shape)
}

/// What a task remembers of its forward pass: activated gates and cells, step by step, lane by lane.
struct Trace {
    gates: Vec<f32>,
    cells: Vec<f32>,
    hidden: Vec<f32>,
}

impl Recurrence {
    /// Takes `lanes` sequences through all steps; `cells` and `hidden` start with the initial state.
    #[inline(always)]
    fn run(&self, inputs: &[f32], parameters: &[f32], initial: &[f32]) -> Trace {
        let width = self.width;
        let lanes = initial.len() / (2 * width);
        let stride = lanes * width;
        let mut gates = vec![0.0; self.steps() * stride * 4];
        let mut cells = vec![0.0; (self.steps() + 1) * stride];
        let mut hidden = cells.clone();
        for (lane, state) in initial.chunks_exact(2 * width).enumerate() {
            hidden[lane * width..][..width].copy_from_slice(&state[..width]);
            cells[lane * width..][..width].copy_from_slice(&state[width..]);
        }
        // The inputs' share of the gates of all steps at once: it waits for no state.
        for (side, (from, to)) in self.spans().into_iter().enumerate() {
            let [matrix, _, bias] = self.split(parameters, side);
            fill_rows(&mut gates[from * stride * 4..to * stride * 4], bias);
            let extent = Extent::new(to - from, width, 4 * width);
            for lane in 0..lanes {
                let inputs = Rows::new(&inputs[(lane * self.steps() + from) * width..], width);
                let gates = &mut gates[(from * lanes + lane) * 4 * width..];
                product(extent, inputs, Rows::new(matrix, 4 * width), gates, stride * 4);
            }
        }
        let extent = Extent::new(lanes, width, 4 * width);
        for step in 0..self.steps() {
            let [_, matrix, _] = self.split(parameters, self.side(step));
            let gates = &mut gates[step * stride * 4..][..stride * 4];
            let (before, after) = hidden.split_at_mut((step + 1) * stride);
            let last = Rows::new(&before[step * stride..], width);
            product(extent, last, Rows::new(matrix, 4 * width), gates, 4 * width);
            let (past, now) = cells.split_at_mut((step + 1) * stride);
            for lane in 0..lanes {
                let gates = &mut gates[lane * 4 * width..][..4 * width];
                let (front, back) = gates.split_at_mut(2 * width);
                let (enter, forget) = front.split_at_mut(width);
                let (candidate, exit) = back.split_at_mut(width);
                let past = &past[step * stride + lane * width..][..width];
                let now = &mut now[lane * width..][..width];
                let state = &mut after[lane * width..][..width];
                for j in 0..width {
                    enter[j] = sigmoid(enter[j]);
                    forget[j] = sigmoid(forget[j]);
                    candidate[j] = tanh(candidate[j]);
                    exit[j] = sigmoid(exit[j]);
                    now[j] = forget[j].mul_add(past[j], enter[j] * candidate[j]);
                    state[j] = exit[j] * tanh(now[j]);
                }
            }
        }
        Trace { gates, cells, hidden }
    }

    /// Gradients of inputs (overwritten), of the initial state (overwritten) and of the parameters (returned).
    #[inline(always)]
    fn back(
        &self,
        trace: &Trace,
        (inputs, transposed): (&[f32], &[[Vec<f32>; 2]; 2]),
        gradient: &[f32],
        d_inputs: &mut [f32],
        d_initial: &mut [f32],
    ) -> Vec<f32> {
        let width = self.width;
        let lanes = d_initial.len() / (2 * width);
        let stride = lanes * width;
        let mut d_gates = vec![0.0; self.steps() * stride * 4];
        let (mut d_hidden, mut d_cell) = (vec![0.0; stride], vec![0.0; stride]);
        let extent = Extent::new(lanes, 4 * width, width);
        for step in (0..self.steps()).rev() {
            let d_gates = &mut d_gates[step * stride * 4..][..stride * 4];
            for lane in 0..lanes {
                let at = lane * self.steps() + step;
                let gates = &trace.gates[(step * lanes + lane) * 4 * width..][..4 * width];
                let (enter, forget) = (&gates[..width], &gates[width..2 * width]);
                let (candidate, exit) = (&gates[2 * width..3 * width], &gates[3 * width..]);
                let past = &trace.cells[step * stride + lane * width..][..width];
                let now = &trace.cells[(step + 1) * stride + lane * width..][..width];
                let gradient = &gradient[at * width..][..width];
                let d_hidden = &d_hidden[lane * width..][..width];
                let d_cell = &mut d_cell[lane * width..][..width];
                let d_gates = &mut d_gates[lane * 4 * width..][..4 * width];
                let (front, back) = d_gates.split_at_mut(2 * width);
                let (d_enter, d_forget) = front.split_at_mut(width);
                let (d_candidate, d_exit) = back.split_at_mut(width);
                for j in 0..width {
                    let bent = tanh(now[j]);
                    let d_state = gradient[j] + d_hidden[j];
                    let d = (d_state * exit[j]).mul_add(1.0 - bent * bent, d_cell[j]);
                    d_enter[j] = d * candidate[j] * enter[j] * (1.0 - enter[j]);
                    d_forget[j] = d * past[j] * forget[j] * (1.0 - forget[j]);
                    d_candidate[j] = d * enter[j] * (1.0 - candidate[j] * candidate[j]);
                    d_exit[j] = d_state * bent * exit[j] * (1.0 - exit[j]);
                    d_cell[j] = d * forget[j];
                }
            }
            let matrix = Rows::new(&transposed[self.side(step)][1], width);
            let d_gates = Rows::new(d_gates, 4 * width);
            fresh_product(extent, d_gates, matrix, &mut d_hidden);
        }
        for (lane, state) in d_initial.chunks_exact_mut(2 * width).enumerate() {
            state[..width].copy_from_slice(&d_hidden[lane * width..][..width]);
            state[width..].copy_from_slice(&d_cell[lane * width..][..width]);
        }
        d_inputs.fill(0.0);
        let mut sums = vec![0.0; self.len()];
        let sides = sums.chunks_exact_mut(self.half()).zip(self.spans());
        for (side, (sums, (from, to))) in sides.enumerate() {
            let (d_input, rest) = sums.split_at_mut(4 * width * width);
            let (d_matrix, d_bias) = rest.split_at_mut(4 * width * width);
            let d_gates = &d_gates[from * stride * 4..to * stride * 4];
            add_rows(d_bias, d_gates);
            let extent = Extent::new(width, (to - from) * lanes, 4 * width);
            let hidden = Rows::new(&trace.hidden[from * stride..to * stride], width);
            transposed_product(extent, hidden, Rows::new(d_gates, 4 * width), d_matrix, 4 * width);
            for lane in 0..lanes {
                let own = (lane * self.steps() + from) * width;
                let d_gates = Rows::new(&d_gates[lane * 4 * width..], stride * 4);
                let inputs = Rows::new(&inputs[own..], width);
                let extent = Extent::new(width, to - from, 4 * width);
                transposed_product(extent, inputs, d_gates, d_input, 4 * width);
                let matrix = Rows::new(&transposed[side][0], width);
                let extent = Extent::new(to - from, 4 * width, width);
                product(extent, d_gates, matrix, &mut d_inputs[own..], width);
            }
        }
        sums
    }
}

impl CustomOp3 for Recurrence {
    fn name(&self) -> &'static str {
        "recurrent"
    }

    fn cpu_fwd(
        &self,
        inputs: &CpuStorage,
        inputs_layout: &Layout,
        parameters: &CpuStorage,
        parameters_layout: &Layout,
        initial: &CpuStorage,
        initial_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let inputs = values(inputs, inputs_layout)?;
        let parameters = values(parameters, parameters_layout)?;
        let initial = values(initial, initial_layout)?;
        let (width, steps) = (self.width, self.steps());
        let mut result = vec![0.0; inputs.len()];
        result
            .par_chunks_mut(LANES * steps * width)
            .zip(inputs.par_chunks(LANES * steps * width))
            .zip(initial.par_chunks(LANES * 2 * width))
            .for_each(|((result, inputs), initial)| {
                let trace = vectorised(
                    #[inline(always)]
                    || self.run(inputs, parameters, initial),
                );
                let lanes = initial.len() / (2 * width);
                for (at, out) in result.chunks_exact_mut(width).enumerate() {
                    let (lane, step) = (at / steps, at % steps);
                    out.copy_from_slice(&trace.hidden[((step + 1) * lanes + lane) * width..][..width]);
                }
            });
        let batch = initial.len() / (2 * width);
        Ok((CpuStorage::F32(result), (batch, steps, width).into()))
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        parameters: &Tensor,
        initial: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (width, steps) = (self.width, self.steps());
        let work = |[inputs, parameters, initial, gradient]: [&[f32]; 4]| {
            let side = |at: usize| {
                let [input, hidden, _] = self.split(parameters, at);
                [transpose(input, 4 * width), transpose(hidden, 4 * width)]
            };
            let transposed = [side(0), side(1)];
            let mut d_inputs = vec![0.0; inputs.len()];
            let mut d_initial = vec![0.0; initial.len()];
            let parts: Vec<Vec<f32>> = d_inputs
                .par_chunks_mut(LANES * steps * width)
                .zip(d_initial.par_chunks_mut(LANES * 2 * width))
                .zip(inputs.par_chunks(LANES * steps * width))
                .zip(initial.par_chunks(LANES * 2 * width))
                .zip(gradient.par_chunks(LANES * steps * width))
                .map(|((((d_inputs, d_initial), inputs), initial), gradient)| {
                    vectorised(
                        #[inline(always)]
                        || {
                            let trace = self.run(inputs, parameters, initial);
                            self.back(&trace, (inputs, &transposed), gradient, d_inputs, d_initial)
                        },
                    )
                })
                .collect();
            (d_inputs, total(parts), d_initial)
        };
        let (d_inputs, d_parameters, d_initial) = read([inputs, parameters, initial, gradient], work)?;
        Ok((
            Some(Tensor::from_vec(d_inputs, inputs.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(d_parameters, parameters.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(d_initial, initial.shape(), &Device::Cpu)?),
        ))
    }
}
