//! # Emission
//!
//! Mints the block reward and divides it, to the last unit, among Brains, peers, owners and stakers.
//!
//! ## Overview
//!
//! Every block mints its reward (R082, R087) into a pot. The last block of each cycle divides the pot over the open
//! Brains by stake and performance, with the forecast of it as far as forecasts weigh (C.7). In its own block of the
//! next cycle each Brain's epoch begins; when it has ended, in that block or, under the limit of weight, in a later one
//! before the next Brain's, the budget is divided: 75% to miners and validators by the epoch's scores (R095), 25% -
//! the slice - by where stake was directed (R096, B.10). What nobody is entitled to returns to the pot (B.33). Peers
//! and owners claim what they earned; stakers' parts go to the staking pallet.
//!
//! ## Terminology
//!
//! - **Pot**: the account that holds all that is minted and not paid out.
//! - **Carry**: the part of the pot that no Brain was given yet.
//! - **Budget**: what a Brain may divide in its next epoch.
//! - **Slice**: a quarter of a budget. The part of the stake directed to the Brain as such goes to the owner's
//!   commission and those stakers; a validator's part to its stakers, itself included.
//! - **Pending**: what an account can claim.
//!
//! ## Interface
//!
//! - [`Call::claim`]: by anyone, for anyone.
//! - The rest happens at the beginning of blocks and is no one's call: nothing can raise the reward (R091).
//!
//! ## Invariants
//!
//! - Minted is the sum of the rewards of all blocks so far, and equals paid out + carry + budgets + pending (C.9-2).
//! - The pot's account holds that difference and one existential deposit, minted at genesis so that it never dies.
//! - Brains with an epoch to run are named once and in the order of their blocks.
//! - A Brain's budget equals what miners, validators, owner and stakers got and what returned (C.9-3).
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
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use weights::WeightInfo;

// The macros expand to `expect`.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
    use based_primitives::{
        constants::MAX_BRAINS,
        traits::{BrainInspect, Epochs, ForecastInspect, RegistryInspect, StakeInspect, StakeRewards},
        Balance, BlockNumber, BrainId,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::fungible::{Inspect, Mutate},
        PalletId,
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::SaturatedConversion;

    use super::weights::WeightInfo;

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// Brains with an epoch to run.
    pub type DueEpochs = BoundedVec<(BrainId, BlockNumber), ConstU32<{ MAX_BRAINS as u32 }>>;

    /// Identifier of the pot's account.
    pub const PALLET_ID: PalletId = PalletId(*b"based/em");

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// $BASED.
        type Currency: Inspect<Self::AccountId, Balance = Balance> + Mutate<Self::AccountId>;
        /// Open Brains, their owners and terms.
        type Brains: BrainInspect<Self::AccountId>;
        /// Validators of Brains.
        type Registry: RegistryInspect<Self::AccountId>;
        /// Where stake is directed.
        type Stake: StakeInspect<Self::AccountId>;
        /// Takes stakers' parts.
        type Rewards: StakeRewards<Self::AccountId>;
        /// Scores of peers and performance of Brains.
        type Epochs: Epochs<Self::AccountId>;
        /// Forecasts of Brains' performance and their weight.
        type Forecasts: ForecastInspect<Self::AccountId>;
        /// Blocks in a cycle; above 0.
        #[pallet::constant]
        type CycleBlocks: Get<BlockNumber>;
        /// Most weight that epochs and the division of budgets may take in one block (F.1-1); enough for any Brain's
        /// division and the longest step of an epoch.
        #[pallet::constant]
        type EpochLimit: Get<Weight>;
        /// Weights of the calls and of the work at the beginning of blocks.
        type WeightInfo: WeightInfo;
        /// Puts state into other pallets.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: based_primitives::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Part of the pot that no Brain was given yet.
    #[pallet::storage]
    pub type Carry<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// Brains whose epochs have not ended, in their order, each with the block in which it was due.
    #[pallet::storage]
    pub type Due<T: Config> = StorageValue<_, DueEpochs, ValueQuery>;

    /// What each Brain may divide in its next epoch.
    #[pallet::storage]
    pub type Budgets<T: Config> = StorageMap<_, Twox64Concat, BrainId, Balance>;

    /// What each account can claim.
    #[pallet::storage]
    pub type Pending<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Balance, ValueQuery>;

    /// Sum of all block rewards minted.
    #[pallet::storage]
    pub type TotalMinted<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// Sum of all that left the pot: claims and stakers' parts.
    #[pallet::storage]
    pub type TotalPaid<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// Gives the pot's account one existential deposit.
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
            if T::Currency::mint_into(&Pallet::<T>::pot(), minimum).is_err() {
                log::error!(target: "runtime::emission", "the pot's account could not be made");
            }
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// The pot of a cycle was divided over Brains; `total` is the sum of their budgets, `carry` what is left.
        CycleSplit {
            cycle: BlockNumber,
            total: Balance,
            carry: Balance,
        },
        /// A Brain's budget was divided; the parts sum to it. `returned` went back to the pot.
        EpochPaid {
            brain: BrainId,
            budget: Balance,
            miners: Balance,
            validators: Balance,
            owner: Balance,
            stakers: Balance,
            returned: Balance,
        },
        /// A Brain's budget could not be divided and returned to the pot.
        EpochFailed { brain: BrainId, budget: Balance },
        /// An account was paid what it earned.
        Claimed { account: T::AccountId, amount: Balance },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The account earned nothing since its last claim.
        NothingToClaim,
        /// A sum left its range.
        Overflow,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Pays an account what it earned as miner, validator or owner, by anyone. Fails if the account does not
        /// exist and the amount would not bring it into being.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::claim())]
        pub fn claim(origin: OriginFor<T>, account: T::AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_claim(account)
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            Self::begin_block(now.saturated_into())
        }

        fn integrity_test() {
            assert!(T::CycleBlocks::get() > 0, "a cycle has at least one block");
            assert!(
                Self::longest_division().all_lt(T::EpochLimit::get()),
                "a full Brain's budget can be divided in one block",
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }
}
