//! Parameters of split mode, and the failure probability of a product under them.
//!
//! `docs/split-parameters.md` derives every number here. Variances are shares of the torus squared.

use crate::error::{Error, Result};
use crate::noise::log2_p_beyond;

/// Identifier of this parameter set in the headers of encodings.
pub const PARAMETER_SET: u8 = 3;
/// Degree `N` of the ring `Z[X]/(X^N + 1)`.
pub const RING_DEGREE: usize = 4096;
/// Primes of masks, bodies and keys, 1 modulo `2N`: `2^31` minus 106495, 131071 and 188415. Keys are modulo all three.
pub const RING_PRIMES: [u32; KEY_PRIMES] = [2_147_377_153, 2_147_352_577, 2_147_295_233];
/// Primes of a key.
pub(super) const KEY_PRIMES: usize = 3;
/// Primes of a mask or body.
pub(super) const BODY_PRIMES: usize = 2;
/// Modulus `q` of masks and bodies: the product of the first two primes.
pub const RING_MODULUS: u64 = RING_PRIMES[0] as u64 * RING_PRIMES[1] as u64;
/// Prime modulus of online products: `2^48 - 16383` (SPEC F.5-2).
pub const MODULUS: u64 = (1 << 48) - 16_383;
/// Prime modulus of a prompt's products, which hold two positions: `2^64 - 2^32 + 1`.
pub const PROMPT_MODULUS: u64 = 0xffff_ffff_0000_0001;
/// Errors are centred binomial: the difference of two sums of this many bits.
pub const ERROR_BITS: u32 = 21;
/// Packing keys: one for each doubling of the number of outputs in a ring element.
pub const PACKING_LEVELS: usize = RING_DEGREE.ilog2() as usize;
/// Packed ring elements that share one mask, each under a secret of its own.
pub const JOINED: usize = 4;
/// Most bits that are sent of a coefficient.
pub const MOST_BITS: u32 = 48;
/// As [`MOST_BITS`], of coefficients that hold two positions.
pub const MOST_PAIRED_BITS: u32 = 62;
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
    /// Largest sum of a position's squared activations; a client encrypts no others.
    pub input_squares: u64,
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
            && self.row_squares <= largest * self.row_sum
            && (1..=largest * largest * u64::from(self.inputs)).contains(&self.input_squares);
        if !sound {
            return Err(Error::Matrix(
                "its bounds fit no matrix and no activations of 8-bit integers".into(),
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

    /// Largest magnitude of a product: by its row's largest magnitudes, or by the lengths of row and activations
    /// (Cauchy and Schwarz).
    pub fn bound(&self) -> u64 {
        let by_sum = self.row_sum.saturating_mul(INT8_MAX as u64);
        let by_length = (u128::from(self.row_squares) * u128::from(self.input_squares)).isqrt();
        u64::try_from(by_length).map_or(by_sum, |by_length| by_length.min(by_sum))
    }

    /// Values that a product can have.
    pub(super) fn values(&self) -> u64 {
        self.bound().saturating_mul(2).saturating_add(1)
    }

    /// Values that a coefficient can have: of one product or of two.
    fn range(&self, tokens: Tokens) -> u64 {
        self.values().saturating_pow(tokens.per_slot() as u32)
    }

    /// Factor that lifts an integer above the noise, modulo `q`: the largest that no row can overflow, 0 if there is none.
    pub(super) fn scale(&self, tokens: Tokens) -> u64 {
        RING_MODULUS / self.range(tokens)
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
        let (q, products) = (RING_MODULUS as f64, tokens.product_modulus() as f64);
        let error = f64::from(ERROR_BITS) / 2.0;
        // Bodies change modulus twice, and a value does.
        let body =
            self.row_squares as f64 * ((error + 1.0 / 6.0) / (q * q) + 1.0 / (6.0 * products * products));
        // The first ring element is the fullest.
        let levels = tokens.packing_levels(self.outputs, 0) as i32;
        // Each level doubles what came before it and adds a key switch.
        let switches = (4f64.powi(levels) - 1.0) / 3.0;
        // A joining sums as many.
        let packed = (switches + JOINED as f64) * key_switch() + RING_DEGREE as f64 / 6.0;
        body + packed / (q * q) + 1.0 / (6.0 * products * products)
    }

    /// Bits to which everything is rounded before it is sent: those that make a batch smallest within the variance
    /// that half a step has to spare. Powers of two, sums and quotients alone decide, so that every machine finds the
    /// same.
    pub(super) fn widths(&self, tokens: Tokens) -> Widths {
        let (half_step, most) = (self.half_step(tokens), tokens.most_bits());
        let spare = half_step * half_step / SQUARED_DEVIATIONS - self.unrounded(tokens);
        // By what a rounding's variance is multiplied, and how many numbers are rounded.
        let values = |count: u32| u64::from(count) * tokens.slots() as u64;
        let masks = (tokens.masks(self.outputs) * RING_DEGREE) as u64;
        let kinds = [
            (self.row_squares as f64, values(self.inputs)),
            (RING_DEGREE as f64, masks),
            (1.0, values(self.outputs)),
        ];
        // The fewest bits that a kind could do with alone, and a few more.
        let candidates = kinds.map(|(factor, _)| {
            let fits = |bits: &u32| rounding(factor, *bits) <= spare;
            let fewest = (FEWEST_BITS..most).find(fits).unwrap_or(most);
            fewest..=(fewest + 3).min(most)
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
            .unwrap_or([most; 3]);
        Widths { body, mask, pad }
    }

    /// Log2 of the probability that one value decrypts wrongly.
    pub fn log2_p_fail(&self, tokens: Tokens) -> f64 {
        log2_p_beyond(self.half_step(tokens), self.variance(tokens))
    }

    /// Half of what lies between two values, as a share of the torus.
    fn half_step(&self, tokens: Tokens) -> f64 {
        self.scale(tokens) as f64 / (2.0 * RING_MODULUS as f64)
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

/// Variance that one key switch adds, times `q^2`: its digits with the key's errors, divided by a prime of their size, and
/// the rounding of that.
pub(super) fn key_switch() -> f64 {
    let error = f64::from(ERROR_BITS) / 2.0;
    let digits = BODY_PRIMES as f64 * error / 12.0;
    RING_DEGREE as f64 * (digits + 1.0 / 12.0) + 1.0 / 12.0
}

/// Positions (of one sequence, or of several) that share a batch of masks: a power of two of *slots* up to `N`, each of
/// one position or, in a prompt, of two.
///
/// Few positions need little preparation at once; many make the preparation of each cheap, and with `N`
/// no packing is left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    slots: u16,
    paired: bool,
}

impl Tokens {
    /// Positions of a batch, each in a slot of its own.
    ///
    /// # Errors
    /// [`Error::Batch`] if the number is no power of two or exceeds the ring's degree.
    pub fn new(count: usize) -> Result<Self> {
        match u16::try_from(count) {
            Ok(slots) if count.is_power_of_two() && count <= RING_DEGREE => Ok(Self { slots, paired: false }),
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

    /// The batch of a prompt, which is answered in one step: two positions in each slot if they decrypt exactly.
    ///
    /// # Errors
    /// As [`Tokens::smallest`].
    pub fn prompt(shape: &Shape, positions: usize) -> Result<Self> {
        if positions > 1 {
            let slots = positions.div_ceil(2).min(RING_DEGREE + 1).next_power_of_two();
            let paired = Self {
                paired: true,
                ..Self::new(slots)?
            };
            if shape.check(paired).is_ok() {
                return Ok(paired);
            }
        }
        Self::smallest(shape, positions)
    }

    /// As one byte: the binary logarithm of the slots, and the highest bit for pairs.
    pub(super) fn code(self) -> u8 {
        self.slots.ilog2() as u8 | u8::from(self.paired) << 7
    }

    /// What a byte stands for.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        let slots = 1usize.checked_shl((code & 0x7f).into())?;
        let paired = code >> 7 == 1;
        Self::new(slots).ok().map(|tokens| Self { paired, ..tokens })
    }

    /// The number of slots.
    pub(super) fn slots(self) -> usize {
        self.slots.into()
    }

    /// Slots that so many positions take.
    pub(super) fn slots_of(self, positions: usize) -> usize {
        positions.div_ceil(self.per_slot())
    }

    /// Whether slots hold two positions, so that only a prompt's answer decrypts them.
    pub fn paired(self) -> bool {
        self.paired
    }

    /// Positions of a slot.
    pub(super) fn per_slot(self) -> usize {
        1 + usize::from(self.paired)
    }

    /// Modulus of products with bodies.
    pub(super) fn product_modulus(self) -> u64 {
        match self.paired {
            true => PROMPT_MODULUS,
            false => MODULUS,
        }
    }

    /// Most bits that are sent of a coefficient.
    fn most_bits(self) -> u32 {
        match self.paired {
            true => MOST_PAIRED_BITS,
            false => MOST_BITS,
        }
    }

    /// The number of positions.
    pub fn count(self) -> usize {
        self.slots() * self.per_slot()
    }

    /// Coefficients of a ring element for each slot: inputs before the product, outputs after it.
    pub(super) fn stride(self) -> usize {
        RING_DEGREE / self.slots()
    }

    /// Merges that bring a ring element's outputs together: fewer where fewer are left for it.
    pub(super) fn packing_levels(self, outputs: u32, ring: usize) -> usize {
        let left = (outputs as usize).saturating_sub(ring * self.stride());
        left.clamp(1, self.stride()).next_power_of_two().ilog2() as usize
    }

    /// The level below the first merge, at which a product's wanted coefficients lie a stride apart.
    pub(super) fn first_level(self) -> usize {
        self.slots().ilog2() as usize
    }

    /// Where an output of a slot is: ring element and coefficient.
    pub(super) fn place(self, outputs: u32, slot: usize, output: usize) -> (usize, usize) {
        let (ring, at) = (output / self.stride(), output % self.stride());
        let apart = self.stride() >> self.packing_levels(outputs, ring);
        (ring, slot * self.stride() + at * apart)
    }

    /// Ring elements that hold `values` for each slot.
    pub(super) fn rings(self, values: u32) -> usize {
        (values as usize).div_ceil(self.stride())
    }

    /// Masks that the ring elements of `outputs` share.
    pub(super) fn masks(self, outputs: u32) -> usize {
        self.rings(outputs).div_ceil(JOINED)
    }
}
