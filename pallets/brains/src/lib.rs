//! # Brains
//!
//! Numbered containers of BasedAI: each runs one model and earns emission for those who work in it.
//!
//! ## Overview
//!
//! At most 1,024 Brains exist, numbered 0 to 1,023 (R016, R035, R072). Eight of them are administrative,
//! present from genesis and kept by Based Labs (R073); three of those are reserved and take no part in the
//! economy (R079). All others are issued at once for burnt or staked Pepecoin (R033, R039, R044). A burned Brain
//! is permanent and can change hands (R040); a staked one cannot, and after 90 days its owner may close it and
//! have the stake back (R045, R047, R058). One account may own several (R053). The owner chooses the task (R011,
//! R061), announced ahead so that peers can prepare (R062), the terms on which peers and stakers are paid (R063,
//! R097, B.10), the Brain's names (R064) and who may join (R184).
//!
//! ## Terminology
//!
//! - **Task**: manifest hash of a model with the repository and commit of its code (R158).
//! - **Open**: issued and not reserved; other Brains have no peers, stake or emission.
//! - **Miner share**: the miners' part of the node pool; the validators have the rest.
//! - **Owner commission**: what the owner keeps of what stake directed to the Brain as such earns.
//! - **Redistribution**: parts of the owner's income passed on to peers.
//! - **Price**: 1,000 Pepecoin and 200 more for every burned Brain (R037, R038); it never falls (B.12).
//! - **Term**: 90 days after issue, in which the owner of a staked Brain earns nothing and the stake stays.
//! - **Bridge**: the account that speaks for Ethereum. It alone hands on or closes the Brains it issued (R152).
//! - **Closed**: no longer existing. The number is free once its peers are removed.
//! - **Deposit**: $BASED held from the owner for domain names and the allow-list. It passes on with the Brain.
//! - **Announced value**: holds from a later block, resolved when read: no block has to activate it.
//!
//! ## Interface
//!
//! - [`Call::acquire`]: by anyone, for Pepecoin.
//! - [`Call::issue`]: by `GovernanceOrigin` or `BridgeOrigin`, for Pepecoin paid elsewhere.
//! - [`Call::transfer`], [`Call::deactivate`], [`Call::set_task`], [`Call::set_template`], [`Call::set_name`],
//!   [`Call::set_domains`], [`Call::set_reward_account`], [`Call::set_terms`], [`Call::set_redistribution`],
//!   [`Call::set_admission`], [`Call::set_allowed`]: by the Brain's owner.
//! - [`Call::reassign`], [`Call::close`], [`Call::prove_ens`]: by `BridgeOrigin`.
//! - [`Call::set_bridge`], [`Call::record_audit`]: by `GovernanceOrigin`.
//! - Other pallets read Brains through [`based_primitives::traits::BrainInspect`].
//!
//! ## Invariants
//!
//! - Every number is below 1,024; a Brain is administrative exactly if its number is one of the eight.
//! - [`OpenBrains`] lists the Brains in state `Active`, strictly ascending.
//! - Ratios are at most 10^9; every stored task and name is well formed.
//! - [`BurnedBrains`] is the number of burned Brains. [`Stakes`] belong to staked Brains, sum up to what
//!   [`PepecoinTotals`] says, and lie in the pallet's account.
//! - What is held from an account for deposits is the sum of [`Deposits`] of the Brains it owns.
//! - [`BnsNames`] and [`Profiles`] agree; so do [`Allowed`] and the counts in [`Admissions`].
//! - No record remains under the number of a closed Brain.
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

mod acquisition;
mod admission;
#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
mod errors;
mod events;
mod functions;
mod identity;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod invariants;
pub mod migrations;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use frame_support::pallet_macros::import_section;

// The macros below expand to `expect`.
#[allow(clippy::expect_used)]
#[import_section(errors::errors)]
#[import_section(events::events)]
#[frame_support::pallet]
pub mod pallet {
    use alloc::vec::Vec;

    use based_primitives::{
        constants::{ADMIN_BRAINS, MAX_ALLOWED, MAX_BRAINS},
        traits::{OnBrainHandedOver, SweepBrain},
        Balance, BlockNumber, BrainId, BrainKind, BrainName, Domain, Task, TemplateId,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::fungible::{Inspect, Mutate, MutateHold},
        PalletId,
    };
    use frame_system::pallet_prelude::*;
    use sp_core::H256;

    use super::{types::*, weights::WeightInfo};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

    /// Owner of the account in which staked Pepecoin lies.
    pub const PALLET_ID: PalletId = PalletId(*b"based/br");

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Who appoints the bridge, records audits, and issues Brains without payment on this chain.
        type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Who speaks for Ethereum: [`EnsureBridge`] for the account that governance appointed.
        type BridgeOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// $BASED, held for what an owner stores.
        type Currency: Inspect<Self::AccountId, Balance = Balance>
            + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// Pepecoin, for which Brains are issued; 18 decimals.
        type Pepecoin: Mutate<Self::AccountId, Balance = Balance>;
        /// Reasons for which the runtime holds funds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Pallets that keep records of a Brain, emptied when it closes.
        type Sweep: SweepBrain;
        /// Told when a Brain changes hands.
        type OnHandedOver: OnBrainHandedOver;
        /// Deposit for one item of storage.
        #[pallet::constant]
        type DepositPerItem: Get<Balance>;
        /// Deposit for one byte of storage.
        #[pallet::constant]
        type DepositPerByte: Get<Balance>;
        /// Blocks in one cycle.
        #[pallet::constant]
        type CycleBlocks: Get<BlockNumber>;
        /// Blocks between the announcement of a task and its start (R062).
        #[pallet::constant]
        type NoticeBlocks: Get<BlockNumber>;
        /// Blocks before the owner of a staked Brain earns (R046) and may close it (R047).
        #[pallet::constant]
        type OwnerVesting: Get<BlockNumber>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
        /// Puts state into other pallets.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: based_primitives::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why funds are held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Pays for the domain names and the allow-list of a Brain.
        Deposit,
    }

    /// All Brains by number.
    #[pallet::storage]
    pub type Brains<T: Config> = StorageMap<_, Twox64Concat, BrainId, Brain<T::AccountId>>;

    /// Numbers of the open Brains, ascending.
    #[pallet::storage]
    pub type OpenBrains<T: Config> =
        StorageValue<_, BoundedVec<BrainId, ConstU32<{ MAX_BRAINS as u32 }>>, ValueQuery>;

    /// Number of burned Brains, which decides the price (R038).
    #[pallet::storage]
    pub type BurnedBrains<T: Config> = StorageValue<_, u16, ValueQuery>;

    /// Staked Pepecoin in the pallet's account, by Brain. A staked Brain without entry was paid for elsewhere.
    #[pallet::storage]
    pub type Stakes<T: Config> = StorageMap<_, Twox64Concat, BrainId, Balance>;

    /// Pepecoin burnt and staked on this chain (R050).
    #[pallet::storage]
    pub type PepecoinTotals<T: Config> = StorageValue<_, Totals, ValueQuery>;

    /// Account that speaks for Ethereum.
    #[pallet::storage]
    pub type Bridge<T: Config> = StorageValue<_, T::AccountId>;

    /// Brains that follow a token on Ethereum (R152).
    #[pallet::storage]
    pub type Tokens<T: Config> = StorageMap<_, Twox64Concat, BrainId, ()>;

    /// Closed Brains that are not yet emptied, ascending.
    #[pallet::storage]
    pub type Closing<T: Config> =
        StorageValue<_, BoundedVec<BrainId, ConstU32<{ MAX_BRAINS as u32 }>>, ValueQuery>;

    /// Domain names and template of Brains that have any.
    #[pallet::storage]
    pub type Profiles<T: Config> = StorageMap<_, Twox64Concat, BrainId, Profile, ValueQuery>;

    /// Brains by BNS name (R064).
    #[pallet::storage]
    pub type BnsNames<T: Config> = StorageMap<_, Blake2_128Concat, Domain, BrainId>;

    /// Audits of the task in force and of the announced one, by the hash of the task (R158).
    #[pallet::storage]
    pub type Audits<T: Config> =
        StorageMap<_, Twox64Concat, BrainId, BoundedVec<(H256, AuditStatus), ConstU32<2>>, ValueQuery>;

    /// Whom Brains admit.
    #[pallet::storage]
    pub type Admissions<T: Config> = StorageMap<_, Twox64Concat, BrainId, Admission, ValueQuery>;

    /// Accounts on the allow-lists of Brains (R184).
    #[pallet::storage]
    pub type Allowed<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BrainId, Blake2_128Concat, T::AccountId, ()>;

    /// $BASED held from the owner of a Brain for what it stores.
    #[pallet::storage]
    pub type Deposits<T: Config> = StorageMap<_, Twox64Concat, BrainId, Balance, ValueQuery>;

    /// Brains that exist from the first block.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Number, owner, kind, state, name and task in force of each.
        pub brains: Vec<GenesisBrain<T::AccountId>>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            for (id, owner, kind, state, name, task) in &self.brains {
                let result =
                    Pallet::<T>::insert_genesis(*id, owner.clone(), *kind, *state, name, task.clone());
                assert!(
                    result.is_ok(),
                    "Brain {id} of the genesis configuration: {:?}",
                    result.err()
                );
            }
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(T::CycleBlocks::get() > 0, "a cycle has at least one block");
            assert!(
                ADMIN_BRAINS.iter().all(|id| *id < MAX_BRAINS),
                "administrative numbers are valid"
            );
        }

        fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
            let own = T::WeightInfo::sweep();
            match remaining.checked_sub(&own) {
                Some(limit) => own.saturating_add(Self::do_sweep(limit)),
                None => Weight::zero(),
            }
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Issues a Brain to `owner`, with the lowest free number unless `brain` names one (R072). Administrative
        /// numbers and kinds are refused (R073); so is everything once all numbers are taken (R035). A Brain issued
        /// by the bridge follows its token.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::issue())]
        pub fn issue(
            origin: OriginFor<T>,
            brain: Option<BrainId>,
            owner: T::AccountId,
            kind: BrainKind,
        ) -> DispatchResult {
            let follows_token = T::BridgeOrigin::try_origin(origin)
                .map(|_| true)
                .or_else(|origin| T::GovernanceOrigin::ensure_origin(origin).map(|_| false))?;
            Self::do_issue(brain, owner, kind, follows_token)
        }

        /// Gives a burned Brain to another owner (R021). The reward account is reset, so that income follows
        /// ownership; the deposit passes to the new owner, whose account must exist if there is any.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::transfer().saturating_add(T::OnHandedOver::weight()))]
        pub fn transfer(origin: OriginFor<T>, brain: BrainId, to: T::AccountId) -> DispatchResult {
            let from = ensure_signed(origin)?;
            Self::do_transfer(from, brain, to)
        }

        /// Announces the Brain's task. It holds after the notice period (R062), in place of one not yet in force.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_task())]
        pub fn set_task(origin: OriginFor<T>, brain: BrainId, task: Task) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_task(&who, brain, task)
        }

        /// Names the Brain (R064); an empty name removes it.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::set_name())]
        pub fn set_name(origin: OriginFor<T>, brain: BrainId, name: BrainName) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::ensure_name(&name)?;
            Self::try_mutate_owned(brain, &who, |record| {
                record.name = name.clone();
                Ok(())
            })?;
            Self::deposit_event(Event::NameSet { brain, name });
            Ok(())
        }

        /// Sets the account that receives the owner's income (R065); none means the owner.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::set_reward_account())]
        pub fn set_reward_account(
            origin: OriginFor<T>,
            brain: BrainId,
            account: Option<T::AccountId>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::try_mutate_owned(brain, &who, |record| {
                record.reward_account = account.clone();
                Ok(())
            })?;
            Self::deposit_event(Event::RewardAccountSet { brain, account });
            Ok(())
        }

        /// Announces the Brain's terms, in parts per billion: the miners' share of the node pool, from the
        /// start of the next cycle (R063), and the owner's commission, from the start of the cycle after it
        /// (B.10: a whole cycle ahead).
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::set_terms())]
        pub fn set_terms(
            origin: OriginFor<T>,
            brain: BrainId,
            miner_share_ppb: u64,
            owner_commission_ppb: u64,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_terms(&who, brain, miner_share_ppb, owner_commission_ppb)
        }

        /// Announces which parts of the owner's income, in ppb, go to miners and validators from the next cycle
        /// on; together at most all of it (R097).
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::set_redistribution())]
        pub fn set_redistribution(
            origin: OriginFor<T>,
            brain: BrainId,
            to_miners_ppb: u64,
            to_validators_ppb: u64,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_redistribution(&who, brain, to_miners_ppb, to_validators_ppb)
        }

        /// Issues a Brain to the caller, with the lowest free number unless `brain` names one: for the price in
        /// Pepecoin, burnt, or for 100,000 Pepecoin, staked until the Brain is deactivated. Refused if that is more
        /// than `max_price`: others may raise the price until the call is in a block.
        #[pallet::call_index(7)]
        #[pallet::weight(match kind {
            BrainKind::Staked => T::WeightInfo::acquire_staked(),
            _ => T::WeightInfo::acquire_burned(),
        })]
        pub fn acquire(
            origin: OriginFor<T>,
            brain: Option<BrainId>,
            kind: BrainKind,
            max_price: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_acquire(who, brain, kind, max_price)
        }

        /// Closes a staked Brain of the caller after its term and returns the stake (R047, R058). Peers stop, deposits
        /// are released, and the number can be issued again once the Brain is emptied (R059, B.12).
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::deactivate(MAX_ALLOWED))]
        pub fn deactivate(origin: OriginFor<T>, brain: BrainId) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let removed = Self::do_deactivate(&who, brain)?;
            Ok(Some(T::WeightInfo::deactivate(removed)).into())
        }

        /// Gives a burned Brain to the owner of its token (R034, R152). The former owner gets the deposit back; the
        /// next change of what the Brain stores takes a new one.
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::reassign().saturating_add(T::OnHandedOver::weight()))]
        pub fn reassign(origin: OriginFor<T>, brain: BrainId, owner: T::AccountId) -> DispatchResult {
            T::BridgeOrigin::ensure_origin(origin)?;
            Self::do_reassign(brain, owner)
        }

        /// Closes a staked Brain whose token went back (R057). The contract on Ethereum keeps the term.
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::close(MAX_ALLOWED))]
        pub fn close(origin: OriginFor<T>, brain: BrainId) -> DispatchResultWithPostInfo {
            T::BridgeOrigin::ensure_origin(origin)?;
            let removed = Self::do_close(brain)?;
            Ok(Some(T::WeightInfo::close(removed)).into())
        }

        /// Appoints the account that speaks for Ethereum; none means nobody does.
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::set_bridge())]
        pub fn set_bridge(origin: OriginFor<T>, account: Option<T::AccountId>) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Bridge::<T>::set(account.clone());
            Self::deposit_event(Event::BridgeSet { account });
            Ok(())
        }

        /// Sets or removes the Brain's domain names (R064). A BNS name belongs to one Brain only; a new ENS name
        /// is unproved until the bridge shows that the owner has it.
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::set_domains())]
        pub fn set_domains(
            origin: OriginFor<T>,
            brain: BrainId,
            bns: Option<Domain>,
            ens: Option<Domain>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_domains(&who, brain, bns, ens)
        }

        /// Records that the Brain's owner owns its ENS name (R064).
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::prove_ens())]
        pub fn prove_ens(
            origin: OriginFor<T>,
            brain: BrainId,
            owner: T::AccountId,
            ens: Domain,
        ) -> DispatchResult {
            T::BridgeOrigin::ensure_origin(origin)?;
            Self::do_prove_ens(brain, &owner, &ens)
        }

        /// Names the template of the task (R069), if any.
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::set_template())]
        pub fn set_template(
            origin: OriginFor<T>,
            brain: BrainId,
            template: Option<TemplateId>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_template(&who, brain, template)
        }

        /// Records the audit of the Brain's task or of the announced one (R158). `task` is its BLAKE2-256 hash.
        #[pallet::call_index(15)]
        #[pallet::weight(T::WeightInfo::record_audit())]
        pub fn record_audit(
            origin: OriginFor<T>,
            brain: BrainId,
            task: H256,
            status: AuditStatus,
        ) -> DispatchResult {
            T::GovernanceOrigin::ensure_origin(origin)?;
            Self::do_record_audit(brain, task, status)
        }

        /// Restricts the Brain to the accounts on its list, or opens it to everyone (R184). Peers stay.
        #[pallet::call_index(16)]
        #[pallet::weight(T::WeightInfo::set_admission())]
        pub fn set_admission(origin: OriginFor<T>, brain: BrainId, restricted: bool) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_admission(&who, brain, restricted)
        }

        /// Puts an account on the Brain's list or takes it from there (R184).
        #[pallet::call_index(17)]
        #[pallet::weight(T::WeightInfo::set_allowed())]
        pub fn set_allowed(
            origin: OriginFor<T>,
            brain: BrainId,
            account: T::AccountId,
            allowed: bool,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_allowed(&who, brain, account, allowed)
        }
    }
}
