//! What Brains cost.

use crate::{
    constants::{BRAIN_STAKE, BURN_PRICE_BASE, BURN_PRICE_STEP},
    types::{Balance, BrainKind},
};

/// Pepecoin that the next Brain of a kind costs when so many were issued by burning (R037, R038, R043); none for a kind
/// that is not issued. The price of burning rises by 200 Pepecoin for each and never falls (B.12).
pub fn brain_price(kind: BrainKind, burned: u16) -> Option<Balance> {
    match kind {
        BrainKind::Administrative => None,
        BrainKind::Burned => {
            Some(BURN_PRICE_BASE.saturating_add(BURN_PRICE_STEP.saturating_mul(burned.into())))
        }
        BrainKind::Staked => Some(BRAIN_STAKE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::PEPECOIN;

    #[test]
    fn the_price_of_burning_rises_by_200_from_1000() {
        for (number, price) in [
            (1, 1_000),
            (2, 1_200),
            (3, 1_400),
            (1_000, 200_800),
            (1_016, 204_000),
        ] {
            assert_eq!(
                brain_price(BrainKind::Burned, number - 1),
                Some(price * PEPECOIN),
                "{number}"
            );
        }
    }

    #[test]
    fn all_brains_by_burning_cost_what_is_published() {
        let total = |brains: u16| -> Balance {
            (0..brains)
                .filter_map(|burned| brain_price(BrainKind::Burned, burned))
                .sum()
        };
        assert_eq!(total(1_016), 104_140_000 * PEPECOIN);
        assert_eq!(total(1_024), 105_779_200 * PEPECOIN);
    }

    #[test]
    fn staking_costs_the_same_whatever_was_burnt() {
        for burned in [0, 1, u16::MAX] {
            assert_eq!(brain_price(BrainKind::Staked, burned), Some(100_000 * PEPECOIN));
            assert_eq!(brain_price(BrainKind::Administrative, burned), None);
        }
    }
}
