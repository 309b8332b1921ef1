//! Products of a batch's masks with rows of weights.
//!
//! Coefficient `k` of a row's product with one mask is the sum of the row's weights times the mask's coefficients from
//! `k` on, `X^N` being -1: a convolution much shorter than the mask. It is taken window by window (overlap-save), so that
//! a row is transformed at the size of a window, once, and what is left are products of transforms, point by point, which
//! are summed over all masks before any transform goes back. Everything is modulo the primes of `q`.

use rayon::prelude::*;

use super::matrix::Matrix;
use super::params::{Tokens, BODY_PRIMES, RING_DEGREE, RING_PRIMES};
use super::ring::{primes, zero, Body, Prime};
use super::sample::{mask, Seed};
use crate::simd::vectorised;

/// Fewest coefficients of a window: below it rows' transforms are cheap and those back are not.
const LEAST_WINDOW: usize = 256;
/// Most weights of a chunk.
const MOST_CHUNK: usize = 1024;
/// Products of two residues that fit 64 bits beside a folded sum.
const SUMMED: usize = 3;

/// The masks of a batch, ready to be multiplied with rows.
pub(super) struct Masks {
    transforms: Vec<Prime>,
    /// For each prime the transformed windows, those of a ring element one after another.
    windows: Vec<Vec<u32>>,
    /// Weights of a chunk.
    chunk: usize,
    /// Coefficients of a window.
    window: usize,
    /// Windows of a ring element.
    each: usize,
    /// Inputs of a position in a ring element.
    stride: usize,
}

impl Masks {
    /// The masks of a seed for a matrix, times `factor`, which is modulo each prime of `q`.
    pub(super) fn new(matrix: &Matrix, tokens: Tokens, seed: &Seed, factor: [u32; BODY_PRIMES]) -> Self {
        let stride = tokens.stride();
        let chunk = stride.min(MOST_CHUNK);
        let window = (2 * chunk).max(LEAST_WINDOW);
        // A chunk that is not its ring element's first meets the windows after those of the first.
        let each = RING_DEGREE.div_ceil(window - chunk) + stride / chunk - 1;
        let transforms = RING_PRIMES.iter().take(BODY_PRIMES);
        let mut masks = Self {
            transforms: transforms.map(|modulus| Prime::new(*modulus, window)).collect(),
            windows: Vec::new(),
            chunk,
            window,
            each,
            stride,
        };
        let rings = 0..tokens.rings(matrix.shape().inputs) as u64;
        let drawn: Vec<Body> = rings.into_par_iter().map(|ring| mask(seed, ring)).collect();
        let of_prime = |(at, factor): (usize, u32)| {
            let cut = drawn
                .par_iter()
                .flat_map_iter(|mask| masks.cut(at, &mask[at], factor));
            cut.collect()
        };
        masks.windows = factor.into_par_iter().enumerate().map(of_prime).collect();
        masks
    }

    /// The transformed windows of a mask modulo prime `at`.
    fn cut(&self, at: usize, mask: &[u32], factor: u32) -> Vec<u32> {
        let (prime, transform) = (&primes()[at], &self.transforms[at]);
        let mut scaled = mask.to_vec();
        prime.scale(&mut scaled, factor);
        // What passes X^N comes back negated.
        let mut endless = scaled.clone();
        endless.extend(scaled.iter().map(|x| prime.neg(*x)));
        let step = self.window - self.chunk;
        let mut windows = Vec::with_capacity(self.each * self.window);
        for first in (0..self.each).map(|window| window * step) {
            let mut window = endless[first..first + self.window].to_vec();
            transform.forward(&mut window);
            transform.divide_by_degree(&mut window);
            windows.extend(window);
        }
        windows
    }

    /// The mask of a row's products: that of slot `t` at coefficient `t * stride`.
    pub(super) fn product(&self, row: &[i8]) -> Body {
        let mut product = zero();
        for (at, product) in product.iter_mut().enumerate() {
            self.modulo(at, row, product);
        }
        product
    }

    fn modulo(&self, at: usize, row: &[i8], product: &mut [u32]) {
        let (transform, windows) = (&self.transforms[at], &self.windows[at]);
        // Chunks, transformed, and the number of the window that each meets first.
        let chunks = row.chunks(self.stride).enumerate().flat_map(|(ring, weights)| {
            let chunks = weights.chunks(self.chunk).enumerate();
            chunks.map(move |(at, weights)| (ring * self.each + at, self.transformed(transform, weights)))
        });
        let chunks: Vec<(usize, Vec<u32>)> = chunks.collect();
        let mut sums = vec![0; self.window];
        let mut back = vec![0; self.window];
        for (block, product) in product.chunks_mut(self.window - self.chunk).enumerate() {
            sums.fill(0);
            let window = |first: usize| &windows[(first + block) * self.window..][..self.window];
            let mut groups = chunks.chunks_exact(SUMMED);
            for group in groups.by_ref() {
                let factors: [_; SUMMED] = std::array::from_fn(|at| {
                    let (first, weights) = &group[at];
                    (weights.as_slice(), window(*first))
                });
                add_three(&mut sums, factors, transform);
            }
            for (first, weights) in groups.remainder() {
                add_one(&mut sums, (weights, window(*first)), transform);
            }
            vectorised(
                #[inline(always)]
                || {
                    for (x, sum) in back.iter_mut().zip(&sums) {
                        *x = transform.folded(*sum);
                    }
                },
            );
            transform.inverse_times_degree(&mut back);
            product.copy_from_slice(&back[self.chunk - 1..][..product.len()]);
        }
    }

    /// A chunk of weights in the domain of products, reversed, as convolutions go.
    fn transformed(&self, transform: &Prime, weights: &[i8]) -> Vec<u32> {
        let mut chunk = vec![0; self.window];
        for (x, weight) in chunk[..self.chunk].iter_mut().rev().zip(weights) {
            *x = transform.residue((*weight).into());
        }
        transform.forward(&mut chunk);
        chunk
    }
}

/// Adds products point by point to sums, which stay small enough for as many more.
fn add_three(sums: &mut [u64], [a, b, c]: [(&[u32], &[u32]); SUMMED], prime: &Prime) {
    let count = sums.len();
    let ((a, b), (c, d), (e, f)) = (first(a, count), first(b, count), first(c, count));
    vectorised(
        #[inline(always)]
        || {
            for at in 0..count {
                let times = |x: &[u32], y: &[u32]| u64::from(x[at]) * u64::from(y[at]);
                sums[at] = prime.fold(sums[at] + times(a, b) + times(c, d) + times(e, f));
            }
        },
    );
}

/// Adds one product, as [`add_three`] does three.
fn add_one(sums: &mut [u64], (x, y): (&[u32], &[u32]), prime: &Prime) {
    vectorised(
        #[inline(always)]
        || {
            for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
                *sum = prime.fold(*sum + u64::from(*x) * u64::from(*y));
            }
        },
    );
}

/// The first numbers of both, so that loops need not ask whether there are as many.
fn first<'a>((x, y): (&'a [u32], &'a [u32]), count: usize) -> (&'a [u32], &'a [u32]) {
    (&x[..count], &y[..count])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::ring::{accumulate, forward, product};
    use rand::{Rng, SeedableRng};

    /// By products of whole ring elements.
    fn plain(row: &[i8], tokens: Tokens, seed: &Seed) -> Body {
        let mut sum = zero();
        for (ring, weights) in row.chunks(tokens.stride()).enumerate() {
            let mut polynomial: Body = zero();
            for (residues, prime) in polynomial.iter_mut().zip(primes()) {
                residues[0] = prime.residue(weights[0].into());
                // Weight i stands at X^-i, which is -X^(N-i).
                for (x, weight) in residues.iter_mut().rev().zip(&weights[1..]) {
                    *x = prime.residue(-i32::from(*weight));
                }
            }
            forward(&mut polynomial);
            accumulate(&mut sum, &product(&mask(seed, ring as u64), &polynomial));
        }
        sum
    }

    #[test]
    fn windows_give_the_products_of_whole_ring_elements() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for (slots, inputs) in [
            (1, 40),
            (1, 4100),
            (2, 2500),
            (4, 1500),
            (16, 300),
            (32, 1200),
            (64, 70),
            (128, 129),
            (1024, 5),
            (4096, 3),
        ] {
            let tokens = Tokens::new(slots).unwrap();
            let weights = (0..inputs).map(|_| rng.gen_range(-127..=127)).collect();
            let matrix = Matrix::new(inputs, 1, weights).unwrap();
            let factor = primes().each_ref().map(|prime| prime.neg(3));
            let masks = Masks::new(&matrix, tokens, &[3; 32], [factor[0], factor[1]]);
            let mut wanted = plain(matrix.row(0), tokens, &[3; 32]);
            for (x, prime) in wanted.iter_mut().zip(primes()) {
                prime.scale(x, prime.neg(3));
            }
            assert!(masks.product(matrix.row(0)) == wanted, "{slots} {inputs}");
        }
    }

    #[test]
    fn the_largest_sums_do_not_overflow() {
        for prime in primes() {
            let most = vec![prime.modulus() - 1; 8];
            let mut sums = vec![0; 8];
            for count in 1..100u64 {
                add_three(&mut sums, [(most.as_slice(), most.as_slice()); SUMMED], prime);
                let wanted = prime.reduce(SUMMED as u64 * count);
                assert!(sums.iter().all(|sum| prime.folded(*sum) == wanted));
            }
        }
    }
}
