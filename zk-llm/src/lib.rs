//! Encrypted inference: a model is an integer graph ([`ir`]) that is compiled with its noise analysis
//! ([`compile`]), run in clear by an exact oracle ([`exec_clear`]) and run on ciphertexts by a miner
//! that never holds a secret key ([`exec_tfhe`]). The client tokenises, embeds, quantises, encrypts and
//! decrypts ([`keys`], [`model`]); the two sides exchange the encodings of [`wire`].
//!
//! A traced evaluation commits to every bootstrap's result, and an [`audit`] recomputes some of them.
//!
//! Models too large for that run in split mode ([`split`]): the miner multiplies encrypted activations with
//! its matrices, the client does the rest.
//!
//! This crate knows nothing of the chain.

pub mod actions;
pub mod audit;
mod bootstrap;
pub mod compile;
#[cfg(feature = "cuda")]
mod cuda;
mod device;
pub mod error;
pub mod exact;
pub mod exec_clear;
pub mod exec_tfhe;
pub mod frontend;
pub mod import;
pub mod ir;
pub mod keys;
pub mod logits;
pub mod manifest;
pub mod model;
mod modular;
pub mod noise;
pub mod params;
pub mod quant;
pub mod routing;
mod simd;
pub mod split;
pub mod squeeze;
pub mod synthesis;
pub mod text;
pub mod trace;
pub mod train;
pub mod wire;

#[cfg(test)]
mod tests;

pub use audit::Audit;
pub use compile::{Circuit, CompileError};
pub use device::Device;
pub use error::{Error, Result};
pub use exact::ExactKey;
pub use exec_tfhe::{evaluate, evaluate_traced, Evaluation};
pub use frontend::Frontend;
pub use keys::{ClientKey, ServerKey};
pub use logits::Logits;
pub use manifest::Manifest;
pub use model::{ClientModel, Limits, Model};
pub use params::ParameterSet;
pub use wire::Prompt;
