//! TrustCredits: speculative trust that validators accumulate by early support of peers that come to stand well
//! (R127-R133, C.5b), and what they do to stake (C.3, C.5c).

use super::{sigmoid::ONE_Q64, wide::mul_div};
use crate::{
    constants::{CREDITS_EMA_DIVISOR, CREDIT_BOOST_DIVISOR, CREDIT_ONE, MODULATION_DIVISOR, PPB},
    types::Balance,
};

/// TrustCredits after one more epoch in which the validator's support was worth `gain`, the best supporter's `best`.
pub fn next_credits(credits: u64, gain: u64, best: u64) -> u64 {
    let share = mul_div(gain.into(), CREDIT_ONE.into(), best.into()).unwrap_or(0);
    let sum = u128::from(credits)
        .saturating_mul(CREDITS_EMA_DIVISOR.saturating_sub(1))
        .saturating_add(share.min(CREDIT_ONE.into()));
    (sum / CREDITS_EMA_DIVISOR) as u64
}

/// Stake with the boost of TrustCredits: `stake * (1 + c / 5)`, where c is the validator's share of all `count`
/// validators' TrustCredits `total`, times their number, at most one (C.3).
pub fn boosted_stake(stake: Balance, credits: u64, total: u128, count: u32) -> Balance {
    let standing = u128::from(credits).saturating_mul(count.into()).min(total);
    let most = stake / CREDIT_BOOST_DIVISOR;
    stake.saturating_add(mul_div(most, standing, total).unwrap_or(0))
}

/// How much a validator's share of TrustCredits exceeds its share of accuracy, as part of the former in Q0.64: 0 if it
/// has no Credits or nobody is accurate (C.5c, F.1-2).
pub fn divergence(credits: u64, all_credits: u128, accuracy: u64, all_accuracy: u128) -> u128 {
    if credits == 0 || all_accuracy == 0 {
        return 0;
    }
    let justified = mul_div(
        u128::from(accuracy).saturating_mul(all_credits),
        ONE_Q64,
        u128::from(credits).saturating_mul(all_accuracy),
    );
    ONE_Q64.saturating_sub(justified.unwrap_or(ONE_Q64))
}

/// Stake after adaptive weighting: `stake * (1 - beta * divergence / 2)`, with beta in ppb and divergence in Q0.64
/// (C.5c, R136).
pub fn modulated_stake(stake: Balance, beta: u64, divergence: u128) -> Balance {
    let part = mul_div(divergence.min(ONE_Q64), beta.min(PPB).into(), PPB.into());
    let excess = part.unwrap_or(0) / MODULATION_DIVISOR;
    mul_div(stake, ONE_Q64.saturating_sub(excess), ONE_Q64).unwrap_or(stake)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::BASED;

    #[test]
    fn credits_follow_the_best_supporter_with_a_half_life_of_69_epochs() {
        let mut credits = (0..69).fold(0, |credits, _| next_credits(credits, 7, 7));
        assert!((credits as f64 / CREDIT_ONE as f64 - 0.5).abs() < 1e-3);
        credits = (0..69).fold(credits, |credits, _| next_credits(credits, 0, 7));
        assert!((credits as f64 / CREDIT_ONE as f64 - 0.25).abs() < 1e-3);
        assert_eq!(next_credits(CREDIT_ONE, 3, 3), CREDIT_ONE);
        assert_eq!(next_credits(0, 1, 4), CREDIT_ONE / 400);
        assert_eq!(next_credits(0, 0, 0), 0);
        assert!(next_credits(u64::MAX, u64::MAX, 1) < u64::MAX);
    }

    #[test]
    fn the_boost_is_at_most_a_fifth() {
        let boost = |credits, total, count| boosted_stake(100 * BASED, credits, total, count);
        // An equal part of all Credits, or more, is the whole boost; half of one is half of it.
        assert_eq!(boost(10, 40, 4), 120 * BASED);
        assert_eq!(boost(40, 40, 4), 120 * BASED);
        assert_eq!(boost(5, 40, 4), 110 * BASED);
        assert_eq!(boost(0, 40, 4), 100 * BASED);
        assert_eq!(boost(0, 0, 4), 100 * BASED);
        assert_eq!(boosted_stake(u128::MAX, u64::MAX, u128::MAX, u32::MAX), u128::MAX);
    }

    #[test]
    fn divergence_is_the_part_of_credits_that_accuracy_does_not_justify() {
        assert_eq!(divergence(10, 40, 0, 100), ONE_Q64);
        assert_eq!(divergence(10, 40, 25, 100), 0);
        assert_eq!(divergence(10, 40, 50, 100), 0);
        assert_eq!(divergence(20, 40, 25, 100), ONE_Q64 / 2);
        assert_eq!(divergence(0, 40, 0, 100), 0);
        assert_eq!(divergence(10, 40, 0, 0), 0);
    }

    #[test]
    fn modulation_takes_up_to_half_of_stake_by_beta() {
        assert_eq!(modulated_stake(100, 0, ONE_Q64), 100);
        assert_eq!(modulated_stake(100, PPB, 0), 100);
        assert_eq!(modulated_stake(100, PPB, ONE_Q64), 50);
        assert_eq!(modulated_stake(1_000, PPB / 2, ONE_Q64 / 2), 875);
        assert_eq!(modulated_stake(100, u64::MAX, u128::MAX), 50);
    }
}
