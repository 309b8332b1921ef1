//! Products of 128-bit numbers without loss.

use sp_core::U256;

/// `a * b`, which always fits 256 bits.
pub(super) fn mul(a: u128, b: u128) -> U256 {
    U256::from(a).saturating_mul(U256::from(b))
}

/// The number, if it fits 128 bits.
pub(super) fn to_u128(value: U256) -> Option<u128> {
    u128::try_from(value).ok()
}

/// `floor(a * b / divisor)`; `None` if the divisor is zero or the result leaves 128 bits.
pub fn mul_div(a: u128, b: u128, divisor: u128) -> Option<u128> {
    to_u128(mul(a, b).checked_div(U256::from(divisor))?)
}
