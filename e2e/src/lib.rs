//! Whole networks on one machine, of real programs in temporary directories on free ports.
//!
//! The demonstration, the local network and the end-to-end tests share it. Whatever it starts ends with it.
#![warn(missing_docs)]

mod http;
pub mod model;
pub mod network;
pub mod node;
pub mod peer;
pub mod process;
mod spec;

use tokio::signal::unix::{signal, SignalKind};

/// Longest wait for a program to answer: a node compiles its runtime first.
pub(crate) const START: std::time::Duration = std::time::Duration::from_secs(240);

/// Waits for Ctrl-C, a request to end, or the loss of the terminal.
pub async fn stopped() {
    let wait = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = wait(SignalKind::interrupt()) => {},
        _ = wait(SignalKind::terminate()) => {},
        _ = wait(SignalKind::hangup()) => {},
    }
}
