//! Who writes and finalises blocks: BABE, GRANDPA, sessions.
//!
//! The authorities are those of genesis; each may change its session keys. Equivocations carry no penalty
//! while no stake stands behind an authority, so reports are switched off.

use based_primitives::constants::BASED;
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64},
};
use pallet_session::FindAccountFromAuthorIndex;
use sp_consensus_babe::{AllowedSlots, BabeEpochConfiguration};
use sp_runtime::traits::{ConvertInto, OpaqueKeys};

use crate::{
    configs::deposit,
    time::{EPOCH_SLOTS, SLOT_MILLIS},
    AccountId, Babe, Balance, Balances, Runtime, RuntimeEvent, Session, SessionKeys,
};

/// One slot in four has a drawn leader; a secondary leader fills the others, so blocks come every slot.
pub const BABE_GENESIS_EPOCH_CONFIG: BabeEpochConfiguration = BabeEpochConfiguration {
    c: (1, 4),
    allowed_slots: AllowedSlots::PrimaryAndSecondaryVRFSlots,
};

/// Most authorities the consensus engines hold.
type MaxAuthorities = ConstU32<256>;

parameter_types! {
    pub const EpochDuration: u64 = EPOCH_SLOTS as u64;
    pub const SessionKeyDeposit: Balance = deposit(3, 256).saturating_add(BASED);
}

impl pallet_babe::Config for Runtime {
    type DisabledValidators = Session;
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type EpochDuration = EpochDuration;
    type EquivocationReportSystem = ();
    type ExpectedBlockTime = ConstU64<SLOT_MILLIS>;
    type KeyOwnerProof = sp_core::Void;
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    type WeightInfo = ();
}

impl pallet_grandpa::Config for Runtime {
    type EquivocationReportSystem = ();
    type KeyOwnerProof = sp_core::Void;
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = ConstU64<0>;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
}

impl pallet_authorship::Config for Runtime {
    type EventHandler = ();
    type FindAuthor = FindAccountFromAuthorIndex<Runtime, Babe>;
}

impl pallet_session::Config for Runtime {
    type Currency = Balances;
    type DisablingStrategy = ();
    type KeyDeposit = SessionKeyDeposit;
    type Keys = SessionKeys;
    type NextSessionRotation = Babe;
    type RuntimeEvent = RuntimeEvent;
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    // Keeps the genesis set and takes up its members' new keys.
    type SessionManager = ();
    type ShouldEndSession = Babe;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
}
