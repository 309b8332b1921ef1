//! What validators say of Brains that are not theirs (R128), and how it bounds the performance of those (F.2-2).

use alloc::vec::Vec;

use based_primitives::{
    constants::{MIN_SCORERS, MIN_VALIDATOR_STAKE, PPB},
    math::weighted_median,
    traits::{BrainInspect, RegistryInspect, StakeInspect},
    BlockNumber, BrainId, BrainPerformance,
};
use frame_support::{traits::Get, BoundedVec};

use crate::{
    types::{CrossEdge, Scorer, ScorersOf},
    Config, LastEpoch, OutsideScores, Pallet, Performance,
};

/// Score of one whose canaries were all answered.
const FULL_SCORE: u64 = u16::MAX as u64;

impl<T: Config> Pallet<T> {
    /// How a Brain does: its performance, what its last epoch observed, and what validators outside say of it now.
    pub fn brain_performance(brain: BrainId) -> BrainPerformance {
        let (uptime, quality) = LastEpoch::<T>::get(brain).map_or((0, 0), |last| (last.uptime, last.quality));
        let scorers = Self::counting_scorers(brain, Self::now());
        BrainPerformance {
            performance: Performance::<T>::get(brain),
            uptime,
            quality,
            scorers: scorers.len() as u16,
            outside: verdict(&scorers),
        }
    }

    /// What quality is multiplied by in the epoch of block `now`, in ppb: one while too few score the Brain. Scorers
    /// that do not count any more are forgotten, and the stake of the others is renewed, so that stake which was
    /// there for a moment keeps nobody out.
    pub(crate) fn take_outside_score(brain: BrainId, now: BlockNumber) -> u64 {
        let scorers = Self::counting_scorers(brain, now);
        let score = verdict(&scorers).unwrap_or(PPB);
        Self::store_scorers(brain, BoundedVec::truncate_from(scorers));
        score
    }

    /// Replaces what a validator of Brain `home` says of other Brains by the row that it set in place of another.
    pub(crate) fn restate(
        home: BrainId,
        who: &T::AccountId,
        old: &[CrossEdge],
        new: &[CrossEdge],
        now: BlockNumber,
    ) {
        let scores = brain_scores(new);
        for (brain, _) in brain_scores(old) {
            if scores.iter().all(|(other, _)| *other != brain) {
                Self::withdraw(home, who, brain);
            }
        }
        let stake = T::Stake::validator_stake(home, who);
        for (brain, score) in scores {
            let scorer = Scorer {
                account: who.clone(),
                home,
                score,
                stake,
                set_at: now,
            };
            Self::hear(brain, scorer);
        }
    }

    /// Files what a validator says of a Brain in place of what it said before. Where there is no room, it takes that
    /// of the one with the least stake, should that be less; those who are too old to count go first.
    fn hear(brain: BrainId, scorer: Scorer<T::AccountId>) {
        let now = scorer.set_at;
        let mut scorers = OutsideScores::<T>::get(brain);
        scorers.retain(|other| other.account != scorer.account && Self::is_fresh(other, now));
        if Self::counts(brain, T::Brains::owner(brain).as_ref(), &scorer, now) {
            if let Err(scorer) = scorers.try_push(scorer) {
                let least = scorers.iter_mut().min_by_key(|other| other.stake);
                if let Some(least) = least.filter(|least| least.stake < scorer.stake) {
                    *least = scorer;
                }
            }
        }
        Self::store_scorers(brain, scorers);
    }

    /// Forgets what a validator said of a Brain as one of Brain `home`.
    fn withdraw(home: BrainId, who: &T::AccountId, brain: BrainId) {
        let mut scorers = OutsideScores::<T>::get(brain);
        scorers.retain(|other| other.home != home || other.account != *who);
        Self::store_scorers(brain, scorers);
    }

    fn store_scorers(brain: BrainId, scorers: ScorersOf<T::AccountId>) {
        if scorers.is_empty() {
            OutsideScores::<T>::remove(brain);
        } else {
            OutsideScores::<T>::insert(brain, scorers);
        }
    }

    /// Scorers of a Brain that count in a block, with the stake that they have now.
    fn counting_scorers(brain: BrainId, now: BlockNumber) -> Vec<Scorer<T::AccountId>> {
        let owner = T::Brains::owner(brain);
        let scorers = OutsideScores::<T>::get(brain).into_iter().map(|scorer| Scorer {
            stake: T::Stake::validator_stake(scorer.home, &scorer.account),
            ..scorer
        });
        scorers
            .filter(|scorer| Self::counts(brain, owner.as_ref(), scorer, now))
            .collect()
    }

    /// Whether what somebody says of a Brain counts: it is outside, has the stake of a validator that counts at home
    /// (B.31), and said it within the activity cutoff.
    fn counts(
        brain: BrainId,
        owner: Option<&T::AccountId>,
        scorer: &Scorer<T::AccountId>,
        now: BlockNumber,
    ) -> bool {
        scorer.stake >= MIN_VALIDATOR_STAKE
            && Self::is_fresh(scorer, now)
            && owner != Some(&scorer.account)
            && T::Registry::uid(brain, &scorer.account).is_none()
    }

    fn is_fresh(scorer: &Scorer<T::AccountId>, now: BlockNumber) -> bool {
        now.saturating_sub(scorer.set_at) <= T::ActivityCutoff::get()
    }
}

/// What scorers say together, in ppb: their median by stake, once there are enough of them.
fn verdict<AccountId>(scorers: &[Scorer<AccountId>]) -> Option<u64> {
    if scorers.len() < MIN_SCORERS {
        return None;
    }
    let ppb = |score: u16| u64::from(score).saturating_mul(PPB) / FULL_SCORE;
    weighted_median(
        scorers
            .iter()
            .map(|scorer| (ppb(scorer.score), scorer.stake))
            .collect(),
    )
}

/// What edges say of each Brain that they lead to: the mean of their weights there, rounded down.
pub(crate) fn brain_scores(edges: &[CrossEdge]) -> Vec<(BrainId, u16)> {
    let mut sums: Vec<(BrainId, u32, u32)> = Vec::new();
    for edge in edges {
        let weight = u32::from(edge.weight);
        match sums.last_mut() {
            Some((brain, sum, count)) if *brain == edge.brain => {
                *sum = sum.saturating_add(weight);
                *count = count.saturating_add(1);
            }
            _ => sums.push((edge.brain, weight, 1)),
        }
    }
    sums.into_iter()
        .map(|(brain, sum, count)| (brain, sum.checked_div(count).unwrap_or(0) as u16))
        .collect()
}
