//! Records of the pallet.

use based_primitives::{
    constants::{MAX_TAKE_PPB, PPB},
    math::{mul_div, Accumulator, Checkpoint},
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
        /// Slash of the target, which positions settle one by one.
        pub cut: Option<Cut>,
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
        /// Whether the pool's slash no longer concerns it: it settled it or was opened after it.
        pub settled: bool,
    }
}

record! {
    /// Slash of a group of holders. Each bears its part when it is touched next; the parts sum up to the
    /// whole exactly, in whatever order.
    #[derive(Copy)]
    pub struct Cut {
        /// Reward per share of the group when it was slashed.
        pub per_share_q64: u128,
        /// Stake before the slash of the holders that have not settled.
        pub before: Balance,
        /// What of `before` stays.
        pub kept: Balance,
    }
}

record! {
    /// All stake that left one validator in one cycle while it answered for blocks.
    #[derive(Copy, Default)]
    pub struct Leaving {
        /// Funds that were not withdrawn, less what was slashed.
        pub total: Balance,
        /// Number of accounts whose funds they are.
        pub holders: u32,
        /// Slash of these funds.
        pub cut: Option<Cut>,
    }
}

record! {
    /// One account's part of [`Leaving`].
    #[derive(Copy, Default)]
    pub struct LeavingFunds {
        /// Funds.
        pub amount: Balance,
        /// First block in which they are free.
        pub until: BlockNumber,
        /// Whether a slash of the group no longer concerns them.
        pub settled: bool,
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
            settled: pool.cut.is_some(),
        }
    }

    /// Counts what the pool earned since the last time and bears the position's part of a slash, which is
    /// returned. `None` if a number would overflow, which no amount of $BASED that can exist reaches.
    pub fn settle(&mut self, pool: &mut Pool) -> Option<Balance> {
        let mut taken = 0;
        if let Some(cut) = pool.cut.as_mut().filter(|_| !self.settled) {
            // Until the slash the position earned with all its stake, afterwards with the rest.
            let then = Accumulator {
                per_share_q64: cut.per_share_q64,
                residual_q64: 0,
            };
            then.settle(self.amount, &mut self.rewards)?;
            let kept = cut.settle(self.amount)?;
            taken = self.amount.checked_sub(kept)?;
            self.amount = kept;
            self.settled = true;
        }
        pool.rewards.settle(self.amount, &mut self.rewards)?;
        Some(taken)
    }

    /// What can be claimed now.
    pub fn claimable(&self, pool: &Pool) -> Balance {
        let (mut position, mut pool) = (*self, *pool);
        match position.settle(&mut pool) {
            Some(_) => position.rewards.accrued,
            None => self.rewards.accrued,
        }
    }

    /// Whether neither stake nor a claimable unit is left.
    pub fn is_empty(&self) -> bool {
        self.amount == 0 && self.rewards.accrued == 0
    }
}

impl Cut {
    /// A slash of `part_ppb` of `stake`, rounded down. `None` if a number would overflow.
    pub fn new(stake: Balance, part_ppb: u64, per_share_q64: u128) -> Option<Self> {
        let taken = mul_div(stake, part_ppb.min(PPB).into(), PPB.into())?;
        Some(Self {
            per_share_q64,
            before: stake,
            kept: stake.checked_sub(taken)?,
        })
    }

    /// What a holder of `amount` keeps. Shares of what is left of the whole: the last holder gets all that
    /// rounding left. `None` if the holder is not of this group.
    pub fn settle(&mut self, amount: Balance) -> Option<Balance> {
        if amount == 0 {
            return Some(0);
        }
        let kept = mul_div(amount, self.kept, self.before)?;
        self.before = self.before.checked_sub(amount)?;
        self.kept = self.kept.checked_sub(kept)?;
        Some(kept)
    }
}

impl LeavingFunds {
    /// Bears the funds' part of a slash of the group, which is returned. `None` if they are not of this group.
    pub fn settle(&mut self, leaving: &mut Leaving) -> Option<Balance> {
        let Some(cut) = leaving.cut.as_mut().filter(|_| !self.settled) else {
            return Some(0);
        };
        let kept = cut.settle(self.amount)?;
        let taken = self.amount.checked_sub(kept)?;
        self.amount = kept;
        self.settled = true;
        Some(taken)
    }
}

impl UnstakingFunds {
    /// Adds funds that can be withdrawn from `until` on: now, or from the start of the next cycle. `None` if the
    /// sum overflows.
    pub fn add(&mut self, amount: Balance, now: BlockNumber, until: BlockNumber) -> Option<()> {
        let ready = self.take_withdrawable(now);
        if until <= now {
            self.withdrawable = ready.checked_add(amount)?;
            return Some(());
        }
        self.pending = self.pending.checked_add(amount)?;
        self.pending_until = until;
        self.withdrawable = ready;
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
