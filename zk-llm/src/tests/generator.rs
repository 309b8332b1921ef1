//! A word of the published generator under encryption.

use std::path::Path;

use super::{alone, encrypted};
use crate::exec_clear;
use crate::import::Chooser;
use crate::{ClientModel, Model};

#[test]
fn encrypted_scores_of_the_next_word_are_the_oracles() {
    let _alone = alone();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/words");
    let (model, client) = (Model::load(&dir).unwrap(), ClientModel::load(&dir).unwrap());
    let prompt = client.prepare("i am").unwrap();
    let expected = exec_clear::run(model.circuit(), &prompt).unwrap();
    super::keys();
    tfhe::reset_pbs_count();
    let inputs: Vec<i32> = prompt.values.iter().map(|x| i32::from(*x)).collect();
    let scores = encrypted(model.circuit(), &inputs);
    assert_eq!(tfhe::get_pbs_count(), model.circuit().bootstraps());
    assert_eq!(scores, expected.0);
    assert!(client.next_word(&expected, &mut Chooser::greedy()).is_some());
}
