//! Parameters of split mode, and the failure probability of a product under them.
//!
//! `docs/split-parameters.md` derives every number here. Variances are shares of the torus squared.

use crate::error::{Error, Result};
use crate::noise::log2_p_beyond;

/// Identifier of this parameter set in the headers of encodings.
pub const PARAMETER_SET: u8 = 2;
/// Degree `N` of the ring `Z[X]/(X^N + 1)`.
pub const RING_DEGREE: usize = 2048;
/// Prime modulus `q` of masks and bodies: `2^48 - 16383`, 1 modulo `2N` (SPEC F.5-2).
pub const MODULUS: u64 = (1 << 48) - 16_383;
/// Prime modulus of packing keys: `2^50 - 16383`, 1 modulo `2N`.
pub const PACKING_MODULUS: u64 = (1 << 50) - 16_383;
/// Errors are centred binomial: the difference of two sums of this many bits.
pub const ERROR_BITS: u32 = 21;
/// Bits of a digit of the packing keys' gadget.
pub const GADGET_BASE_LOG: u32 = 4;
/// Digits of the packing keys' gadget.
pub const GADGET_LEVELS: usize = 11;
/// Low bits that the gadget leaves out: 50 bits are 11 digits of 4 bits and these.
pub const GADGET_DROPPED: u32 = 6;
/// Packing keys: one for each doubling of the number of outputs in a ring element.
pub const PACKING_LEVELS: usize = RING_DEGREE.ilog2() as usize;
/// Packed ring elements that share one mask, each under a secret of its own.
pub const JOINED: usize = 4;
/// Bits of a digit of the joining keys' gadget: nothing doubles their noise, so that they are longer.
pub const JOIN_BASE_LOG: u32 = 8;
/// Digits of the joining keys' gadget.
pub const JOIN_LEVELS: usize = 5;
/// Low bits that it leaves out: 50 bits are 5 digits of 8 bits and these.
pub const JOIN_DROPPED: u32 = 10;
/// Most bits that are sent of a coefficient.
pub const MOST_BITS: u32 = 48;
/// Fewest.
const FEWEST_BITS: u32 = 8;
/// Half a step holds the square root of this many deviations once everything is rounded: `2^-40.7` a value.
const SQUARED_DEVIATIONS: f64 = 52.0;
/// Largest magnitude of a weight or activation.
pub const INT8_MAX: i8 = 127;
/// Failure probability allowed for one decrypted value, as a power of two (SPEC F.5-2).
pub const LOG2_P_FAIL: f64 = -40.0;
/// Most inputs or outputs of one matrix.
pub const MAX_DIMENSION: u32 = 1 << 18;

/// What a client knows of a matrix: its size, and the bounds from which range and noise of its products
/// follow. It is part of the model's public description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Columns: activations that go in.
    pub inputs: u32,
    /// Rows: values that come out.
    pub outputs: u32,
    /// Largest sum of a row's absolute weights.
    pub row_sum: u64,
    /// Largest sum of a row's squared weights.
    pub row_squares: u64,
}

impl Shape {
    /// Checks that products decrypt exactly when `tokens` positions share a ring element.
    ///
    /// # Errors
    /// [`Error::Matrix`] if sizes or bounds contradict each other, or if the failure probability exceeds
    /// `2^-40` a value.
    pub fn check(&self, tokens: Tokens) -> Result<()> {
        let sizes = 1..=MAX_DIMENSION;
        if !sizes.contains(&self.inputs) || !sizes.contains(&self.outputs) {
            return Err(Error::Matrix(format!(
                "{} inputs by {} outputs; both must be 1 to {MAX_DIMENSION}",
                self.inputs, self.outputs
            )));
        }
        let largest = INT8_MAX as u64;
        let sound = self.row_sum >= 1
            && self.row_sum <= self.row_squares
            && self.row_sum <= largest * u64::from(self.inputs)
            && self.row_squares <= largest * self.row_sum;
        if !sound {
            return Err(Error::Matrix(
                "its row bounds fit no matrix of 8-bit integers".into(),
            ));
        }
        let log2 = self.log2_p_fail(tokens);
        if log2 > LOG2_P_FAIL {
            return Err(Error::Matrix(format!(
                "a value of this matrix fails with probability 2^{log2:.0} at {} positions a batch; \
                 prepare larger batches or split its rows",
                tokens.count()
            )));
        }
        Ok(())
    }

    /// Largest magnitude of a product with 8-bit activations.
    pub fn bound(&self) -> u64 {
        self.row_sum.saturating_mul(INT8_MAX as u64)
    }

    /// Factor that lifts an integer above the noise.
    pub fn scale(&self) -> u64 {
        MODULUS / self.bound().saturating_mul(2).saturating_add(1)
    }

    /// Variance of the phase of a decrypted value.
    ///
    /// Every coefficient of the secret key counts as one where rounded masks meet it, so the bound holds
    /// for every key.
    pub fn variance(&self, tokens: Tokens) -> f64 {
        let widths = self.widths(tokens);
        self.unrounded(tokens)
            + rounding(self.row_squares as f64, widths.body)
            + rounding(RING_DEGREE as f64, widths.mask)
            + rounding(1.0, widths.pad)
    }

    /// Variance before anything is rounded to be sent.
    fn unrounded(&self, tokens: Tokens) -> f64 {
        let (q, packing) = (MODULUS as f64, PACKING_MODULUS as f64);
        let error = f64::from(ERROR_BITS) / 2.0;
        let ring = RING_DEGREE as f64;
        // Bodies change modulus twice, to whole residues.
        let body = self.row_squares as f64 * (error + 1.0 / 6.0) / (q * q);
        // The first ring element is the fullest.
        let levels = tokens.packing_levels(self.outputs, 0) as i32;
        // Each level doubles what came before it and adds a key switch.
        let switches = (4f64.powi(levels) - 1.0) / 3.0;
        let switch = key_switch(GADGET_BASE_LOG, GADGET_LEVELS, GADGET_DROPPED);
        let join = JOINED as f64 * key_switch(JOIN_BASE_LOG, JOIN_LEVELS, JOIN_DROPPED);
        // Masks change modulus before packing, and when the client has them.
        let lift = (ring + 1.0) / 6.0;
        body + (switches * switch + join + lift) / (packing * packing) + 1.0 / (6.0 * q * q)
    }

    /// Bits to which everything is rounded before it is sent: those that make a batch smallest within the variance
    /// that half a step has to spare. Powers of two, sums and quotients alone decide, so that every machine finds the
    /// same.
    pub(super) fn widths(&self, tokens: Tokens) -> Widths {
        let half_step = self.scale() as f64 / (2.0 * MODULUS as f64);
        let spare = half_step * half_step / SQUARED_DEVIATIONS - self.unrounded(tokens);
        // By what a rounding's variance is multiplied, and how many numbers are rounded.
        let values = |count: u32| u64::from(count) * tokens.count() as u64;
        let masks = (tokens.masks(self.outputs) * RING_DEGREE) as u64;
        let kinds = [
            (self.row_squares as f64, values(self.inputs)),
            (RING_DEGREE as f64, masks),
            (1.0, values(self.outputs)),
        ];
        // The fewest bits that a kind could do with alone, and a few more.
        let candidates = kinds.map(|(factor, _)| {
            let fits = |bits: &u32| rounding(factor, *bits) <= spare;
            let fewest = (FEWEST_BITS..MOST_BITS).find(fits).unwrap_or(MOST_BITS);
            fewest..=(fewest + 3).min(MOST_BITS)
        });
        let [bodies, masks, pads] = candidates;
        let all = bodies.flat_map(|body| {
            let pads = pads.clone();
            let both = masks
                .clone()
                .flat_map(move |mask| pads.clone().map(move |pad| (mask, pad)));
            both.map(move |(mask, pad)| [body, mask, pad])
        });
        let total = |bits: &[u32; 3]| -> f64 {
            kinds
                .iter()
                .zip(bits)
                .map(|(kind, bits)| rounding(kind.0, *bits))
                .sum()
        };
        let size = |bits: &[u32; 3]| -> u64 {
            kinds
                .iter()
                .zip(bits)
                .map(|(kind, bits)| kind.1 * u64::from(*bits))
                .sum()
        };
        let [body, mask, pad] = all
            .filter(|bits| total(bits) <= spare)
            .min_by_key(|bits| (size(bits), *bits))
            .unwrap_or([MOST_BITS; 3]);
        Widths { body, mask, pad }
    }

    /// Log2 of the probability that one value decrypts wrongly.
    pub fn log2_p_fail(&self, tokens: Tokens) -> f64 {
        let half_step = self.scale() as f64 / (2.0 * MODULUS as f64);
        log2_p_beyond(half_step, self.variance(tokens))
    }
}

/// Bits of what is sent for a matrix and a size of batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Widths {
    /// Of an encrypted activation.
    pub body: u32,
    /// Of a coefficient of a joined mask.
    pub mask: u32,
    /// Of a hint's or an answer's value.
    pub pad: u32,
}

/// Variance of `factor` coefficients that are rounded to so many bits.
fn rounding(factor: f64, bits: u32) -> f64 {
    factor * 0.25f64.powi(bits as i32) / 12.0
}

/// Variance that one key switch adds, times the square of the packing modulus.
fn key_switch(base_log: u32, levels: usize, dropped: u32) -> f64 {
    let digit = (4f64.powi(base_log as i32) + 2.0) / 12.0;
    let error = f64::from(ERROR_BITS) / 2.0;
    let dropped = 4f64.powi(dropped as i32) / 12.0;
    RING_DEGREE as f64 * (levels as f64 * digit * error + dropped + 1.0 / 12.0)
}

/// Positions (of one sequence, or of several) that share a batch of masks: a power of two up to `N`.
///
/// Few positions need little preparation at once; many make the preparation of each cheap, and with `N`
/// no packing is left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens(u16);

impl Tokens {
    /// Positions of a batch.
    ///
    /// # Errors
    /// [`Error::Batch`] if the number is no power of two or exceeds the ring's degree.
    pub fn new(count: usize) -> Result<Self> {
        match u16::try_from(count) {
            Ok(tokens) if count.is_power_of_two() && count <= RING_DEGREE => Ok(Self(tokens)),
            _ => Err(Error::Batch(format!(
                "{count} positions; a batch has a power of two of them, at most {RING_DEGREE}"
            ))),
        }
    }

    /// The smallest batch that holds so many positions of a matrix and decrypts exactly.
    ///
    /// # Errors
    /// [`Error::Batch`] if they are more than a ring element holds; as [`Shape::check`] if no batch decrypts exactly.
    pub fn smallest(shape: &Shape, positions: usize) -> Result<Self> {
        let mut tokens = Self::new(positions.clamp(1, RING_DEGREE + 1).next_power_of_two())?;
        loop {
            match (shape.check(tokens), Self::new(2 * tokens.count())) {
                (Ok(()), _) => return Ok(tokens),
                (Err(_), Ok(larger)) => tokens = larger,
                (Err(error), Err(_)) => return Err(error),
            }
        }
    }

    /// The number of positions.
    pub fn count(self) -> usize {
        usize::from(self.0)
    }

    /// Coefficients of a ring element for each position: inputs before the product, outputs after it.
    pub(super) fn stride(self) -> usize {
        RING_DEGREE / self.count()
    }

    /// Merges that bring a ring element's outputs together: fewer where fewer are left for it.
    pub(super) fn packing_levels(self, outputs: u32, ring: usize) -> usize {
        let left = (outputs as usize).saturating_sub(ring * self.stride());
        left.clamp(1, self.stride()).next_power_of_two().ilog2() as usize
    }

    /// The level below the first merge, at which a product's wanted coefficients lie a stride apart.
    pub(super) fn first_level(self) -> usize {
        self.count().ilog2() as usize
    }

    /// Where an output of a position is: ring element and coefficient.
    pub(super) fn place(self, outputs: u32, position: usize, output: usize) -> (usize, usize) {
        let (ring, at) = (output / self.stride(), output % self.stride());
        let apart = self.stride() >> self.packing_levels(outputs, ring);
        (ring, position * self.stride() + at * apart)
    }

    /// Ring elements that hold `values` for each position.
    pub(super) fn rings(self, values: u32) -> usize {
        (values as usize).div_ceil(self.stride())
    }

    /// Masks that the ring elements of `outputs` share.
    pub(super) fn masks(self, outputs: u32) -> usize {
        self.rings(outputs).div_ceil(JOINED)
    }
}
