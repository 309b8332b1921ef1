//! Encodings of the two ciphertext lists that client and miner exchange.
//!
//! Little-endian throughout. Header, 12 bytes: `"ZKLM"`, version (1), kind (1 input, 2 output),
//! parameter set, bytes a coefficient, number of ciphertexts (4 bytes). An input list goes on with a
//! 16-byte seed, from which masks are expanded, and one body a ciphertext rounded to 4 bytes. An output
//! list goes on with mask and body of each ciphertext, rounded to the interface's bytes a coefficient.
//! Every length is known before the first byte is read, so a list of any other length is refused.

use tfhe::core_crypto::commons::math::random::{CompressionSeed, Seed};
use tfhe::core_crypto::prelude::{
    CiphertextModulus, LweSize, SeededLweCiphertextList, SeededLweCiphertextListOwned,
};

use crate::compile::Interface;
use crate::error::{Error, Result};
use crate::noise::INPUT_BITS;
use crate::params::ParameterSet;

const MAGIC: [u8; 4] = *b"ZKLM";
const VERSION: u8 = 1;
const INPUT: u8 = 1;
const OUTPUT: u8 = 2;
const HEADER: usize = 12;
const SEED: usize = 16;
const INPUT_BYTES: usize = INPUT_BITS as usize / 8;

/// A text ready to encrypt. It is the secret: nothing prints its values.
#[derive(Clone, PartialEq, Eq)]
pub struct Prompt {
    /// One value for each input of the model.
    pub values: Vec<i8>,
    /// Tokens of the text, before padding.
    pub tokens: usize,
}

impl std::fmt::Debug for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prompt").finish_non_exhaustive()
    }
}

/// Exact size of an input list, in bytes.
pub fn input_bytes(interface: &Interface) -> u64 {
    (HEADER + SEED) as u64 + u64::from(interface.inputs.len) * INPUT_BYTES as u64
}

/// Exact size of an output list, in bytes.
pub fn output_bytes(interface: &Interface, set: &ParameterSet) -> u64 {
    let coefficients = interface.outputs.len() as u64 * (set.lwe_dimension() as u64 + 1);
    HEADER as u64 + coefficients * u64::from(interface.output_coefficient_bytes)
}

/// Serialises an input list, rounding its bodies.
pub(crate) fn encode_input(
    list: &SeededLweCiphertextListOwned<u64>,
    seed: Seed,
    set: &ParameterSet,
) -> Vec<u8> {
    let bodies = list.as_ref();
    let mut bytes = header(INPUT, set, INPUT_BYTES as u8, bodies.len() as u32);
    bytes.extend(seed.0.to_le_bytes());
    for body in bodies {
        put(&mut bytes, *body, INPUT_BYTES);
    }
    bytes
}

/// Parses an input list of the interface's length.
///
/// # Errors
/// [`Error::Size`] or [`Error::Ciphertext`].
pub(crate) fn decode_input(
    bytes: &[u8],
    interface: &Interface,
    set: &ParameterSet,
) -> Result<SeededLweCiphertextListOwned<u64>> {
    let count = interface.inputs.len;
    let rest = open(
        bytes,
        "input ciphertexts",
        input_bytes(interface),
        INPUT,
        set,
        INPUT_BYTES as u8,
        count,
    )?;
    let (seed, bodies) = rest.split_first_chunk::<SEED>().ok_or_else(malformed)?;
    Ok(SeededLweCiphertextList::from_container(
        bodies.chunks_exact(INPUT_BYTES).map(get).collect(),
        LweSize(set.lwe_dimension() + 1),
        CompressionSeed::from(Seed(u128::from_le_bytes(*seed))),
        CiphertextModulus::new_native(),
    ))
}

/// Serialises an output list, rounding every coefficient.
pub(crate) fn encode_output(outputs: &[Vec<u64>], interface: &Interface, set: &ParameterSet) -> Vec<u8> {
    let width = interface.output_coefficient_bytes;
    let mut bytes = header(OUTPUT, set, width, outputs.len() as u32);
    bytes.reserve(outputs.len() * (set.lwe_dimension() + 1) * usize::from(width));
    for coefficient in outputs.iter().flatten() {
        put(&mut bytes, *coefficient, usize::from(width));
    }
    bytes
}

/// Parses an output list: one ciphertext (mask, then body) for each output.
///
/// # Errors
/// [`Error::Size`] or [`Error::Ciphertext`].
pub(crate) fn decode_output(
    bytes: &[u8],
    interface: &Interface,
    set: &ParameterSet,
) -> Result<Vec<Vec<u64>>> {
    let width = interface.output_coefficient_bytes;
    let count = interface.outputs.len() as u32;
    let rest = open(
        bytes,
        "output ciphertexts",
        output_bytes(interface, set),
        OUTPUT,
        set,
        width,
        count,
    )?;
    let coefficients: Vec<u64> = rest.chunks_exact(usize::from(width)).map(get).collect();
    Ok(coefficients
        .chunks_exact(set.lwe_dimension() + 1)
        .map(<[u64]>::to_vec)
        .collect())
}

fn header(kind: u8, set: &ParameterSet, width: u8, count: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend([VERSION, kind, set.id, width]);
    bytes.extend(count.to_le_bytes());
    bytes
}

/// Checks length and header and returns what follows.
fn open<'b>(
    bytes: &'b [u8],
    what: &'static str,
    expected: u64,
    kind: u8,
    set: &ParameterSet,
    width: u8,
    count: u32,
) -> Result<&'b [u8]> {
    if bytes.len() as u64 != expected {
        return Err(Error::Size {
            what,
            got: bytes.len() as u64,
            expected,
        });
    }
    let (head, rest) = bytes.split_first_chunk::<HEADER>().ok_or_else(malformed)?;
    if head.as_slice() == header(kind, set, width, count) {
        Ok(rest)
    } else {
        Err(malformed())
    }
}

fn malformed() -> Error {
    Error::Ciphertext("its header is not that of this model, parameter set and version".into())
}

/// Appends the top `width` bytes of `x`, rounded to nearest.
fn put(bytes: &mut Vec<u8>, x: u64, width: usize) {
    let dropped = 8 * (8 - width as u32);
    let half = if dropped == 0 { 0 } else { 1u64 << (dropped - 1) };
    let rounded = x.wrapping_add(half) >> dropped;
    bytes.extend(rounded.to_le_bytes().into_iter().take(width));
}

/// The inverse of [`put`], up to the rounding.
fn get(bytes: &[u8]) -> u64 {
    let mut buffer = [0; 8];
    for (to, from) in buffer.iter_mut().skip(8 - bytes.len()).zip(bytes) {
        *to = *from;
    }
    u64::from_le_bytes(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rounding_is_to_nearest_and_wraps(x: u64, width in 1usize..=8) {
            let mut bytes = vec![];
            put(&mut bytes, x, width);
            prop_assert_eq!(bytes.len(), width);
            let error = get(&bytes).wrapping_sub(x) as i64;
            let most = if width == 8 { 0 } else { 1i64 << (8 * (8 - width) - 1) };
            prop_assert!(-most <= error && error <= most);
        }
    }
}
