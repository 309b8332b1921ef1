//! # Authorities
//!
//! Who writes and finalises blocks: validators elected from the stake behind them, which answers for what they
//! sign.
//!
//! ## Overview
//!
//! A validator of any Brain opts in with session keys and a bond (F.2-5). At every session the candidates with
//! the most stake behind them, own and delegated, are elected; whoever wrote no block where many were expected
//! is replaced. A proven equivocation costs a part of the bond and of all stake behind the producer, also of
//! what left it since the offence, and bars the account for good. Slashed funds go to one account, never away.
//!
//! The network starts with the producers of genesis. They stay, and candidates join them, until enough
//! candidates have shown that they run. Newcomers, who have not written a block yet, are always less than a
//! third of the producers, so that candidates without a node cannot stop finality. A network that is to grow
//! therefore starts with at least three producers.
//!
//! ## Terminology
//!
//! - **Producer**: member of the set that writes and finalises the blocks of a session.
//! - **Candidate**: operator that stands for election.
//! - **Backing**: stake directed to a validator over all Brains, its own and delegated.
//! - **Proven**: having written a block since it opted in.
//! - **Chilled**: no longer a candidate; unless it equivocated the operator may opt in again.
//! - **Barred**: never a candidate again.
//! - **Window**: time during which an offence may be reported after the session in which it happened. Bond and
//!   stake stay slashable as long.
//!
//! ## Interface
//!
//! - [`Call::opt_in`], [`Call::opt_out`], [`Call::withdraw_bond`]: by operators.
//! - The session pallet asks it for producers through [`pallet_session::SessionManager`]; the engines report
//!   equivocations through [`sp_staking::offence::ReportOffence`]; the authorship pallet tells it authors.
//! - Other pallets ask who answers for blocks through [`based_primitives::traits::ProducerInspect`].
//!
//! ## Invariants
//!
//! - Candidates are ascending, unique, running operators of a Brain, not barred, each with the bond.
//! - What is held of an operator is its bond.
//! - Producers of genesis and candidates are never barred; whoever waits for a slash is.
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
mod election;
mod functions;
mod offences;
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
    use alloc::vec::Vec;

    use based_primitives::{
        traits::{ProducerStake, RegistryInspect, Sessions},
        Balance, BlockNumber, BrainId, Role,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{Inspect, MutateHold},
            tokens::Precision,
        },
    };
    use frame_system::pallet_prelude::*;
    use sp_staking::SessionIndex;

    use super::{types::*, weights::WeightInfo};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// $BASED, of which bonds are held.
        type Currency: Inspect<Self::AccountId, Balance = Balance>
            + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// Reasons for which the runtime holds funds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Validators of Brains.
        type Registry: RegistryInspect<Self::AccountId>;
        /// Stake behind validators.
        type Stake: ProducerStake<Self::AccountId>;
        /// Sessions of the consensus engines.
        type Sessions: Sessions<Self::AccountId>;
        /// Account that receives slashed bonds.
        type SlashedTo: Get<Self::AccountId>;
        /// Bond of a candidate.
        #[pallet::constant]
        type Bond: Get<Balance>;
        /// Smallest backing with which a candidate is elected.
        #[pallet::constant]
        type MinBacking: Get<Balance>;
        /// Proven candidates with which the producers of genesis leave.
        #[pallet::constant]
        type MinProducers: Get<u32>;
        /// Producers of a session at most.
        #[pallet::constant]
        type MaxProducers: Get<u32>;
        /// Candidates at most.
        #[pallet::constant]
        type MaxCandidates: Get<u32>;
        /// Blocks after a session during which its offences may be reported.
        #[pallet::constant]
        type SlashWindow: Get<BlockNumber>;
        /// Sessions that the window spans, the one of the offence included.
        #[pallet::constant]
        type WindowSessions: Get<SessionIndex>;
        /// Cycles of the staking pallet that the window touches at most.
        type WindowCycles: Get<u32>;
        /// Weights of the calls and hooks.
        type WeightInfo: WeightInfo;
        /// Puts state into other pallets.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: based_primitives::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why funds are held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Bond of an operator.
        ProducerBond,
    }

    /// Operators.
    #[pallet::storage]
    pub type Operators<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Operator>;

    /// Running operators, ascending.
    #[pallet::storage]
    pub type Candidates<T: Config> = StorageValue<_, BoundedVec<T::AccountId, T::MaxCandidates>, ValueQuery>;

    /// Producers of genesis; none once enough candidates run.
    #[pallet::storage]
    pub type Bootstrap<T: Config> = StorageValue<_, BoundedVec<T::AccountId, T::MaxProducers>, ValueQuery>;

    /// Operators that equivocated.
    #[pallet::storage]
    pub type Barred<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Bar>;

    /// Blocks in which equivocations were reported, those within the window.
    #[pallet::storage]
    pub type RecentOffences<T: Config> =
        StorageValue<_, BoundedVec<BlockNumber, T::MaxProducers>, ValueQuery>;

    /// Slashes to be carried out, one in each block.
    #[pallet::storage]
    pub type PendingSlashes<T: Config> =
        StorageValue<_, BoundedVec<PendingSlash<T::AccountId>, T::MaxProducers>, ValueQuery>;

    /// First block of each session within the window.
    #[pallet::storage]
    pub type SessionStarts<T: Config> = StorageMap<_, Twox64Concat, SessionIndex, BlockNumber>;

    /// Producers that wrote a block of the current session.
    #[pallet::storage]
    pub type Authored<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, ()>;

    /// Blocks of the current session.
    #[pallet::storage]
    pub type SessionBlocks<T: Config> = StorageValue<_, u32, ValueQuery>;

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Producers with which the network starts; each needs session keys.
        pub bootstrap: Vec<T::AccountId>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            for (index, account) in self.bootstrap.iter().enumerate() {
                assert!(
                    !self.bootstrap.iter().take(index).any(|other| other == account),
                    "a producer of genesis is named twice"
                );
                Operators::<T>::insert(
                    account,
                    Operator {
                        exposed_until: T::SlashWindow::get(),
                        ..Default::default()
                    },
                );
            }
            let bootstrap = BoundedVec::try_from(self.bootstrap.clone());
            assert!(
                bootstrap.is_ok(),
                "genesis names more producers than a session has"
            );
            Bootstrap::<T>::put(bootstrap.unwrap_or_default());
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A validator stands for election.
        OptedIn { who: T::AccountId, bond: Balance },
        /// An operator no longer stands for election.
        Chilled { who: T::AccountId, reason: ChillReason },
        /// An operator that answers for nothing any more took its bond back.
        BondWithdrawn { who: T::AccountId, amount: Balance },
        /// Producers were elected for a session.
        Elected { session: SessionIndex, producers: u32 },
        /// Enough candidates run: the producers of genesis left.
        BootstrapEnded,
        /// An equivocation was proven; it will cost `part` parts per billion of bond and backing.
        Equivocated {
            who: T::AccountId,
            session: SessionIndex,
            part: u64,
        },
        /// An operator was slashed: `bond` at once, `stake` as its stakers' positions are touched.
        Slashed {
            who: T::AccountId,
            bond: Balance,
            stake: Balance,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The account is no validator of this Brain; memorize it as one first.
        NotValidator,
        /// The account has no session keys; make them with author_rotateKeysWithOwner and set them first.
        NoSessionKeys,
        /// Too little is staked to this validator, over all Brains, for an election.
        BackingTooSmall,
        /// The account already stands for election.
        AlreadyRunning,
        /// The account does not stand for election.
        NotRunning,
        /// The account equivocated and can produce no more; use another one.
        Barred,
        /// The list of candidates is full and every candidate has at least as much stake behind it.
        CandidatesFull,
        /// The account has no bond.
        NoOperator,
        /// The account stands for election; opt out first.
        StillRunning,
        /// Offences of the account may still be reported; its record tells until which block.
        StillExposed,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            // Every block has an author, which is noted in it.
            Self::carry_out_slash().saturating_add(T::WeightInfo::note_author())
        }

        fn integrity_test() {
            assert!(T::MinProducers::get() > 0, "a network needs producers");
            assert!(
                T::MaxProducers::get() >= T::MinProducers::get(),
                "a session has room for the producers that end the start"
            );
            assert!(
                T::MaxCandidates::get() >= T::MaxProducers::get(),
                "candidates fill a session"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Makes the caller, a validator of `brain` with session keys, stand for election, and holds the bond
        /// or what a slash took of it. Into a full list it comes in place of the candidate with the least
        /// backing if its own is larger.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::opt_in())]
        pub fn opt_in(origin: OriginFor<T>, brain: BrainId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(!Barred::<T>::contains_key(&who), Error::<T>::Barred);
            let mut operator = Operators::<T>::get(&who).unwrap_or_default();
            ensure!(!operator.running, Error::<T>::AlreadyRunning);
            let role = T::Registry::role(brain, &who);
            ensure!(role == Some(Role::Validator), Error::<T>::NotValidator);
            ensure!(T::Sessions::has_keys(&who), Error::<T>::NoSessionKeys);
            let backing = T::Stake::backing(&who);
            ensure!(backing >= T::MinBacking::get(), Error::<T>::BackingTooSmall);
            Self::make_room(backing)?;
            let missing = T::Bond::get().saturating_sub(operator.bond);
            T::Currency::hold(&HoldReason::ProducerBond.into(), &who, missing)?;
            operator.bond = operator.bond.saturating_add(missing);
            operator.brain = Some(brain);
            operator.running = true;
            operator.proven = false;
            operator.idle = 0;
            Self::list(&who)?;
            Operators::<T>::insert(&who, operator);
            let bond = operator.bond;
            Self::deposit_event(Event::OptedIn { who, bond });
            Ok(())
        }

        /// Withdraws the caller from elections. A producer serves until the set that has it ends, at most two
        /// sessions on.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::opt_out())]
        pub fn opt_out(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(Self::chill(&who, ChillReason::OptedOut), Error::<T>::NotRunning);
            Ok(())
        }

        /// Frees the bond of a caller that stands for no election and whose offences can no longer be reported.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::withdraw_bond())]
        pub fn withdraw_bond(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let operator = Operators::<T>::get(&who).ok_or(Error::<T>::NoOperator)?;
            ensure!(!operator.running, Error::<T>::StillRunning);
            ensure!(operator.exposed_until <= Self::now(), Error::<T>::StillExposed);
            ensure!(!Self::may_produce(&who), Error::<T>::StillExposed);
            let amount = operator.bond;
            T::Currency::release(&HoldReason::ProducerBond.into(), &who, amount, Precision::Exact)?;
            Operators::<T>::remove(&who);
            Self::deposit_event(Event::BondWithdrawn { who, amount });
            Ok(())
        }
    }
}
