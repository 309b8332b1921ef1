//! Tests of split mode as a whole.

mod exact;
mod hostile;
mod noise;
mod security;

use rand::Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

/// A client and a miner of one session.
struct Session {
    secret: SecretKey,
    packing: PackingKey,
}

impl Session {
    fn new() -> Self {
        let secret = SecretKey::generate().unwrap();
        let packing = PackingKey::from_bytes(secret.packing_key_bytes()).unwrap();
        Self { secret, packing }
    }

    fn batch(&self, matrix: &Matrix, tokens: usize) -> Batch {
        let tokens = Tokens::new(tokens).unwrap();
        let pending = self.secret.prepare(matrix.shape(), tokens).unwrap();
        let hint = hint(matrix, &self.packing, pending.request()).unwrap();
        self.secret.complete(pending, &hint).unwrap()
    }

    /// What names the answer to a prompt's activations, and the answer.
    fn answered(&self, matrix: &Matrix, tokens: Tokens, x: &[i8]) -> (Sealed, Vec<u8>) {
        let pending = self.secret.prepare(matrix.shape(), tokens).unwrap();
        let request = pending.request().to_vec();
        let (bodies, sealed) = pending.seal(x).unwrap();
        let answer = answer(matrix, &self.packing, &request, &bodies).unwrap();
        (sealed, answer)
    }
}

fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Uniform 8-bit integers.
fn uniform(rng: &mut impl Rng, count: usize) -> Vec<i8> {
    (0..count).map(|_| rng.gen_range(-127..=127)).collect()
}

fn random_matrix(rng: &mut impl Rng, inputs: u32, outputs: u32) -> Matrix {
    Matrix::new(inputs, outputs, uniform(rng, (inputs * outputs) as usize)).unwrap()
}
