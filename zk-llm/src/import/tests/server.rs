//! A server that speaks the hub's endpoints, and misbehaves on demand.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{json, Value};
use sha1::{Digest, Sha1};
use sha2::Sha256;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What happens to the next answers with a file's contents, in order.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The connection breaks after this many bytes.
    Cut(usize),
    /// Ranges are not known: the whole file comes.
    Whole,
    /// This status, without contents.
    Status(u16),
    /// More bytes than the file has.
    Longer(usize),
    /// To another address on this server first.
    Redirect,
}

#[derive(Default)]
pub struct State {
    pub files: BTreeMap<String, Vec<u8>>,
    /// Changes of the listing, by path.
    pub listed: BTreeMap<String, Value>,
    /// Faults, by path.
    pub faults: BTreeMap<String, VecDeque<Fault>>,
    /// Token that requests must carry.
    pub token: Option<String>,
    /// Lines of requests, and the range asked for.
    pub seen: Vec<(String, Option<String>)>,
}

pub struct Server {
    pub endpoint: String,
    pub state: Arc<Mutex<State>>,
}

impl Server {
    /// Serves the files of a folder as `a/b`.
    pub fn of(folder: &Path) -> Self {
        let mut state = State::default();
        for file in [
            "config.json",
            "tokenizer.json",
            "model.safetensors",
            "modules.json",
            "1_Pooling/config.json",
        ] {
            if let Ok(bytes) = std::fs::read(folder.join(file)) {
                state.files.insert(file.into(), bytes);
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is its own affair.
                let _ = answer(stream, &shared);
            }
        });
        Self { endpoint, state }
    }

    pub fn fault(&self, file: &str, faults: &[Fault]) {
        let faults = faults.iter().copied().collect();
        self.state.lock().unwrap().faults.insert(file.into(), faults);
    }

    /// Ranges asked for when a file was fetched.
    pub fn ranges(&self, file: &str) -> Vec<Option<String>> {
        let state = self.state.lock().unwrap();
        let of_file = state
            .seen
            .iter()
            .filter(|(path, _)| path.ends_with(&format!("/{file}")));
        of_file.map(|(_, range)| range.clone()).collect()
    }
}

fn answer(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut range, mut token) = (None, None);
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "range" => range = Some(value.trim().to_owned()),
            "authorization" => token = value.trim().strip_prefix("Bearer ").map(String::from),
            _ => {}
        }
    }
    let mut state = state.lock().unwrap();
    state.seen.push((path.clone(), range.clone()));
    let mut stream = stream;
    let mut status = |code: u16| {
        write!(
            stream,
            "HTTP/1.1 {code} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
    };
    if state.token.is_some() && state.token != token {
        return status(401);
    }
    if let Some(revision) = path.strip_prefix("/api/models/a/b/revision/") {
        if !revision.starts_with("main?") && !revision.starts_with(COMMIT) {
            return status(404);
        }
        let body = listing(&state).to_string();
        return write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
    }
    let moved = path.strip_prefix("/moved");
    let file = moved
        .unwrap_or(&path)
        .strip_prefix(&format!("/a/b/resolve/{COMMIT}/"));
    let Some(contents) = file.and_then(|file| state.files.get(file)).cloned() else {
        return status(404);
    };
    let fault = match moved {
        Some(_) => None,
        None => state
            .faults
            .get_mut(file.unwrap_or_default())
            .and_then(VecDeque::pop_front),
    };
    drop(state);
    let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let from: usize = from.filter(|_| !matches!(fault, Some(Fault::Whole))).unwrap_or(0);
    if let Some(Fault::Status(code)) = fault {
        return status(code);
    }
    if let Some(Fault::Redirect) = fault {
        return write!(
            stream,
            "HTTP/1.1 302 Found\r\nlocation: /moved{path}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
    }
    let mut body = contents[from.min(contents.len())..].to_vec();
    if let Some(Fault::Longer(by)) = fault {
        body.resize(body.len() + by, 7);
    }
    let kind = if from > 0 { "206 Partial Content" } else { "200 OK" };
    write!(
        stream,
        "HTTP/1.1 {kind}\r\ncontent-length: {}\r\nconnection: close\r\n",
        body.len()
    )?;
    if from > 0 {
        let (last, total) = (contents.len() - 1, contents.len());
        write!(stream, "content-range: bytes {from}-{last}/{total}\r\n")?;
    }
    write!(stream, "\r\n")?;
    if let Some(Fault::Cut(after)) = fault {
        body.truncate(after);
    }
    stream.write_all(&body)
}

/// The listing: large files by SHA-256, small ones by git's hash, as the hub does.
fn listing(state: &State) -> Value {
    let files = state.files.iter().map(|(path, bytes)| {
        let mut blob = Sha1::new();
        blob.update(format!("blob {}\0", bytes.len()));
        blob.update(bytes);
        let mut entry = json!({ "rfilename": path, "size": bytes.len(), "blobId": hex::encode(blob.finalize()) });
        if path.ends_with(".safetensors") {
            entry["lfs"] = json!({ "sha256": hex::encode(Sha256::digest(bytes)), "size": bytes.len(), "pointerSize": 134 });
        }
        if let Some(Value::Object(changes)) = state.listed.get(path) {
            entry.as_object_mut().unwrap().extend(changes.clone());
        }
        entry
    });
    json!({ "id": "a/b", "sha": COMMIT, "private": false, "siblings": files.collect::<Vec<_>>() })
}
