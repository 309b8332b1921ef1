//! # Consensus
//!
//! Validators weight the peers of their Brain; the epoch turns weights and stake into shares of the reward.
//!
//! ## Overview
//!
//! A validator commits itself to a row of weights on peers by a hash, and reveals the row exactly some cycles later
//! (R112, C.11-T5), so that nobody can copy weights that still are worth copying. Once a cycle, in the Brain's own
//! block, the epoch of [`based_primitives::math::EpochRun`] runs: rank R = W^T S over the active validators, trust T
//! by non-zero weights, consensus C = sigmoid(10 (T - 1/2)), incentive R C for miners (R114-R117), dividends for
//! validators by their bonds in miners (C.5b) and their agreement, and TrustCredits for early support of peers that
//! come to stand well, in the own Brain and in others (R127-R133). It also observes the Brain's performance, whose
//! moving average decides the Brain's part of the emission (C.7). No Brain awards that to itself: once four
//! validators outside score it by their cross edges, its quality is multiplied by what they say (F.2-2).
//!
//! An epoch works under a limit of weight, one row a step. What does not fit a block rests and goes on in the next
//! one, with the same result.
//!
//! ## Terminology
//!
//! - **Cycle**: of a Brain; from the block of its epoch to the block before the next (C.10).
//! - **Row**: the weights a validator revealed last together with its bonds; whole or not at all.
//! - **Active**: a validator at or above the percentile of stake whose row is fresh (C.3, B.30).
//! - **Due**: the cycle a fixed number of cycles after the commitment's, in which alone its row may be revealed.
//! - **Uptime**: of the stake of validators with a reveal due, the part whose holders made all of theirs (F.1-3).
//! - **Quality**: share of rank that reached consensus. Uptime times quality times the score from outside is one
//!   observation of performance.
//! - **Scorer**: of a Brain, a validator elsewhere with cross edges to it: neither a peer of it nor its owner, with
//!   stake, whose edges are no older than the activity cutoff. Its score is their mean weight.
//! - **Worth**: C times incentive of a miner: what supporting it adds to TrustCredits.
//!
//! ## Interface
//!
//! - [`Call::commit_weights`], [`Call::reveal_weights`], [`Call::set_cross_edges`]: by a memorized validator.
//! - What is left of a Brain that closed goes through [`based_primitives::traits::SweepBrain`].
//! - The emission pallet runs epochs through [`based_primitives::traits::Epochs`]; the registry tells of leaving
//!   peers through [`based_primitives::traits::OnPeerRemoved`].
//!
//! ## Invariants
//!
//! - Rows have strictly ascending uids, parts of equal length, no weight on their own validator and no empty entry.
//! - Only memorized validators have records, rows, cross edges and TrustCredits; whoever has a row revealed it.
//! - Deposits are on hold.
//! - Scores of a Brain are those of rows in force, one by account, none without stake.
//! - No performance exceeds 10^9.
//! - An epoch that rests is that of the Brain on record as resting.
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
pub mod benchmarking;
mod epochs;
mod functions;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod invariants;
mod outside;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

// The macros expand to `expect`.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
    use based_primitives::{
        constants::MAX_CROSS_EDGES,
        math::WeightRow,
        traits::{BrainInspect, ForecastInspect, PeerCounts, RegistryInspect, StakeInspect},
        Balance, BlockNumber, BrainId, Edges, Salt, Uid,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::fungible::{hold::Mutate as MutateHold, Inspect},
    };
    use frame_system::pallet_prelude::*;
    use sp_core::H256;

    use super::{types::*, weights::WeightInfo};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// $BASED, of which long rows hold some.
        type Currency: Inspect<Self::AccountId, Balance = Balance>
            + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// Reasons for holds of the runtime.
        type RuntimeHoldReason: From<HoldReason>;
        /// Whether a Brain is open.
        type Brains: BrainInspect<Self::AccountId>;
        /// Peers of Brains.
        type Registry: RegistryInspect<Self::AccountId> + PeerCounts;
        /// Stake of validators.
        type Stake: StakeInspect<Self::AccountId>;
        /// Forecasts and their weight.
        type Forecasts: ForecastInspect<Self::AccountId>;
        /// Blocks in a cycle; above 0.
        #[pallet::constant]
        type CycleBlocks: Get<BlockNumber>;
        /// Cycles between a commitment and its reveal; at least 1, less than [`PUBLISHED_EPOCHS`] (C.11-T5).
        #[pallet::constant]
        type RevealDelay: Get<u32>;
        /// Blocks after which weights no longer count (B.30).
        #[pallet::constant]
        type ActivityCutoff: Get<BlockNumber>;
        /// Percentile of stake that active validators reach (C.3).
        #[pallet::constant]
        type ActivePercentile: Get<u32>;
        /// Blocks that a validator must let pass between two commitments, and between two settings of cross edges.
        #[pallet::constant]
        type WeightsRateLimit: Get<BlockNumber>;
        /// Held for each byte of a row beyond its free size (C.10).
        #[pallet::constant]
        type DepositPerByte: Get<Balance>;
        /// Weights of the calls and of epochs.
        type WeightInfo: WeightInfo;
        /// Puts state into other pallets.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: based_primitives::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why this pallet holds $BASED.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A row of weights beyond the free size.
        WeightRow,
    }

    /// What each validator committed itself to and revealed.
    #[pallet::storage]
    pub type Validators<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BrainId, Twox64Concat, Uid, ValidatorRecord>;

    /// Weights and bonds of each validator.
    #[pallet::storage]
    pub type Rows<T: Config> = StorageDoubleMap<_, Twox64Concat, BrainId, Twox64Concat, Uid, WeightRow>;

    /// Edges of validators to peers of other Brains.
    #[pallet::storage]
    pub type CrossRows<T: Config> = StorageDoubleMap<_, Twox64Concat, BrainId, Twox64Concat, Uid, CrossRow>;

    /// Scores that validators outside each Brain give it: those with the most stake.
    #[pallet::storage]
    pub type OutsideScores<T: Config> =
        StorageMap<_, Twox64Concat, BrainId, ScorersOf<T::AccountId>, ValueQuery>;

    /// TrustCredits of each Brain's validators.
    #[pallet::storage]
    pub type Credits<T: Config> = StorageMap<_, Twox64Concat, BrainId, CreditsOf, ValueQuery>;

    /// Standings of peers after the last epoch of their Brain, some a page.
    #[pallet::storage]
    pub type Standings<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BrainId, Twox64Concat, u16, StandingsPage>;

    /// Public consensus of the last epochs, by the number of the cycle modulo [`PUBLISHED_EPOCHS`].
    #[pallet::storage]
    pub type Published<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BrainId, Twox64Concat, u32, PublicConsensus>;

    /// Positive weights that a Brain asks of a row, if more than one.
    #[pallet::storage]
    pub type MinWeights<T: Config> = StorageMap<_, Twox64Concat, BrainId, u16, ValueQuery>;

    /// The last epoch of each Brain.
    #[pallet::storage]
    pub type LastEpoch<T: Config> = StorageMap<_, Twox64Concat, BrainId, EpochRecord>;

    /// Moving average of performance of each Brain, in ppb.
    #[pallet::storage]
    pub type Performance<T: Config> = StorageMap<_, Twox64Concat, BrainId, u64, ValueQuery>;

    /// Brain whose epoch rests until the next block.
    #[pallet::storage]
    pub type Resting<T: Config> = StorageValue<_, BrainId>;

    /// The epoch that rests.
    #[pallet::storage]
    pub type RestingState<T: Config> = StorageValue<_, RestingEpoch>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A validator committed itself to a row.
        WeightsCommitted { brain: BrainId, uid: Uid, hash: H256 },
        /// A validator revealed weights on so many peers.
        WeightsRevealed { brain: BrainId, uid: Uid, peers: u32 },
        /// A validator set so many edges to peers of other Brains.
        CrossEdgesSet { brain: BrainId, uid: Uid, edges: u32 },
        /// The epoch of a Brain ran. Ratios are in ppb; `outside` is what quality was multiplied by, one if fewer than
        /// four validators elsewhere score the Brain.
        EpochRun {
            brain: BrainId,
            active: u16,
            uptime: u64,
            quality: u64,
            outside: u64,
            loss: i64,
            performance: u64,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The Brain does not exist or is not open.
        BrainNotOpen,
        /// The account is not memorized in this Brain.
        NotMemorized,
        /// Only validators set weights.
        NotValidator,
        /// Uids must be strictly ascending: sort them and name each once.
        NotAscending,
        /// A validator does not weight itself.
        SelfWeight,
        /// No peer has this uid.
        UnknownPeer,
        /// At least one weight must be positive; of cross edges, all.
        ZeroSum,
        /// The last one was made a moment ago: wait out the rate limit.
        TooSoon,
        /// This hash is committed already: draw a new salt.
        AlreadyCommitted,
        /// Too many commitments are pending: reveal or wait until some lapse.
        TooManyCommits,
        /// No pending commitment of the caller in this Brain has the hash of this row and salt.
        NotCommitted,
        /// The commitment's cycle of reveal has not begun: wait for it.
        TooEarly,
        /// The commitment's cycle of reveal is over.
        TooLate,
        /// The Brain asked for more positive weights when the row was committed.
        TooFewWeights,
        /// In a Brain of this many miners one weight may not make up that much of the row.
        WeightTooLarge,
        /// The row repeats what an epoch had made public before it was committed.
        CopyOfConsensus,
        /// The Brain's epoch is under way: try again in the next block.
        EpochUnderWay,
        /// Peers of the own Brain are weighted by its row, not by cross edges.
        OwnBrain,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Commits the caller to a row of weights on peers of a Brain by its hash, see
        /// [`based_primitives::weights_commitment`]. The row is to be revealed in the cycle that lies
        /// [`Config::RevealDelay`] cycles after this block's.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::commit_weights())]
        pub fn commit_weights(origin: OriginFor<T>, brain: BrainId, hash: H256) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_commit(&who, brain, hash)
        }

        /// Reveals a row committed before, in the cycle in which it is due: weights by strictly ascending uid, relative
        /// to their sum. They replace the caller's earlier ones. Weights on peers that left are left out; those on
        /// peers that came after the commitment never count. A row of more than 256 entries holds a deposit.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::reveal_weights(row.len() as u32))]
        pub fn reveal_weights(
            origin: OriginFor<T>,
            brain: BrainId,
            row: Edges,
            salt: Salt,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_reveal(&who, brain, &row, &salt)
        }

        /// Sets the caller's edges to peers of other Brains, by strictly ascending Brain and uid, in place of its earlier
        /// ones; none removes them. They count for the caller's TrustCredits (C.5b, R128), and those to one Brain make
        /// up the caller's score of it (F.2-2).
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_cross_edges(edges.len() as u32, MAX_CROSS_EDGES))]
        pub fn set_cross_edges(
            origin: OriginFor<T>,
            brain: BrainId,
            edges: CrossEdges,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let count = edges.len() as u32;
            let replaced = Self::do_set_cross_edges(&who, brain, edges)?;
            Ok(Some(T::WeightInfo::set_cross_edges(count, replaced)).into())
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(T::CycleBlocks::get() > 0, "a cycle has at least one block");
            assert!(
                T::WeightsRateLimit::get() < T::ActivityCutoff::get(),
                "a validator can stay active",
            );
            let delay = T::RevealDelay::get();
            assert!(
                delay > 0 && delay < PUBLISHED_EPOCHS,
                "what was public before a commitment is known at its reveal",
            );
            assert!(
                T::CycleBlocks::get() <= T::ActivityCutoff::get(),
                "a validator that reveals once a cycle stays active",
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }
}
