//! A keyed permutation of `0..size`: a Feistel network on the next even number of bits, walked until it lands
//! inside the range again.

use sha2::{Digest, Sha256};

const ROUNDS: u8 = 6;

/// Where the permutation of `0..size` chosen by `key` and `tweak` sends `index`, which is below `size`.
pub(super) fn permute(key: &[u8; 32], tweak: u64, size: u64, index: u64) -> u64 {
    let bits = (64 - size.saturating_sub(1).leading_zeros()).max(2);
    let half = bits.div_ceil(2);
    let mut value = index;
    loop {
        value = feistel(key, tweak, half, value);
        if value < size {
            return value;
        }
    }
}

fn feistel(key: &[u8; 32], tweak: u64, half: u32, value: u64) -> u64 {
    let mask = (1u64 << half) - 1;
    let (mut left, mut right) = (value >> half, value & mask);
    for round in 0..ROUNDS {
        let mixed = left ^ (mix(key, tweak, round, right) & mask);
        left = right;
        right = mixed;
    }
    left << half | right
}

fn mix(key: &[u8; 32], tweak: u64, round: u8, value: u64) -> u64 {
    let digest = Sha256::new()
        .chain_update(key)
        .chain_update(tweak.to_le_bytes())
        .chain_update([round])
        .chain_update(value.to_le_bytes())
        .finalize();
    u64::from_le_bytes(std::array::from_fn(|i| digest[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_bijection_for_every_small_size() {
        for size in 1..=300 {
            let mut hit = vec![false; size as usize];
            for index in 0..size {
                let to = permute(&[9; 32], 3, size, index) as usize;
                assert!(!std::mem::replace(&mut hit[to], true), "{size}: {to} hit twice");
            }
        }
    }

    #[test]
    fn depends_on_key_and_tweak() {
        let order = |key, tweak| {
            (0..64)
                .map(|i| permute(&[key; 32], tweak, 1_000_000, i))
                .collect::<Vec<_>>()
        };
        assert_ne!(order(1, 1), order(2, 1));
        assert_ne!(order(1, 1), order(1, 2));
    }
}
