//! A based-miner or based-validator under test.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{bail, Context};

use crate::{http::http_get, process::Process, START};

/// A based-miner or based-validator with its data directory and settings.
pub struct Peer {
    pub(crate) process: Option<Process>,
    pub(crate) name: String,
    pub(crate) binary: &'static str,
    pub(crate) args: Vec<String>,
    pub(crate) log_dir: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) endpoint: u16,
    pub(crate) metrics: u16,
}

impl Peer {
    /// Starts it (again).
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn up(&mut self) -> anyhow::Result<()> {
        self.process = Some(Process::start(
            &self.name,
            self.binary,
            &self.args,
            &[],
            &self.log_dir,
        )?);
        Ok(())
    }

    /// Stops it.
    ///
    /// # Errors
    /// If it had to be killed.
    pub fn down(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.stop()?;
        }
        Ok(())
    }

    /// Kills it, as a crash would.
    ///
    /// # Errors
    /// On failures of the system.
    pub fn crash(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
        }
        Ok(())
    }

    /// Its process.
    ///
    /// # Errors
    /// If it is down.
    pub fn running(&mut self) -> anyhow::Result<&mut Process> {
        self.process
            .as_mut()
            .with_context(|| format!("{} is down", self.name))
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Port under which it is memorized.
    pub fn endpoint(&self) -> u16 {
        self.endpoint
    }

    /// Its figures.
    ///
    /// # Errors
    /// If they are not served.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        http_get(self.metrics, "/metrics").await
    }

    /// Waits until it serves its figures.
    ///
    /// # Errors
    /// If it ends or takes too long.
    pub async fn answering(&mut self) -> anyhow::Result<()> {
        let begin = Instant::now();
        while self.metrics().await.is_err() {
            self.running()?.check()?;
            if begin.elapsed() > START {
                let said = self.running()?.tail();
                bail!("{} does not answer:\n{said}", self.name);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Value of one of its figures, by name and labels as they are printed.
    ///
    /// # Errors
    /// If there is no such figure.
    pub async fn figure(&self, name: &str) -> anyhow::Result<f64> {
        let text = self.metrics().await?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line
            .with_context(|| format!("{} has no figure {name}:\n{text}", self.name))?
            .trim()
            .parse()?)
    }
}
