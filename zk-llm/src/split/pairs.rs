//! Sums of products of 16-bit integers, two at a time where the processor does so: compilers choose products of 32 bits,
//! which take several times as long.

#[cfg(target_arch = "x86_64")]
use pulp::{
    cast, i16x16, i16x32, i32x16, i32x8,
    x86::{V3, V4},
};

/// Products of some kind of processor. Slices have [`Pairs::LANES`] numbers.
pub(super) trait Pairs: Copy {
    /// Numbers that are multiplied at once.
    const LANES: usize;
    /// Weights, ready.
    type Weights: Copy;
    /// Digits, ready.
    type Digits: Copy;
    /// 32-bit sums, each of at most two products an addition.
    type Sums: Copy;

    /// No products.
    fn zero(self) -> Self::Sums;
    /// Loads weights.
    fn weights(self, weights: &[i8]) -> Self::Weights;
    /// Loads digits.
    fn digits(self, digits: &[i16]) -> Self::Digits;
    /// Adds all products of weights with digits.
    fn add(self, sums: Self::Sums, weights: Self::Weights, digits: Self::Digits) -> Self::Sums;
    /// All sums together.
    fn total(self, sums: Self::Sums) -> i64;
}

/// Numbers as an array.
#[inline(always)]
fn array<T: Copy, const N: usize>(numbers: &[T]) -> [T; N] {
    numbers.try_into().expect("whole lanes are loaded")
}

#[inline(always)]
fn sum<const N: usize>(sums: [i32; N]) -> i64 {
    sums.into_iter().map(i64::from).sum()
}

#[cfg(target_arch = "x86_64")]
impl Pairs for V4 {
    const LANES: usize = 32;
    type Weights = i16x32;
    type Digits = i16x32;
    type Sums = i32x16;

    #[inline(always)]
    fn zero(self) -> i32x16 {
        self.splat_i32x16(0)
    }

    #[inline(always)]
    fn weights(self, weights: &[i8]) -> i16x32 {
        self.convert_i8x32_to_i16x32(cast(array::<i8, 32>(weights)))
    }

    #[inline(always)]
    fn digits(self, digits: &[i16]) -> i16x32 {
        cast(array::<i16, 32>(digits))
    }

    #[inline(always)]
    fn add(self, sums: i32x16, weights: i16x32, digits: i16x32) -> i32x16 {
        self.wrapping_add_i32x16(sums, self.multiply_wrapping_add_adjacent_i16x32(weights, digits))
    }

    #[inline(always)]
    fn total(self, sums: i32x16) -> i64 {
        sum::<16>(cast(sums))
    }
}

#[cfg(target_arch = "x86_64")]
impl Pairs for V3 {
    const LANES: usize = 16;
    type Weights = i16x16;
    type Digits = i16x16;
    type Sums = i32x8;

    #[inline(always)]
    fn zero(self) -> i32x8 {
        self.splat_i32x8(0)
    }

    #[inline(always)]
    fn weights(self, weights: &[i8]) -> i16x16 {
        self.convert_i8x16_to_i16x16(cast(array::<i8, 16>(weights)))
    }

    #[inline(always)]
    fn digits(self, digits: &[i16]) -> i16x16 {
        cast(array::<i16, 16>(digits))
    }

    #[inline(always)]
    fn add(self, sums: i32x8, weights: i16x16, digits: i16x16) -> i32x8 {
        self.wrapping_add_i32x8(sums, self.multiply_wrapping_add_adjacent_i16x16(weights, digits))
    }

    #[inline(always)]
    fn total(self, sums: i32x8) -> i64 {
        sum::<8>(cast(sums))
    }
}

/// Any processor.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Pairs for Portable {
    const LANES: usize = 16;
    type Weights = [i8; 16];
    type Digits = [i16; 16];
    type Sums = [i32; 16];

    #[inline(always)]
    fn zero(self) -> [i32; 16] {
        [0; 16]
    }

    #[inline(always)]
    fn weights(self, weights: &[i8]) -> [i8; 16] {
        array(weights)
    }

    #[inline(always)]
    fn digits(self, digits: &[i16]) -> [i16; 16] {
        array(digits)
    }

    #[inline(always)]
    fn add(self, mut sums: [i32; 16], weights: [i8; 16], digits: [i16; 16]) -> [i32; 16] {
        for (sum, (w, x)) in sums.iter_mut().zip(weights.into_iter().zip(digits)) {
            *sum += i32::from(w) * i32::from(x);
        }
        sums
    }

    #[inline(always)]
    fn total(self, sums: [i32; 16]) -> i64 {
        sum(sums)
    }
}
