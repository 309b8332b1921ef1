//! The miner: answers encrypted prompts of a Brain, signs receipts and is paid by vouchers.
//!
//! # Overview
//! A spending account reserves an amount for this miner on chain; its spender uploads an evaluation key, submits
//! an encrypted input, gets a signed receipt, and collects the output for a voucher (SPEC F.3-3). What either
//! side can lose is the price of one job: the miner accepts one unpaid job of an account at a time, and stores a
//! voucher durably before the output leaves.
//!
//! The process holds no secret key of any ciphertext; all it can do with a prompt is to evaluate it (R004).
//!
//! # Parts
//! [`service`] speaks with clients, [`queue`] evaluates, [`redeem`] takes the money, [`watcher`] follows the
//! chain's task and prices, [`db`], [`evalkeys`] and [`traces`] keep the state within the declared storage.
#![warn(missing_docs)]

pub mod args;
pub mod chain;
pub mod db;
pub mod evalkeys;
pub mod limits;
pub mod live;
pub mod metrics;
pub mod payments;
pub mod queue;
pub mod redeem;
pub mod register;
pub mod run;
pub mod service;
pub mod status;
pub mod stop;
pub mod tasks;
pub mod traces;
pub mod watcher;

#[cfg(test)]
mod tests;

/// Name of the file with the key that authenticates this miner's endpoint and signs its receipts.
pub const COMPUTEKEY_FILE: &str = "computekey.pem";
