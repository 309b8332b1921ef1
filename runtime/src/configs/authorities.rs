//! Producers of blocks: the stake that elects them and answers for them.

use alloc::vec::Vec;

use based_primitives::{constants::BASED, traits::Sessions};
use frame_support::{parameter_types, traits::ConstU32};
use frame_system::offchain::{CreateBare, CreateTransactionBase};
use pallet_session::historical::NoteHistoricalRoot;
use sp_runtime::{generic, traits::Convert};
use sp_staking::offence::OffenceSeverity;

use super::TreasuryAccount;
use crate::{
    time::{CYCLE_BLOCKS, SLASH_WINDOW, WINDOW_SESSIONS},
    AccountId, Authorities, Balance, Balances, Historical, Registry, Runtime, RuntimeCall, RuntimeEvent,
    RuntimeHoldReason, Session, Staking, UncheckedExtrinsic,
};

/// Most producers of a session.
pub const MAX_PRODUCERS: u32 = 100;

parameter_types! {
    /// Bond of a candidate.
    pub const ProducerBond: Balance = 100 * BASED;
    /// Smallest backing with which a candidate is elected.
    pub const MinBacking: Balance = 1_000 * BASED;
}

/// Elects producers and keeps the roots by which their keys are proven later.
pub type SessionManager = NoteHistoricalRoot<Runtime, Authorities>;

impl based_pallet_authorities::Config for Runtime {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::FullState;
    type Bond = ProducerBond;
    type Currency = Balances;
    type MaxCandidates = ConstU32<512>;
    type MaxProducers = ConstU32<MAX_PRODUCERS>;
    type MinBacking = MinBacking;
    // Of four, one may fail and finality goes on.
    type MinProducers = ConstU32<4>;
    type Registry = Registry;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Sessions = SessionPallet;
    type SlashWindow = ConstU32<SLASH_WINDOW>;
    type SlashedTo = TreasuryAccount;
    type Stake = Staking;
    type WeightInfo = based_pallet_authorities::weights::SubstrateWeight<Runtime>;
    // The window begins and ends within a cycle.
    type WindowCycles = ConstU32<{ SLASH_WINDOW / CYCLE_BLOCKS + 2 }>;
    type WindowSessions = ConstU32<WINDOW_SESSIONS>;
}

/// Proofs name a producer by its account alone: its stake is found when it is slashed.
pub struct AccountOnly;

impl Convert<AccountId, Option<()>> for AccountOnly {
    fn convert(_: AccountId) -> Option<()> {
        Some(())
    }
}

impl pallet_session::historical::Config for Runtime {
    type FullIdentification = ();
    type FullIdentificationOf = AccountOnly;
    type RuntimeEvent = RuntimeEvent;
}

/// The session pallet as the authorities pallet sees it.
pub struct SessionPallet;

impl Sessions<AccountId> for SessionPallet {
    fn has_keys(account: &AccountId) -> bool {
        pallet_session::NextKeys::<Runtime>::contains_key(account)
    }

    fn producers() -> Vec<AccountId> {
        Session::validators()
    }

    fn is_newest(producers: &[AccountId]) -> bool {
        let mut newest = Session::queued_keys();
        newest.sort_by(|(one, _), (other, _)| one.cmp(other));
        newest.len() == producers.len()
            && newest.iter().zip(producers).all(|((who, keys), expected)| {
                who == expected && Session::load_keys(who).as_ref() == Some(keys)
            })
    }

    fn disable(account: &AccountId) {
        Session::report_offence(account.clone(), OffenceSeverity::max_severity());
    }

    fn forget_before(session: u32) {
        Historical::prune_up_to(session);
    }
}

// A node that sees an equivocation reports it by an extrinsic without a signature.
impl<Call> CreateTransactionBase<Call> for Runtime
where
    RuntimeCall: From<Call>,
{
    type Extrinsic = UncheckedExtrinsic;
    type RuntimeCall = RuntimeCall;
}

impl<Call> CreateBare<Call> for Runtime
where
    RuntimeCall: From<Call>,
{
    fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
        generic::UncheckedExtrinsic::new_bare(call).into()
    }
}
