//! Fine-tunes the model every so often, beside everything else: on threads of the lowest priority, and so that a
//! validator that is stopped in between goes on where it was.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use based_client::chain::AccountId;
use based_tft::{store, Forecaster, Outcome, Progress, Sizes, Table, Training};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{
    archive::{locked, Archive},
    features::{build, schema, HORIZON},
    figures::Figures,
    series::Records,
};

/// Fewest rows that are trained on: five days of ten-minute buckets. Of 612 for training and 108 for validation, 445
/// and 85 windows of a day and four hours remain.
pub const MIN_ROWS: usize = 720;
/// Decides the parameters of a new model; equal data give equal models.
const SEED: u64 = 1;
/// Wait between two looks at whether training is due.
const POLL: Duration = Duration::from_secs(20);
/// Name of what is remembered of trainings.
const FACT: &str = "training";
/// Lowest priority that the system knows.
const NICE: i32 = 19;

/// The last training, or the one under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Whether it has not ended.
    pub running: bool,
    /// Number of the last bucket that it sees.
    pub until: u32,
    /// Rows that it sees.
    pub rows: usize,
    /// When it began, in seconds since 1970.
    pub began: u64,
    /// Steps taken, of so many at most.
    pub step: usize,
    /// Steps at most.
    pub steps: usize,
    /// Normalised quantile loss on the newest rows before the first step, once it ended.
    pub loss_before: Option<f64>,
    /// The same of the best parameters so far.
    pub loss: Option<f64>,
    /// Wall time in seconds since the program began or resumed it.
    pub seconds: f64,
    /// Hash of the model that came out.
    pub model: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

impl Record {
    /// What is remembered.
    ///
    /// # Errors
    /// On failures of the database.
    pub fn read(archive: &Archive) -> anyhow::Result<Option<Self>> {
        archive.fact(FACT)
    }
}

/// The model in use and its versions on disk.
pub struct Model {
    directory: PathBuf,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    forecaster: Option<Arc<Forecaster>>,
    /// Changes whenever governance's choice displaces the model, so that a training of the old one is dropped.
    generation: u64,
}

impl Model {
    /// Directory of the versions in a data directory.
    pub fn directory(data_dir: &Path) -> PathBuf {
        data_dir.join("forecaster")
    }

    /// The current version in a data directory, if there is one for the features that this program makes.
    pub fn open(data_dir: &Path) -> Self {
        let directory = Self::directory(data_dir);
        let forecaster = match Forecaster::load(&directory, None) {
            Ok(forecaster) if fits(&forecaster) => Some(Arc::new(forecaster)),
            Ok(_) => {
                tracing::warn!("the stored model is for other features; a new one will be trained");
                None
            }
            Err(error) => {
                if store::current(&directory).is_ok() {
                    tracing::warn!("the stored model cannot be used: {error}");
                }
                None
            }
        };
        let held = Mutex::new(Held {
            forecaster,
            generation: 0,
        });
        Self { directory, held }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The model in use.
    pub fn get(&self) -> Option<Arc<Forecaster>> {
        self.held().forecaster.clone()
    }

    /// Takes a stored version into use.
    ///
    /// # Errors
    /// If there is no such version, or it is for other features.
    pub fn adopt(&self, version: &str) -> anyhow::Result<()> {
        let forecaster = Forecaster::load(&self.directory, Some(version))?;
        anyhow::ensure!(fits(&forecaster), "it is for other features");
        store::roll_back(&self.directory, version)?;
        let mut held = self.held();
        held.forecaster = Some(Arc::new(forecaster));
        held.generation += 1;
        Ok(())
    }

    /// Stores what a training of generation `from` came to and takes it into use; `None` if the model was displaced
    /// meanwhile.
    fn succeed(&self, from: u64, forecaster: Forecaster) -> anyhow::Result<Option<String>> {
        let mut held = self.held();
        if held.generation != from {
            return Ok(None);
        }
        let hash = forecaster.save(&self.directory)?;
        held.forecaster = Some(Arc::new(forecaster));
        Ok(Some(hash))
    }
}

fn fits(forecaster: &Forecaster) -> bool {
    *forecaster.schema() == schema() && forecaster.sizes().horizon <= HORIZON
}

/// What a training begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Goes on with an interrupted one, on the rows up to this bucket.
    Resume(u32),
    /// Begins anew.
    Begin,
}

/// Whether to train now: an interrupted training first, then every so often.
fn due(last: Option<&Record>, now: u64, every: Duration) -> Option<Due> {
    match last {
        Some(last) if last.running => Some(Due::Resume(last.until)),
        Some(last) if now < last.began.saturating_add(every.as_secs()) => None,
        _ => Some(Due::Begin),
    }
}

/// Trains the model.
pub struct Trainer {
    /// The model.
    pub model: Arc<Model>,
    /// What it is trained on.
    pub archive: Arc<Mutex<Archive>>,
    /// The validator's account, which is not its own peer.
    pub account: AccountId,
    /// Time between the beginnings of two trainings.
    pub every: Duration,
    /// Sizes of the model.
    pub sizes: Sizes,
    /// Figures.
    pub figures: Figures,
}

impl Trainer {
    /// Trains whenever it is due, forever.
    pub async fn work(self) {
        let trainer = Arc::new(self);
        loop {
            let prepared = {
                let trainer = trainer.clone();
                tokio::task::spawn_blocking(move || trainer.prepare()).await
            };
            match prepared
                .map_err(anyhow::Error::from)
                .and_then(|prepared| prepared)
            {
                Ok(Some((table, record))) => trainer.clone().train(table, record).await,
                Ok(None) => {}
                Err(error) => tracing::warn!("training cannot be prepared: {error:#}"),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Rows to train on, if training is due and there are enough.
    fn prepare(&self) -> anyhow::Result<Option<(Table, Record)>> {
        let archive = locked(&self.archive);
        let last = Record::read(&archive)?;
        let Some(due) = due(last.as_ref(), now(), self.every) else {
            return Ok(None);
        };
        // A bucket becomes at most one row.
        if archive.tempo()?.is_none() || (archive.size()? as usize) < MIN_ROWS {
            return Ok(None);
        }
        let until = match due {
            Due::Resume(until) => Some(until),
            Due::Begin => None,
        };
        let records = Records::read(&archive, &self.account, until)?;
        let Some(built) = build(&records).filter(|built| built.rows() >= MIN_ROWS) else {
            return Ok(None);
        };
        let record = Record {
            running: true,
            until: built.last,
            rows: built.rows(),
            began: match (due, last) {
                (Due::Resume(_), Some(last)) => last.began,
                _ => now(),
            },
            steps: Training::default().steps,
            ..Record::default()
        };
        archive.set_fact(FACT, &record)?;
        Ok(Some((built.table, record)))
    }

    async fn train(self: Arc<Self>, table: Table, record: Record) {
        let (done, ended) = oneshot::channel();
        let trainer = self.clone();
        // A thread of its own, not of the runtime: the program may end without waiting for it.
        let thread = std::thread::Builder::new()
            .name("training".into())
            .spawn(move || {
                trainer.run(table, record);
                // The receiver is gone when the program ends.
                let _ = done.send(());
            });
        match thread {
            Ok(_) => ended.await.unwrap_or(()),
            Err(error) => tracing::warn!("training cannot begin: {error}"),
        }
    }

    fn run(&self, table: Table, mut record: Record) {
        let begin = Instant::now();
        let stored = self.model.directory.join("training.safetensors");
        let generation = self.model.held().generation;
        tracing::info!(rows = record.rows, "training begins");
        let trained = self
            .fine_tune(&table, &stored, &mut record, begin)
            .and_then(|(forecaster, outcome)| Ok((self.model.succeed(generation, forecaster)?, outcome)));
        record.running = false;
        record.seconds = begin.elapsed().as_secs_f64();
        match trained {
            Ok((model, outcome)) => {
                record.step = outcome.steps;
                record.loss_before = Some(outcome.initial_validation);
                record.loss = Some(outcome.validation);
                tracing::info!(
                    steps = outcome.steps,
                    resumed_at = outcome.resumed_at,
                    before = outcome.initial_validation,
                    after = outcome.validation,
                    seconds = record.seconds,
                    model = model
                        .as_deref()
                        .unwrap_or("dropped: governance chose another meanwhile"),
                    "training ended"
                );
                self.figures.training_loss.set(outcome.validation);
                record.model = model;
            }
            Err(error) => {
                tracing::warn!("training failed: {error:#}");
                record.error = Some(format!("{error:#}"));
                // Whatever it left must not make the next one fail.
                if stored.exists() {
                    fs::remove_file(&stored).ok();
                }
            }
        }
        self.figures.training_seconds.set(record.seconds);
        self.remember(&record);
    }

    fn fine_tune(
        &self,
        table: &Table,
        stored: &Path,
        record: &mut Record,
        begin: Instant,
    ) -> anyhow::Result<(Forecaster, Outcome)> {
        let pool = rayon::ThreadPoolBuilder::new()
            .thread_name(|at| format!("training-{at}"))
            .start_handler(|_| yield_to_others())
            .build()
            .context("no threads")?;
        // Read from disk, since trained parameters would show in the model in use.
        let base = Forecaster::load(&self.model.directory, None).ok();
        let base = base.filter(|base| fits(base) && base.sizes() == self.sizes);
        let mut forecaster = match base {
            Some(base) => base,
            None => Forecaster::new(schema(), self.sizes, SEED)?,
        };
        let mut progress = |progress: &Progress| {
            self.figures.training_seconds.set(begin.elapsed().as_secs_f64());
            self.figures.training_loss.set(progress.validation);
            if record.loss != Some(progress.validation) || progress.step == progress.steps {
                record.step = progress.step;
                record.loss = Some(progress.validation);
                record.seconds = begin.elapsed().as_secs_f64();
                self.remember(record);
            }
        };
        let outcome =
            pool.install(|| forecaster.fine_tune(table, Training::default(), Some(stored), &mut progress))?;
        Ok((forecaster, outcome))
    }

    fn remember(&self, record: &Record) {
        if let Err(error) = locked(&self.archive).set_fact(FACT, record) {
            tracing::warn!("the state of the training cannot be kept: {error:#}");
        }
    }
}

/// Gives the calling thread the lowest priority: canaries and blocks come first.
fn yield_to_others() {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "training keeps its priority");
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{archive::Tempo, series::sample};
    use crate::metrics::Metrics;
    use based_primitives::forecasts::MetricsBucket;
    use sp_core::H256;

    const DAY: Duration = Duration::from_secs(86_400);

    fn trainer(dir: &Path, sizes: Sizes) -> Trainer {
        Trainer {
            model: Arc::new(Model::open(dir)),
            archive: Arc::new(Mutex::new(Archive::open(dir).unwrap())),
            account: AccountId::new([1; 32]),
            every: DAY,
            sizes,
            figures: Metrics::new().unwrap().forecasts,
        }
    }

    fn tiny() -> Sizes {
        Sizes {
            width: 4,
            heads: 1,
            encoder: 24,
            horizon: HORIZON,
            dropout: 0.0,
        }
    }

    /// Buckets in which demand follows a wave of 36 buckets.
    fn waves(numbers: std::ops::Range<u32>) -> Vec<MetricsBucket> {
        let bucket = |number: u32| {
            let mut bucket = sample(number);
            let wave = (f64::from(number) * std::f64::consts::TAU / 36.0).sin();
            bucket.transactions = (500.0 + 400.0 * wave) as u64;
            bucket
        };
        numbers.map(bucket).collect()
    }

    #[test]
    fn an_interrupted_training_goes_on_and_others_wait_their_time() {
        let mut record = Record {
            running: true,
            until: 9,
            began: 1_000,
            ..Record::default()
        };
        assert_eq!(due(None, 5, DAY), Some(Due::Begin));
        assert_eq!(due(Some(&record), 1_001, DAY), Some(Due::Resume(9)));
        record.running = false;
        assert_eq!(due(Some(&record), 87_399, DAY), None);
        assert_eq!(due(Some(&record), 87_400, DAY), Some(Due::Begin));
    }

    #[test]
    fn few_rows_are_not_trained_on() {
        let dir = tempfile::tempdir().unwrap();
        let trainer = trainer(dir.path(), tiny());
        assert!(trainer.prepare().unwrap().is_none(), "nothing is known");
        let tempo = Tempo { cycle: 20, reveal: 5 };
        locked(&trainer.archive).bind(H256([1; 32]), tempo).unwrap();
        // Three rows have no whole cycle behind them.
        locked(&trainer.archive)
            .add_buckets(&waves(0..MIN_ROWS as u32 + 2))
            .unwrap();
        assert!(trainer.prepare().unwrap().is_none());
        locked(&trainer.archive).add_buckets(&waves(722..723)).unwrap();
        let (_, record) = trainer.prepare().unwrap().unwrap();
        assert_eq!((record.rows, record.until, record.running), (720, 722, true));
        // Stopped there, and started again when there is more: the same rows.
        locked(&trainer.archive).add_buckets(&waves(723..800)).unwrap();
        let (_, resumed) = trainer.prepare().unwrap().unwrap();
        assert_eq!((resumed.rows, resumed.until), (720, 722));
    }

    #[test]
    fn a_training_leaves_a_model_that_can_be_returned_to() {
        let dir = tempfile::tempdir().unwrap();
        let trainer = trainer(dir.path(), tiny());
        let tempo = Tempo { cycle: 20, reveal: 5 };
        locked(&trainer.archive).bind(H256([1; 32]), tempo).unwrap();
        locked(&trainer.archive).add_buckets(&waves(0..760)).unwrap();
        let (table, record) = trainer.prepare().unwrap().unwrap();
        trainer.run(table.clone(), record);
        let ended = Record::read(&locked(&trainer.archive)).unwrap().unwrap();
        assert!(!ended.running && ended.error.is_none(), "{ended:?}");
        assert!(
            ended.loss.unwrap() < 0.7 * ended.loss_before.unwrap(),
            "{ended:?}"
        );
        let first = ended.model.clone().unwrap();
        assert_eq!(trainer.model.get().unwrap().hash().unwrap(), first);
        assert_eq!(Model::open(dir.path()).get().unwrap().hash().unwrap(), first);

        // Governance names the first while the second is being trained.
        let generation = trainer.model.held().generation;
        trainer.model.adopt(&first).unwrap();
        let other = Forecaster::new(schema(), tiny(), 9).unwrap();
        assert_eq!(trainer.model.succeed(generation, other).unwrap(), None);
        assert_eq!(trainer.model.get().unwrap().hash().unwrap(), first);
        let error = trainer.model.adopt(&"ab".repeat(32)).unwrap_err().to_string();
        assert!(error.contains("no version"), "{error}");
    }
}
