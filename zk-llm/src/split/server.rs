//! The miner's two parts: the hint, made from a seed before any prompt exists, and the product.

use rayon::prelude::*;

use super::join::Joined;
use super::matrix::Matrix;
use super::pack::{Ciphertext, PackingKey};
use super::params::{Tokens, JOINED, MODULUS, PACKING_MODULUS, RING_DEGREE};
use super::product::{integer_positions, multiply, Vectors};
use super::ring::{body_ring, packing_ring, Rescale};
use super::sample::{mask, Seed};
use super::wire;
use crate::error::{Error, Result};

/// Rows that are multiplied at once with such masks.
const INTEGER_ROWS: usize = 64;

/// Offline: answers a request with the encrypted products of the batch's masks, packed.
///
/// Depends on the seed, the matrix and the packing key alone; every machine gives the same bytes.
///
/// # Errors
/// [`crate::Error::Size`], [`crate::Error::Ciphertext`] if the request is not for this matrix and key;
/// [`crate::Error::Matrix`] if products would not decrypt exactly.
pub fn hint(matrix: &Matrix, key: &PackingKey, request: &[u8]) -> Result<Vec<u8>> {
    let shape = matrix.shape();
    let (tokens, seed) = wire::decode_request(request, shape, key.id())?;
    shape.check(tokens)?;
    let masks = Packing { matrix, key, tokens }.joined(&seed);
    let packed = wire::Packed {
        bodies: values(&masks, shape.outputs, tokens, tokens.count()).collect(),
        masks: masks.into_iter().map(|joined| joined.mask).collect(),
    };
    Ok(wire::encode_hint(shape, tokens, &wire::id(request), &packed))
}

/// Answers bodies whose batch nobody prepared, as a prompt's, in one step: hint and products as one ciphertext.
///
/// The bodies are all that the request's batch encrypts. Depends on matrix, key, request and bodies alone; every
/// machine gives the same bytes.
///
/// # Errors
/// As [`hint`] and [`product`]; [`Error::Ciphertext`] if the bodies are not the request's.
pub fn answer(matrix: &Matrix, key: &PackingKey, request: &[u8], bodies: &[u8]) -> Result<Vec<u8>> {
    let shape = matrix.shape();
    let (tokens, seed) = wire::decode_request(request, shape, key.id())?;
    shape.check(tokens)?;
    let (job, residues) = wire::decode_bodies(bodies, shape)?;
    if job.tokens != tokens || job.batch != wire::id(request) || job.range.first != 0 {
        return Err(Error::Ciphertext("the bodies are of another request".into()));
    }
    let vectors = Vectors::new(shape.inputs as usize, residues.into_iter());
    let products = multiply(matrix.weights(), &vectors);
    let masks = Packing { matrix, key, tokens }.joined(&seed);
    let lift = Rescale::new(MODULUS, PACKING_MODULUS);
    let pads = values(&masks, shape.outputs, tokens, job.range.count.into());
    let bodies = pads
        .zip(products)
        .map(|(pad, x)| packing_ring().sub(pad, lift.apply(x)));
    let packed = wire::Packed {
        bodies: bodies.collect(),
        masks: masks.into_iter().map(|joined| joined.mask).collect(),
    };
    Ok(wire::encode_answer(shape, &job, &packed))
}

/// The wanted coefficients of the bodies, position by position.
fn values(
    masks: &[Joined],
    outputs: u32,
    tokens: Tokens,
    positions: usize,
) -> impl Iterator<Item = u64> + '_ {
    let each = (0..positions).flat_map(move |position| (0..outputs as usize).map(move |at| (position, at)));
    each.map(move |(position, output)| {
        let (ring, coefficient) = tokens.place(outputs, position, output);
        masks[ring / JOINED].bodies[ring % JOINED][coefficient]
    })
}

/// Online: the integer product of the matrix with encrypted activations.
///
/// # Errors
/// [`crate::Error::Size`] or [`crate::Error::Ciphertext`] if the bytes are not bodies for this matrix.
pub fn product(matrix: &Matrix, bodies: &[u8]) -> Result<Vec<u8>> {
    let shape = matrix.shape();
    let (job, residues) = wire::decode_bodies(bodies, shape)?;
    let vectors = Vectors::new(shape.inputs as usize, residues.into_iter());
    let products = multiply(matrix.weights(), &vectors);
    Ok(wire::encode_products(shape, &job, &products))
}

/// The making of one hint.
struct Packing<'a> {
    matrix: &'a Matrix,
    key: &'a PackingKey,
    tokens: Tokens,
}

impl Packing<'_> {
    fn joined(&self, seed: &Seed) -> Vec<Joined> {
        let mut packed = match self.tokens.count() < integer_positions() {
            true => self.by_transforms(seed),
            false => self.by_integers(seed),
        };
        let mut groups = Vec::new();
        while !packed.is_empty() {
            let rest = packed.split_off(packed.len().min(JOINED));
            groups.push(std::mem::replace(&mut packed, rest));
        }
        let join = |group| self.key.joining().join(group);
        groups.into_par_iter().map(join).collect()
    }

    fn by_transforms(&self, seed: &Seed) -> Vec<Ciphertext> {
        let masks = Transformed::new(self.matrix, self.tokens, seed);
        let product = |output: usize| masks.negated_product(self.matrix.row(output), self.tokens);
        let rings = self.tokens.rings(self.matrix.shape().outputs);
        let pack = |ring| self.pack(ring, &product);
        (0..rings).into_par_iter().map(pack).collect()
    }

    fn by_integers(&self, seed: &Seed) -> Vec<Ciphertext> {
        let (stride, shape) = (self.tokens.stride(), self.matrix.shape());
        let (inputs, outputs) = (shape.inputs as usize, shape.outputs as usize);
        let (rings, at_once) = (self.tokens.rings(shape.outputs), INTEGER_ROWS.div_ceil(stride));
        let masks = rotated(self.matrix, self.tokens, seed);
        let mut packed = Vec::with_capacity(rings);
        for first in (0..rings).step_by(at_once) {
            let last = (first + at_once).min(rings);
            let rows = first * stride..(last * stride).min(outputs);
            let weights = &self.matrix.weights()[rows.start * inputs..rows.end * inputs];
            let products = multiply(weights, &masks);
            let product = |output: usize| {
                let of_row = products.iter().skip(output - rows.start).step_by(rows.len());
                of_row.map(|x| body_ring().neg(*x)).collect()
            };
            packed.par_extend(
                (first..last)
                    .into_par_iter()
                    .map(|ring| self.pack(ring, &product)),
            );
        }
        packed
    }

    /// One ring element of the hint, from the negated products of masks.
    fn pack(&self, ring: usize, product: &(impl Fn(usize) -> Vec<u64> + Sync)) -> Ciphertext {
        let (tokens, outputs) = (self.tokens, self.matrix.shape().outputs);
        let (from, levels) = (tokens.first_level(), tokens.packing_levels(outputs, ring));
        let lift = Lift::new(levels);
        let leaf = |at: usize| {
            let output = ring * tokens.stride() + at;
            (output < outputs as usize).then(|| lift.ciphertext(product(output)))
        };
        let packed = self.key.pack(from, from + levels, &leaf);
        packed.unwrap_or_else(Ciphertext::zero)
    }
}

/// The masks of a batch in the domain of products.
struct Transformed(Vec<Vec<u64>>);

impl Transformed {
    fn new(matrix: &Matrix, tokens: Tokens, seed: &Seed) -> Self {
        let rings = 0..tokens.rings(matrix.shape().inputs) as u64;
        let transformed = rings.into_par_iter().map(|ring| {
            let mut mask = mask(seed, ring, MODULUS);
            body_ring().forward(&mut mask);
            mask
        });
        Self(transformed.collect())
    }

    /// The mask of a row's products, negated: those of position `t` at coefficient `t * stride`.
    fn negated_product(&self, row: &[i8], tokens: Tokens) -> Vec<u64> {
        let ring = body_ring();
        let mut sum = vec![0; RING_DEGREE];
        let mut polynomial = vec![0; RING_DEGREE];
        for (mask, weights) in self.0.iter().zip(row.chunks(tokens.stride())) {
            polynomial.fill(0);
            // Weight i stands at X^-i, which is -X^(N-i); all negated.
            polynomial[0] = ring.residue(-i64::from(weights[0]));
            for (coefficient, weight) in polynomial.iter_mut().rev().zip(&weights[1..]) {
                *coefficient = ring.residue(i64::from(*weight));
            }
            ring.forward(&mut polynomial);
            ring.multiply_add(&mut sum, &polynomial, mask);
        }
        ring.inverse(&mut sum);
        sum
    }
}

/// The masks of a batch as vectors over inputs, one for each coefficient of a product's mask.
fn rotated(matrix: &Matrix, tokens: Tokens, seed: &Seed) -> Vectors {
    let (inputs, stride) = (matrix.shape().inputs as usize, tokens.stride());
    let masks: Vec<Vec<u64>> = (0..tokens.rings(matrix.shape().inputs) as u64)
        .into_par_iter()
        .map(|ring| mask(seed, ring, MODULUS))
        .collect();
    let coefficient = |at: usize| {
        let (coefficient, input) = (at / inputs, at % inputs);
        let (mask, from) = (&masks[input / stride], coefficient + input % stride);
        match from < RING_DEGREE {
            true => mask[from],
            false => body_ring().neg(mask[from - RING_DEGREE]),
        }
    };
    Vectors::new(inputs, (0..inputs * RING_DEGREE).map(coefficient))
}

/// From a mask modulo `q` to a leaf of the packing.
struct Lift {
    rescale: Rescale,
    /// Undoes the doublings of packing.
    factor: u64,
}

impl Lift {
    fn new(levels: usize) -> Self {
        Self {
            rescale: Rescale::new(MODULUS, PACKING_MODULUS),
            factor: packing_ring().inverse_power_of_two(levels),
        }
    }

    fn ciphertext(&self, mut mask: Vec<u64>) -> Ciphertext {
        for x in &mut mask {
            *x = self.rescale.apply(*x);
        }
        packing_ring().scale(&mut mask, self.factor);
        Ciphertext {
            mask,
            body: vec![0; RING_DEGREE],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::SecretKey;
    use rand::{Rng, SeedableRng};

    #[test]
    fn hints_are_the_same_by_transforms_and_by_integers() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        let secret = SecretKey::generate().unwrap();
        let key = PackingKey::from_bytes(secret.packing_key_bytes()).unwrap();
        for (tokens, inputs, outputs) in [(32, 70, 130), (64, 70, 75), (128, 33, 40)] {
            let weights = (0..inputs * outputs).map(|_| rng.gen_range(-127..=127)).collect();
            let matrix = Matrix::new(inputs, outputs, weights).unwrap();
            let packing = Packing {
                matrix: &matrix,
                key: &key,
                tokens: Tokens::new(tokens).unwrap(),
            };
            let [transforms, integers] = [packing.by_transforms(&[4; 32]), packing.by_integers(&[4; 32])];
            assert_eq!(transforms.len(), integers.len());
            for (one, other) in transforms.iter().zip(&integers) {
                assert!(one.mask == other.mask && one.body == other.body, "{tokens}");
            }
        }
    }

    #[test]
    fn transforms_and_integers_give_the_same_masks() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for (tokens, inputs) in [(1, 40), (1, 2100), (64, 70), (1024, 5), (2048, 3)] {
            let tokens = Tokens::new(tokens).unwrap();
            let weights = (0..2 * inputs).map(|_| rng.gen_range(-127..=127)).collect();
            let matrix = Matrix::new(inputs, 2, weights).unwrap();
            let transformed = Transformed::new(&matrix, tokens, &[3; 32]);
            let integers = multiply(matrix.weights(), &rotated(&matrix, tokens, &[3; 32]));
            for row in 0..2 {
                let negated = integers.iter().skip(row).step_by(2).map(|x| body_ring().neg(*x));
                assert!(
                    negated.eq(transformed.negated_product(matrix.row(row), tokens)),
                    "{tokens:?} {inputs}"
                );
            }
        }
    }
}
