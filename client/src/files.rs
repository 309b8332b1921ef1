//! Files that only their owner may read.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Creates a file of mode 0600, and its directories of mode 0700.
///
/// # Errors
/// `AlreadyExists` if there is such a file, else the system's error.
pub fn create_private(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        create_private_dir(parent)?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Creates a directory of mode 0700 and those above it, where they are missing.
///
/// # Errors
/// The system's error.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// What is to be removed may be gone already.
///
/// # Errors
/// Any error but `NotFound`.
pub fn missing_is_fine(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

/// Directory of a user's wallets and client state: `$BASED_HOME`, else `~/.based`.
///
/// # Errors
/// `NotFound` if neither `BASED_HOME` nor `HOME` is set.
pub fn home() -> io::Result<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("BASED_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".based")))
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "HOME is not set; set BASED_HOME to a directory",
            )
        })
}
