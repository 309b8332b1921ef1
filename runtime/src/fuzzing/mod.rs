//! Random histories of the whole runtime, executed natively: calls of every pallet by accounts in every role, whole
//! blocks with all hooks, and time that passes. A fuzzer's bytes or random numbers decide what happens.
//!
//! Calls are mostly built from what the chain holds, with numbers just within and just outside of their bounds, because
//! random bytes hardly ever make a call that succeeds; some are decoded from bytes. After every block the weight used
//! is within its limit, the issuance is genesis plus rewards less what was burnt (C.9-1), accounts sum up to it, every
//! pallet's invariants hold, and nothing was logged as an error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod calls;
pub mod chain;
mod checks;
mod choices;
mod filter;
mod history;
pub mod offences;
mod setting;
mod tally;
mod world;

pub use checks::try_state;
pub use choices::{random_bytes, Choices};
pub use filter::is_bounded;
pub use history::History;
pub use setting::Setting;
pub use tally::{Tally, PALLETS};
pub use world::BRIDGE;
