//! Stored models of the forecaster: a file of tensors and its settings, both as another wrote them.
#![no_main]

use based_tft::{store, Forecaster};
use libfuzzer_sys::fuzz_target;
use serde_json::{json, Value};

fuzz_target!(|bytes: &[u8]| {
    // Settings, a zero, weights.
    let cut = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (settings, weights) = (&bytes[..cut], bytes.get(cut + 1..).unwrap_or_default());
    if let Ok((tensors, metadata)) = store::decode(weights) {
        let again = store::encode(&tensors, metadata.clone()).expect("what was read can be written");
        let (same, text) = store::decode(&again).expect("what was written can be read");
        assert_eq!((same.len(), text), (tensors.len(), metadata));
    }
    let Ok(Value::Object(mut settings)) = serde_json::from_slice(settings) else {
        return;
    };
    // Sizes are the owner's choice, and a large model takes large memory: here are small ones.
    let width = settings
        .get("sizes")
        .and_then(|sizes| sizes.get("width"))
        .and_then(Value::as_u64);
    if width.is_none_or(|width| width > 32) {
        return;
    }
    settings.insert("format".into(), json!(1));
    settings.insert("model_hash".into(), json!(store::hash(weights)));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let settings = serde_json::to_vec(&settings).expect("JSON");
    store::save(directory.path(), weights, &settings).expect("a temporary directory");
    if let Ok(forecaster) = Forecaster::load(directory.path(), None) {
        assert_eq!(forecaster.hash().expect("its weights").len(), 64);
    }
});
