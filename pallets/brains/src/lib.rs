//! # Brains
//!
//! Brains are the numbered containers of BasedAI: each runs one model, has one owner, and earns emission
//! for the miners and validators that work in it.
//!
//! ## Overview
//!
//! At most 1,024 Brains exist, numbered 0 to 1,023 (R016, R035, R072). Eight of them are administrative,
//! present from genesis and kept by Based Labs (R073); three of those are reserved and take no part in the
//! economy (R079). All others are issued for burnt or staked Pepecoin (R033). The owner chooses the task
//! (R011, R061), announced ahead so that peers can prepare (R062), and the terms on which peers and stakers
//! are paid (R063, R097, B.10).
//!
//! ## Terminology
//!
//! - **Task**: manifest hash of a model with the repository and commit of its code (R158).
//! - **Open**: issued and not reserved; only open Brains admit peers, stake and emission.
//! - **Miner share**: the miners' part of the node pool; the validators have the rest.
//! - **Owner commission**: what the owner keeps of the part of the slice earned by stake directed to the
//!   Brain as such; the stakers have the rest.
//! - **Redistribution**: parts of the owner's own income passed on to miners and validators.
//! - **Announced value**: a value that holds from a later block. It is resolved when read and folded into
//!   the record at the next write, so that no block has to activate it.
//!
//! ## Interface
//!
//! - [`Call::issue`]: by `IssueOrigin`.
//! - [`Call::transfer`], [`Call::set_task`], [`Call::set_name`], [`Call::set_reward_account`],
//!   [`Call::set_terms`], [`Call::set_redistribution`]: by the Brain's owner.
//! - Other pallets read Brains through [`based_primitives::traits::BrainInspect`].
//!
//! ## Invariants
//!
//! - Every number is below 1,024; a Brain is administrative exactly if its number is one of the eight.
//! - [`OpenBrains`] lists the Brains in state `Active`, strictly ascending.
//! - Ratios are at most 10^9; every stored task and name is well formed.
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

// The macros below expand to `expect`.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
    use alloc::vec::Vec;

    use based_primitives::{
        constants::{ADMIN_BRAINS, MAX_BRAINS},
        BlockNumber, BrainId, BrainKind, BrainName, BrainState, Task,
    };
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_core::H256;

    use super::{types::*, weights::WeightInfo};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Who may issue Brains: the bridge, or root while there is none.
        type IssueOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Blocks in one cycle.
        #[pallet::constant]
        type CycleBlocks: Get<BlockNumber>;
        /// Blocks between the announcement of a task and its start (R062).
        #[pallet::constant]
        type NoticeBlocks: Get<BlockNumber>;
        /// Blocks before the owner of a staked Brain earns (R046).
        #[pallet::constant]
        type OwnerVesting: Get<BlockNumber>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// All Brains by number.
    #[pallet::storage]
    pub type Brains<T: Config> = StorageMap<_, Twox64Concat, BrainId, Brain<T::AccountId>>;

    /// Numbers of the open Brains, ascending.
    #[pallet::storage]
    pub type OpenBrains<T: Config> =
        StorageValue<_, BoundedVec<BrainId, ConstU32<{ MAX_BRAINS as u32 }>>, ValueQuery>;

    /// Brains that exist from the first block.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Number, owner, kind, state, name and task in force of each.
        #[allow(clippy::type_complexity)]
        pub brains: Vec<(
            BrainId,
            T::AccountId,
            BrainKind,
            BrainState,
            Vec<u8>,
            Option<Task>,
        )>,
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

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A Brain was issued.
        BrainIssued {
            brain: BrainId,
            owner: T::AccountId,
            kind: BrainKind,
        },
        /// A Brain has a new owner; its reward account was reset to the owner.
        BrainTransferred {
            brain: BrainId,
            from: T::AccountId,
            to: T::AccountId,
        },
        /// A task was announced: it holds from `effective_at` on, and peers restart with its code.
        TaskChanged {
            brain: BrainId,
            manifest: H256,
            effective_at: BlockNumber,
        },
        /// A Brain was named.
        NameSet { brain: BrainId, name: BrainName },
        /// The owner's income goes to `account`, or to the owner if none.
        RewardAccountSet {
            brain: BrainId,
            account: Option<T::AccountId>,
        },
        /// Terms were announced, each with the block from which it holds.
        TermsChanged {
            brain: BrainId,
            miner_share: u64,
            miner_share_from: BlockNumber,
            owner_commission: u64,
            owner_commission_from: BlockNumber,
        },
        /// Parts of the owner's income go to miners and validators from `effective_at` on.
        RedistributionChanged {
            brain: BrainId,
            to_miners: u64,
            to_validators: u64,
            effective_at: BlockNumber,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// No Brain has this number.
        UnknownBrain,
        /// Only the Brain's owner may do this.
        NotOwner,
        /// Numbers of Brains are 0 to 1,023.
        InvalidNumber,
        /// The number is one of the administrative Brains, which exist from genesis only.
        AdministrativeNumber,
        /// Administrative Brains are not issued; choose burned or staked.
        AdministrativeKind,
        /// A Brain with this number exists; choose another or none for the lowest free one.
        NumberTaken,
        /// All Brains are issued.
        NoFreeNumber,
        /// Administrative Brains stay with Based Labs.
        AdministrativeBrain,
        /// A Brain issued for staked Pepecoin cannot change hands.
        StakedBrain,
        /// The new owner already owns the Brain.
        AlreadyOwner,
        /// The repository must be an https:// address with a host, without spaces or control characters.
        InvalidRepository,
        /// The commit of the repository must not be zero.
        MissingCommit,
        /// The manifest hash must not be zero.
        MissingManifest,
        /// The name must be UTF-8 without control characters.
        InvalidName,
        /// A ratio exceeds one; ratios are in parts per billion.
        RatioTooLarge,
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

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Issues a Brain to `owner`, with the lowest free number unless `brain` names one (R072).
        ///
        /// Administrative numbers and kinds are refused (R073); so is everything once all numbers are taken
        /// (R035).
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::issue())]
        pub fn issue(
            origin: OriginFor<T>,
            brain: Option<BrainId>,
            owner: T::AccountId,
            kind: BrainKind,
        ) -> DispatchResult {
            T::IssueOrigin::ensure_origin(origin)?;
            ensure!(kind != BrainKind::Administrative, Error::<T>::AdministrativeKind);
            let brain = match brain {
                Some(id) => Self::ensure_free(id)?,
                None => Self::lowest_free().ok_or(Error::<T>::NoFreeNumber)?,
            };
            Self::insert(
                brain,
                Brain::new(owner.clone(), kind, BrainState::Active, Self::now()),
            )?;
            Self::deposit_event(Event::BrainIssued { brain, owner, kind });
            Ok(())
        }

        /// Gives a burned Brain to another owner (R021). The reward account is reset, so that income follows
        /// ownership.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::transfer())]
        pub fn transfer(origin: OriginFor<T>, brain: BrainId, to: T::AccountId) -> DispatchResult {
            let from = ensure_signed(origin)?;
            Self::try_mutate_owned(brain, &from, |record| {
                match record.kind {
                    BrainKind::Administrative => return Err(Error::<T>::AdministrativeBrain.into()),
                    BrainKind::Staked => return Err(Error::<T>::StakedBrain.into()),
                    BrainKind::Burned => (),
                }
                ensure!(record.owner != to, Error::<T>::AlreadyOwner);
                record.owner = to.clone();
                record.reward_account = None;
                Ok(())
            })?;
            Self::deposit_event(Event::BrainTransferred { brain, from, to });
            Ok(())
        }

        /// Announces the Brain's task: it holds after the notice period (R062). A task announced earlier and
        /// not yet in force is replaced.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_task())]
        pub fn set_task(origin: OriginFor<T>, brain: BrainId, task: Task) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::ensure_task(&task)?;
            let manifest = task.manifest;
            let now = Self::now();
            let effective_at = now.saturating_add(T::NoticeBlocks::get());
            Self::try_mutate_owned(brain, &who, |record| {
                record.settle(now);
                record.next_task = Some((task, effective_at));
                Ok(())
            })?;
            Self::deposit_event(Event::TaskChanged {
                brain,
                manifest,
                effective_at,
            });
            Ok(())
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
            Self::ensure_ratio(miner_share_ppb)?;
            Self::ensure_ratio(owner_commission_ppb)?;
            let now = Self::now();
            let miner_share_from = Self::cycle_start_after(now);
            let commission_change = Self::cycle_start_after(miner_share_from);
            let mut owner_commission_from = now;
            Self::try_mutate_owned(brain, &who, |record| {
                record.settle(now);
                record.next_miner_share = Some((miner_share_ppb, miner_share_from));
                // A commission that stays needs no notice, and must not restart one that runs.
                let announced = record.next_owner_commission.map(|(value, _)| value);
                if announced != Some(owner_commission_ppb) {
                    record.next_owner_commission = (record.owner_commission != owner_commission_ppb)
                        .then_some((owner_commission_ppb, commission_change));
                }
                owner_commission_from = record.next_owner_commission.map_or(now, |(_, from)| from);
                Ok(())
            })?;
            Self::deposit_event(Event::TermsChanged {
                brain,
                miner_share: miner_share_ppb,
                miner_share_from,
                owner_commission: owner_commission_ppb,
                owner_commission_from,
            });
            Ok(())
        }

        /// Announces which parts of the owner's own income go to miners and to validators, in parts per
        /// billion and together at most all of it, from the start of the next cycle (R097).
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::set_redistribution())]
        pub fn set_redistribution(
            origin: OriginFor<T>,
            brain: BrainId,
            to_miners_ppb: u64,
            to_validators_ppb: u64,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let redistribution = Redistribution {
                to_miners: to_miners_ppb,
                to_validators: to_validators_ppb,
            };
            ensure!(redistribution.is_valid(), Error::<T>::RatioTooLarge);
            let now = Self::now();
            let effective_at = Self::cycle_start_after(now);
            Self::try_mutate_owned(brain, &who, |record| {
                record.settle(now);
                record.next_redistribution = Some((redistribution, effective_at));
                Ok(())
            })?;
            Self::deposit_event(Event::RedistributionChanged {
                brain,
                to_miners: to_miners_ppb,
                to_validators: to_validators_ppb,
                effective_at,
            });
            Ok(())
        }
    }
}
