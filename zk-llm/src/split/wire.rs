//! Encodings that client and miner exchange in split mode.
//!
//! Little-endian throughout. Header, 16 bytes: `"ZKLS"`, version (1), kind, parameter set, the batch's slots (their binary
//! logarithm, and the highest bit if each has two positions), inputs (4), outputs (4). Then, by kind:
//!
//! | kind | content |
//! |---|---|
//! | 1 packing key | seed (32), bodies of 31 bits a residue; no slots, inputs or outputs |
//! | 2 request | packing key's id (16), seed (32) |
//! | 3 hint | batch id (16), masks, bodies |
//! | 4 bodies | batch id (16), first position (2), positions (2), a number for each slot and input |
//! | 5 products | batch id (16), first position (2), positions (2), residues of 6 bytes |
//! | 6 answer | batch id (16), first position (2), positions (2), masks, bodies |
//!
//! Numbers, masks and bodies of kinds 3, 4 and 6 are rounded to as few bits as the matrix allows (`Widths`), and stand
//! one after another, lowest bits first; each kind begins with a byte of its own, and bits left over are zero.
//!
//! Every length follows from what the reader knows before it reads, and every residue has one encoding.

use sha2::{Digest, Sha256};

use super::bits;
use super::join;
use super::pack::{PackingKey, PACKING_BODIES};
use super::params::{
    Shape, Tokens, Widths, KEY_PRIMES, MODULUS, MOST_PAIRED_BITS, PARAMETER_SET, RING_DEGREE, RING_MODULUS,
    RING_PRIMES,
};
use super::ring::{Rescale, Wide};
use super::sample::{Seed, SEED};
use crate::error::{Error, Result};

const MAGIC: [u8; 4] = *b"ZKLS";
const VERSION: u8 = 3;
const KEY: u8 = 1;
const REQUEST: u8 = 2;
const HINT: u8 = 3;
const BODIES: u8 = 4;
const PRODUCTS: u8 = 5;
const ANSWER: u8 = 6;
const HEADER: usize = 16;
const ID: usize = 16;
const RANGE: usize = 4;
const RESIDUE_BYTES: usize = 6;
/// Bits of a residue in a packing key.
const KEY_BITS: u32 = 31;
/// Residues of a packing key.
const KEY_RESIDUES: usize = (PACKING_BODIES + join::BODIES) * KEY_PRIMES * RING_DEGREE;

/// Exact size of a packing key, in bytes.
pub const PACKING_KEY_BYTES: u64 = (HEADER + SEED + bits::bytes(KEY_RESIDUES, KEY_BITS)) as u64;
/// Exact size of a request, in bytes.
pub const REQUEST_BYTES: u64 = (HEADER + ID + SEED) as u64;

/// What a digest names: a packing key, or the batch that a request opened.
pub(super) type Id = [u8; ID];

/// The first half of SHA-256.
pub(super) fn id(bytes: &[u8]) -> Id {
    let mut id = [0; ID];
    id.copy_from_slice(&Sha256::digest(bytes)[..ID]);
    id
}

/// Consecutive positions of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub first: u16,
    pub count: u16,
}

/// What a hint or an answer holds, modulo `q`: shared masks, and the wanted coefficients of the bodies, slot by slot.
pub(super) struct Packed {
    pub masks: Vec<Vec<u64>>,
    pub bodies: Vec<u64>,
}

/// Exact size of the hint to a request, in bytes.
pub fn hint_bytes(shape: &Shape, tokens: Tokens) -> u64 {
    (HEADER + ID) as u64 + packed_bytes(shape, tokens, tokens.slots())
}

/// Exact size of the bodies of `positions` positions of a batch of `tokens`, in bytes.
pub fn bodies_bytes(shape: &Shape, tokens: Tokens, positions: usize) -> u64 {
    let numbers = shape.inputs as usize * tokens.slots_of(positions);
    (HEADER + ID + RANGE + bits::bytes(numbers, shape.widths(tokens).body)) as u64
}

/// Size of the largest bodies for a matrix, in bytes.
pub fn most_bodies_bytes(shape: &Shape) -> u64 {
    (HEADER + ID + RANGE) as u64
        + u64::from(shape.inputs) * RING_DEGREE as u64 * u64::from(MOST_PAIRED_BITS) / 8
}

/// Exact size of the products of `positions` positions, in bytes.
pub fn products_bytes(shape: &Shape, positions: usize) -> u64 {
    (HEADER + ID + RANGE) as u64 + u64::from(shape.outputs) * positions as u64 * RESIDUE_BYTES as u64
}

/// Exact size of the answer to the bodies of `positions` positions of a batch of `tokens`, in bytes.
pub fn answer_bytes(shape: &Shape, tokens: Tokens, positions: usize) -> u64 {
    (HEADER + ID + RANGE) as u64 + packed_bytes(shape, tokens, tokens.slots_of(positions))
}

fn packed_bytes(shape: &Shape, tokens: Tokens, slots: usize) -> u64 {
    let widths = shape.widths(tokens);
    let masks = bits::bytes(tokens.masks(shape.outputs) * RING_DEGREE, widths.mask);
    let bodies = bits::bytes(shape.outputs as usize * slots, widths.pad);
    (masks + bodies) as u64
}

/// Packing key: bodies, one ring element for each level or ciphertext, digit and secret; of each its residues modulo one
/// prime after another.
pub(super) fn encode_key(seed: &Seed, bodies: &[Wide]) -> Vec<u8> {
    let mut bytes = header(KEY, 0, 0, 0);
    bytes.extend(seed);
    let residues = bodies.iter().flatten().flatten().map(|x| u64::from(*x));
    bits::put(&mut bytes, residues, KEY_BITS);
    bytes
}

/// # Errors
/// [`Error::Size`] or [`Error::Key`].
pub(super) fn decode_key(bytes: &[u8]) -> Result<(Seed, Vec<Wide>)> {
    check_size("packing key", bytes, PACKING_KEY_BYTES)?;
    let malformed = || Error::Key("not a packing key of this version and parameter set".into());
    let rest = bytes
        .strip_prefix(header(KEY, 0, 0, 0).as_slice())
        .ok_or_else(malformed)?;
    let (seed, rest) = rest.split_first_chunk::<SEED>().ok_or_else(malformed)?;
    let residues = bits::get(rest, KEY_RESIDUES, KEY_BITS).ok_or_else(malformed)?;
    let body = |residues: &[u64]| -> Wide {
        let modulo = |at: usize| {
            residues[at * RING_DEGREE..][..RING_DEGREE]
                .iter()
                .map(|x| *x as u32)
        };
        std::array::from_fn(|at| modulo(at).collect())
    };
    let bodies: Vec<Wide> = residues
        .chunks_exact(KEY_PRIMES * RING_DEGREE)
        .map(body)
        .collect();
    let canonical = |(residues, prime): (&Vec<u32>, u32)| residues.iter().all(|x| *x < prime);
    let all = bodies
        .iter()
        .all(|body| body.iter().zip(RING_PRIMES).all(canonical));
    all.then_some((*seed, bodies)).ok_or_else(malformed)
}

pub(super) fn encode_request(shape: &Shape, tokens: Tokens, key: &Id, seed: &Seed) -> Vec<u8> {
    let mut bytes = matrix_header(REQUEST, shape, tokens);
    bytes.extend(key);
    bytes.extend(seed);
    bytes
}

/// # Errors
/// [`Error::Size`] or [`Error::Ciphertext`], also if the request is for another key or matrix.
pub(super) fn decode_request(bytes: &[u8], shape: &Shape, key: &Id) -> Result<(Tokens, Seed)> {
    check_size("request", bytes, REQUEST_BYTES)?;
    let tokens = tokens_of(bytes)?;
    let rest = strip(bytes, &matrix_header(REQUEST, shape, tokens))?;
    let seed = rest
        .strip_prefix(key.as_slice())
        .and_then(|seed| Seed::try_from(seed).ok());
    let seed = seed.ok_or_else(|| Error::Ciphertext("the request is for another packing key".into()))?;
    Ok((tokens, seed))
}

pub(super) fn encode_hint(shape: &Shape, tokens: Tokens, batch: &Id, packed: &Packed) -> Vec<u8> {
    let mut bytes = matrix_header(HINT, shape, tokens);
    bytes.extend(batch);
    put_packed(&mut bytes, shape.widths(tokens), packed);
    bytes
}

/// # Errors
/// [`Error::Size`] or [`Error::Ciphertext`], also if the hint is of another batch.
pub(super) fn decode_hint(bytes: &[u8], shape: &Shape, tokens: Tokens, batch: &Id) -> Result<Packed> {
    check_size("hint", bytes, hint_bytes(shape, tokens))?;
    let rest = strip_batch(bytes, &matrix_header(HINT, shape, tokens), batch)?;
    get_packed(rest, shape, tokens, tokens.slots())
}

pub(super) fn encode_answer(shape: &Shape, job: &Job, packed: &Packed) -> Vec<u8> {
    let mut bytes = job_header(ANSWER, shape, job);
    put_packed(&mut bytes, shape.widths(job.tokens), packed);
    bytes
}

/// # Errors
/// [`Error::Size`] or [`Error::Ciphertext`], also if the answer is of another job.
pub(super) fn decode_answer(bytes: &[u8], shape: &Shape, job: &Job) -> Result<Packed> {
    let positions = usize::from(job.range.count);
    check_size("answer", bytes, answer_bytes(shape, job.tokens, positions))?;
    let rest = strip(bytes, &job_header(ANSWER, shape, job))?;
    get_packed(rest, shape, job.tokens, job.tokens.slots_of(positions))
}

fn put_packed(bytes: &mut Vec<u8>, widths: Widths, packed: &Packed) {
    let masks = packed.masks.iter().flatten().copied();
    put_rounded(bytes, masks, widths.mask);
    put_rounded(bytes, packed.bodies.iter().copied(), widths.pad);
}

fn get_packed(bytes: &[u8], shape: &Shape, tokens: Tokens, slots: usize) -> Result<Packed> {
    let widths = shape.widths(tokens);
    let masks = tokens.masks(shape.outputs) * RING_DEGREE;
    let (head, rest) = bytes
        .split_at_checked(bits::bytes(masks, widths.mask))
        .ok_or_else(malformed)?;
    let masks = get_rounded(head, masks, RING_MODULUS, widths.mask)?;
    let bodies = shape.outputs as usize * slots;
    Ok(Packed {
        masks: masks.chunks_exact(RING_DEGREE).map(<[u64]>::to_vec).collect(),
        bodies: get_rounded(rest, bodies, RING_MODULUS, widths.pad)?,
    })
}

/// Rounds residues modulo `q` to `width` bits.
fn put_rounded(bytes: &mut Vec<u8>, residues: impl Iterator<Item = u64>, width: u32) {
    let rescale = Rescale::new(RING_MODULUS, 1 << width);
    bits::put(bytes, residues.map(|x| rescale.apply(x)), width);
}

/// The residues that `count` numbers of `width` bits stand for.
fn get_rounded(bytes: &[u8], count: usize, modulus: u64, width: u32) -> Result<Vec<u64>> {
    let rescale = Rescale::new(1 << width, modulus);
    let numbers = bits::get(bytes, count, width).ok_or_else(malformed)?;
    Ok(numbers.into_iter().map(|x| rescale.apply(x)).collect())
}

/// What bodies and products say of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub tokens: Tokens,
    pub batch: Id,
    pub range: Range,
}

pub(super) fn encode_bodies(shape: &Shape, job: &Job, residues: &[u64]) -> Vec<u8> {
    let mut bytes = job_header(BODIES, shape, job);
    let width = shape.widths(job.tokens).body;
    put_rounded(&mut bytes, residues.iter().copied(), width);
    bytes
}

pub(super) fn encode_products(shape: &Shape, job: &Job, residues: &[u64]) -> Vec<u8> {
    let mut bytes = job_header(PRODUCTS, shape, job);
    bytes.reserve(residues.len() * RESIDUE_BYTES);
    residues.iter().for_each(|x| put(&mut bytes, *x, RESIDUE_BYTES));
    bytes
}

fn job_header(kind: u8, shape: &Shape, job: &Job) -> Vec<u8> {
    let mut bytes = matrix_header(kind, shape, job.tokens);
    bytes.extend(job.batch);
    bytes.extend(job.range.first.to_le_bytes());
    bytes.extend(job.range.count.to_le_bytes());
    bytes
}

/// Bodies for a matrix, of any batch, slot by slot, modulo the prime of its products.
///
/// # Errors
/// [`Error::Size`] or [`Error::Ciphertext`].
pub(super) fn decode_bodies(bytes: &[u8], shape: &Shape) -> Result<(Job, Vec<u64>)> {
    let job = decode_job(bytes, shape)?;
    let count = shape.inputs as usize * job.tokens.slots_of(job.range.count.into());
    let width = shape.widths(job.tokens).body;
    let modulus = job.tokens.product_modulus();
    let residues = get_rounded(&bytes[HEADER + ID + RANGE..], count, modulus, width)?;
    Ok((job, residues))
}

/// As [`decode_bodies`], of positions that each have a slot: a prompt's pairs have no products of their own.
///
/// # Errors
/// As [`decode_bodies`], also if slots have two positions.
pub(super) fn decode_online(bytes: &[u8], shape: &Shape) -> Result<(Job, Vec<u64>)> {
    let (job, residues) = decode_bodies(bytes, shape)?;
    match job.tokens.paired() {
        true => Err(Error::Ciphertext(
            "a prompt's bodies are answered with their request".into(),
        )),
        false => Ok((job, residues)),
    }
}

/// What bodies for a matrix say of themselves; their residues are not looked at.
fn decode_job(bytes: &[u8], shape: &Shape) -> Result<Job> {
    let what = "bodies";
    let most = most_bodies_bytes(shape);
    let (Some(head), true) = (bytes.get(..HEADER + ID + RANGE), bytes.len() as u64 <= most) else {
        return Err(size(what, bytes, most));
    };
    let tokens = tokens_of(bytes)?;
    let (batch, range) = strip(head, &matrix_header(BODIES, shape, tokens))?
        .split_first_chunk::<ID>()
        .ok_or_else(malformed)?;
    let [a, b, c, d] = <[u8; RANGE]>::try_from(range).map_err(|_| malformed())?;
    let range = Range {
        first: u16::from_le_bytes([a, b]),
        count: u16::from_le_bytes([c, d]),
    };
    let end = usize::from(range.first) + usize::from(range.count);
    if range.count == 0 || end > tokens.count() {
        return Err(Error::Ciphertext("its positions are not of its batch".into()));
    }
    check_size(what, bytes, bodies_bytes(shape, tokens, usize::from(range.count)))?;
    Ok(Job {
        tokens,
        batch: *batch,
        range,
    })
}

/// Which batch's positions a miner is asked to multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positions {
    /// The batch, as [`batch`] names it.
    pub batch: [u8; ID],
    /// Its size.
    pub tokens: Tokens,
    /// First position.
    pub first: usize,
    /// Positions, at least one; all are of the batch.
    pub count: usize,
}

impl Positions {
    /// Reads the header of bodies, which have the exact length for `shape` then. Residues are checked by
    /// [`super::product`].
    ///
    /// # Errors
    /// [`Error::Size`] or [`Error::Ciphertext`] if the bytes are not bodies for such a matrix.
    pub fn of_bodies(bytes: &[u8], shape: &Shape) -> Result<Self> {
        let job = decode_job(bytes, shape)?;
        Ok(Self {
            batch: job.batch,
            tokens: job.tokens,
            first: job.range.first.into(),
            count: job.range.count.into(),
        })
    }
}

/// The batch that a request opens, and its positions.
///
/// # Errors
/// [`Error::Size`] or [`Error::Ciphertext`] if the bytes are no request for such a matrix under the key.
pub fn batch(request: &[u8], shape: &Shape, key: &PackingKey) -> Result<([u8; ID], Tokens)> {
    let (tokens, _) = decode_request(request, shape, key.id())?;
    Ok((id(request), tokens))
}

/// The products of a job.
///
/// # Errors
/// [`Error::Size`] or [`Error::Ciphertext`], also if the products are of another job.
pub(super) fn decode_products(bytes: &[u8], shape: &Shape, job: &Job) -> Result<Vec<u64>> {
    check_size(
        "products",
        bytes,
        products_bytes(shape, usize::from(job.range.count)),
    )?;
    let residues = strip(bytes, &job_header(PRODUCTS, shape, job))?;
    get(residues, RESIDUE_BYTES, MODULUS).ok_or_else(malformed)
}

fn header(kind: u8, tokens: u8, inputs: u32, outputs: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend([VERSION, kind, PARAMETER_SET, tokens]);
    bytes.extend(inputs.to_le_bytes());
    bytes.extend(outputs.to_le_bytes());
    bytes
}

fn matrix_header(kind: u8, shape: &Shape, tokens: Tokens) -> Vec<u8> {
    header(kind, tokens.code(), shape.inputs, shape.outputs)
}

/// The positions that a header claims.
fn tokens_of(bytes: &[u8]) -> Result<Tokens> {
    bytes
        .get(7)
        .and_then(|code| Tokens::from_code(*code))
        .ok_or_else(malformed)
}

fn strip<'b>(bytes: &'b [u8], expected: &[u8]) -> Result<&'b [u8]> {
    bytes.strip_prefix(expected).ok_or_else(malformed)
}

fn strip_batch<'b>(bytes: &'b [u8], header: &[u8], batch: &Id) -> Result<&'b [u8]> {
    strip(bytes, header)?
        .strip_prefix(batch.as_slice())
        .ok_or_else(|| Error::Ciphertext("it is of another batch".into()))
}

fn check_size(what: &'static str, bytes: &[u8], expected: u64) -> Result<()> {
    match bytes.len() as u64 == expected {
        true => Ok(()),
        false => Err(size(what, bytes, expected)),
    }
}

fn size(what: &'static str, bytes: &[u8], expected: u64) -> Error {
    Error::Size {
        what,
        got: bytes.len() as u64,
        expected,
    }
}

fn malformed() -> Error {
    Error::Ciphertext("it is not of this matrix, parameter set, batch and version".into())
}

fn put(bytes: &mut Vec<u8>, x: u64, width: usize) {
    bytes.extend_from_slice(&x.to_le_bytes()[..width]);
}

/// Integers of `width` bytes; nothing if one is not below `modulus`.
fn get(bytes: &[u8], width: usize, modulus: u64) -> Option<Vec<u64>> {
    let integer = |bytes: &[u8]| {
        let mut buffer = [0; 8];
        buffer[..width].copy_from_slice(bytes);
        u64::from_le_bytes(buffer)
    };
    let integers: Vec<u64> = bytes.chunks_exact(width).map(integer).collect();
    integers.iter().all(|x| *x < modulus).then_some(integers)
}
