//! Who writes and finalises blocks: BABE, GRANDPA, sessions.
//!
//! The authorities pallet elects them from stake (F.2-5). Nodes report equivocations, which cost that stake.

use based_primitives::constants::BASED;
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64},
};
use pallet_session::{disabling::UpToLimitDisablingStrategy, FindAccountFromAuthorIndex};
use sp_consensus_babe::{AllowedSlots, BabeEpochConfiguration};
use sp_runtime::traits::{ConvertInto, OpaqueKeys};

use crate::{
    configs::{authorities::SessionManager, deposit},
    time::{EPOCH_SLOTS, SLASH_WINDOW, SLOT_MILLIS, WINDOW_SESSIONS},
    AccountId, Authorities, Babe, Balance, Balances, Historical, Runtime, RuntimeEvent, Session, SessionKeys,
};

/// One slot in four has a drawn leader; a secondary leader fills the others, so blocks come every slot.
pub const BABE_GENESIS_EPOCH_CONFIG: BabeEpochConfiguration = BabeEpochConfiguration {
    c: (1, 4),
    allowed_slots: AllowedSlots::PrimaryAndSecondaryVRFSlots,
};

/// Most authorities the consensus engines hold.
type MaxAuthorities = ConstU32<256>;
/// Blocks for which a report of an equivocation waits in the pool.
type ReportLongevity = ConstU64<{ SLASH_WINDOW as u64 }>;

parameter_types! {
    pub const EpochDuration: u64 = EPOCH_SLOTS as u64;
    pub const SessionKeyDeposit: Balance = deposit(3, 256).saturating_add(BASED);
}

impl pallet_babe::Config for Runtime {
    type DisabledValidators = Session;
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type EpochDuration = EpochDuration;
    type EquivocationReportSystem =
        pallet_babe::EquivocationReportSystem<Runtime, Authorities, Historical, ReportLongevity>;
    type ExpectedBlockTime = ConstU64<SLOT_MILLIS>;
    type KeyOwnerProof = sp_session::MembershipProof;
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    type WeightInfo = ();
}

impl pallet_grandpa::Config for Runtime {
    type EquivocationReportSystem =
        pallet_grandpa::EquivocationReportSystem<Runtime, Authorities, Historical, ReportLongevity>;
    type KeyOwnerProof = sp_session::MembershipProof;
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    // Each session may have a set of its own.
    type MaxSetIdSessionEntries = ConstU64<{ WINDOW_SESSIONS as u64 }>;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
}

impl pallet_authorship::Config for Runtime {
    type EventHandler = Authorities;
    type FindAuthor = FindAccountFromAuthorIndex<Runtime, Babe>;
}

impl pallet_session::Config for Runtime {
    type Currency = Balances;
    // Fewer than a third, so that the rest can finalise.
    type DisablingStrategy = UpToLimitDisablingStrategy;
    type KeyDeposit = SessionKeyDeposit;
    type Keys = SessionKeys;
    type NextSessionRotation = Babe;
    type RuntimeEvent = RuntimeEvent;
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    type SessionManager = SessionManager;
    type ShouldEndSession = Babe;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
}
