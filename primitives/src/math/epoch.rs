//! The epoch of one Brain: from weights and stake to incentives, dividends and TrustCredits (C.2 to C.5).
//!
//! An epoch goes over the rows of its active validators four times - sums, votes, bonds, pay - one row a step, so that
//! it can stop after any step, be stored, and go on in a later block with the same result. Everything is linear in the
//! number of edges. Shares of stake and rank are kept in Q0.96, so that a product with a 16-bit weight, summed over
//! all validators, fits 128 bits; edges cost products of 128 bits and no division.

use alloc::{collections::BTreeMap, vec::Vec};

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use super::{
    bonds::Fading,
    credits::{boosted_stake, divergence, modulated_stake, next_credits},
    percentile::percentile,
    sigmoid::ONE_Q64,
    wide::mul_div,
};
use crate::{
    constants::{MAX_PEERS, MAX_VALIDATORS, MIN_VALIDATOR_STAKE, PPB},
    types::{Balance, BlockNumber, Role, Uid},
};
use columns::Columns;

mod columns;
mod row;

pub use row::{Entry, WeightRow};

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
    /// Block of registration: what was said in this block or before does not concern this peer (C.11-T10).
    pub registered_at: BlockNumber,
}

/// A validator as the epoch sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochValidator {
    /// Number within the Brain.
    pub uid: Uid,
    /// Effective stake: see [`effective_validator_stakes`].
    pub stake: Balance,
    /// Block in which it revealed its row, if it has one.
    pub revealed_at: Option<BlockNumber>,
    /// Accuracy of its forecasts in ppb; without effect while [`EpochInput::beta`] is 0.
    pub accuracy: u64,
    /// Its TrustCredits before the epoch, in parts of 10^18.
    pub credits: u64,
}

/// All that one epoch depends on, besides rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochInput {
    /// Block of the epoch.
    pub now: BlockNumber,
    /// Blocks between two epochs of the Brain.
    pub cycle_blocks: BlockNumber,
    /// Blocks after which a revealed row is stale (B.30).
    pub activity_cutoff: BlockNumber,
    /// Percentile of stake that active validators reach (C.3); at 0 all do.
    pub percentile: u32,
    /// Weight of forecasts against consensus in the validators' pool, in ppb (C.6).
    pub beta: u64,
    /// All peers by strictly ascending uid.
    pub peers: Vec<EpochPeer>,
    /// The validators among them, likewise.
    pub validators: Vec<EpochValidator>,
}

/// What the epoch found about one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochScore {
    /// Number within the Brain.
    pub uid: Uid,
    /// Block of its registration.
    pub registered_at: BlockNumber,
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
    /// What supporting a miner is worth in TrustCredits: C times incentive, in parts of 10^18 (C.5b).
    pub worth: u64,
    /// A validator's share of its pool in Q0.64 times (1 + beta) in ppb; 0 for miners.
    pub dividend: u128,
}

/// Result of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochOutput {
    /// Every peer by ascending uid.
    pub scores: Vec<EpochScore>,
    /// Validators whose weights counted.
    pub active: u16,
    /// TrustCredits of all validators after the epoch, in parts of 10^18.
    pub credits: Vec<(Uid, u64)>,
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

/// Stake from which validators are active: the percentile of those that count (C.3, B.31); `None` if none does.
pub fn activity_bar(stakes: impl IntoIterator<Item = Balance>, percent: u32) -> Option<Balance> {
    let counted = stakes.into_iter().filter(|stake| *stake >= MIN_VALIDATOR_STAKE);
    percentile(counted, percent)
}

/// Adds shares of consensus and of accuracy, both of the same scale: `share + beta * accuracy`, times 10^9 (B.14).
pub fn blend(share: u128, accuracy: u128, beta: u64) -> u128 {
    share
        .saturating_mul(PPB.into())
        .saturating_add(accuracy.saturating_mul(beta.into()))
}

/// Passes over the rows, in their order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub enum Pass {
    /// Sums of rows, which tell who is active.
    Sums,
    /// Rank and trust.
    Votes,
    /// Bonds, agreement, support of good peers.
    Bonds,
    /// What bonds earn.
    Pay,
    /// Nothing is left but [`EpochRun::finish`].
    Done,
}

/// A validator at or above the bar whose row is fresh.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen)]
struct Voter {
    uid: Uid,
    /// Effective stake with boost and modulation.
    stake: Balance,
    accuracy: u64,
    credits: u64,
    /// Whether it revealed in the cycle that ends here.
    fresh: bool,
    /// Sum of the weights that count; 0 if it is not active.
    row_sum: u32,
    /// Share of active stake in Q0.96.
    share: u128,
    /// Overlap with the others' mean row, in Q0.64.
    agreement: u128,
    /// What its support is worth, in parts of 10^18.
    gain: u64,
    /// Incentives that its bonds earn, in Q0.112.
    earned: u128,
}

impl Voter {
    /// Share of stake that one unit of weight carries, in Q0.96.
    fn unit(&self) -> u128 {
        self.share.checked_div(self.row_sum.into()).unwrap_or(0)
    }

    fn is_active(&self) -> bool {
        self.row_sum > 0
    }
}

/// An epoch under way: what lies between two steps.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct EpochRun {
    now: BlockNumber,
    cycle_blocks: BlockNumber,
    beta: u64,
    columns: Columns,
    voters: Vec<Voter>,
    /// TrustCredits of all validators before the epoch.
    credits: Vec<(Uid, u64)>,
    /// Share of active stake whose holders revealed in the cycle, in Q0.96.
    fresh_share: u128,
    pass: Pass,
    position: u16,
}

impl MaxEncodedLen for EpochRun {
    /// All peers take part, all validators vote.
    fn max_encoded_len() -> usize {
        let column = 4usize + 1 + 9 * 16 + 8;
        let fixed = 64usize;
        let voters = usize::from(MAX_VALIDATORS).saturating_mul(Voter::max_encoded_len().saturating_add(10));
        usize::from(MAX_PEERS)
            .saturating_mul(column)
            .saturating_add(voters)
            .saturating_add(fixed)
    }
}

impl EpochRun {
    /// Prepares an epoch: finds the validators that can be active and weighs their stake.
    pub fn start(input: &EpochInput) -> Self {
        let bar = activity_bar(
            input.validators.iter().map(|validator| validator.stake),
            input.percentile,
        );
        let all_credits = input
            .validators
            .iter()
            .fold(0u128, |sum, one| sum.saturating_add(one.credits.into()));
        let count = input.validators.len() as u32;
        let voter = |validator: &EpochValidator| {
            let age = input.now.saturating_sub(validator.revealed_at?);
            let counts = bar.is_some_and(|bar| validator.stake >= bar) && age <= input.activity_cutoff;
            counts.then(|| Voter {
                uid: validator.uid,
                stake: boosted_stake(validator.stake, validator.credits, all_credits, count),
                accuracy: validator.accuracy.min(PPB),
                credits: validator.credits,
                fresh: age <= input.cycle_blocks,
                row_sum: 0,
                share: 0,
                agreement: 0,
                gain: 0,
                earned: 0,
            })
        };
        let mut run = Self {
            now: input.now,
            cycle_blocks: input.cycle_blocks,
            beta: input.beta,
            columns: Columns::new(&input.peers),
            voters: input.validators.iter().filter_map(voter).collect(),
            credits: input
                .validators
                .iter()
                .map(|validator| (validator.uid, validator.credits))
                .collect(),
            fresh_share: 0,
            pass: Pass::Sums,
            position: 0,
        };
        run.seek();
        run
    }

    /// Block of the epoch.
    pub fn now(&self) -> BlockNumber {
        self.now
    }

    /// Number of peers, at most one more than the highest uid.
    pub fn peers(&self) -> usize {
        self.columns.len()
    }

    /// The pass and the validator whose row the next step needs; `None` when nothing is left to do.
    pub fn next(&self) -> Option<(Pass, Uid)> {
        let voter = self.voters.get(usize::from(self.position))?;
        (self.pass != Pass::Done).then_some((self.pass, voter.uid))
    }

    /// Does the next step on that validator's row; an empty one if it left. `elsewhere` is the mean worth of the peers
    /// of other Brains that it supports, in parts of 10^18, asked for in [`Pass::Bonds`] (C.5b). Whether the row
    /// changed and is to be stored.
    pub fn step(&mut self, row: &mut WeightRow, elsewhere: Option<u64>) -> bool {
        let Some(voter) = self.voters.get_mut(usize::from(self.position)) else {
            return false;
        };
        let changed = match self.pass {
            Pass::Sums => {
                voter.row_sum = self.columns.row_sum(voter.uid, row);
                false
            }
            Pass::Votes => {
                self.columns.vote(voter, row);
                false
            }
            Pass::Bonds => {
                voter.agreement = self.columns.agreement(voter, self.fresh_share, row);
                let own = self.columns.worth(voter, row);
                // Half for the own Brain's peers and half for those elsewhere, if it supports any.
                voter.gain = elsewhere.map_or(own, |elsewhere| own.midpoint(elsewhere));
                let passed = self.now.saturating_sub(row.bonded_at);
                let missed = passed
                    .checked_div(self.cycle_blocks)
                    .unwrap_or(1)
                    .saturating_sub(1);
                self.columns.bond(voter, self.now, Fading::over(missed), row);
                true
            }
            Pass::Pay => {
                voter.earned = self.columns.earned(row);
                false
            }
            Pass::Done => false,
        };
        self.position = self.position.saturating_add(1);
        self.seek();
        changed
    }

    /// Goes to the next voter that has something to do in this pass or the ones that follow.
    fn seek(&mut self) {
        while self.pass != Pass::Done {
            let rest = self.voters.iter().skip(self.position.into());
            let skipped = rest
                .take_while(|voter| self.pass != Pass::Sums && !voter.is_active())
                .count();
            self.position = self.position.saturating_add(skipped as u16);
            if usize::from(self.position) < self.voters.len() {
                return;
            }
            self.position = 0;
            self.pass = self.settle();
        }
    }

    /// Ends a pass; the one that follows.
    fn settle(&mut self) -> Pass {
        match self.pass {
            Pass::Sums => {
                self.share_stake();
                Pass::Votes
            }
            Pass::Votes => {
                self.columns.judge();
                Pass::Bonds
            }
            Pass::Bonds if self.columns.rate() => Pass::Pay,
            Pass::Bonds => Pass::Done,
            Pass::Pay => {
                self.share_validators_pool();
                Pass::Done
            }
            Pass::Done => Pass::Done,
        }
    }

    fn active(&self) -> impl Iterator<Item = &Voter> {
        self.voters.iter().filter(|voter| voter.is_active())
    }

    fn sum(&self, part: impl Fn(&Voter) -> u128) -> u128 {
        self.active()
            .fold(0u128, |sum, one| sum.saturating_add(part(one)))
    }

    /// Modulates the stake of the active ones (C.5c) and makes shares of it.
    fn share_stake(&mut self) {
        let all_credits = self.sum(|voter| voter.credits.into());
        let all_accuracy = self.sum(|voter| voter.accuracy.into());
        for voter in &mut self.voters {
            let excess = divergence(voter.credits, all_credits, voter.accuracy, all_accuracy);
            voter.stake = modulated_stake(voter.stake, self.beta, excess);
        }
        let total = self.sum(|voter| voter.stake);
        for voter in self.voters.iter_mut().filter(|voter| voter.is_active()) {
            voter.share = mul_div(voter.stake, ONE_Q96, total).unwrap_or(0);
        }
        self.fresh_share = self.sum(|voter| if voter.fresh { voter.share } else { 0 });
    }

    /// Gives each active validator its share of the validators' pool: its bonds' part of the incentives, gated by
    /// its agreement with the others (C.11-T5), blended with its accuracy.
    fn share_validators_pool(&mut self) {
        // Relative to the best, so that the fourth power keeps its digits.
        let best = self.active().map(|voter| voter.agreement).max().unwrap_or(0);
        let gated = |voter: &Voter| {
            let square = |x: u128| mul_div(x, x, ONE_Q64).unwrap_or(0);
            let gate = mul_div(voter.agreement, ONE_Q64, best).unwrap_or(0);
            mul_div(voter.earned, square(square(gate)), ONE_Q64).unwrap_or(0)
        };
        let accurate = |voter: &Voter| (voter.share >> STEP).saturating_mul(voter.accuracy.into());
        let (all_gated, all_accurate) = (self.sum(gated), self.sum(accurate));
        for voter in self.voters.iter().filter(|voter| voter.is_active()) {
            let share = mul_div(gated(voter), ONE_Q64, all_gated).unwrap_or(0);
            let accuracy = mul_div(accurate(voter), ONE_Q64, all_accurate).unwrap_or(0);
            if let Some(column) = self.columns.get_mut(voter.uid) {
                column.dividend = blend(share, accuracy, self.beta);
            }
        }
    }

    /// What the epoch found. Without an active validator, or if no miner is ranked, every pool share is 0 (B.33).
    pub fn finish(self) -> EpochOutput {
        let (quality, loss) = self.columns.quality_and_loss();
        let best = self.active().map(|voter| voter.gain).max().unwrap_or(0);
        let gains: BTreeMap<Uid, u64> = self.active().map(|voter| (voter.uid, voter.gain)).collect();
        let next = |(uid, credits): &(Uid, u64)| {
            let gain = gains.get(uid).copied().unwrap_or(0);
            (*uid, next_credits(*credits, gain, best))
        };
        EpochOutput {
            scores: self.columns.scores(),
            active: self.active().count() as u16,
            credits: self.credits.iter().map(next).collect(),
            quality,
            loss,
        }
    }
}

impl EpochInput {
    /// Runs the whole epoch on rows by uid, whose bonds it renews.
    pub fn run(&self, rows: &mut BTreeMap<Uid, WeightRow>) -> EpochOutput {
        let mut run = EpochRun::start(self);
        while let Some((_, uid)) = run.next() {
            run.step(rows.entry(uid).or_default(), None);
        }
        run.finish()
    }
}

#[cfg(test)]
mod tests;
