//! Subtensor's sparse epoch on the same matrix, by a program that `scripts/peers/subtensor-epoch/setup` makes.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use based_primitives::constants::{MAX_PEERS, MAX_VALIDATORS};
use serde_json::Value;

use crate::{dense::ACTIVE, setting::Matrix};

/// What is measured.
pub const NAME: &str =
    "subtensor's sparse epoch on the same matrix, its fixed-point mathematics without storage, native";

/// Median time of an epoch in milliseconds.
pub fn time(program: &Path, matrix: &Matrix) -> Result<f64, Box<dyn std::error::Error>> {
    let first = MAX_VALIDATORS - ACTIVE as u16;
    let header = [MAX_VALIDATORS, MAX_PEERS, first];
    let numbers = header.iter().chain(matrix.0.iter().flatten());
    let bytes: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .ok_or("the peer takes no input")?
        .write_all(&bytes)?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", program.display(), output.status).into());
    }
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let entries = answer["entries"].as_u64();
    if entries != Some(matrix.entries() as u64) {
        return Err("the peer read another matrix".into());
    }
    Ok(answer["milliseconds"].as_f64().ok_or("the peer told no time")?)
}
