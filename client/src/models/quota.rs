//! Keeps a peer within the disk it declared when it joined (R029).

use std::{fs, io, path::Path};

/// Disk a data directory may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    bytes: u64,
}

impl Quota {
    /// Quota of so many MiB.
    pub fn from_mib(mib: u32) -> Self {
        Self {
            bytes: u64::from(mib) << 20,
        }
    }

    /// The quota in bytes.
    pub fn bytes(self) -> u64 {
        self.bytes
    }

    /// Bytes that `dir` may still grow by.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn left(self, dir: &Path) -> io::Result<u64> {
        Ok(self.bytes.saturating_sub(used(dir)?))
    }
}

/// Bytes that the files under `dir` take; links are not followed, vanished files count nothing.
///
/// # Errors
/// If a directory cannot be read.
pub fn used(dir: &Path) -> io::Result<u64> {
    let mut sum = 0u64;
    let mut pending = vec![dir.to_path_buf()];
    while let Some(dir) = pending.pop() {
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => pending.push(entry.path()),
                Ok(meta) => sum = sum.saturating_add(meta.len()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_nested_files_and_never_goes_below_zero() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("inner")).unwrap();
        fs::write(dir.path().join("a"), vec![0; 1000]).unwrap();
        fs::write(dir.path().join("inner/b"), vec![0; 500]).unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("link")).unwrap();
        let used = used(dir.path()).unwrap();
        assert!((1500..1600).contains(&used), "{used}");
        assert_eq!(Quota::from_mib(1).left(dir.path()).unwrap(), (1 << 20) - used);
        fs::write(dir.path().join("c"), vec![0; 2 << 20]).unwrap();
        assert_eq!(Quota::from_mib(1).left(dir.path()).unwrap(), 0);
    }

    #[test]
    fn a_missing_directory_takes_nothing() {
        assert_eq!(used(Path::new("/nonexistent/based")).unwrap(), 0);
    }
}
