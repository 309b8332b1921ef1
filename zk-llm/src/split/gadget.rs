//! Digits of residues modulo the packing modulus, by which key switches multiply keys.

use super::params::PACKING_MODULUS;
use super::ring::{centred, packing_ring, vectorised};

/// A gadget: `levels` signed digits of `base_log` bits, above `dropped` bits that are rounded away.
#[derive(Clone, Copy)]
pub(super) struct Gadget {
    pub base_log: u32,
    pub levels: usize,
    pub dropped: u32,
}

impl Gadget {
    /// Adds `element` times the factor of a digit to `body`.
    pub(super) fn add(self, body: &mut [u64], element: &[u64], digit: usize) {
        let ring = packing_ring();
        let mut scaled = element.to_vec();
        ring.scale(&mut scaled, 1 << (self.dropped + self.base_log * digit as u32));
        for (x, y) in body.iter_mut().zip(scaled) {
            *x = ring.add(*x, y);
        }
    }

    /// Coefficients, ready for their digits to be cut.
    pub(super) fn biased(self, element: &[u64]) -> Vec<u64> {
        element.iter().map(|x| self.bias(*x)).collect()
    }

    /// The digits `at` of biased coefficients, as residues.
    pub(super) fn cut(self, biased: &[u64], at: usize, digits: &mut [u64]) {
        let ring = packing_ring();
        vectorised(
            #[inline(always)]
            || {
                for (digit, biased) in digits.iter_mut().zip(biased) {
                    *digit = ring.residue(self.digit(*biased, at));
                }
            },
        );
    }

    /// The value of least magnitude, rounded to the gadget, plus half a base at every digit.
    fn bias(self, x: u64) -> u64 {
        let half = (0..self.levels as u32).fold(0, |bias, digit| {
            bias + (1i64 << (self.base_log * (digit + 1) - 1))
        });
        let rounded = (centred(x, PACKING_MODULUS) + (1 << (self.dropped - 1))) >> self.dropped;
        (rounded + half) as u64
    }

    /// Digit `at`, in `-2^(b-1)..2^(b-1)`; the highest takes what is left.
    #[inline(always)]
    fn digit(self, biased: u64, at: usize) -> i64 {
        let rest = biased >> (self.base_log as usize * at);
        let digit = match at + 1 < self.levels {
            true => rest & ((1 << self.base_log) - 1),
            false => rest,
        };
        digit as i64 - (1 << (self.base_log - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GADGETS: [Gadget; 2] = [
        Gadget {
            base_log: 4,
            levels: 11,
            dropped: 6,
        },
        Gadget {
            base_log: 8,
            levels: 5,
            dropped: 10,
        },
    ];

    fn check(gadget: Gadget, x: u64) {
        let biased = gadget.bias(x);
        let mut sum = 0i64;
        for at in 0..gadget.levels {
            let digit = gadget.digit(biased, at);
            assert!(digit.abs() <= 1 << (gadget.base_log - 1), "{x}");
            sum += digit << (gadget.dropped + gadget.base_log * at as u32);
        }
        assert!(
            (sum - centred(x, PACKING_MODULUS)).abs() <= 1 << (gadget.dropped - 1),
            "{x}"
        );
    }

    proptest! {
        #[test]
        fn digits_rebuild_the_value(x in 0..PACKING_MODULUS) {
            GADGETS.into_iter().for_each(|gadget| check(gadget, x));
        }
    }

    #[test]
    fn digits_of_the_extremes() {
        let half = PACKING_MODULUS / 2;
        for x in [0, 1, PACKING_MODULUS - 1, half, half + 1] {
            GADGETS.into_iter().for_each(|gadget| check(gadget, x));
        }
    }
}
