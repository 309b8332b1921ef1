//! Arithmetic modulo primes of 31 bits, and ring elements as their residues (a residue number system).

use std::sync::OnceLock;

use tfhe_ntt::prime32::Plan;

use super::params::{BODY_PRIMES, KEY_PRIMES, RING_DEGREE, RING_PRIMES};
use crate::modular::sub;
use crate::simd::vectorised;

/// Residues of a ring element modulo the first `P` primes.
pub(super) type Element<const P: usize> = [Vec<u32>; P];
/// A ring element modulo `q`.
pub(super) type Body = Element<BODY_PRIMES>;
/// A ring element modulo all primes, as keys are.
pub(super) type Wide = Element<KEY_PRIMES>;

/// The low bits, above which a prime's power of two is folded back.
const LOW: u64 = (1 << 31) - 1;

/// Inverses of the keys' own prime modulo those of `q`, by which it is divided out.
pub(super) const KEY_PRIME_INVERSES: [u32; BODY_PRIMES] = [
    inverse(RING_PRIMES[BODY_PRIMES], RING_PRIMES[0]),
    inverse(RING_PRIMES[BODY_PRIMES], RING_PRIMES[1]),
];

/// `x^-1` modulo a prime that does not divide `x`.
const fn inverse(x: u32, modulus: u32) -> u32 {
    let prime = modulus as u64;
    let (mut power, mut square, mut exponent) = (1, x as u64 % prime, prime - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = power * square % prime;
        }
        square = square * square % prime;
        exponent >>= 1;
    }
    power as u32
}

/// Zero.
pub(super) fn zero<const P: usize>() -> Element<P> {
    std::array::from_fn(|_| vec![0; RING_DEGREE])
}

/// Arithmetic modulo one prime, and in its ring `Z_p[X]/(X^N + 1)`.
pub(super) struct Prime {
    plan: Plan,
    modulus: u32,
}

/// The primes, in the order of [`RING_PRIMES`].
pub(super) fn primes() -> &'static [Prime; KEY_PRIMES] {
    static PRIMES: OnceLock<[Prime; KEY_PRIMES]> = OnceLock::new();
    PRIMES.get_or_init(|| RING_PRIMES.map(|modulus| Prime::new(modulus, RING_DEGREE)))
}

impl Prime {
    /// For a prime below `2^31` that is 1 modulo twice the degree.
    pub(super) fn new(modulus: u32, degree: usize) -> Self {
        let plan = Plan::try_new(degree, modulus).expect("the moduli are primes, 1 modulo 2N");
        Self { plan, modulus }
    }

    pub(super) fn modulus(&self) -> u32 {
        self.modulus
    }

    #[inline(always)]
    pub(super) fn add(&self, a: u32, b: u32) -> u32 {
        let sum = a + b;
        sum.min(sum.wrapping_sub(self.modulus))
    }

    #[inline(always)]
    pub(super) fn sub(&self, a: u32, b: u32) -> u32 {
        let difference = a.wrapping_sub(b);
        difference.min(difference.wrapping_add(self.modulus))
    }

    #[inline(always)]
    pub(super) fn neg(&self, a: u32) -> u32 {
        self.sub(0, a)
    }

    /// The residue of a signed integer of magnitude below the modulus.
    #[inline(always)]
    pub(super) fn residue(&self, x: i32) -> u32 {
        let x = x as u32;
        x.min(x.wrapping_add(self.modulus))
    }

    /// The integer of least magnitude in a residue class.
    #[inline(always)]
    pub(super) fn centred(&self, x: u32) -> i32 {
        match x > self.modulus / 2 {
            true => x.wrapping_sub(self.modulus) as i32,
            false => x as i32,
        }
    }

    /// The residue of any integer.
    #[inline(always)]
    pub(super) fn reduce(&self, x: u64) -> u32 {
        (x % u64::from(self.modulus)) as u32
    }

    /// A number of the same residue, below `2^52`: above `2^31`, what prime and power differ by stands for the power.
    #[inline(always)]
    pub(super) fn fold(&self, x: u64) -> u64 {
        (x & LOW) + (x >> 31) * u64::from((1 << 31) - self.modulus)
    }

    /// The residue of what [`Prime::fold`] gave.
    #[inline(always)]
    pub(super) fn folded(&self, x: u64) -> u32 {
        let x = self.fold(self.fold(self.fold(x))) as u32;
        x.min(x.wrapping_sub(self.modulus))
    }

    /// `x^-1`, for `x` that is no multiple of the prime.
    pub(super) fn inverse_of(&self, x: u32) -> u32 {
        inverse(x, self.modulus)
    }

    /// `x * factor` for every coefficient.
    pub(super) fn scale(&self, x: &mut [u32], factor: u32) {
        let times = Times::new(self, factor);
        vectorised(
            #[inline(always)]
            || x.iter_mut().for_each(|x| *x = times.apply(*x)),
        );
    }

    /// To the domain in which products are taken coefficient by coefficient.
    pub(super) fn forward(&self, x: &mut [u32]) {
        self.plan.fwd(x);
    }

    /// `sum += a b + c d` for `[a, c]` and `[b, d]`, all in that domain.
    pub(super) fn add_products(&self, sum: &mut [u32], [a, c]: &Body, [b, d]: [&Vec<u32>; BODY_PRIMES]) {
        let factors = a.iter().zip(b).zip(c.iter().zip(d));
        let sums = sum.iter_mut().zip(factors);
        vectorised(
            #[inline(always)]
            || {
                for (sum, ((a, b), (c, d))) in sums {
                    let products = u64::from(*a) * u64::from(*b) + u64::from(*c) * u64::from(*d);
                    *sum = self.folded(self.fold(u64::from(*sum) + products));
                }
            },
        );
    }

    /// Back from that domain, times the degree: for products with what [`Prime::divide_by_degree`] divided.
    pub(super) fn inverse_times_degree(&self, x: &mut [u32]) {
        self.plan.inv(x);
    }

    /// Divides every coefficient by the degree, in either domain.
    pub(super) fn divide_by_degree(&self, x: &mut [u32]) {
        self.plan.normalize(x);
    }

    /// `y + x X^shift` in the place of `y`, and `y - x X^shift`, for `0 <= shift <= N`.
    fn butterfly(&self, y: &mut [u32], x: &[u32], shift: usize) -> Vec<u32> {
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
    pub(super) fn automorphism(&self, x: &[u32], exponent: usize) -> Vec<u32> {
        let mut image = vec![0; RING_DEGREE];
        let mut to = 0;
        for value in x {
            match to < RING_DEGREE {
                true => image[to] = *value,
                false => image[to - RING_DEGREE] = self.neg(*value),
            }
            to = (to + exponent) % (2 * RING_DEGREE);
        }
        image
    }
}

/// A factor that many residues are multiplied with.
#[derive(Clone, Copy)]
pub(super) struct Times {
    factor: u32,
    ratio: u32,
    modulus: u32,
}

impl Times {
    pub(super) fn new(prime: &Prime, factor: u32) -> Self {
        Self {
            factor,
            ratio: ((u64::from(factor) << 32) / u64::from(prime.modulus)) as u32,
            modulus: prime.modulus,
        }
    }

    #[inline(always)]
    pub(super) fn apply(self, x: u32) -> u32 {
        let quotient = ((u64::from(x) * u64::from(self.ratio)) >> 32) as u32;
        let rest = x
            .wrapping_mul(self.factor)
            .wrapping_sub(quotient.wrapping_mul(self.modulus));
        rest.min(rest.wrapping_sub(self.modulus))
    }
}

/// To the domain of products, modulo every prime.
pub(super) fn forward<const P: usize>(x: &mut Element<P>) {
    for (x, prime) in x.iter_mut().zip(primes()) {
        prime.forward(x);
    }
}

/// Product of `a` with `b`, which is in the domain of products already.
pub(super) fn product<const P: usize>(a: &Element<P>, b_forward: &Element<P>) -> Element<P> {
    let mut product = a.clone();
    for ((x, y), prime) in product.iter_mut().zip(b_forward).zip(primes()) {
        prime.plan.fwd(x);
        prime.plan.mul_assign_normalize(x, y);
        prime.plan.inv(x);
    }
    product
}

/// `a += b`.
pub(super) fn accumulate(a: &mut Body, b: &Body) {
    for ((a, b), prime) in a.iter_mut().zip(b).zip(primes()) {
        vectorised(
            #[inline(always)]
            || a.iter_mut().zip(b).for_each(|(a, b)| *a = prime.add(*a, *b)),
        );
    }
}

/// `y + x X^shift` in the place of `y`, and the image of `y - x X^shift` under `X -> X^exponent`.
pub(super) fn butterfly(y: &mut Body, x: &Body, shift: usize, exponent: usize) -> Body {
    std::array::from_fn(|at| {
        let prime = &primes()[at];
        let difference = prime.butterfly(&mut y[at], &x[at], shift);
        prime.automorphism(&difference, exponent)
    })
}

/// A ring element of small coefficients.
pub(super) fn small<const P: usize>(x: &[i8]) -> Element<P> {
    let residues = |prime: &Prime| x.iter().map(|x| prime.residue((*x).into())).collect();
    std::array::from_fn(|at| residues(&primes()[at]))
}

/// As [`small`], in the domain of products.
pub(super) fn small_forward<const P: usize>(x: &[i8]) -> Element<P> {
    let mut element = small(x);
    forward(&mut element);
    element
}

/// Coefficients modulo `q` from their residues.
pub(super) fn compose([low, high]: &Body) -> Vec<u64> {
    let [first, second, _] = primes();
    const INVERSE: u32 = inverse(RING_PRIMES[0], RING_PRIMES[1]);
    let inverse = Times::new(second, INVERSE);
    let coefficient = |(a, b): (&u32, &u32)| {
        // The first prime is the larger one, by less than the second.
        let apart = second.sub(*b, (*a).min(a.wrapping_sub(second.modulus)));
        u64::from(*a) + u64::from(first.modulus) * u64::from(inverse.apply(apart))
    };
    low.iter().zip(high).map(coefficient).collect()
}

/// Residues of coefficients modulo `q`.
pub(super) fn decompose(x: &[u64]) -> Body {
    std::array::from_fn(|at| x.iter().map(|x| primes()[at].reduce(*x)).collect())
}

/// Change of modulus: `round(x * to / from)` modulo `to`, in fixed point and the same everywhere.
///
/// What fixed point loses, below a unit and a quarter at the ends of the range, is as often above as below: numbers are taken
/// by their least magnitude. So sums of many uniform numbers are off by what is random alone.
pub(super) struct Rescale {
    from: u64,
    to: u64,
    factor: u128,
    shift: u32,
}

impl Rescale {
    /// From and to any moduli.
    pub(super) const fn new(from: u64, to: u64) -> Self {
        // As many bits of the factor as products have room for.
        let shift = 126 - to.ilog2();
        let factor = (((to as u128) << shift) + from as u128 / 2) / from as u128;
        Self {
            from,
            to,
            factor,
            shift,
        }
    }

    #[inline(always)]
    pub(super) fn apply(&self, x: u64) -> u64 {
        let negative = x > self.from / 2;
        let magnitude = if negative { self.from - x } else { x };
        let scaled = ((u128::from(magnitude) * self.factor + (1 << (self.shift - 1))) >> self.shift) as u64;
        match negative {
            true => sub(0, scaled, self.to),
            false => scaled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::params::{MODULUS, PROMPT_MODULUS, RING_MODULUS};
    use proptest::prelude::*;

    fn element() -> impl Strategy<Value = Body> {
        prop::collection::vec(0..RING_MODULUS, RING_DEGREE).prop_map(|x| decompose(&x))
    }

    fn monomial(at: usize) -> Body {
        let mut x = vec![0; RING_DEGREE];
        x[at] = 1;
        let mut x = small(&x);
        forward(&mut x);
        x
    }

    fn automorphism(x: &Body, exponent: usize) -> Body {
        std::array::from_fn(|at| primes()[at].automorphism(&x[at], exponent))
    }

    #[test]
    fn primes_are_those_that_the_transforms_need() {
        for prime in RING_PRIMES {
            assert_eq!(prime as usize % (2 * RING_DEGREE), 1);
            assert!((1 << 31) - prime < 1 << 18, "sums of products fold back quickly");
            assert!((2..46_341).all(|divisor| prime % divisor != 0));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn butterflies_are_products_with_monomials(x in element(), y in element(), shift in 0..RING_DEGREE, half in 0..RING_DEGREE) {
            let shifted = product(&x, &monomial(shift));
            let mut sum = y.clone();
            let difference = butterfly(&mut sum, &x, shift, 2 * half + 1);
            let mut wanted = y.clone();
            accumulate(&mut wanted, &shifted);
            prop_assert!(sum == wanted);
            let subtract = |at: usize| y[at].iter().zip(&shifted[at]).map(|(y, x)| primes()[at].sub(*y, *x)).collect();
            prop_assert!(difference == automorphism(&std::array::from_fn(subtract), 2 * half + 1));
        }

        #[test]
        fn automorphisms_respect_products(x in element(), y in element(), half in 0..RING_DEGREE) {
            let exponent = 2 * half + 1;
            let product = |x: &Body, y: &Body| {
                let mut y = y.clone();
                forward(&mut y);
                product(x, &y)
            };
            let of_product = automorphism(&product(&x, &y), exponent);
            let of_factors = product(&automorphism(&x, exponent), &automorphism(&y, exponent));
            prop_assert!(of_product == of_factors);
        }

        #[test]
        fn residues_give_their_coefficient_back(x in prop::collection::vec(0..RING_MODULUS, 9)) {
            prop_assert_eq!(compose(&decompose(&x)), x);
        }
    }

    proptest! {
        #[test]
        fn rescaling_is_to_nearest(x: u64, from in 0usize..4, to in 0usize..4) {
            let moduli = [MODULUS, RING_MODULUS, PROMPT_MODULUS, 1 << 27];
            let (from, to) = (moduli[from], moduli[to]);
            let x = x % from;
            let there = Rescale::new(from, to).apply(x);
            prop_assert!(there < to);
            // Off by half a unit and what fixed point loses, around the circle.
            let (p, q) = (u128::from(to), u128::from(from));
            let off = (u128::from(there) * q).abs_diff(u128::from(x) * p);
            prop_assert!(off.min(p * q - off) <= 5 * q / 8, "{}", there);
            if p > 4 * q {
                prop_assert_eq!(Rescale::new(to, from).apply(there), x);
            }
        }

        #[test]
        fn factors_multiply(x in 0..RING_PRIMES[2], factor in 0..RING_PRIMES[2]) {
            let prime = &primes()[2];
            let product = u64::from(x) * u64::from(factor) % u64::from(RING_PRIMES[2]);
            prop_assert_eq!(u64::from(Times::new(prime, factor).apply(x)), product);
            prop_assert!(x == 0 || prime.reduce(u64::from(x) * u64::from(prime.inverse_of(x))) == 1);
            prop_assert_eq!(prime.residue(prime.centred(x)), x);
        }
    }
}
