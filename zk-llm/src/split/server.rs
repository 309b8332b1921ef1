//! The miner's two parts: the hint, made from a seed before any prompt exists, and the product.

use rayon::prelude::*;

use super::join::Joined;
use super::masks::Masks;
use super::matrix::Matrix;
use super::pack::{Ciphertext, PackingKey};
use super::params::{Tokens, BODY_PRIMES, JOINED, MODULUS, PROMPT_MODULUS, RING_MODULUS};
use super::product::{Online, Prompt};
use super::ring::{compose, primes, Rescale};
use super::sample::Seed;
use super::wire;
use crate::error::{Error, Result};
use crate::modular::sub;

/// Offline: answers a request with the encrypted products of the batch's masks, packed.
///
/// Depends on the seed, the matrix and the packing key alone; every machine gives the same bytes.
///
/// # Errors
/// [`crate::Error::Size`], [`crate::Error::Ciphertext`] if the request is not for this matrix and key, or is a prompt's;
/// [`crate::Error::Matrix`] if products would not decrypt exactly.
pub fn hint(matrix: &Matrix, key: &PackingKey, request: &[u8]) -> Result<Vec<u8>> {
    let shape = matrix.shape();
    let (tokens, seed) = wire::decode_request(request, shape, key.id())?;
    shape.check(tokens)?;
    if tokens.paired() {
        return Err(Error::Ciphertext("a prompt's request has no hint".into()));
    }
    let pads = Pads::new(matrix, key, tokens, &seed);
    let packed = wire::Packed {
        bodies: pads.values(tokens.slots()).collect(),
        masks: pads.masks(),
    };
    Ok(wire::encode_hint(shape, tokens, &wire::id(request), &packed))
}

/// Answers bodies whose batch nobody prepared, as a prompt's, in one step: hint and products as one ciphertext.
///
/// The bodies are all that the request's batch encrypts. Depends on matrix, key, request and bodies alone; every
/// machine gives the same bytes.
///
/// # Errors
/// As [`hint`] and [`product`], but prompts' requests are answered; [`Error::Ciphertext`] if the bodies are not the
/// request's.
pub fn answer(matrix: &Matrix, key: &PackingKey, request: &[u8], bodies: &[u8]) -> Result<Vec<u8>> {
    let shape = matrix.shape();
    let (tokens, seed) = wire::decode_request(request, shape, key.id())?;
    shape.check(tokens)?;
    let (job, numbers) = wire::decode_bodies(bodies, shape)?;
    if job.tokens != tokens || job.batch != wire::id(request) || job.range.first != 0 {
        return Err(Error::Ciphertext("the bodies are of another request".into()));
    }
    let (products, modulus) = match tokens.paired() {
        true => (matrix.products::<Prompt, 4>(numbers), PROMPT_MODULUS),
        false => (matrix.products::<Online, 3>(numbers), MODULUS),
    };
    let pads = Pads::new(matrix, key, tokens, &seed);
    let lift = Rescale::new(modulus, RING_MODULUS);
    let values = pads.values(tokens.slots_of(job.range.count.into())).zip(products);
    let packed = wire::Packed {
        bodies: values
            .map(|(pad, x)| sub(pad, lift.apply(x), RING_MODULUS))
            .collect(),
        masks: pads.masks(),
    };
    Ok(wire::encode_answer(shape, &job, &packed))
}

/// Online: the integer product of the matrix with encrypted activations.
///
/// # Errors
/// [`crate::Error::Size`] or [`crate::Error::Ciphertext`] if the bytes are not bodies for this matrix, or are a prompt's.
pub fn product(matrix: &Matrix, bodies: &[u8]) -> Result<Vec<u8>> {
    let shape = matrix.shape();
    let (job, numbers) = wire::decode_online(bodies, shape)?;
    let products = matrix.products::<Online, 3>(numbers);
    Ok(wire::encode_products(shape, &job, &products))
}

/// What hides a batch's products: encrypted, packed, joined.
struct Pads {
    joined: Vec<Joined>,
    /// Bodies of the ciphertexts, modulo `q`.
    bodies: Vec<Vec<u64>>,
    outputs: u32,
    tokens: Tokens,
}

impl Pads {
    fn new(matrix: &Matrix, key: &PackingKey, tokens: Tokens, seed: &Seed) -> Self {
        let outputs = matrix.shape().outputs;
        let rings = 0..tokens.rings(outputs);
        // The last ring element may have fewer outputs than the others, and so fewer doublings.
        let levels = |ring| tokens.packing_levels(outputs, ring);
        let most = levels(0);
        // Undoes the doublings of packing, and negates.
        let factor: [u32; BODY_PRIMES] = std::array::from_fn(|at| {
            let prime = &primes()[at];
            prime.neg(prime.inverse_of(1 << most))
        });
        let masks = Masks::new(matrix, tokens, seed, factor);
        let pack = |ring: usize| {
            let from = tokens.first_level();
            let leaf = |at: usize| {
                let output = ring * tokens.stride() + at;
                let product = || {
                    let mut mask = masks.product(matrix.row(output));
                    if levels(ring) < most {
                        for (x, prime) in mask.iter_mut().zip(primes()) {
                            prime.scale(x, 1 << (most - levels(ring)));
                        }
                    }
                    Ciphertext { mask, body: None }
                };
                (output < outputs as usize).then(product)
            };
            let packed = key.pack(from, from + levels(ring), &leaf);
            packed.unwrap_or_else(Ciphertext::zero)
        };
        let mut packed: Vec<Ciphertext> = rings.into_par_iter().map(pack).collect();
        let mut groups = Vec::new();
        while !packed.is_empty() {
            let rest = packed.split_off(packed.len().min(JOINED));
            groups.push(std::mem::replace(&mut packed, rest));
        }
        let join = |group| key.joining().join(group);
        let joined: Vec<Joined> = groups.into_par_iter().map(join).collect();
        Self {
            bodies: joined
                .par_iter()
                .flat_map_iter(|joined| joined.bodies.iter().map(compose))
                .collect(),
            joined,
            outputs,
            tokens,
        }
    }

    /// The masks, modulo `q`.
    fn masks(&self) -> Vec<Vec<u64>> {
        self.joined
            .par_iter()
            .map(|joined| compose(&joined.mask))
            .collect()
    }

    /// The wanted coefficients of the bodies, slot by slot.
    fn values(&self, slots: usize) -> impl Iterator<Item = u64> + '_ {
        let each = (0..slots).flat_map(|slot| (0..self.outputs as usize).map(move |at| (slot, at)));
        each.map(|(slot, output)| {
            let (ring, coefficient) = self.tokens.place(self.outputs, slot, output);
            self.bodies[ring][coefficient]
        })
    }
}
