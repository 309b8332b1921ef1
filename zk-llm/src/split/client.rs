//! The client's side: a key for a session, batches of one-time masks, encryption and decryption.
//!
//! A (key, seed) pair encrypts once (SPEC F.4-1), by construction: seeds are drawn inside
//! [`SecretKey::prepare`] from the operating system, no function takes one, and a [`Batch`] can be neither
//! copied nor stored and hands out each of its positions once. A client that starts anew prepares anew; a
//! retry resends the bytes it has.

use std::time::{Duration, Instant};

use super::pack;
use super::params::{Shape, Tokens, INT8_MAX, JOINED, MODULUS, PACKING_MODULUS};
use super::ring::{body_ring, centred, packing_ring, Rescale, Ring};
use super::sample::{error, mask, os_seed, secret_generator, ternary};
use super::wire::{self, Id, Job, Packed, Range};
use crate::error::{Error, Result};

/// How long a batch can be used (SPEC F.4-1).
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A client's secret key for one session with one miner. It never leaves the client, and nothing prints it.
pub struct SecretKey {
    /// In the domain of products modulo `q`.
    body: Vec<u64>,
    /// Those of joined ciphertexts, in the domain of products modulo the packing modulus.
    joined: Vec<Vec<u64>>,
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
        let mut generator = secret_generator()?;
        let secret = ternary(&mut generator);
        let joined: Vec<Vec<i8>> = (0..JOINED).map(|_| ternary(&mut generator)).collect();
        let forward = |secret: &[i8], ring: &Ring| {
            let mut element: Vec<u64> = secret.iter().map(|s| ring.residue(i64::from(*s))).collect();
            ring.forward(&mut element);
            element
        };
        let packing_key = pack::packing_key(&secret, &joined, &os_seed()?, &mut secret_generator()?);
        Ok(Self {
            body: forward(&secret, body_ring()),
            joined: joined
                .iter()
                .map(|secret| forward(secret, packing_ring()))
                .collect(),
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
        let packed = wire::decode_hint(hint, &pending.shape, pending.tokens, &pending.batch)?;
        Ok(Batch {
            pads: self.phases(&pending.shape, pending.tokens, &packed),
            shape: pending.shape,
            tokens: pending.tokens,
            batch: pending.batch,
            phases: pending.phases,
            expires: pending.expires,
            used: 0,
        })
    }

    /// Decrypts the miner's answer to what [`Pending::seal`] encrypted, as [`Opening::decrypt`] does products.
    ///
    /// # Errors
    /// [`Error::Size`] or [`Error::Ciphertext`] if the bytes are not the answer: decided before anything is decrypted.
    pub fn unseal(&self, sealed: &Sealed, answer: &[u8]) -> Result<Vec<i64>> {
        let packed = wire::decode_answer(answer, &sealed.shape, &sealed.job)?;
        let phases = self.phases(&sealed.shape, sealed.job.tokens, &packed);
        let scale = sealed.shape.scale() as i64;
        Ok(phases
            .into_iter()
            .map(|pad| nearest(phase(0, pad), scale))
            .collect())
    }

    /// Phases of the values of a hint or an answer, modulo `q`, position by position.
    fn phases(&self, shape: &Shape, tokens: Tokens, packed: &Packed) -> Vec<u64> {
        let ring = packing_ring();
        let element = |at: usize| ring.product(&packed.masks[at / JOINED], &self.joined[at % JOINED]);
        let products: Vec<Vec<u64>> = (0..tokens.rings(shape.outputs)).map(element).collect();
        let outputs = shape.outputs as usize;
        let to_body = Rescale::new(PACKING_MODULUS, MODULUS);
        let phases = packed.bodies.iter().enumerate().map(|(at, body)| {
            let (ring_at, coefficient) = tokens.place(shape.outputs, at / outputs, at % outputs);
            to_body.apply(ring.sub(*body, products[ring_at][coefficient]))
        });
        phases.collect()
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

    /// Encrypts the activations of the batch's first positions without a hint, one position after another; the miner
    /// answers request and bodies together ([`super::answer`]). The batch is used then.
    ///
    /// # Errors
    /// As [`Batch::encrypt`].
    pub fn seal(self, activations: &[i8]) -> Result<(Vec<u8>, Sealed)> {
        let job = Job {
            tokens: self.tokens,
            batch: self.batch,
            range: range(&self.shape, activations, (0, self.tokens), self.expires)?,
        };
        let residues = encrypt(&self.shape, &job, &self.phases, activations)?;
        let sealed = Sealed {
            shape: self.shape,
            job,
        };
        Ok((wire::encode_bodies(&self.shape, &job, &residues), sealed))
    }
}

/// What names the answer to one encryption; [`SecretKey::unseal`] takes it.
#[derive(Debug)]
pub struct Sealed {
    shape: Shape,
    job: Job,
}

impl Sealed {
    /// Exact size of the answer, in bytes.
    pub fn answer_bytes(&self) -> u64 {
        wire::answer_bytes(&self.shape, self.job.tokens, self.job.range.count.into())
    }
}

/// The positions that activations take after the first `used`, or why they cannot.
fn range(
    shape: &Shape,
    activations: &[i8],
    (used, tokens): (usize, Tokens),
    expires: Instant,
) -> Result<Range> {
    let width = shape.inputs as usize;
    let count = activations.len() / width;
    if count == 0 || !activations.len().is_multiple_of(width) || activations.contains(&i8::MIN) {
        return Err(Error::Prompt(format!(
            "{} activations; each position takes {width}, from -{INT8_MAX} to {INT8_MAX}",
            activations.len()
        )));
    }
    let left = tokens.count() - used;
    if count > left {
        return Err(Error::Batch(format!(
            "{left} positions left, {count} asked for; prepare another batch"
        )));
    }
    if Instant::now() >= expires {
        return Err(Error::Batch("it expired; prepare another".into()));
    }
    // Both are at most the ring's degree.
    Ok(Range {
        first: used as u16,
        count: count as u16,
    })
}

/// Activations under the masks of their positions and fresh errors.
fn encrypt(shape: &Shape, job: &Job, phases: &[Vec<u64>], activations: &[i8]) -> Result<Vec<u64>> {
    let mut errors = secret_generator()?;
    let (ring, stride, scale) = (body_ring(), job.tokens.stride(), shape.scale() as i64);
    let width = shape.inputs as usize;
    let encrypt = |(at, x): (usize, &i8)| {
        let (position, input) = (usize::from(job.range.first) + at / width, at % width);
        let phase = phases[input / stride][position * stride + input % stride];
        ring.add(phase, ring.residue(i64::from(*x) * scale + error(&mut errors)))
    };
    Ok(activations.iter().enumerate().map(encrypt).collect())
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
        let range = range(&self.shape, activations, (self.used, self.tokens), self.expires)?;
        let (first, count) = (self.used, usize::from(range.count));
        let job = Job {
            tokens: self.tokens,
            batch: self.batch,
            range,
        };
        self.used += count;
        let residues = encrypt(&self.shape, &job, &self.phases, activations)?;
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
        Ok(phases.map(|phase| nearest(phase, scale)).collect())
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

fn nearest(phase: i64, scale: i64) -> i64 {
    (phase + scale / 2).div_euclid(scale)
}

fn phase(product: u64, pad: u64) -> i64 {
    centred(body_ring().sub(product, pad), MODULUS)
}
