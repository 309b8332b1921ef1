//! # Consensus
//!
//! Validators weight the peers of their Brain; the epoch turns weights and stake into shares of the reward.
//!
//! ## Overview
//!
//! A validator sets a row of weights on peers by a transaction (R112). Once a cycle, in the Brain's own block, the
//! epoch of [`based_primitives::math::EpochInput`] runs: rank R = W^T S over the active validators, trust T by
//! non-zero weights, consensus C = sigmoid(10 (T - 1/2)), incentive R C for miners (R114-R117), and dividends for
//! validators by their bonds in miners (C.5b) and their agreement. It also observes the Brain's performance, whose
//! moving average decides the Brain's part of the emission (C.7).
//!
//! ## Terminology
//!
//! - **Row**: the weights one validator set last; whole or not at all.
//! - **Active**: a validator at or above the 70th percentile of stake whose row is fresh (C.3, B.30).
//! - **Uptime**: share of validators' stake whose holders set weights within the cycle.
//! - **Quality**: share of rank that reached consensus. Uptime times quality is one observation of performance.
//!
//! ## Interface
//!
//! - [`Call::set_weights`]: by a memorized validator.
//! - The emission pallet runs epochs through [`based_primitives::traits::Epochs`]; the registry tells of leaving
//!   peers through [`based_primitives::traits::OnPeerRemoved`].
//!
//! ## Invariants
//!
//! - Rows and bonds have strictly ascending uids; rows have no weight on their own validator and a positive sum.
//! - Only memorized validators have rows, and whoever has a row has the block in which it was set.
//! - No performance exceeds 10^9.
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

mod functions;
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
        traits::{BrainInspect, RegistryInspect, StakeInspect},
        BlockNumber, BrainId, Uid,
    };
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;

    use super::{types::*, weights::WeightInfo};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Whether a Brain is open.
        type Brains: BrainInspect<Self::AccountId>;
        /// Peers of Brains.
        type Registry: RegistryInspect<Self::AccountId>;
        /// Stake of validators.
        type Stake: StakeInspect<Self::AccountId>;
        /// Blocks in a cycle; above 0.
        #[pallet::constant]
        type CycleBlocks: Get<BlockNumber>;
        /// Blocks after which weights no longer count (B.30).
        #[pallet::constant]
        type ActivityCutoff: Get<BlockNumber>;
        /// Blocks that a validator must let pass between two rows.
        #[pallet::constant]
        type WeightsRateLimit: Get<BlockNumber>;
        /// Weights of the call and of epochs.
        type WeightInfo: WeightInfo;
    }

    /// Row of each validator.
    #[pallet::storage]
    pub type Weights<T: Config> = StorageDoubleMap<_, Twox64Concat, BrainId, Twox64Concat, Uid, Edges>;

    /// Block in which each validator set its row.
    #[pallet::storage]
    pub type WeightsSetAt<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BrainId, Twox64Concat, Uid, BlockNumber>;

    /// Bonds of each validator.
    #[pallet::storage]
    pub type Bonds<T: Config> = StorageDoubleMap<_, Twox64Concat, BrainId, Twox64Concat, Uid, BondRecord>;

    /// The last epoch of each Brain.
    #[pallet::storage]
    pub type LastEpoch<T: Config> = StorageMap<_, Twox64Concat, BrainId, EpochRecord>;

    /// Moving average of performance of each Brain, in ppb.
    #[pallet::storage]
    pub type Performance<T: Config> = StorageMap<_, Twox64Concat, BrainId, u64, ValueQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A validator set weights on so many peers.
        WeightsSet { brain: BrainId, uid: Uid, peers: u32 },
        /// The epoch of a Brain ran.
        EpochRun {
            brain: BrainId,
            active: u16,
            uptime: u64,
            quality: u64,
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
        /// A uid belongs to no peer of this Brain.
        UnknownPeer,
        /// At least one weight must be positive.
        ZeroSum,
        /// The last row was set a moment ago: wait out the rate limit.
        TooSoon,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets the caller's weights on peers of a Brain, by strictly ascending uid; they replace its earlier ones and
        /// are relative to their sum.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::set_weights(weights.len() as u32))]
        pub fn set_weights(origin: OriginFor<T>, brain: BrainId, weights: Edges) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_weights(&who, brain, weights)
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
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }
}
