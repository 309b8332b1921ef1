//! Benchmarks of the calls and of the sweep, in a full Brain.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::unwrap_used)]

use based_primitives::{
    benchmarking::BenchmarkHelper,
    constants::{BASED, MAX_MINERS, MAX_PEERS, MAX_VALIDATORS},
    traits::SweepBrain,
    Balance, BrainId, ComputeKey, Endpoint, IpAddress, PeerInfo, ResourceKind, Resources, Role, Uid,
};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{fungible::MutateHold, Get},
    weights::Weight,
};
use frame_system::RawOrigin;

use crate::{
    Call, Config, Counts, Deposits, EndpointUpdated, Fees, HoldReason, Occupied, Pallet, Peers, Pruning,
    RoleCounts, UidSet, Uids,
};

const BRAIN: BrainId = 100;
const FUNDS: Balance = 1_000_000 * BASED;
const COMPUTEKEY: ComputeKey = [1; 32];
const RESOURCES: Resources = Resources {
    kind: ResourceKind::Gpu,
    storage_mib: 1,
};
/// A public address of the longer kind.
const ENDPOINT: Endpoint = Endpoint {
    ip: IpAddress::V6([0x24; 16]),
    port: 4_000,
};
/// The peer that leaves, the last validator.
const LEAVER: Uid = MAX_VALIDATORS - 1;

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId {
    let who = account(name, index, 0);
    T::BenchmarkHelper::fund(&who, FUNDS);
    who
}

/// Opens the Brain and returns its owner.
fn open<T: Config>() -> T::AccountId {
    let owner = funded::<T>("owner", 0);
    T::BenchmarkHelper::open_brain(BRAIN, &owner);
    owner
}

fn add<T: Config>(uid: Uid) -> T::AccountId {
    let account: T::AccountId = account("peer", uid.into(), 0);
    let role = if uid < MAX_VALIDATORS {
        Role::Validator
    } else {
        Role::Miner
    };
    let peer = PeerInfo {
        uid,
        account: account.clone(),
        role,
        endpoint: ENDPOINT,
        computekey: COMPUTEKEY,
        resources: RESOURCES,
        registered_at: 0,
    };
    Peers::<T>::insert(BRAIN, uid, peer);
    Uids::<T>::insert(BRAIN, &account, uid);
    account
}

/// Fills the Brain, and returns the account of a validator who said as much as validators may.
fn fill<T: Config>() -> T::AccountId {
    let mut occupied = Occupied::<T>::get(BRAIN);
    for uid in (0..MAX_PEERS).filter(|uid| *uid != LEAVER) {
        add::<T>(uid);
        occupied.set(uid, true);
    }
    occupied.set(LEAVER, true);
    Occupied::<T>::insert(BRAIN, occupied);
    let full = RoleCounts {
        miners: MAX_MINERS,
        validators: MAX_VALIDATORS,
    };
    Counts::<T>::insert(BRAIN, full);
    leaver::<T>()
}

/// Adds a validator that has a deposit, changed its endpoint and said as much as validators may.
fn leaver<T: Config>() -> T::AccountId {
    let who = add::<T>(LEAVER);
    let deposit = T::Deposit::get().max(BASED);
    T::BenchmarkHelper::fund(&who, FUNDS);
    T::Currency::hold(&HoldReason::Peer.into(), &who, deposit).expect("the account was funded");
    Deposits::<T>::insert(BRAIN, LEAVER, deposit);
    EndpointUpdated::<T>::insert(BRAIN, LEAVER, 0);
    T::BenchmarkHelper::fill_validator(BRAIN, LEAVER, &who);
    who
}

/// Lets the time pass in which nobody is pruned.
fn end_immunity<T: Config>() {
    frame_system::Pallet::<T>::set_block_number((2 * T::Immunity::get()).into());
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// In a Brain with an allow-list, for a fee and a deposit, into the last place.
    #[benchmark]
    fn memorize() {
        open::<T>();
        fill::<T>();
        Counts::<T>::mutate(BRAIN, |counts| counts.miners -= 1);
        Occupied::<T>::mutate(BRAIN, |occupied| occupied.set(MAX_PEERS - 1, false));
        Fees::<T>::insert(BRAIN, BASED);
        let who = funded::<T>("newcomer", 0);
        T::BenchmarkHelper::admit(BRAIN, &who);

        #[extrinsic_call]
        _(
            RawOrigin::Signed(who.clone()),
            BRAIN,
            Role::Miner,
            ENDPOINT,
            COMPUTEKEY,
            RESOURCES,
            BASED,
        );

        assert_eq!(Uids::<T>::get(BRAIN, &who), Some(MAX_PEERS - 1));
    }

    /// Making a place among scored peers, of which the one that leaves said as much as validators may.
    #[benchmark]
    fn prune() {
        open::<T>();
        let last = fill::<T>();
        T::BenchmarkHelper::score_peers(BRAIN);
        Pruning::<T>::insert(BRAIN, ());
        end_immunity::<T>();
        // All others are immune.
        for uid in 0..LEAVER {
            Peers::<T>::mutate(BRAIN, uid, |peer| {
                peer.as_mut().unwrap().registered_at = Pallet::<T>::now();
            });
        }

        #[block]
        {
            Pallet::<T>::make_room(BRAIN, Role::Validator);
        }

        assert!(!Uids::<T>::contains_key(BRAIN, &last));
    }

    #[benchmark]
    fn update_endpoint() {
        open::<T>();
        let who = leaver::<T>();
        frame_system::Pallet::<T>::set_block_number(T::EndpointCooldown::get().into());

        #[extrinsic_call]
        _(RawOrigin::Signed(who), BRAIN, ENDPOINT, COMPUTEKEY);

        assert_eq!(
            EndpointUpdated::<T>::get(BRAIN, LEAVER),
            Some(T::EndpointCooldown::get())
        );
    }

    /// By a validator who said as much as validators may.
    #[benchmark]
    fn leave() {
        open::<T>();
        let who = fill::<T>();

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), BRAIN);

        assert!(!Uids::<T>::contains_key(BRAIN, &who));
    }

    #[benchmark]
    fn set_fee() {
        let owner = open::<T>();

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, BASED);

        assert_eq!(Fees::<T>::get(BRAIN), Some(BASED));
    }

    #[benchmark]
    fn set_pruning() {
        let owner = open::<T>();

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, true);

        assert!(Pruning::<T>::contains_key(BRAIN));
    }

    /// What a closed Brain has besides peers.
    #[benchmark]
    fn sweep() {
        open::<T>();
        Counts::<T>::insert(BRAIN, RoleCounts::default());
        Occupied::<T>::insert(BRAIN, UidSet::default());
        Fees::<T>::insert(BRAIN, BASED);
        Pruning::<T>::insert(BRAIN, ());

        #[block]
        {
            Pallet::<T>::sweep(BRAIN, Weight::MAX);
        }

        assert!(!Fees::<T>::contains_key(BRAIN));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
