//! The features: which columns the model reads, and how rows become them (D.4).

use std::{collections::BTreeMap, f64::consts::TAU};

use based_primitives::{
    constants::{FORECAST_TARGETS, METRIC_BUCKET_BLOCKS},
    forecasts::{Figures, MetricsBucket},
};
use based_tft::{Feature, Schema, Series, Table};

use super::series::{last_round, Records, Rows, BASED, FEE_UNIT, UNITS};

/// Version of the features that this program makes; governance says which one the network trains on (R121).
pub const FEATURE_SET: u32 = 0;
/// Rows ahead that a forecast may reach.
pub const HORIZON: usize = 24;
/// Most rows: a year of ten-minute buckets.
pub const MAX_ROWS: usize = 52_560;
/// Name of the only series.
pub const NETWORK: &str = "network";

/// What happened in the bucket itself.
const OBSERVED: [&str; 11] = [
    "transactions",
    "block_time",
    "block_time_max",
    "bytes",
    "active_accounts",
    "emission",
    "stake",
    "validators",
    "joins",
    "leaves",
    "fee",
];
/// The targets, over a cycle's length of blocks. Performance is the twelfth thing observed.
const TARGETS: [&str; FORECAST_TARGETS] = [
    "cycle_transactions",
    "cycle_block_time",
    "cycle_bytes",
    "cycle_active_accounts",
    "cycle_fee",
    "performance",
];
/// What peers said last of each target.
const PEERS: [&str; FORECAST_TARGETS] = [
    "peers_transactions",
    "peers_block_time",
    "peers_bytes",
    "peers_active_accounts",
    "peers_fee",
    "peers_performance",
];
const KNOWN: [&str; 4] = ["day_sin", "day_cos", "week_sin", "week_cos"];
const DAY: f64 = 86_400_000.0;

/// The columns.
pub fn schema() -> Schema {
    let real = |names: &[&str]| names.iter().map(|name| Feature::real(*name)).collect::<Vec<_>>();
    Schema {
        version: FEATURE_SET,
        targets: TARGETS.map(String::from).to_vec(),
        // One series has nothing to tell apart; a table of several networks would.
        statics: vec![Feature::categorical("class", 2), Feature::categorical("tempo", 2)],
        observed: real(&[&OBSERVED[..], &TARGETS, &PEERS].concat()),
        known: real(&KNOWN),
    }
}

/// A table and what is to be known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// The table; known columns reach [`HORIZON`] rows ahead.
    pub table: Table,
    /// Number of the first row's bucket.
    pub first: u32,
    /// Number of the last row's bucket.
    pub last: u32,
    /// First block after the last row.
    pub end: u64,
    /// Blocks of a row.
    pub length: u32,
    /// Rows that repeat the one before, because their bucket is missing.
    pub filled: usize,
}

impl Built {
    /// Observed rows.
    pub fn rows(&self) -> usize {
        self.table.series.first().map_or(0, Series::rows)
    }

    /// Rows from the last one to the one with whose end the blocks before `block` are over, to the nearest; `None` if
    /// that is no row ahead within the horizon.
    pub fn rows_to(&self, block: u64) -> Option<usize> {
        let ahead = block.checked_sub(self.end)?;
        let length = u64::from(self.length);
        let rows = usize::try_from((ahead + length / 2) / length).ok()?;
        (1..=HORIZON).contains(&rows).then_some(rows)
    }
}

/// Makes the table of the records; `None` while no row has a whole cycle behind it.
///
/// A row uses nothing that was not known at its last block, but for the first rows' share of distinct payers.
pub fn build(records: &Records) -> Option<Built> {
    let rows = Rows::new(&records.buckets)?;
    let cycle = records.tempo.cycle;
    let first = rows
        .first_whole(cycle)
        .max(rows.buckets.len().saturating_sub(MAX_ROWS));
    let distinct = rows.distinct(records);
    let mut observed = vec![Vec::new(); OBSERVED.len() + 2 * FORECAST_TARGETS];
    for row in first..rows.buckets.len() {
        let targets = rows.trailing(row, cycle, as_of(&distinct, rows.end(row), cycle))?;
        let peers = last_round(rows.end(row), records.tempo).and_then(|round| records.peers.get(&round));
        let values = own(&rows.buckets[row])
            .into_iter()
            .chain(targets)
            .chain(said(peers, targets));
        for (column, value) in observed.iter_mut().zip(values) {
            column.push(value);
        }
    }
    let (start, last) = (rows.buckets.get(first)?, rows.buckets.last()?);
    let series = Series {
        name: NETWORK.into(),
        statics: vec![0.0, f64::from(u8::from(rows.length != METRIC_BUCKET_BLOCKS))],
        known: known(&rows.buckets[first..]),
        observed,
    };
    Some(Built {
        table: Table { series: vec![series] },
        first: start.index,
        last: last.index,
        end: rows.end(rows.buckets.len() - 1),
        length: rows.length,
        filled: rows.filled,
    })
}

/// The share of distinct payers in the last cycle that was over at `end`; of the first one known before that.
fn as_of(distinct: &BTreeMap<u32, f64>, end: u64, cycle: u32) -> f64 {
    let closed = u32::try_from(end / u64::from(cycle.max(1))).unwrap_or(u32::MAX);
    let latest = distinct.range(..closed).next_back();
    latest
        .or_else(|| distinct.first_key_value())
        .map_or(1.0, |(_, ratio)| *ratio)
}

fn own(bucket: &MetricsBucket) -> [f64; OBSERVED.len()] {
    [
        bucket.transactions as f64,
        bucket.block_time.into(),
        bucket.block_time_max.into(),
        bucket.bytes as f64,
        bucket.active_accounts.into(),
        bucket.emission as f64 / BASED,
        bucket.stake as f64 / BASED,
        bucket.validators.into(),
        bucket.joins.into(),
        bucket.leaves.into(),
        bucket.fee as f64 / FEE_UNIT,
    ]
}

/// What peers said; where nobody spoke, what persistence would say.
fn said(peers: Option<&Figures>, targets: [f64; FORECAST_TARGETS]) -> [f64; FORECAST_TARGETS] {
    peers.map_or(targets, |figures| figures.map(|figure| figure as f64 / UNITS))
}

/// Phases of day and week at the end of each row, and of as many rows ahead as the horizon has.
fn known(buckets: &[MetricsBucket]) -> Vec<Vec<f64>> {
    let ends: Vec<u64> = buckets.iter().map(|bucket| bucket.ended_at).collect();
    let (Some(first), Some(last)) = (ends.first(), ends.last()) else {
        return vec![Vec::new(); KNOWN.len()];
    };
    let steps = (ends.len() as u64).saturating_sub(1).max(1);
    let step = last.saturating_sub(*first) / steps;
    let ahead = (1..=HORIZON as u64).map(|row| last.saturating_add(row * step));
    let times: Vec<u64> = ends.iter().copied().chain(ahead).collect();
    let phase = |wave: fn(f64) -> f64, days: f64| {
        let value = |time: &u64| {
            let phase = wave(TAU * (*time as f64 / (days * DAY)).fract());
            // Rounded, so that every machine's sine gives the same bytes.
            (phase * UNITS).round() / UNITS
        };
        times.iter().map(value).collect()
    };
    vec![
        phase(f64::sin, 1.0),
        phase(f64::cos, 1.0),
        phase(f64::sin, 7.0),
        phase(f64::cos, 7.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{archive::Tempo, series::sample};

    fn records(numbers: impl IntoIterator<Item = u32>) -> Records {
        Records {
            tempo: Tempo { cycle: 20, reveal: 5 },
            buckets: numbers.into_iter().map(sample).collect(),
            realised: BTreeMap::new(),
            peers: BTreeMap::new(),
        }
    }

    fn column<'a>(built: &'a Built, name: &str) -> &'a [f64] {
        let at = schema().observed.iter().position(|feature| feature.name == name);
        &built.table.series[0].observed[at.unwrap()]
    }

    #[test]
    fn the_table_fits_its_schema() {
        let built = build(&records(0..40)).unwrap();
        built.table.check(&schema()).unwrap();
        assert_eq!((built.first, built.last, built.rows()), (3, 39, 37));
        assert_eq!(built.table.series[0].known_rows(), 37 + HORIZON);
        assert_eq!(schema().observed.len(), 23);
        assert_eq!((schema().known.len(), schema().statics.len()), (4, 2));
        assert!(build(&records(0..3)).is_none());
        assert!(build(&records([])).is_none());
    }

    #[test]
    fn a_year_at_most_is_kept() {
        let built = build(&records(0..MAX_ROWS as u32 + 100)).unwrap();
        assert_eq!(built.rows(), MAX_ROWS);
    }

    #[test]
    fn peers_are_heard_from_the_reveal_of_one_round_to_that_of_the_next() {
        let mut records = records(0..40);
        records.peers = [(2, [7_500_000; 6])].into();
        let built = build(&records).unwrap();
        let heard: Vec<u32> = (built.first..=built.last)
            .zip(column(&built, "peers_bytes"))
            .filter_map(|(bucket, value)| (*value == 7.5).then_some(bucket))
            .collect();
        // Round 2 is revealed in blocks 60 to 64, round 3 in blocks 80 to 84.
        assert_eq!(heard, [12, 13, 14, 15]);
        assert_eq!(column(&built, "peers_bytes")[0], column(&built, "cycle_bytes")[0]);
    }

    #[test]
    fn rows_do_not_change_when_more_becomes_known() {
        let mut early = records(0..30);
        let mut figures = [0; 6];
        figures[3] = 8_000_000;
        early.realised = [(0, figures), (4, figures)].into();
        let mut late = records(0..40);
        late.realised = early.realised.clone();
        late.realised.insert(8, [1_000_000; 6]);
        late.peers = [(7, [1; 6])].into();
        let (early, late) = (build(&early).unwrap(), build(&late).unwrap());
        for (before, after) in early.table.series[0]
            .observed
            .iter()
            .zip(&late.table.series[0].observed)
        {
            assert_eq!(before[..], after[..before.len()]);
        }
    }

    #[test]
    fn the_end_of_a_cycle_is_so_many_rows_ahead() {
        let built = build(&records(0..37)).unwrap();
        assert_eq!(built.end, 185);
        // In cycle 9 (blocks 180 to 199) the next cycle ends with block 219.
        assert_eq!(built.rows_to(220), Some(7));
        assert_eq!(built.rows_to(187), None, "not a row ahead");
        assert_eq!(built.rows_to(188), Some(1));
        assert_eq!(built.rows_to(185 + 5 * 24), Some(24));
        assert_eq!(built.rows_to(185 + 5 * 25), None);
        assert_eq!(built.rows_to(180), None);
    }

    #[test]
    fn day_and_week_go_on_ahead_of_the_rows() {
        let built = build(&records(0..40)).unwrap();
        let [sin, cos, ..] = &built.table.series[0].known[..] else {
            panic!("four columns");
        };
        for (sin, cos) in sin.iter().zip(cos) {
            assert!((sin * sin + cos * cos - 1.0).abs() < 1e-5);
        }
        // Rows are five seconds apart.
        let last = sin.len() - 1;
        let time = 1_000_000.0 + 5_000.0 * (39 + HORIZON) as f64;
        assert!((sin[last] - (TAU * time / DAY).sin()).abs() < 1e-6);
    }
}
