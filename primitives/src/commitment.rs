//! Commitments to rows of weights (C.11-T5): the chain learns a hash first and the row some cycles later, so that
//! nobody can copy weights that are still worth copying.

use codec::Encode;
use sp_core::H256;
use sp_crypto_hashing::blake2_256;

use crate::types::{BrainId, Uid};

/// Tells these hashes from all others.
const CONTEXT: &[u8; 16] = b"based/weights/v1";

/// Number that hides a row until its reveal; drawn from the operating system's randomness, used once.
pub type Salt = [u8; 32];

/// Hash by which a validator commits itself to a row: blake2-256 over the SCALE encoding of
/// `(b"based/weights/v1", genesis hash, Brain, account, row, salt)`, where the row is a vector of (u16 uid, u16
/// weight) by ascending uid. It binds network, Brain and account, so that nobody can commit to another's hash and
/// reveal it.
pub fn weights_commitment(
    genesis: &impl Encode,
    brain: BrainId,
    account: &impl Encode,
    row: &[(Uid, u16)],
    salt: &Salt,
) -> H256 {
    H256((CONTEXT, genesis, brain, account, row, salt).using_encoded(blake2_256))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENESIS: H256 = H256([7; 32]);
    const ROW: [(Uid, u16); 2] = [(1, 2), (0x0102, 0xFFFE)];

    #[test]
    fn the_bytes_are_those_that_other_languages_must_hash() {
        let mut bytes = b"based/weights/v1".to_vec();
        bytes.extend([7; 32]);
        bytes.extend([0x34, 0x12]);
        bytes.extend([9; 32]);
        bytes.extend([2 << 2, 1, 0, 2, 0, 0x02, 0x01, 0xFE, 0xFF]);
        bytes.extend([5; 32]);
        let hash = weights_commitment(&GENESIS, 0x1234, &[9u8; 32], &ROW, &[5; 32]);
        assert_eq!(hash.0, blake2_256(&bytes));
        assert_eq!(
            hash.0.map(|byte| format!("{byte:02x}")).concat(),
            "09aff42b14fc6710047051b3dee731b70cde0c26bddcba791f59f58921d7a8f0"
        );
    }

    #[test]
    fn everything_is_bound() {
        let hash = weights_commitment(&GENESIS, 1, &[9u8; 32], &ROW, &[5; 32]);
        let others = [
            weights_commitment(&H256([8; 32]), 1, &[9u8; 32], &ROW, &[5; 32]),
            weights_commitment(&GENESIS, 2, &[9u8; 32], &ROW, &[5; 32]),
            weights_commitment(&GENESIS, 1, &[8u8; 32], &ROW, &[5; 32]),
            weights_commitment(&GENESIS, 1, &[9u8; 32], &ROW[..1], &[5; 32]),
            weights_commitment(&GENESIS, 1, &[9u8; 32], &ROW, &[6; 32]),
        ];
        assert!(others.iter().all(|other| *other != hash));
    }
}
