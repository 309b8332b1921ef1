//! # Ethereum
//!
//! What wallets and contracts of Ethereum need beside the other pallets: links of addresses, and approvals of Brains.
//!
//! ## Overview
//!
//! An account of the network may link an Ethereum address whose key consents (R036): owners known on Ethereum are then
//! known here. Consent is typed data that wallets show and sign (EIP-712); each is good for one link. Brains can be
//! handed on by others than their owners, as ERC-721 has it: by whom the owner approved for one Brain, or by operators
//! for all of its Brains.
//!
//! ## Terminology
//!
//! - **Link**: an account and an Ethereum address that belong to the same person; each has at most one.
//! - **Nonce**: number of links that an address consented to; the next consent names it, so that none is used twice.
//! - **Approval**: leave to hand on one Brain, until it is handed on.
//! - **Operator**: account that may do with all Brains of an owner what approvals allow, and approve.
//!
//! ## Interface
//!
//! - [`Call::link`], [`Call::unlink`]: by the account.
//! - [`Call::approve`]: by a Brain's owner or its operators. [`Call::set_operator`]: by an owner.
//! - [`Call::transfer_from`]: by a Brain's owner, its operators, and the account approved for it.
//! - Approvals end through [`based_primitives::traits::OnBrainHandedOver`] and
//!   [`based_primitives::traits::SweepBrain`].
//!
//! ## Invariants
//!
//! - `Links` and the linked accounts in `Addresses` describe the same links.
//! - What is held from an account is the sum of the deposits of what it stores here. The deposit of an address stays with
//!   the last account that linked it, as long as the record that keeps old consents from being used again.
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
mod types;
pub mod weights;

pub use functions::consent_hash;
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

// The macros expand to `expect`.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
    use based_primitives::{
        traits::{BrainInspect, BrainTransfer},
        Balance, BrainId,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::fungible::{hold::Mutate as MutateHold, Inspect},
    };
    use frame_system::pallet_prelude::*;
    use sp_core::H160;
    use sp_runtime::AccountId32;

    use super::{types::*, weights::WeightInfo};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId32, RuntimeEvent: From<Event<Self>>> {
        /// $BASED, held for what is stored.
        type Currency: Inspect<AccountId32, Balance = Balance>
            + MutateHold<AccountId32, Reason = Self::RuntimeHoldReason>;
        /// Reasons for which the runtime holds funds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Brains, their owners and how they change hands.
        type Brains: BrainInspect<AccountId32> + BrainTransfer<AccountId32>;
        /// Deposit for one item of storage.
        #[pallet::constant]
        type DepositPerItem: Get<Balance>;
        /// Deposit for one byte of storage.
        #[pallet::constant]
        type DepositPerByte: Get<Balance>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
        /// Puts state into other pallets.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: based_primitives::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why funds are held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// For what is stored.
        Deposit,
    }

    /// Ethereum address of an account.
    #[pallet::storage]
    pub type Links<T: Config> = StorageMap<_, Blake2_128Concat, AccountId32, H160>;

    /// Addresses that were ever linked.
    #[pallet::storage]
    pub type Addresses<T: Config> = StorageMap<_, Blake2_128Concat, H160, Address<AccountId32>>;

    /// Account that may hand on a Brain.
    #[pallet::storage]
    pub type Approvals<T: Config> = StorageMap<_, Twox64Concat, BrainId, Approval<AccountId32>>;

    /// Operators of owners, with the deposit for each.
    #[pallet::storage]
    pub type Operators<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, AccountId32, Blake2_128Concat, AccountId32, Balance>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// An account and an address belong together.
        Linked { account: AccountId32, address: H160 },
        /// They no longer do.
        Unlinked { account: AccountId32, address: H160 },
        /// An account may hand on a Brain, or nobody any more.
        Approved {
            brain: BrainId,
            spender: Option<AccountId32>,
        },
        /// An account may act for an owner of Brains, or no longer.
        OperatorSet {
            owner: AccountId32,
            operator: AccountId32,
            allowed: bool,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The address's key did not sign this link with the address's next nonce: sign again.
        WrongConsent,
        /// The account has no link.
        NotLinked,
        /// There is no such Brain.
        UnknownBrain,
        /// Only the Brain's owner and its operators may approve.
        NotOwner,
        /// Only the Brain's owner, its operators and the account approved for it may hand it on.
        NotApproved,
        /// The Brain belongs to another account than the one named.
        NotFrom,
        /// An owner is no operator of its own.
        OwnOperator,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Links the caller to an Ethereum address whose key signed [`super::consent_hash`] (r, s, v). What either was
        /// linked to before is forgotten.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::link())]
        pub fn link(origin: OriginFor<T>, address: H160, consent: [u8; 65]) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_link(who, address, &consent)
        }

        /// Forgets the caller's link.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::unlink())]
        pub fn unlink(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_unlink(&who)
        }

        /// Lets an account hand on a Brain, or nobody any more.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::approve())]
        pub fn approve(origin: OriginFor<T>, brain: BrainId, spender: Option<AccountId32>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_approve(&who, brain, spender)
        }

        /// Lets an account act for the caller with all its Brains, or no longer.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::set_operator())]
        pub fn set_operator(origin: OriginFor<T>, operator: AccountId32, allowed: bool) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_operator(who, operator, allowed)
        }

        /// Hands on a Brain that belongs to `from`.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::transfer_from())]
        pub fn transfer_from(
            origin: OriginFor<T>,
            brain: BrainId,
            from: AccountId32,
            to: AccountId32,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_transfer_from(&who, brain, from, to)
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }
}
