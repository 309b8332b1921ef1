//! The forecaster works in the clear on public data (R104).

use super::{table, TINY};
use crate::generate::Kind;
use crate::{Forecaster, Training};

#[test]
fn nothing_encrypted_and_no_key_is_involved() {
    let manifest = include_str!("../../Cargo.toml");
    for name in ["tfhe", "zk-llm", "secretbox", "based-client"] {
        assert!(
            !manifest.contains(name),
            "{name} in the forecaster's dependencies"
        );
    }
    let lock = include_str!("../../../Cargo.lock");
    let own = lock
        .split("[[package]]")
        .find(|entry| entry.contains("\nname = \"based-tft\"\n"));
    assert!(!own.expect("its entry").contains("tfhe"));
}

#[test]
fn whoever_has_the_table_computes_the_same_forecast() {
    let (schema, public) = table(Kind::Chain, 200);
    let forecast = || {
        let mut forecaster = Forecaster::new(schema.clone(), TINY, 3).unwrap();
        let training = Training {
            steps: 5,
            ..Training::default()
        };
        forecaster
            .fine_tune(&public, training, None, &mut |_| {})
            .unwrap();
        forecaster.forecast(&public).unwrap()
    };
    assert_eq!(forecast(), forecast());
}
