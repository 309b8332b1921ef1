//! based-validator: sends canary prompts to the miners of a Brain, scores their answers against the exact oracle, sets
//! weights before each epoch, and forecasts what the chain will measure.
//!
//! A canary runs through the very code that users run, pays from an account of its own and uses keys once, so that a
//! miner cannot tell it from a user (F.4-3). No prompt of a user ever reaches a validator.
#![warn(missing_docs)]

pub mod abroad;
pub mod args;
pub mod canary;
#[cfg(test)]
mod detection;
pub mod forecast;
pub mod metrics;
pub mod oracle;
pub mod probe;
pub mod prober;
pub mod purse;
pub mod register;
pub mod rounds;
pub mod run;
pub mod score;
pub mod setter;
pub mod situation;
pub mod split;
pub mod status;
pub mod store;
pub mod vows;
pub mod watch;
