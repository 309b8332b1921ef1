//! Random damage: an import fails with an error or succeeds, and never panics.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;

use proptest::prelude::*;

use super::{copy, fixture, import_folder};
use crate::error::Error;
use crate::import::{ClientPart, SplitManifest, Weights};
use crate::manifest::MANIFEST_FILE;

/// Overwrites a few bytes, or cuts the file.
fn damage(file: &Path, at: &[(usize, u8)], cut: Option<usize>) {
    let mut bytes = std::fs::read(file).unwrap();
    for (place, value) in at {
        let place = place % bytes.len();
        bytes[place] = *value;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut % bytes.len());
    }
    std::fs::write(file, bytes).unwrap();
}

/// Values that mean something in JSON, besides any.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        any::<u8>(),
        proptest::sample::select(&b"0123456789-.eE\"{}[],:"[..])
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn damaged_checkpoints_do_not_panic(
        model in proptest::sample::select(&["gpt2", "llama-scaled", "bert-embedding"][..]),
        file in proptest::sample::select(&["config.json", "model.safetensors"][..]),
        at in proptest::collection::vec((0usize..3000, byte()), 1..4),
        cut in proptest::option::weighted(0.2, any::<usize>()),
    ) {
        let dir = copy(model);
        damage(&dir.path().join(file), &at, cut);
        let run = || import_folder(dir.path(), &dir.path().join("out")).map(drop);
        let result = catch_unwind(AssertUnwindSafe(run));
        prop_assert!(result.is_ok(), "{model} {file} {at:?} {cut:?}");
    }

    #[test]
    fn damaged_manifests_do_not_panic_and_lead_to_no_other_model(
        at in proptest::collection::vec((any::<usize>(), byte()), 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let imported = import_folder(&fixture("llama"), dir.path()).unwrap();
        damage(&dir.path().join(MANIFEST_FILE), &at, None);
        let bytes = std::fs::read(dir.path().join(MANIFEST_FILE)).unwrap();
        let read = catch_unwind(|| SplitManifest::from_json(&bytes));
        prop_assert!(read.is_ok());
        let loaded = catch_unwind(|| (ClientPart::load(dir.path()), Weights::load(dir.path())));
        prop_assert!(loaded.is_ok());
        if let (Ok(client), _) = loaded.unwrap() {
            prop_assert!(client.manifest_hash() != imported.hash || client.manifest() == &imported.manifest);
        }
    }
}

#[test]
fn a_sentence_embedding_without_its_pooling_is_refused_by_name() {
    let dir = copy("bert-embedding");
    std::fs::remove_file(dir.path().join("1_Pooling/config.json")).unwrap();
    let error = import_folder(dir.path(), &dir.path().join("out")).unwrap_err();
    assert!(
        matches!(&error, Error::Unsupported { what, .. } if what.contains("1_Pooling")),
        "{error}"
    );
    let dir = copy("bert-embedding");
    let pooling = r#"{"pooling_mode_max_tokens": true}"#;
    std::fs::write(dir.path().join("1_Pooling/config.json"), pooling).unwrap();
    let error = import_folder(dir.path(), &dir.path().join("out")).unwrap_err();
    assert!(
        matches!(&error, Error::Unsupported { what, .. } if what.contains("max_tokens")),
        "{error}"
    );
    let dir = copy("bert-embedding");
    let modules = r#"[{"type":"sentence_transformers.models.Transformer"},{"type":"sentence_transformers.models.Dense"}]"#;
    std::fs::write(dir.path().join("modules.json"), modules).unwrap();
    let error = import_folder(dir.path(), &dir.path().join("out")).unwrap_err();
    assert!(
        matches!(&error, Error::Unsupported { what, .. } if what.contains("Dense")),
        "{error}"
    );
}
