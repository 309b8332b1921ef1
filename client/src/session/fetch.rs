//! The public files of a task's model: from the cache, else from the miner; accepted by hash alone.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use rand::Rng;
use sp_core::H256;
use zk_llm::{
    import::{is_split, ClientPart, SplitManifest, PUBLIC_FILES},
    manifest::{GRAPH_FILE, MANIFEST_FILE, MAX_MANIFEST_BYTES},
    model::MAX_FILE_BYTES,
    Circuit, ClientModel, Manifest, Model,
};

use super::{
    link::{timely, timely_message, Link},
    SessionError,
};
use crate::{
    files,
    wire::{self, proto},
};

/// The client's part of a model.
#[derive(Debug)]
pub(super) enum TaskModel {
    /// The miner runs all of it.
    Full(Box<ClientModel>),
    /// The miner runs the linear layers.
    Split(Box<ClientPart>),
}

impl Link {
    /// The public part of the task's model.
    pub async fn model(&mut self, task: &H256, cache: &Path) -> Result<TaskModel, SessionError> {
        let dir = cache.join(hex::encode(task));
        if let Some(model) = load(&dir, task) {
            return Ok(model);
        }
        files::create_private_dir(cache)?;
        // Another process may do the same: whole files are moved to their place.
        let staging = Staging::new(&dir)?;
        let manifest = staging.0.join(MANIFEST_FILE);
        self.file(MANIFEST_FILE, MAX_MANIFEST_BYTES, &manifest).await?;
        let bytes = fs::read(&manifest)?;
        if wire::sha256(&bytes) != *task {
            return Err(SessionError::Protocol(
                "its manifest is not the Brain's task".into(),
            ));
        }
        if is_split(&bytes) {
            let manifest = SplitManifest::from_json(&bytes)?;
            for name in PUBLIC_FILES.into_iter().filter(|name| *name != MANIFEST_FILE) {
                let limit = manifest.file_limit(name);
                self.file(name, limit, &staging.0.join(name)).await?;
            }
            // Before the files are kept.
            ClientPart::load(&staging.0)?;
        } else {
            for name in Model::public_files()
                .into_iter()
                .filter(|name| *name != MANIFEST_FILE)
            {
                self.file(name, MAX_FILE_BYTES, &staging.0.join(name)).await?;
            }
            ClientModel::load(&staging.0)?;
        }
        staging.keep(&dir)?;
        load(&dir, task).ok_or_else(|| SessionError::Internal("the model's files changed on disk".into()))
    }

    /// The circuit of a model whose public part is in a directory. Its graph, which only audits need, is fetched once.
    pub async fn circuit(&mut self, manifest: &Manifest, dir: &Path) -> Result<Circuit, SessionError> {
        match compiled(dir, manifest).await {
            Ok(circuit) => return Ok(circuit),
            Err(error) => tracing::debug!(%error, "the graph is not here and is fetched"),
        }
        let staging = Staging::new(dir)?;
        self.file(GRAPH_FILE, MAX_FILE_BYTES, &staging.0.join(GRAPH_FILE))
            .await?;
        // Before the file is kept.
        let circuit = compiled(&staging.0, manifest).await;
        let circuit = circuit
            .map_err(|error| SessionError::Protocol(format!("its graph is not the model's ({error})")))?;
        staging.keep(dir)?;
        Ok(circuit)
    }

    /// Fetches a file of at most `limit` bytes.
    async fn file(&mut self, name: &str, limit: u64, into: &Path) -> Result<(), SessionError> {
        let request = proto::ModelFileRequest {
            name: name.to_owned(),
        };
        let mut stream = timely(self.client.model_file(request)).await?;
        let mut file = File::create(into)?;
        let mut size = 0;
        while let Some(chunk) = timely_message(&mut stream).await? {
            size += chunk.data.len() as u64;
            if chunk.data.len() > wire::MAX_CHUNK || size > limit {
                return Err(SessionError::Protocol(format!("{name} exceeds {limit} bytes")));
            }
            file.write_all(&chunk.data)?;
        }
        Ok(())
    }
}

/// The model in a directory, if it is the task's and whole.
fn load(dir: &Path, task: &H256) -> Option<TaskModel> {
    let manifest = dir.join(MANIFEST_FILE);
    if fs::metadata(&manifest).ok()?.len() > MAX_MANIFEST_BYTES {
        return None;
    }
    let bytes = fs::read(manifest).ok()?;
    if wire::sha256(&bytes) != *task {
        return None;
    }
    match is_split(&bytes) {
        true => Some(TaskModel::Split(Box::new(ClientPart::load(dir).ok()?))),
        false => Some(TaskModel::Full(Box::new(ClientModel::load(dir).ok()?))),
    }
}

/// Compiles the graph in a directory, which takes a while, if it is the manifest's.
async fn compiled(dir: &Path, manifest: &Manifest) -> Result<Circuit, SessionError> {
    let (path, manifest) = (dir.join(GRAPH_FILE), manifest.clone());
    let compiling =
        tokio::task::spawn_blocking(move || manifest.compile(&fs::read(path)?).map_err(SessionError::from));
    let compiled = compiling.await;
    compiled.map_err(|error| SessionError::Internal(error.to_string()))?
}

/// A directory for files that are not all there; removed unless it is kept.
struct Staging(PathBuf);

impl Staging {
    fn new(dir: &Path) -> Result<Self, SessionError> {
        let staging = dir.with_extension(format!("{:016x}", rand::thread_rng().gen::<u64>()));
        files::create_private_dir(&staging)?;
        Ok(Self(staging))
    }

    fn keep(self, dir: &Path) -> Result<(), SessionError> {
        match fs::rename(&self.0, dir) {
            Err(_) if dir.exists() => {
                for entry in fs::read_dir(&self.0)? {
                    let entry = entry?;
                    fs::rename(entry.path(), dir.join(entry.file_name()))?;
                }
                Ok(())
            }
            done => Ok(done?),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // It is gone once kept.
        fs::remove_dir_all(&self.0).ok();
    }
}
