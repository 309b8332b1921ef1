//! The client's side: a key for a session, batches of one-time masks, encryption and decryption.
//!
//! A (key, seed) pair encrypts once (SPEC F.4-1), by construction: seeds are drawn inside
//! [`SecretKey::prepare`] from the operating system, no function takes one, and a [`Batch`] can be neither
//! copied nor stored and hands out each of its positions once. A client that starts anew prepares anew; a
//! retry resends the bytes it has.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::matrix::squares;
use super::pack;
use super::params::{Shape, Tokens, INT8_MAX, JOINED, MODULUS, RING_MODULUS};
use super::ring::{compose, decompose, product, small_forward, Body, Rescale};
use super::sample::{error, mask, os_seed, secret_generator, ternary};
use super::wire::{self, Id, Job, Packed, Range};
use crate::error::{Error, Result};
use crate::modular::{add, centred, residue, sub};

/// How long a batch can be used (SPEC F.4-1).
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A client's secret key for one session with one miner. It never leaves the client, and nothing prints it.
pub struct SecretKey {
    /// In the domain of products.
    body: Body,
    /// Those of joined ciphertexts, in the domain of products.
    joined: Vec<Body>,
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
        let packing_key = pack::packing_key(&secret, &joined, &os_seed()?, &mut secret_generator()?);
        Ok(Self {
            body: small_forward(&secret),
            joined: joined.iter().map(|secret| small_forward(secret)).collect(),
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
        let ring = |index| compose(&product(&mask(&seed, index), &self.body));
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
    /// [`Error::Size`] or [`Error::Ciphertext`] if the bytes are not the hint of this batch; [`Error::Batch`] if it is a
    /// prompt's, which is answered instead.
    pub fn complete(&self, pending: Pending, hint: &[u8]) -> Result<Batch> {
        if pending.tokens.paired() {
            return Err(Error::Batch("a prompt's batch has no hint: seal it".into()));
        }
        let packed = wire::decode_hint(hint, &pending.shape, pending.tokens, &pending.batch)?;
        let lower = Rescale::new(RING_MODULUS, MODULUS);
        let pads = self.phases(&pending.shape, pending.tokens, &packed);
        Ok(Batch {
            pads: pads.map(|pad| lower.apply(pad)).collect(),
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
        let (shape, tokens) = (&sealed.shape, sealed.job.tokens);
        let packed = wire::decode_answer(answer, shape, &sealed.job)?;
        let outputs = shape.outputs as usize;
        let (positions, nearest) = (
            usize::from(sealed.job.range.count),
            Nearest::new(RING_MODULUS, shape.scale(tokens)),
        );
        let (bound, each) = (shape.bound() as i64, shape.values() as i64);
        let mut values = vec![0; positions.next_multiple_of(tokens.per_slot()) * outputs];
        for (at, pad) in self.phases(shape, tokens, &packed).enumerate() {
            // A pad holds what must be taken away.
            let mut rest = nearest.number(sub(0, pad, RING_MODULUS));
            let (slot, output) = (at / outputs, at % outputs);
            for within in 0..tokens.per_slot() {
                let value = least(rest, bound, each);
                values[(slot * tokens.per_slot() + within) * outputs + output] = value;
                rest = (rest - value) / each;
            }
        }
        values.truncate(positions * outputs);
        Ok(values)
    }

    /// Distance of each decrypted phase of a prompt's answer from that of the clear products.
    #[cfg(test)]
    pub(super) fn noise(&self, sealed: &Sealed, answer: &[u8], clear: &[i64]) -> Vec<f64> {
        let (shape, tokens) = (&sealed.shape, sealed.job.tokens);
        let packed = wire::decode_answer(answer, shape, &sealed.job).unwrap();
        let outputs = shape.outputs as usize;
        let slots = clear.chunks(tokens.per_slot() * outputs);
        let numbers = slots.flat_map(|slot| {
            let number = move |at| {
                let positions = (0..tokens.per_slot())
                    .rev()
                    .map(move |position| slot[position * outputs + at]);
                positions.fold(0, |number, value| number * shape.values() as i64 + value)
            };
            (0..outputs).map(number)
        });
        let scale = i128::from(shape.scale(tokens));
        let phases = self.phases(shape, tokens, &packed).zip(numbers);
        let noise = phases.map(|(pad, number)| {
            let phase = i128::from(centred(sub(0, pad, RING_MODULUS), RING_MODULUS));
            (phase - i128::from(number) * scale) as f64
        });
        noise.collect()
    }

    /// Phases of the values of a hint or an answer, modulo `q`, slot by slot.
    fn phases<'a>(
        &self,
        shape: &'a Shape,
        tokens: Tokens,
        packed: &'a Packed,
    ) -> impl Iterator<Item = u64> + 'a {
        let masks: Vec<Body> = packed.masks.par_iter().map(|mask| decompose(mask)).collect();
        let element = |at: usize| compose(&product(&masks[at / JOINED], &self.joined[at % JOINED]));
        let rings = 0..tokens.rings(shape.outputs);
        let products: Vec<Vec<u64>> = rings.into_par_iter().map(element).collect();
        let outputs = shape.outputs as usize;
        packed.bodies.iter().enumerate().map(move |(at, body)| {
            let (ring, coefficient) = tokens.place(shape.outputs, at / outputs, at % outputs);
            sub(*body, products[ring][coefficient], RING_MODULUS)
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
        let bodies = encrypt(&self.shape, &job, &self.phases, activations)?;
        let sealed = Sealed {
            shape: self.shape,
            job,
        };
        Ok((wire::encode_bodies(&self.shape, &job, &bodies), sealed))
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
    // The one refusal that looks at activations: those that [`crate::import::quantise_rows`] makes are never too long.
    if activations
        .chunks_exact(width)
        .any(|x| squares(x) > shape.input_squares)
    {
        return Err(Error::Prompt(format!(
            "activations whose squares sum to more than {}; quantise them with larger steps",
            shape.input_squares
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
    // Both are at most twice the ring's degree.
    Ok(Range {
        first: used as u16,
        count: count as u16,
    })
}

/// Activations under the masks of their slots and fresh errors, modulo `q`.
fn encrypt(shape: &Shape, job: &Job, phases: &[Vec<u64>], activations: &[i8]) -> Result<Vec<u64>> {
    let mut errors = secret_generator()?;
    let (tokens, width) = (job.tokens, shape.inputs as usize);
    let (stride, values, scale) = (tokens.stride(), shape.values() as i64, shape.scale(tokens) as i64);
    let first = usize::from(job.range.first);
    let mut bodies = Vec::with_capacity(tokens.slots_of(job.range.count.into()) * width);
    for (at, positions) in activations.chunks(tokens.per_slot() * width).enumerate() {
        for input in 0..width {
            // The last slot of a prompt may have one position alone.
            let later = positions.get(width + input).map_or(0, |x| i64::from(*x) * values);
            let phase = phases[input / stride][(first + at) * stride + input % stride];
            let plain = (i64::from(positions[input]) + later) * scale + error(&mut errors);
            bodies.push(add(phase, residue(plain, RING_MODULUS), RING_MODULUS));
        }
    }
    Ok(bodies)
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
    /// [`Error::Prompt`] if the activations are no whole number of positions, one is -128, or a position's squares sum to
    /// more than [`Shape::input_squares`];
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
        let bodies = encrypt(&self.shape, &job, &self.phases, activations)?;
        let outputs = self.shape.outputs as usize;
        let opening = Opening {
            shape: self.shape,
            job,
            pads: self.pads[first * outputs..(first + count) * outputs].to_vec(),
        };
        Ok((wire::encode_bodies(&self.shape, &job, &bodies), opening))
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
        let nearest = Nearest::new(MODULUS, self.shape.scale(self.job.tokens));
        Ok(self
            .phases(products)?
            .map(|phase| nearest.number(phase))
            .collect())
    }

    /// Phases of products, modulo their prime.
    fn phases(&self, products: &[u8]) -> Result<impl Iterator<Item = u64> + '_> {
        let residues = wire::decode_products(products, &self.shape, &self.job)?.into_iter();
        Ok(residues.zip(&self.pads).map(|(x, pad)| sub(x, *pad, MODULUS)))
    }

    /// Distance of each decrypted phase from the clear product's.
    #[cfg(test)]
    pub(super) fn noise(&self, products: &[u8], clear: &[i64]) -> Vec<f64> {
        let scale = self.shape.scale(self.job.tokens) as f64;
        let step = scale * MODULUS as f64 / RING_MODULUS as f64;
        let phases = self.phases(products).unwrap().zip(clear);
        phases
            .map(|(phase, clear)| centred(phase, MODULUS) as f64 - *clear as f64 * step)
            .collect()
    }
}

/// The number that a phase stands for: `phase / scale` to the nearest, the phase being modulo `modulus` and the scale modulo
/// `q`. In fixed point, off by far less than noise is.
struct Nearest {
    modulus: u64,
    factor: u128,
    shift: u32,
}

impl Nearest {
    /// For a scale that is not 0, as those are that decrypt.
    fn new(modulus: u64, scale: u64) -> Self {
        // About 64 bits of q over the modulus, then of that over the scale.
        let shift = 64 + modulus.ilog2() - RING_MODULUS.ilog2();
        let moduli = (u128::from(RING_MODULUS) << shift) / u128::from(modulus);
        Self {
            modulus,
            factor: (moduli << scale.ilog2()) / u128::from(scale),
            shift: shift + scale.ilog2(),
        }
    }

    fn number(&self, phase: u64) -> i64 {
        let phase = centred(phase, self.modulus);
        let product = u128::from(phase.unsigned_abs()) * self.factor;
        let magnitude = ((product + (1 << (self.shift - 1))) >> self.shift) as i64;
        magnitude * phase.signum()
    }
}

/// The value of the first position of those that a number holds, each of `values` values and of magnitude `bound` at most.
fn least(number: i64, bound: i64, values: i64) -> i64 {
    (number + bound).rem_euclid(values) - bound
}
