//! What the calls share, what other pallets read, and the invariants.

use alloc::vec::Vec;

use based_primitives::{
    constants::{DEFAULT_REGISTRATION_FEE, MAX_MINERS, MAX_VALIDATORS},
    traits::{OnPeerRemoved, PeerCounts, RegistryInspect, SweepBrain},
    Balance, BlockNumber, BrainId, ComputeKey, Endpoint, PeerInfo, Role, Uid,
};
use frame_support::{ensure, traits::Get, weights::Weight};
use sp_runtime::traits::UniqueSaturatedInto;

use crate::{
    endpoint::is_public, weights::WeightInfo, AllowReservedEndpoints, Config, Counts, EndpointUpdated, Error,
    Event, Fees, Occupied, Pallet, Peers, Uids,
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

    /// Takes a place for a role and the lowest free uid (R148).
    pub(crate) fn admit(brain: BrainId, role: Role) -> Result<Uid, Error<T>> {
        let (limit, full) = match role {
            Role::Miner => (MAX_MINERS, Error::<T>::MinersFull),
            Role::Validator => (MAX_VALIDATORS, Error::<T>::ValidatorsFull),
        };
        let mut counts = Counts::<T>::get(brain);
        let count = counts.of(role);
        if *count >= limit {
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

    /// Removes a peer and tells the other pallets.
    pub(crate) fn remove(brain: BrainId, peer: PeerInfo<T::AccountId>) {
        let PeerInfo {
            uid, account, role, ..
        } = peer;
        Uids::<T>::remove(brain, &account);
        Peers::<T>::remove(brain, uid);
        EndpointUpdated::<T>::remove(brain, uid);
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
        let each = T::WeightInfo::leave();
        let most = limit.checked_div_per_component(&each).unwrap_or(0);
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        let mut used = Weight::zero();
        for peer in Self::peers_page(brain, 0, most) {
            Self::remove(brain, peer);
            used = used.saturating_add(each);
        }
        let empty = Occupied::<T>::get(brain).is_empty();
        if empty {
            Occupied::<T>::remove(brain);
            Counts::<T>::remove(brain);
            Fees::<T>::remove(brain);
        }
        (used.saturating_add(T::DbWeight::get().reads_writes(1, 3)), empty)
    }
}

#[cfg(any(test, feature = "try-runtime"))]
impl<T: Config> Pallet<T> {
    /// Checks the invariants named in the pallet's header.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        let mut peers = 0u64;
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
        }
        let accounts = u64::try_from(Uids::<T>::iter_keys().count()).unwrap_or(u64::MAX);
        ensure!(
            accounts == peers,
            "an account leads to a peer that does not exist"
        );
        let updated =
            crate::EndpointUpdated::<T>::iter_keys().all(|(brain, uid)| Peers::<T>::contains_key(brain, uid));
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
