//! Audits of paid answers: the miner opens some bootstraps of its trace, and they are computed again here, to the byte.
//!
//! All that is looked at is public: evaluation key, input, output, circuit, and the root in the receipt. The secret key has no
//! part in it, so that the verdict tells the miner nothing of what is encrypted.

use std::{path::PathBuf, sync::Arc};

use based_primitives::{
    payments::{Receipt, SignedVoucher},
    JobId,
};
use codec::Encode;
use rand::{
    rngs::{OsRng, StdRng},
    Rng, SeedableRng,
};
use sp_core::H256;
use zk_llm::{Audit, Circuit, ExactKey, Manifest};

use super::{job::Hashes, link::Link, Audited, Event, SessionError};
use crate::state::{Draw, Job, State};

/// Bootstraps that users are told to have computed again; canaries and jobs that are resumed without saying take as many.
pub const USUAL_AUDIT: u32 = 32;

/// Audits the answers of a session.
#[derive(Debug)]
pub(super) struct Auditor {
    dir: PathBuf,
    count: u32,
    circuit: Option<Arc<Circuit>>,
    key: Option<(H256, Arc<ExactKey>)>,
}

/// An answer that was paid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paid<'a> {
    /// The session's model.
    pub manifest: &'a Manifest,
    /// Size of an opening.
    pub opening_bytes: u64,
    pub job: &'a Job,
    pub hashes: &'a Hashes,
    pub voucher: &'a SignedVoucher,
    pub receipt: &'a Receipt,
    pub output: &'a [u8],
}

impl Auditor {
    /// Looks at `count` bootstraps of each answer of the model whose files are in `dir`.
    pub fn new(dir: PathBuf, count: u32) -> Self {
        Self {
            dir,
            count,
            circuit: None,
            key: None,
        }
    }

    /// Whether new jobs are to be traced.
    pub fn is_on(&self) -> bool {
        self.count > 0
    }

    /// The circuit of the session's model.
    pub async fn circuit(
        &mut self,
        link: &mut Link,
        manifest: &Manifest,
    ) -> Result<Arc<Circuit>, SessionError> {
        if let Some(circuit) = &self.circuit {
            return Ok(circuit.clone());
        }
        let circuit = Arc::new(link.circuit(manifest, &self.dir).await?);
        Ok(self.circuit.insert(circuit).clone())
    }

    /// Audits an answer. A miner that is gone may be asked again, for the same bootstraps.
    pub async fn check(
        &mut self,
        link: &mut Link,
        paid: Paid<'_>,
        state: &State,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Audited, SessionError> {
        let circuit = self.circuit(link, paid.manifest).await?;
        let (root, audit) = self.draw(&circuit, paid.job.id, paid.receipt, state)?;
        let audited = Audited {
            bootstraps: audit.drawn(),
            of: circuit.bootstraps(),
            root,
        };
        on_event(Event::Auditing {
            bootstraps: audited.bootstraps,
        });
        let openings = link
            .openings(&paid.voucher.encode(), audit.tables(), paid.opening_bytes)
            .await
            .map_err(distrust)?;
        let key = self.key(&circuit, paid).await?;
        let (input, output) = (paid.job.input.clone(), paid.output.to_vec());
        let checking = tokio::task::spawn_blocking(move || {
            audit.check(&circuit, &key, &input, &output, &root.0, &openings)
        });
        checking.await.map_err(internal)?.map_err(|error| match error {
            zk_llm::Error::Audit(what) => SessionError::Audit(what),
            // The openings have their size; what else is not as it should be is this side's.
            other => internal(other),
        })?;
        Ok(audited)
    }

    /// What is opened of a job, and the root of its trace. It is drawn once: a miner that hangs up when it learns what was
    /// drawn gets no other draw, and may not change what it committed to.
    fn draw(
        &self,
        circuit: &Circuit,
        job: JobId,
        receipt: &Receipt,
        state: &State,
    ) -> Result<(H256, Audit), SessionError> {
        let none = || SessionError::Audit("the receipt commits to no trace".into());
        let new = Draw {
            count: match self.count {
                0 => USUAL_AUDIT,
                count => count,
            },
            seed: OsRng.gen(),
            output: receipt.output,
            root: receipt.trace.ok_or_else(none)?,
        };
        let draw = state.draw(&job, new)?;
        if (draw.output, draw.root) != (new.output, new.root) {
            let what = "the miner gave another receipt once it knew what was drawn";
            return Err(SessionError::Audit(what.into()));
        }
        let audit = Audit::draw(circuit, draw.count, &mut StdRng::from_seed(draw.seed));
        Ok((draw.root, audit))
    }

    /// The job's evaluation key, expanded once for all jobs under it.
    async fn key(&mut self, circuit: &Circuit, paid: Paid<'_>) -> Result<Arc<ExactKey>, SessionError> {
        let hash = paid.hashes.evaluation_key;
        if let Some((_, key)) = self.key.as_ref().filter(|(known, _)| *known == hash) {
            return Ok(key.clone());
        }
        let (bytes, set) = (paid.job.evaluation_key.clone(), *circuit.parameter_set());
        let expanding = tokio::task::spawn_blocking(move || ExactKey::from_bytes(&bytes, &set));
        // The key was made here: if it is bad, the miner is not to blame.
        let key = Arc::new(expanding.await.map_err(internal)?.map_err(internal)?);
        self.key = Some((hash, key.clone()));
        Ok(key)
    }
}

/// A miner that does not open what it committed to is not to be trusted; one that is gone may come back.
fn distrust(error: SessionError) -> SessionError {
    match error {
        SessionError::Refused(why) => {
            SessionError::Audit(format!("the miner refused to open its trace ({why})"))
        }
        SessionError::Protocol(what) => {
            SessionError::Audit(format!("the miner's openings are not of the right form ({what})"))
        }
        other => other,
    }
}

fn internal(error: impl std::fmt::Display) -> SessionError {
    SessionError::Internal(error.to_string())
}
