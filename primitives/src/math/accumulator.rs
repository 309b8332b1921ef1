//! Reward per share: how a credit reaches any number of stakers in constant time (C.8).
//!
//! A credit raises the reward per share; each holder later collects the rise since its own checkpoint times its
//! shares. What division leaves over stays in the accumulator and in the checkpoints, so that at any time, in
//! units of 2^-64: sum of collected + sum of fractions + rise still to collect + residual = credited, exactly.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::U256;

use super::wide::{mul, to_u128};
use crate::types::Balance;

/// Bits after the binary point of a reward per share.
const FRACTION_BITS: usize = 64;

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
        let scaled = mul(amount, 1u128 << FRACTION_BITS).checked_add(U256::from(self.residual_q64))?;
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
            .checked_add(to_u128(earned >> FRACTION_BITS)?)?;
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
