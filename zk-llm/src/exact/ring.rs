//! Arithmetic modulo a 62-bit prime and in its ring.

use tfhe_ntt::prime64::Plan;

use super::DEGREE;
use crate::modular;

/// The ring `Z_p[X]/(X^N + 1)` for a prime.
pub(super) struct Ring {
    plan: Plan,
    modulus: u64,
}

impl Ring {
    /// For a prime that is 1 modulo twice the degree, below `2^63`.
    pub(super) fn new(modulus: u64) -> Self {
        let plan = Plan::try_new(DEGREE, modulus).expect("the modulus is a prime, 1 modulo 2N");
        Self { plan, modulus }
    }

    #[inline(always)]
    pub(super) fn add(&self, a: u64, b: u64) -> u64 {
        modular::add(a, b, self.modulus)
    }

    #[inline(always)]
    pub(super) fn sub(&self, a: u64, b: u64) -> u64 {
        modular::sub(a, b, self.modulus)
    }

    #[inline(always)]
    pub(super) fn neg(&self, a: u64) -> u64 {
        self.sub(0, a)
    }

    #[inline(always)]
    pub(super) fn residue(&self, x: i64) -> u64 {
        modular::residue(x, self.modulus)
    }

    #[inline(always)]
    pub(super) fn centred(&self, x: u64) -> i64 {
        modular::centred(x, self.modulus)
    }

    /// To the domain in which products are taken coefficient by coefficient.
    pub(super) fn forward(&self, x: &mut [u64]) {
        self.plan.fwd(x);
    }

    /// `sum += a * b`, all in that domain.
    pub(super) fn multiply_add(&self, sum: &mut [u64], a: &[u64], b: &[u64]) {
        self.plan.mul_accumulate(sum, a, b);
    }

    /// Back from that domain, times the degree: for products with what [`Ring::divide_by_degree`] divided.
    pub(super) fn inverse_times_degree(&self, x: &mut [u64]) {
        self.plan.inv(x);
    }

    /// Divides every coefficient by the ring's degree, in either domain.
    pub(super) fn divide_by_degree(&self, x: &mut [u64]) {
        self.plan.normalize(x);
    }
}
