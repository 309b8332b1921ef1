//! Nodes, miners and validators of one network.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{bail, Context};
use based_client::chain::{Chain, Signer};
use based_client::wallet::pair_of;
use based_primitives::BrainId;
use serde_json::Value;
use sp_core::crypto::SecretString;
use tempfile::TempDir;

use crate::process::{free_port, program, Process};

/// The Brain that development networks have a task for.
pub const BRAIN: BrainId = 7;
/// Longest wait for a program to answer.
const START: Duration = Duration::from_secs(240);
/// Longest wait for anything to happen on a fast chain.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A key of the development phrase, such as `//Alice`.
///
/// # Errors
/// If the URI is malformed.
pub fn key(uri: &str) -> anyhow::Result<Signer> {
    Ok(Signer::new(pair_of(&SecretString::from(uri.to_owned()))?))
}

/// A based-node.
pub struct Node {
    process: Option<Process>,
    name: String,
    args: Vec<String>,
    dir: PathBuf,
    rpc: u16,
    p2p: u16,
    prometheus: u16,
}

impl Node {
    /// Starts an authority by the name of its development key (`alice`) on a chain, and waits for its RPC.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start(dir: &Path, name: &str, chain: &str, peers: &[String]) -> anyhow::Result<Self> {
        let (rpc, p2p, prometheus) = (free_port()?, free_port()?, free_port()?);
        let mut args: Vec<String> = vec![
            "--chain".into(),
            chain.into(),
            format!("--{name}"),
            "--base-path".into(),
            dir.join(name).display().to_string(),
            "--rpc-port".into(),
            rpc.to_string(),
            "--listen-addr".into(),
            format!("/ip4/127.0.0.1/tcp/{p2p}"),
            "--prometheus-port".into(),
            prometheus.to_string(),
            "--no-mdns".into(),
            "--no-telemetry".into(),
            "--unsafe-force-node-key-generation".into(),
        ];
        for peer in peers {
            args.extend(["--bootnodes".into(), peer.clone()]);
        }
        let mut node = Self {
            process: None,
            name: name.into(),
            args,
            dir: dir.into(),
            rpc,
            p2p,
            prometheus,
        };
        node.up().await?;
        Ok(node)
    }

    /// Starts the node again with its data and ports, after it was stopped.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn up(&mut self) -> anyhow::Result<()> {
        self.process = Some(Process::start(
            &self.name,
            "based-node",
            &self.args,
            &[],
            &self.dir,
        )?);
        let begin = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", self.rpc))
            .await
            .is_err()
        {
            self.running()?.check()?;
            if begin.elapsed() > START {
                bail!("the node does not answer:\n{}", self.running()?.tail());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Stops the node.
    ///
    /// # Errors
    /// If it had to be killed.
    pub fn down(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.stop()?;
        }
        Ok(())
    }

    /// Its process.
    ///
    /// # Errors
    /// If it is down.
    pub fn running(&mut self) -> anyhow::Result<&mut Process> {
        self.process.as_mut().context("the node is down")
    }

    /// WebSocket address of its RPC.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.rpc)
    }

    /// Port of its prometheus metrics.
    pub fn prometheus(&self) -> u16 {
        self.prometheus
    }

    /// Address under which other nodes reach it.
    ///
    /// # Errors
    /// If its RPC does not answer.
    pub async fn address(&self) -> anyhow::Result<String> {
        let id: String = rpc(&self.url(), "system_localPeerId").await?;
        Ok(format!("/ip4/127.0.0.1/tcp/{}/p2p/{id}", self.p2p))
    }
}

/// A based-miner or based-validator with its data directory and settings.
pub struct Peer {
    process: Option<Process>,
    name: String,
    binary: &'static str,
    args: Vec<String>,
    log_dir: PathBuf,
    data_dir: PathBuf,
    endpoint: u16,
    metrics: u16,
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

/// How a miner or validator is started.
pub struct PeerOptions<'a> {
    /// Name of its log, and of its directory.
    pub name: &'a str,
    /// Secret URI of its account.
    pub uri: &'a str,
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
        let spec = dir.path().join("chain.json");
        std::fs::write(&spec, with_task(&export("dev-fast")?, manifest)?)?;
        let spec = spec.display().to_string();
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
            BRAIN.to_string(),
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

/// Runs a program to its end and returns its output.
///
/// # Errors
/// If it fails; the message is what it said.
pub async fn run(binary: &str, args: &[String]) -> anyhow::Result<String> {
    let mut command = tokio::process::Command::new(program(binary)?);
    let output = command
        .args(args)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    finished(binary, args.iter().map(String::as_str), output)
}

fn finished<'a>(
    binary: &str,
    args: impl Iterator<Item = &'a str>,
    output: std::process::Output,
) -> anyhow::Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let args: Vec<&str> = args.collect();
    bail!(
        "{binary} {}: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    )
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

/// One JSON-RPC request over HTTP.
async fn rpc<T: serde::de::DeserializeOwned>(url: &str, method: &str) -> anyhow::Result<T> {
    let port: u16 = url.rsplit(':').next().context("no port")?.parse()?;
    let body = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": [] }).to_string();
    let head = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let answer = http(port, "POST", "/", &head, &body).await?;
    let mut answer: Value = serde_json::from_str(&answer)?;
    Ok(serde_json::from_value(answer["result"].take())?)
}

async fn http_get(port: u16, path: &str) -> anyhow::Result<String> {
    http(port, "GET", path, "", "").await
}

/// One HTTP/1.0 exchange with a program of this machine; returns the body.
async fn http(port: u16, method: &str, path: &str, head: &str, body: &str) -> anyhow::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let exchange = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{head}\r\n{body}");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
        let status = head.split_whitespace().nth(1).context("no HTTP status")?;
        anyhow::ensure!(status == "200", "HTTP status {status} of {path}");
        Ok(body.to_owned())
    };
    tokio::time::timeout(Duration::from_secs(10), exchange).await?
}

/// A named network's specification as JSON.
fn export(chain: &str) -> anyhow::Result<String> {
    let output = std::process::Command::new(program("based-node")?)
        .args(["export-chain-spec", "--chain", chain])
        .output()?;
    finished("based-node", ["export-chain-spec"].into_iter(), output)
}

/// A specification in which the demonstration Brain runs another model.
fn with_task(spec: &str, manifest: [u8; 32]) -> anyhow::Result<String> {
    let mut spec: Value = serde_json::from_str(spec)?;
    let genesis = &mut spec["genesis"]["runtimeGenesis"];
    let part = if genesis["patch"].is_object() {
        "patch"
    } else {
        "config"
    };
    let brains = genesis[part]["brains"]["brains"]
        .as_array_mut()
        .context("the genesis has no Brains")?;
    let brain = brains
        .iter_mut()
        .find(|brain| brain[0] == BRAIN || brain["id"] == BRAIN)
        .context("the genesis has no demonstration Brain")?;
    let task = brain
        .as_array_mut()
        .and_then(|fields| fields.iter_mut().find(|field| field["manifest"].is_string()))
        .context("the demonstration Brain has no task")?;
    task["manifest"] = format!("0x{}", hex::encode(manifest)).into();
    Ok(spec.to_string())
}
