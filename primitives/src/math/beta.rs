//! How much forecasts weigh against consensus (R118, R119, C.6).

use crate::{
    constants::{BETA_CEILING_PPB, PPB},
    types::BlockNumber,
};

/// Weight of forecasts `elapsed` blocks after genesis, in ppb: 0 for two years of `year` blocks, then a line towards
/// 90% over two more, then 100%.
pub fn beta(elapsed: BlockNumber, year: BlockNumber) -> u64 {
    let two_years = u64::from(year).saturating_mul(2);
    let Some(ramped) = u64::from(elapsed).checked_sub(two_years) else {
        return 0;
    };
    if ramped >= two_years {
        return PPB;
    }
    BETA_CEILING_PPB
        .saturating_mul(ramped)
        .checked_div(two_years)
        .unwrap_or(PPB)
}

/// The schedule, or an override below it (R122): an override never raises the weight.
pub fn overridden_beta(schedule: u64, override_ppb: Option<u64>) -> u64 {
    override_ppb.map_or(schedule, |ppb| ppb.min(schedule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::{SLOT_MILLIS, TFT_YEAR};
    use proptest::prelude::*;

    #[test]
    fn the_schedule_meets_its_vectors() {
        let vectors = [
            (0, 0),
            (6_311_519, 0),
            (6_311_520, 0),
            (7_889_400, 225_000_000),
            (9_467_280, 450_000_000),
            (12_623_039, 899_999_857),
            (12_623_040, 1_000_000_000),
            (u32::MAX, 1_000_000_000),
        ];
        for (elapsed, expected) in vectors {
            assert_eq!(beta(elapsed, TFT_YEAR), expected, "block {elapsed}");
        }
    }

    /// R118: 365.25 days of blocks of ten seconds.
    #[test]
    fn the_year_of_forecasts_has_3_155_760_blocks() {
        assert_eq!(TFT_YEAR, 3_155_760);
        let blocks_a_day = 24 * 60 * 60 * 1_000 / SLOT_MILLIS;
        assert_eq!(u64::from(TFT_YEAR) * 4, blocks_a_day * (4 * 365 + 1));
    }

    #[test]
    fn a_year_without_blocks_is_over_at_once() {
        assert_eq!(beta(0, 0), PPB);
    }

    #[test]
    fn an_override_only_lowers() {
        assert_eq!(overridden_beta(450, Some(100)), 100);
        assert_eq!(overridden_beta(450, Some(451)), 450);
        assert_eq!(overridden_beta(450, None), 450);
    }

    proptest! {
        #[test]
        fn it_never_falls(elapsed: u32, later: u32, year in 1u32..5_000_000) {
            let (elapsed, later) = (elapsed.min(later), elapsed.max(later));
            prop_assert!(beta(elapsed, year) <= beta(later, year));
            prop_assert!(beta(later, year) <= PPB);
        }
    }
}
