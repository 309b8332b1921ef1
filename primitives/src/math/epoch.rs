//! The epoch of one Brain: from weights and stake to incentives and dividends (C.2 to C.5).
//!
//! Everything is linear in the number of edges. Shares of stake and rank are kept in Q0.96, so that a product with
//! a 16-bit weight, summed over all validators, fits 128 bits and inner loops over edges hardly divide.

use alloc::vec::Vec;

use super::{
    bonds::{next_bonds, Row},
    percentile::percentile,
    sigmoid::{consensus, ONE_Q64},
    wide::mul_div,
};
use crate::{
    constants::{ACTIVE_PERCENTILE, MIN_VALIDATOR_STAKE, PPB},
    types::{Balance, BlockNumber, Role, Uid},
};

/// One in Q0.96.
pub const ONE_Q96: u128 = 1 << 96;
/// Bits between Q0.64 and Q0.96, and between Q0.96 and Q0.128.
const STEP: u32 = 32;

/// A peer as the epoch sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochPeer {
    /// Number within the Brain.
    pub uid: Uid,
    /// Miner or validator.
    pub role: Role,
    /// Block of registration: edges set in this block or before are not meant for this peer (C.11-T10).
    pub registered_at: BlockNumber,
}

/// Weights of a validator as it set them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightRow {
    /// Block in which they were set.
    pub set_at: BlockNumber,
    /// Weights by strictly ascending uid.
    pub edges: Row,
}

/// Bonds of a validator as an earlier epoch left them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BondRow {
    /// Block of that epoch.
    pub written_at: BlockNumber,
    /// How many epochs ago it was; 1 if it was the last.
    pub age: u32,
    /// Bonds by strictly ascending uid.
    pub edges: Row,
}

/// A validator as the epoch sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochValidator {
    /// Number within the Brain.
    pub uid: Uid,
    /// Effective stake: see [`effective_validator_stakes`].
    pub stake: Balance,
    /// Weights, if it set any.
    pub weights: Option<WeightRow>,
    /// Bonds, if it has any.
    pub bonds: Option<BondRow>,
    /// Accuracy of its forecasts in ppb; without effect while [`EpochInput::beta`] is 0.
    pub accuracy: u64,
}

/// All that one epoch depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochInput {
    /// Block of the epoch.
    pub now: BlockNumber,
    /// Blocks after which weights are stale (B.30).
    pub activity_cutoff: BlockNumber,
    /// Weight of forecasts against consensus in the validators' pool, in ppb (C.6).
    pub beta: u64,
    /// All peers by strictly ascending uid.
    pub peers: Vec<EpochPeer>,
    /// The validators among them.
    pub validators: Vec<EpochValidator>,
}

/// What the epoch found about one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochScore {
    /// Number within the Brain.
    pub uid: Uid,
    /// Stake-weighted weight on it, R, in Q0.96.
    pub rank: u128,
    /// Share of active stake that trusts it, T, in Q0.64.
    pub trust: u128,
    /// Sigmoid of its trust, C, in Q0.64.
    pub consensus: u128,
    /// R times C in Q0.128.
    pub standing: u128,
    /// A miner's share of its pool in Q0.96; 0 for validators.
    pub incentive: u128,
    /// A validator's share of its pool in Q0.64 times (1 + beta) in ppb; 0 for miners.
    pub dividend: u128,
}

/// Result of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochOutput {
    /// Every peer by ascending uid.
    pub scores: Vec<EpochScore>,
    /// New bonds of the active validators.
    pub bonds: Vec<(Uid, Row)>,
    /// Share of rank that reached consensus, in ppb (C.7).
    pub quality: u64,
    /// Chain loss L = -R (C - 1/2) in ppb: at or above 0, most rank misses consensus (C.1, B.30).
    pub loss: i64,
}

/// Stake of each validator, with its pro-rata part of the stake directed to the Brain as such (C.3). The parts sum
/// to `brain_directed` exactly, unless no validator has stake: then that part counts for none.
pub fn effective_validator_stakes(stakes: &[Balance], brain_directed: Balance) -> Vec<Balance> {
    let parts = super::apportion(brain_directed, stakes);
    let parts = parts.iter().flatten().copied().chain(core::iter::repeat(0));
    stakes
        .iter()
        .zip(parts)
        .map(|(stake, part)| stake.saturating_add(part))
        .collect()
}

/// Stake from which validators are active: the 70th percentile of those that count (C.3, B.31); `None` if none does.
pub fn activity_bar(stakes: impl IntoIterator<Item = Balance>) -> Option<Balance> {
    let counted = stakes.into_iter().filter(|stake| *stake >= MIN_VALIDATOR_STAKE);
    percentile(counted, ACTIVE_PERCENTILE)
}

/// Adds shares of consensus and of accuracy, both of the same scale: `share + beta * accuracy`, times 10^9 (B.14).
pub fn blend(share: u128, accuracy: u128, beta: u64) -> u128 {
    share
        .saturating_mul(PPB.into())
        .saturating_add(accuracy.saturating_mul(beta.into()))
}

impl EpochInput {
    /// Runs the epoch. Without an active validator, or if no miner is ranked, every pool share is 0 (B.33).
    pub fn run(&self) -> EpochOutput {
        let mut columns = Columns::new(&self.peers);
        let active = self.active(&columns);
        for validator in &active {
            columns.vote(validator);
        }
        columns.judge();
        let (quality, loss) = columns.quality_and_loss();
        let earns = columns.share_miners_pool();
        let bonds = columns.bond(&active);
        if earns {
            columns.share_validators_pool(&active, &bonds, self.beta);
        }
        let scores = columns
            .0
            .into_iter()
            .flatten()
            .map(|column| column.score)
            .collect();
        EpochOutput {
            scores,
            bonds,
            quality,
            loss,
        }
    }

    /// Validators at or above the 70th percentile of stake whose fresh weights rank somebody (C.3).
    fn active(&self, columns: &Columns) -> Vec<Active<'_>> {
        let Some(bar) = activity_bar(self.validators.iter().map(|validator| validator.stake)) else {
            return Vec::new();
        };
        let mut active: Vec<Active<'_>> = self
            .validators
            .iter()
            .filter(|validator| validator.stake >= bar)
            .filter_map(|validator| {
                let weights = validator.weights.as_ref()?;
                if self.now.saturating_sub(weights.set_at) > self.activity_cutoff {
                    return None;
                }
                let row = columns.effective_row(validator.uid, weights);
                let row_sum = row.iter().map(|(_, weight)| u128::from(*weight)).sum();
                (row_sum > 0).then_some(Active {
                    validator,
                    stake: 0,
                    row,
                    row_sum,
                })
            })
            .collect();
        let total = active
            .iter()
            .fold(0u128, |sum, one| sum.saturating_add(one.validator.stake));
        for one in &mut active {
            one.stake = mul_div(one.validator.stake, ONE_Q96, total).unwrap_or(0);
        }
        active
    }
}

/// A validator whose weights count.
struct Active<'a> {
    validator: &'a EpochValidator,
    /// Share of active stake in Q0.96.
    stake: u128,
    /// Edges that count, their weights positive.
    row: Row,
    /// Sum of their weights, positive.
    row_sum: u128,
}

impl Active<'_> {
    /// Share of stake that one unit of weight carries, in Q0.96.
    fn unit(&self) -> u128 {
        self.stake.checked_div(self.row_sum).unwrap_or(0)
    }
}

/// A peer during the epoch.
struct Column {
    peer: EpochPeer,
    score: EpochScore,
}

/// Peers by uid.
struct Columns(Vec<Option<Column>>);

impl Columns {
    fn new(peers: &[EpochPeer]) -> Self {
        let mut columns = Vec::new();
        for peer in peers {
            columns.resize_with(columns.len().max(peer.uid.into()), || None);
            let score = EpochScore {
                uid: peer.uid,
                rank: 0,
                trust: 0,
                consensus: 0,
                standing: 0,
                incentive: 0,
                dividend: 0,
            };
            columns.push(Some(Column { peer: *peer, score }));
        }
        Self(columns)
    }

    fn get(&self, uid: Uid) -> Option<&Column> {
        self.0.get(usize::from(uid))?.as_ref()
    }

    fn score_mut(&mut self, uid: Uid) -> Option<&mut EpochScore> {
        Some(&mut self.0.get_mut(usize::from(uid))?.as_mut()?.score)
    }

    fn scores_mut(&mut self) -> impl Iterator<Item = (Role, &mut EpochScore)> {
        self.0
            .iter_mut()
            .flatten()
            .map(|column| (column.peer.role, &mut column.score))
    }

    /// Whether what was written about `uid` in block `at` concerns the peer that has this uid now.
    fn knew(&self, uid: Uid, at: BlockNumber) -> bool {
        self.get(uid).is_some_and(|column| column.peer.registered_at < at)
    }

    /// Positive edges without the diagonal and without edges to peers that came later.
    fn effective_row(&self, own: Uid, weights: &WeightRow) -> Row {
        let counts =
            |(uid, weight): &&(Uid, u16)| *weight > 0 && *uid != own && self.knew(*uid, weights.set_at);
        weights.edges.iter().filter(counts).copied().collect()
    }

    /// Adds a validator's row to rank and trust; it trusts itself.
    fn vote(&mut self, validator: &Active<'_>) {
        let (unit, trust) = (validator.unit(), validator.stake >> STEP);
        for (uid, weight) in &validator.row {
            if let Some(score) = self.score_mut(*uid) {
                score.rank = score.rank.saturating_add(unit.saturating_mul((*weight).into()));
                score.trust = score.trust.saturating_add(trust);
            }
        }
        if let Some(score) = self.score_mut(validator.validator.uid) {
            score.trust = score.trust.saturating_add(trust);
        }
    }

    /// Consensus of every peer, and its rank times consensus.
    fn judge(&mut self) {
        for (_, score) in self.scores_mut() {
            score.consensus = consensus(score.trust);
            score.standing = mul_div(score.rank, score.consensus, 1 << STEP).unwrap_or(u128::MAX);
        }
    }

    fn quality_and_loss(&mut self) -> (u64, i64) {
        let (rank, standing) = self
            .scores_mut()
            .fold((0u128, 0u128), |(rank, standing), (_, score)| {
                (
                    rank.saturating_add(score.rank),
                    standing.saturating_add(score.standing >> STEP),
                )
            });
        let quality = mul_div(standing, PPB.into(), rank).map_or(0, |quality| quality.min(PPB.into()));
        let part = |amount| mul_div(amount, PPB.into(), ONE_Q96).and_then(|ppb| i64::try_from(ppb).ok());
        let loss = part(rank / 2)
            .unwrap_or(0)
            .saturating_sub(part(standing).unwrap_or(0));
        (quality as u64, loss)
    }

    /// Gives each miner its share of the miners' pool; whether there is one.
    fn share_miners_pool(&mut self) -> bool {
        let miners = || |(role, _): &(Role, &mut EpochScore)| *role == Role::Miner;
        let total = self
            .scores_mut()
            .filter(miners())
            .fold(0u128, |sum, (_, score)| sum.saturating_add(score.standing));
        for (_, score) in self.scores_mut().filter(miners()) {
            score.incentive = mul_div(score.standing, ONE_Q96, total).unwrap_or(0);
        }
        total > 0
    }

    /// New bonds of the active validators in miners.
    fn bond(&self, active: &[Active<'_>]) -> Vec<(Uid, Row)> {
        let bond_row = |one: &Active<'_>| {
            let unit = one.unit();
            let share = |(uid, weight): &(Uid, u16)| {
                let column = self.get(*uid).filter(|column| column.peer.role == Role::Miner)?;
                // Below 2^96 * 2^16: the product fits.
                let part = unit
                    .saturating_mul((*weight).into())
                    .saturating_mul(u16::MAX.into());
                let share = part.checked_div(column.score.rank)?;
                Some((*uid, u16::try_from(share).unwrap_or(u16::MAX)))
            };
            let shares: Row = one.row.iter().filter_map(share).collect();
            let (age, old) = one.validator.bonds.as_ref().map_or((1, Row::new()), |bonds| {
                let known = bonds
                    .edges
                    .iter()
                    .filter(|(uid, _)| self.knew(*uid, bonds.written_at));
                (bonds.age, known.copied().collect())
            });
            (one.validator.uid, next_bonds(&old, age, &shares))
        };
        active.iter().map(bond_row).collect()
    }

    /// Gives each active validator its share of the validators' pool: its bonds' part of the incentives, gated by
    /// its agreement with the others (C.11-T5), blended with its accuracy.
    fn share_validators_pool(&mut self, active: &[Active<'_>], bonds: &[(Uid, Row)], beta: u64) {
        let all_stake = active
            .iter()
            .fold(0u128, |sum, one| sum.saturating_add(one.stake));
        let per_bond = self.incentive_per_bond(bonds);
        let gated: Vec<u128> = active
            .iter()
            .zip(bonds)
            .map(|(one, (_, row))| {
                let earned = row.iter().fold(0u128, |sum, (uid, bond)| {
                    let rate = per_bond.get(usize::from(*uid)).copied().unwrap_or(0);
                    sum.saturating_add(rate.saturating_mul((*bond).into()))
                });
                let square = |x: u128| mul_div(x, x, ONE_Q64).unwrap_or(0);
                let gate = square(square(self.agreement(one, all_stake)));
                mul_div(earned, gate, ONE_Q64).unwrap_or(0)
            })
            .collect();
        let accurate: Vec<u128> = active
            .iter()
            .map(|one| (one.stake >> STEP).saturating_mul(one.validator.accuracy.into()))
            .collect();
        let total = |parts: &[u128]| parts.iter().fold(0u128, |sum, part| sum.saturating_add(*part));
        let (all_gated, all_accurate) = (total(&gated), total(&accurate));
        for (one, (gated, accurate)) in active.iter().zip(gated.into_iter().zip(accurate)) {
            let share = mul_div(gated, ONE_Q64, all_gated).unwrap_or(0);
            let accuracy = mul_div(accurate, ONE_Q64, all_accurate).unwrap_or(0);
            if let Some(score) = self.score_mut(one.validator.uid) {
                score.dividend = blend(share, accuracy, beta);
            }
        }
    }

    /// Incentive of each peer, by uid, divided by all bonds in it, in Q0.96.
    fn incentive_per_bond(&self, bonds: &[(Uid, Row)]) -> Vec<u128> {
        let mut all = alloc::vec![0u128; self.0.len()];
        for (uid, bond) in bonds.iter().flat_map(|(_, row)| row) {
            if let Some(sum) = all.get_mut(usize::from(*uid)) {
                *sum = sum.saturating_add((*bond).into());
            }
        }
        let rate = |(column, bonds): (&Option<Column>, u128)| {
            column
                .as_ref()
                .and_then(|column| column.score.incentive.checked_div(bonds))
                .unwrap_or(0)
        };
        self.0.iter().zip(all).map(rate).collect()
    }

    /// Overlap of a validator's row with the mean row of the other active ones, in Q0.64; one if there are none.
    fn agreement(&self, one: &Active<'_>, all_stake: u128) -> u128 {
        let others = all_stake.saturating_sub(one.stake);
        if others == 0 {
            return ONE_Q64;
        }
        let (unit, others_unit) = (one.unit(), others.checked_div(one.row_sum).unwrap_or(0));
        let overlap = one.row.iter().fold(0u128, |sum, (uid, weight)| {
            let weight = u128::from(*weight);
            let rank = self.get(*uid).map_or(0, |column| column.score.rank);
            let mean = rank.saturating_sub(unit.saturating_mul(weight));
            sum.saturating_add(mean.min(others_unit.saturating_mul(weight)))
        });
        mul_div(overlap, ONE_Q64, others).unwrap_or(0).min(ONE_Q64)
    }
}

#[cfg(test)]
mod tests;
