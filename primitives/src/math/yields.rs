//! What stake would earn in scenarios, by the rules of the chain: the tables of `docs/yields.md` (R055, R102, B.9).

use std::{format, string::String, vec::Vec};

use super::{apportion, brain_scores, split, total_reward, BrainStanding};
use crate::{
    constants::{BASED, MAX_TAKE_PPB, PPB},
    types::Balance,
};

/// Blocks of a year of emission (B.2).
const YEAR: u32 = 3_153_600;
/// Part of a Brain's emission that follows stake, in ppb (R096).
const SLICE: u64 = PPB / 4;

/// A year's emission over `brains` Brains of equal stake, whose performances lie evenly between a half and one.
fn parts(year: u32, brains: u64, stake: Balance) -> Vec<Balance> {
    let each = stake / Balance::from(brains);
    let standings: Vec<_> = (0..brains)
        .map(|brain| BrainStanding {
            stake: each,
            performance: PPB / 2 + PPB / 2 * brain / (brains - 1),
        })
        .collect();
    let emission = total_reward(year * YEAR) - total_reward((year - 1) * YEAR);
    apportion(emission, &brain_scores(&standings, stake)).unwrap()
}

/// Earnings of stake on a validator, of the Brains' parts given, in hundredths of a percent of it.
fn basis_points(parts: &[Balance], each: Balance, take: u64) -> u128 {
    let slices: Balance = parts.iter().map(|part| split(*part, SLICE).0).sum();
    let (_, stakers) = split(slices, take);
    stakers * 10_000 / (each * parts.len() as Balance)
}

fn percent(basis_points: u128) -> String {
    format!("{}.{:02}%", basis_points / 100, basis_points % 100)
}

fn row(year: u32, millions: Balance) -> String {
    let stake = millions * BASED * 100_000;
    let parts = parts(year, 1_024, stake);
    let each = stake / 1_024;
    let (lower, upper) = parts.split_at(512);
    let upper = basis_points(upper, each, 0);
    format!(
        "| {year} | {}.{} M | {} | {} | {} | {} | {} |",
        millions / 10,
        millions % 10,
        percent(basis_points(&parts, each, 0)),
        percent(upper),
        percent(basis_points(lower, each, 0)),
        percent(basis_points(&parts, each, MAX_TAKE_PPB)),
        10_000 + upper,
    )
}

const REPORT: &str = include_str!("../../../docs/yields.md");

#[test]
fn yields_of_the_report_follow_from_the_rules() {
    for (year, tenths) in [(1, 303), (1, 415), (1, 526), (2, 415), (3, 415)] {
        let row = row(year, tenths);
        assert!(REPORT.contains(&row), "{row}");
    }
}

#[test]
fn income_of_owners_in_the_report_follows_from_the_rules() {
    // Nobody stakes to others: the whole slice is the owner's.
    for (brains, tenths) in [(98, 415), (262, 415), (1_024, 415)] {
        let parts = parts(1, brains, tenths * BASED * 100_000);
        let income: Vec<_> = parts.iter().map(|part| split(*part, SLICE).0 / BASED).collect();
        let (least, most) = (income.iter().min().unwrap(), income.iter().max().unwrap());
        let mean = income.iter().sum::<Balance>() / Balance::from(brains);
        let row = format!("| {brains} | {mean} | {least} | {most} |");
        assert!(REPORT.contains(&row), "{row}");
    }
}
