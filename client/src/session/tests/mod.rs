//! Tests of the session below the chain: receipts, audits, and the dealings with a miner.

mod audit;
mod receipts;
mod route;
mod split;
mod stub;
mod wire;
