//! Reward per share: how a credit reaches any number of stakers in constant time (C.8).
//!
//! A credit raises the reward per share; each holder later collects the rise since its own checkpoint times its
//! shares. What division leaves over stays in the accumulator and in the checkpoints, so that at any time, in
//! units of 2^-64: sum of collected + sum of fractions + rise still to collect + residual = credited, exactly.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::U256;

use super::{
    sigmoid::ONE_Q64,
    wide::{mul, to_u128},
};
use crate::types::Balance;

/// Reward per share of one group of holders.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Accumulator {
    /// Reward of one share since the beginning, scaled by 2^64. Never falls.
    pub per_share_q64: u128,
    /// Credited but not yet part of `per_share_q64`, scaled by 2^64.
    pub residual_q64: u128,
}

/// One holder's place in the history of its group's [`Accumulator`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Checkpoint {
    /// [`Accumulator::per_share_q64`] when the holder last settled.
    pub per_share_q64: u128,
    /// Fraction of a unit earned beyond `accrued`, scaled by 2^64.
    pub fraction_q64: u64,
    /// Whole units earned and not yet paid.
    pub accrued: Balance,
}

impl Accumulator {
    /// Shares `amount` among `shares` shares. `None`, with nothing changed, if there are no shares or the reward
    /// per share leaves 128 bits: the caller keeps the amount.
    #[must_use]
    pub fn credit(&mut self, amount: Balance, shares: Balance) -> Option<()> {
        let scaled = mul(amount, ONE_Q64).checked_add(U256::from(self.residual_q64))?;
        let shares = U256::from(shares);
        let rise = to_u128(scaled.checked_div(shares)?)?;
        let residual_q64 = to_u128(scaled.checked_rem(shares)?)?;
        let per_share_q64 = self.per_share_q64.checked_add(rise)?;
        *self = Self {
            per_share_q64,
            residual_q64,
        };
        Some(())
    }

    /// Checkpoint of a holder that joins now: it earns from later credits only.
    pub fn join(&self) -> Checkpoint {
        Checkpoint {
            per_share_q64: self.per_share_q64,
            ..Default::default()
        }
    }

    /// Moves what `shares` shares earned since `checkpoint` into its `accrued`. To be called before the holder's
    /// shares change. `None`, with nothing changed, if the checkpoint is not of this accumulator or the sum
    /// overflows.
    #[must_use]
    pub fn settle(&self, shares: Balance, checkpoint: &mut Checkpoint) -> Option<()> {
        let rise = self.per_share_q64.checked_sub(checkpoint.per_share_q64)?;
        let earned = mul(rise, shares).checked_add(U256::from(checkpoint.fraction_q64))?;
        let accrued = checkpoint
            .accrued
            .checked_add(to_u128(earned.checked_div(ONE_Q64.into())?)?)?;
        *checkpoint = Checkpoint {
            per_share_q64: self.per_share_q64,
            fraction_q64: earned.low_u64(),
            accrued,
        };
        Some(())
    }

    /// What a holder of `shares` shares could collect now, in whole units.
    pub fn pending(&self, shares: Balance, checkpoint: &Checkpoint) -> Balance {
        let mut settled = *checkpoint;
        self.settle(shares, &mut settled)
            .map_or(checkpoint.accrued, |()| settled.accrued)
    }

    /// Takes back the fraction of a unit of a holder that left, so that the next credit distributes it.
    pub fn absorb(&mut self, checkpoint: &mut Checkpoint) {
        if let Some(residual) = self.residual_q64.checked_add(checkpoint.fraction_q64.into()) {
            self.residual_q64 = residual;
            checkpoint.fraction_q64 = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::BASED;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn a_credit_is_shared_by_shares() {
        let mut pool = Accumulator::default();
        let (mut one, mut three) = (pool.join(), pool.join());
        pool.credit(100, 4).unwrap();
        pool.settle(1, &mut one).unwrap();
        pool.settle(3, &mut three).unwrap();
        assert_eq!((one.accrued, three.accrued), (25, 75));
    }

    #[test]
    fn who_joins_later_earns_from_later_credits_only() {
        let mut pool = Accumulator::default();
        pool.credit(100, 1).unwrap();
        let late = pool.join();
        assert_eq!(pool.pending(1, &late), 0);
        pool.credit(10, 2).unwrap();
        assert_eq!(pool.pending(1, &late), 5);
    }

    #[test]
    fn nobody_holding_shares_means_nothing_is_taken() {
        let mut pool = Accumulator::default();
        assert_eq!(pool.credit(100, 0), None);
        assert_eq!(pool, Accumulator::default());
    }

    #[test]
    fn what_cannot_be_divided_waits_for_the_next_credit() {
        let mut pool = Accumulator::default();
        let holder = pool.join();
        // A third of 2^-64 is left over, twice.
        for _ in 0..3 {
            pool.credit(1, 3).unwrap();
        }
        assert_eq!(pool.residual_q64, 0);
        assert_eq!(pool.pending(3, &holder), 3);
    }

    #[test]
    fn a_checkpoint_of_another_pool_settles_nothing() {
        let mut ahead = Checkpoint {
            per_share_q64: 1,
            ..Default::default()
        };
        assert_eq!(Accumulator::default().settle(1, &mut ahead), None);
        assert_eq!(Accumulator::default().pending(1, &ahead), 0);
    }

    #[test]
    fn all_that_is_ever_emitted_fits_on_the_smallest_stake() {
        let mut pool = Accumulator::default();
        let holder = pool.join();
        let smallest = BASED / 1_000;
        pool.credit(63_072_000 * BASED, smallest).unwrap();
        assert_eq!(pool.pending(smallest, &holder), 63_072_000 * BASED);
        assert_eq!(pool.credit(u128::MAX, 1), None);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Credit(Balance),
        Stake(usize, Balance),
        Collect(usize),
        Leave(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let amount = || prop_oneof![0u128..50, 0..BASED * 1_000_000];
        let step = prop_oneof![
            amount().prop_map(Step::Credit),
            (0usize..4, amount()).prop_map(|(who, amount)| Step::Stake(who, amount)),
            (0usize..4).prop_map(Step::Collect),
            (0usize..4).prop_map(Step::Leave),
        ];
        vec(step, 1..60)
    }

    proptest! {
        #[test]
        fn every_fraction_is_accounted_for(steps in steps()) {
            let mut pool = Accumulator::default();
            let mut holders = [(0u128, Checkpoint::default()); 4];
            let (mut credited, mut collected) = (0u128, 0u128);
            for step in steps {
                let total: Balance = holders.iter().map(|(shares, _)| shares).sum();
                match step {
                    Step::Credit(amount) => {
                        if pool.credit(amount, total).is_some() {
                            credited += amount;
                        }
                    }
                    Step::Stake(who, shares) => {
                        let (held, checkpoint) = &mut holders[who];
                        pool.settle(*held, checkpoint).unwrap();
                        *held = shares;
                    }
                    Step::Collect(who) => {
                        let (held, checkpoint) = &mut holders[who];
                        pool.settle(*held, checkpoint).unwrap();
                        collected += core::mem::take(&mut checkpoint.accrued);
                    }
                    Step::Leave(who) => {
                        let (held, checkpoint) = &mut holders[who];
                        pool.settle(*held, checkpoint).unwrap();
                        pool.absorb(checkpoint);
                        collected += checkpoint.accrued;
                        (*held, *checkpoint) = (0, pool.join());
                    }
                }
                let one = U256::from(ONE_Q64);
                let owed = holders.iter().fold(U256::from(pool.residual_q64), |sum, (shares, checkpoint)| {
                    let rise = pool.per_share_q64 - checkpoint.per_share_q64;
                    sum + mul(rise, *shares) + checkpoint.fraction_q64 + U256::from(checkpoint.accrued) * one
                });
                prop_assert_eq!(owed + U256::from(collected) * one, U256::from(credited) * one);
            }
        }
    }
}
