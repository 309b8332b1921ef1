//! The miner against a chain held in memory, with real keys, ciphertexts and TLS connections.

mod fake;
mod figures;
mod harness;
mod jobs;
mod keys;
mod redemption;
mod restart;
mod split;
mod state;
mod task;
mod templates;
mod traces;
mod vouchers;
