//! Split mode: the miner multiplies its clear matrices with encrypted activations, the client does what is
//! not linear and keeps every plaintext.
//!
//! Activations are 8-bit integers under ring learning with errors modulo [`RING_MODULUS`], a product of two primes.
//! Everything that does not depend on them is done before the prompt exists:
//!
//! | | client | miner |
//! |---|---|---|
//! | once a session | [`SecretKey::generate`] | [`PackingKey::from_bytes`] |
//! | offline, a batch of positions | [`SecretKey::prepare`], [`SecretKey::complete`] | [`hint`] |
//! | online, some positions | [`Batch::encrypt`], [`Opening::decrypt`] | [`product`] |
//! | or both at once, as for a prompt that is there already | [`Pending::seal`], [`SecretKey::unseal`] | [`answer`] |
//!
//! A batch's masks come from a seed. The hint is the product of the matrix with those masks, packed into
//! full ring elements and encrypted, so that the client can subtract it; what is left online is an integer
//! product with the bodies modulo the prime [`MODULUS`], which [`Check`] verifies. Decrypted integers equal the clear product
//! ([`Matrix::multiply`]); all arithmetic is on integers, so that every processor gives the same bytes.

mod bits;
mod client;
mod freivalds;
mod join;
mod masks;
mod matrix;
mod pack;
mod pairs;
mod params;
mod product;
mod resident;
mod ring;
mod sample;
mod server;
mod switch;
#[cfg(test)]
mod tests;
mod wire;

pub use client::{Batch, Opening, Pending, Sealed, SecretKey};
pub use freivalds::Check;
pub use matrix::Matrix;
pub use pack::PackingKey;
pub use params::{
    Shape, Tokens, ERROR_BITS, JOINED, LOG2_P_FAIL, MAX_DIMENSION, MODULUS, PROMPT_MODULUS, RING_DEGREE,
    RING_MODULUS, RING_PRIMES,
};
pub use server::{answer, hint, product};
pub use wire::{
    answer_bytes, batch, bodies_bytes, hint_bytes, most_bodies_bytes, products_bytes, Positions,
    PACKING_KEY_BYTES, REQUEST_BYTES,
};
