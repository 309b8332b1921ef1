//! The peer of single products.

use serde::Deserialize;

use crate::peer::Peer;

/// What figures call it; the version is pinned in `zk-llm/bench/extensions.txt`.
pub const NAME: &str = "concrete-ml-extensions 0.2.0";

/// Making of the peer's keys.
#[derive(Deserialize)]
pub struct Keys {
    pub key_s: f64,
    pub key_bytes: f64,
}

/// One product of the peer's.
#[derive(Deserialize)]
pub struct Product {
    pub encrypt_s: f64,
    pub multiply_s: f64,
    pub decrypt_s: f64,
    pub input_bytes: f64,
    pub output_bytes: f64,
    pub error_deviation: f64,
}

pub fn keys(peer: &mut Peer) -> anyhow::Result<Keys> {
    peer.ask("keys")
}

pub fn product(peer: &mut Peer, inputs: u32, outputs: u32) -> anyhow::Result<Product> {
    peer.ask(&format!("product {inputs} {outputs}"))
}
