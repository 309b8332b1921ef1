//! Encrypted data synthesis: what ciphertexts give is what the definitions give.

use super::{alone, encrypted, keys};
use crate::synthesis::Plan;
use crate::ParameterSet;

#[test]
fn encrypted_rows_give_their_statistics_and_new_rows() {
    let _alone = alone();
    keys();
    let rows = [
        [1, 0, -1],
        [1, 1, 0],
        [-1, 0, 1],
        [0, 1, 1],
        [1, -1, -1],
        [0, 0, 1],
    ]
    .map(Vec::from);
    let plan = Plan::draw(rows.len(), 3, 4, 3).unwrap();
    let circuit = plan.graph().unwrap().compile(&ParameterSet::default()).unwrap();
    tfhe::reset_pbs_count();
    let outputs = encrypted(&circuit, &plan.inputs(&rows).unwrap());
    assert_eq!(tfhe::get_pbs_count(), 135);
    let made = plan.read(&outputs).unwrap();
    assert_eq!(made, plan.in_clear(&rows).unwrap());
    assert_eq!(made.thirds.len(), 4);
}
