//! Block reward and its exact sums (R082, R087, R089).

use crate::{
    constants::{EMISSION_YEAR, INITIAL_BLOCK_REWARD},
    types::{Balance, BlockNumber},
};

/// Reward of block `height`: 10 $BASED in the first emission year, half of the year before in each later one.
/// Genesis has none.
pub fn block_reward(height: BlockNumber) -> Balance {
    height
        .checked_sub(1)
        .map_or(0, |since| year_reward(since / EMISSION_YEAR))
}

/// Sum of the rewards of all blocks up to and including `height`.
pub fn total_reward(height: BlockNumber) -> Balance {
    let full_years = height / EMISSION_YEAR;
    let rest = height % EMISSION_YEAR;
    let finished = (0..full_years).fold(0u128, |sum, year| {
        sum.saturating_add(year_reward(year).saturating_mul(EMISSION_YEAR.into()))
    });
    finished.saturating_add(year_reward(full_years).saturating_mul(rest.into()))
}

/// Reward of a block of a year counted from zero.
fn year_reward(year: u32) -> Balance {
    INITIAL_BLOCK_REWARD.checked_shr(year).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::BASED;
    use proptest::prelude::*;

    /// $BASED a year of Table 2, in millionths.
    const ANNUAL_MILLIONTHS: [u128; 10] = [
        31_536_000_000_000,
        15_768_000_000_000,
        7_884_000_000_000,
        3_942_000_000_000,
        1_971_000_000_000,
        985_500_000_000,
        492_750_000_000,
        246_375_000_000,
        123_187_500_000,
        61_593_750_000,
    ];
    const MILLIONTH: u128 = BASED / 1_000_000;

    #[test]
    fn each_year_emits_what_the_table_says() {
        for (year, expected) in (0u32..).zip(ANNUAL_MILLIONTHS) {
            let sum = total_reward((year + 1) * EMISSION_YEAR) - total_reward(year * EMISSION_YEAR);
            assert_eq!(sum, expected * MILLIONTH, "year {}", year + 1);
        }
        assert_eq!(total_reward(10 * EMISSION_YEAR), 63_010_406_250_000 * MILLIONTH);
    }

    #[test]
    fn block_rewards_are_those_of_the_table() {
        // $BASED a block in units of 10^-8.
        let table = [
            1_000_000_000,
            500_000_000,
            250_000_000,
            125_000_000,
            62_500_000,
            31_250_000,
            15_625_000,
            7_812_500,
            3_906_250,
            1_953_125u128,
        ];
        for (year, expected) in (0u32..).zip(table) {
            let first = year * EMISSION_YEAR + 1;
            assert_eq!(block_reward(first), expected * BASED / 100_000_000);
            assert_eq!(
                block_reward(first + EMISSION_YEAR - 1),
                expected * BASED / 100_000_000
            );
        }
    }

    #[test]
    fn the_reward_halves_after_the_last_block_of_a_year() {
        assert_eq!(block_reward(0), 0);
        assert_eq!(block_reward(1), 10 * BASED);
        assert_eq!(block_reward(3_153_600), 10 * BASED);
        assert_eq!(block_reward(3_153_601), 5 * BASED);
    }

    #[test]
    fn all_that_is_ever_emitted_stays_below_the_limit() {
        assert!(total_reward(u32::MAX) < 63_072_000 * BASED);
        assert_eq!(block_reward(u32::MAX), 0);
    }

    proptest! {
        #[test]
        fn sums_are_those_of_single_blocks(start in prop_oneof![
            0..EMISSION_YEAR * 3, EMISSION_YEAR - 300..EMISSION_YEAR + 300, EMISSION_YEAR * 70..u32::MAX - 2_000
        ], length in 1u32..1_500) {
            let singly: u128 = (start + 1..=start + length).map(block_reward).sum();
            prop_assert_eq!(total_reward(start + length) - total_reward(start), singly);
        }
    }
}
