//! What the calls share, what other pallets read, and the invariants.

use alloc::vec::Vec;

use based_primitives::{
    constants::{DEFAULT_REGISTRATION_FEE, MAX_MINERS, MAX_VALIDATORS},
    traits::{OnPeerRemoved, PeerCounts, PeerIncentives, RegistryInspect, SweepBrain},
    Balance, BlockNumber, BrainId, ComputeKey, Endpoint, PeerInfo, Role, Uid,
};
use frame_support::{
    ensure,
    traits::{fungible::MutateHold, tokens::Precision, Get},
    weights::Weight,
};
use sp_runtime::traits::UniqueSaturatedInto;

use crate::{
    endpoint::is_public, weights::WeightInfo, AllowReservedEndpoints, Config, Counts, Deposits,
    EndpointUpdated, Error, Event, Fees, HoldReason, Occupied, Pallet, Peers, Pruning, Uids,
};

impl<T: Config> Pallet<T> {
    /// Height of the current block.
    pub fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().unique_saturated_into()
    }

    /// Registration fee in force: the owner's, else the default of 100 $BASED (R146).
    pub fn fee_of(brain: BrainId) -> Balance {
        Fees::<T>::get(brain).unwrap_or(DEFAULT_REGISTRATION_FEE)
    }

    /// Up to `limit` peers of a Brain with uid `start` or above, ascending.
    pub fn peers_page(brain: BrainId, start: Uid, limit: u16) -> Vec<PeerInfo<T::AccountId>> {
        let occupied = Occupied::<T>::get(brain);
        let page = occupied
            .iter_from(start)
            .take(limit.into())
            .filter_map(|uid| Peers::<T>::get(brain, uid))
            .collect();
        page
    }

    /// Checks that others can connect to an endpoint and authenticate it.
    pub(crate) fn ensure_reachable(endpoint: &Endpoint, computekey: &ComputeKey) -> Result<(), Error<T>> {
        ensure!(endpoint.port != 0, Error::<T>::InvalidPort);
        ensure!(*computekey != [0; 32], Error::<T>::InvalidComputeKey);
        ensure!(
            is_public(&endpoint.ip) || AllowReservedEndpoints::<T>::get(),
            Error::<T>::ReservedAddress
        );
        Ok(())
    }

    /// Removes the peer that earned least if its Brain prunes and has no place for a role (B.32). Whether it did.
    pub(crate) fn make_room(brain: BrainId, role: Role) -> bool {
        let full = *Counts::<T>::get(brain).of(role) >= limit_of(role);
        if !full || !Pruning::<T>::contains_key(brain) {
            return false;
        }
        let Some(peer) = Self::least_earning(brain, role) else {
            return false;
        };
        Self::deposit_event(Event::Pruned {
            brain,
            uid: peer.uid,
            account: peer.account.clone(),
        });
        Self::remove(brain, peer);
        true
    }

    /// The peer of a role that earned least in the last epoch and is not immune, among equals the oldest.
    fn least_earning(brain: BrainId, role: Role) -> Option<PeerInfo<T::AccountId>> {
        let (epoch, earned) = T::Incentives::incentives(brain);
        let share = |peer: &PeerInfo<_>| {
            let place = earned.binary_search_by_key(&peer.uid, |(uid, _)| *uid).ok();
            let share = place.and_then(|place| earned.get(place)).map(|(_, share)| *share);
            share.filter(|_| peer.registered_at < epoch).unwrap_or(0)
        };
        let now = Self::now();
        let immune = |peer: &PeerInfo<_>| now < peer.registered_at.saturating_add(T::Immunity::get());
        Self::peers_page(brain, 0, u16::MAX)
            .into_iter()
            .filter(|peer| peer.role == role && !immune(peer))
            .min_by_key(|peer| (share(peer), peer.registered_at, peer.uid))
    }

    /// Takes a place for a role and the lowest free uid (R148).
    pub(crate) fn admit(brain: BrainId, role: Role) -> Result<Uid, Error<T>> {
        let full = match role {
            Role::Miner => Error::<T>::MinersFull,
            Role::Validator => Error::<T>::ValidatorsFull,
        };
        let mut counts = Counts::<T>::get(brain);
        let count = counts.of(role);
        if *count >= limit_of(role) {
            return Err(full);
        }
        *count = count.saturating_add(1);
        let mut occupied = Occupied::<T>::get(brain);
        let uid = occupied.lowest_free().ok_or(full)?;
        occupied.set(uid, true);
        Occupied::<T>::insert(brain, occupied);
        Counts::<T>::insert(brain, counts);
        Ok(uid)
    }

    /// Removes a peer, returns its deposit and tells the other pallets.
    pub(crate) fn remove(brain: BrainId, peer: PeerInfo<T::AccountId>) {
        let PeerInfo {
            uid, account, role, ..
        } = peer;
        Uids::<T>::remove(brain, &account);
        Peers::<T>::remove(brain, uid);
        EndpointUpdated::<T>::remove(brain, uid);
        let deposit = Deposits::<T>::take(brain, uid);
        let reason = HoldReason::Peer.into();
        if T::Currency::release(&reason, &account, deposit, Precision::BestEffort).is_err() {
            log::error!(target: "runtime::registry", "a deposit of Brain {brain} was not released");
        }
        Self::dismiss(brain, uid, role);
        T::OnPeerRemoved::on_peer_removed(brain, uid, &account);
        Self::deposit_event(Event::Left { brain, uid, account });
    }

    /// Frees the place and the uid of a peer.
    pub(crate) fn dismiss(brain: BrainId, uid: Uid, role: Role) {
        Counts::<T>::mutate(brain, |counts| {
            let count = counts.of(role);
            *count = count.saturating_sub(1);
        });
        Occupied::<T>::mutate(brain, |occupied| occupied.set(uid, false));
    }
}

/// Places of a Brain for a role (R148).
fn limit_of(role: Role) -> u16 {
    match role {
        Role::Miner => MAX_MINERS,
        Role::Validator => MAX_VALIDATORS,
    }
}

impl<T: Config> RegistryInspect<T::AccountId> for Pallet<T> {
    fn uid(brain: BrainId, account: &T::AccountId) -> Option<Uid> {
        Uids::<T>::get(brain, account)
    }

    fn peer(brain: BrainId, uid: Uid) -> Option<PeerInfo<T::AccountId>> {
        Peers::<T>::get(brain, uid)
    }

    fn peers(brain: BrainId) -> Vec<PeerInfo<T::AccountId>> {
        Self::peers_page(brain, 0, u16::MAX)
    }

    fn known(brain: BrainId, uids: &[Uid]) -> Vec<Uid> {
        let occupied = Occupied::<T>::get(brain);
        uids.iter()
            .copied()
            .filter(|uid| occupied.contains(*uid))
            .collect()
    }

    fn role(brain: BrainId, account: &T::AccountId) -> Option<Role> {
        Peers::<T>::get(brain, Uids::<T>::get(brain, account)?).map(|peer| peer.role)
    }

    fn computekey(brain: BrainId, account: &T::AccountId) -> Option<ComputeKey> {
        Peers::<T>::get(brain, Uids::<T>::get(brain, account)?).map(|peer| peer.computekey)
    }
}

impl<T: Config> PeerCounts for Pallet<T> {
    fn counts(brain: BrainId) -> (u16, u16) {
        let counts = Counts::<T>::get(brain);
        (counts.miners, counts.validators)
    }

    fn fee(brain: BrainId) -> Balance {
        Self::fee_of(brain)
    }
}

impl<T: Config> SweepBrain for Pallet<T> {
    /// Removes peers by ascending uid, and at the end the fee and the counts.
    fn sweep(brain: BrainId, limit: Weight) -> (Weight, bool) {
        let (each, fixed) = (T::WeightInfo::leave(), T::WeightInfo::sweep());
        let Some(rest) = limit.checked_sub(&fixed) else {
            return (Weight::zero(), false);
        };
        let most = rest.checked_div_per_component(&each).unwrap_or(0);
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        let mut used = fixed;
        for peer in Self::peers_page(brain, 0, most) {
            Self::remove(brain, peer);
            used = used.saturating_add(each);
        }
        let empty = Occupied::<T>::get(brain).is_empty();
        if empty {
            Occupied::<T>::remove(brain);
            Counts::<T>::remove(brain);
            Fees::<T>::remove(brain);
            Pruning::<T>::remove(brain);
        }
        (used, empty)
    }
}

#[cfg(any(feature = "std", feature = "try-runtime"))]
impl<T: Config> Pallet<T> {
    /// Checks the invariants named in the pallet's header.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        use alloc::collections::BTreeMap;
        use frame_support::traits::fungible::InspectHold;

        let mut peers = 0u64;
        let mut deposits = BTreeMap::<T::AccountId, Balance>::new();
        for (brain, uid, peer) in Peers::<T>::iter() {
            ensure!(peer.uid == uid, "a peer is stored under another uid");
            ensure!(
                Uids::<T>::get(brain, &peer.account) == Some(uid),
                "a peer's account does not lead to its uid"
            );
            ensure!(
                Occupied::<T>::get(brain).contains(uid),
                "a peer's uid counts as free"
            );
            ensure!(peer.resources.storage_mib > 0, "a peer without storage");
            Self::ensure_reachable(&peer.endpoint, &peer.computekey)?;
            peers = peers.saturating_add(1);
            let sum = deposits.entry(peer.account).or_default();
            *sum = sum.saturating_add(Deposits::<T>::get(brain, uid));
        }
        for (account, sum) in deposits {
            let held = T::Currency::balance_on_hold(&HoldReason::Peer.into(), &account);
            ensure!(held == sum, "deposits and what is held for them differ");
        }
        let orphaned = Deposits::<T>::iter_keys().any(|(brain, uid)| !Peers::<T>::contains_key(brain, uid));
        ensure!(!orphaned, "a deposit outlives its peer");
        let accounts = u64::try_from(Uids::<T>::iter_keys().count()).unwrap_or(u64::MAX);
        ensure!(
            accounts == peers,
            "an account leads to a peer that does not exist"
        );
        let updated =
            EndpointUpdated::<T>::iter_keys().all(|(brain, uid)| Peers::<T>::contains_key(brain, uid));
        ensure!(updated, "a change of an endpoint outlives its peer");

        let mut counted = 0u64;
        for (brain, counts) in Counts::<T>::iter() {
            ensure!(
                counts.miners <= MAX_MINERS && counts.validators <= MAX_VALIDATORS,
                "a Brain exceeds its capacity"
            );
            let miners = Peers::<T>::iter_prefix_values(brain)
                .filter(|peer| peer.role == Role::Miner)
                .count();
            ensure!(miners == usize::from(counts.miners), "miners are miscounted");
            let total = u32::from(counts.miners).saturating_add(counts.validators.into());
            ensure!(
                Occupied::<T>::get(brain).len() == total,
                "uids in use and counts differ"
            );
            counted = counted.saturating_add(total.into());
        }
        ensure!(counted == peers, "peers are miscounted");
        Ok(())
    }
}
