//! Counting distinct accounts in bounded space: linear counting on a bitmap.
//!
//! Every account sets the one bit its hash names. From the share of bits still clear the number of distinct accounts
//! follows as m ln(m / clear), within about 2% up to the number of bits and saturating at m ln m. An account adds at
//! most one bit however often it acts, and nobody can clear another's bit, so that whoever would raise the count
//! needs as many funded accounts, each of which pays a fee. The hash is seeded by a block hash: which accounts meet
//! in a bit is not known ahead.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

const BYTES: usize = 1_024;
const BITS: u32 = 8 * BYTES as u32;
/// Takes a bit's number from a hash: the number of bits is a power of two.
const BIT_MASK: u64 = BITS as u64 - 1;
/// ln 2 in units of 2^-32.
const LN_2_Q32: u128 = 2_977_044_472;

/// Bitmap of accounts seen: 8,192 bits.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Sketch([u8; BYTES]);

impl Default for Sketch {
    fn default() -> Self {
        Self([0; BYTES])
    }
}

impl Sketch {
    /// Sees an account with this hash, of which the low 13 bits count.
    pub fn insert(&mut self, hash: u64) {
        let bit = hash & BIT_MASK;
        if let Some(byte) = self.0.get_mut((bit >> 3) as usize) {
            *byte |= 1u8.wrapping_shl((bit & 7) as u32);
        }
    }

    /// Number of distinct accounts seen, estimated.
    pub fn estimate(&self) -> u32 {
        let set = self
            .0
            .iter()
            .fold(0u32, |sum, byte| sum.saturating_add(byte.count_ones()));
        let clear = BITS.saturating_sub(set).max(1);
        let log2 = log2_q32(BITS).saturating_sub(log2_q32(clear));
        // In units of 2^-64; half a unit rounds.
        let estimate = u128::from(log2)
            .saturating_mul(LN_2_Q32)
            .saturating_mul(BITS.into())
            .saturating_add(1 << 63)
            >> 64;
        u32::try_from(estimate).unwrap_or(u32::MAX)
    }
}

/// Logarithm to base two of a positive number, in units of 2^-32, by repeated squaring.
fn log2_q32(value: u32) -> u64 {
    let whole = value.checked_ilog2().unwrap_or(0);
    // The number divided by its power of two: in [1, 2), in units of 2^-31.
    let mut mantissa = u64::from(value).wrapping_shl(31u32.saturating_sub(whole));
    let mut log = u64::from(whole);
    for _ in 0..32 {
        mantissa = mantissa.saturating_mul(mantissa) >> 31;
        let carry = mantissa >> 32;
        mantissa = mantissa.wrapping_shr(carry as u32);
        log = (log << 1) | carry;
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_crypto_hashing::blake2_64;

    fn hash(n: u32) -> u64 {
        u64::from_le_bytes(blake2_64(&n.to_le_bytes()))
    }

    fn seen(count: u32) -> Sketch {
        let mut sketch = Sketch::default();
        (0..count).for_each(|n| sketch.insert(hash(n)));
        sketch
    }

    #[test]
    fn logarithms_are_those_of_floats() {
        for value in (1..=8_192).chain([u32::MAX]) {
            let expected = f64::from(value).log2();
            let found = log2_q32(value) as f64 / 4_294_967_296.0;
            assert!((found - expected).abs() < 1e-7, "{value}: {found} {expected}");
        }
    }

    #[test]
    fn counts_are_close_to_the_truth() {
        assert_eq!(seen(0).estimate(), 0);
        assert_eq!(seen(1).estimate(), 1);
        for count in [10, 100, 1_000, 5_000, 8_000] {
            let estimate = seen(count).estimate();
            assert!(estimate.abs_diff(count) <= 1 + count / 25, "{count}: {estimate}");
        }
    }

    #[test]
    fn acting_often_counts_once() {
        let mut sketch = seen(20);
        let before = sketch.estimate();
        (0..10_000).for_each(|_| sketch.insert(hash(3)));
        assert_eq!(sketch.estimate(), before);
    }

    #[test]
    fn a_full_bitmap_saturates() {
        let full = seen(1_000_000).estimate();
        assert_eq!(full, 73_817);
    }
}
