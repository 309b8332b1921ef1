//! SDK of BasedAI: the chain client, wallets, the protocol of miners and the session of a private prompt.
//!
//! The plaintext, its integers and the secret key stay in this process; a miner sees ciphertexts alone.
#![warn(missing_docs)]

pub mod chain;
pub mod files;
pub mod joining;
pub mod models;
pub mod money;
pub mod search;
pub mod session;
pub mod state;
pub mod templates;
pub mod tls;
pub mod wallet;
pub mod wire;
