//! Fused operations with hand-written gradients, run block by block on all cores.
//!
//! A gated residual network composed of tensor operations walks over memory some twenty times; here a block
//! of rows stays in cache from input to result, and the backward pass computes it again instead of storing it.
//! Work is cut into the same tasks however many threads there are and sums are taken in a fixed order, so a
//! seed gives the same bits on any number of cores.

mod attention;
pub mod dense;
pub mod gate;
mod gated;
mod recurrent;
mod select;

pub use self::attention::{attention, Attention};
pub use self::gate::{Dropout, Gate};
pub use self::gated::gated;
pub use self::recurrent::{recurrent, Recurrence};
pub use self::select::{select, Selection};

use candle_core::{CpuStorage, Layout, Result, Tensor};

/// Parts that a backward pass is cut into, whatever the number of threads.
const TASKS: usize = 8;

/// Rows of each part: a multiple of `unit`.
fn task_rows(rows: usize, unit: usize) -> usize {
    rows.div_ceil(unit).div_ceil(TASKS).max(1) * unit
}

/// The values behind an operand.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((from, to)) = layout.contiguous_offsets() else {
        candle_core::bail!("a fused operation takes contiguous operands")
    };
    Ok(&storage.as_slice::<f32>()?[from..to])
}

/// Calls `work` with the values of `tensors`.
fn read<const N: usize, R>(tensors: [&Tensor; N], work: impl FnOnce([&[f32]; N]) -> R) -> Result<R> {
    let owned = tensors.map(Tensor::contiguous);
    let mut contiguous = Vec::with_capacity(N);
    for tensor in owned {
        contiguous.push(tensor?);
    }
    let guards: Vec<_> = contiguous.iter().map(Tensor::storage_and_layout).collect();
    let mut slices: [&[f32]; N] = [&[]; N];
    for (slice, (storage, layout)) in slices.iter_mut().zip(&guards) {
        let candle_core::Storage::Cpu(storage) = &**storage else {
            candle_core::bail!("a fused operation runs on the CPU")
        };
        *slice = values(storage, layout)?;
    }
    Ok(work(slices))
}

/// Sums vectors in order.
fn total(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut sum = parts.next().unwrap_or_default();
    for part in parts {
        for (sum, x) in sum.iter_mut().zip(part) {
            *sum += x;
        }
    }
    sum
}
