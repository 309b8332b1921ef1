//! Transfers in chunks: cutting, and putting together within limits.

use sha2::{Digest, Sha256};
use sp_core::H256;

use super::MAX_CHUNK;

/// Why a transfer was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// The announced size is beyond the limit.
    #[error("{announced} bytes announced, at most {limit} accepted")]
    TooLarge {
        /// Bytes announced.
        announced: u64,
        /// Most that is accepted.
        limit: u64,
    },
    /// A chunk is empty or exceeds [`MAX_CHUNK`].
    #[error("a chunk has {0} bytes; send 1 to {MAX_CHUNK}")]
    ChunkSize(usize),
    /// More bytes came than were announced.
    #[error("more than the announced {0} bytes were sent")]
    Overrun(u64),
    /// The stream ended early.
    #[error("the transfer ended after {got} of {announced} bytes; send it again")]
    Truncated {
        /// Bytes received.
        got: u64,
        /// Bytes announced.
        announced: u64,
    },
    /// The bytes are not those announced.
    #[error("the bytes do not have the announced SHA-256; send them again")]
    Hash,
    /// A field does not have its fixed length.
    #[error("{field} has {got} bytes, expected {expected}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// Bytes received.
        got: usize,
        /// Bytes expected.
        expected: usize,
    },
}

impl From<ChunkError> for tonic::Status {
    fn from(error: ChunkError) -> Self {
        let message = error.to_string();
        match error {
            ChunkError::TooLarge { .. } | ChunkError::Overrun(_) => Self::out_of_range(message),
            ChunkError::Truncated { .. } | ChunkError::Hash => Self::data_loss(message),
            ChunkError::ChunkSize(_) | ChunkError::Field { .. } => Self::invalid_argument(message),
        }
    }
}

/// Cuts bytes into chunks of at most [`MAX_CHUNK`].
pub fn chunks(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    bytes.chunks(MAX_CHUNK).map(<[u8]>::to_vec)
}

/// Reads a field of fixed length.
///
/// # Errors
/// [`ChunkError::Field`] if it has any other length.
pub fn fixed<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], ChunkError> {
    bytes.try_into().map_err(|_| ChunkError::Field {
        field,
        got: bytes.len(),
        expected: N,
    })
}

/// Puts a transfer together and hashes it on the way.
///
/// Memory grows with what has arrived, not with what was announced.
#[derive(Debug)]
pub struct Reassembly {
    bytes: Vec<u8>,
    announced: u64,
    hash: Sha256,
}

impl Reassembly {
    /// Starts a transfer of `announced` bytes, at most `limit`.
    ///
    /// # Errors
    /// [`ChunkError::TooLarge`] if it announces more.
    pub fn new(announced: u64, limit: u64) -> Result<Self, ChunkError> {
        if announced > limit {
            return Err(ChunkError::TooLarge { announced, limit });
        }
        Ok(Self {
            bytes: Vec::new(),
            announced,
            hash: Sha256::new(),
        })
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// [`ChunkError::ChunkSize`] or [`ChunkError::Overrun`].
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), ChunkError> {
        if chunk.is_empty() || chunk.len() > MAX_CHUNK {
            return Err(ChunkError::ChunkSize(chunk.len()));
        }
        if self.received().saturating_add(chunk.len() as u64) > self.announced {
            return Err(ChunkError::Overrun(self.announced));
        }
        self.hash.update(chunk);
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The whole, if all of it came and its SHA-256 is `expected`.
    ///
    /// # Errors
    /// [`ChunkError::Truncated`] or [`ChunkError::Hash`].
    pub fn finish(self, expected: &H256) -> Result<Vec<u8>, ChunkError> {
        let (bytes, hash) = self.finish_unchecked()?;
        if hash != *expected {
            return Err(ChunkError::Hash);
        }
        Ok(bytes)
    }

    /// The whole with its SHA-256, for transfers whose hash is not known beforehand.
    ///
    /// # Errors
    /// [`ChunkError::Truncated`] if part of it is missing.
    pub fn finish_unchecked(self) -> Result<(Vec<u8>, H256), ChunkError> {
        let got = self.received();
        if got != self.announced {
            return Err(ChunkError::Truncated {
                got,
                announced: self.announced,
            });
        }
        Ok((self.bytes, H256(self.hash.finalize().into())))
    }
}
