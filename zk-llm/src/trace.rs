//! Traces: every bootstrap's result in one file, and a hash tree over them to whose root a receipt commits.
//!
//! A trace holds the ciphertexts (coefficients of 8 bytes, little-endian) in the order of the bootstraps, then the
//! SHA-256 of each after a zero byte: the leaves. A parent is the SHA-256 of a one byte and its two children; leaves that
//! a power of two lacks are zeros. The opening of a bootstrap is its ciphertext and the hashes beside its way to the root,
//! from the leaf up: its length follows from the circuit.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};

use crate::compile::Circuit;
use crate::error::{Error, Result};
use crate::params::ParameterSet;

/// A SHA-256.
pub type Hash = [u8; 32];

const HASH: usize = size_of::<Hash>();
const LEAF: [u8; 1] = [0];
const PARENT: [u8; 1] = [1];

/// Exact size of the trace of so many bootstraps, in bytes.
pub fn trace_bytes(bootstraps: u64, set: &ParameterSet) -> u64 {
    bootstraps * (ciphertext_bytes(set) + HASH) as u64
}

/// Exact size of one of their openings, in bytes.
pub fn opening_bytes(bootstraps: u64, set: &ParameterSet) -> u64 {
    ciphertext_bytes(set) as u64 + u64::from(depth(bootstraps)) * HASH as u64
}

fn ciphertext_bytes(set: &ParameterSet) -> usize {
    8 * (set.lwe_dimension() + 1)
}

/// Hashes from a leaf to the root.
fn depth(bootstraps: u64) -> u32 {
    bootstraps.next_power_of_two().ilog2()
}

fn leaf(ciphertext: &[u8]) -> Hash {
    Sha256::new()
        .chain_update(LEAF)
        .chain_update(ciphertext)
        .finalize()
        .into()
}

fn parent(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update(PARENT)
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The tree's levels, from the leaves to the root.
fn levels(mut level: Vec<Hash>) -> Vec<Vec<Hash>> {
    level.resize(level.len().next_power_of_two(), [0; HASH]);
    let mut levels = vec![level];
    while let Some(above) = levels.last().filter(|level| level.len() > 1) {
        let parents = above.chunks_exact(2).map(|pair| parent(&pair[0], &pair[1]));
        levels.push(parents.collect());
    }
    levels
}

/// Writes a trace.
pub(crate) struct Writer<'w> {
    to: &'w mut (dyn Write + Send),
    leaves: Vec<Hash>,
}

impl<'w> Writer<'w> {
    pub fn new(to: &'w mut (dyn Write + Send)) -> Self {
        Self { to, leaves: vec![] }
    }

    /// Appends the next bootstrap's result.
    pub fn push(&mut self, ciphertext: &[u64]) -> Result<()> {
        let bytes: Vec<u8> = ciphertext.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.leaves.push(leaf(&bytes));
        self.to.write_all(&bytes).map_err(Error::Trace)
    }

    /// Appends the leaves; gives the root.
    pub fn finish(self) -> Result<Hash> {
        self.to
            .write_all(self.leaves.as_flattened())
            .map_err(Error::Trace)?;
        self.to.flush().map_err(Error::Trace)?;
        Ok(levels(self.leaves).pop().map_or([0; HASH], |root| root[0]))
    }
}

/// Reads the openings of bootstraps from a trace, one after another.
///
/// # Errors
/// [`Error::Audit`] if the numbers are not ascending or beyond the circuit's; [`Error::Trace`] if the trace is not whole.
pub fn openings(trace: &mut (impl Read + Seek), circuit: &Circuit, tables: &[u32]) -> Result<Vec<u8>> {
    check_numbers(circuit, tables)?;
    let set = circuit.parameter_set();
    let (count, size) = (circuit.bootstraps(), ciphertext_bytes(set));
    let mut read = |at: u64, bytes: &mut [u8]| -> Result<()> {
        trace.seek(SeekFrom::Start(at)).map_err(Error::Trace)?;
        trace.read_exact(bytes).map_err(Error::Trace)
    };
    let mut leaves = vec![[0; HASH]; count as usize];
    read(count * size as u64, leaves.as_flattened_mut())?;
    let levels = levels(leaves);
    let mut openings = Vec::with_capacity(tables.len() * opening_bytes(count, set) as usize);
    for table in tables {
        let start = openings.len();
        openings.resize(start + size, 0);
        read(u64::from(*table) * size as u64, &mut openings[start..])?;
        let below_root = levels.iter().take(levels.len() - 1).enumerate();
        for (height, level) in below_root {
            openings.extend(level[(*table as usize >> height) ^ 1]);
        }
    }
    Ok(openings)
}

/// The ciphertexts that openings of `tables` hold, if they lead to the root.
///
/// # Errors
/// [`Error::Size`], or [`Error::Audit`] naming the first that does not.
pub(crate) fn opened(
    circuit: &Circuit,
    root: &Hash,
    tables: &[u32],
    openings: &[u8],
) -> Result<BTreeMap<u32, Vec<u64>>> {
    check_numbers(circuit, tables)?;
    let set = circuit.parameter_set();
    let each = opening_bytes(circuit.bootstraps(), set) as usize;
    if openings.len() != each * tables.len() {
        return Err(Error::Size {
            what: "openings",
            got: openings.len() as u64,
            expected: (each * tables.len()) as u64,
        });
    }
    let read = |(table, opening): (&u32, &[u8])| {
        let (ciphertext, path) = opening.split_at(ciphertext_bytes(set));
        let up = |(at, hash): (u32, Hash), beside: &Hash| {
            let hash = match at & 1 {
                0 => parent(&hash, beside),
                _ => parent(beside, &hash),
            };
            (at >> 1, hash)
        };
        let (path, _) = path.as_chunks::<HASH>();
        let (_, found) = path.iter().fold((*table, leaf(ciphertext)), up);
        if found != *root {
            return Err(Error::Audit(format!(
                "bootstrap {table} is not the one that the receipt commits to"
            )));
        }
        let (coefficients, _) = ciphertext.as_chunks::<8>();
        Ok((
            *table,
            coefficients.iter().map(|x| u64::from_le_bytes(*x)).collect(),
        ))
    };
    tables.iter().zip(openings.chunks_exact(each)).map(read).collect()
}

fn check_numbers(circuit: &Circuit, tables: &[u32]) -> Result<()> {
    let ascending = tables.is_sorted_by(|a, b| a < b);
    let in_range = |last: &u32| u64::from(*last) < circuit.bootstraps();
    match ascending && tables.last().is_none_or(in_range) {
        true => Ok(()),
        false => Err(Error::Audit(format!(
            "bootstraps are named in ascending order, below {}",
            circuit.bootstraps()
        ))),
    }
}
