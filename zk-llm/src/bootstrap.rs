//! Keyswitch, centred modulus switch and bootstrap of several ciphertexts at once.
//!
//! In floating point the same operations in the same order as the library's own call, so the results are equal to the bit;
//! but each part of the two keys, 120 MB together, is read from memory once for the whole batch instead of
//! once for every ciphertext, which is where a third of the time goes otherwise.

use std::ops::Range;
use std::sync::atomic::Ordering;

use tfhe::core_crypto::algorithms::slice_algorithms::slice_wrapping_sub_scalar_mul_assign;
use tfhe::core_crypto::commons::parameters::CiphertextModulusLog;
use tfhe::core_crypto::fft_impl::fft64::crypto::bootstrap::batch_blind_rotate_assign_scratch;
use tfhe::core_crypto::prelude::{
    extract_lwe_sample_from_glwe_ciphertext, CiphertextCount, CiphertextModulus, ComputationBuffers,
    ContiguousEntityContainer, Fft, FourierLweBootstrapKeyOwned, GlweCiphertextList, LweCiphertext,
    LweDimension, LweKeyswitchKeyOwned, LweSize, ModulusSwitchedLweCiphertext, MonomialDegree,
    PolynomialSize, SignedDecomposer,
};
use tfhe::shortint::atomic_pattern::AtomicPatternServerKey;
use tfhe::shortint::server_key::{ModulusSwitchConfiguration, ShortintBootstrappingKey};

use crate::compile::{Circuit, EncodedLut};
use crate::error::Result;
use crate::exact::{ExactKey, Rotation};
use crate::keys::{other_kind, Expanded, ServerKey};
use crate::params::ParameterSet;

/// Ciphertexts of one batch: their accumulators, the part of the key in use and the transform's buffers
/// fit a second-level cache of 1 MiB.
pub(crate) const BATCH: usize = 8;

/// A table as the polynomial that a bootstrap rotates, and the plaintext to add to its result.
pub(crate) struct TestPolynomial {
    accumulator: Vec<u64>,
    degree: usize,
    offset: u64,
}

impl TestPolynomial {
    /// Those of a circuit's tables.
    pub fn all(circuit: &Circuit) -> Vec<Self> {
        let new = |lut| Self::new(lut, circuit.parameter_set());
        circuit.encoded.iter().map(new).collect()
    }

    pub fn new(lut: &EncodedLut, set: &ParameterSet) -> Self {
        let degree = set.tfhe.polynomial_size.0;
        let half_step = 63 - u32::from(lut.step);
        let encode = |value: i64| (value as u64) << half_step;
        let mut accumulator = vec![0; set.tfhe.glwe_dimension.0 * degree];
        let cell = degree / lut.cells.len();
        let mut body: Vec<u64> = lut
            .cells
            .iter()
            .flat_map(|value| std::iter::repeat_n(encode(*value), cell))
            .collect();
        // Centre every cell on its position; what moves past the end comes back negated.
        body.iter_mut().take(cell / 2).for_each(|x| *x = x.wrapping_neg());
        body.rotate_left(cell / 2);
        accumulator.extend(body);
        Self {
            accumulator,
            degree,
            offset: encode(lut.offset),
        }
    }

    /// Mask, which is zero, and polynomial.
    #[cfg(feature = "cuda")]
    pub fn accumulator(&self) -> &[u64] {
        &self.accumulator
    }

    /// The polynomial itself; the mask before it is zero.
    fn body(&self) -> &[u64] {
        &self.accumulator[self.accumulator.len() - self.degree..]
    }
}

/// Bootstraps under an evaluation key.
pub(crate) enum Bootstrapper<'k> {
    /// On the cores.
    Cores(Cores<'k>),
    /// On a device.
    #[cfg(feature = "cuda")]
    Cuda(&'k crate::cuda::CudaKey),
}

/// The parts of an evaluation key that a bootstrap uses.
pub(crate) struct Cores<'k> {
    keyswitch: &'k LweKeyswitchKeyOwned<u64>,
    switch: &'k ModulusSwitchConfiguration<u64>,
    rotation: Kind<'k>,
}

/// How accumulators are rotated.
enum Kind<'k> {
    /// In floating point: fast.
    Fourier(&'k FourierLweBootstrapKeyOwned, Fft),
    /// In integers: the same bytes everywhere.
    Exact(&'k Rotation),
}

impl<'k> Bootstrapper<'k> {
    /// # Errors
    /// [`crate::Error::Key`] if the key is of another kind than the parameter sets of this crate.
    pub fn new(key: &'k ServerKey) -> Result<Self> {
        match &key.key {
            Expanded::Cores(key) => Ok(Self::Cores(Cores::new(key)?)),
            #[cfg(feature = "cuda")]
            Expanded::Cuda(key) => Ok(Self::Cuda(key)),
        }
    }

    /// In integers.
    pub fn exact(key: &'k ExactKey) -> Self {
        Self::Cores(Cores {
            keyswitch: key.keyswitch(),
            switch: key.switch(),
            rotation: Kind::Exact(key.rotation()),
        })
    }

    /// Batches of a wave of bootstraps: those of one run at a time.
    pub fn batches(&self, wave: Range<usize>) -> Vec<Range<usize>> {
        match self {
            Self::Cores(_) => batches(wave, rayon::current_num_threads(), BATCH),
            #[cfg(feature = "cuda")]
            Self::Cuda(_) => batches(wave, 1, crate::cuda::BATCH),
        }
    }

    /// Applies to each ciphertext (mask, then body) its table. Counts in the library's statistics.
    pub fn apply(&self, inputs: &[Vec<u64>], tables: &[&TestPolynomial]) -> Vec<Vec<u64>> {
        let mut results = match self {
            Self::Cores(key) => key.apply(inputs, tables),
            #[cfg(feature = "cuda")]
            Self::Cuda(key) => key.apply(inputs, tables),
        };
        tfhe::PBS_COUNT.fetch_add(inputs.len() as u64, Ordering::Relaxed);
        for (result, table) in results.iter_mut().zip(tables) {
            if let Some(body) = result.last_mut() {
                *body = body.wrapping_add(table.offset);
            }
        }
        results
    }
}

/// Splits a wave into batches of nearly one size, as many as keep every thread busy to the end.
fn batches(wave: Range<usize>, threads: usize, most: usize) -> Vec<Range<usize>> {
    let rounds = wave.len().div_ceil(threads.max(1) * most);
    let count = (rounds * threads.max(1)).min(wave.len());
    let bound = |at: usize| wave.start + wave.len() * at / count.max(1);
    (0..count).map(|at| bound(at)..bound(at + 1)).collect()
}

impl<'k> Cores<'k> {
    /// In floating point.
    fn new(key: &'k tfhe::shortint::ServerKey) -> Result<Self> {
        let AtomicPatternServerKey::Standard(pattern) = &key.atomic_pattern else {
            return Err(other_kind());
        };
        let ShortintBootstrappingKey::Classic {
            bsk,
            modulus_switch_noise_reduction_key,
        } = &pattern.bootstrapping_key
        else {
            return Err(other_kind());
        };
        Ok(Self {
            keyswitch: &pattern.key_switching_key,
            switch: modulus_switch_noise_reduction_key,
            rotation: Kind::Fourier(bsk, Fft::new(bsk.polynomial_size())),
        })
    }

    /// All but the offset.
    fn apply(&self, inputs: &[Vec<u64>], tables: &[&TestPolynomial]) -> Vec<Vec<u64>> {
        let switched: Vec<Switched> = self
            .keyswitch(inputs)
            .into_iter()
            .zip(tables)
            .map(|(small, table)| self.switch(small, PolynomialSize(table.body().len())))
            .collect();
        match &self.rotation {
            Kind::Fourier(key, fft) => fourier(key, fft, &switched, tables),
            Kind::Exact(rotation) => {
                let tables: Vec<&[u64]> = tables.iter().map(|table| table.body()).collect();
                rotation.apply(&switched, &tables)
            }
        }
    }

    fn switch(&self, small: Vec<u64>, degree: PolynomialSize) -> Switched {
        let log_modulus = degree.to_blind_rotation_input_modulus_log();
        let small = LweCiphertext::from_container(small, CiphertextModulus::new_native());
        let switched = self
            .switch
            .lwe_ciphertext_modulus_switch::<usize, _>(&small, log_modulus);
        Switched {
            mask: switched.mask().collect(),
            body: switched.body(),
            log_modulus,
        }
    }

    /// Keyswitches a batch: the library's loop with the batch inside the loop over the key.
    fn keyswitch(&self, inputs: &[Vec<u64>]) -> Vec<Vec<u64>> {
        let key = self.keyswitch;
        let decomposer = SignedDecomposer::new(key.decomposition_base_log(), key.decomposition_level_count());
        let LweSize(size) = key.output_key_lwe_dimension().to_lwe_size();
        let start = |input: &Vec<u64>| {
            let mut output = vec![0; size - 1];
            output.extend(input.last());
            output
        };
        let mut outputs: Vec<Vec<u64>> = inputs.iter().map(start).collect();
        for (at, block) in key.iter().enumerate() {
            for (output, input) in outputs.iter_mut().zip(inputs) {
                for (level, digit) in block.iter().zip(decomposer.decompose(input[at])) {
                    slice_wrapping_sub_scalar_mul_assign(output, level.as_ref(), digit.value());
                }
            }
        }
        outputs
    }
}

/// Rotates in floating point.
fn fourier(
    key: &FourierLweBootstrapKeyOwned,
    fft: &Fft,
    switched: &[Switched],
    tables: &[&TestPolynomial],
) -> Vec<Vec<u64>> {
    let (size, degree) = (key.glwe_size(), key.polynomial_size());
    let mut buffers = ComputationBuffers::new();
    let scratch = batch_blind_rotate_assign_scratch::<u64>(
        size,
        degree,
        CiphertextCount(switched.len()),
        fft.as_view(),
    );
    buffers.resize(scratch.unaligned_bytes_required());
    let accumulators: Vec<u64> = tables
        .iter()
        .flat_map(|table| table.accumulator.iter().copied())
        .collect();
    let mut accumulators =
        GlweCiphertextList::from_container(accumulators, size, degree, CiphertextModulus::new_native());
    key.as_view().batch_blind_rotate_assign(
        accumulators.as_mut_view(),
        switched,
        fft.as_view(),
        buffers.stack(),
    );
    let extract = |accumulator| {
        let lwe_size = key.output_lwe_dimension().to_lwe_size();
        let mut result = LweCiphertext::new(0u64, lwe_size, CiphertextModulus::new_native());
        extract_lwe_sample_from_glwe_ciphertext(&accumulator, &mut result, MonomialDegree(0));
        result.into_container()
    };
    accumulators.iter().map(extract).collect()
}

/// A ciphertext after its modulus switch, computed once: the library's lazy form would compute it anew for
/// every part of the key.
pub(crate) struct Switched {
    pub mask: Vec<usize>,
    pub body: usize,
    log_modulus: CiphertextModulusLog,
}

#[cfg(test)]
impl Switched {
    /// Of an accumulator of degree 2048.
    pub fn of(mask: Vec<usize>, body: usize) -> Self {
        Self {
            mask,
            body,
            log_modulus: CiphertextModulusLog(12),
        }
    }
}

impl ModulusSwitchedLweCiphertext<usize> for Switched {
    fn log_modulus(&self) -> CiphertextModulusLog {
        self.log_modulus
    }

    fn lwe_dimension(&self) -> LweDimension {
        LweDimension(self.mask.len())
    }

    fn body(&self) -> usize {
        self.body
    }

    fn mask(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.mask.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn batches_cover_a_wave_once_and_differ_by_one_at_most(start in 0usize..9, len in 0usize..5000, threads in 1usize..200, most in 1usize..2000) {
            let wave = start..start + len;
            let batches = batches(wave.clone(), threads, most);
            prop_assert_eq!(batches.iter().cloned().flatten().collect::<Vec<_>>(), wave.collect::<Vec<_>>());
            let sizes: Vec<usize> = batches.iter().map(Range::len).collect();
            let (least, largest) = (sizes.iter().min().copied().unwrap_or(0), sizes.iter().max().copied().unwrap_or(0));
            prop_assert!(largest - least <= 1 && largest <= most);
            prop_assert!(batches.len() % threads == 0 || batches.len() == len);
        }
    }
}
