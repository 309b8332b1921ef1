//! Downloads from a hub of models: a pinned commit, every file checked against the listing's hash, cut connections
//! resumed where they broke.
//!
//! Endpoints spoken: `/api/models/{id}/revision/{revision}?blobs=true` and `/{id}/resolve/{commit}/{file}`.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use ureq::http::{header, Response, StatusCode};
use ureq::{Agent, Body};

use super::source::Repository;
use crate::error::{Error, Result};

/// The hub, unless `HF_ENDPOINT` names another.
pub const ENDPOINT: &str = "https://huggingface.co";
/// Largest listing of a repository that is read, in bytes.
const MAX_LISTING_BYTES: u64 = 16 << 20;
/// Attempts in a row that bring no byte before a download is given up.
const ATTEMPTS: u32 = 5;
/// A connection is replaced after this time, so that a stalled one does not hold a download.
const CONNECTION_TIME: Duration = Duration::from_secs(600);

/// A hub of models.
#[derive(Debug)]
pub struct Hub {
    agent: Agent,
    endpoint: String,
    token: Option<String>,
    pause: Duration,
}

/// A repository at one commit.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub id: String,
    pub commit: String,
    files: Vec<Listed>,
}

#[derive(Clone, Debug)]
struct Listed {
    path: String,
    size: u64,
    hash: ListedHash,
}

#[derive(Clone, Debug)]
enum ListedHash {
    /// Of the contents.
    Sha256(String),
    /// Of git's form of them.
    Blob(String),
}

#[derive(Deserialize)]
struct Listing {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

impl Hub {
    /// A hub at `endpoint`, with the user's access token if there is one.
    ///
    /// # Errors
    /// [`Error::Hub`] unless the endpoint is https, or http on this machine.
    pub fn new(endpoint: &str, token: Option<String>) -> Result<Self> {
        let endpoint = endpoint.trim_end_matches('/');
        let host = endpoint
            .strip_prefix("http://")
            .map(|rest| rest.split([':', '/']).next());
        let local = matches!(host, Some(Some("127.0.0.1" | "localhost")));
        if !local && !endpoint.starts_with("https://") {
            return Err(Error::Hub(format!("the endpoint {endpoint:?} is not https")));
        }
        let mut config = Agent::config_builder()
            .https_only(!local)
            .http_status_as_error(false)
            .user_agent(concat!("based/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_recv_body(Some(CONNECTION_TIME));
        if local {
            config = config.proxy(None);
        }
        Ok(Self {
            agent: config.build().into(),
            endpoint: endpoint.into(),
            token: token.filter(|token| !token.is_empty()),
            pause: Duration::from_secs(1),
        })
    }

    /// The hub of `HF_ENDPOINT`, with the token in `HF_TOKEN`.
    ///
    /// # Errors
    /// As [`Hub::new`].
    pub fn from_env() -> Result<Self> {
        let endpoint = std::env::var("HF_ENDPOINT")
            .ok()
            .filter(|endpoint| !endpoint.is_empty());
        Self::new(
            endpoint.as_deref().unwrap_or(ENDPOINT),
            std::env::var("HF_TOKEN").ok(),
        )
    }

    /// Waits this long between attempts, and a multiple of it after several.
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The commit that a revision names now, and its files.
    ///
    /// # Errors
    /// [`Error::Hub`].
    pub(super) fn snapshot(&self, repository: &Repository) -> Result<Snapshot> {
        let id = repository.id();
        let revision = repository.revision.replace('/', "%2F");
        let url = format!("{}/api/models/{id}/revision/{revision}?blobs=true", self.endpoint);
        let mut attempt = 0;
        let mut response = loop {
            match self.get(&url, 0, &id) {
                Err(Failure::Passing(_)) if attempt < ATTEMPTS => {
                    attempt += 1;
                    std::thread::sleep(self.pause * attempt);
                }
                other => break other?,
            }
        };
        let body = response
            .body_mut()
            .with_config()
            .limit(MAX_LISTING_BYTES)
            .read_to_vec();
        let body = body.map_err(|e| Error::Hub(format!("the listing of {repository}: {e}")))?;
        let listing: Listing = serde_json::from_slice(&body)
            .map_err(|e| Error::Hub(format!("the listing of {repository} is malformed: {e}")))?;
        if !is_hex(&listing.sha, 40) {
            return Err(Error::Hub(format!("the listing of {repository} names no commit")));
        }
        let files = listing.siblings.into_iter().filter_map(|file| {
            let (size, hash) = match (file.lfs, file.blob_id) {
                (Some(lfs), _) => (lfs.size, ListedHash::Sha256(lfs.sha256)),
                (None, Some(blob)) => (file.size?, ListedHash::Blob(blob)),
                (None, None) => return None,
            };
            Some(Listed {
                path: file.rfilename,
                size,
                hash,
            })
        });
        Ok(Snapshot {
            id,
            commit: listing.sha,
            files: files.collect(),
        })
    }

    fn get(&self, url: &str, from: u64, what: &str) -> std::result::Result<Response<Body>, Failure> {
        let mut request = self.agent.get(url);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        let response = request
            .call()
            .map_err(|e| Failure::Passing(format!("{what}: {e}")))?;
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => Ok(response),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::Lasting(format!(
                "{what} is not open to everybody, or does not exist: accept its terms on its page and set HF_TOKEN"
            ))),
            StatusCode::NOT_FOUND => Err(Failure::Lasting(format!("{what} does not exist at this revision"))),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::Passing(format!("{what}: the hub answers {status}")))
            }
            status => Err(Failure::Lasting(format!("{what}: the hub answers {status}"))),
        }
    }

    /// Brings one file of a snapshot into `folder`, unless it is there, and checks its hash. `progress` is told the
    /// bytes that are there and those of the whole file.
    ///
    /// # Errors
    /// [`Error::Hub`] if it is not listed, cannot be had or is longer than listed; [`Error::HashMismatch`]; [`Error::Io`].
    pub(super) fn download(
        &self,
        snapshot: &Snapshot,
        path: &str,
        folder: &Path,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        let listed = snapshot
            .find(path)
            .ok_or_else(|| Error::Hub(format!("{} has no {path} at {}", snapshot.id, snapshot.commit)))?;
        let whole = folder.join(path);
        if whole.exists() {
            if matches_listing(&whole, listed)? {
                progress(listed.size, listed.size);
                return Ok(());
            }
            fs::remove_file(&whole).map_err(io(&whole))?;
        }
        if let Some(parent) = whole.parent() {
            fs::create_dir_all(parent).map_err(io(parent))?;
        }
        let part = folder.join(format!("{path}.part"));
        let url = format!(
            "{}/{}/resolve/{}/{path}",
            self.endpoint, snapshot.id, snapshot.commit
        );
        let mut idle = 0;
        loop {
            let before = fs::metadata(&part).map_or(0, |meta| meta.len());
            if before == listed.size && part.exists() {
                break;
            }
            match self.append(&url, &part, before, listed, progress) {
                Ok(()) => {}
                Err(Failure::Passing(_)) if fs::metadata(&part).map_or(0, |meta| meta.len()) > before => {
                    idle = 0
                }
                Err(Failure::Passing(_)) if idle + 1 < ATTEMPTS => {
                    idle += 1;
                    std::thread::sleep(self.pause * idle);
                }
                Err(other) => return Err(other.into()),
            }
        }
        if !matches_listing(&part, listed)? {
            fs::remove_file(&part).map_err(io(&part))?;
            return Err(Error::HashMismatch { file: path.into() });
        }
        fs::rename(&part, &whole).map_err(io(&whole))
    }

    /// Appends to a part of a file what is missing of it.
    fn append(
        &self,
        url: &str,
        part: &Path,
        have: u64,
        listed: &Listed,
        progress: &mut dyn FnMut(u64, u64),
    ) -> std::result::Result<(), Failure> {
        let fail = |error: std::io::Error| Failure::Local(io(part)(error));
        let from = if have > listed.size { 0 } else { have };
        let response = self.get(url, from, &listed.path)?;
        let resumed = response.status() == StatusCode::PARTIAL_CONTENT && continues(&response, from);
        if !resumed && response.status() != StatusCode::OK {
            fs::remove_file(part).map_err(fail)?;
            return Err(Failure::Passing(format!(
                "{}: the hub cannot resume it",
                listed.path
            )));
        }
        let mut have = if resumed { from } else { 0 };
        let mut file = OpenOptions::new()
            .create(true)
            .append(resumed)
            .write(true)
            .truncate(!resumed)
            .open(part)
            .map_err(fail)?;
        let mut reader = response.into_body().into_reader();
        let mut buffer = vec![0; 64 << 10];
        loop {
            progress(have, listed.size);
            let read = match reader.read(&mut buffer) {
                Ok(0) if have == listed.size => return Ok(()),
                Ok(0) => {
                    return Err(Failure::Passing(format!(
                        "{}: the connection was cut",
                        listed.path
                    )))
                }
                Ok(read) => read,
                Err(error) => return Err(Failure::Passing(format!("{}: {error}", listed.path))),
            };
            have += read as u64;
            if have > listed.size {
                drop(file);
                fs::remove_file(part).map_err(fail)?;
                return Err(Failure::Lasting(format!(
                    "{} is longer than the {} bytes listed",
                    listed.path, listed.size
                )));
            }
            file.write_all(&buffer[..read]).map_err(fail)?;
        }
    }
}

impl Snapshot {
    fn find(&self, path: &str) -> Option<&Listed> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a file is listed.
    pub fn has(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// Bytes of the listed ones among `paths`.
    pub fn bytes<'a>(&self, paths: impl Iterator<Item = &'a str>) -> u64 {
        paths
            .filter_map(|path| self.find(path))
            .fold(0, |sum, file| sum.saturating_add(file.size))
    }
}

/// Why a request brought nothing.
enum Failure {
    /// Trying again may help.
    Passing(String),
    /// It will not.
    Lasting(String),
    /// This machine failed.
    Local(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Passing(what) => Error::Hub(format!("{what}; run the command again to go on from here")),
            Failure::Lasting(what) => Error::Hub(what),
            Failure::Local(error) => error,
        }
    }
}

/// Whether an answer to a request for a range starts where it was asked to.
fn continues(response: &Response<Body>, from: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE);
    let start = range.and_then(|range| range.to_str().ok()?.strip_prefix("bytes ")?.split('-').next());
    start == Some(from.to_string().as_str())
}

fn matches_listing(path: &Path, listed: &Listed) -> Result<bool> {
    let mut file = File::open(path).map_err(io(path))?;
    let size = file.metadata().map_err(io(path))?.len();
    let (got, known) = match &listed.hash {
        ListedHash::Sha256(known) => {
            let mut hash = Sha256::new();
            std::io::copy(&mut file, &mut hash).map_err(io(path))?;
            (hex::encode(hash.finalize()), known)
        }
        ListedHash::Blob(known) => {
            let mut hash = Sha1::new().chain_update(format!("blob {size}\0"));
            std::io::copy(&mut file, &mut hash).map_err(io(path))?;
            (hex::encode(hash.finalize()), known)
        }
    };
    Ok(size == listed.size && got == *known)
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = PathBuf::from(path);
    move |source| Error::Io {
        path: path.clone(),
        source,
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit())
}
