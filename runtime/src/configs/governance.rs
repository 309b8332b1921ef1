//! Governance: the two houses, what they enact, and the brake.

use based_pallet_governance::{EnsureGovernance, EnsureLabs, TrackTimes};
use based_primitives::{
    constants::{BASED, ENFORCER_ACCURACY_PPB, ENFORCER_BRAIN},
    traits::{EmergencyBrake, ForecastInspect, RegistryInspect},
    Role,
};
use frame_support::{
    parameter_types,
    traits::{ConstU32, Contains, EitherOf, EitherOfDiverse, InsideBoth, MapSuccess},
};
use frame_system::{EnsureRoot, EnsureRootWithSuccess};
use pallet_tx_pause::RuntimeCallNameOf;
use sp_runtime::{traits::Replace, DispatchResult};

use super::{deposit, Pepecoin, TreasuryAccount};
use crate::{
    time, AccountId, AssetsFreezer, Balance, Balances, Brains, Forecasts, Preimage, Registry, Runtime,
    RuntimeCall, RuntimeEvent, RuntimeFreezeReason, RuntimeHoldReason, RuntimeOrigin, SafeMode, Scheduler,
    Staking, TxPause,
};

/// The asset with which owners of Pepecoin vote.
pub type VotingAsset = Pepecoin<AssetsFreezer>;

/// Who changes parameters: root, or a proposal that passed on the track of parameters. A call that sets code or moves
/// funds takes root alone.
pub type Governed = EitherOfDiverse<EnsureRoot<AccountId>, EnsureGovernance<Runtime>>;

/// What every call passes first: the brake, and what is paused.
pub type CallFilter = InsideBoth<SafeMode, TxPause>;

parameter_types! {
    pub const RootTrack: TrackTimes = TrackTimes {
        voting: time::ROOT_VOTING,
        enactment: time::ROOT_ENACTMENT,
    };
    pub const ParameterTrack: TrackTimes = TrackTimes {
        voting: time::PARAMETER_VOTING,
        enactment: time::PARAMETER_ENACTMENT,
    };
    /// Deposit of a proposal.
    pub const ProposalDeposit: Balance = 100 * BASED;
    /// Deposit of an account's ballots: sixteen of 21 bytes, and their length.
    pub const BallotDeposit: Balance = deposit(1, 48 + 1 + 16 * 21);
    /// Smallest ballot: one Pepecoin of 18 decimals.
    pub const MinimumBallot: Balance = 1_000_000_000_000_000_000;
    /// Nobody pulls the brake for money.
    pub const NoDeposit: Option<Balance> = None;
    pub const NoRelease: Option<u32> = None;
}

/// Validators of the Enforcer's Brain whose forecasts are accurate (R124).
pub struct AccurateForecasters;

impl Contains<AccountId> for AccurateForecasters {
    fn contains(who: &AccountId) -> bool {
        Registry::role(ENFORCER_BRAIN, who) == Some(Role::Validator)
            && <Forecasts as ForecastInspect<AccountId>>::accuracy(who) >= ENFORCER_ACCURACY_PPB
    }
}

/// The brake of GigaBrains: the safe mode.
pub struct SafeModeBrake;

impl EmergencyBrake for SafeModeBrake {
    fn pull() -> DispatchResult {
        if SafeMode::is_entered() {
            return SafeMode::force_extend(RuntimeOrigin::root());
        }
        SafeMode::force_enter(RuntimeOrigin::root())
    }
}

impl based_pallet_governance::Config for Runtime {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::FullState;
    type BallotDeposit = BallotDeposit;
    type Brains = Brains;
    type Brake = SafeModeBrake;
    type BrakeWindow = ConstU32<{ time::BRAKE_WINDOW }>;
    type Currency = Balances;
    type CycleBlocks = ConstU32<{ time::CYCLE_BLOCKS }>;
    type Enforcer = AccurateForecasters;
    type MinimumBallot = MinimumBallot;
    type MinimumNotice = ConstU32<{ time::MINIMUM_NOTICE }>;
    type ParameterTrack = ParameterTrack;
    type Pepecoin = VotingAsset;
    type Preimages = Preimage;
    type ProposalDeposit = ProposalDeposit;
    type RootTrack = RootTrack;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Scheduler = Scheduler;
    type Stake = Staking;
    type Treasury = TreasuryAccount;
    type WeightInfo = based_pallet_governance::weights::SubstrateWeight<Runtime>;
    type YearOne = ConstU32<{ time::YEAR_ONE }>;
}

/// Calls that pass while the brake is pulled: what blocks, keys, governance and the brake itself need. What they carry
/// is looked at again.
pub struct VitalCalls;

impl Contains<RuntimeCall> for VitalCalls {
    fn contains(call: &RuntimeCall) -> bool {
        matches!(
            call,
            RuntimeCall::System(..)
                | RuntimeCall::Timestamp(..)
                | RuntimeCall::Babe(..)
                | RuntimeCall::Grandpa(..)
                | RuntimeCall::Session(..)
                | RuntimeCall::Authorities(..)
                | RuntimeCall::Utility(..)
                | RuntimeCall::Proxy(..)
                | RuntimeCall::Multisig(..)
                | RuntimeCall::Preimage(..)
                | RuntimeCall::Scheduler(..)
                | RuntimeCall::Sudo(..)
                | RuntimeCall::Governance(..)
                | RuntimeCall::TxPause(..)
                | RuntimeCall::Parameters(..)
                | RuntimeCall::Forecasts(
                    based_pallet_forecasts::Call::set_beta_override { .. }
                        | based_pallet_forecasts::Call::set_feature_set { .. }
                        | based_pallet_forecasts::Call::set_model { .. }
                        | based_pallet_forecasts::Call::roll_back_model { .. }
                        | based_pallet_forecasts::Call::set_controller { .. }
                )
        )
    }
}

/// Pallets without which no block is written, or nobody could vote on ending a pause.
const UNPAUSABLE: [&[u8]; 7] = [
    b"Timestamp",
    b"Babe",
    b"Grandpa",
    b"Governance",
    b"SafeMode",
    b"Preimage",
    b"Multisig",
];

/// Calls that nobody pauses.
pub struct UnpausableCalls;

impl Contains<RuntimeCallNameOf<Runtime>> for UnpausableCalls {
    fn contains((pallet, _): &RuntimeCallNameOf<Runtime>) -> bool {
        UNPAUSABLE.contains(&pallet.as_slice())
    }
}

/// Blocks for which the brake holds.
type BrakeBlocks = ConstU32<{ time::BRAKE_BLOCKS }>;
/// Root and governance, for the blocks of one brake.
type GovernedBrake = EitherOf<
    EnsureRootWithSuccess<AccountId, BrakeBlocks>,
    MapSuccess<EnsureGovernance<Runtime>, Replace<BrakeBlocks>>,
>;

impl pallet_safe_mode::Config for Runtime {
    type Currency = Balances;
    type EnterDepositAmount = NoDeposit;
    type EnterDuration = BrakeBlocks;
    type ExtendDepositAmount = NoDeposit;
    type ExtendDuration = BrakeBlocks;
    type ForceDepositOrigin = EnsureRoot<AccountId>;
    // Based Labs may enter in the first year, but neither hold it longer nor end what GigaBrains began.
    type ForceEnterOrigin = EitherOf<GovernedBrake, MapSuccess<EnsureLabs<Runtime>, Replace<BrakeBlocks>>>;
    type ForceExitOrigin = Governed;
    type ForceExtendOrigin = GovernedBrake;
    type Notify = ();
    type ReleaseDelay = NoRelease;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = pallet_safe_mode::weights::SubstrateWeight<Runtime>;
    type WhitelistedCalls = VitalCalls;
}

/// Governance, or Based Labs in the first year.
type Pausing = EitherOfDiverse<Governed, EnsureLabs<Runtime>>;

impl pallet_tx_pause::Config for Runtime {
    type MaxNameLen = ConstU32<256>;
    type PauseOrigin = Pausing;
    type RuntimeCall = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type UnpauseOrigin = Pausing;
    type WeightInfo = pallet_tx_pause::weights::SubstrateWeight<Runtime>;
    type WhitelistedCalls = UnpausableCalls;
}
