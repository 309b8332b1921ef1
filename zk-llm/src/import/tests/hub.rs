//! Imports from a hub: pinned, resumed, verified, limited.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::server::{Fault, Server, COMMIT};
use super::{fixture, import_folder};
use crate::error::{Error, Result};
use crate::import::{import, ClientPart, Event, Hub, Imported, DEFAULT_MAX_BYTES};

fn hub(server: &Server) -> Hub {
    Hub::new(&server.endpoint, None)
        .unwrap()
        .with_pause(Duration::ZERO)
}

fn run(server: &Server, into: &Path) -> Result<Imported> {
    run_as(server, "a/b", into, DEFAULT_MAX_BYTES, None)
}

fn run_as(server: &Server, name: &str, into: &Path, most: u64, token: Option<&str>) -> Result<Imported> {
    let hub = Hub::new(&server.endpoint, token.map(String::from))
        .unwrap()
        .with_pause(Duration::ZERO);
    import(&name.parse().unwrap(), into, &hub, most, &mut |_| {})
}

#[test]
fn a_model_of_the_hub_is_the_one_of_its_folder_with_its_commit() {
    for name in ["gpt2", "bert-embedding"] {
        let (server, dir) = (Server::of(&fixture(name)), tempfile::tempdir().unwrap());
        let (mut commits, mut bytes, mut weights) = (vec![], 0, (0, 0));
        let imported = import(
            &"a/b".parse().unwrap(),
            dir.path(),
            &hub(&server),
            DEFAULT_MAX_BYTES,
            &mut |event| match event {
                Event::Pinned { commit } => commits.push(commit.to_owned()),
                Event::Download { done, total, .. } => bytes += u64::from(done == total) * total,
                Event::Convert { done, total } => weights = (done, total),
            },
        )
        .unwrap();
        let source = &imported.manifest.source;
        assert_eq!(
            (source.repository.as_deref(), source.revision.as_deref()),
            (Some("a/b"), Some(COMMIT))
        );
        let listed: usize = server.state.lock().unwrap().files.values().map(Vec::len).sum();
        assert_eq!((commits, bytes), (vec![COMMIT.to_owned()], listed as u64));
        assert_eq!(
            weights,
            (imported.manifest.weight_bytes(), imported.manifest.weight_bytes())
        );
        let folder = tempfile::tempdir().unwrap();
        let local = import_folder(&fixture(name), folder.path()).unwrap().manifest;
        assert_eq!(
            (&local.files, &local.source.files),
            (&imported.manifest.files, &source.files)
        );
        assert_eq!(
            ClientPart::load(dir.path()).unwrap().manifest_hash(),
            imported.hash
        );
        let mut left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(
            left,
            [
                "client.safetensors",
                "manifest.json",
                "tokenizer.json",
                "weights.safetensors"
            ]
        );
    }
}

#[test]
fn a_commit_can_be_asked_for_and_an_unknown_revision_is_refused() {
    let (server, dir) = (Server::of(&fixture("gpt2")), tempfile::tempdir().unwrap());
    run_as(
        &server,
        &format!("a/b@{COMMIT}"),
        dir.path(),
        DEFAULT_MAX_BYTES,
        None,
    )
    .unwrap();
    for name in ["a/b@v9", "a/c"] {
        let error = run_as(&server, name, dir.path(), DEFAULT_MAX_BYTES, None).unwrap_err();
        assert!(
            matches!(&error, Error::Hub(text) if text.contains("does not exist")),
            "{error}"
        );
    }
}

#[test]
fn cut_connections_are_resumed_where_they_broke() {
    let (server, dir) = (Server::of(&fixture("gpt2")), tempfile::tempdir().unwrap());
    server.fault(
        "model.safetensors",
        &[
            Fault::Cut(1000),
            Fault::Status(503),
            Fault::Cut(500),
            Fault::Redirect,
        ],
    );
    run(&server, dir.path()).unwrap();
    let ranges = server.ranges("model.safetensors");
    let asked: Vec<_> = ranges
        .iter()
        .map(|range| range.as_deref().unwrap_or("-"))
        .collect();
    assert_eq!(
        asked,
        ["-", "bytes=1000-", "bytes=1000-", "bytes=1500-", "bytes=1500-"],
        "the last after a redirect"
    );
}

#[test]
fn a_server_that_knows_no_ranges_sends_the_whole_file_again() {
    let (server, dir) = (Server::of(&fixture("gpt2")), tempfile::tempdir().unwrap());
    server.fault("model.safetensors", &[Fault::Cut(1000), Fault::Whole]);
    run(&server, dir.path()).unwrap();
    assert_eq!(server.ranges("model.safetensors").len(), 2);
}

#[test]
fn an_import_that_gave_up_goes_on_where_it_was() {
    let (server, dir) = (Server::of(&fixture("gpt2")), tempfile::tempdir().unwrap());
    let mut faults = vec![Fault::Cut(2000)];
    faults.extend([Fault::Status(500); 5]);
    server.fault("model.safetensors", &faults);
    let error = run(&server, dir.path()).unwrap_err();
    assert!(
        matches!(&error, Error::Hub(text) if text.contains("run the command again")),
        "{error}"
    );
    server.state.lock().unwrap().seen.clear();
    run(&server, dir.path()).unwrap();
    assert_eq!(server.ranges("model.safetensors"), [Some("bytes=2000-".into())]);
    assert!(server.ranges("tokenizer.json").is_empty(), "it is here already");
}

#[test]
fn files_with_another_hash_are_refused_and_fetched_anew() {
    for (file, change) in [
        (
            "model.safetensors",
            json!({ "lfs": { "sha256": "00".repeat(32), "size": 34560 } }),
        ),
        ("config.json", json!({ "blobId": "00".repeat(20) })),
    ] {
        let (server, dir) = (Server::of(&fixture("gpt2")), tempfile::tempdir().unwrap());
        server.state.lock().unwrap().listed.insert(file.into(), change);
        let error = run(&server, dir.path()).unwrap_err();
        assert!(
            matches!(&error, Error::HashMismatch { file: named } if named == file),
            "{error}"
        );
        server.state.lock().unwrap().listed.clear();
        run(&server, dir.path()).unwrap();
    }
}

#[test]
fn a_part_that_was_tampered_with_is_not_accepted() {
    let (server, dir) = (Server::of(&fixture("gpt2")), tempfile::tempdir().unwrap());
    let downloads = dir.path().join(".download").join(COMMIT);
    std::fs::create_dir_all(&downloads).unwrap();
    std::fs::write(downloads.join("config.json"), b"{}").unwrap();
    std::fs::write(downloads.join("model.safetensors.part"), vec![9; 5000]).unwrap();
    let error = run(&server, dir.path()).unwrap_err();
    assert!(matches!(error, Error::HashMismatch { .. }), "{error}");
    assert_eq!(
        server.ranges("config.json"),
        [None],
        "what is there is checked too"
    );
    run(&server, dir.path()).unwrap();
}

#[test]
fn missing_files_are_named_with_what_to_do() {
    for (file, advice) in [
        ("tokenizer.json", "use_fast=True"),
        ("model.safetensors", "safe_serialization=True"),
        ("config.json", "has no config.json"),
    ] {
        let (server, dir) = (Server::of(&fixture("gpt2")), tempfile::tempdir().unwrap());
        server.state.lock().unwrap().files.remove(file);
        let error = run(&server, dir.path()).unwrap_err().to_string();
        assert!(error.contains(advice), "{error}");
    }
}

#[test]
fn huge_files_are_refused_before_they_are_fetched() {
    let (server, dir) = (Server::of(&fixture("gpt2")), tempfile::tempdir().unwrap());
    let huge = json!({ "lfs": { "sha256": "00".repeat(32), "size": 1u64 << 60 } });
    server
        .state
        .lock()
        .unwrap()
        .listed
        .insert("model.safetensors".into(), huge);
    let error = run(&server, dir.path()).unwrap_err().to_string();
    assert!(error.contains("--max-gib"), "{error}");
    assert!(server.ranges("model.safetensors").is_empty());
    server.state.lock().unwrap().listed.clear();
    let error = run_as(&server, "a/b", dir.path(), 20_000, None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("--max-gib"), "{error}");
}

#[test]
fn a_file_longer_than_listed_is_refused_while_it_comes() {
    let (server, dir) = (Server::of(&fixture("gpt2")), tempfile::tempdir().unwrap());
    server.fault("model.safetensors", &[Fault::Longer(1)]);
    let error = run(&server, dir.path()).unwrap_err().to_string();
    assert!(error.contains("longer than"), "{error}");
    assert!(!dir
        .path()
        .join(".download")
        .join(COMMIT)
        .join("model.safetensors.part")
        .exists());
}

#[test]
fn models_that_are_not_run_are_refused_before_their_weights_are_fetched() {
    let (server, dir) = (Server::of(&fixture("llama")), tempfile::tempdir().unwrap());
    let config = br#"{"model_type":"mamba","architectures":["MambaForCausalLM"]}"#;
    server
        .state
        .lock()
        .unwrap()
        .files
        .insert("config.json".into(), config.to_vec());
    let error = run(&server, dir.path()).unwrap_err();
    assert!(
        matches!(&error, Error::Unsupported { what, .. } if what.contains("mamba")),
        "{error}"
    );
    assert!(server.ranges("model.safetensors").is_empty());
}

#[test]
fn closed_models_need_a_token_which_no_message_shows() {
    let (server, dir) = (Server::of(&fixture("gpt2")), tempfile::tempdir().unwrap());
    server.state.lock().unwrap().token = Some("hf_right".into());
    for token in [None, Some("hf_wrong")] {
        let error = run_as(&server, "a/b", dir.path(), DEFAULT_MAX_BYTES, token)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("HF_TOKEN") && !error.contains("hf_wrong"),
            "{error}"
        );
    }
    run_as(&server, "a/b", dir.path(), DEFAULT_MAX_BYTES, Some("hf_right")).unwrap();
}

#[test]
fn endpoints_without_encryption_are_refused_unless_they_are_on_this_machine() {
    for endpoint in [
        "http://huggingface.co",
        "ftp://a",
        "http://127.0.0.1.example.org",
        "",
    ] {
        assert!(
            matches!(Hub::new(endpoint, None), Err(Error::Hub(_))),
            "{endpoint}"
        );
    }
    assert!(Hub::new("https://hub.example.org/", None).is_ok());
}

#[test]
fn listings_that_make_no_sense_are_refused() {
    let (server, dir) = (Server::of(&fixture("gpt2")), tempfile::tempdir().unwrap());
    let strange = json!({ "rfilename": "../../config.json" });
    server
        .state
        .lock()
        .unwrap()
        .listed
        .insert("config.json".into(), strange);
    let error = run(&server, dir.path()).unwrap_err().to_string();
    assert!(error.contains("has no config.json"), "{error}");
    assert!(!dir.path().parent().unwrap().join("config.json").exists());
}
