//! Records of the pallet.

use based_primitives::{
    constants::MAX_TAKE_PPB,
    math::{Accumulator, Checkpoint},
    Balance, BlockNumber, BrainId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

macro_rules! record {
    ($item:item) => {
        #[derive(
            Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
        )]
        $item
    };
}

record! {
    /// What stake is directed to.
    pub struct Target<AccountId> {
        /// Brain.
        pub brain: BrainId,
        /// Validator of the Brain, or the Brain as such.
        pub validator: Option<AccountId>,
    }
}

record! {
    /// All stake on one target.
    #[derive(Copy, Default)]
    pub struct Pool {
        /// Sum of its positions.
        pub staked: Balance,
        /// Number of its positions, those with nothing but unclaimed rewards included.
        pub positions: u32,
        /// Accumulator of its rewards (C.8).
        pub rewards: Accumulator,
        /// Rewards credited to stakers since the pool began.
        pub credited: Balance,
        /// Rewards of these that were claimed.
        pub claimed: Balance,
    }
}

record! {
    /// Stake of one account on one target.
    #[derive(Copy, Default)]
    pub struct Position {
        /// Stake.
        pub amount: Balance,
        /// Place in the history of the pool's accumulator, with what can be claimed.
        pub rewards: Checkpoint,
    }
}

record! {
    /// Funds of one account between stake and free balance.
    #[derive(Copy, Default)]
    pub struct UnstakingFunds {
        /// Withdrawable now.
        pub withdrawable: Balance,
        /// Withdrawable from `pending_until` on.
        pub pending: Balance,
        /// First block of the cycle after the last unstaking.
        pub pending_until: BlockNumber,
    }
}

record! {
    /// Take of a validator, in parts per billion. Read by [`Take::at`].
    #[derive(Copy)]
    pub struct Take {
        /// Take.
        pub current: u64,
        /// Announced raise and the block from which it holds.
        pub next: Option<(u64, BlockNumber)>,
    }
}

impl Pool {
    /// Shares `amount` among the pool's stake. `None`, and nothing changed, if there is no stake or a number
    /// would overflow.
    pub fn credit(&mut self, amount: Balance) -> Option<()> {
        let credited = self.credited.checked_add(amount)?;
        self.rewards.credit(amount, self.staked)?;
        self.credited = credited;
        Some(())
    }

    /// Whether nothing depends on the record any more.
    pub fn is_empty(&self) -> bool {
        self.positions == 0 && self.staked == 0 && self.rewards.residual_q64 == 0
    }
}

impl Position {
    /// A position that earns from the pool's next credit on.
    pub fn new(pool: &Pool) -> Self {
        Self {
            amount: 0,
            rewards: pool.rewards.join(),
        }
    }

    /// Counts what the pool earned since the last time. `None`, and nothing changed, if a number would
    /// overflow, which no amount of $BASED that can exist reaches.
    pub fn settle(&mut self, pool: &Pool) -> Option<()> {
        pool.rewards.settle(self.amount, &mut self.rewards)
    }

    /// What can be claimed now.
    pub fn claimable(&self, pool: &Pool) -> Balance {
        pool.rewards.pending(self.amount, &self.rewards)
    }

    /// Whether neither stake nor a claimable unit is left.
    pub fn is_empty(&self) -> bool {
        self.amount == 0 && self.rewards.accrued == 0
    }
}

impl UnstakingFunds {
    /// Adds funds that can be withdrawn from `until` on, a block later than `now`. `None` if the sum
    /// overflows.
    pub fn add(&mut self, amount: Balance, now: BlockNumber, until: BlockNumber) -> Option<()> {
        let ready = self.take_withdrawable(now);
        self.pending = self.pending.checked_add(amount)?;
        self.pending_until = until;
        self.withdrawable = ready;
        Some(())
    }

    /// Adds funds that can be withdrawn now. `None` if the sum overflows.
    pub fn add_withdrawable(&mut self, amount: Balance) -> Option<()> {
        self.withdrawable = self.withdrawable.checked_add(amount)?;
        Some(())
    }

    /// Removes and returns what can be withdrawn at `now`.
    pub fn take_withdrawable(&mut self, now: BlockNumber) -> Balance {
        let ready = core::mem::take(&mut self.withdrawable);
        if self.pending_until > now {
            return ready;
        }
        ready.saturating_add(core::mem::take(&mut self.pending))
    }

    /// All funds of the record.
    pub fn total(&self) -> Balance {
        self.withdrawable.saturating_add(self.pending)
    }

    /// Whether no funds are left.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }
}

impl Default for Take {
    fn default() -> Self {
        Self {
            current: MAX_TAKE_PPB,
            next: None,
        }
    }
}

impl Take {
    /// Take in force at `now`.
    pub fn at(&self, now: BlockNumber) -> u64 {
        match self.next {
            Some((next, from)) if from <= now => next,
            _ => self.current,
        }
    }

    /// Sets the take: at once if it is not higher than the one in force, else after `delay` blocks. An
    /// earlier announcement is replaced, but one of the same take keeps its date. Returns the block from
    /// which it holds.
    pub fn set(&mut self, take: u64, now: BlockNumber, delay: BlockNumber) -> BlockNumber {
        let announced = self.next.filter(|(_, from)| *from > now);
        self.current = self.at(now);
        if take <= self.current {
            *self = Self {
                current: take,
                next: None,
            };
            return now;
        }
        let from = match announced {
            Some((same, from)) if same == take => from,
            _ => now.saturating_add(delay),
        };
        self.next = Some((take, from));
        from
    }
}
