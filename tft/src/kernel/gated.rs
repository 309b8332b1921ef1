//! A gated tail as one operation on tensors.

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::gate::{Dropout, Gate, Gradients, BLOCK};
use super::{read, task_rows, total, values};

struct Gated {
    gate: Gate,
    dropout: Dropout,
}

/// `LayerNorm(skip + GLU(…z…))` (see [`Gate`]): `z` is rows x hidden, `skip` rows x out, `parameters` flat.
///
/// # Errors
/// If the shapes do not agree.
pub fn gated(gate: Gate, dropout: Dropout, z: &Tensor, skip: &Tensor, parameters: &Tensor) -> Result<Tensor> {
    let (rows, hidden) = z.dims2()?;
    if (hidden, skip.dims2()?, parameters.dims1()?) != (gate.hidden, (rows, gate.out), gate.len()) {
        candle_core::bail!(
            "gate {gate:?} got {:?}, {:?}, {:?}",
            z.shape(),
            skip.shape(),
            parameters.shape()
        );
    }
    z.contiguous()?.apply_op3(
        &skip.contiguous()?,
        &parameters.contiguous()?,
        Gated { gate, dropout },
    )
}

impl CustomOp3 for Gated {
    fn name(&self) -> &'static str {
        "gated"
    }

    fn cpu_fwd(
        &self,
        z: &CpuStorage,
        z_layout: &Layout,
        skip: &CpuStorage,
        skip_layout: &Layout,
        parameters: &CpuStorage,
        parameters_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (z, skip) = (values(z, z_layout)?, values(skip, skip_layout)?);
        let parameters = self.gate.parameters(values(parameters, parameters_layout)?);
        let Gate { hidden, out, .. } = self.gate;
        let mut result = vec![0.0; skip.len()];
        result
            .par_chunks_mut(BLOCK * out)
            .zip(z.par_chunks(BLOCK * hidden).zip(skip.par_chunks(BLOCK * out)))
            .enumerate()
            .for_each_init(
                || self.gate.scratch(),
                |scratch, (at, (result, input))| {
                    let place = (self.dropout, at * BLOCK);
                    self.gate.forward(input, &parameters, place, scratch, result);
                },
            );
        Ok((CpuStorage::F32(result), skip_layout.shape().clone()))
    }

    fn bwd(
        &self,
        z: &Tensor,
        skip: &Tensor,
        parameters: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (d_z, d_skip, d_parameters) =
            read([z, skip, parameters, gradient], |values| self.backward(values))?;
        Ok((
            Some(Tensor::from_vec(d_z, z.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(d_skip, skip.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(d_parameters, parameters.shape(), &Device::Cpu)?),
        ))
    }
}

impl Gated {
    fn backward(&self, [z, skip, flat, gradient]: [&[f32]; 4]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let Gate { hidden, out, .. } = self.gate;
        let parameters = self.gate.parameters(flat);
        let transposed = self.gate.transposed(&parameters);
        let (mut d_z, mut d_skip) = (vec![0.0; z.len()], vec![0.0; skip.len()]);
        let rows = task_rows(z.len() / hidden, BLOCK);
        let parts: Vec<Vec<f32>> = d_z
            .par_chunks_mut(rows * hidden)
            .zip(d_skip.par_chunks_mut(rows * out))
            .enumerate()
            .map(|(task, (d_z, d_skip))| {
                let mut sums = vec![0.0; flat.len()];
                let mut scratch = self.gate.scratch();
                let mut result = vec![0.0; BLOCK * out];
                let blocks = d_z.chunks_mut(BLOCK * hidden).zip(d_skip.chunks_mut(BLOCK * out));
                for (block, (d_z, d_skip)) in blocks.enumerate() {
                    let first = task * rows + block * BLOCK;
                    let input = (
                        &z[first * hidden..][..d_z.len()],
                        &skip[first * out..][..d_skip.len()],
                    );
                    let gradient = &gradient[first * out..][..d_skip.len()];
                    let place = (self.dropout, first);
                    let to = Gradients {
                        z: d_z,
                        skip: d_skip,
                        parameters: &mut sums,
                    };
                    self.gate
                        .forward(input, &parameters, place, &mut scratch, &mut result);
                    self.gate
                        .backward(gradient, (&parameters, &transposed), place, &mut scratch, to);
                }
                sums
            })
            .collect();
        (d_z, d_skip, total(parts))
    }
}
