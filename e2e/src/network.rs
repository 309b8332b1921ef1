//! Nodes, miners and validators of one network.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::bail;
use based_client::{
    chain::{Chain, Signer},
    wallet::pair_of,
};
use based_primitives::BrainId;
use sp_core::crypto::SecretString;
use tempfile::TempDir;

use crate::{
    node::Node,
    peer::Peer,
    process::{finished, free_port, program, run},
    spec,
};

/// The Brain that development networks have a task for.
pub const BRAIN: BrainId = 7;
/// Longest wait for anything to happen on a fast chain: more than 180 s were needed on two cores busy with other work.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// A key of the development phrase, such as `//Alice`.
///
/// # Errors
/// If the URI is malformed.
pub fn key(uri: &str) -> anyhow::Result<Signer> {
    Ok(Signer::new(pair_of(&SecretString::from(uri.to_owned()))?))
}
/// How a miner or validator is started.
pub struct PeerOptions<'a> {
    /// Name of its log, and of its directory.
    pub name: &'a str,
    /// Secret URI of its account.
    pub uri: &'a str,
    /// Its Brain.
    pub brain: BrainId,
    /// Directory of models.
    pub models: &'a Path,
    /// More arguments of `run`.
    pub run: &'a [&'a str],
    /// More arguments of `register`; none if it is not to be registered.
    pub register: Option<&'a [&'a str]>,
}

/// A network of one node or more in a temporary directory.
pub struct Network {
    /// Its nodes.
    pub nodes: Vec<Node>,
    dir: TempDir,
    chain: String,
}

impl Network {
    /// Starts authorities by name on a chain.
    ///
    /// # Errors
    /// If one does not start.
    pub async fn start(chain: &str, names: &[&str]) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("based-").tempdir()?;
        Self::start_in(dir, chain, names).await
    }

    /// Starts one authority on the fast development chain whose Brain runs another model from genesis on.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_with_task(manifest: [u8; 32]) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("based-").tempdir()?;
        let spec = spec::with_task(manifest)?.display().to_string();
        Self::start_in(dir, &spec, &["alice"]).await
    }

    async fn start_in(dir: TempDir, chain: &str, names: &[&str]) -> anyhow::Result<Self> {
        let mut network = Self {
            nodes: Vec::new(),
            dir,
            chain: chain.into(),
        };
        for name in names {
            network.add(name).await?;
        }
        Ok(network)
    }

    /// Starts one more authority.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn add(&mut self, name: &str) -> anyhow::Result<()> {
        let mut peers = Vec::new();
        for node in &self.nodes {
            peers.push(node.address().await?);
        }
        let node = Node::start(self.dir.path(), name, &self.chain, &peers).await?;
        self.nodes.push(node);
        Ok(())
    }

    /// Directory of everything the network writes.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Address of the first node.
    ///
    /// # Panics
    /// If there is none.
    pub fn url(&self) -> String {
        self.nodes[0].url()
    }

    /// Directory of a user's client state.
    pub fn home(&self, uri: &str) -> PathBuf {
        self.dir
            .path()
            .join(format!("home-{}", uri.trim_start_matches('/')))
    }

    /// Connects to the first node.
    ///
    /// # Errors
    /// If it is down.
    pub async fn chain(&self) -> anyhow::Result<Chain> {
        Ok(Chain::connect(&self.url()).await?)
    }

    /// Registers and starts a miner.
    ///
    /// # Errors
    /// If the chain refuses it or it does not start.
    pub async fn miner(&self, options: PeerOptions<'_>) -> anyhow::Result<Peer> {
        self.peer("based-miner", options).await
    }

    /// Registers and starts a validator.
    ///
    /// # Errors
    /// If the chain refuses it or it does not start.
    pub async fn validator(&self, options: PeerOptions<'_>) -> anyhow::Result<Peer> {
        self.peer("based-validator", options).await
    }

    async fn peer(&self, binary: &'static str, options: PeerOptions<'_>) -> anyhow::Result<Peer> {
        let data_dir = self.dir.path().join(options.name);
        let (endpoint, metrics) = (free_port()?, free_port()?);
        let common = vec![
            "--node".to_owned(),
            self.url(),
            "--uri".into(),
            options.uri.into(),
            "--brain".into(),
            options.brain.to_string(),
            "--data-dir".into(),
            data_dir.display().to_string(),
        ];
        if let Some(more) = options.register {
            let mut args = vec!["register".to_owned()];
            args.extend(common.clone());
            args.extend(["--endpoint".into(), format!("127.0.0.1:{endpoint}")]);
            args.extend(more.iter().map(|arg| (*arg).to_owned()));
            run(binary, &args).await?;
        }
        let mut args = vec!["run".to_owned()];
        args.extend(common);
        args.extend(["--metrics-port".into(), metrics.to_string()]);
        args.extend(["--model-dir".into(), options.models.display().to_string()]);
        if binary == "based-miner" {
            args.extend(["--listen".into(), format!("127.0.0.1:{endpoint}")]);
        }
        args.extend(options.run.iter().map(|arg| (*arg).to_owned()));
        let mut peer = Peer {
            process: None,
            name: options.name.into(),
            binary,
            args,
            log_dir: self.dir.path().into(),
            data_dir,
            endpoint,
            metrics,
        };
        peer.up()?;
        peer.answering().await?;
        Ok(peer)
    }

    /// Runs `based` as a user with client state of its own and returns what it prints; on failure, what it says.
    ///
    /// # Errors
    /// If it fails.
    pub async fn based(&self, uri: &str, args: &[&str]) -> anyhow::Result<String> {
        let output = tokio::process::Command::new(program("based")?)
            .args(["--node", &self.url(), "--uri", uri])
            .args(args)
            .env("BASED_HOME", self.home(uri))
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        finished("based", args.iter().copied(), output)
    }
}

/// Asks `condition` until it gives something.
///
/// # Errors
/// What `condition` fails with, or that it took too long.
pub async fn eventually<T, F>(
    what: &str,
    patience: Duration,
    mut condition: impl FnMut() -> F,
) -> anyhow::Result<T>
where
    F: std::future::Future<Output = anyhow::Result<Option<T>>>,
{
    let begin = Instant::now();
    loop {
        if let Some(value) = condition().await? {
            return Ok(value);
        }
        if begin.elapsed() > patience {
            bail!("{what}: still not so after {} s", patience.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
