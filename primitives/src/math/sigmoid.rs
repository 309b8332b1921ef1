//! Logistic function on binary fixed point, the same bits on every machine (C.4).

use super::wide::mul;
use sp_core::U256;

/// One in Q64.64.
pub const ONE_Q64: u128 = 1 << 64;
/// One half in Q64.64.
const HALF_Q64: u128 = ONE_Q64 / 2;
/// Fractional bits.
const BITS: u32 = 64;
/// log2(e) in Q64.64, rounded down.
const LOG2_E_Q64: u128 = 0x1_7154_7652_B82F_E177;
/// Steepness of the consensus function (C.1).
const RHO: i128 = 10;

/// `floor(2^64 * 2^(-2^-i))` for i = 1 to 64: what each bit of a fraction contributes to a power of two.
#[rustfmt::skip]
const ROOTS: [u64; 64] = [
    0xB504F333F9DE6484, 0xD744FCCAD69D6AF4, 0xEAC0C6E7DD24392E, 0xF5257D152486CC2C,
    0xFA83B2DB722A033A, 0xFD3E0C0CF486C174, 0xFE9E115C7B8F884B, 0xFF4ECB59511EC8A5,
    0xFFA756521C8DAED1, 0xFFD3A751C0F7E10B, 0xFFE9D2B2F7DB2755, 0xFFF4E91BFF1B8C3D,
    0xFFFA747EA0040664, 0xFFFD3A3B7814EB53, 0xFFFE9D1CC60DDAB1, 0xFFFF4E8E25879BFA,
    0xFFFFA7470363F451, 0xFFFFD3A37DDA0313, 0xFFFFE9D1BDF703AE, 0xFFFFF4E8DEBE025E,
    0xFFFFFA746F4FA150, 0xFFFFFD3A37A3F8B0, 0xFFFFFE9D1BD1065A, 0xFFFFFF4E8DE845AD,
    0xFFFFFFA746F41376, 0xFFFFFFD3A37A05E3, 0xFFFFFFE9D1BD01FB, 0xFFFFFFF4E8DE80C0,
    0xFFFFFFFA746F4050, 0xFFFFFFFD3A37A024, 0xFFFFFFFE9D1BD011, 0xFFFFFFFF4E8DE808,
    0xFFFFFFFFA746F404, 0xFFFFFFFFD3A37A02, 0xFFFFFFFFE9D1BD01, 0xFFFFFFFFF4E8DE80,
    0xFFFFFFFFFA746F40, 0xFFFFFFFFFD3A37A0, 0xFFFFFFFFFE9D1BD0, 0xFFFFFFFFFF4E8DE8,
    0xFFFFFFFFFFA746F4, 0xFFFFFFFFFFD3A37A, 0xFFFFFFFFFFE9D1BD, 0xFFFFFFFFFFF4E8DE,
    0xFFFFFFFFFFFA746F, 0xFFFFFFFFFFFD3A37, 0xFFFFFFFFFFFE9D1B, 0xFFFFFFFFFFFF4E8D,
    0xFFFFFFFFFFFFA746, 0xFFFFFFFFFFFFD3A3, 0xFFFFFFFFFFFFE9D1, 0xFFFFFFFFFFFFF4E8,
    0xFFFFFFFFFFFFFA74, 0xFFFFFFFFFFFFFD3A, 0xFFFFFFFFFFFFFE9D, 0xFFFFFFFFFFFFFF4E,
    0xFFFFFFFFFFFFFFA7, 0xFFFFFFFFFFFFFFD3, 0xFFFFFFFFFFFFFFE9, 0xFFFFFFFFFFFFFFF4,
    0xFFFFFFFFFFFFFFFA, 0xFFFFFFFFFFFFFFFD, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF,
];

/// `exp(-x)` for x in Q64.64; the result, at most one, in Q64.64.
pub fn exp_neg(x: u128) -> u128 {
    let [_, fraction, integer, high] = mul(x, LOG2_E_Q64).0;
    if high != 0 || integer >= BITS.into() {
        return 0;
    }
    // Both factors stay below one, so that their product fits; one itself is the only exception.
    let mut power = ONE_Q64;
    for (bit, root) in (0..BITS).rev().zip(ROOTS) {
        if fraction >> bit & 1 == 1 {
            power = if power == ONE_Q64 {
                root.into()
            } else {
                power.saturating_mul(root.into()) >> BITS
            };
        }
    }
    power >> integer
}

/// `1 / (1 + exp(-x))` for x in Q64.64; the result, between zero and one, in Q64.64.
///
/// `sigmoid(x) + sigmoid(-x)` is one exactly. Neighbouring inputs may come out in the wrong order by at most 64
/// units of 2^-64.
pub fn sigmoid(x: i128) -> u128 {
    let denominator = U256::from(ONE_Q64.saturating_add(exp_neg(x.unsigned_abs())));
    // 2^128 does not fit 128 bits.
    let positive = U256([0, 0, 1, 0])
        .checked_div(denominator)
        .map_or(0, |ratio| ratio.low_u128());
    if x < 0 {
        ONE_Q64.saturating_sub(positive)
    } else {
        positive
    }
}

/// Consensus of a peer trusted by the share `trust` (Q64.64) of active stake: `sigmoid(10 * (trust - 1/2))` (C.2).
pub fn consensus(trust: u128) -> u128 {
    let trust = trust.min(ONE_Q64) as i128;
    sigmoid(trust.saturating_sub(HALF_Q64 as i128).saturating_mul(RHO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sp_core::U512;

    fn as_f64(q64: u128) -> f64 {
        q64 as f64 / ONE_Q64 as f64
    }

    #[test]
    fn the_roots_are_those_of_repeated_square_roots() {
        // 2^(-2^-i) in Q0.192, each the square root of the one before; 128 bits more than the table needs.
        let mut root = U512::one() << 191;
        for (index, expected) in ROOTS.iter().enumerate() {
            root = (root << 192).integer_sqrt();
            assert_eq!((root >> 128).low_u64(), *expected, "root {}", index + 1);
        }
    }

    #[test]
    fn it_agrees_with_doubles_to_their_precision() {
        let mut worst = 0f64;
        for step in -80_000i64..=80_000 {
            let x = step as f64 / 10_000.0;
            let fixed = (step as i128 * ONE_Q64 as i128) / 10_000;
            let expected = 1.0 / (1.0 + (-x).exp());
            worst = worst.max((as_f64(sigmoid(fixed)) - expected).abs());
        }
        assert!(worst <= 1.2e-16, "largest difference {worst:e}");
    }

    #[test]
    fn zero_gives_exactly_one_half() {
        assert_eq!(sigmoid(0), ONE_Q64 / 2);
        assert_eq!(consensus(ONE_Q64 / 2), ONE_Q64 / 2);
    }

    #[test]
    fn far_inputs_saturate() {
        assert_eq!(sigmoid(i128::MAX), ONE_Q64);
        assert_eq!(sigmoid(i128::MIN), 0);
        assert_eq!(exp_neg(u128::MAX), 0);
        assert_eq!(exp_neg(0), ONE_Q64);
    }

    #[test]
    fn half_of_active_stake_is_the_threshold() {
        assert!((as_f64(consensus(0)) - 0.006_692_850_924_284_856).abs() < 1e-16);
        assert!((as_f64(consensus(ONE_Q64)) - 0.993_307_149_075_715).abs() < 3e-16);
        assert!(consensus(ONE_Q64 / 100 * 51) > ONE_Q64 / 2);
    }

    /// C.11-T1: a minority that only ranks itself loses its stake. The first five sizes are printed by the source.
    #[test]
    fn a_minority_cabal_shrinks_as_printed() {
        const TOTAL: u128 = 1_000_000_000_000_000_000;
        let share = |amount: u128, total: u128| super::super::mul_div(amount, ONE_Q64, total).unwrap();
        let (mut honest, mut cabal) = (TOTAL * 51 / 100, TOTAL * 49 / 100);
        let mut sizes = Vec::new();
        for _ in 0..100 {
            let total = honest + cabal;
            let pay = |stake| {
                let part = share(stake, total);
                super::super::mul_div(part, consensus(part), ONE_Q64).unwrap()
            };
            let (to_honest, to_cabal) = (pay(honest), pay(cabal));
            let minted = total / 10;
            let part = super::super::mul_div(minted, to_cabal, to_honest + to_cabal).unwrap();
            cabal += part;
            honest += minted - part;
            sizes.push(cabal as f64 / (honest + cabal) as f64);
        }
        let printed = [
            0.4877323388820201,
            0.4849535784321247,
            0.4815511535094221,
            0.477389901500398,
            0.4723093486843246,
        ];
        for (size, expected) in sizes.iter().zip(printed) {
            assert!((size - expected).abs() < 1e-12, "{size} is not {expected}");
        }
        for (block, expected) in [(9, 0.425879), (19, 0.224035), (49, 0.013676), (99, 0.000120634)] {
            assert!(
                (sizes[block] - expected).abs() < 1e-6,
                "block {block}: {}",
                sizes[block]
            );
        }
    }

    proptest! {
        #[test]
        fn it_is_symmetric_exactly(x: i128) {
            let x = x.max(-i128::MAX);
            prop_assert_eq!(sigmoid(x) + sigmoid(-x), ONE_Q64);
        }

        #[test]
        fn it_rises_up_to_rounding(x in -9i128 << 64..9i128 << 64, step in 0i128..1 << 40) {
            prop_assert!(sigmoid(x + step) + 64 >= sigmoid(x));
        }
    }
}
