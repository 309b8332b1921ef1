//! A based-node under test.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{bail, Context};

use crate::{
    http::{request, requests, rpc},
    process::{free_port, Process},
    spec, START,
};

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
        Self::start_with(dir, name, chain, peers, &[&format!("--{name}")]).await
    }

    /// Starts a node on a chain that has a name or is in a file, with further arguments, and waits for its RPC.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_with(
        dir: &Path,
        name: &str,
        chain: &str,
        peers: &[String],
        more: &[&str],
    ) -> anyhow::Result<Self> {
        let spec = match Path::new(chain).is_file() {
            true => chain.into(),
            false => spec::raw(chain)?.display().to_string(),
        };
        let (rpc, p2p, prometheus) = (free_port()?, free_port()?, free_port()?);
        let mut args: Vec<String> = vec![
            "--chain".into(),
            spec,
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
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
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

    /// Asks a JSON-RPC method over HTTP; the whole answer, with `result` or `error`.
    ///
    /// # Errors
    /// If the node does not answer.
    pub async fn request(
        &self,
        method: &str,
        params: serde_json::Value,
    ) -> anyhow::Result<serde_json::Value> {
        request(&self.url(), method, params).await
    }

    /// Asks a JSON-RPC method several times in one exchange; the whole answers, in no order.
    ///
    /// # Errors
    /// If the node does not answer.
    pub async fn requests(
        &self,
        method: &str,
        params: &[serde_json::Value],
    ) -> anyhow::Result<Vec<serde_json::Value>> {
        requests(&self.url(), method, params).await
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
