//! # Forecasts
//!
//! Measures the chain, takes validators' forecasts of it, and scores them against what happened.
//!
//! ## Overview
//!
//! Every block is measured (R106, R126) into the open *bucket* of 60 blocks and the open *cycle*. The newest 1,008
//! buckets stay readable: the data that validators train their Temporal Fusion Transformers on (R105). A *round* is a
//! cycle: validators commit themselves to a forecast of six figures of the next cycle, reveal it in that cycle's first
//! quarter, and are scored when it is over (R107, R135): by pinball loss against persistence, averaged into Accuracy
//! (D.5). Consensus adds Accuracy to dividends, and emission adds the median forecast of a Brain's performance to its
//! share, both by a weight that grows with the age of the chain (R109, R119, R123, R137).
//!
//! ## Terminology
//!
//! - **Target**: a figure of the network over a cycle, a fixed-point number with six decimals.
//! - **Baseline**: the last value plus the empirical quantiles of its last 64 steps. What counts of a realised value is
//!   cut to the 1st and 99th percentile of these steps, so that whoever floods the chain with transactions moves a
//!   figure no further than it has moved before.
//! - **Skill**: by how much of the baseline's loss a forecast's is smaller; a **score** is its mean over targets.
//! - **Accuracy**: moving average of scores. A round without a revealed forecast scores 0, whether or not a
//!   commitment was made; such rounds are applied when Accuracy is read.
//! - **Voice**: a forecast of a Brain's performance by a validator that is no member of it, weighted by its stake in the
//!   Brain where it validates times its Accuracy. Of each Brain the 64 heaviest voices are kept.
//! - **Active accounts**: distinct payers of fees, counted by a bitmap ([`based_primitives::math::Sketch`]): bounded,
//!   and raised by funded accounts only.
//! - **Treasury**: account that receives the deposits of those who committed themselves and stayed silent.
//!
//! ## Interface
//!
//! - [`Call::commit_forecast`], [`Call::reveal_forecast`]: by any validator, once an account and round.
//! - [`Call::set_beta_override`], [`Call::set_feature_set`], [`Call::set_model`], [`Call::roll_back_model`],
//!   [`Call::set_controller`]: by governance; they hold from the next cycle on (R121, R122, B.17).
//! - Other pallets read through [`based_primitives::traits::ForecastInspect`] and report through
//!   [`based_primitives::traits::OnTransactionPaid`], [`based_primitives::traits::OnPeerJoined`] and
//!   [`based_primitives::traits::OnPeerRemoved`].
//!
//! ## Invariants
//!
//! - What is held of an account is the sum of the deposits of its commitments; each deposit is either released, at the
//!   revelation, or moved to the treasury, after the round.
//! - Commitments and forecasts are of the current round, the one before, or the one being scored.
//! - A round admits no more forecasters than the blocks of a cycle can score, a fixed number each.
//! - Scores and Accuracies lie between 0 and 10^9; an Accuracy of 0 is not stored.
//! - Sums over Brains are those of what was last seen of each Brain.
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
mod metrics;
mod rounds;
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
        constants::FORECAST_TARGETS,
        forecasts::{EmissionController, Forecast, MetricsBucket, Parameters, RoundRecord},
        math::History,
        traits::{BrainStandings, RegistryInspect, StakeInspect},
        Balance, BlockNumber, BrainId,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{Inspect, MutateHold},
            Time,
        },
    };
    use frame_system::pallet_prelude::*;
    use sp_core::H256;
    use sp_runtime::SaturatedConversion;

    use super::{types::*, weights::WeightInfo};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);
    /// Bytes of a signed transaction at least: an account, a signature, and what stands around them.
    pub(crate) const SHORTEST_PAYMENT: u32 = 100;

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// $BASED, of which deposits are made.
        type Currency: Inspect<Self::AccountId, Balance = Balance>
            + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// Reasons of holds in the runtime.
        type RuntimeHoldReason: From<HoldReason>;
        /// Validators of Brains.
        type Registry: RegistryInspect<Self::AccountId>;
        /// Stake behind forecasters and of the network.
        type Stake: StakeInspect<Self::AccountId>;
        /// Performance and active validators of Brains.
        type Standings: BrainStandings;
        /// Time of blocks, in milliseconds.
        type Time: Time<Moment = u64>;
        /// Who governs the parameters.
        type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Account that receives forfeited deposits.
        type Treasury: Get<Self::AccountId>;
        /// What a commitment holds until it is revealed; at least the existential deposit.
        #[pallet::constant]
        type Deposit: Get<Balance>;
        /// Blocks in a cycle; above 1.
        #[pallet::constant]
        type CycleBlocks: Get<BlockNumber>;
        /// Blocks in a bucket of metrics; above 0.
        #[pallet::constant]
        type BucketBlocks: Get<BlockNumber>;
        /// Blocks in a year of the schedule of beta.
        #[pallet::constant]
        type TftYear: Get<BlockNumber>;
        /// Forecasters scored in one block at most; above 0.
        #[pallet::constant]
        type ScoredPerBlock: Get<u32>;
        /// Weights of the calls and of the work in every block.
        type WeightInfo: WeightInfo;
        /// Puts state into other pallets.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: based_primitives::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Until a forecast is revealed.
        Forecast,
    }

    /// What was counted in the block being built, besides payments.
    #[pallet::storage]
    pub type TrafficState<T: Config> = StorageValue<_, Traffic, ValueQuery>;

    /// Payments of the block being built, gone at its end. As with events, the block's length bounds their number.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type Payments<T: Config> = StorageValue<_, Vec<Payment>, ValueQuery>;

    /// What is being measured.
    #[pallet::storage]
    pub type MeterState<T: Config> = StorageValue<_, Meter, ValueQuery>;

    /// Accounts that paid in the open bucket and cycle.
    #[pallet::storage]
    pub type PayerSketches<T: Config> = StorageValue<_, Payers, ValueQuery>;

    /// Each Brain as it was last seen; none of those with nothing.
    #[pallet::storage]
    pub type StandingsSeen<T: Config> = StorageMap<_, Twox64Concat, BrainId, Standing, ValueQuery>;

    /// Ring of finished buckets, by number modulo 1,008.
    #[pallet::storage]
    pub type Buckets<T: Config> = StorageMap<_, Twox64Concat, u32, MetricsBucket>;

    /// Recent past of each target.
    #[pallet::storage]
    pub type Histories<T: Config> = StorageValue<_, [History; FORECAST_TARGETS], ValueQuery>;

    /// Commitments not revealed, by round.
    #[pallet::storage]
    pub type Commitments<T: Config> =
        StorageDoubleMap<_, Twox64Concat, u32, Blake2_128Concat, T::AccountId, Commitment>;

    /// Forecasters committed to the current round.
    #[pallet::storage]
    pub type CommittedCount<T: Config> = StorageValue<_, Committed, ValueQuery>;

    /// Forecasts revealed and not scored, by round.
    #[pallet::storage]
    pub type RevealedForecasts<T: Config> =
        StorageDoubleMap<_, Twox64Concat, u32, Blake2_128Concat, T::AccountId, Revealed>;

    /// Forecasts of each Brain's performance.
    #[pallet::storage]
    pub type BrainVoices<T: Config> = StorageMap<_, Twox64Concat, BrainId, Voices>;

    /// The round being scored, and its result so far.
    #[pallet::storage]
    pub type Scoring<T: Config> = StorageValue<_, RoundRecord>;

    /// Result of the last round that was scored.
    #[pallet::storage]
    pub type LastRound<T: Config> = StorageValue<_, RoundRecord>;

    /// Accuracy of each forecaster after its last forecast.
    #[pallet::storage]
    pub type Accuracies<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, AccuracyRecord>;

    /// Account after which Accuracies are looked at next.
    #[pallet::storage]
    pub type Sweep<T: Config> = StorageValue<_, T::AccountId>;

    /// Sum of deposits moved to the treasury.
    #[pallet::storage]
    pub type Forfeited<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// Parameters in force.
    #[pallet::storage]
    pub type ParametersInForce<T: Config> = StorageValue<_, Parameters, ValueQuery>;

    /// Parameters from the next cycle on.
    #[pallet::storage]
    pub type NextParameters<T: Config> = StorageValue<_, Parameters>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A validator committed itself to a forecast.
        Committed {
            round: u32,
            account: T::AccountId,
            brain: BrainId,
        },
        /// A validator revealed its forecast and got its deposit back.
        Revealed { round: u32, account: T::AccountId },
        /// A validator stayed silent; its deposit went to the treasury.
        Forfeited {
            round: u32,
            account: T::AccountId,
            amount: Balance,
        },
        /// A forecast was scored, in ppb.
        Scored {
            round: u32,
            account: T::AccountId,
            score: u64,
        },
        /// All forecasts of a round are scored.
        RoundScored { record: RoundRecord },
        /// Parameters will change.
        ParametersAnnounced {
            parameters: Parameters,
            effective_at: BlockNumber,
        },
        /// Parameters hold from the next block on.
        ParametersInForce { parameters: Parameters },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The account is no validator of this Brain; name one in which it is.
        NotValidator,
        /// The account is committed to a forecast of this round; one is enough.
        AlreadyCommitted,
        /// The round has as many forecasters as can be scored; commit earlier in the next one.
        RoundFull,
        /// There is nothing to reveal: no commitment was made in the cycle before, or it was revealed.
        NotCommitted,
        /// The commitment was made in this cycle; reveal it in the first quarter of the next.
        TooEarly,
        /// Forecasts are revealed in the first quarter of a cycle; it is over.
        TooLate,
        /// The forecast, the salt or the computekey is not what was committed to.
        WrongReveal,
        /// Quantiles must not fall: the 10% at most the 50%, that at most the 90%.
        CrossedQuantiles,
        /// Brains must be strictly ascending and below 1,024, and their performance at most 10^9.
        InvalidBrains,
        /// A forecaster is a member of a Brain it forecasts; leave it out.
        OwnBrain,
        /// An override can only lower the weight of forecasts below its schedule.
        AboveSchedule,
        /// This model is the reference already.
        SameModel,
        /// There is no model to return to.
        NoPreviousModel,
        /// The Enforcer takes over only once its schedule is complete.
        ScheduleUnfinished,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            let now = now.saturated_into();
            let scored = Self::score_some();
            Self::sweep();
            scored
                .saturating_add(T::WeightInfo::sweep())
                .saturating_add(Self::closing_weight(now))
        }

        fn on_finalize(now: BlockNumberFor<T>) {
            Self::observe(now.saturated_into());
        }

        fn integrity_test() {
            assert!(T::CycleBlocks::get() > 1, "a round needs two blocks");
            assert!(T::BucketBlocks::get() > 0, "a bucket has at least one block");
            assert!(T::ScoredPerBlock::get() > 0, "rounds end");
            assert!(
                T::Deposit::get() >= T::Currency::minimum_balance(),
                "a forfeited deposit can open the treasury's account"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Commits the caller, a validator of `brain`, to a forecast of the next cycle by its hash, which
        /// [`based_primitives::forecasts::commitment`] makes. Holds the deposit until the forecast is revealed.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::commit_forecast())]
        pub fn commit_forecast(origin: OriginFor<T>, brain: BrainId, hash: H256) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_commit(&who, brain, hash)
        }

        /// Reveals the forecast that the caller committed itself to in the cycle before, in the first quarter of this
        /// one, and returns the deposit.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::reveal_forecast(forecast.brains.len() as u32))]
        pub fn reveal_forecast(origin: OriginFor<T>, forecast: Forecast, salt: [u8; 32]) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_reveal(&who, &forecast, &salt)
        }

        /// Lowers the weight of forecasts below its schedule from the next cycle on, or lets the schedule hold (R122).
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_beta_override())]
        pub fn set_beta_override(origin: OriginFor<T>, ppb: Option<u64>) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_set_beta_override(ppb)
        }

        /// Names the version of the features that models are trained on, from the next cycle on (R121).
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::set_feature_set())]
        pub fn set_feature_set(origin: OriginFor<T>, version: u32) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_set_feature_set(version)
        }

        /// Names the reference model by its hash, from the next cycle on; the one before stays known for a rollback.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::set_model())]
        pub fn set_model(origin: OriginFor<T>, model: H256) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_set_model(model)
        }

        /// Returns to the reference model before, from the next cycle on (R122); a second rollback undoes the first.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::roll_back_model())]
        pub fn roll_back_model(origin: OriginFor<T>) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_roll_back_model()
        }

        /// Hands the role of deciding the emission's shares over, from the next cycle on: to the Enforcer only once its
        /// schedule is complete (B.17).
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::set_controller())]
        pub fn set_controller(origin: OriginFor<T>, controller: EmissionController) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_set_controller(controller)
        }
    }

    impl<T: Config> Pallet<T> {
        /// What the end of the block will cost.
        /// Transactions that fit into a block at most.
        fn most_payments() -> u32 {
            let bytes = *T::BlockLength::get().max.get(DispatchClass::Operational);
            bytes.checked_div(SHORTEST_PAYMENT).unwrap_or(0)
        }

        fn closing_weight(now: BlockNumber) -> Weight {
            let brains = Self::brains_of(now).count() as u32;
            let mut weight = T::WeightInfo::observe(brains, Self::most_payments());
            if Self::is_last(now, T::BucketBlocks::get()) {
                weight = weight.saturating_add(T::WeightInfo::close_bucket());
            }
            if Self::is_last(now, T::CycleBlocks::get()) {
                weight = weight.saturating_add(T::WeightInfo::close_cycle());
            }
            weight
        }
    }
}
