//! # Registry
//!
//! The permanent memory of who mines and who validates in which Brain.
//!
//! ## Overview
//!
//! A miner or validator must be *memorized* in a Brain before it can be weighted, served or paid (R031). It
//! pays the Brain's registration fee to the owner's reward account once (R146); later changes of the fee
//! concern later registrants only (R147). A deposit for the peer's records is held from it until it leaves. A Brain
//! holds up to 256 validators and 1,792 miners (R148, R149) and refuses more, unless its owner lets newcomers take the
//! places of those who earn least (B.32). A peer is known by the address of its endpoint and the key that
//! authenticates it (R125).
//!
//! ## Terminology
//!
//! - **Peer**: a memorized miner or validator of one Brain.
//! - **Uid**: number of a peer within its Brain, the lowest that was free; it is given again after the peer
//!   left, and [`based_primitives::traits::OnPeerRemoved`] tells others to forget it.
//! - **Computekey**: ed25519 key that authenticates the endpoint and signs receipts.
//! - **Pruning**: removal of the peer of a full role that earned least in the last epoch, for a newcomer; not of peers
//!   that are **immune** because they registered less than 4,096 blocks ago.
//! - **Public address**: one that hosts of the Internet can reach; see [`endpoint`].
//!
//! ## Interface
//!
//! - [`Call::memorize`], [`Call::update_endpoint`], [`Call::leave`]: by anyone, for itself.
//! - [`Call::set_fee`], [`Call::set_pruning`]: by the Brain's owner.
//! - Peers of a Brain that closed are removed through [`based_primitives::traits::SweepBrain`].
//! - Other pallets read peers through [`based_primitives::traits::RegistryInspect`] and
//!   [`based_primitives::traits::PeerCounts`].
//!
//! ## Invariants
//!
//! - `Peers`, `Uids`, `Occupied` and `Counts` describe the same peers; an account appears once per Brain.
//! - No Brain exceeds its capacity, nor a uid 2,047.
//! - What is held from an account is the sum of the deposits of the peers that it is.
//! - Every port and computekey is non-zero; every address is public unless the network allows others.
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
pub mod endpoint;
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
    use based_primitives::{
        traits::{BrainInspect, OnPeerJoined, OnPeerRemoved, PeerIncentives},
        Balance, BlockNumber, BrainId, ComputeKey, Endpoint, PeerInfo, Resources, Role, Uid,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{Inspect, Mutate, MutateHold},
            tokens::Preservation,
        },
    };
    use frame_system::pallet_prelude::*;

    use super::{types::*, weights::WeightInfo};

    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// $BASED, in which fees are paid and deposits held.
        type Currency: Inspect<Self::AccountId, Balance = Balance>
            + Mutate<Self::AccountId>
            + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
        /// Reasons for which the runtime holds funds.
        type RuntimeHoldReason: From<HoldReason>;
        /// Brains, their owners and whether they are open.
        type Brains: BrainInspect<Self::AccountId>;
        /// What peers earned, by which they are pruned.
        type Incentives: PeerIncentives;
        /// Told when a peer joins.
        type OnPeerJoined: OnPeerJoined<Self::AccountId>;
        /// Told when a peer leaves.
        type OnPeerRemoved: OnPeerRemoved<Self::AccountId>;
        /// Blocks between two changes of an endpoint.
        #[pallet::constant]
        type EndpointCooldown: Get<BlockNumber>;
        /// Blocks after its registration in which a peer is not pruned (B.32).
        #[pallet::constant]
        type Immunity: Get<BlockNumber>;
        /// Held from a peer until it leaves.
        #[pallet::constant]
        type Deposit: Get<Balance>;
        /// Weights of the calls.
        type WeightInfo: WeightInfo;
        /// Puts state into other pallets.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: based_primitives::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why funds are held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Pays for the records of a peer.
        Peer,
    }

    /// Peers by Brain and uid.
    #[pallet::storage]
    pub type Peers<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BrainId, Twox64Concat, Uid, PeerInfo<T::AccountId>>;

    /// Uid of an account in a Brain.
    #[pallet::storage]
    pub type Uids<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BrainId, Blake2_128Concat, T::AccountId, Uid>;

    /// Number of peers of a Brain by role.
    #[pallet::storage]
    pub type Counts<T: Config> = StorageMap<_, Twox64Concat, BrainId, RoleCounts, ValueQuery>;

    /// Uids in use in a Brain.
    #[pallet::storage]
    pub type Occupied<T: Config> = StorageMap<_, Twox64Concat, BrainId, UidSet, ValueQuery>;

    /// Registration fee of a Brain, if its owner set one.
    #[pallet::storage]
    pub type Fees<T: Config> = StorageMap<_, Twox64Concat, BrainId, Balance>;

    /// Block in which a peer last changed its endpoint.
    #[pallet::storage]
    pub type EndpointUpdated<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BrainId, Twox64Concat, Uid, BlockNumber>;

    /// What is held from each peer.
    #[pallet::storage]
    pub type Deposits<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BrainId, Twox64Concat, Uid, Balance, ValueQuery>;

    /// Brains in which newcomers take the places of those who earn least (B.32).
    #[pallet::storage]
    pub type Pruning<T: Config> = StorageMap<_, Twox64Concat, BrainId, ()>;

    /// Whether endpoints may have addresses that the Internet cannot reach: on networks for tests only.
    #[pallet::storage]
    pub type AllowReservedEndpoints<T: Config> = StorageValue<_, bool, ValueQuery>;

    /// Settings that hold from the first block.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Whether private, loopback and other reserved addresses are accepted.
        pub allow_reserved_endpoints: bool,
        #[serde(skip)]
        #[doc(hidden)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            AllowReservedEndpoints::<T>::put(self.allow_reserved_endpoints);
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// An account was memorized and paid `fee` to the Brain's owner.
        Memorized {
            brain: BrainId,
            uid: Uid,
            account: T::AccountId,
            role: Role,
            fee: Balance,
        },
        /// A peer listens elsewhere or under another key.
        EndpointUpdated {
            brain: BrainId,
            uid: Uid,
            endpoint: Endpoint,
            computekey: ComputeKey,
        },
        /// A peer gave way to a newcomer; `Left` follows.
        Pruned {
            brain: BrainId,
            uid: Uid,
            account: T::AccountId,
        },
        /// A peer left; its uid is free and its deposit returned.
        Left {
            brain: BrainId,
            uid: Uid,
            account: T::AccountId,
        },
        /// The registration fee of a Brain is another for those who come later.
        FeeSet { brain: BrainId, fee: Balance },
        /// Whether newcomers take the places of those who earn least in a Brain.
        PruningSet { brain: BrainId, enabled: bool },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The Brain does not exist or admits nobody.
        BrainNotOpen,
        /// Only the Brain's owner may do this.
        NotOwner,
        /// The account is memorized in this Brain already; leave first to change the role.
        AlreadyMemorized,
        /// The account is not memorized in this Brain.
        NotMemorized,
        /// The Brain holds 1,792 miners, none of which can be pruned; wait until one leaves.
        MinersFull,
        /// The Brain holds 256 validators, none of which can be pruned; wait until one leaves.
        ValidatorsFull,
        /// The port must not be 0.
        InvalidPort,
        /// The address cannot be reached from the Internet; give a public unicast address.
        ReservedAddress,
        /// The computekey must be the ed25519 public key of the endpoint.
        InvalidComputeKey,
        /// Declare at least 1 MiB of storage.
        NoStorage,
        /// The Brain asks for more than the highest fee allowed; look at its fee and try again.
        FeeTooHigh,
        /// The endpoint changed a moment ago; wait out the cooldown.
        TooSoon,
        /// The Brain's owner admits only accounts on its list; ask to be put on it.
        NotAdmitted,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Memorizes the caller in a Brain under the lowest free uid, for the Brain's registration fee (R031,
        /// R146), unless that is above `max_fee`: an owner may raise it until the call is in a block. A deposit is held
        /// besides. In a Brain without a place the one who earned least gives way, if the owner allows it (B.32). The
        /// caller must keep the existential deposit.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::memorize().saturating_add(T::WeightInfo::prune()))]
        pub fn memorize(
            origin: OriginFor<T>,
            brain: BrainId,
            role: Role,
            endpoint: Endpoint,
            computekey: ComputeKey,
            resources: Resources,
            max_fee: Balance,
        ) -> DispatchResultWithPostInfo {
            let account = ensure_signed(origin)?;
            ensure!(T::Brains::is_open(brain), Error::<T>::BrainNotOpen);
            let owner = T::Brains::reward_account(brain).ok_or(Error::<T>::BrainNotOpen)?;
            ensure!(
                !Uids::<T>::contains_key(brain, &account),
                Error::<T>::AlreadyMemorized
            );
            ensure!(T::Brains::admits(brain, &account), Error::<T>::NotAdmitted);
            ensure!(resources.storage_mib > 0, Error::<T>::NoStorage);
            Self::ensure_reachable(&endpoint, &computekey)?;

            let fee = Self::fee_of(brain);
            ensure!(fee <= max_fee, Error::<T>::FeeTooHigh);
            if fee > 0 {
                T::Currency::transfer(&account, &owner, fee, Preservation::Preserve)?;
            }
            let deposit = T::Deposit::get();
            if deposit > 0 {
                T::Currency::hold(&HoldReason::Peer.into(), &account, deposit)?;
            }
            let pruned = Self::make_room(brain, role);
            let uid = Self::admit(brain, role)?;
            let registered_at = Self::now();
            let peer = PeerInfo {
                uid,
                account: account.clone(),
                role,
                endpoint,
                computekey,
                resources,
                registered_at,
            };
            Peers::<T>::insert(brain, uid, peer);
            Uids::<T>::insert(brain, &account, uid);
            if deposit > 0 {
                Deposits::<T>::insert(brain, uid, deposit);
            }
            T::OnPeerJoined::on_peer_joined(brain, uid, &account);
            Self::deposit_event(Event::Memorized {
                brain,
                uid,
                account,
                role,
                fee,
            });
            let unused = (!pruned).then(T::WeightInfo::memorize);
            Ok(unused.into())
        }

        /// Moves the caller's endpoint, without a fee (R147), at most once per cooldown.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::update_endpoint())]
        pub fn update_endpoint(
            origin: OriginFor<T>,
            brain: BrainId,
            endpoint: Endpoint,
            computekey: ComputeKey,
        ) -> DispatchResult {
            let account = ensure_signed(origin)?;
            let uid = Uids::<T>::get(brain, &account).ok_or(Error::<T>::NotMemorized)?;
            Self::ensure_reachable(&endpoint, &computekey)?;
            let now = Self::now();
            if let Some(last) = EndpointUpdated::<T>::get(brain, uid) {
                ensure!(
                    now >= last.saturating_add(T::EndpointCooldown::get()),
                    Error::<T>::TooSoon
                );
            }
            Peers::<T>::try_mutate(brain, uid, |slot| {
                let peer = slot.as_mut().ok_or(Error::<T>::NotMemorized)?;
                peer.endpoint = endpoint;
                peer.computekey = computekey;
                Ok::<_, Error<T>>(())
            })?;
            EndpointUpdated::<T>::insert(brain, uid, now);
            Self::deposit_event(Event::EndpointUpdated {
                brain,
                uid,
                endpoint,
                computekey,
            });
            Ok(())
        }

        /// Removes the caller from a Brain; its uid is free at once. The deposit is returned, the fee is not.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::leave())]
        pub fn leave(origin: OriginFor<T>, brain: BrainId) -> DispatchResult {
            let account = ensure_signed(origin)?;
            let uid = Uids::<T>::get(brain, &account).ok_or(Error::<T>::NotMemorized)?;
            let peer = Peers::<T>::get(brain, uid).ok_or(Error::<T>::NotMemorized)?;
            Self::remove(brain, peer);
            Ok(())
        }

        /// Sets the registration fee of a Brain for those who come later; 0 asks for none (R146, R147).
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::set_fee())]
        pub fn set_fee(origin: OriginFor<T>, brain: BrainId, fee: Balance) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(
                T::Brains::owner(brain).as_ref() == Some(&who),
                Error::<T>::NotOwner
            );
            Fees::<T>::insert(brain, fee);
            Self::deposit_event(Event::FeeSet { brain, fee });
            Ok(())
        }

        /// Lets newcomers take the places of those who earn least once all are taken, or ends that (B.32).
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::set_pruning())]
        pub fn set_pruning(origin: OriginFor<T>, brain: BrainId, enabled: bool) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(
                T::Brains::owner(brain).as_ref() == Some(&who),
                Error::<T>::NotOwner
            );
            if enabled {
                Pruning::<T>::insert(brain, ());
            } else {
                Pruning::<T>::remove(brain);
            }
            Self::deposit_event(Event::PruningSet { brain, enabled });
            Ok(())
        }
    }
}
