//! # Governance
//!
//! Two houses decide what changes the network: GigaBrains, one vote each, and owners of Pepecoin, by what they freeze.
//!
//! ## Overview
//!
//! A Brain whose stake, averaged over eight cycles, is at least half a percent of all stake is a *GigaBrain* without
//! asking for it (R154, F.2-3). A proposal is a call with the origin that it runs with. While it is open, each Brain
//! that was a GigaBrain when it opened has one vote, however much is staked to it, cast by its owner (R155), and every
//! account may add Pepecoin to either side, frozen until the proposal closes (R156, F.2-3). When voting is over anyone
//! closes it: it is rejected, sent back once for a second vote by a majority of Pepecoin against it (B.21), or handed
//! to the scheduler, which enacts it later.
//!
//! In the first year Based Labs' proposals pass by default unless more than half of the eligible GigaBrains vote
//! against them; without any eligible GigaBrain they do not pass (R157, B.21, F.2-4). All others, and all after that
//! year, need more votes for them than against them, from at least a third of the eligible GigaBrains.
//!
//! For emergencies, more than half of the GigaBrains together pull the brake at once.
//!
//! ## Terminology
//!
//! - **Track**: what a passed proposal may do. *Root* may do anything, so it waits at least seven days between its
//!   announcement and its enactment (F.2-4). *Parameters* runs with [`Origin::Parameters`], which no call that sets
//!   code or moves funds accepts, and is faster.
//! - **Sample**: stake of a Brain and of the network, read once a cycle in the Brain's own block: that whose height
//!   modulo the cycle is its number.
//! - **Electorate**: the GigaBrains when a round of voting opened. In the first year administrative Brains are none
//!   of them (B.7).
//! - **Ballot**: Pepecoin of an account on one side of one proposal. One Pepecoin may count for several proposals, but
//!   on each of them only once: what is frozen of an account is the largest of its ballots.
//! - **Enforcer**: accurate forecasters of the Brain that houses it; they may propose parameters, no more (R124).
//!
//! ## Interface
//!
//! - [`Call::propose`]: by Based Labs in the first year, by owners of GigaBrains, by the Enforcer. Holds a deposit,
//!   which goes to the treasury if more than half of the electorate votes against it, else returns at the close.
//! - [`Call::vote`]: by a Brain's owner. [`Call::vote_with_pepecoin`]: by any account. Both may be changed.
//! - [`Call::close`], [`Call::release`]: by anyone.
//! - [`Call::pull_brake`]: by a GigaBrain's owner.
//! - Other pallets let [`EnsureGovernance`] change their parameters; [`EnsureLabs`] is Based Labs in the first year.
//!
//! ## Invariants
//!
//! - Tallies are the sums of the votes in the electorate and of the ballots.
//! - What is frozen of an account is its largest ballot; what is held of it is the deposits of its open proposals and,
//!   while it has ballots, that of their record.
//! - GigaBrains are exactly those Brains whose eight samples reach the threshold.
//! - Open proposals of each kind of proposer are limited, and a GigaBrain has at most one.
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
mod brains;
mod brake;
mod functions;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod invariants;
mod origins;
mod pepecoin;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use origins::{EnsureGovernance, EnsureLabs};
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

// The macros below expand to `expect`.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
    use based_primitives::{
        constants::{MAX_BRAINS, MAX_PROPOSALS},
        traits::{BrainInspect, EmergencyBrake, StakeInspect},
        Balance, BlockNumber, BrainId,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{self, Inspect},
            schedule::v3::Named,
            Contains, QueryPreimage,
        },
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::SaturatedConversion;

    use super::{types::*, weights::WeightInfo};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config:
        frame_system::Config<RuntimeEvent: From<Event<Self>>, RuntimeOrigin: From<Origin>>
    {
        /// $BASED, of which deposits are made.
        type Currency: Inspect<Self::AccountId, Balance = Balance>
            + fungible::MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// Pepecoin, with which its owners vote.
        type Pepecoin: Inspect<Self::AccountId, Balance = Balance>
            + fungible::MutateFreeze<Self::AccountId, Id = Self::RuntimeFreezeReason>;
        /// Reasons of holds in the runtime.
        type RuntimeHoldReason: From<HoldReason>;
        /// Reasons of freezes in the runtime.
        type RuntimeFreezeReason: From<FreezeReason>;
        /// Owners of Brains, and which Brains are open.
        type Brains: BrainInspect<Self::AccountId>;
        /// Raw stake of Brains and of the network.
        type Stake: StakeInspect<Self::AccountId>;
        /// Accounts that speak for the Enforcer.
        type Enforcer: Contains<Self::AccountId>;
        /// What the brake stops.
        type Brake: EmergencyBrake;
        /// Calls that are proposed by their hash.
        type Preimages: QueryPreimage<H = Self::Hashing>;
        /// Enacts what passed.
        type Scheduler: Named<
            BlockNumberFor<Self>,
            RuntimeCallOf<Self>,
            PalletsOriginOf<Self>,
            Hasher = Self::Hashing,
        >;
        /// Account that receives forfeited deposits.
        type Treasury: Get<Self::AccountId>;
        /// Blocks in a cycle.
        #[pallet::constant]
        type CycleBlocks: Get<BlockNumber>;
        /// Last block of the first year (R157, B.2).
        #[pallet::constant]
        type YearOne: Get<BlockNumber>;
        /// Blocks of a round of voting and from its close to the enactment, on the track of root.
        #[pallet::constant]
        type RootTrack: Get<TrackTimes>;
        /// The same on the track of parameters.
        #[pallet::constant]
        type ParameterTrack: Get<TrackTimes>;
        /// Blocks that pass at least between the announcement of a proposal on the track of root and its enactment: seven
        /// days (F.2-4).
        #[pallet::constant]
        type MinimumNotice: Get<BlockNumber>;
        /// Blocks within which GigaBrains must agree to pull the brake.
        #[pallet::constant]
        type BrakeWindow: Get<BlockNumber>;
        /// Held for a proposal; at least the existential deposit.
        #[pallet::constant]
        type ProposalDeposit: Get<Balance>;
        /// Held for the record of an account's ballots.
        #[pallet::constant]
        type BallotDeposit: Get<Balance>;
        /// Smallest ballot, in units of Pepecoin; above 0.
        #[pallet::constant]
        type MinimumBallot: Get<Balance>;
        /// Weights of the calls and of the work in every block.
        type WeightInfo: WeightInfo;
        /// Puts state into other pallets.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: based_primitives::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Until a proposal closes.
        Proposal,
        /// As long as an account has ballots on record.
        Ballots,
    }

    /// Why this pallet freezes Pepecoin.
    #[pallet::composite_enum]
    pub enum FreezeReason {
        /// Until the proposals close on which it counts.
        Vote,
    }

    /// With what a passed proposal runs, unless it is root.
    #[pallet::origin]
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Encode,
        Decode,
        DecodeWithMemTracking,
        MaxEncodedLen,
        scale_info::TypeInfo,
    )]
    pub enum Origin {
        /// It changes parameters; it can neither set code nor move funds.
        Parameters,
    }

    /// Account of Based Labs, a multisig on public networks.
    #[pallet::storage]
    pub type Labs<T: Config> = StorageValue<_, T::AccountId>;

    /// Samples of the stake of each open Brain.
    #[pallet::storage]
    pub type StakeHistories<T: Config> = StorageMap<_, Twox64Concat, BrainId, StakeHistory, ValueQuery>;

    /// GigaBrains, ascending.
    #[pallet::storage]
    pub type GigaBrains<T: Config> = StorageValue<_, BrainList, ValueQuery>;

    /// Number of the next proposal.
    #[pallet::storage]
    pub type NextId<T: Config> = StorageValue<_, ProposalId, ValueQuery>;

    /// Open proposals, oldest first, and who proposed them.
    #[pallet::storage]
    pub type Open<T: Config> =
        StorageValue<_, BoundedVec<(ProposalId, Proposer), ConstU32<MAX_PROPOSALS>>, ValueQuery>;

    /// Open proposals.
    #[pallet::storage]
    pub type Proposals<T: Config> = StorageMap<_, Twox64Concat, ProposalId, ProposalOf<T>>;

    /// Who may vote on each open proposal among GigaBrains, ascending, and how they did.
    #[pallet::storage]
    pub type Electorates<T: Config> = StorageMap<
        _,
        Twox64Concat,
        ProposalId,
        BoundedVec<Seat, ConstU32<{ MAX_BRAINS as u32 }>>,
        ValueQuery,
    >;

    /// Ballots of each account, by ascending number of the proposal.
    #[pallet::storage]
    pub type Ballots<T: Config> = StorageMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        BoundedVec<Ballot, ConstU32<MAX_PROPOSALS>>,
        ValueQuery,
    >;

    /// GigaBrains that want the brake pulled.
    #[pallet::storage]
    pub type BrakeCalls<T: Config> = StorageValue<_, BrakeCall, ValueQuery>;

    /// Settings that hold from the first block.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Account of Based Labs.
        pub labs: Option<T::AccountId>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            Labs::<T>::set(self.labs.clone());
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A Brain became a GigaBrain, or is none any more.
        GigaBrainChanged { brain: BrainId, giga: bool },
        /// A proposal is open up to and including block `ends_at`.
        Proposed {
            id: ProposalId,
            account: T::AccountId,
            proposer: Proposer,
            track: Track,
            by_default: bool,
            eligible: u32,
            ends_at: BlockNumber,
        },
        /// A GigaBrain voted, or changed its vote.
        Voted {
            id: ProposalId,
            brain: BrainId,
            aye: bool,
        },
        /// An account voted with Pepecoin, or changed its ballot.
        PepecoinVoted {
            id: ProposalId,
            account: T::AccountId,
            aye: bool,
            amount: Balance,
        },
        /// A proposal passed and runs in block `enacted_at`.
        Passed { id: ProposalId, enacted_at: BlockNumber },
        /// Pepecoin sent a proposal back: GigaBrains vote on it once more, up to and including block `ends_at`.
        SentBack {
            id: ProposalId,
            by_default: bool,
            eligible: u32,
            ends_at: BlockNumber,
        },
        /// A proposal did not pass; `forfeited` of its deposit went to the treasury.
        Rejected { id: ProposalId, forfeited: Balance },
        /// Ballots of an account on closed proposals are gone, and `frozen` of its Pepecoin stays frozen.
        Released { account: T::AccountId, frozen: Balance },
        /// A GigaBrain wants the brake pulled, as `calls` of `eligible` do now.
        BrakeCalled {
            brain: BrainId,
            calls: u32,
            eligible: u32,
        },
        /// More than half of the GigaBrains pulled the brake.
        BrakePulled,
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The account is not Based Labs', or the first year is over: propose for a GigaBrain.
        NotLabs,
        /// Only the Brain's owner may do this.
        NotBrainOwner,
        /// The Brain is no GigaBrain, or an administrative one in the first year: it has no say yet.
        NotGigaBrain,
        /// The account does not speak for the Enforcer: it must validate in its Brain and forecast accurately.
        NotEnforcer,
        /// The Enforcer proposes on the track of parameters only.
        ParametersOnly,
        /// As many proposals of this kind are open as may be: wait until one closes.
        TooManyProposals,
        /// This GigaBrain has a proposal open: wait until it closes.
        OneProposalPerBrain,
        /// The proposed call is not on the chain: note its preimage first, and name its hash and length.
        PreimageMissing,
        /// The proposed bytes are no call of this runtime.
        InvalidCall,
        /// There is no such proposal; it may be closed.
        NoProposal,
        /// Voting on this proposal is over: it can be closed.
        VotingOver,
        /// Voting on this proposal is not over: wait until after its last block.
        VotingOpen,
        /// The Brain was no GigaBrain when voting opened: it has no vote on this proposal.
        NotEligible,
        /// The vote is cast this way already.
        SameVote,
        /// Pepecoin sent this proposal back once and has no further say.
        AlreadySentBack,
        /// The ballot is below the minimum.
        BallotTooSmall,
        /// The account does not own that much Pepecoin.
        InsufficientPepecoin,
        /// The account has ballots on as many proposals as can be open.
        TooManyBallots,
        /// No ballot of the account is on a closed proposal.
        NothingToRelease,
        /// This GigaBrain calls for the brake already.
        AlreadyCalled,
        /// A number left its range.
        Overflow,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            T::WeightInfo::sample(Self::sample(now.saturated_into()))
        }

        fn integrity_test() {
            assert!(T::CycleBlocks::get() > 0, "a cycle has at least one block");
            assert!(T::MinimumBallot::get() > 0, "a ballot is something");
            assert!(
                T::ProposalDeposit::get() >= T::Currency::minimum_balance(),
                "a forfeited deposit can open the treasury's account"
            );
            for times in [T::RootTrack::get(), T::ParameterTrack::get()] {
                assert!(
                    times.voting > 0 && times.enactment > 0,
                    "every step takes a block"
                );
            }
            assert!(
                T::RootTrack::get().notice() >= T::MinimumNotice::get(),
                "what can set code or move funds waits"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Proposes a call, for Based Labs, a GigaBrain that the caller owns, or the Enforcer. A call of more than 128
        /// bytes is named by its hash and length after its preimage was noted.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::propose(length_of::<T>(call)))]
        pub fn propose(
            origin: OriginFor<T>,
            proposer: Proposer,
            track: Track,
            call: BoundedCallOf<T>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_propose(who, proposer, track, call)
        }

        /// Votes for a Brain, by its owner; a vote cast before is changed.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::vote())]
        pub fn vote(origin: OriginFor<T>, id: ProposalId, brain: BrainId, aye: bool) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_vote(&who, id, brain, aye)
        }

        /// Votes with `amount` of the caller's Pepecoin, which stays frozen until the proposal closes; a ballot cast
        /// before is replaced. Ballots of the caller on closed proposals are released on the way.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::vote_with_pepecoin().max(T::WeightInfo::vote_with_pepecoin_again()))]
        pub fn vote_with_pepecoin(
            origin: OriginFor<T>,
            id: ProposalId,
            aye: bool,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_vote_with_pepecoin(who, id, aye, amount)
        }

        /// Decides on a proposal whose voting is over, by anyone: it is handed to the scheduler, sent back once, or
        /// rejected.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::close())]
        pub fn close(origin: OriginFor<T>, id: ProposalId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_close(id)
        }

        /// Unfreezes what an account's ballots on closed proposals froze, by anyone.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::release())]
        pub fn release(origin: OriginFor<T>, account: T::AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_release(account)
        }

        /// Calls for the brake for a GigaBrain, by its owner. Once more than half of the GigaBrains call within the window
        /// it is pulled.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::pull_brake())]
        pub fn pull_brake(origin: OriginFor<T>, brain: BrainId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_pull_brake(&who, brain)
        }
    }

    /// Bytes that must be read to know a proposed call.
    fn length_of<T: Config>(call: &BoundedCallOf<T>) -> u32 {
        call.len().unwrap_or_default()
    }
}
