//! Tests of the session below the chain: receipts, and the dealings with a miner.

mod receipts;
mod route;
mod split;
mod stub;
mod wire;
