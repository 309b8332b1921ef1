//! The queue of admitted jobs: one is evaluated at a time, on all threads.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use based_client::{tls::ComputeKeyPair, wire::sha256};
use based_primitives::{
    payments::{Receipt, PAYMENT_VERSION},
    JobId,
};
use codec::Encode;
use sp_core::H256;
use tokio::sync::{watch, Notify};
use zk_llm::{evaluate, evaluate_traced, Evaluation, ExactKey, ServerKey};

use crate::{
    db::{Db, DbError, Job},
    evalkeys::{KeyStore, KeyStoreError},
    metrics::Metrics,
    stop::Stop,
    tasks::{Full, Library, TaskError},
    traces::TraceStore,
};

/// What those who wait for a job see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waits behind this many jobs.
    Queued(u32),
    /// Table lookups done and in all, and the layer that runs.
    Running(u64, u64, Arc<str>),
    /// Ended; the state on disk says how.
    Ended,
}

/// Everything an evaluation needs besides the job.
pub struct Worker {
    /// State.
    pub db: Db,
    /// Evaluation keys.
    pub keys: KeyStore,
    /// Traces.
    pub traces: TraceStore,
    /// Models.
    pub library: Arc<Library>,
    /// Signs receipts.
    pub computekey: ComputeKeyPair,
    /// Genesis hash of the chain.
    pub genesis: H256,
    /// Threads that evaluate; 0 for one a core.
    pub threads: usize,
    /// Figures.
    pub metrics: Arc<Metrics>,
}

#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error("the miner's own state failed; submit the job again")]
    Db(#[from] DbError),
    #[error("the evaluation key is gone; upload it and submit the job again")]
    KeyGone,
    #[error("{0}")]
    Key(#[source] KeyStoreError),
    #[error("the job's model is no longer available; submit a new job for the Brain's task")]
    Task(#[source] TaskError),
    #[error("{0}")]
    Evaluation(#[source] zk_llm::Error),
    #[error("the trace could not be stored; submit the job again")]
    Trace(#[source] io::Error),
    #[error("the input is gone; submit the job again")]
    InputGone,
}

impl JobError {
    fn of_key(error: KeyStoreError) -> Self {
        match error {
            KeyStoreError::Io(cause) if cause.kind() == io::ErrorKind::NotFound => Self::KeyGone,
            other => Self::Key(other),
        }
    }
}

/// An expanded key: for floating point, or for integers, whose results are the same on every machine.
enum Expanded {
    Fast(Arc<ServerKey>),
    Exact(Box<ExactKey>),
}

/// Jobs that wait or run, in memory; their contents are on disk. Clones share it.
#[derive(Clone, Default)]
pub struct Queue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    lists: Mutex<Lists>,
    more: Notify,
}

#[derive(Default)]
struct Lists {
    waiting: VecDeque<Job>,
    stages: HashMap<JobId, watch::Sender<Stage>>,
}

impl Queue {
    /// Appends an admitted job.
    pub fn push(&self, job: Job) {
        {
            let mut lists = self.lists();
            let (stage, _) = watch::channel(Stage::Queued(0));
            lists.stages.insert(job.id, stage);
            lists.waiting.push_back(job);
            lists.number();
        }
        self.0.more.notify_one();
    }

    /// The stage of a job that waits or runs.
    pub fn stage(&self, id: &JobId) -> Option<watch::Receiver<Stage>> {
        self.lists().stages.get(id).map(watch::Sender::subscribe)
    }

    /// Jobs that wait or run.
    pub fn depth(&self) -> u32 {
        u32::try_from(self.lists().stages.len()).unwrap_or(u32::MAX)
    }

    /// Evaluates jobs one after the other until told to stop; a job under way then stays queued on disk.
    pub async fn work(&self, worker: Arc<Worker>, stop: Stop) {
        loop {
            let Some((job, stage)) = self.next() else {
                tokio::select! {
                    () = self.0.more.notified() => continue,
                    () = stop.asked() => return,
                }
            };
            let id = job.id;
            let (evaluator, evaluation_stop) = (worker.clone(), stop.clone());
            let run = tokio::task::spawn_blocking(move || evaluator.run(&job, &stage, &evaluation_stop));
            if run.await.is_err() {
                // Not to be tried again at every start.
                tracing::error!(job = %hex::encode(id), "an evaluation panicked");
                if let Err(error) = worker
                    .db
                    .run(move |db| db.fail(&id, "the evaluation failed"))
                    .await
                {
                    tracing::error!(%error, "cannot store the failure");
                }
            }
            if let Some(stage) = self.lists().stages.remove(&id) {
                stage.send_replace(Stage::Ended);
            }
            if stop.flag().load(std::sync::atomic::Ordering::Acquire) {
                return;
            }
        }
    }

    fn next(&self) -> Option<(Job, watch::Sender<Stage>)> {
        let mut lists = self.lists();
        let job = lists.waiting.pop_front()?;
        lists.number();
        let stage = lists.stages.get(&job.id).cloned()?;
        Some((job, stage))
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.0.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lists {
    /// Tells every waiting job how many are before it, the running one included.
    fn number(&self) {
        let running = self.stages.len().saturating_sub(self.waiting.len());
        for (position, job) in self.waiting.iter().enumerate() {
            if let Some(stage) = self.stages.get(&job.id) {
                let before = u32::try_from(running.saturating_add(position)).unwrap_or(u32::MAX);
                stage.send_replace(Stage::Queued(before));
            }
        }
    }
}

impl Worker {
    fn run(&self, job: &Job, stage: &watch::Sender<Stage>, stop: &Stop) {
        let id = hex::encode(job.id);
        let started = Instant::now();
        match self.evaluate(job, stage, stop) {
            Ok(()) => {
                tracing::info!(job = id, seconds = started.elapsed().as_secs_f64(), "evaluated");
            }
            Err(JobError::Evaluation(zk_llm::Error::Cancelled)) => {
                tracing::info!(job = id, "interrupted; it resumes at the next start");
                if let Err(error) = self.db.interrupt(&job.id) {
                    tracing::error!(%error, "cannot store the interruption");
                }
            }
            Err(error) => {
                tracing::warn!(job = id, %error, cause = ?std::error::Error::source(&error), "failed");
                if let Err(error) = self.db.fail(&job.id, &error.to_string()) {
                    tracing::error!(%error, "cannot store the failure");
                }
            }
        }
    }

    fn evaluate(&self, job: &Job, stage: &watch::Sender<Stage>, stop: &Stop) -> Result<(), JobError> {
        let input = self.db.start(&job.id)?.ok_or(JobError::InputGone)?;
        let served = self.library.find(job.task).map_err(JobError::Task)?;
        let full = served.full().map_err(JobError::Task)?;
        let key = self.expanded(job, full)?;
        let layer: Mutex<Arc<str>> = Mutex::new("".into());
        let progress = |done: u64, total: u64, name: &str| {
            let layer = {
                let mut layer = layer.lock().unwrap_or_else(PoisonError::into_inner);
                if **layer != *name {
                    *layer = name.into();
                }
                layer.clone()
            };
            stage.send_if_modified(|stage| match stage {
                Stage::Running(known, ..) if *known >= done => false,
                _ => {
                    *stage = Stage::Running(done, total, layer);
                    true
                }
            });
        };
        stage.send_replace(Stage::Running(0, full.model.circuit().bootstraps(), "".into()));
        let started = Instant::now();
        let how = Evaluation {
            progress: Some(&progress),
            cancel: Some(stop.flag()),
            threads: self.threads,
        };
        let (output, trace) = self.answer(job, full, (&key, &input), &how)?;
        self.metrics
            .evaluated(full.model.circuit().bootstraps(), started.elapsed());
        let receipt = Receipt {
            version: PAYMENT_VERSION,
            genesis: self.genesis,
            job: job.id,
            brain: job.brain,
            task: job.task,
            evaluation_key: job.key,
            input: job.input,
            output: sha256(&output),
            trace,
            amount: job.price,
        };
        let signature = self.computekey.sign_receipt(&receipt);
        self.db.finish(&job.id, &output, &receipt.encode(), &signature)?;
        Ok(())
    }

    fn expanded(&self, job: &Job, full: &Full) -> Result<Expanded, JobError> {
        let key = if job.traced {
            let key = self.keys.load_exact(&job.key, &full.set);
            key.map(|key| Expanded::Exact(Box::new(key)))
        } else {
            self.keys.load(&job.key, &full.set).map(Expanded::Fast)
        };
        key.map_err(JobError::of_key)
    }

    /// The output, and the root of its trace if the job is traced; the trace is on disk then.
    fn answer(
        &self,
        job: &Job,
        full: &Full,
        (key, input): (&Expanded, &[u8]),
        how: &Evaluation<'_>,
    ) -> Result<(Vec<u8>, Option<H256>), JobError> {
        let key = match key {
            Expanded::Fast(key) => {
                let output = evaluate(&full.model, key, input, how).map_err(JobError::Evaluation)?;
                return Ok((output, None));
            }
            Expanded::Exact(key) => key,
        };
        // Others may have taken the room since the job was admitted.
        let size = full.model.limits().trace_bytes;
        self.keys.fits(size).map_err(JobError::Key)?;
        let mut trace = self.traces.create(&job.id).map_err(JobError::Trace)?;
        let (output, root) =
            evaluate_traced(&full.model, key, input, how, &mut trace).map_err(JobError::Evaluation)?;
        trace.keep().map_err(JobError::Trace)?;
        Ok((output, Some(H256(root))))
    }
}
