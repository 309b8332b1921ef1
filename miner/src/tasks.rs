//! Models on disk by the hash of their manifest, and what the chain asks this miner to run.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use based_client::{
    models::Models,
    wire::{
        sha256,
        split::{bucket, widest},
        FULL_COMPLETION_UNITS, MODEL_FILES,
    },
};
use based_primitives::{Balance, BlockNumber, PriceList, Task};
use sp_core::H256;
use zk_llm::{
    import::{is_split, ClientPart, SplitManifest, Weights, PUBLIC_FILES},
    manifest::{MANIFEST_FILE, MAX_MANIFEST_BYTES},
    split::Matrix,
    Device, Model, ParameterSet,
};

use crate::limits;

/// Time before a failed download is tried again.
const FETCH_PAUSE: Duration = Duration::from_secs(300);
/// Models kept loaded: the one in force and its predecessor, whose queued jobs are still finished.
const LOADED: usize = 2;

/// Why a model cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// No directory holds the model.
    #[error("no model directory holds manifest {0}; add the model under --models-dir, no restart is needed")]
    Missing(String),
    /// The model's files are damaged.
    #[error("model {}: {source}", dir.display())]
    Model {
        /// Its directory.
        dir: PathBuf,
        /// The cause.
        source: zk_llm::Error,
    },
    /// A file cannot be read.
    #[error("model file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A call of the other mode.
    #[error("the Brain's model runs in {0} mode; fetch the model again, or update the program")]
    OtherMode(&'static str),
}

/// A model that is served.
pub struct Served {
    /// SHA-256 of its manifest.
    pub task: H256,
    /// How it is run.
    pub work: Work,
    /// Its public files by name.
    pub public: HashMap<&'static str, Public>,
}

/// How a model is run.
pub enum Work {
    /// The whole circuit under encryption.
    Full(Box<Full>),
    /// Its linear layers, for a client that does the rest.
    Split(Arc<Split>),
}

/// A model of full mode.
pub struct Full {
    /// The model.
    pub model: Model,
    /// Its parameter set.
    pub set: ParameterSet,
}

/// A model of split mode.
pub struct Split {
    manifest: SplitManifest,
    matrices: Vec<Matrix>,
    widest: usize,
}

/// A public file.
#[derive(Clone)]
pub enum Public {
    /// In memory.
    Memory(Arc<[u8]>),
    /// Too large for that; its hash was right when the model was loaded.
    Disk(PathBuf),
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served")
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Split")
            .field("name", &self.manifest.name)
            .finish_non_exhaustive()
    }
}

impl Split {
    /// Loads the miner's part of an imported model, for products on a device, and checks the client's, which it serves.
    fn load(dir: &Path, device: &Device) -> Result<Self, zk_llm::Error> {
        ClientPart::load(dir)?;
        let weights = Weights::load(dir)?;
        let manifest = weights.manifest().clone();
        let widest = widest(&manifest);
        if widest == 0 {
            return Err(zk_llm::Error::Manifest(
                "its layers are too large to be served in split mode".into(),
            ));
        }
        Ok(Self {
            matrices: weights.into_matrices_on(device)?,
            manifest,
            widest,
        })
    }

    /// The manifest.
    pub fn manifest(&self) -> &SplitManifest {
        &self.manifest
    }

    /// Linear layers in their order.
    pub fn matrices(&self) -> &[Matrix] {
        &self.matrices
    }

    /// Most positions of a pass.
    pub fn widest(&self) -> usize {
        self.widest
    }
}

impl Served {
    /// Loads a model directory, for work on a device.
    ///
    /// # Errors
    /// If a file is missing, damaged or too large, or the device fails.
    pub fn load(dir: &Path, device: &Device) -> Result<Self, TaskError> {
        let manifest = read(&dir.join(MANIFEST_FILE), MAX_MANIFEST_BYTES)?;
        if is_split(&manifest) {
            Self::load_split(dir, &manifest, device)
        } else {
            Self::load_full(dir)
        }
    }

    fn load_full(dir: &Path) -> Result<Self, TaskError> {
        let damaged = |source| TaskError::Model {
            dir: dir.to_owned(),
            source,
        };
        let model = Model::load(dir).map_err(damaged)?;
        let mut public = HashMap::new();
        for name in MODEL_FILES {
            let bytes = read(&dir.join(name), limits::PUBLIC_FILE)?;
            if name != MANIFEST_FILE {
                model.manifest().verify(name, &bytes).map_err(damaged)?;
            }
            public.insert(name, Public::Memory(bytes.into()));
        }
        let task = H256(model.manifest_hash());
        let set = *model.circuit().parameter_set();
        Ok(Self {
            task,
            work: Work::Full(Box::new(Full { model, set })),
            public,
        })
    }

    fn load_split(dir: &Path, manifest: &[u8], device: &Device) -> Result<Self, TaskError> {
        let damaged = |source| TaskError::Model {
            dir: dir.to_owned(),
            source,
        };
        let split = Split::load(dir, device).map_err(damaged)?;
        let mut public = HashMap::from([(MANIFEST_FILE, Public::Memory(manifest.into()))]);
        for name in PUBLIC_FILES.into_iter().filter(|name| *name != MANIFEST_FILE) {
            public.insert(name, Public::Disk(dir.join(name)));
        }
        Ok(Self {
            task: sha256(manifest),
            work: Work::Split(Arc::new(split)),
            public,
        })
    }

    /// Price of a job. In full mode it is the whole context, so that a prompt's length shows nowhere, and one answer
    /// (R139); in split mode the least that a session costs.
    pub fn price(&self, prices: &PriceList) -> Option<Balance> {
        match &self.work {
            Work::Full(full) => prices.quote(full.model.manifest().context, FULL_COMPLETION_UNITS),
            Work::Split(split) => prices.quote(bucket(1, split.manifest.network.context), 0),
        }
    }

    /// The model of full mode.
    ///
    /// # Errors
    /// [`TaskError::OtherMode`] if it is of split mode.
    pub fn full(&self) -> Result<&Full, TaskError> {
        match &self.work {
            Work::Full(full) => Ok(full),
            Work::Split(_) => Err(TaskError::OtherMode("split")),
        }
    }

    /// The model of split mode.
    ///
    /// # Errors
    /// [`TaskError::OtherMode`] if it is of full mode.
    pub fn split(&self) -> Result<&Arc<Split>, TaskError> {
        match &self.work {
            Work::Split(split) => Ok(split),
            Work::Full(_) => Err(TaskError::OtherMode("full")),
        }
    }
}

/// Models on this machine; the task's repository is asked for those that are missing.
pub struct Library {
    models: Models,
    device: Device,
    loaded: Mutex<Vec<Arc<Served>>>,
    fetching: Mutex<Option<Fetch>>,
}

/// A download of a task's model: under way, or failed.
struct Fetch {
    task: H256,
    failed: Option<(String, Instant)>,
}

impl Library {
    /// A library over the operator's directories and the data directory, whose models run on a device.
    pub fn new(models: Models, device: Device) -> Self {
        Self {
            models,
            device,
            loaded: Mutex::default(),
            fetching: Mutex::default(),
        }
    }

    /// The model with this manifest, loaded from disk if need be. Blocks.
    ///
    /// # Errors
    /// If no directory holds it or its files are damaged.
    pub fn find(&self, task: H256) -> Result<Arc<Served>, TaskError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(served) = loaded.iter().find(|served| served.task == task) {
            return Ok(served.clone());
        }
        let dir = self
            .models
            .find(&task.0)
            .ok_or_else(|| TaskError::Missing(hex::encode(task.0)))?;
        let served = Arc::new(Served::load(&dir, &self.device)?);
        loaded.push(served.clone());
        if loaded.len() > LOADED {
            loaded.remove(0);
        }
        Ok(served)
    }

    /// Whether the model is on this machine; nothing is loaded.
    pub fn has(&self, task: H256) -> bool {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.iter().any(|served| served.task == task) || self.models.find(&task.0).is_some()
    }

    /// Starts to fetch a task's model from its repository, unless that is under way or failed just now;
    /// says where the fetch stands.
    pub fn fetch(self: &Arc<Self>, task: &Task) -> String {
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fetch) = fetching.as_ref().filter(|fetch| fetch.task == task.manifest) {
            match &fetch.failed {
                None => return "its model is being fetched".into(),
                Some((error, at)) if at.elapsed() < FETCH_PAUSE => return error.clone(),
                Some(_) => {}
            }
        }
        *fetching = Some(Fetch {
            task: task.manifest,
            failed: None,
        });
        let (library, task) = (self.clone(), task.clone());
        tokio::spawn(async move {
            let outcome = library.models.obtain(&task).await;
            let mut fetching = library.fetching.lock().unwrap_or_else(PoisonError::into_inner);
            if fetching.as_ref().is_some_and(|fetch| fetch.task == task.manifest) {
                *fetching = outcome.err().map(|error| {
                    tracing::warn!(%error, "cannot fetch the task's model");
                    let hint = format!(
                        "its model {} cannot be fetched: {error:#}",
                        hex::encode(task.manifest.0)
                    );
                    Fetch {
                        task: task.manifest,
                        failed: Some((hint, Instant::now())),
                    }
                });
            }
        });
        "its model is being fetched".into()
    }
}

/// What the chain asks of this miner, as last read.
#[derive(Clone, Debug, Default)]
pub struct Situation {
    /// Height of the chain.
    pub head: BlockNumber,
    /// Whether the node answered the last question.
    pub reachable: bool,
    /// Model in force, or why nothing is served.
    pub offer: Offer,
    /// Announced task and the block from which it holds (R062).
    pub next: Option<(Task, BlockNumber)>,
}

/// What is served.
#[derive(Clone, Debug)]
pub enum Offer {
    /// This model.
    Open {
        /// The model.
        served: Arc<Served>,
        /// Price of a job, or the least of a session.
        price: Balance,
        /// The Brain's prices.
        prices: PriceList,
    },
    /// None, for this reason.
    Closed(String),
}

impl Default for Offer {
    fn default() -> Self {
        Self::Closed("the miner has not reached its node yet; try again later".into())
    }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, TaskError> {
    let fail = |source| TaskError::File {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(fail)?;
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(fail(io::Error::other(format!("larger than {limit} bytes"))));
    }
    Ok(bytes)
}
