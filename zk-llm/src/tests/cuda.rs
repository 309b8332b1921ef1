//! On a CUDA device: `cargo test --release -p zk-llm --features cuda --lib -- --ignored cuda`.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{alone, keys, random_graph};
use crate::device::Device;
use crate::exec_clear::run_graph;
use crate::exec_tfhe::{evaluate_circuit, Evaluation};
use crate::keys::{Expanded, ServerKey};
use crate::params::ParameterSet;
use crate::split::{product, Matrix, SecretKey, Tokens};

#[test]
#[ignore = "needs a CUDA device"]
fn cuda_decrypts_to_the_oracle_and_counts_the_same_bootstraps() {
    let _alone = alone();
    let (keys, set) = (keys(), ParameterSet::default());
    let server = ServerKey::on(&keys.evaluation, &set, &Device::cuda().unwrap()).unwrap();
    assert!(matches!(server.key, Expanded::Cuda(_)));
    // The second have waves of several batches.
    for (seed, rows) in [(1, 8), (2, 1_500)] {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let graph = random_graph(&mut rng, rows);
        let circuit = graph.compile(&set).unwrap();
        let inputs: Vec<i32> = (0..graph.inputs.len)
            .map(|_| rng.gen_range(graph.inputs.lo..=graph.inputs.hi))
            .collect();
        let input = keys.client.encrypt_values(circuit.interface(), &inputs).unwrap();
        tfhe::reset_pbs_count();
        let output = evaluate_circuit(&circuit, &server, &input, &Evaluation::default()).unwrap();
        assert_eq!(tfhe::get_pbs_count(), circuit.bootstraps());
        let decrypted = keys.client.decrypt_values(circuit.interface(), &output).unwrap();
        assert_eq!(decrypted, run_graph(&graph, &inputs).unwrap());
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn cuda_gives_the_bytes_of_the_cores_in_split_mode() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let weights = (0..768 * 3072).map(|_| rng.gen_range(-127..=127)).collect();
    let cores = Matrix::new(768, 3072, weights).unwrap();
    let device = cores.clone().on(&Device::cuda().unwrap()).unwrap();
    let secret = SecretKey::generate().unwrap();
    let pending = secret
        .prepare(cores.shape(), Tokens::prompt(cores.shape(), 1).unwrap())
        .unwrap();
    let inputs: Vec<i8> = (0..768).map(|_| rng.gen_range(-127..=127)).collect();
    let (bodies, _) = pending.seal(&inputs).unwrap();
    assert_eq!(
        product(&device, &bodies).unwrap(),
        product(&cores, &bodies).unwrap()
    );
}
