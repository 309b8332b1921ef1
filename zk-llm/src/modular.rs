//! Residues of 64 bits.

/// `a + b` modulo `modulus`, which is below `2^63`.
#[inline(always)]
pub(crate) fn add(a: u64, b: u64, modulus: u64) -> u64 {
    let sum = a + b;
    sum.min(sum.wrapping_sub(modulus))
}

/// `a - b` modulo `modulus`.
#[inline(always)]
pub(crate) fn sub(a: u64, b: u64, modulus: u64) -> u64 {
    let difference = a.wrapping_sub(b);
    difference.min(difference.wrapping_add(modulus))
}

/// The residue of a signed integer of magnitude below the modulus.
#[inline(always)]
pub(crate) fn residue(x: i64, modulus: u64) -> u64 {
    let x = x as u64;
    x.min(x.wrapping_add(modulus))
}

/// The integer of least magnitude in a residue class.
#[inline(always)]
pub(crate) fn centred(x: u64, modulus: u64) -> i64 {
    match x > modulus / 2 {
        true => x.wrapping_sub(modulus) as i64,
        false => x as i64,
    }
}
