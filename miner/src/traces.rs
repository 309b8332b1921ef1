//! Traces of jobs that their clients may audit: one file a job, kept for a while.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use based_client::files::{self, missing_is_fine};
use based_primitives::JobId;

use crate::db::unix_now;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 1 << 20;
/// Ending of the name of a trace that is not whole.
const PARTIAL: &str = "part";

/// Store of traces.
#[derive(Clone, Debug)]
pub struct TraceStore {
    dir: PathBuf,
}

/// A trace that is being written. Dropped before it is kept, it leaves nothing.
#[derive(Debug)]
pub struct Draft {
    file: BufWriter<File>,
    partial: PathBuf,
    path: PathBuf,
}

impl TraceStore {
    /// Opens the store in `data_dir`, for its owner alone; drops leftovers of a crash.
    ///
    /// # Errors
    /// If the directory cannot be made or read.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let store = Self {
            dir: data_dir.join("traces"),
        };
        files::create_private_dir(&store.dir)?;
        for path in store.files(true)? {
            fs::remove_file(path)?;
        }
        Ok(store)
    }

    /// Begins the trace of a job.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn create(&self, job: &JobId) -> io::Result<Draft> {
        let path = self.path(job);
        let partial = path.with_extension(PARTIAL);
        fs::remove_file(&partial).or_else(missing_is_fine)?;
        let file = BufWriter::with_capacity(BUFFER, files::create_private(&partial)?);
        Ok(Draft { file, partial, path })
    }

    /// The trace of a job, if it is kept.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn find(&self, job: &JobId) -> io::Result<Option<File>> {
        match File::open(self.path(job)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Traces that are kept; one that is being written is not counted.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn count(&self) -> io::Result<u32> {
        Ok(u32::try_from(self.files(false)?.len()).unwrap_or(u32::MAX))
    }

    /// Counts the age of a job's trace from now.
    ///
    /// # Errors
    /// If there is none, or its file cannot be changed.
    pub fn renew(&self, job: &JobId) -> io::Result<()> {
        let file = File::options().write(true).open(self.path(job))?;
        file.set_modified(SystemTime::now())
    }

    /// Removes the trace of a job, if it is kept.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn remove(&self, job: &JobId) -> io::Result<()> {
        fs::remove_file(self.path(job)).or_else(missing_is_fine)
    }

    /// Removes traces that were finished or renewed more than `kept` seconds ago.
    ///
    /// # Errors
    /// If the directory cannot be read or a file not be removed.
    pub fn prune(&self, kept: i64) -> io::Result<()> {
        let oldest = unix_now().saturating_sub(kept);
        for path in self.files(false)? {
            // The admission of another job may have removed it meanwhile.
            remove_older(&path, oldest).or_else(missing_is_fine)?;
        }
        Ok(())
    }

    /// Files of traces, of those that are whole or of those that are not.
    fn files(&self, partial: bool) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == PARTIAL) == partial {
                files.push(path);
            }
        }
        Ok(files)
    }

    fn path(&self, job: &JobId) -> PathBuf {
        self.dir.join(hex::encode(job))
    }
}

/// Removes a file that was last changed before a time.
fn remove_older(path: &Path, time: i64) -> io::Result<()> {
    if fs::metadata(path)?.mtime() < time {
        fs::remove_file(path)?;
    }
    Ok(())
}

impl Draft {
    /// Keeps the trace, which is whole: it is on disk when this returns.
    ///
    /// # Errors
    /// If the disk fails; then nothing is kept.
    pub fn keep(mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.partial, &self.path)?;
        // Its name has to survive a crash as well.
        match self.path.parent() {
            Some(dir) => File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Nothing is there if it was kept; what cannot be removed goes at the next start.
        fs::remove_file(&self.partial).ok();
    }
}
