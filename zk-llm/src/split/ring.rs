//! Arithmetic modulo primes and in their rings.

use std::sync::OnceLock;

use tfhe_ntt::prime64::Plan;

use super::params::{MODULUS, PACKING_MODULUS, RING_DEGREE};

/// The ring `Z_p[X]/(X^N + 1)` for a prime.
pub(crate) struct Ring {
    plan: Plan,
    modulus: u64,
}

/// The ring of masks and bodies.
pub(super) fn body_ring() -> &'static Ring {
    static RING: OnceLock<Ring> = OnceLock::new();
    RING.get_or_init(|| Ring::new(MODULUS))
}

/// The ring of packing keys.
pub(super) fn packing_ring() -> &'static Ring {
    static RING: OnceLock<Ring> = OnceLock::new();
    RING.get_or_init(|| Ring::new(PACKING_MODULUS))
}

impl Ring {
    /// For a prime that is 1 modulo twice the degree, below `2^63`.
    pub(crate) fn new(modulus: u64) -> Self {
        let plan = Plan::try_new(RING_DEGREE, modulus).expect("the moduli are primes, 1 modulo 2N");
        Self { plan, modulus }
    }

    #[inline(always)]
    pub(crate) fn add(&self, a: u64, b: u64) -> u64 {
        let sum = a + b;
        sum.min(sum.wrapping_sub(self.modulus))
    }

    #[inline(always)]
    pub(crate) fn sub(&self, a: u64, b: u64) -> u64 {
        let difference = a.wrapping_sub(b);
        difference.min(difference.wrapping_add(self.modulus))
    }

    #[inline(always)]
    pub(crate) fn neg(&self, a: u64) -> u64 {
        self.sub(0, a)
    }

    pub(super) fn mul(&self, a: u64, b: u64) -> u64 {
        (u128::from(a) * u128::from(b) % u128::from(self.modulus)) as u64
    }

    /// The residue of a signed integer of magnitude below the modulus.
    #[inline(always)]
    pub(crate) fn residue(&self, x: i64) -> u64 {
        let x = x as u64;
        x.min(x.wrapping_add(self.modulus))
    }

    /// `2^-exponent`.
    pub(super) fn inverse_power_of_two(&self, exponent: usize) -> u64 {
        let half = self.modulus.div_ceil(2);
        (0..exponent).fold(1, |power, _| self.mul(power, half))
    }

    /// `x * factor` for every coefficient.
    pub(super) fn scale(&self, x: &mut [u64], factor: u64) {
        let ratio = ((u128::from(factor) << 64) / u128::from(self.modulus)) as u64;
        for x in x {
            let quotient = ((u128::from(*x) * u128::from(ratio)) >> 64) as u64;
            let rest = x
                .wrapping_mul(factor)
                .wrapping_sub(quotient.wrapping_mul(self.modulus));
            *x = rest.min(rest.wrapping_sub(self.modulus));
        }
    }

    /// To the domain in which products are taken coefficient by coefficient.
    pub(crate) fn forward(&self, x: &mut [u64]) {
        self.plan.fwd(x);
    }

    /// `sum += a * b`, all in that domain.
    pub(crate) fn multiply_add(&self, sum: &mut [u64], a: &[u64], b: &[u64]) {
        self.plan.mul_accumulate(sum, a, b);
    }

    /// Back from that domain.
    pub(super) fn inverse(&self, x: &mut [u64]) {
        self.plan.inv(x);
        self.plan.normalize(x);
    }

    /// As [`Ring::inverse`], but times the degree: for products with what [`Ring::divide_by_degree`] divided.
    pub(crate) fn inverse_times_degree(&self, x: &mut [u64]) {
        self.plan.inv(x);
    }

    /// Divides every coefficient by the ring's degree, in either domain.
    pub(crate) fn divide_by_degree(&self, x: &mut [u64]) {
        self.plan.normalize(x);
    }

    /// Product of `a` with `b`, which is in the domain of products already.
    pub(super) fn product(&self, a: &[u64], b_forward: &[u64]) -> Vec<u64> {
        let mut product = a.to_vec();
        self.forward(&mut product);
        self.plan.mul_assign_normalize(&mut product, b_forward);
        self.plan.inv(&mut product);
        product
    }

    /// `x(X) * X^shift` for `0 <= shift <= N`, added to or subtracted from `y`: `(y + x X^s, y - x X^s)`.
    pub(super) fn butterfly(&self, y: &mut [u64], x: &[u64], shift: usize) -> Vec<u64> {
        let mut difference = vec![0; y.len()];
        let (wrapped, kept) = x.split_at(x.len() - shift);
        let (low, high) = y.split_at_mut(shift);
        let (difference_low, difference_high) = difference.split_at_mut(shift);
        vectorised(
            #[inline(always)]
            || {
                // The coefficients that pass X^N come back negated.
                for ((y, d), x) in low.iter_mut().zip(difference_low).zip(kept) {
                    (*y, *d) = (self.sub(*y, *x), self.add(*y, *x));
                }
                for ((y, d), x) in high.iter_mut().zip(difference_high).zip(wrapped) {
                    (*y, *d) = (self.add(*y, *x), self.sub(*y, *x));
                }
            },
        );
        difference
    }

    /// `x(X^exponent)`, for an odd exponent.
    pub(super) fn automorphism(&self, x: &[u64], exponent: usize) -> Vec<u64> {
        let mut image = vec![0; x.len()];
        for (at, value) in x.iter().enumerate() {
            let to = at * exponent % (2 * x.len());
            match to < x.len() {
                true => image[to] = *value,
                false => image[to - x.len()] = self.neg(*value),
            }
        }
        image
    }
}

/// Change of modulus: `round(x * to / from)` modulo `to`, in fixed point and the same everywhere.
pub(super) struct Rescale {
    to: u64,
    factor: u128,
    shift: u32,
}

impl Rescale {
    /// From and to moduli of at most 50 bits.
    pub(super) const fn new(from: u64, to: u64) -> Self {
        // 62 bits of the factor leave an error far below half a unit.
        let shift = 62 + from.ilog2() - to.ilog2();
        let factor = (((to as u128) << shift) + from as u128 / 2) / from as u128;
        Self { to, factor, shift }
    }

    pub(super) fn apply(&self, x: u64) -> u64 {
        let scaled = ((u128::from(x) * self.factor + (1 << (self.shift - 1))) >> self.shift) as u64;
        scaled.min(scaled.wrapping_sub(self.to))
    }
}

/// Runs loops with the widest instructions of the processor at hand. The closure must be marked
/// `#[inline(always)]`: what is not inlined is compiled for the oldest processor.
#[inline(always)]
pub(crate) fn vectorised<T>(loops: impl FnOnce() -> T) -> T {
    pulp::Arch::new().dispatch(loops)
}

/// The integer of least magnitude in a residue class.
#[inline(always)]
pub(crate) fn centred(x: u64, modulus: u64) -> i64 {
    match x > modulus / 2 {
        true => x as i64 - modulus as i64,
        false => x as i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn element(modulus: u64) -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(0..modulus, RING_DEGREE)
    }

    fn monomial(at: usize) -> Vec<u64> {
        let mut x = vec![0; RING_DEGREE];
        x[at] = 1;
        x
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn butterflies_are_products_with_monomials(x in element(PACKING_MODULUS), y in element(PACKING_MODULUS), shift in 0..RING_DEGREE) {
            let ring = packing_ring();
            let mut power = monomial(shift);
            ring.forward(&mut power);
            let shifted = ring.product(&x, &power);
            let mut sum = y.clone();
            let difference = ring.butterfly(&mut sum, &x, shift);
            for at in 0..RING_DEGREE {
                prop_assert_eq!(sum[at], ring.add(y[at], shifted[at]));
                prop_assert_eq!(difference[at], ring.sub(y[at], shifted[at]));
            }
        }

        #[test]
        fn automorphisms_respect_products(x in element(MODULUS), y in element(MODULUS), half in 0..RING_DEGREE) {
            let (ring, exponent) = (body_ring(), 2 * half + 1);
            let product = |x: &[u64], y: &[u64]| {
                let mut y = y.to_vec();
                ring.forward(&mut y);
                ring.product(x, &y)
            };
            let of_product = ring.automorphism(&product(&x, &y), exponent);
            let of_factors = product(&ring.automorphism(&x, exponent), &ring.automorphism(&y, exponent));
            prop_assert_eq!(of_product, of_factors);
        }

        #[test]
        fn rescaling_is_to_nearest(x in 0..MODULUS) {
            let lifted = Rescale::new(MODULUS, PACKING_MODULUS).apply(x);
            prop_assert!(lifted < PACKING_MODULUS);
            prop_assert_eq!(Rescale::new(PACKING_MODULUS, MODULUS).apply(lifted), x);
            let (p, q) = (u128::from(PACKING_MODULUS), u128::from(MODULUS));
            let nearest = ((2 * u128::from(x) * p + q) / (2 * q)) as u64;
            prop_assert!(lifted.abs_diff(nearest) <= 1 || nearest == PACKING_MODULUS);
        }
    }

    #[test]
    fn halves_undo_doublings() {
        for ring in [body_ring(), packing_ring()] {
            let mut power = [1 << 11, ring.modulus - 1];
            ring.scale(&mut power, ring.inverse_power_of_two(11));
            assert_eq!(power, [1, ring.neg(ring.inverse_power_of_two(11))]);
            assert_eq!(ring.add(ring.residue(-5), 5), 0);
        }
    }
}
