//! A miner in this process, for measurements: it gets what a miner gets, and nothing else.

use rayon::prelude::*;

use super::{Products, Weights};
use crate::error::{Error, Result};
use crate::split::{answer, Matrix, PackingKey, SecretKey, Tokens};

/// Products of encrypted steps, in one step each as a prompt's are. Each is decrypted and held against the product in
/// clear, so that a run shows that they are equal (SPEC F.5-2).
#[derive(Debug)]
pub struct Encrypted {
    secret: SecretKey,
    packing: PackingKey,
    matrices: Vec<Matrix>,
    equal: u64,
}

impl Encrypted {
    /// A fresh key, and the miner's matrices.
    ///
    /// # Errors
    /// As [`Weights::into_matrices`]; if no key can be drawn.
    pub fn new(weights: Weights) -> Result<Self> {
        let secret = SecretKey::generate()?;
        Ok(Self {
            packing: PackingKey::from_bytes(secret.packing_key_bytes())?,
            matrices: weights.into_matrices()?,
            secret,
            equal: 0,
        })
    }

    /// Values that were decrypted so far; all of them equal those in clear.
    pub fn equal(&self) -> u64 {
        self.equal
    }
}

impl Products for &mut Encrypted {
    fn product(&mut self, layer: usize, steps: &[i8]) -> Result<Vec<i32>> {
        let matrix = self.matrices.get(layer);
        let matrix =
            matrix.ok_or_else(|| Error::Manifest(format!("the model has no linear layer {layer}")))?;
        let shape = matrix.shape();
        let inputs = shape.inputs as usize;
        let pending = self
            .secret
            .prepare(shape, Tokens::prompt(shape, steps.len() / inputs)?)?;
        let request = pending.request().to_vec();
        let (bodies, sealed) = pending.seal(steps)?;
        let answer = answer(matrix, &self.packing, &request, &bodies)?;
        let sums = self.secret.unseal(&sealed, &answer)?;
        let clear = steps.par_chunks_exact(inputs).map(|token| matrix.multiply(token));
        if sums != clear.collect::<Result<Vec<_>>>()?.concat() {
            return Err(Error::Ciphertext(format!(
                "a decrypted product of layer {layer} is not the one in clear"
            )));
        }
        self.equal += sums.len() as u64;
        let narrow =
            |sum: i64| i32::try_from(sum).map_err(|_| Error::Ciphertext("a sum beyond 32 bits".into()));
        sums.into_iter().map(narrow).collect()
    }
}
