//! Benchmarks of the calls and of the sweep.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use based_primitives::{
    benchmarking::{new_wallet, sign_typed, BenchmarkHelper},
    constants::BASED,
    traits::{BrainInspect, SweepBrain},
    Balance, BrainId,
};
use frame_benchmarking::v2::*;
use frame_support::weights::Weight;
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use sp_core::{ecdsa, H160, H256};
use sp_runtime::{traits::Zero, AccountId32};

use crate::{consent_hash, Addresses, Approvals, Call, Config, Links, Operators, Pallet};

const BRAIN: BrainId = 100;
const FUNDS: Balance = 1_000_000 * BASED;

fn funded<T: Config>(name: &'static str) -> AccountId32 {
    let who = account(name, 0, 0);
    T::BenchmarkHelper::fund(&who, FUNDS);
    who
}

/// Address of a wallet, and its next consent to be linked to an account.
fn consent<T: Config>(wallet: &ecdsa::Public, who: &AccountId32, nonce: u32) -> (H160, [u8; 65]) {
    let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
    let hash = consent_hash(H256::from_slice(genesis.as_ref()), who, nonce);
    sign_typed(wallet, &hash).expect("this machine has the key")
}

fn link<T: Config>(wallet: &ecdsa::Public, who: &AccountId32) -> H160 {
    let (address, consent) = consent::<T>(wallet, who, 0);
    Pallet::<T>::do_link(who.clone(), address, &consent).expect("the wallet consents");
    address
}

/// An owner with a Brain.
fn owner<T: Config>() -> AccountId32 {
    let owner = funded::<T>("owner");
    T::BenchmarkHelper::open_brain(BRAIN, &owner);
    owner
}

/// An operator of an owner, whose Brain is approved for somebody.
fn operator<T: Config>(owner: &AccountId32) -> AccountId32 {
    let operator = funded::<T>("operator");
    Pallet::<T>::do_set_operator(owner.clone(), operator.clone(), true).expect("the owner can pay");
    Pallet::<T>::do_approve(owner, BRAIN, Some(funded::<T>("spender"))).expect("the owner can pay");
    operator
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// Both are linked to others.
    #[benchmark]
    fn link() {
        let (first, other) = (funded::<T>("first"), funded::<T>("other"));
        let (wallet, another) = (new_wallet(), new_wallet());
        super::link::<T>(&another, &first);
        super::link::<T>(&wallet, &other);
        let (address, consent) = consent::<T>(&wallet, &first, 1);

        #[extrinsic_call]
        _(RawOrigin::Signed(first.clone()), address, consent);

        assert_eq!(Links::<T>::get(&first), Some(address));
        assert!(!Links::<T>::contains_key(&other));
    }

    #[benchmark]
    fn unlink() {
        let who = funded::<T>("who");
        let address = super::link::<T>(&new_wallet(), &who);

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));

        assert!(!Links::<T>::contains_key(&who));
        assert_eq!(Addresses::<T>::get(address).map(|record| record.nonce), Some(1));
    }

    #[benchmark]
    fn approve() {
        let owner = owner::<T>();
        let operator = operator::<T>(&owner);
        let spender = funded::<T>("another");

        #[extrinsic_call]
        _(RawOrigin::Signed(operator), BRAIN, Some(spender.clone()));

        assert_eq!(
            Approvals::<T>::get(BRAIN).map(|approval| approval.spender),
            Some(spender)
        );
    }

    #[benchmark]
    fn set_operator() {
        let (owner, operator) = (funded::<T>("owner"), funded::<T>("operator"));

        #[extrinsic_call]
        _(RawOrigin::Signed(owner.clone()), operator.clone(), true);

        assert!(Operators::<T>::contains_key(owner, operator));
    }

    #[benchmark]
    fn transfer_from() {
        let owner = owner::<T>();
        operator::<T>(&owner);
        let (spender, to) = (funded::<T>("spender"), funded::<T>("to"));

        #[extrinsic_call]
        _(RawOrigin::Signed(spender), BRAIN, owner, to.clone());

        assert_eq!(T::Brains::owner(BRAIN), Some(to));
        assert!(!Approvals::<T>::contains_key(BRAIN));
    }

    #[benchmark]
    fn sweep() {
        operator::<T>(&owner::<T>());

        #[block]
        {
            Pallet::<T>::sweep(BRAIN, Weight::MAX);
        }

        assert!(!Approvals::<T>::contains_key(BRAIN));
    }
}
