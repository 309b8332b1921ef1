//! The signal by which every part of the program learns that it ends.

use std::sync::{
    atomic::{AtomicBool, Ordering},
    Arc,
};

use tokio::sync::watch;

/// Listens for the end; clones listen too.
#[derive(Clone, Debug)]
pub struct Stop {
    signal: watch::Receiver<bool>,
    flag: Arc<AtomicBool>,
}

/// Announces the end, at the latest when dropped.
#[derive(Debug)]
pub struct Stopper {
    signal: watch::Sender<bool>,
    flag: Arc<AtomicBool>,
}

/// A pair of both.
pub fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    let flag = Arc::new(AtomicBool::new(false));
    (
        Stopper {
            signal: sender,
            flag: flag.clone(),
        },
        Stop {
            signal: receiver,
            flag,
        },
    )
}

impl Stopper {
    /// Announces the end.
    pub fn stop(&self) {
        self.flag.store(true, Ordering::Release);
        self.signal.send_replace(true);
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Stop {
    /// Waits for the end.
    pub async fn asked(&self) {
        let mut signal = self.signal.clone();
        // An error means that the announcer is gone, which is the end as well.
        signal.wait_for(|stop| *stop).await.ok();
    }

    /// The end as a flag, for evaluations.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }
}
