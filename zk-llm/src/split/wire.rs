//! Encodings that client and miner exchange in split mode.
//!
//! Little-endian throughout. Header, 16 bytes: `"ZKLS"`, version (1), kind, parameter set, binary
//! logarithm of the batch's positions, inputs (4), outputs (4). Then, by kind:
//!
//! | kind | content |
//! |---|---|
//! | 1 packing key | seed (32), bodies of 7 bytes; no positions, inputs or outputs |
//! | 2 request | packing key's id (16), seed (32) |
//! | 3 hint | batch id (16), masks of 5 bytes, bodies of 4 bytes |
//! | 4 bodies | batch id (16), first position (2), positions (2), residues of 6 bytes |
//! | 5 products | as bodies |
//!
//! Every length follows from what the reader knows before it reads, and every residue has one encoding.

use sha2::{Digest, Sha256};

use super::pack::PackingKey;
use super::params::{
    Shape, Tokens, GADGET_LEVELS, HINT_BODY_BITS, HINT_MASK_BITS, MODULUS, PACKING_LEVELS, PACKING_MODULUS,
    PARAMETER_SET, RING_DEGREE,
};
use super::sample::{Seed, SEED};
use crate::error::{Error, Result};

const MAGIC: [u8; 4] = *b"ZKLS";
const VERSION: u8 = 1;
const KEY: u8 = 1;
const REQUEST: u8 = 2;
const HINT: u8 = 3;
const BODIES: u8 = 4;
const PRODUCTS: u8 = 5;
const HEADER: usize = 16;
const ID: usize = 16;
const RANGE: usize = 4;
const RESIDUE_BYTES: usize = 6;
const KEY_BODY_BYTES: usize = 7;
const HINT_MASK_BYTES: usize = HINT_MASK_BITS as usize / 8;
const HINT_BODY_BYTES: usize = HINT_BODY_BITS as usize / 8;

/// Exact size of a packing key, in bytes.
pub const PACKING_KEY_BYTES: u64 =
    (HEADER + SEED + PACKING_LEVELS * GADGET_LEVELS * RING_DEGREE * KEY_BODY_BYTES) as u64;
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

/// Exact size of the hint to a request, in bytes.
pub fn hint_bytes(shape: &Shape, tokens: Tokens) -> u64 {
    let masks = tokens.rings(shape.outputs) * RING_DEGREE * HINT_MASK_BYTES;
    let bodies = shape.outputs as usize * tokens.count() * HINT_BODY_BYTES;
    (HEADER + ID + masks + bodies) as u64
}

/// Exact size of the bodies of `positions` positions, in bytes.
pub fn bodies_bytes(shape: &Shape, positions: usize) -> u64 {
    residues_bytes(shape.inputs, positions)
}

/// Exact size of the products of `positions` positions, in bytes.
pub fn products_bytes(shape: &Shape, positions: usize) -> u64 {
    residues_bytes(shape.outputs, positions)
}

fn residues_bytes(width: u32, positions: usize) -> u64 {
    (HEADER + ID + RANGE) as u64 + u64::from(width) * positions as u64 * RESIDUE_BYTES as u64
}

/// Packing key: bodies modulo the packing modulus, one ring element for each level and digit.
pub(super) fn encode_key(seed: &Seed, bodies: &[Vec<u64>]) -> Vec<u8> {
    let mut bytes = header(KEY, 0, 0, 0);
    bytes.extend(seed);
    bodies
        .iter()
        .flatten()
        .for_each(|x| put(&mut bytes, *x, KEY_BODY_BYTES));
    bytes
}

/// # Errors
/// [`Error::Size`] or [`Error::Key`].
pub(super) fn decode_key(bytes: &[u8]) -> Result<(Seed, Vec<Vec<u64>>)> {
    check_size("packing key", bytes, PACKING_KEY_BYTES)?;
    let malformed = || Error::Key("not a packing key of this version and parameter set".into());
    let rest = bytes
        .strip_prefix(header(KEY, 0, 0, 0).as_slice())
        .ok_or_else(malformed)?;
    let (seed, rest) = rest.split_first_chunk::<SEED>().ok_or_else(malformed)?;
    let bodies = get(rest, KEY_BODY_BYTES, PACKING_MODULUS).ok_or_else(malformed)?;
    Ok((
        *seed,
        bodies.chunks_exact(RING_DEGREE).map(<[u64]>::to_vec).collect(),
    ))
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

/// Hint: masks of all ring elements, then bodies, position by position.
pub(super) fn encode_hint(
    shape: &Shape,
    tokens: Tokens,
    batch: &Id,
    masks: &[Vec<u64>],
    bodies: &[u64],
) -> Vec<u8> {
    let mut bytes = matrix_header(HINT, shape, tokens);
    bytes.reserve(hint_bytes(shape, tokens) as usize);
    bytes.extend(batch);
    masks
        .iter()
        .flatten()
        .for_each(|x| put(&mut bytes, *x, HINT_MASK_BYTES));
    bodies.iter().for_each(|x| put(&mut bytes, *x, HINT_BODY_BYTES));
    bytes
}

/// # Errors
/// [`Error::Size`] or [`Error::Ciphertext`], also if the hint is of another batch.
pub(super) fn decode_hint(
    bytes: &[u8],
    shape: &Shape,
    tokens: Tokens,
    batch: &Id,
) -> Result<(Vec<u64>, Vec<u64>)> {
    check_size("hint", bytes, hint_bytes(shape, tokens))?;
    let rest = strip_batch(bytes, &matrix_header(HINT, shape, tokens), batch)?;
    let (masks, bodies) = rest
        .split_at_checked(tokens.rings(shape.outputs) * RING_DEGREE * HINT_MASK_BYTES)
        .ok_or_else(malformed)?;
    let masks = get(masks, HINT_MASK_BYTES, 1 << HINT_MASK_BITS).ok_or_else(malformed)?;
    let bodies = get(bodies, HINT_BODY_BYTES, 1 << HINT_BODY_BITS).ok_or_else(malformed)?;
    Ok((masks, bodies))
}

/// What bodies and products say of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub tokens: Tokens,
    pub batch: Id,
    pub range: Range,
}

pub(super) fn encode_bodies(shape: &Shape, job: &Job, residues: &[u64]) -> Vec<u8> {
    encode_residues(BODIES, shape, job, residues)
}

pub(super) fn encode_products(shape: &Shape, job: &Job, residues: &[u64]) -> Vec<u8> {
    encode_residues(PRODUCTS, shape, job, residues)
}

fn encode_residues(kind: u8, shape: &Shape, job: &Job, residues: &[u64]) -> Vec<u8> {
    let mut bytes = matrix_header(kind, shape, job.tokens);
    bytes.reserve(ID + RANGE + residues.len() * RESIDUE_BYTES);
    bytes.extend(job.batch);
    bytes.extend(job.range.first.to_le_bytes());
    bytes.extend(job.range.count.to_le_bytes());
    residues.iter().for_each(|x| put(&mut bytes, *x, RESIDUE_BYTES));
    bytes
}

/// Bodies for a matrix, of any batch.
///
/// # Errors
/// [`Error::Size`] or [`Error::Ciphertext`].
pub(super) fn decode_bodies(bytes: &[u8], shape: &Shape) -> Result<(Job, Vec<u64>)> {
    let job = decode_job(bytes, shape)?;
    let residues = get(&bytes[HEADER + ID + RANGE..], RESIDUE_BYTES, MODULUS).ok_or_else(malformed)?;
    Ok((job, residues))
}

/// What bodies for a matrix say of themselves; their residues are not looked at.
fn decode_job(bytes: &[u8], shape: &Shape) -> Result<Job> {
    let what = "bodies";
    let most = bodies_bytes(shape, RING_DEGREE);
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
    check_size(what, bytes, bodies_bytes(shape, usize::from(range.count)))?;
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
    let expected = encode_products(shape, job, &[]);
    let residues = strip(bytes, &expected)?;
    get(residues, RESIDUE_BYTES, MODULUS).ok_or_else(malformed)
}

fn header(kind: u8, log_tokens: u8, inputs: u32, outputs: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend([VERSION, kind, PARAMETER_SET, log_tokens]);
    bytes.extend(inputs.to_le_bytes());
    bytes.extend(outputs.to_le_bytes());
    bytes
}

fn matrix_header(kind: u8, shape: &Shape, tokens: Tokens) -> Vec<u8> {
    header(kind, tokens.count().ilog2() as u8, shape.inputs, shape.outputs)
}

/// The positions that a header claims.
fn tokens_of(bytes: &[u8]) -> Result<Tokens> {
    let log = bytes.get(7).copied().ok_or_else(malformed)?;
    let count = 1usize.checked_shl(log.into()).ok_or_else(malformed)?;
    Tokens::new(count).map_err(|_| malformed())
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
