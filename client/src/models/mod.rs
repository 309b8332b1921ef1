//! Finds the model that a Brain's task names: in the operator's model directories, else in the task's repository
//! at the task's commit (R062, R158). Whatever is found is accepted by hash alone.

mod quota;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{bail, Context};
use based_primitives::Task;
use tokio::process::Command;
use zk_llm::{
    import::{is_split, ClientPart, Weights},
    manifest::{sha256, MANIFEST_FILE, MAX_MANIFEST_BYTES},
};

pub use quota::{used, Quota};

/// Longest time a repository may take to arrive.
const FETCH_TIME: Duration = Duration::from_secs(30 * 60);
/// Directory levels of a repository in which a model is looked for.
const DEPTH: usize = 5;
/// Directories looked into at most.
const MAX_DIRS: usize = 20_000;
/// How often a download is checked against the quota.
const WATCH: Duration = Duration::from_millis(500);

/// Where models are looked for and kept.
#[derive(Clone, Debug)]
pub struct Models {
    given: Vec<PathBuf>,
    kept: PathBuf,
    data_dir: PathBuf,
    quota: Quota,
}

impl Models {
    /// Looks in `given` (each a model or a directory of models) and keeps downloads in `data_dir`/models.
    pub fn new(given: Vec<PathBuf>, data_dir: &Path, quota: Quota) -> Self {
        Self {
            given,
            kept: data_dir.join("models"),
            data_dir: data_dir.into(),
            quota,
        }
    }

    /// Directory of the model with this manifest hash, if it is on this machine.
    pub fn find(&self, manifest: &[u8; 32]) -> Option<PathBuf> {
        self.given
            .iter()
            .chain([&self.kept])
            .find_map(|dir| search(dir, manifest, 2))
    }

    /// Directory of the task's model, fetched from its repository if need be.
    ///
    /// # Errors
    /// If the repository cannot be fetched within the quota, or holds no such model.
    pub async fn obtain(&self, task: &Task) -> anyhow::Result<PathBuf> {
        let manifest = task.manifest.0;
        if let Some(dir) = self.find(&manifest) {
            return Ok(dir);
        }
        let url = std::str::from_utf8(&task.repository).context("the task's repository is not a URL")?;
        let commit = hex::encode(task.commit);
        if !url.starts_with("https://") || task.commit == [0; 20] {
            bail!("the task's repository {url:?} is no https URL with a commit");
        }
        let name = hex::encode(manifest);
        tracing::info!(repository = url, %commit, manifest = %name, "fetching the model of the task");
        fs::create_dir_all(&self.kept)?;
        let checkout = tempfile::Builder::new()
            .prefix(".fetch-")
            .tempdir_in(&self.kept)?;
        let fetched = tokio::time::timeout(FETCH_TIME, self.fetch(checkout.path(), url, &commit)).await;
        fetched.with_context(|| format!("{url} took longer than {} s", FETCH_TIME.as_secs()))??;
        let Some(found) = search(checkout.path(), &manifest, DEPTH) else {
            bail!("{url} at {commit} holds no model with manifest {name}; put it into --model-dir yourself");
        };
        self.keep(
            &found,
            &self.kept.join(name),
            &files(&found).context("the fetched model is damaged")?,
        )
    }

    /// Moves the files that the manifest names, and no others, to their place.
    fn keep(&self, from: &Path, to: &Path, files: &[String]) -> anyhow::Result<PathBuf> {
        let staging = tempfile::Builder::new().prefix(".keep-").tempdir_in(&self.kept)?;
        for file in files.iter().map(String::as_str).chain([MANIFEST_FILE]) {
            fs::copy(from.join(file), staging.path().join(file))
                .with_context(|| format!("cannot copy {file}"))?;
        }
        fs::rename(staging.into_path(), to)?;
        Ok(to.into())
    }

    async fn fetch(&self, into: &Path, url: &str, commit: &str) -> anyhow::Result<()> {
        self.git(into, &["init", "--quiet", "."]).await?;
        self.git(
            into,
            &["fetch", "--quiet", "--depth", "1", "--no-tags", url, commit],
        )
        .await?;
        self.git(into, &["checkout", "--quiet", "--detach", commit]).await
    }

    /// Runs git without prompts, hooks, submodules or any protocol but https, and stops it at the quota.
    async fn git(&self, dir: &Path, args: &[&str]) -> anyhow::Result<()> {
        let mut child = Command::new("git")
            .args([
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "core.symlinks=false",
                "-c",
                "protocol.allow=never",
            ])
            .args([
                "-c",
                "protocol.https.allow=always",
                "-c",
                "fetch.fsckObjects=true",
            ])
            .args(args)
            .current_dir(dir)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot run git; install it or put the model into --model-dir")?;
        loop {
            tokio::select! {
                status = child.wait() => {
                    if status?.success() {
                        return Ok(());
                    }
                    let mut text = String::new();
                    if let Some(mut stderr) = child.stderr.take() {
                        use tokio::io::AsyncReadExt;
                        let mut bytes = vec![0; 2048];
                        let read = stderr.read(&mut bytes).await.unwrap_or(0);
                        text = String::from_utf8_lossy(&bytes[..read]).trim().to_owned();
                    }
                    bail!("git {} failed: {text}", args[0]);
                },
                () = tokio::time::sleep(WATCH) => {
                    if used(&self.data_dir)? > self.quota.bytes() {
                        bail!("the task's repository exceeds the storage declared for this peer; raise --storage-mib");
                    }
                },
            }
        }
    }
}

/// Files besides the manifest of a model whose hashes are right, of either mode.
fn files(dir: &Path) -> anyhow::Result<Vec<String>> {
    let manifest = fs::read(dir.join(MANIFEST_FILE))?;
    if is_split(&manifest) {
        ClientPart::load(dir)?;
        let weights = Weights::load(dir)?;
        return Ok(weights.manifest().files.keys().cloned().collect());
    }
    let model = zk_llm::Model::load(dir)?;
    Ok(model.manifest().files.keys().cloned().collect())
}

/// Looks for a directory, at most `depth` levels down, whose manifest has the hash.
fn search(root: &Path, manifest: &[u8; 32], depth: usize) -> Option<PathBuf> {
    let mut pending = vec![(root.to_path_buf(), depth)];
    let mut seen = 0;
    while let Some((dir, depth)) = pending.pop() {
        seen += 1;
        if seen > MAX_DIRS {
            return None;
        }
        if hash_of(&dir.join(MANIFEST_FILE)).is_ok_and(|hash| hash == *manifest) {
            return Some(dir);
        }
        let entries = if depth == 0 { None } else { fs::read_dir(&dir).ok() };
        for entry in entries.into_iter().flatten().flatten() {
            let hidden = entry.file_name().as_encoded_bytes().first() == Some(&b'.');
            if !hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push((entry.path(), depth - 1));
            }
        }
    }
    None
}

fn hash_of(file: &Path) -> io::Result<[u8; 32]> {
    if fs::metadata(file)?.len() > MAX_MANIFEST_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(sha256(&fs::read(file)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(repository: &str) -> Task {
        Task {
            manifest: [1; 32].into(),
            repository: repository.as_bytes().to_vec().try_into().unwrap(),
            commit: [1; 20],
            zk: true,
        }
    }

    #[test]
    fn finds_a_model_by_hash_whether_given_itself_or_by_its_parent() {
        let dir = tempfile::tempdir().unwrap();
        let model = dir.path().join("emotion");
        fs::create_dir(&model).unwrap();
        fs::write(model.join(MANIFEST_FILE), b"{}").unwrap();
        let hash = sha256(b"{}");
        for given in [&model, &dir.path().to_path_buf()] {
            let models = Models::new(vec![given.clone()], dir.path(), Quota::from_mib(1));
            assert_eq!(models.find(&hash), Some(model.clone()));
            assert_eq!(models.find(&[7; 32]), None);
        }
    }

    #[test]
    fn passes_over_oversized_manifests_and_hidden_directories() {
        let dir = tempfile::tempdir().unwrap();
        let big = vec![b' '; MAX_MANIFEST_BYTES as usize + 1];
        fs::write(dir.path().join(MANIFEST_FILE), &big).unwrap();
        fs::create_dir(dir.path().join(".git")).unwrap();
        fs::write(dir.path().join(".git").join(MANIFEST_FILE), b"{}").unwrap();
        let models = Models::new(vec![dir.path().into()], dir.path(), Quota::from_mib(1));
        assert_eq!(models.find(&sha256(&big)), None);
        assert_eq!(models.find(&sha256(b"{}")), None);
    }

    #[tokio::test]
    async fn refuses_repositories_that_are_not_https() {
        let dir = tempfile::tempdir().unwrap();
        let models = Models::new(vec![], dir.path(), Quota::from_mib(1));
        for url in ["file:///etc", "ext::sh -c true", "http://example.org/x", ""] {
            let error = models.obtain(&task(url)).await.unwrap_err().to_string();
            assert!(error.contains("no https URL"), "{url}: {error}");
        }
    }
}
