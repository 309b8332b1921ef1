//! Bytes from a peer that wants to do harm: errors, never panics.

use proptest::prelude::*;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{alone, keys};
use crate::compile::{Circuit, Interface};
use crate::error::Error;
use crate::exec_tfhe::{evaluate_circuit, Evaluation};
use crate::ir::{Graph, GraphBuilder, Lut, Row};
use crate::keys::{ClientKey, ServerKey};
use crate::manifest::Manifest;
use crate::params::ParameterSet;
use crate::wire;

fn circuit() -> Circuit {
    let mut graph = GraphBuilder::new(4, -1, 1);
    let lut = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
    let out = graph.table_layer("bits", None, lut, (0..4).map(|at| Row::new(0, [(at, 1)])));
    graph
        .finish(out)
        .unwrap()
        .compile(&ParameterSet::default())
        .unwrap()
}

fn evaluate(circuit: &Circuit, input: &[u8]) -> Result<Vec<u8>, Error> {
    evaluate_circuit(circuit, &keys().server, input, &Evaluation::default())
}

#[test]
fn inputs_of_another_length_or_header_are_refused() {
    let _alone = alone();
    let circuit = circuit();
    let input = keys()
        .client
        .encrypt_values(circuit.interface(), &[0, 1, -1, 0])
        .unwrap();
    assert_eq!(input.len() as u64, wire::input_bytes(circuit.interface()));
    for length in [0, 11, 12, 27, input.len() - 1] {
        assert!(
            matches!(evaluate(&circuit, &input[..length]), Err(Error::Size { .. })),
            "{length}"
        );
    }
    let longer = [input.clone(), vec![0]].concat();
    assert!(matches!(evaluate(&circuit, &longer), Err(Error::Size { .. })));
    for at in 0..12 {
        let mut changed = input.clone();
        changed[at] ^= 1;
        assert!(
            matches!(evaluate(&circuit, &changed), Err(Error::Ciphertext(_))),
            "byte {at}"
        );
    }
}

#[test]
fn random_inputs_and_outputs_of_the_right_shape_do_no_harm() {
    let _alone = alone();
    let circuit = circuit();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut input = keys()
        .client
        .encrypt_values(circuit.interface(), &[0; 4])
        .unwrap();
    rng.fill_bytes(&mut input[12..]);
    let mut output = evaluate(&circuit, &input).unwrap();
    assert_eq!(
        output.len() as u64,
        wire::output_bytes(circuit.interface(), &ParameterSet::default())
    );
    rng.fill_bytes(&mut output[12..]);
    assert_eq!(
        keys()
            .client
            .decrypt_values(circuit.interface(), &output)
            .unwrap()
            .len(),
        4
    );
    for length in [0, 12, output.len() - 1] {
        let result = keys()
            .client
            .decrypt_values(circuit.interface(), &output[..length]);
        assert!(matches!(result, Err(Error::Size { .. })));
    }
    output[5] ^= 3;
    assert!(matches!(
        keys().client.decrypt_values(circuit.interface(), &output),
        Err(Error::Ciphertext(_))
    ));
}

#[test]
fn evaluation_keys_have_one_size_and_only_keys_of_the_set_are_taken() {
    let _alone = alone();
    let set = ParameterSet::default();
    let good = &keys().evaluation;
    assert_eq!(good.len() as u64, set.evaluation_key_bytes);
    for bytes in [&[][..], &good[..1000], &good[..good.len() - 1]] {
        assert!(matches!(
            ServerKey::from_bytes(bytes, &set),
            Err(Error::Size { .. })
        ));
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert!(matches!(
        ServerKey::from_bytes(&longer, &set),
        Err(Error::Size { .. })
    ));

    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut random = vec![0; good.len()];
    rng.fill_bytes(&mut random);
    assert!(matches!(ServerKey::from_bytes(&random, &set), Err(Error::Key(_))));
    // The head holds versions, names, lengths and parameters; a huge length must not allocate.
    let mut refused = 0;
    for at in 0..96 {
        let mut changed = good.clone();
        changed[at] = changed[at].wrapping_add(rng.gen_range(1..=255));
        refused += usize::from(ServerKey::from_bytes(&changed, &set).is_err());
    }
    assert!(refused > 48, "{refused} of 96 changes in the head were refused");
    // So does the tail, with the parameters of the bootstrapping key.
    for at in good.len() - 96..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 0x80;
        let _ = ServerKey::from_bytes(&changed, &set);
    }
}

#[test]
fn keys_of_other_parameters_are_refused() {
    let _alone = alone();
    let set = ParameterSet::default();
    let mut other = set;
    other.tfhe.ks_level.0 = 5;
    other.tfhe.ks_base_log.0 = 3;
    other.evaluation_key_bytes = 1 << 30;
    let mut bytes = ClientKey::generate(&other)
        .unwrap()
        .evaluation_key_bytes()
        .unwrap();
    assert!(matches!(
        ServerKey::from_bytes(&bytes, &set),
        Err(Error::Size { .. })
    ));
    bytes.resize(set.evaluation_key_bytes as usize, 0);
    assert!(matches!(ServerKey::from_bytes(&bytes, &set), Err(Error::Key(_))));
    // Same lengths, another decomposition: only the conformance check tells.
    let mut other = set;
    other.tfhe.ks_base_log.0 = 5;
    let bytes = ClientKey::generate(&other)
        .unwrap()
        .evaluation_key_bytes()
        .unwrap();
    assert_eq!(bytes.len() as u64, set.evaluation_key_bytes);
    assert!(matches!(ServerKey::from_bytes(&bytes, &set), Err(Error::Key(_))));
}

#[test]
fn secret_keys_are_read_only_in_their_own_form() {
    let bytes = ClientKey::generate(&ParameterSet::default()).unwrap().to_bytes();
    assert_eq!(bytes.len(), 6 + (2048 + 918usize).div_ceil(8));
    assert!(ClientKey::from_bytes(&bytes).is_ok());
    for wrong in [&bytes[..bytes.len() - 1], &[][..], &bytes[1..]] {
        assert!(matches!(ClientKey::from_bytes(wrong), Err(Error::Key(_))));
    }
    for at in 0..6 {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        assert!(ClientKey::from_bytes(&changed).is_err(), "byte {at}");
    }
}

#[test]
fn prompts_that_do_not_fit_are_refused() {
    let circuit = circuit();
    let client = &keys().client;
    assert!(matches!(
        client.encrypt_values(circuit.interface(), &[0; 3]),
        Err(Error::Prompt(_))
    ));
    assert!(matches!(
        client.encrypt_values(circuit.interface(), &[0, 0, 0, 2]),
        Err(Error::Prompt(_))
    ));
    let mut unsound: Interface = circuit.interface().clone();
    unsound.inputs.step = 0;
    assert!(matches!(
        client.encrypt_values(&unsound, &[0; 4]),
        Err(Error::Manifest(_))
    ));
    unsound = circuit.interface().clone();
    unsound.outputs[0].step = 64;
    assert!(matches!(
        client.decrypt_values(&unsound, &[]),
        Err(Error::Manifest(_))
    ));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_graph_manifest_or_input(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Graph::from_json(&bytes).is_err());
        prop_assert!(Manifest::from_json(&bytes).is_err());
        prop_assert!(wire::decode_input(&bytes, circuit().interface(), &ParameterSet::default()).is_err());
        prop_assert!(ClientKey::from_bytes(&bytes).is_err());
    }
}
