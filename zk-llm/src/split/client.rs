//! The client's side: a key for a session, batches of one-time masks, encryption and decryption.
//!
//! A (key, seed) pair encrypts once (SPEC F.4-1), by construction: seeds are drawn inside
//! [`SecretKey::prepare`] from the operating system, no function takes one, and a [`Batch`] can be neither
//! copied nor stored and hands out each of its positions once. A client that starts anew prepares anew; a
//! retry resends the bytes it has.

use std::time::{Duration, Instant};

use super::pack;
use super::params::{
    Shape, Tokens, HINT_BODY_BITS, HINT_MASK_BITS, INT8_MAX, MODULUS, PACKING_MODULUS, RING_DEGREE,
};
use super::ring::{body_ring, centred, packing_ring, Rescale};
use super::sample::{error, mask, os_seed, secret_generator, ternary};
use super::wire::{self, Id, Job, Range};
use crate::error::{Error, Result};

/// How long a batch can be used (SPEC F.4-1).
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A client's secret key for one session with one miner. It never leaves the client, and nothing prints it.
pub struct SecretKey {
    /// In the domain of products modulo `q`.
    body: Vec<u64>,
    /// In the domain of products modulo the packing modulus.
    packing: Vec<u64>,
    packing_key: Vec<u8>,
    packing_key_id: Id,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretKey").finish_non_exhaustive()
    }
}

impl SecretKey {
    /// Draws a key, and the packing key that belongs to it, with the operating system's randomness.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn generate() -> Result<Self> {
        let secret = ternary(&mut secret_generator()?);
        let forward = |ring: &super::ring::Ring| {
            let mut element: Vec<u64> = secret.iter().map(|s| ring.residue(i64::from(*s))).collect();
            ring.forward(&mut element);
            element
        };
        let packing_key = pack::packing_key(&secret, &os_seed()?, &mut secret_generator()?);
        Ok(Self {
            body: forward(body_ring()),
            packing: forward(packing_ring()),
            packing_key_id: wire::id(&packing_key),
            packing_key,
        })
    }

    /// The packing key for the miner, [`super::PACKING_KEY_BYTES`] long; sent once a session.
    pub fn packing_key_bytes(&self) -> &[u8] {
        &self.packing_key
    }

    /// Offline: draws the seed of a batch of positions for a matrix. The request goes to the miner; its hint
    /// completes the batch.
    ///
    /// # Errors
    /// [`Error::Matrix`] if products would not decrypt exactly; [`Error::Randomness`].
    pub fn prepare(&self, shape: &Shape, tokens: Tokens) -> Result<Pending> {
        shape.check(tokens)?;
        let seed = os_seed()?;
        let ring = |index| body_ring().product(&mask(&seed, index, MODULUS), &self.body);
        let request = wire::encode_request(shape, tokens, &self.packing_key_id, &seed);
        Ok(Pending {
            shape: *shape,
            tokens,
            batch: wire::id(&request),
            expires: Instant::now() + LIFETIME,
            phases: (0..tokens.rings(shape.inputs) as u64).map(ring).collect(),
            request,
        })
    }

    /// Offline: completes a batch with the miner's hint.
    ///
    /// # Errors
    /// [`Error::Size`] or [`Error::Ciphertext`] if the bytes are not the hint of this batch.
    pub fn complete(&self, pending: Pending, hint: &[u8]) -> Result<Batch> {
        let (masks, bodies) = wire::decode_hint(hint, &pending.shape, pending.tokens, &pending.batch)?;
        let whole = 1u64 << HINT_MASK_BITS;
        let products: Vec<Vec<u64>> = masks
            .chunks_exact(RING_DEGREE)
            .map(|mask| {
                let ring = packing_ring();
                // The sum of an honest hint stays far below half the modulus; another garbles itself.
                let mask: Vec<u64> = mask.iter().map(|x| ring.residue(centred(*x, whole))).collect();
                ring.product(&mask, &self.packing)
            })
            .collect();
        let outputs = pending.shape.outputs as usize;
        let to_body = Rescale::new(whole, MODULUS);
        let pads = bodies.iter().enumerate().map(|(at, body)| {
            let (position, output) = (at / outputs, at % outputs);
            let (ring, coefficient) = pending.tokens.place(pending.shape.outputs, position, output);
            let product = products[ring][coefficient];
            let lifted = body << (HINT_MASK_BITS - HINT_BODY_BITS);
            let phase = lifted.wrapping_sub(centred(product, PACKING_MODULUS) as u64);
            to_body.apply(phase & (whole - 1))
        });
        Ok(Batch {
            pads: pads.collect(),
            shape: pending.shape,
            tokens: pending.tokens,
            batch: pending.batch,
            phases: pending.phases,
            expires: pending.expires,
            used: 0,
        })
    }
}

/// A batch that waits for its hint.
pub struct Pending {
    shape: Shape,
    tokens: Tokens,
    batch: Id,
    expires: Instant,
    /// Products of masks and secret.
    phases: Vec<Vec<u64>>,
    request: Vec<u8>,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

impl Pending {
    /// What to send to the miner, [`super::REQUEST_BYTES`] long.
    pub fn request(&self) -> &[u8] {
        &self.request
    }
}

/// One-time masks for the positions of a batch, for one matrix.
pub struct Batch {
    shape: Shape,
    tokens: Tokens,
    batch: Id,
    expires: Instant,
    phases: Vec<Vec<u64>>,
    /// Masks of the products, position by position.
    pads: Vec<u64>,
    used: usize,
}

#[cfg(test)]
impl Batch {
    pub(super) fn expire(&mut self) {
        self.expires = Instant::now();
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}

impl Batch {
    /// Positions that can still be encrypted.
    pub fn left(&self) -> usize {
        self.tokens.count() - self.used
    }

    /// Online: encrypts the activations of the next positions, one position after another. Those positions
    /// are then used, whatever becomes of the bytes.
    ///
    /// # Errors
    /// [`Error::Prompt`] if the activations are no whole number of positions, or one is -128;
    /// [`Error::Batch`] if too few positions are left, or the batch is a day old; [`Error::Randomness`].
    pub fn encrypt(&mut self, activations: &[i8]) -> Result<(Vec<u8>, Opening)> {
        let width = self.shape.inputs as usize;
        let count = activations.len() / width;
        if count == 0 || !activations.len().is_multiple_of(width) || activations.contains(&i8::MIN) {
            return Err(Error::Prompt(format!(
                "{} activations; each position takes {width}, from -{INT8_MAX} to {INT8_MAX}",
                activations.len()
            )));
        }
        if count > self.left() {
            return Err(Error::Batch(format!(
                "{} positions left, {count} asked for; prepare another batch",
                self.left()
            )));
        }
        if Instant::now() >= self.expires {
            return Err(Error::Batch("it expired; prepare another".into()));
        }
        let mut errors = secret_generator()?;
        let first = self.used;
        self.used += count;
        let (ring, stride, scale) = (body_ring(), self.tokens.stride(), self.shape.scale() as i64);
        let encrypt = |(at, x): (usize, &i8)| {
            let (position, input) = (first + at / width, at % width);
            let phase = self.phases[input / stride][position * stride + input % stride];
            ring.add(phase, ring.residue(i64::from(*x) * scale + error(&mut errors)))
        };
        let residues: Vec<u64> = activations.iter().enumerate().map(encrypt).collect();
        let job = Job {
            tokens: self.tokens,
            batch: self.batch,
            // Both are at most the ring's degree.
            range: Range {
                first: first as u16,
                count: count as u16,
            },
        };
        let outputs = self.shape.outputs as usize;
        let opening = Opening {
            shape: self.shape,
            job,
            pads: self.pads[first * outputs..(first + count) * outputs].to_vec(),
        };
        Ok((wire::encode_bodies(&self.shape, &job, &residues), opening))
    }
}

/// What decrypts the products of one encryption.
pub struct Opening {
    shape: Shape,
    job: Job,
    pads: Vec<u64>,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

impl Opening {
    /// Decrypts the miner's products: for each position, one integer a row of the matrix, equal to the clear
    /// product except with probability `2^-40`.
    ///
    /// # Errors
    /// [`Error::Size`] or [`Error::Ciphertext`] if the bytes are not products of this encryption: decided
    /// before anything is decrypted.
    pub fn decrypt(&self, products: &[u8]) -> Result<Vec<i64>> {
        let residues = wire::decode_products(products, &self.shape, &self.job)?;
        let scale = self.shape.scale() as i64;
        let phases = residues.iter().zip(&self.pads).map(|(x, pad)| phase(*x, *pad));
        Ok(phases
            .map(|phase| (phase + scale / 2).div_euclid(scale))
            .collect())
    }

    /// Distance of each decrypted phase from the clear product's.
    #[cfg(test)]
    pub(super) fn noise(&self, products: &[u8], clear: &[i64]) -> Vec<i64> {
        let residues = wire::decode_products(products, &self.shape, &self.job).unwrap();
        let scale = self.shape.scale() as i64;
        let phases = residues.iter().zip(&self.pads).map(|(x, pad)| phase(*x, *pad));
        phases
            .zip(clear)
            .map(|(phase, clear)| phase - clear * scale)
            .collect()
    }
}

fn phase(product: u64, pad: u64) -> i64 {
    centred(body_ring().sub(product, pad), MODULUS)
}
