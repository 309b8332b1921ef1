//! Mathematics of the economy: pure functions on integers, without floats, panics or storage (C).

mod accumulator;
mod wide;

pub use accumulator::{Accumulator, Checkpoint};
pub use wide::mul_div;
