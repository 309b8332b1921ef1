//! TLS 1.3 bound to the computekey (SPEC R125).
//!
//! A peer's computekey is an Ed25519 key registered on chain. Its server presents a self-signed certificate of
//! that very key; a client accepts exactly this key and nothing else: names, dates and authorities play no part.

mod client;
mod incoming;
mod key;
#[cfg(test)]
mod tests;

pub use client::{connect, endpoint_address, ConnectError};
pub use incoming::{incoming, Connection, Limits, RemoteAddress};
pub use key::{ComputeKeyPair, KeyError};

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// ALPN name of HTTP/2, on which gRPC runs.
const ALPN_H2: &[u8] = b"h2";

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
