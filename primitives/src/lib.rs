//! Ground shared by every pallet and program of BasedAI: identifiers, limits, money, time, fixed-point
//! mathematics, the formats of vouchers and receipts, and the traits by which pallets reach one another.
//!
//! Nothing here uses floats, panics or host functions beyond signature verification.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::float_arithmetic
    )
)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
mod commitment;
pub mod constants;
pub mod eip712;
pub mod forecasts;
pub mod governance;
pub mod math;
pub mod payments;
pub mod runtime_api;
pub mod traits;
pub mod types;
pub mod views;

pub use commitment::{weights_commitment, Salt};
pub use types::*;
