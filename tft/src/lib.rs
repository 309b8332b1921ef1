//! The Temporal Fusion Transformer (Lim et al. 2021) of the chain's validators: trains on tables of chain
//! metrics on a CPU, forecasts quantiles, says what it looked at, and can be rolled back to any stored version.
//!
//! ```no_run
//! use based_tft::{generate, Forecaster, Sizes, Training};
//!
//! # fn main() -> based_tft::Result<()> {
//! let request = generate::Request {
//!     kind: generate::Kind::Chain, rows: 2000, ahead: 24, series: 1, seed: 1, day: 144,
//! };
//! let (schema, table) = generate::generate(request);
//! let mut forecaster = Forecaster::new(schema, Sizes::SMALL, 1)?;
//! forecaster.fine_tune(&table, Training::default(), None, &mut |progress| eprintln!("{progress:?}"))?;
//! println!("{:?}", forecaster.forecast(&table)?[0].quantiles[0]);
//! # Ok(())
//! # }
//! ```

pub mod dataset;
mod error;
pub mod explain;
mod forecaster;
pub mod generate;
// Indices into several slices at once become vector instructions; chains of zips often do not.
#[allow(clippy::needless_range_loop)]
mod kernel;
pub mod linear;
pub mod loss;
pub mod model;
mod optimise;
pub mod plot;
mod schema;
pub mod store;
pub mod table;
#[cfg(test)]
mod tests;
pub mod train;

pub use self::error::{Error, Result};
pub use self::forecaster::{Accuracy, Forecast, Forecaster, Quantiles, Tally};
pub use self::schema::{design_columns, Feature, Schema, Sizes, QUANTILES};
pub use self::table::{Series, Table};
pub use self::train::{Outcome, Progress, Training};
