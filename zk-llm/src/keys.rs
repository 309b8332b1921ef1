//! The client's secret key, the evaluation key made from it, encryption and decryption.

use rand::rngs::OsRng;
use rand::RngCore;
use tfhe::conformance::ParameterSetConformant;
use tfhe::core_crypto::commons::generators::DeterministicSeeder;
use tfhe::core_crypto::commons::math::random::{CompressionSeed, DefaultRandomGenerator, Seed};
use tfhe::core_crypto::prelude::{
    decrypt_lwe_ciphertext, encrypt_seeded_lwe_ciphertext_list, CiphertextModulus, GlweSecretKey,
    LweCiphertext, LweCiphertextCount, LweSecretKey, LweSize, PlaintextList, SeededLweBootstrapKeyOwned,
    SeededLweCiphertextList, SeededLweKeyswitchKeyOwned,
};
use tfhe::named::Named;
use tfhe::safe_serialization::{safe_deserialize_conformant, safe_serialize};
use tfhe::shortint::atomic_pattern::compressed::{
    CompressedAtomicPatternServerKey, CompressedStandardAtomicPatternServerKey,
};
use tfhe::shortint::ciphertext::MaxDegree;
use tfhe::shortint::client_key::atomic_pattern::{AtomicPatternClientKey, StandardAtomicPatternClientKey};
use tfhe::shortint::engine::ShortintEngine;
use tfhe::shortint::server_key::{ModulusSwitchConfiguration, ShortintCompressedBootstrappingKey};
use tfhe::shortint::{AtomicPatternParameters, CompressedServerKey};
use tfhe_versionable::{Unversionize, UnversionizeError, Versionize, VersionizeOwned};

use crate::compile::Interface;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::logits::Logits;
use crate::manifest::Manifest;
use crate::params::{self, ParameterSet};
use crate::wire::{self, Prompt};

/// A client's secret key. It never leaves the client, and nothing prints it.
#[derive(Clone)]
pub struct ClientKey {
    set: ParameterSet,
    key: StandardAtomicPatternClientKey,
}

impl std::fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientKey")
            .field("set", &self.set.name)
            .finish_non_exhaustive()
    }
}

impl ClientKey {
    /// Draws a key with the operating system's randomness (SPEC F.4).
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn generate(set: &ParameterSet) -> Result<Self> {
        match engine()?.new_client_key(set.tfhe).atomic_pattern {
            AtomicPatternClientKey::Standard(key) => Ok(Self { set: *set, key }),
            AtomicPatternClientKey::KeySwitch32(_) => Err(Error::ParameterSet(set.name.into())),
        }
    }

    /// Parameter set of the key.
    pub fn parameter_set(&self) -> &ParameterSet {
        &self.set
    }

    /// Makes the evaluation key that a miner needs, serialised with its version.
    ///
    /// Every call draws fresh randomness, so the bytes differ: make it once and keep the bytes.
    ///
    /// # Errors
    /// [`Error::Randomness`] or [`Error::Key`].
    pub fn evaluation_key_bytes(&self) -> Result<Vec<u8>> {
        let key = CompressedServerKey::from_raw_parts(
            CompressedAtomicPatternServerKey::Standard(CompressedStandardAtomicPatternServerKey::new(
                &self.key,
                &mut engine()?,
            )),
            self.set.tfhe.message_modulus,
            self.set.tfhe.carry_modulus,
            max_degree(&self.set),
            self.set.tfhe.max_noise_level,
        );
        let mut bytes = Vec::with_capacity(self.set.evaluation_key_bytes as usize);
        safe_serialize(&EvaluationKey(key), &mut bytes, u64::MAX).map_err(|e| Error::Key(e.to_string()))?;
        Ok(bytes)
    }

    /// Serialises the secret key, for a file that only its owner reads: `"ZKSK"`, version (1), parameter
    /// set, then one bit for each coefficient of the ring key and of the small key.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (ring, small) = (self.key.large_lwe_secret_key(), self.key.small_lwe_secret_key());
        let mut bytes = SECRET_MAGIC.to_vec();
        bytes.extend([SECRET_VERSION, self.set.id]);
        let bits: Vec<u64> = ring.as_ref().iter().chain(small.as_ref()).copied().collect();
        let pack = |chunk: &[u64]| {
            chunk
                .iter()
                .rev()
                .fold(0u8, |byte, bit| byte << 1 | (*bit as u8 & 1))
        };
        bytes.extend(bits.chunks(8).map(pack));
        bytes
    }

    /// Reads a key that [`ClientKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Key`] if the bytes are no such key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let malformed = || Error::Key("not a secret key of this version".into());
        let (head, packed) = bytes.split_first_chunk::<6>().ok_or_else(malformed)?;
        let set = params::ALL
            .into_iter()
            .find(|set| set.id == head[5])
            .ok_or_else(malformed)?;
        let (ring, small) = (set.lwe_dimension(), set.tfhe.lwe_dimension.0);
        if head[..4] != SECRET_MAGIC
            || head[4] != SECRET_VERSION
            || packed.len() != (ring + small).div_ceil(8)
        {
            return Err(malformed());
        }
        let mut bits = packed
            .iter()
            .flat_map(|byte| (0..8).map(move |at| u64::from(byte >> at & 1)));
        let ring: Vec<u64> = bits.by_ref().take(ring).collect();
        let small: Vec<u64> = bits.take(small).collect();
        let key = StandardAtomicPatternClientKey::from_raw_parts(
            GlweSecretKey::from_container(ring, set.tfhe.polynomial_size),
            LweSecretKey::from_container(small),
            set.tfhe.into(),
            None,
        );
        Ok(Self { set, key })
    }

    /// Encrypts a prompt for the model of `manifest`. Each call draws a fresh seed from the operating
    /// system: a (key, seed) pair is used once. A retry resends these bytes or encrypts anew.
    ///
    /// # Errors
    /// [`Error::Prompt`] if the prompt does not fit the model; [`Error::Randomness`].
    pub fn encrypt(&self, manifest: &Manifest, prompt: &Prompt) -> Result<Vec<u8>> {
        self.check_set(manifest)?;
        let values: Vec<i32> = prompt.values.iter().map(|x| i32::from(*x)).collect();
        self.encrypt_values(&manifest.interface, &values)
    }

    /// As [`ClientKey::encrypt`], for any circuit's interface.
    ///
    /// # Errors
    /// As [`ClientKey::encrypt`].
    pub fn encrypt_values(&self, interface: &Interface, values: &[i32]) -> Result<Vec<u8>> {
        let inputs = &interface.inputs;
        if !interface.is_sound() {
            return Err(Error::Manifest("its interface is not sound".into()));
        }
        if values.len() != inputs.len as usize || values.iter().any(|x| !(inputs.lo..=inputs.hi).contains(x))
        {
            return Err(Error::Prompt(format!(
                "it is not {} values in {}..={}",
                inputs.len, inputs.lo, inputs.hi
            )));
        }
        let shift = 64 - u32::from(inputs.step);
        let plaintexts = PlaintextList::from_container(
            values
                .iter()
                .map(|x| (i64::from(*x) as u64) << shift)
                .collect::<Vec<u64>>(),
        );
        let seed = os_seed()?;
        let mut list = SeededLweCiphertextList::new(
            0u64,
            LweSize(self.set.lwe_dimension() + 1),
            LweCiphertextCount(values.len()),
            CompressionSeed::from(seed),
            CiphertextModulus::new_native(),
        );
        let secret = self.key.large_lwe_secret_key();
        let noise = self.set.tfhe.glwe_noise_distribution;
        let mut noise_seeder = DeterministicSeeder::<DefaultRandomGenerator>::new(os_seed()?);
        encrypt_seeded_lwe_ciphertext_list(&secret, &mut list, &plaintexts, noise, &mut noise_seeder);
        Ok(wire::encode_input(&list, seed, &self.set))
    }

    /// Decrypts a miner's output into one score a label.
    ///
    /// # Errors
    /// [`Error::Size`] or [`Error::Ciphertext`] if the bytes are not an output of the model: decided before
    /// anything is decrypted.
    pub fn decrypt(&self, manifest: &Manifest, output: &[u8]) -> Result<Logits> {
        self.check_set(manifest)?;
        self.decrypt_values(&manifest.interface, output).map(Logits)
    }

    #[cfg(test)]
    pub(crate) fn ring_key(&self) -> LweSecretKey<&[u64]> {
        self.key.large_lwe_secret_key()
    }

    fn check_set(&self, manifest: &Manifest) -> Result<()> {
        if manifest.parameter_set == self.set.name {
            Ok(())
        } else {
            Err(Error::Key(format!(
                "of {}, the model needs {}",
                self.set.name, manifest.parameter_set
            )))
        }
    }

    /// As [`ClientKey::decrypt`], for any circuit's interface.
    ///
    /// # Errors
    /// As [`ClientKey::decrypt`].
    pub fn decrypt_values(&self, interface: &Interface, output: &[u8]) -> Result<Vec<i32>> {
        if !interface.is_sound() {
            return Err(Error::Manifest("its interface is not sound".into()));
        }
        let lists = wire::decode_output(output, interface, &self.set)?;
        let secret = self.key.large_lwe_secret_key();
        let read = |(ciphertext, encoding): (Vec<u64>, &crate::compile::OutputEncoding)| {
            let ciphertext = LweCiphertext::from_container(ciphertext, CiphertextModulus::new_native());
            let phase = decrypt_lwe_ciphertext(&secret, &ciphertext).0;
            encoding.decode(phase)
        };
        Ok(lists.into_iter().zip(&interface.outputs).map(read).collect())
    }
}

/// A client's evaluation key, expanded for use. Holds no secret.
#[derive(Clone)]
pub struct ServerKey {
    set: ParameterSet,
    pub(crate) key: Expanded,
}

/// Where an expanded key lies.
#[derive(Clone)]
pub(crate) enum Expanded {
    /// In memory, for the cores.
    Cores(Box<tfhe::shortint::ServerKey>),
    /// On a CUDA device.
    #[cfg(feature = "cuda")]
    Cuda(std::sync::Arc<crate::cuda::CudaKey>),
}

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerKey")
            .field("set", &self.set.name)
            .finish_non_exhaustive()
    }
}

impl ServerKey {
    /// Parses and expands an evaluation key that a peer sent.
    ///
    /// # Errors
    /// [`Error::Size`] if the length is not the set's; [`Error::Key`] if the bytes are no key of the set.
    pub fn from_bytes(bytes: &[u8], set: &ParameterSet) -> Result<Self> {
        Self::on(bytes, set, &Device::cores())
    }

    /// As [`ServerKey::from_bytes`], for evaluation on a device; on the cores if the device's memory does not take the
    /// key.
    ///
    /// # Errors
    /// As [`ServerKey::from_bytes`].
    pub fn on(bytes: &[u8], set: &ParameterSet, device: &Device) -> Result<Self> {
        let key = read_evaluation_key(bytes, set)?;
        #[cfg(feature = "cuda")]
        if device.taking(crate::cuda::key_bytes(set)).is_some() {
            let key = crate::cuda::CudaKey::new(key)?;
            return Ok(Self {
                set: *set,
                key: Expanded::Cuda(std::sync::Arc::new(key)),
            });
        }
        tracing::trace!(%device, "an evaluation key is expanded for the cores");
        Ok(Self {
            set: *set,
            key: Expanded::Cores(Box::new(key.decompress())),
        })
    }

    /// Parameter set of the key.
    pub fn parameter_set(&self) -> &ParameterSet {
        &self.set
    }

    #[cfg(test)]
    pub(crate) fn library(&self) -> &tfhe::shortint::ServerKey {
        match &self.key {
            Expanded::Cores(key) => key,
            #[cfg(feature = "cuda")]
            Expanded::Cuda(_) => panic!("on a device"),
        }
    }
}

/// Parses an evaluation key that a peer sent.
///
/// # Errors
/// As [`ServerKey::from_bytes`].
pub(crate) fn read_evaluation_key(bytes: &[u8], set: &ParameterSet) -> Result<CompressedServerKey> {
    let expected = set.evaluation_key_bytes;
    if bytes.len() as u64 != expected {
        return Err(Error::Size {
            what: "evaluation key",
            got: bytes.len() as u64,
            expected,
        });
    }
    let conformance = (AtomicPatternParameters::from(set.tfhe), max_degree(set));
    let key: EvaluationKey =
        safe_deserialize_conformant(bytes, expected, &conformance).map_err(Error::Key)?;
    Ok(key.0)
}

/// An evaluation key's parts, still compressed: keyswitch, bootstrap, and how ciphertexts are switched between them.
///
/// # Errors
/// [`Error::Key`] if it is of another kind than the parameter sets of this crate.
pub(crate) fn parts(
    key: CompressedServerKey,
) -> Result<(
    SeededLweKeyswitchKeyOwned<u64>,
    SeededLweBootstrapKeyOwned<u64>,
    ModulusSwitchConfiguration<u64>,
)> {
    let CompressedAtomicPatternServerKey::Standard(pattern) = key.compressed_ap_server_key else {
        return Err(other_kind());
    };
    let (keyswitch, bootstrap, _) = pattern.into_raw_parts();
    let ShortintCompressedBootstrappingKey::Classic {
        bsk,
        modulus_switch_noise_reduction_key,
    } = bootstrap
    else {
        return Err(other_kind());
    };
    Ok((keyswitch, bsk, modulus_switch_noise_reduction_key.decompress()))
}

pub(crate) fn other_kind() -> Error {
    Error::Key("of another kind".into())
}

const SECRET_MAGIC: [u8; 4] = *b"ZKSK";
const SECRET_VERSION: u8 = 1;

/// The library's compressed server key under a name of our own, which its safe serialisation asks for.
/// Versions are the library's.
struct EvaluationKey(CompressedServerKey);

impl Named for EvaluationKey {
    const NAME: &'static str = "zk_llm::EvaluationKey";
}

impl Versionize for EvaluationKey {
    type Versioned<'v> = <CompressedServerKey as Versionize>::Versioned<'v>;

    fn versionize(&self) -> Self::Versioned<'_> {
        self.0.versionize()
    }
}

impl VersionizeOwned for EvaluationKey {
    type VersionedOwned = <CompressedServerKey as VersionizeOwned>::VersionedOwned;

    fn versionize_owned(self) -> Self::VersionedOwned {
        self.0.versionize_owned()
    }
}

impl Unversionize for EvaluationKey {
    fn unversionize(versioned: Self::VersionedOwned) -> Result<Self, UnversionizeError> {
        CompressedServerKey::unversionize(versioned).map(Self)
    }
}

impl serde::Serialize for EvaluationKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for EvaluationKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CompressedServerKey::deserialize(deserializer).map(Self)
    }
}

impl ParameterSetConformant for EvaluationKey {
    type ParameterSet = <CompressedServerKey as ParameterSetConformant>::ParameterSet;

    fn is_conformant(&self, parameters: &Self::ParameterSet) -> bool {
        self.0.is_conformant(parameters)
    }
}

fn max_degree(set: &ParameterSet) -> MaxDegree {
    MaxDegree::from_msg_carry_modulus(set.tfhe.message_modulus, set.tfhe.carry_modulus)
}

/// Randomness of the operating system. Masks and noise get seeds of their own (SPEC F.4).
fn os_seed() -> Result<Seed> {
    let mut bytes = [0; 16];
    OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|e| Error::Randomness(e.to_string()))?;
    Ok(Seed(u128::from_le_bytes(bytes)))
}

fn engine() -> Result<ShortintEngine> {
    let mut seeder = DeterministicSeeder::<DefaultRandomGenerator>::new(os_seed()?);
    Ok(ShortintEngine::new_from_seeder(&mut seeder))
}
