//! Parameter sets: names that manifests use, and the sizes a peer may count on.

use tfhe::shortint::parameters::v1_4::V1_4_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128;
use tfhe::shortint::parameters::ClassicPBSParameters;

use crate::error::{Error, Result};

/// Failure probability allowed for one table and for one decrypted value, as a power of two.
pub const LOG2_P_FAIL: f64 = -128.0;

/// A set of cryptographic parameters known by name.
///
/// Security: 132 bits by the library's own estimate for every noise distribution and dimension of the
/// set, which is used without any change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterSet {
    /// Name in manifests.
    pub name: &'static str,
    /// Identifier in the headers of ciphertext encodings.
    pub id: u8,
    /// Exact size of a serialised evaluation key, in bytes.
    pub evaluation_key_bytes: u64,
    /// The library's parameters.
    pub tfhe: ClassicPBSParameters,
}

/// 16 cells and a sign bit: LWE dimension 918, ring of degree 2048, uniform noise, centred-mean
/// modulus switch, failure probability `2^-129.6` at a 2-norm of 5.
pub const MESSAGE_2_CARRY_2: ParameterSet = ParameterSet {
    name: "message-2-carry-2-tuniform-2m128",
    id: 1,
    evaluation_key_bytes: 30_147_015,
    tfhe: V1_4_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128,
};

/// Every set that this version knows.
pub const ALL: [ParameterSet; 1] = [MESSAGE_2_CARRY_2];

impl ParameterSet {
    /// Finds a set by its name.
    ///
    /// # Errors
    /// [`Error::ParameterSet`] if the name is unknown.
    pub fn by_name(name: &str) -> Result<Self> {
        ALL.into_iter()
            .find(|set| set.name == name)
            .ok_or_else(|| Error::ParameterSet(name.into()))
    }

    /// Dimension of a ciphertext that leaves or enters a bootstrap.
    pub fn lwe_dimension(&self) -> usize {
        self.tfhe.glwe_dimension.0 * self.tfhe.polynomial_size.0
    }
}

impl Default for ParameterSet {
    fn default() -> Self {
        MESSAGE_2_CARRY_2
    }
}
