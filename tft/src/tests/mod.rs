mod bad_input;
mod causality;
mod clear;
mod gradients;
mod kernels;
mod learning;
mod loss;
mod persisting;
mod shapes;

use crate::generate::{generate, Kind, Request};
use crate::{Schema, Sizes, Table, Training};

/// Small enough to train in seconds.
pub const TINY: Sizes = Sizes {
    width: 8,
    heads: 2,
    encoder: 12,
    horizon: 4,
    dropout: 0.1,
};

pub fn table(kind: Kind, rows: usize) -> (Schema, Table) {
    generate(Request {
        kind,
        rows,
        ahead: 4,
        series: 3,
        seed: 5,
        day: 12,
    })
}

pub fn training(steps: usize) -> Training {
    Training {
        steps,
        batch: 16,
        validate_every: 10,
        patience: 1000,
        ..Training::default()
    }
}
