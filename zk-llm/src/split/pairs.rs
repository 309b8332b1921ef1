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

/// Products of a kind of processor by its own vectors, and the names of what it does with them.
#[cfg(target_arch = "x86_64")]
macro_rules! vectors {
    ($kind:ty, $lanes:literal, $numbers:ty, $sums:ty, $zero:ident, $widen:ident, $multiply:ident, $add:ident) => {
        impl Pairs for $kind {
            const LANES: usize = $lanes;
            type Weights = $numbers;
            type Digits = $numbers;
            type Sums = $sums;

            #[inline(always)]
            fn zero(self) -> $sums {
                self.$zero(0)
            }

            #[inline(always)]
            fn weights(self, weights: &[i8]) -> $numbers {
                self.$widen(cast(array::<i8, $lanes>(weights)))
            }

            #[inline(always)]
            fn digits(self, digits: &[i16]) -> $numbers {
                cast(array::<i16, $lanes>(digits))
            }

            #[inline(always)]
            fn add(self, sums: $sums, weights: $numbers, digits: $numbers) -> $sums {
                self.$add(sums, self.$multiply(weights, digits))
            }

            #[inline(always)]
            fn total(self, sums: $sums) -> i64 {
                sum::<{ $lanes / 2 }>(cast(sums))
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
vectors!(
    V4,
    32,
    i16x32,
    i32x16,
    splat_i32x16,
    convert_i8x32_to_i16x32,
    multiply_wrapping_add_adjacent_i16x32,
    wrapping_add_i32x16
);
#[cfg(target_arch = "x86_64")]
vectors!(
    V3,
    16,
    i16x16,
    i32x8,
    splat_i32x8,
    convert_i8x16_to_i16x16,
    multiply_wrapping_add_adjacent_i16x16,
    wrapping_add_i32x8
);

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
