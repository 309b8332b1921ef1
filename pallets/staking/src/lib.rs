//! # Staking
//!
//! $BASED staked to Brains and to validators, and the rewards it earns.
//!
//! ## Overview
//!
//! Any account may stake $BASED to any open Brain or to one of its validators, its own included (R093). The
//! same tokens never count twice (R101): they are held on the staker's account, and what is unstaked stays
//! held until the next cycle begins, so that stake cannot hop between Brains inside one cycle (B.29). Rewards
//! come from the emission of the Brain's slice (B.10): stakers of a target share what it earns in proportion
//! to their stake (R094), after the validator's take, and may claim at any time (R092).
//!
//! ## Terminology
//!
//! - **Target**: a Brain as such, or one validator of a Brain.
//! - **Pool**: all stake on one target, with its reward accumulator.
//! - **Position**: the stake of one account on one target.
//! - **Accumulator**: reward per unit of stake since the pool began, scaled by 2^64. What does not divide
//!   stays in the pool's residual and goes into the next credit, so that accrued + residual = credited
//!   exactly (C.8).
//! - **Take**: the part of its pool's rewards that a validator keeps, at most 18% (E.1).
//! - **Withdrawable**: unstaked in an earlier cycle.
//! - **Leaving**: unstaked from a validator that answers for blocks it wrote; withdrawable, and slashable for
//!   offences since it left, until the window for reports has passed (F.2-5).
//! - **Cut**: what a slash leaves of a group of holders, of which each bears its part when it is touched next.
//!
//! ## Interface
//!
//! - [`Call::stake`], [`Call::unstake`], [`Call::withdraw`], [`Call::claim`]: by stakers.
//! - [`Call::withdraw_leaving`]: by stakers, of what left a producer of blocks in one cycle.
//! - [`Call::settle_slash`]: by anyone; what a position owes for a slash is paid to where slashed funds go.
//! - [`Call::set_take`]: by validators. A lower take holds at once, a higher one after a delay.
//! - The stake of a Brain that closed is unstaked without a call, through [`based_primitives::traits::SweepBrain`].
//! - Other pallets read stake through [`based_primitives::traits::StakeInspect`] and credit rewards through
//!   [`based_primitives::traits::StakeRewards`]. The authorities pallet slashes through
//!   [`based_primitives::traits::ProducerStake`].
//!
//! ## Invariants
//!
//! - A pool's stake is the sum of its positions, a Brain's that of its pools, the network's that of all
//!   Brains; what an account has staked and is unstaking is what is held of it (C.9-4), until it bears a
//!   slash: then the pool counts less at once, and what is held follows.
//! - What holders of a group pay for a slash sums up to the slash exactly; none of it is lost or made.
//! - For every pool, accrued + residual + claimed = credited, exactly.
//! - The reward account holds at least what stakers and validators can claim, and its existential deposit.
//! - Positions are empty, at least the minimum stake, or what a slash left; an account has at most 64.
//! - `Stakers` names the positions with stake, and no others.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::float_arithmetic
    )
)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod functions;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod invariants;
pub mod migrations;
mod slashing;
mod sweep;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

// The macros below expand to `expect`.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
    use based_primitives::{
        constants::{MAX_TAKE_PPB, MIN_STAKE},
        traits::{BrainInspect, ProducerInspect, RegistryInspect},
        Balance, BlockNumber, BrainId, Role,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{Inspect, Mutate, MutateHold},
            tokens::Precision,
        },
        PalletId,
    };
    use frame_system::pallet_prelude::*;

    use super::{types::*, weights::WeightInfo};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

    /// Owner of the account from which rewards are claimed.
    pub const PALLET_ID: PalletId = PalletId(*b"based/rw");
    /// Positions of one account at most.
    pub const MAX_POSITIONS: u32 = 64;
    /// Leaving stakes of one account at most.
    pub const MAX_LEAVING: u32 = 64;

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// $BASED, which is staked and earned.
        type Currency: Inspect<Self::AccountId, Balance = Balance>
            + Mutate<Self::AccountId>
            + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// Reasons for which the runtime holds funds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Brains, and whether they are open.
        type Brains: BrainInspect<Self::AccountId>;
        /// Validators of Brains.
        type Registry: RegistryInspect<Self::AccountId>;
        /// Validators that answer for blocks they wrote.
        type Producers: ProducerInspect<Self::AccountId>;
        /// Account that receives slashed funds.
        type SlashedTo: Get<Self::AccountId>;
        /// Blocks during which stake that left a producer stays slashable.
        #[pallet::constant]
        type SlashWindow: Get<BlockNumber>;
        /// Blocks in one cycle.
        #[pallet::constant]
        type CycleBlocks: Get<BlockNumber>;
        /// Blocks between the announcement of a higher take and its start.
        #[pallet::constant]
        type TakeRaiseDelay: Get<BlockNumber>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
        /// Puts state into other pallets.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: based_primitives::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why funds are held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Staked, or unstaked and not yet withdrawn.
        Staked,
    }

    /// Stake and rewards by target.
    #[pallet::storage]
    pub type Pools<T: Config> = StorageMap<_, Blake2_128Concat, Target<T::AccountId>, Pool>;

    /// Positions by staker and target.
    #[pallet::storage]
    pub type Positions<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Blake2_128Concat, Target<T::AccountId>, Position>;

    /// Positions with stake, by Brain, staker and validator: what is given back when the Brain closes.
    #[pallet::storage]
    pub type Stakers<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        BrainId,
        Blake2_128Concat,
        (T::AccountId, Option<T::AccountId>),
        (),
    >;

    /// Number of positions of a staker.
    #[pallet::storage]
    pub type PositionCounts<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u32, ValueQuery>;

    /// Stake of a Brain and its validators.
    #[pallet::storage]
    pub type BrainTotals<T: Config> = StorageMap<_, Twox64Concat, BrainId, Balance, ValueQuery>;

    /// Stake of the network.
    #[pallet::storage]
    pub type TotalStake<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// What accounts have unstaked and not withdrawn.
    #[pallet::storage]
    pub type Unstaking<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, UnstakingFunds, ValueQuery>;

    /// Stake of a validator over all Brains.
    #[pallet::storage]
    pub type Backing<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Balance, ValueQuery>;

    /// Brains in which a validator has a pool.
    #[pallet::storage]
    pub type BackedBrains<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, BrainId, ()>;

    /// What left a producer of blocks, by validator and cycle.
    #[pallet::storage]
    pub type Leavings<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, BlockNumber, Leaving>;

    /// What left a producer of blocks, by staker and by validator and cycle.
    #[pallet::storage]
    pub type LeavingStake<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Blake2_128Concat,
        (T::AccountId, BlockNumber),
        LeavingFunds,
    >;

    /// Number of leaving stakes of an account.
    #[pallet::storage]
    pub type LeavingCounts<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u32, ValueQuery>;

    /// Take by validator and Brain.
    #[pallet::storage]
    pub type Takes<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, BrainId, Take, ValueQuery>;

    /// What validators have taken and not claimed, by validator and Brain.
    #[pallet::storage]
    pub type Commissions<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, BrainId, Balance, ValueQuery>;

    /// Gives the reward account its existential deposit, so that paying the last reward cannot reap it, and the
    /// account of slashed funds its own, so that it can receive the smallest slash.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        #[serde(skip)]
        #[doc(hidden)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            let minimum = T::Currency::minimum_balance();
            for account in [Pallet::<T>::reward_account(), T::SlashedTo::get()] {
                if T::Currency::balance(&account) < minimum {
                    let seeded = T::Currency::mint_into(&account, minimum);
                    assert!(
                        seeded.is_ok(),
                        "the pallet's accounts must receive their existential deposits"
                    );
                }
            }
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// $BASED was staked to a Brain or to one of its validators.
        Staked {
            who: T::AccountId,
            brain: BrainId,
            validator: Option<T::AccountId>,
            amount: Balance,
        },
        /// $BASED was unstaked: it no longer counts, and can be withdrawn from `withdrawable_at` on.
        Unstaked {
            who: T::AccountId,
            brain: BrainId,
            validator: Option<T::AccountId>,
            amount: Balance,
            withdrawable_at: BlockNumber,
        },
        /// Unstaked $BASED is free again.
        Withdrawn { who: T::AccountId, amount: Balance },
        /// A target earned rewards: `stakers` for its stakers, `take` for the validator.
        Rewarded {
            brain: BrainId,
            validator: Option<T::AccountId>,
            stakers: Balance,
            take: Balance,
        },
        /// Rewards were paid; for a validator its take is part of them.
        Claimed {
            who: T::AccountId,
            brain: BrainId,
            validator: Option<T::AccountId>,
            amount: Balance,
        },
        /// A validator announced its take in parts per billion.
        TakeSet {
            validator: T::AccountId,
            brain: BrainId,
            take: u64,
            effective_at: BlockNumber,
        },
        /// The stake behind a producer of blocks was slashed by `part` parts per billion; stakers will pay
        /// `amount` in all.
        Slashed {
            validator: T::AccountId,
            part: u64,
            amount: Balance,
        },
        /// A staker paid its part of a slash.
        SlashPaid { who: T::AccountId, amount: Balance },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The Brain does not exist or takes no stake.
        BrainNotOpen,
        /// The account is no validator of this Brain; stake to the Brain or to one of its validators.
        NotValidator,
        /// The amount must not be 0.
        ZeroAmount,
        /// What stays staked would be less than 0.001 $BASED; stake more, or unstake all of it.
        BelowMinimumStake,
        /// The account has 64 positions; unstake and claim one first.
        TooManyPositions,
        /// The account has no stake there.
        NoPosition,
        /// The position is smaller than this.
        InsufficientStake,
        /// Nothing is withdrawable yet; unstaked funds are from the next cycle on.
        NothingToWithdraw,
        /// The account has 64 leaving stakes; withdraw one first, or unstake in a cycle in which it already did.
        TooManyLeaving,
        /// Nothing has been earned since the last claim.
        NothingToClaim,
        /// A take is at most 18%; it is given in parts per billion.
        TakeTooLarge,
        /// An amount exceeds what can be counted.
        Overflow,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(T::CycleBlocks::get() > 0, "a cycle has at least one block");
            assert!(
                T::Currency::minimum_balance() <= MIN_STAKE,
                "the minimum stake outlives its account"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Stakes to a Brain, or to one of its validators (R093), in addition to what the caller has there.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::stake().max(T::WeightInfo::stake_slashed()))]
        pub fn stake(
            origin: OriginFor<T>,
            brain: BrainId,
            validator: Option<T::AccountId>,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(amount > 0, Error::<T>::ZeroAmount);
            ensure!(T::Brains::is_open(brain), Error::<T>::BrainNotOpen);
            if let Some(validator) = &validator {
                let role = T::Registry::role(brain, validator);
                ensure!(role == Some(Role::Validator), Error::<T>::NotValidator);
            }
            T::Currency::hold(&HoldReason::Staked.into(), &who, amount)?;
            let target = Target { brain, validator };
            Self::with_position(&who, &target, true, |position, pool| {
                position.amount = position.amount.checked_add(amount).ok_or(Error::<T>::Overflow)?;
                pool.staked = pool.staked.checked_add(amount).ok_or(Error::<T>::Overflow)?;
                ensure!(position.amount >= MIN_STAKE, Error::<T>::BelowMinimumStake);
                Ok(())
            })?;
            Self::grow_totals(&target, amount)?;
            let Target { brain, validator } = target;
            Self::deposit_event(Event::Staked {
                who,
                brain,
                validator,
                amount,
            });
            Ok(())
        }

        /// Unstakes a part or all of a position. It stops earning at once and can be withdrawn from the
        /// start of the next cycle (B.29), at once where the Brain is closed (B.12); from a validator that answers
        /// for blocks, once the window for reports has passed (F.2-5). Rewards earned so far stay claimable.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::unstake())]
        pub fn unstake(
            origin: OriginFor<T>,
            brain: BrainId,
            validator: Option<T::AccountId>,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(amount > 0, Error::<T>::ZeroAmount);
            Self::do_unstake(&who, Target { brain, validator }, Some(amount))
        }

        /// Frees everything that was unstaked in earlier cycles.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let mut funds = Unstaking::<T>::get(&who);
            let amount = funds.take_withdrawable(Self::now());
            ensure!(amount > 0, Error::<T>::NothingToWithdraw);
            if funds.is_empty() {
                Unstaking::<T>::remove(&who);
            } else {
                Unstaking::<T>::insert(&who, funds);
            }
            T::Currency::release(&HoldReason::Staked.into(), &who, amount, Precision::Exact)?;
            Self::deposit_event(Event::Withdrawn { who, amount });
            Ok(())
        }

        /// Pays what the caller's position has earned (R092). A validator claiming on itself also receives
        /// its take, with or without a position of its own.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::claim())]
        pub fn claim(
            origin: OriginFor<T>,
            brain: BrainId,
            validator: Option<T::AccountId>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let target = Target { brain, validator };
            let amount = Self::pay(&who, &target)?;
            let Target { brain, validator } = target;
            Self::deposit_event(Event::Claimed {
                who,
                brain,
                validator,
                amount,
            });
            Ok(())
        }

        /// Sets the caller's take as a validator of a Brain, in parts per billion and at most 18%. A lower
        /// take holds at once and withdraws an announced raise; a raise holds after the delay.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::set_take())]
        pub fn set_take(origin: OriginFor<T>, brain: BrainId, take_ppb: u64) -> DispatchResult {
            let validator = ensure_signed(origin)?;
            ensure!(take_ppb <= MAX_TAKE_PPB, Error::<T>::TakeTooLarge);
            let role = T::Registry::role(brain, &validator);
            ensure!(role == Some(Role::Validator), Error::<T>::NotValidator);
            let effective_at = Takes::<T>::mutate(&validator, brain, |take| {
                take.set(take_ppb, Self::now(), T::TakeRaiseDelay::get())
            });
            Self::deposit_event(Event::TakeSet {
                validator,
                brain,
                take: take_ppb,
                effective_at,
            });
            Ok(())
        }

        /// Frees what the caller unstaked from a producer in one cycle, once its window has passed (F.2-5).
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::withdraw_leaving())]
        pub fn withdraw_leaving(
            origin: OriginFor<T>,
            validator: T::AccountId,
            cycle: BlockNumber,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let amount = Self::take_leaving(&who, &validator, cycle)?;
            Self::deposit_event(Event::Withdrawn { who, amount });
            Ok(())
        }

        /// Makes a position bear its part of a slash now. Anyone may call it.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::settle_slash())]
        pub fn settle_slash(
            origin: OriginFor<T>,
            staker: T::AccountId,
            brain: BrainId,
            validator: T::AccountId,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            let target = Target {
                brain,
                validator: Some(validator),
            };
            Self::with_position(&staker, &target, false, |_, _| Ok(()))
        }
    }
}
