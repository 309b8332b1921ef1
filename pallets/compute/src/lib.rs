//! # Compute
//!
//! Prices of work, and payment for it without a transaction per prompt.
//!
//! ## Overview
//!
//! A Brain's owner states prices for compute units (R138-R142). A user holds $BASED in a *spending account* and
//! reserves part of it for a miner before that miner works (F.3). For each job the spender signs a *voucher* that
//! raises the amount promised to the miner; the miner redeems the newest of each account whenever it likes, many
//! at once. Closing an account leaves miners a grace period to redeem.
//!
//! ## Terminology
//!
//! - **Spending account**: money held on its owner, to be spent by a spender's signature within a cap, until an
//!   expiry, for a purpose (R145).
//! - **Reservation**: the part of it that only one miner can take, for work in one Brain.
//! - **Voucher**: a signed promise of a cumulative amount; see [`based_primitives::payments`].
//!
//! ## Interface
//!
//! - [`Call::set_prices`]: by the Brain's owner.
//! - [`Call::open`], [`Call::top_up`], [`Call::close`]: by the account's owner. [`Call::reserve`]: by owner or
//!   spender.
//! - [`Call::redeem`]: by a miner, for itself.
//! - [`Call::finish_close`]: by anyone, after the grace period.
//!
//! ## Invariants
//!
//! - What accounts of an owner hold together equals what is on hold on the owner for this reason.
//! - An account's `reserved` is the sum of what its reservations have outstanding, its `spent` the sum of what
//!   they redeemed, and together they never exceed its cap: a reservation can always be redeemed in full.
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
    use alloc::vec::Vec;

    use based_primitives::{
        constants::MAX_REDEEM_BATCH,
        payments::SignedVoucher,
        traits::{BrainInspect, RegistryInspect},
        Balance, BlockNumber, BrainId, PriceList, Purpose, SpendingAccountId,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::fungible::{hold::Mutate as MutateHold, Inspect},
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::AccountId32;

    use super::{types::*, weights::WeightInfo};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId32, RuntimeEvent: From<Event<Self>>> {
        /// $BASED.
        type Currency: Inspect<AccountId32, Balance = Balance>
            + MutateHold<AccountId32, Reason = Self::RuntimeHoldReason>;
        /// Reasons of holds in the runtime.
        type RuntimeHoldReason: From<HoldReason>;
        /// Owners of Brains.
        type Brains: BrainInspect<AccountId32>;
        /// Miners of Brains.
        type Registry: RegistryInspect<AccountId32>;
        /// Smallest deposit that opens an account, so that accounts are not made for nothing.
        #[pallet::constant]
        type MinimumDeposit: Get<Balance>;
        /// Blocks between the closing of an account and the return of its money.
        #[pallet::constant]
        type RedemptionGrace: Get<BlockNumber>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
        /// Puts state into other pallets.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: based_primitives::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// In a spending account.
        Spending,
    }

    /// Prices of a Brain.
    #[pallet::storage]
    pub type Prices<T: Config> = StorageMap<_, Twox64Concat, BrainId, PriceList>;

    /// Spending accounts.
    #[pallet::storage]
    pub type Accounts<T: Config> =
        StorageMap<_, Twox64Concat, SpendingAccountId, SpendingAccount<AccountId32>>;

    /// Reservations by spending account and miner.
    #[pallet::storage]
    pub type Reservations<T: Config> =
        StorageDoubleMap<_, Twox64Concat, SpendingAccountId, Blake2_128Concat, AccountId32, Reservation>;

    /// Number of the next spending account.
    #[pallet::storage]
    pub type NextId<T: Config> = StorageValue<_, SpendingAccountId, ValueQuery>;

    /// Settings that hold from the first block.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Prices of Brains.
        pub prices: Vec<(BrainId, PriceList)>,
        #[serde(skip)]
        #[doc(hidden)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            for (brain, prices) in &self.prices {
                Prices::<T>::insert(brain, prices);
            }
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A Brain has new prices.
        PricesSet { brain: BrainId, prices: PriceList },
        /// A spending account was opened.
        AccountOpened {
            id: SpendingAccountId,
            owner: AccountId32,
            spender: AccountId32,
        },
        /// Money was added to an account.
        ToppedUp { id: SpendingAccountId, amount: Balance },
        /// `amount` more was reserved for a miner, `total` in all.
        Reserved {
            id: SpendingAccountId,
            miner: AccountId32,
            brain: BrainId,
            amount: Balance,
            total: Balance,
        },
        /// A miner redeemed `amount`, `cumulative` in all.
        Redeemed {
            id: SpendingAccountId,
            miner: AccountId32,
            amount: Balance,
            cumulative: Balance,
        },
        /// The voucher at `index` of a batch was skipped.
        VoucherRejected { index: u32, reason: Rejection },
        /// An account closes; miners may redeem up to and including block `until`.
        Closing {
            id: SpendingAccountId,
            until: BlockNumber,
        },
        /// An account is gone and `returned` free again.
        Closed {
            id: SpendingAccountId,
            returned: Balance,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// Only the Brain's owner may set its prices.
        NotBrainOwner,
        /// Prices need a context of at least one unit.
        InvalidPrices,
        /// There is no such spending account.
        NoAccount,
        /// Only the spending account's owner may do this.
        NotOwner,
        /// Only the spending account's owner or spender may reserve.
        NotSpender,
        /// The deposit is below the minimum.
        DepositTooSmall,
        /// The amount must not be zero.
        ZeroAmount,
        /// The expiry must lie ahead.
        InvalidExpiry,
        /// The account is closing or expired: open another.
        AccountClosed,
        /// The account is closing already.
        AlreadyClosing,
        /// The account is open or its grace period not over: close it, then wait until the block announced.
        GraceNotOver,
        /// The account does not hold that much unreserved: top it up.
        InsufficientBalance,
        /// Spent and reserved together would exceed the account's cap.
        CapExceeded,
        /// The account is not memorized as a miner of this Brain.
        NotMiner,
        /// The account reserved for this miner in another Brain.
        BrainMismatch,
        /// The account has 32 reservations: open another account.
        TooManyReservations,
        /// A number left its range.
        Overflow,
        /// No voucher given.
        NoVouchers,
        /// Nothing was paid; the first voucher is of another version.
        VoucherVersion,
        /// Nothing was paid; the first voucher is of another chain.
        VoucherGenesis,
        /// Nothing was paid; the first voucher is for another miner.
        VoucherMiner,
        /// Nothing was paid; the first voucher expired.
        VoucherExpired,
        /// Nothing was paid; the first voucher draws on no open account.
        VoucherNoAccount,
        /// Nothing was paid; the first voucher's account expired.
        VoucherAccountExpired,
        /// Nothing was paid; the first voucher's account reserved nothing for this miner.
        VoucherNoReservation,
        /// Nothing was paid; the first voucher is for another Brain than the reservation.
        VoucherBrain,
        /// Nothing was paid; the first voucher promises no more than was redeemed.
        VoucherReplayed,
        /// Nothing was paid; the first voucher promises more than was reserved.
        VoucherOverspent,
        /// Nothing was paid; the first voucher is not signed by the spender.
        VoucherSignature,
        /// Nothing was paid; the miner's account could not take the first voucher's payment.
        VoucherPayment,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets the prices of a Brain, by its owner.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::set_prices())]
        pub fn set_prices(origin: OriginFor<T>, brain: BrainId, prices: PriceList) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(
                T::Brains::owner(brain).as_ref() == Some(&who),
                Error::<T>::NotBrainOwner
            );
            ensure!(prices.context > 0, Error::<T>::InvalidPrices);
            Prices::<T>::insert(brain, prices);
            Self::deposit_event(Event::PricesSet { brain, prices });
            Ok(())
        }

        /// Opens a spending account with `deposit` of the caller's money, to be spent by `spender` up to `cap` and
        /// until block `expiry`. The event tells its number.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::open())]
        pub fn open(
            origin: OriginFor<T>,
            spender: AccountId32,
            purpose: Purpose,
            #[pallet::compact] deposit: Balance,
            #[pallet::compact] cap: Balance,
            expiry: BlockNumber,
        ) -> DispatchResult {
            let owner = ensure_signed(origin)?;
            Self::do_open(owner, spender, purpose, deposit, cap, expiry)
        }

        /// Adds money to a spending account, by its owner.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::top_up())]
        pub fn top_up(
            origin: OriginFor<T>,
            id: SpendingAccountId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_top_up(who, id, amount)
        }

        /// Reserves `amount` more for a miner of a Brain, by the account's owner or spender.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::reserve())]
        pub fn reserve(
            origin: OriginFor<T>,
            id: SpendingAccountId,
            brain: BrainId,
            miner: AccountId32,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_reserve(who, id, brain, miner, amount)
        }

        /// Redeems vouchers, by the miner that they name. One that cannot be paid is skipped with an event; if none
        /// can, the call fails with the reason of the first.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::redeem(vouchers.len() as u32))]
        pub fn redeem(
            origin: OriginFor<T>,
            vouchers: BoundedVec<SignedVoucher, ConstU32<MAX_REDEEM_BATCH>>,
        ) -> DispatchResult {
            let miner = ensure_signed(origin)?;
            Self::do_redeem(miner, &vouchers)
        }

        /// Closes a spending account, by its owner: from now on nothing can be reserved, and after the grace period
        /// [`Call::finish_close`] returns the rest.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::close())]
        pub fn close(origin: OriginFor<T>, id: SpendingAccountId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_close(who, id)
        }

        /// Returns what nobody redeemed to the owner of an account whose grace period is over, by anyone.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::finish_close())]
        pub fn finish_close(origin: OriginFor<T>, id: SpendingAccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_finish_close(id)
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
