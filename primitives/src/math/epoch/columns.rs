//! Peers during an epoch, dense by uid.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;

use super::{EpochPeer, EpochScore, Voter, WeightRow, ONE_Q96, STEP};
use crate::{
    constants::{CREDIT_ONE, PPB},
    math::{
        bonds::{next_bond, Fading},
        sigmoid::{consensus, ONE_Q64},
        wide::mul_div,
    },
    types::{BlockNumber, Role, Uid},
};

/// Fractional bits of [`Column::inverse`]; 65,535 of them fit 128 bits.
const INVERSE_BITS: u32 = 112;

/// A peer during the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub(super) struct Column {
    /// Block of registration; the last possible one where no peer has this uid, so that nothing concerns it.
    registered_at: BlockNumber,
    /// Whether the peer is a miner.
    pub(super) miner: bool,
    /// R in Q0.96.
    pub(super) rank: u128,
    /// The part of R by validators that revealed in the cycle.
    pub(super) fresh_rank: u128,
    /// T in Q0.64.
    pub(super) trust: u128,
    /// C in Q0.64.
    consensus: u128,
    /// R times C in Q0.128.
    standing: u128,
    /// Share of the miners' pool in Q0.96.
    incentive: u128,
    /// 65,535 over R, with [`INVERSE_BITS`]; 0 for who is no ranked miner.
    inverse: u128,
    /// What support of this peer is worth, C times I, in parts of [`CREDIT_ONE`].
    pub(super) worth: u64,
    /// Sum of all bonds, after the bonds pass; then incentive per bond in Q0.96.
    pub(super) held: u128,
    /// A validator's share of its pool.
    pub(super) dividend: u128,
}

impl Column {
    const VACANT: Self = Self {
        registered_at: BlockNumber::MAX,
        miner: false,
        rank: 0,
        fresh_rank: 0,
        trust: 0,
        consensus: 0,
        standing: 0,
        incentive: 0,
        inverse: 0,
        worth: 0,
        held: 0,
        dividend: 0,
    };

    /// Whether what was said in block `at` concerns the peer that has this uid now (C.11-T10).
    pub(super) fn knew(&self, at: BlockNumber) -> bool {
        self.registered_at < at
    }

    /// Share of a validator that put `part` of R on this peer, in parts of 65,535.
    pub(super) fn share(&self, part: u128) -> u16 {
        // `part` is a part of R, so that the product stays below 65,535 with its bits.
        let half = 1u128 << INVERSE_BITS.saturating_sub(1);
        let share = part.saturating_mul(self.inverse).saturating_add(half) >> INVERSE_BITS;
        u16::try_from(share).unwrap_or(u16::MAX)
    }
}

/// Peers by uid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub(super) struct Columns(Vec<Column>);

impl Columns {
    pub(super) fn new(peers: &[EpochPeer]) -> Self {
        let mut columns = Vec::new();
        for peer in peers {
            columns.resize(columns.len().max(peer.uid.into()), Column::VACANT);
            columns.push(Column {
                registered_at: peer.registered_at,
                miner: peer.role == Role::Miner,
                ..Column::VACANT
            });
        }
        Self(columns)
    }

    pub(super) fn get(&self, uid: Uid) -> Option<&Column> {
        self.0.get(usize::from(uid))
    }

    pub(super) fn get_mut(&mut self, uid: Uid) -> Option<&mut Column> {
        self.0.get_mut(usize::from(uid))
    }

    /// Places in use and vacant ones between them.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Weights that count, with the columns they are on: positive, not on the validator itself, and not on peers that
    /// came later.
    fn voted<'a>(&'a self, own: Uid, row: &'a WeightRow) -> impl Iterator<Item = (&'a Column, u16)> {
        row.entries().filter_map(move |entry| {
            let column = self.get(entry.uid)?;
            let counts = entry.weight > 0 && entry.uid != own && column.knew(row.committed_at);
            counts.then_some((column, entry.weight))
        })
    }

    /// Sum of the weights of a row that count.
    pub(super) fn row_sum(&self, own: Uid, row: &WeightRow) -> u32 {
        self.voted(own, row)
            .fold(0, |sum, (_, weight)| sum.saturating_add(weight.into()))
    }

    /// Adds a validator's row to rank and trust; it trusts itself.
    pub(super) fn vote(&mut self, voter: &Voter, row: &WeightRow) {
        let (unit, trust) = (voter.unit(), voter.share >> STEP);
        for entry in row
            .entries()
            .filter(|entry| entry.weight > 0 && entry.uid != voter.uid)
        {
            let Some(column) = self.get_mut(entry.uid) else {
                break;
            };
            if column.knew(row.committed_at) {
                let part = unit.saturating_mul(entry.weight.into());
                column.rank = column.rank.saturating_add(part);
                column.trust = column.trust.saturating_add(trust);
                if voter.fresh {
                    column.fresh_rank = column.fresh_rank.saturating_add(part);
                }
            }
        }
        if let Some(own) = self.get_mut(voter.uid) {
            own.trust = own.trust.saturating_add(trust);
        }
    }

    /// Overlap of a validator's row with the mean row of the other active ones that revealed in the cycle, in Q0.64;
    /// one if there are none (F.1-2).
    pub(super) fn agreement(&self, voter: &Voter, fresh_share: u128, row: &WeightRow) -> u128 {
        let own = if voter.fresh { voter.share } else { 0 };
        let others = fresh_share.saturating_sub(own);
        if others == 0 {
            return ONE_Q64;
        }
        let own_unit = if voter.fresh { voter.unit() } else { 0 };
        let others_unit = others.checked_div(voter.row_sum.into()).unwrap_or(0);
        let overlap = self.voted(voter.uid, row).fold(0u128, |sum, (column, weight)| {
            let weight = u128::from(weight);
            let mean = column.fresh_rank.saturating_sub(own_unit.saturating_mul(weight));
            sum.saturating_add(mean.min(others_unit.saturating_mul(weight)))
        });
        mul_div(overlap, ONE_Q64, others).unwrap_or(0).min(ONE_Q64)
    }

    /// Mean worth of the peers that a row supports, in parts of 10^18 (C.5b).
    pub(super) fn worth(&self, voter: &Voter, row: &WeightRow) -> u64 {
        let sum = self.voted(voter.uid, row).fold(0u128, |sum, (column, weight)| {
            sum.saturating_add(u128::from(column.worth).saturating_mul(weight.into()))
        });
        sum.checked_div(voter.row_sum.into())
            .map_or(0, |mean| mean as u64)
    }

    /// Renews a row's bonds in miners and counts them.
    pub(super) fn bond(&mut self, voter: &Voter, now: BlockNumber, missed: Fading, row: &mut WeightRow) {
        let unit = voter.unit();
        let (committed_at, bonded_at) = (row.committed_at, row.bonded_at);
        row.rebond(now, |entry| {
            let Some(column) = self.get_mut(entry.uid).filter(|column| column.miner) else {
                return 0;
            };
            let old = if column.knew(bonded_at) { entry.bond } else { 0 };
            let share = if column.knew(committed_at) {
                column.share(unit.saturating_mul(entry.weight.into()))
            } else {
                0
            };
            let bond = next_bond(old, missed, share);
            column.held = column.held.saturating_add(bond.into());
            bond
        });
    }

    /// Incentives that the bonds of a row earn, after [`Self::rate`].
    pub(super) fn earned(&self, row: &WeightRow) -> u128 {
        row.entries()
            .filter(|entry| entry.bond > 0)
            .fold(0u128, |sum, entry| {
                let rate = self.get(entry.uid).map_or(0, |column| column.held);
                sum.saturating_add(rate.saturating_mul(entry.bond.into()))
            })
    }

    /// Consensus of every peer and its rank times consensus, then what follows for miners: their shares of the pool,
    /// the worth of supporting them and the inverse of their rank.
    pub(super) fn judge(&mut self) {
        let mut pool = 0u128;
        for column in &mut self.0 {
            column.consensus = consensus(column.trust);
            column.standing = mul_div(column.rank, column.consensus, 1 << STEP).unwrap_or(u128::MAX);
            if column.miner {
                pool = pool.saturating_add(column.standing);
            }
        }
        for column in self.0.iter_mut().filter(|column| column.miner && column.rank > 0) {
            column.incentive = mul_div(column.standing, ONE_Q96, pool).unwrap_or(0);
            column.inverse = (u128::from(u16::MAX) << INVERSE_BITS)
                .checked_div(column.rank)
                .unwrap_or(0);
            let worth = mul_div(column.incentive >> STEP, column.consensus, ONE_Q64).unwrap_or(0);
            column.worth = mul_div(worth, CREDIT_ONE.into(), ONE_Q64)
                .map_or(0, |worth| worth.min(CREDIT_ONE.into()) as u64);
        }
    }

    /// Turns the sums of bonds into incentive per bond; whether any miner has an incentive.
    pub(super) fn rate(&mut self) -> bool {
        let mut earns = false;
        for column in &mut self.0 {
            earns |= column.incentive > 0;
            column.held = column.incentive.checked_div(column.held).unwrap_or(0);
        }
        earns
    }

    /// Share of rank that reached consensus and the chain loss, both in ppb.
    pub(super) fn quality_and_loss(&self) -> (u64, i64) {
        let (rank, standing) = self.0.iter().fold((0u128, 0u128), |(rank, standing), column| {
            (
                rank.saturating_add(column.rank),
                standing.saturating_add(column.standing >> STEP),
            )
        });
        let quality = mul_div(standing, PPB.into(), rank).map_or(0, |quality| quality.min(PPB.into()));
        let part = |amount| mul_div(amount, PPB.into(), ONE_Q96).and_then(|ppb| i64::try_from(ppb).ok());
        let loss = part(rank / 2)
            .unwrap_or(0)
            .saturating_sub(part(standing).unwrap_or(0));
        (quality as u64, loss)
    }

    /// What the epoch found, by ascending uid.
    pub(super) fn scores(&self) -> Vec<EpochScore> {
        let peers = (0..).zip(&self.0);
        peers
            .filter(|(_, column)| column.registered_at < BlockNumber::MAX)
            .map(|(uid, column)| EpochScore {
                uid,
                registered_at: column.registered_at,
                rank: column.rank,
                trust: column.trust,
                consensus: column.consensus,
                standing: column.standing,
                incentive: column.incentive,
                worth: column.worth,
                dividend: column.dividend,
            })
            .collect()
    }
}
