//! The integer product of 8-bit weights with vectors modulo a prime.
//!
//! A residue is some signed 16-bit digits; sums of products of 8 by 16 bits fit 32 bits for a block at a
//! time. Everything is integers, so every processor gives the same bits.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::pairs::{Pairs, Portable};
use super::params::{MODULUS, PROMPT_MODULUS};

/// A prime modulus whose residues are `D` digits.
pub(super) trait Modulus<const D: usize>: Copy + Sync {
    /// The prime, below `2^(16 D)` by less than what [`BIAS`] adds.
    const PRIME: u64;

    /// The residue of digits, each of magnitude below `2^40`.
    fn reduce(digits: [i64; D]) -> u64;
}

/// The modulus of online products.
#[derive(Clone, Copy)]
pub(super) struct Online;

/// The modulus of a prompt's products.
#[derive(Clone, Copy)]
pub(super) struct Prompt;

impl Modulus<3> for Online {
    const PRIME: u64 = MODULUS;

    #[inline(always)]
    fn reduce([low, middle, high]: [i64; 3]) -> u64 {
        // 2^48 is FOLD, so what passes it comes back small.
        let wrap = |x: i64, bits: u32| ((x & ((1 << bits) - 1)) << (48 - bits)) + (x >> bits) * FOLD;
        let sum = low + wrap(middle, 32) + wrap(high, 16);
        sum.rem_euclid(MODULUS as i64) as u64
    }
}

impl Modulus<4> for Prompt {
    const PRIME: u64 = PROMPT_MODULUS;

    #[inline(always)]
    fn reduce(digits: [i64; 4]) -> u64 {
        let sum = digits
            .iter()
            .rev()
            .fold(0, |sum: i128, digit| (sum << 16) + i128::from(*digit));
        sum.rem_euclid(i128::from(PROMPT_MODULUS)) as u64
    }
}

/// Added before digits are cut, so that each is a signed 16-bit integer.
const BIAS: u64 = 0x8000_8000_8000_8000;
/// Additions of two products to a lane that fit a signed 32-bit integer: `256 * 2 * 127 * 2^15 < 2^31`.
const BLOCK: usize = 256;
/// Rows of weights that share a load of digits.
const ROWS: usize = 4;
/// Bytes of digits that all rows meet before the next vectors come: what a core keeps close.
const CLOSE: usize = 1 << 18;
/// What `2^48` is modulo the prime of online products.
const FOLD: i64 = (1 << 48) - MODULUS as i64;

/// Vectors modulo a prime, in digits.
pub(super) struct Vectors<M, const D: usize> {
    width: usize,
    /// For each vector its lowest digits, then those above them, and so on.
    digits: Vec<i16>,
    modulus: std::marker::PhantomData<M>,
}

impl<M: Modulus<D>, const D: usize> Vectors<M, D> {
    /// Vectors of `width` residues each, one after another.
    pub(super) fn new(width: usize, values: impl ExactSizeIterator<Item = u64>) -> Self {
        let mut digits = vec![0; values.len() * D];
        let (shift, prime) = (64 - 16 * D as u32, u128::from(M::PRIME));
        for (at, value) in values.enumerate() {
            let (vector, column) = (at / width, at % width);
            let biased = u128::from(value) + u128::from(BIAS >> shift);
            // Below 2^(16 D) in either case, and the same residue.
            let biased = match biased >> (64 - shift) {
                0 => biased,
                _ => biased - prime,
            };
            for digit in 0..D {
                let cut = (biased >> (16 * digit)) as u16;
                digits[(vector * D + digit) * width + column] = (cut ^ 0x8000) as i16;
            }
        }
        Self {
            width,
            digits,
            modulus: std::marker::PhantomData,
        }
    }

    fn count(&self) -> usize {
        self.digits.len() / (self.width * D)
    }

    fn vector(&self, at: usize) -> [&[i16]; D] {
        let digits = &self.digits[at * D * self.width..][..D * self.width];
        std::array::from_fn(|digit| &digits[digit * self.width..][..self.width])
    }
}

/// Products of all rows of `weights` with all vectors: for each vector, one residue a row.
pub(super) fn multiply<M: Modulus<D>, const D: usize>(weights: &[i8], vectors: &Vectors<M, D>) -> Vec<u64> {
    let rows = weights.len() / vectors.width;
    let mut products = vec![0; vectors.count() * rows];
    // Enough work for a thread to be worth waking.
    let rows_at_once =
        ((1 << 17) / vectors.width.max(1)).clamp(1, rows.div_ceil(rayon::current_num_threads()).max(1));
    let rows_at_once = rows_at_once.next_multiple_of(ROWS);
    let mut parts: Vec<Vec<&mut [u64]>> = (0..rows.div_ceil(rows_at_once)).map(|_| Vec::new()).collect();
    for of_vector in products.chunks_mut(rows.max(1)) {
        for (part, chunk) in parts.iter_mut().zip(of_vector.chunks_mut(rows_at_once)) {
            part.push(chunk);
        }
    }
    let arch = Arch::new();
    parts
        .into_par_iter()
        .zip(weights.par_chunks(rows_at_once * vectors.width))
        .for_each(|(products, weights)| match arch {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(pairs) => pairs.vectorize(part(pairs, weights, vectors, products)),
            #[cfg(target_arch = "x86_64")]
            Arch::V3(pairs) => pairs.vectorize(part(pairs, weights, vectors, products)),
            _ => part(Portable, weights, vectors, products).call(),
        });
    products
}

fn part<'a, P, M, const D: usize>(
    pairs: P,
    weights: &'a [i8],
    vectors: &'a Vectors<M, D>,
    products: Vec<&'a mut [u64]>,
) -> Part<'a, P, M, D> {
    Part {
        pairs,
        weights,
        vectors,
        products,
    }
}

/// Some rows with all vectors, by the instructions of one kind of processor.
struct Part<'a, P, M, const D: usize> {
    pairs: P,
    weights: &'a [i8],
    vectors: &'a Vectors<M, D>,
    products: Vec<&'a mut [u64]>,
}

impl<P: Pairs, M: Modulus<D>, const D: usize> NullaryFnOnce for Part<'_, P, M, D> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let width = self.vectors.width;
        let close = (CLOSE / (width * D * size_of::<i16>())).max(1);
        for (group, products) in self.products.chunks_mut(close).enumerate() {
            for (first, rows) in self.weights.chunks(ROWS * width).enumerate() {
                for (at, products) in products.iter_mut().enumerate() {
                    let vector = self.vectors.vector(group * close + at);
                    let products = &mut products[first * ROWS..];
                    match rows.len() == ROWS * width {
                        true => tile::<P, M, D, ROWS>(self.pairs, rows, vector, products),
                        false => {
                            for (row, product) in rows.chunks_exact(width).zip(products) {
                                tile::<P, M, D, 1>(self.pairs, row, vector, std::slice::from_mut(product));
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Products of `R` rows with one vector.
#[inline(always)]
fn tile<P: Pairs, M: Modulus<D>, const D: usize, const R: usize>(
    pairs: P,
    rows: &[i8],
    vector: [&[i16]; D],
    products: &mut [u64],
) {
    let width = vector[0].len();
    let rows: [&[i8]; R] = std::array::from_fn(|row| &rows[row * width..][..width]);
    let mut totals = [[0i64; D]; R];
    let mut start = 0;
    while start < width {
        let end = (start + BLOCK * P::LANES).min(width);
        let mut sums = [[pairs.zero(); D]; R];
        let whole = end - (end - start) % P::LANES;
        for at in (start..whole).step_by(P::LANES) {
            let digits = vector.map(|digits| pairs.digits(&digits[at..at + P::LANES]));
            for (sums, row) in sums.iter_mut().zip(rows) {
                let weights = pairs.weights(&row[at..at + P::LANES]);
                for (sum, digits) in sums.iter_mut().zip(digits) {
                    *sum = pairs.add(*sum, weights, digits);
                }
            }
        }
        for (row, (total, sums)) in rows.iter().zip(totals.iter_mut().zip(sums)) {
            for (total, sum) in total.iter_mut().zip(sums) {
                *total += pairs.total(sum);
            }
            for at in whole..end {
                let weight = i64::from(row[at]);
                for (total, digits) in total.iter_mut().zip(vector) {
                    *total += weight * i64::from(digits[at]);
                }
            }
        }
        start = end;
    }
    for (product, total) in products.iter_mut().zip(totals) {
        *product = M::reduce(total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain<M: Modulus<D>, const D: usize>(weights: &[i8], width: usize, values: &[u64]) -> Vec<u64> {
        let dot = |x: &[u64], w: &[i8]| {
            let sum: i128 = x
                .iter()
                .zip(w)
                .map(|(x, w)| i128::from(*x) * i128::from(*w))
                .sum();
            sum.rem_euclid(i128::from(M::PRIME)) as u64
        };
        let products = |x| weights.chunks_exact(width).map(move |w| dot(x, w));
        values.chunks_exact(width).flat_map(products).collect()
    }

    /// By the instructions of every kind of processor that this one has.
    fn check<M: Modulus<D>, const D: usize>(weights: &[i8], width: usize, values: &[u64]) {
        fn run<P: Pairs, M: Modulus<D>, const D: usize>(
            pairs: P,
            weights: &[i8],
            vectors: &Vectors<M, D>,
        ) -> Vec<u64> {
            let rows = weights.len() / vectors.width;
            let mut products = vec![0; vectors.count() * rows];
            part(pairs, weights, vectors, products.chunks_mut(rows).collect()).call();
            products
        }
        let vectors = Vectors::<M, D>::new(width, values.iter().map(|x| x % M::PRIME));
        let mut all = vec![run(Portable, weights, &vectors), multiply(weights, &vectors)];
        #[cfg(target_arch = "x86_64")]
        all.extend(pulp::x86::V3::try_new().map(|pairs| run(pairs, weights, &vectors)));
        #[cfg(target_arch = "x86_64")]
        all.extend(pulp::x86::V4::try_new().map(|pairs| run(pairs, weights, &vectors)));
        let values: Vec<u64> = values.iter().map(|x| x % M::PRIME).collect();
        let right = plain::<M, D>(weights, width, &values);
        for products in all {
            assert_eq!(products, right);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn products_are_those_of_big_integers(width in 1usize..1500, rows in 1usize..11, count in 1usize..4, seed: u64) {
            use rand::{Rng, SeedableRng};
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let weights: Vec<i8> = (0..width * rows).map(|_| rng.gen_range(-127..=127)).collect();
            let values: Vec<u64> = (0..width * count).map(|_| rng.gen()).collect();
            check::<Online, 3>(&weights, width, &values);
            check::<Prompt, 4>(&weights, width, &values);
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let width = 20_000;
        for weight in [-127, 127] {
            for value in [
                0,
                1,
                MODULUS - 1,
                MODULUS / 2,
                MODULUS / 2 + 1,
                0x7fff_8000_8000,
                0x7fff_7fff_7fff,
            ] {
                check::<Online, 3>(&vec![weight; width], width, &vec![value; width]);
            }
            for value in [
                0,
                1,
                PROMPT_MODULUS - 1,
                PROMPT_MODULUS / 2,
                PROMPT_MODULUS / 2 + 1,
                0x7fff_8000_8000_8000,
                0x7fff_7fff_7fff_7fff,
            ] {
                check::<Prompt, 4>(&vec![weight; width], width, &vec![value; width]);
            }
        }
    }
}
