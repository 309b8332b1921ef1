//! Tables of metrics as CSV: what is accepted is complete and finite, and written and read again it is the same.
#![no_main]

use based_tft::{Feature, Schema, Table};
use libfuzzer_sys::fuzz_target;

fn schema() -> Schema {
    Schema {
        version: 1,
        targets: vec!["y".into()],
        statics: vec![Feature::categorical("kind", 3)],
        observed: vec![Feature::real("y"), Feature::real("z")],
        known: vec![Feature::real("k")],
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(schema) = serde_json::from_slice::<Schema>(bytes) {
        let _ = schema.check();
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (given, written) = (
        directory.path().join("given.csv"),
        directory.path().join("written.csv"),
    );
    std::fs::write(&given, bytes).expect("a temporary file");
    let schema = schema();
    let Ok(table) = Table::read_csv(&given, &schema) else {
        return;
    };
    table.check(&schema).expect("what was read is complete");
    for series in &table.series {
        assert!(series
            .observed
            .iter()
            .chain(&series.known)
            .flatten()
            .all(|value| value.is_finite()));
    }
    table
        .write_csv(&written, &schema)
        .expect("what was read can be written");
    assert_eq!(
        Table::read_csv(&written, &schema).expect("what was written can be read"),
        table
    );
});
