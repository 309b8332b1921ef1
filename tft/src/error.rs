//! What can go wrong, in words that say what to do.

use std::path::PathBuf;

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Failure of an operation of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The feature schema contradicts itself or the model.
    #[error("schema: {0}")]
    Schema(String),
    /// The table does not hold what the schema asks for.
    #[error("table: {0}")]
    Table(String),
    /// A size or setting is out of range.
    #[error("settings: {0}")]
    Settings(String),
    /// A stored model is malformed or not the one that was asked for.
    #[error("model: {0}")]
    Model(String),
    /// A tensor operation failed.
    #[error("tensor: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// Names the file that an operation failed on.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
