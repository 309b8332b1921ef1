//! Bootstraps on a CUDA device, by the library's own kernels.
//!
//! Results differ from those of the cores within the noise that both keep to, as both multiply in floating point.

use std::sync::{Mutex, PoisonError};

use tfhe::core_crypto::gpu::lwe_bootstrap_key::{
    CudaLweBootstrapKey, CudaModulusSwitchNoiseReductionConfiguration,
};
use tfhe::core_crypto::gpu::lwe_ciphertext_list::CudaLweCiphertextList;
use tfhe::core_crypto::gpu::lwe_keyswitch_key::CudaLweKeyswitchKey;
use tfhe::core_crypto::gpu::vec::{CudaVec, GpuIndex};
use tfhe::core_crypto::gpu::{
    cuda_keyswitch_lwe_ciphertext, cuda_programmable_bootstrap_lwe_ciphertext,
    glwe_ciphertext_list::CudaGlweCiphertextList, CudaStreams,
};
use tfhe::core_crypto::prelude::{
    CiphertextModulus, GlweCiphertextList, GlweSize, LweCiphertextCount, LweCiphertextList, LweDimension,
    LweSize, PolynomialSize,
};
use tfhe::shortint::CompressedServerKey;

use crate::bootstrap::TestPolynomial;
use crate::error::{Error, Result};
use crate::keys::parts;
use crate::params::ParameterSet;

/// Most ciphertexts of one batch: several for each multiprocessor of a large device.
pub(crate) const BATCH: usize = 1024;

/// Bytes that an expanded key takes on a device.
pub(crate) fn key_bytes(set: &ParameterSet) -> u64 {
    let (tfhe, small) = (&set.tfhe, set.tfhe.lwe_dimension.0);
    let polynomials = tfhe.glwe_dimension.to_glwe_size().0.pow(2) * tfhe.pbs_level.0;
    let rotation = small * polynomials * tfhe.polynomial_size.0;
    let keyswitch = set.lwe_dimension() * tfhe.ks_level.0 * (small + 1);
    ((rotation + keyswitch) * size_of::<u64>()) as u64
}

/// A client's evaluation key on the first device. Holds no secret.
pub(crate) struct CudaKey {
    keyswitch: CudaLweKeyswitchKey<u64>,
    bootstrap: CudaLweBootstrapKey,
    small: LweDimension,
    large: LweDimension,
    glwe: (GlweSize, PolynomialSize),
}

impl CudaKey {
    /// Copies a key to the device, whose memory must take it.
    ///
    /// # Errors
    /// [`Error::Key`] if it is of another kind than the parameter sets of this crate.
    pub fn new(key: CompressedServerKey) -> Result<Self> {
        let (keyswitch, bootstrap, switch) = parts(key)?;
        let switch = CudaModulusSwitchNoiseReductionConfiguration::from_modulus_switch_configuration(&switch)
            .map_err(|error| Error::Key(error.to_string()))?;
        let streams = streams();
        let bootstrap = bootstrap.as_view().par_decompress_into_lwe_bootstrap_key();
        let keyswitch = keyswitch.decompress_into_lwe_keyswitch_key();
        Ok(Self {
            small: keyswitch.output_key_lwe_dimension(),
            large: keyswitch.input_key_lwe_dimension(),
            glwe: (bootstrap.glwe_size(), bootstrap.polynomial_size()),
            keyswitch: CudaLweKeyswitchKey::from_lwe_keyswitch_key(&keyswitch, &streams),
            bootstrap: CudaLweBootstrapKey::from_lwe_bootstrap_key(&bootstrap, switch, &streams),
        })
    }

    /// Applies to each ciphertext (mask, then body) its table, but for the table's offset.
    pub fn apply(&self, inputs: &[Vec<u64>], tables: &[&TestPolynomial]) -> Vec<Vec<u64>> {
        /// A device without memory for several batches at once would end the program.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (streams, count) = (streams(), LweCiphertextCount(inputs.len()));
        let modulus = CiphertextModulus::new_native();
        let large = self.large.to_lwe_size();
        let ciphertexts = LweCiphertextList::from_container(inputs.concat(), large, modulus);
        let ciphertexts = CudaLweCiphertextList::from_lwe_ciphertext_list(&ciphertexts, &streams);
        let (used, choice) = distinct(tables);
        let accumulators: Vec<u64> = used
            .iter()
            .flat_map(|table| table.accumulator())
            .copied()
            .collect();
        let accumulators =
            GlweCiphertextList::from_container(accumulators, self.glwe.0, self.glwe.1, modulus);
        let accumulators = CudaGlweCiphertextList::from_glwe_ciphertext_list(&accumulators, &streams);
        let each = to_device(&(0..inputs.len() as u64).collect::<Vec<u64>>(), &streams);
        let choice = to_device(&choice, &streams);

        let mut switched = CudaLweCiphertextList::new(self.small, count, modulus, &streams);
        cuda_keyswitch_lwe_ciphertext(
            &self.keyswitch,
            &ciphertexts,
            &mut switched,
            &each,
            &each,
            true,
            &streams,
            false,
        );
        let mut results = CudaLweCiphertextList::new(self.large, count, modulus, &streams);
        cuda_programmable_bootstrap_lwe_ciphertext(
            &switched,
            &mut results,
            &accumulators,
            &choice,
            &each,
            &each,
            &self.bootstrap,
            &streams,
        );
        let results = results.to_lwe_ciphertext_list(&streams).into_container();
        let LweSize(size) = large;
        results.chunks_exact(size).map(<[u64]>::to_vec).collect()
    }
}

/// The tables that are used, each once, and for each ciphertext the place of its own among them.
fn distinct<'t>(tables: &[&'t TestPolynomial]) -> (Vec<&'t TestPolynomial>, Vec<u64>) {
    let mut used: Vec<&TestPolynomial> = Vec::new();
    let place = |table: &&'t TestPolynomial| {
        let known = used.iter().position(|known| std::ptr::eq(*known, *table));
        let place = known.unwrap_or_else(|| {
            used.push(table);
            used.len() - 1
        });
        place as u64
    };
    let places = tables.iter().map(place).collect();
    (used, places)
}

fn streams() -> CudaStreams {
    CudaStreams::new_single_gpu(GpuIndex::new(0))
}

#[allow(unsafe_code)]
fn to_device(numbers: &[u64], streams: &CudaStreams) -> CudaVec<u64> {
    // SAFETY: the numbers outlive the copy, which has ended once the stream is synchronised.
    let copy = unsafe { CudaVec::from_cpu_async(numbers, streams, 0) };
    streams.synchronize();
    copy
}
