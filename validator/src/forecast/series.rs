//! Buckets of metrics as equally spaced rows, and what forecasts are about as seen from each of them.
//!
//! A round is about a cycle, a row is a bucket, and cycles are no whole number of buckets. So every row carries the
//! targets over the blocks of one cycle's length that end with it; the bucket in which that span begins counts by the
//! share of its blocks. A forecast of the row at which the next cycle ends is a forecast of that cycle.

use std::collections::BTreeMap;

use based_client::chain::AccountId;
use based_primitives::{
    constants::{FORECAST_TARGETS, PPB},
    forecasts::{Figures, MetricsBucket, RevealedForecast, Target},
    math::{mul_div, weighted_median},
};

use super::archive::{Archive, Tempo};

/// Longest gap that is filled, in buckets: a day of ten-minute ones. What lies before a longer one is left out.
pub const MAX_GAP: u32 = 144;
/// Units of a figure in one (D.5).
pub const UNITS: f64 = 1e6;
/// Units of 10^-18 $BASED in one.
pub const BASED: f64 = 1e18;
/// Units of 10^-18 $BASED in one of the target fee, 10^-6 $BASED.
pub const FEE_UNIT: f64 = 1e12;

/// What rows are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Records {
    /// Lengths.
    pub tempo: Tempo,
    /// Buckets, ascending, perhaps with gaps.
    pub buckets: Vec<MetricsBucket>,
    /// Realised figures by cycle.
    pub realised: BTreeMap<u32, Figures>,
    /// What peers forecast together, by round; see [`consensus`].
    pub peers: BTreeMap<u32, Figures>,
}

impl Records {
    /// Reads an archive, up to bucket `until` if one is given, for a forecaster that is not its own peer.
    ///
    /// # Errors
    /// On failures of the database, or before the chain was first read.
    pub fn read(archive: &Archive, own: &AccountId, until: Option<u32>) -> anyhow::Result<Self> {
        let Some(tempo) = archive.tempo()? else {
            anyhow::bail!("nothing was read from the chain yet");
        };
        let mut buckets = archive.buckets(0)?;
        if let Some(until) = until {
            buckets.retain(|bucket| bucket.index <= until);
        }
        let peers = archive.peers(own)?;
        let peers = peers
            .iter()
            .filter_map(|(round, forecasts)| Some((*round, consensus(forecasts)?)));
        Ok(Self {
            tempo,
            buckets,
            realised: archive.realised()?,
            peers: peers.collect(),
        })
    }
}

/// For each target the median of the forecasters' medians by stake times Accuracy, as the chain weighs them; `None` if
/// nobody has both.
pub fn consensus(forecasts: &[RevealedForecast<AccountId>]) -> Option<Figures> {
    // Order is kept when the sign bit is turned over.
    const SIGN: u64 = 1 << 63;
    let mut figures = [0; FORECAST_TARGETS];
    for (target, figure) in figures.iter_mut().enumerate() {
        let voice = |forecast: &RevealedForecast<AccountId>| {
            let weight = mul_div(forecast.stake, forecast.accuracy.into(), PPB.into()).unwrap_or(0);
            (forecast.quantiles[target][1] as u64 ^ SIGN, weight)
        };
        *figure = (weighted_median(forecasts.iter().map(voice).collect())? ^ SIGN) as i64;
    }
    Some(figures)
}

/// Rows without gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Buckets of successive numbers; missing ones repeat the one before.
    pub buckets: Vec<MetricsBucket>,
    /// Blocks of a bucket.
    pub length: u32,
    /// Buckets that were missing and are filled.
    pub filled: usize,
}

impl Rows {
    /// Fills gaps by carrying the last bucket forward, from the last gap on that is too long for it. `None` without
    /// any bucket.
    pub fn new(buckets: &[MetricsBucket]) -> Option<Self> {
        let last = buckets.last()?;
        // Genesis is in no bucket.
        let length = last.blocks.saturating_add(u32::from(last.index == 0)).max(1);
        let far = |pair: &[MetricsBucket]| pair[1].index.saturating_sub(pair[0].index) > MAX_GAP + 1;
        let start = buckets.windows(2).rposition(far).map_or(0, |at| at + 1);
        let mut rows = Self {
            buckets: Vec::with_capacity(buckets.len() - start),
            length,
            filled: 0,
        };
        for bucket in &buckets[start..] {
            if let Some(before) = rows.buckets.last().copied() {
                let missing = bucket.index.saturating_sub(before.index).saturating_sub(1);
                let passed = bucket.ended_at.saturating_sub(before.ended_at);
                for step in 1..=missing {
                    rows.buckets.push(MetricsBucket {
                        index: before.index + step,
                        ended_at: before.ended_at + passed * u64::from(step) / u64::from(missing + 1),
                        ..before
                    });
                }
                rows.filled += missing as usize;
            }
            rows.buckets.push(*bucket);
        }
        Some(rows)
    }

    /// First block after a row.
    pub fn end(&self, row: usize) -> u64 {
        (u64::from(self.buckets[row].index) + 1) * u64::from(self.length)
    }

    /// Rows that overlap the blocks `from..to`, each with its share in them; `None` if some of the blocks are in no
    /// row.
    fn span(&self, from: u64, to: u64) -> Option<impl Iterator<Item = (f64, &MetricsBucket)>> {
        let length = u64::from(self.length);
        let origin = u64::from(self.buckets.first()?.index);
        let first = usize::try_from((from / length).checked_sub(origin)?).ok()?;
        let last = usize::try_from(to.div_ceil(length).checked_sub(origin)?).ok()?;
        let rows = self.buckets.get(first..last)?;
        Some(rows.iter().map(move |bucket| {
            let start = u64::from(bucket.index) * length;
            let overlap = (start + length).min(to) - start.max(from);
            (overlap as f64 / length as f64, bucket)
        }))
    }

    /// First row that has a whole cycle's length of blocks behind it; the number of rows if none has.
    pub fn first_whole(&self, cycle: u32) -> usize {
        let whole = |row: &usize| {
            let end = self.end(*row);
            end.checked_sub(cycle.into())
                .is_some_and(|from| self.span(from, end).is_some())
        };
        (0..self.buckets.len()).find(whole).unwrap_or(self.buckets.len())
    }

    /// Targets over the cycle's length of blocks that ends with a row, in their units. `distinct` says how many
    /// distinct accounts pay in a cycle for each that pays in one of its buckets.
    pub fn trailing(&self, row: usize, cycle: u32, distinct: f64) -> Option<[f64; FORECAST_TARGETS]> {
        let end = self.end(row);
        let (mut transactions, mut fees, mut bytes, mut payers) = (0.0, 0.0, 0.0, 0.0);
        let (mut time, mut blocks) = (0.0, 0.0);
        for (share, bucket) in self.span(end.checked_sub(cycle.into())?, end)? {
            let count = share * bucket.transactions as f64;
            transactions += count;
            fees += count * bucket.fee as f64;
            bytes += share * bucket.bytes as f64;
            payers += share * f64::from(bucket.active_accounts);
            time += share * f64::from(bucket.block_time);
            blocks += share;
        }
        let mean = |sum: f64, count: f64| if count > 0.0 { sum / count } else { 0.0 };
        let performance = f64::from(self.buckets[row].performance) / PPB as f64;
        Some(Target::ALL.map(|target| match target {
            Target::Transactions => transactions,
            Target::BlockTime => mean(time, blocks),
            Target::Bytes => bytes,
            Target::ActiveAccounts => payers * distinct,
            Target::Fee => mean(fees, transactions) / FEE_UNIT,
            Target::Performance => performance,
        }))
    }

    /// By cycle, distinct payers of the cycle over the sum of those of its buckets: an account that pays in several
    /// buckets is one in the cycle.
    pub fn distinct(&self, records: &Records) -> BTreeMap<u32, f64> {
        let cycle = u64::from(records.tempo.cycle);
        let ratio = |(number, figures): (&u32, &Figures)| {
            let from = u64::from(*number) * cycle;
            let span = self.span(from, from + cycle)?;
            let sum: f64 = span
                .map(|(share, bucket)| share * f64::from(bucket.active_accounts))
                .sum();
            let distinct = figures[Target::ActiveAccounts as usize] as f64 / UNITS;
            (sum > 0.0).then(|| (*number, (distinct / sum).clamp(0.0, 1.0)))
        };
        records.realised.iter().filter_map(ratio).collect()
    }
}

/// The round whose forecasts were the last to be all revealed when block `end - 1` was built.
pub fn last_round(end: u64, tempo: Tempo) -> Option<u32> {
    let last = end.checked_sub(1)?;
    let cycle = u64::from(tempo.cycle.max(1));
    let revealed = last % cycle + 1 >= u64::from(tempo.reveal);
    let round = (last / cycle).checked_sub(if revealed { 1 } else { 2 })?;
    u32::try_from(round).ok()
}

#[cfg(test)]
pub(crate) fn sample(index: u32) -> MetricsBucket {
    MetricsBucket {
        index,
        blocks: if index == 0 { 4 } else { 5 },
        ended_at: 1_000_000 + u64::from(index) * 5_000,
        transactions: u64::from(index) * 10,
        block_time: 1_000,
        block_time_max: 1_500,
        bytes: 100,
        active_accounts: 4,
        emission: 50_000_000_000_000_000_000,
        stake: 7_000_000_000_000_000_000_000,
        validators: 2,
        joins: 1,
        leaves: 0,
        fee: u128::from(index) * 1_000_000_000_000,
        performance: 500_000_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(indices: impl IntoIterator<Item = u32>) -> Rows {
        let buckets: Vec<_> = indices.into_iter().map(sample).collect();
        Rows::new(&buckets).unwrap()
    }

    #[test]
    fn a_gap_repeats_the_bucket_before_it() {
        let rows = rows([3, 4, 7]);
        let numbers: Vec<_> = rows.buckets.iter().map(|bucket| bucket.index).collect();
        assert_eq!((numbers, rows.filled), (vec![3, 4, 5, 6, 7], 2));
        assert_eq!(rows.buckets[2].transactions, 40);
        assert_eq!(rows.buckets[2].ended_at, 1_025_000, "time passes evenly");
        assert_eq!(rows.buckets[4], sample(7));
    }

    #[test]
    fn rows_begin_after_a_gap_that_is_too_long() {
        let after = 3 + MAX_GAP + 2;
        assert_eq!(rows([1, 2, 3, after]).buckets, [sample(after)]);
        assert_eq!(rows([3, after - 1]).filled as u32, MAX_GAP);
        assert!(Rows::new(&[]).is_none());
    }

    #[test]
    fn targets_span_a_cycle_and_count_a_part_of_a_bucket() {
        let rows = rows(10..20);
        // 12 blocks: buckets 17 (2 of its 5 blocks), 18 and 19.
        let [transactions, time, bytes, payers, fee, performance] = rows.trailing(9, 12, 0.5).unwrap();
        assert!((transactions - (0.4 * 170.0 + 180.0 + 190.0)).abs() < 1e-9);
        assert!((time - 1_000.0).abs() < 1e-9, "a mean, not a sum");
        assert!((bytes - 240.0).abs() < 1e-9);
        assert!((payers - 0.5 * 2.4 * 4.0).abs() < 1e-9);
        let fees = 0.4 * 170.0 * 17.0 + 180.0 * 18.0 + 190.0 * 19.0;
        assert!((fee - fees / transactions).abs() < 1e-9, "{fee}");
        assert_eq!(performance, 0.5);
    }

    #[test]
    fn a_bucket_longer_than_a_cycle_counts_by_the_cycles_share() {
        let rows = rows(10..20);
        let figures = rows.trailing(3, 2, 1.0).unwrap();
        assert!((figures[0] - 0.4 * 130.0).abs() < 1e-9);
    }

    #[test]
    fn rows_without_a_whole_cycle_behind_them_have_no_targets() {
        let rows = rows(10..20);
        assert_eq!(rows.first_whole(12), 2);
        assert_eq!(rows.trailing(1, 12, 1.0), None);
        assert!(rows.trailing(2, 12, 1.0).is_some());
        assert_eq!(rows.first_whole(1_000), 10);
    }

    #[test]
    fn payers_of_a_cycle_are_fewer_than_those_of_its_buckets() {
        let rows = rows(10..20);
        let mut figures = [0; 6];
        figures[3] = 8_000_000;
        let records = Records {
            tempo: Tempo { cycle: 20, reveal: 5 },
            buckets: rows.buckets.clone(),
            // Cycle 2 is in no row, cycle 3 in rows 12 to 15, cycle 4 in rows 16 to 19.
            realised: [(2, figures), (3, figures), (4, [0; 6])].into(),
            peers: BTreeMap::new(),
        };
        assert_eq!(rows.distinct(&records), [(3, 0.5), (4, 0.0)].into());
    }

    #[test]
    fn forecasts_are_known_once_all_are_revealed() {
        let tempo = Tempo { cycle: 20, reveal: 5 };
        assert_eq!(last_round(0, tempo), None);
        assert_eq!(last_round(20, tempo), None);
        assert_eq!(last_round(24, tempo), None);
        assert_eq!(last_round(25, tempo), Some(0));
        assert_eq!(last_round(44, tempo), Some(0));
        assert_eq!(last_round(45, tempo), Some(1));
    }

    #[test]
    fn peers_speak_by_stake_and_accuracy() {
        let forecast = |account: u8, stake: u128, accuracy: u64, median: i64| RevealedForecast {
            account: AccountId::new([account; 32]),
            stake,
            accuracy,
            quantiles: [[i64::MIN, median, i64::MAX]; 6],
        };
        let based = 1_000_000_000_000_000_000;
        let many = [
            forecast(1, 10 * based, 500_000_000, -7),
            forecast(2, 4 * based, 1_000_000_000, 3),
            forecast(3, 1_000 * based, 0, 99),
        ];
        assert_eq!(consensus(&many), Some([-7; 6]));
        assert_eq!(consensus(&many[1..]), Some([3; 6]));
        assert_eq!(consensus(&many[2..]), None, "without Accuracy there is no voice");
        assert_eq!(consensus(&[]), None);
    }
}
