//! Interpretable attention's weights as one operation: the mean over heads of their softmax, without the scores of
//! every head at once.

use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::dense::{
    dot, exp, fresh_product, product, sum, transpose, transposed_product, vectorised, Extent, Rows,
};
use super::{read, values};

/// Shape of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// Width of queries and keys, all heads side by side.
    pub width: usize,
    /// Heads.
    pub heads: usize,
    /// Rows that each query sees besides those up to its own place.
    pub encoder: usize,
    /// Queries: each sees one row more than the one before it.
    pub horizon: usize,
}

/// Mean attention over heads, windows x horizon x rows, of queries (windows x horizon) x width on keys (windows x
/// rows) x width. What a query must not see has weight zero.
///
/// # Errors
/// If the shapes do not agree.
pub fn attention(shape: Attention, queries: &Tensor, keys: &Tensor) -> Result<Tensor> {
    let Attention { width, horizon, .. } = shape;
    let windows = queries.dim(0)? / horizon;
    let expected = ((windows * horizon, width), (windows * shape.rows(), width));
    if (queries.dims2()?, keys.dims2()?) != expected {
        candle_core::bail!("{shape:?} got {:?}, {:?}", queries.shape(), keys.shape());
    }
    queries.contiguous()?.apply_op2(&keys.contiguous()?, shape)
}

impl Attention {
    const fn rows(&self) -> usize {
        self.encoder + self.horizon
    }

    const fn own(&self) -> usize {
        self.width / self.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.own() as f32).sqrt()
    }

    /// Softmax of one head of one window, horizon x rows.
    #[inline(always)]
    fn head(&self, head: usize, queries: &[f32], turned: &[f32], weights: &mut [f32]) {
        let (rows, own) = (self.rows(), self.own());
        let queries = Rows::new(&queries[head * own..], self.width);
        let keys = Rows::new(&turned[head * own * rows..], rows);
        fresh_product(Extent::new(self.horizon, own, rows), queries, keys, weights);
        let scale = self.scale();
        for (query, row) in weights.chunks_exact_mut(rows).enumerate() {
            let (seen, hidden) = row.split_at_mut(self.encoder + query + 1);
            let highest = seen.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
            for x in seen.iter_mut() {
                *x = exp((*x - highest) * scale);
            }
            let share = 1.0 / sum(seen);
            for x in seen {
                *x *= share;
            }
            hidden.fill(0.0);
        }
    }

    #[inline(always)]
    fn window(&self, queries: &[f32], keys: &[f32], mean: &mut [f32]) {
        let turned = transpose(keys, self.width);
        let mut weights = vec![0.0; mean.len()];
        let share = 1.0 / self.heads as f32;
        for head in 0..self.heads {
            self.head(head, queries, &turned, &mut weights);
            for (mean, x) in mean.iter_mut().zip(&weights) {
                *mean = x.mul_add(share, *mean);
            }
        }
    }

    /// Gradients of a window's queries and keys, both added to.
    #[inline(always)]
    fn window_back(
        &self,
        (queries, keys): (&[f32], &[f32]),
        gradient: &[f32],
        (d_queries, d_keys): (&mut [f32], &mut [f32]),
    ) {
        let (rows, own) = (self.rows(), self.own());
        let turned = transpose(keys, self.width);
        let mut weights = vec![0.0; gradient.len()];
        let share = self.scale() / self.heads as f32;
        for head in 0..self.heads {
            self.head(head, queries, &turned, &mut weights);
            for (row, gradient) in weights.chunks_exact_mut(rows).zip(gradient.chunks_exact(rows)) {
                let along = dot(row, gradient);
                for (x, gradient) in row.iter_mut().zip(gradient) {
                    *x *= (gradient - along) * share;
                }
            }
            let scores = Rows::new(&weights, rows);
            let keys = Rows::new(&keys[head * own..], self.width);
            let extent = Extent::new(self.horizon, rows, own);
            product(extent, scores, keys, &mut d_queries[head * own..], self.width);
            let queries = Rows::new(&queries[head * own..], self.width);
            let extent = Extent::new(rows, self.horizon, own);
            transposed_product(extent, scores, queries, &mut d_keys[head * own..], self.width);
        }
    }
}

impl CustomOp2 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        queries: &CpuStorage,
        queries_layout: &Layout,
        keys: &CpuStorage,
        keys_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (queries, keys) = (values(queries, queries_layout)?, values(keys, keys_layout)?);
        let windows = queries.len() / (self.horizon * self.width);
        let mut mean = vec![0.0; windows * self.horizon * self.rows()];
        mean.par_chunks_mut(self.horizon * self.rows())
            .zip(queries.par_chunks(self.horizon * self.width))
            .zip(keys.par_chunks(self.rows() * self.width))
            .for_each(|((mean, queries), keys)| {
                vectorised(
                    #[inline(always)]
                    || self.window(queries, keys, mean),
                );
            });
        Ok((CpuStorage::F32(mean), (windows, self.horizon, self.rows()).into()))
    }

    fn bwd(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let work = |[queries, keys, gradient]: [&[f32]; 3]| {
            let (mut d_queries, mut d_keys) = (vec![0.0; queries.len()], vec![0.0; keys.len()]);
            let (ahead, all) = (self.horizon * self.width, self.rows() * self.width);
            d_queries
                .par_chunks_mut(ahead)
                .zip(d_keys.par_chunks_mut(all))
                .zip(queries.par_chunks(ahead).zip(keys.par_chunks(all)))
                .zip(gradient.par_chunks(self.horizon * self.rows()))
                .for_each(|((to, from), gradient)| {
                    vectorised(
                        #[inline(always)]
                        || self.window_back(from, gradient, to),
                    );
                });
            (d_queries, d_keys)
        };
        let (d_queries, d_keys) = read([queries, keys, gradient], work)?;
        Ok((
            Some(Tensor::from_vec(d_queries, queries.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(d_keys, keys.shape(), &Device::Cpu)?),
        ))
    }
}
