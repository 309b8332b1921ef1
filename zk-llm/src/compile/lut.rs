//! Tables in the form that a bootstrap evaluates exactly.
//!
//! A bootstrap with input step `2^-s` computes any `g` on the `2^s` positions of the torus that is
//! negacyclic: `g(x + 2^(s-1)) = -g(x)`. A function `f` is therefore exact over a set of arguments if
//! some `c` makes `f - c` negacyclic there; `c` is added after the bootstrap as a plaintext. As `c` may be
//! half an integer, cells and offset count half steps.

use crate::ir::Lut;

/// A table as test polynomial cells and an offset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EncodedLut {
    /// Values at positions `0..2^(s-1)` of the torus, in half steps of the result.
    pub cells: Vec<i64>,
    /// Added to the result, in half steps.
    pub offset: i64,
    /// Step of the result.
    pub step: u8,
}

impl EncodedLut {
    /// Encodes `lut` so that it is exact at each of `arguments`, which have step `2^-input_step`.
    ///
    /// `None` if `lut` is not defined at an argument or no encoding is exact.
    pub fn exact(lut: &Lut, arguments: &[i32], input_step: u8) -> Option<Self> {
        let half = 1i64 << input_step.checked_sub(1)?;
        // Value of `f` at each position, for those on the upper half by the position they are opposed to.
        let mut lower = vec![None::<i64>; half as usize];
        let mut upper = lower.clone();
        for x in arguments {
            let value = i64::from(lut.get(*x)?);
            let position = i64::from(*x).rem_euclid(2 * half);
            let side = if position < half { &mut lower } else { &mut upper };
            let cell = &mut side[(position % half) as usize];
            if cell.is_some_and(|known| known != value) {
                return None;
            }
            *cell = Some(value);
        }
        let mut pairs = lower.iter().zip(&upper);
        let offset = pairs.find_map(|pair| Some((*pair.0)? + (*pair.1)?)).unwrap_or(0);
        let cells = lower.iter().zip(&upper).map(|pair| match pair {
            (Some(low), Some(high)) if low + high != offset => None,
            (Some(low), _) => Some(2 * low - offset),
            (None, Some(high)) => Some(offset - 2 * high),
            (None, None) => Some(0),
        });
        Some(Self {
            cells: cells.collect::<Option<_>>()?,
            offset,
            step: lut.step,
        })
    }

    /// Result at `x` in half steps, computed as the bootstrap does.
    pub fn evaluate(&self, x: i32) -> i64 {
        let half = self.cells.len() as i64;
        let position = i64::from(x).rem_euclid(2 * half);
        let cell = self.cells[(position % half) as usize];
        self.offset + if position < half { cell } else { -cell }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(lut: &Lut) -> Option<EncodedLut> {
        let arguments: Vec<i32> = (lut.lo..lut.lo + lut.values.len() as i32).collect();
        EncodedLut::exact(lut, &arguments, 5)
    }

    fn check(lut: &Lut) {
        let encoded = encode(lut).expect("exact");
        for (x, value) in (lut.lo..).zip(&lut.values) {
            assert_eq!(encoded.evaluate(x), 2 * i64::from(*value), "at {x}");
        }
    }

    #[test]
    fn sign_step_and_dead_zone_cover_their_whole_range() {
        check(&Lut::new(-16..=15, |x| if x >= 0 { 1 } else { -1 }));
        check(&Lut::new(-16..=15, |x| i32::from(x >= 0)));
        check(&Lut::new(-13..=13, |x| if x.abs() < 3 { 0 } else { x.signum() }));
    }

    #[test]
    fn what_is_not_negacyclic_is_refused() {
        assert!(encode(&Lut::new(-16..=16, |x| i32::from(x >= 0))).is_none());
        assert!(encode(&Lut::new(0..=17, |x| x)).is_none());
        assert!(encode(&Lut::new(-15..=15, |x| if x.abs() < 3 { 0 } else { x.signum() })).is_none());
    }

    proptest! {
        #[test]
        fn any_function_of_seventeen_values_is_exact(lo in -100i32..100, values in prop::collection::vec(-9i32..9, 1..=17)) {
            check(&Lut { lo, values, step: 5 });
        }

        #[test]
        fn an_encoding_is_exact_or_there_is_none(lo in -40i32..40, values in prop::collection::vec(0i32..2, 1..40)) {
            let lut = Lut { lo, values, step: 5 };
            if let Some(encoded) = encode(&lut) {
                for (x, value) in (lut.lo..).zip(&lut.values) {
                    prop_assert_eq!(encoded.evaluate(x), 2 * i64::from(*value));
                }
            } else {
                // A refusal is right only if two pairs of opposed arguments disagree on their sum, or a
                // period of the torus changes the value.
                let at = |x: i32| lut.get(x);
                let sums: Vec<i32> = (lut.lo..lut.lo + 40).filter_map(|x| Some(at(x)? + at(x + 16)?)).collect();
                let periods = (lut.lo..lut.lo + 40).any(|x| matches!((at(x), at(x + 32)), (Some(a), Some(b)) if a != b));
                prop_assert!(periods || sums.windows(2).any(|w| w[0] != w[1]));
            }
        }
    }
}
