use super::{table, training, TINY};
use crate::generate::Kind;
use crate::store;
use crate::train::Run;
use crate::{Forecaster, Training};

fn bits(forecaster: &Forecaster) -> Vec<(String, Vec<u32>)> {
    let flat = |tensor: candle_core::Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let parameters = forecaster.parameters().unwrap().into_iter();
    parameters
        .map(|(name, tensor)| (name, flat(tensor).iter().map(|x| x.to_bits()).collect()))
        .collect()
}

fn trained(steps: usize, seed: u64) -> Forecaster {
    let (schema, table) = table(Kind::Chain, 120);
    let mut forecaster = Forecaster::new(schema, TINY, seed).unwrap();
    let training = Training {
        seed,
        ..training(steps)
    };
    forecaster.fine_tune(&table, training, None, &mut |_| {}).unwrap();
    forecaster
}

#[test]
fn a_stored_model_comes_back_bit_by_bit() {
    let directory = tempfile::tempdir().unwrap();
    let forecaster = trained(12, 1);
    let hash = forecaster.save(directory.path()).unwrap();
    let loaded = Forecaster::load(directory.path(), None).unwrap();
    assert_eq!(bits(&forecaster), bits(&loaded));
    assert_eq!(
        (hash.clone(), hash),
        (forecaster.hash().unwrap(), loaded.hash().unwrap())
    );
    let (_, table) = table(Kind::Chain, 120);
    assert_eq!(
        forecaster.forecast(&table).unwrap(),
        loaded.forecast(&table).unwrap()
    );
}

#[test]
fn a_seed_decides_every_bit_on_any_number_of_threads() {
    let one = trained(12, 1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(bits(&one), bits(&pool.install(|| trained(12, 1))));
    assert_ne!(one.hash().unwrap(), trained(12, 2).hash().unwrap());
}

#[test]
fn an_older_version_comes_back_by_its_hash() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (trained(5, 1), trained(6, 1));
    let first = old.save(directory.path()).unwrap();
    let second = new.save(directory.path()).unwrap();
    assert_eq!(store::current(directory.path()).unwrap(), second);
    store::roll_back(directory.path(), &first).unwrap();
    assert_eq!(
        Forecaster::load(directory.path(), None).unwrap().hash().unwrap(),
        first
    );
    assert_eq!(
        Forecaster::load(directory.path(), Some(&second))
            .unwrap()
            .hash()
            .unwrap(),
        second
    );
    let error = store::roll_back(directory.path(), &"0".repeat(64))
        .unwrap_err()
        .to_string();
    assert!(error.contains("no version") && error.contains(&first), "{error}");
    assert!(store::roll_back(directory.path(), "../../etc/passwd").is_err());
}

#[test]
fn damaged_weights_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let hash = trained(2, 1).save(directory.path()).unwrap();
    let path = directory.path().join(format!("{hash}.safetensors"));
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = Forecaster::load(directory.path(), None).unwrap_err().to_string();
    assert!(error.contains("hash"), "{error}");
    let error = Forecaster::load(&directory.path().join("none"), None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("no model"), "{error}");
}

#[test]
fn only_the_newest_versions_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    for at in 0..store::VERSIONS + 3 {
        store::save(directory.path(), &at.to_le_bytes(), b"{}").unwrap();
    }
    assert_eq!(store::versions(directory.path()).unwrap().len(), store::VERSIONS);
    let last = store::hash(&(store::VERSIONS + 2).to_le_bytes());
    assert_eq!(store::current(directory.path()).unwrap(), last);
}

/// A run that is cut off after a validation and goes on ends with the bits of one that was not.
#[test]
fn an_interrupted_training_goes_on_bit_by_bit() {
    let directory = tempfile::tempdir().unwrap();
    let stored = directory.path().join("training.safetensors");
    let (schema, table) = table(Kind::Chain, 120);
    let mut cut = Forecaster::new(schema, TINY, 1).unwrap();
    // A panic is as abrupt as it gets within one process.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let stop = &mut |progress: &crate::Progress| assert!(progress.step < 25, "cut off");
        cut.fine_tune(&table, training(40), Some(&stored), stop)
    }));
    assert!(result.is_err() && stored.exists());
    let (schema, _) = super::table(Kind::Chain, 120);
    let mut resumed = Forecaster::new(schema.clone(), TINY, 1).unwrap();
    let outcome = resumed
        .fine_tune(&table, training(40), Some(&stored), &mut |_| {})
        .unwrap();
    assert_eq!((outcome.resumed_at, outcome.steps), (Some(20), 40));
    assert!(!stored.exists());
    assert_eq!(bits(&resumed), bits(&trained(40, 1)));
}

#[test]
fn a_stored_training_of_other_data_is_not_resumed() {
    let directory = tempfile::tempdir().unwrap();
    let stored = directory.path().join("training.safetensors");
    let (schema, table) = table(Kind::Chain, 120);
    let mut forecaster = Forecaster::new(schema, TINY, 1).unwrap();
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let stop = &mut |progress: &crate::Progress| assert!(progress.step < 15, "cut off");
        forecaster.fine_tune(&table, training(40), Some(&stored), stop)
    }));
    let mut other = table.clone();
    other.series[0].observed[0][3] += 1.0;
    let (schema, _) = super::table(Kind::Chain, 120);
    let mut forecaster = Forecaster::new(schema, TINY, 1).unwrap();
    let outcome = forecaster
        .fine_tune(&other, training(20), Some(&stored), &mut |_| {})
        .unwrap();
    assert_eq!(outcome.resumed_at, None);
}

#[test]
fn the_run_keeps_its_best_parameters() {
    let (schema, table) = table(Kind::Seasonal, 200);
    let mut forecaster = Forecaster::new(schema, TINY, 1).unwrap();
    let wild = Training {
        rate: 0.5,
        ..training(30)
    };
    let outcome = forecaster.fine_tune(&table, wild, None, &mut |_| {}).unwrap();
    assert!(outcome.validation <= outcome.initial_validation);
    let dataset = forecaster.dataset(&table).unwrap();
    let run = Run::new(forecaster.model(), &dataset, training(0), String::new(), None).unwrap();
    let again = run.finish(None, &mut |_| {}).unwrap();
    assert_eq!(again.initial_validation, outcome.validation);
}
