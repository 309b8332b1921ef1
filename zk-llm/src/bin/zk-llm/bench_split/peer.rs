//! The peer's process: a line of text asks, a line of JSON answers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{ensure, Context};
use serde::de::DeserializeOwned;
use serde::Deserialize;

/// What figures call it; the version is pinned in `zk-llm/bench/requirements.txt`.
pub const NAME: &str = "concrete-ml-extensions 0.2.0";

pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Making of the peer's keys.
#[derive(Deserialize)]
pub struct Keys {
    pub key_s: f64,
    pub key_bytes: f64,
}

/// One product of the peer's.
#[derive(Deserialize)]
pub struct Product {
    pub encrypt_s: f64,
    pub multiply_s: f64,
    pub decrypt_s: f64,
    pub input_bytes: f64,
    pub output_bytes: f64,
    pub error_deviation: f64,
}

impl Peer {
    pub fn start(python: &Path, script: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", python.display()))?;
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Self { child, input, output })
    }

    pub fn keys(&mut self) -> anyhow::Result<Keys> {
        self.ask("keys")
    }

    pub fn product(&mut self, inputs: u32, outputs: u32) -> anyhow::Result<Product> {
        self.ask(&format!("product {inputs} {outputs}"))
    }

    fn ask<T: DeserializeOwned>(&mut self, question: &str) -> anyhow::Result<T> {
        writeln!(self.input, "{question}")?;
        self.input.flush()?;
        let mut line = String::new();
        ensure!(
            self.output.read_line(&mut line)? > 0,
            "the peer ended while asked {question:?}; see above"
        );
        serde_json::from_str(&line).with_context(|| format!("the peer answered {line:?}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A process that has already ended needs no ending.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
